//! What a swarm of these tests is about: a file or a folder, as each kind of client keeps it.

use std::fs;
use std::path::{Path, PathBuf};

use sha1::{Digest, Sha1};

use crate::support::content::{Content, hex};
use crate::support::folder::{self, Folder};
use crate::support::judge::right_parts;
use crate::support::plan::Initial;
use crate::support::torrent;

/// Some MiB: enough to be in the middle of it for a while, and soon done.
const SIZE: usize = 3_000_001;

/// Who has what at the beginning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Has {
    /// Everything.
    All,
    /// No file at all.
    Nothing,
    /// A file of the right size, in which the parts are right whose number leaves this remainder
    /// when it is divided by two.
    Half(usize),
}

/// A content and its info dict.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    info: Vec<u8>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    File(Content),
    Folder(Folder),
}

impl Payload {
    /// A file in parts of a usual length, the last one short.
    pub(crate) fn file(rng: &mut fastrand::Rng) -> Self {
        Self::of_file(Content::random(rng, SIZE, 64 * 1024))
    }

    /// A file in parts whose length is no power of two, and no multiple of a block.
    pub(crate) fn odd_file(rng: &mut fastrand::Rng) -> Self {
        Self::of_file(Content::random(rng, SIZE, 50_000))
    }

    fn of_file(content: Content) -> Self {
        Self {
            info: torrent::info(&content),
            kind: Kind::File(content),
        }
    }

    /// Files of all kinds below a folder.
    pub(crate) fn folder(rng: &mut fastrand::Rng) -> Self {
        let folder = Folder::usual(rng);
        Self {
            info: folder.info(),
            kind: Kind::Folder(folder),
        }
    }

    /// The same as a private torrent (BEP 27).
    pub(crate) fn private(mut self) -> Self {
        self.info = torrent::private(&self.info);
        self
    }

    /// The .torrent, with one tracker if there is to be one.
    pub(crate) fn torrent(&self, tracker: Option<&str>) -> Vec<u8> {
        torrent::metainfo(&self.info, tracker)
    }

    pub(crate) fn info_hash(&self) -> String {
        hex(&Sha1::digest(&self.info))
    }

    /// Where it lies when a client of another kind keeps it in a folder for downloads.
    pub(crate) fn path_below(&self, folder: &Path) -> PathBuf {
        folder.join(match &self.kind {
            Kind::File(_) => "data.bin",
            Kind::Folder(_) => folder::NAME,
        })
    }

    /// Writes what somebody has, to its place.
    pub(crate) fn write(&self, has: Has, place: &Path, with_padding: bool) {
        match (&self.kind, has) {
            (_, Has::Nothing) => {}
            (Kind::File(content), Has::All) => fs::write(place, content.bytes()).unwrap(),
            (Kind::File(content), Has::Half(remainder)) => {
                let parts = 0..content.hashes().len();
                let right = parts.map(|part| part % 2 == remainder).collect();
                let seed = remainder as u64;
                let half = Initial::Scattered { right, seed };
                half.write(content, place).unwrap();
            }
            (Kind::Folder(folder), Has::All) if with_padding => folder.write_with_padding(place),
            (Kind::Folder(folder), Has::All) => folder.write(place),
            (Kind::Folder(_), Has::Half(_)) => panic!("half of a folder is not made"),
        }
    }

    /// Is it there, and nothing else?
    pub(crate) fn is_exactly_at(&self, place: &Path) -> bool {
        match &self.kind {
            Kind::File(content) => is(content, place),
            Kind::Folder(folder) => folder.is_at(place),
        }
    }

    /// Is every byte of it there, as other clients keep it? To some of them padding is a file like
    /// any other, and Transmission creates no empty files.
    pub(crate) fn is_at(&self, place: &Path) -> bool {
        match &self.kind {
            Kind::File(content) => is(content, place),
            Kind::Folder(folder) => folder.is_in_but_for_empty_files(place),
        }
    }

    /// How much of a file is right there, in hundredths.
    pub(crate) fn percent_at(&self, place: &Path) -> usize {
        let Kind::File(content) = &self.kind else {
            panic!("only of files it is said how much is there");
        };
        let right = right_parts(place, content);
        right.iter().filter(|part| **part).count() * 100 / right.len()
    }
}

fn is(content: &Content, place: &Path) -> bool {
    fs::read(place).is_ok_and(|bytes| bytes == content.bytes())
}
