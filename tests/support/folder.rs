//! A content of several files, and its .torrent, made without the crate under test.

use std::fs;
use std::path::Path;

use sha1::{Digest, Sha1};

/// A file of the content: its path, and its bytes; padding (BEP 47) has no path.
#[derive(Clone, Debug)]
pub struct Piece {
    path: Option<String>,
    bytes: Vec<u8>,
}

/// A folder of files in the order of its torrent.
#[derive(Clone, Debug)]
pub struct Folder {
    files: Vec<Piece>,
    part_size: usize,
}

/// The name in the torrent, and so that of the folder in which other clients keep it.
pub const NAME: &str = "tree";

impl Folder {
    /// Files of all kinds: empty ones, one of a byte, many short ones in one piece, one of several
    /// MiB, odd names, and padding between some.
    pub fn usual(rng: &mut fastrand::Rng) -> Self {
        Self::in_parts(rng, 64 * 1024)
    }

    /// The same in parts of another length.
    pub fn in_parts(rng: &mut fastrand::Rng, part_size: usize) -> Self {
        let mut files = Vec::new();
        let mut add = |path: &str, length: usize| {
            let mut bytes = vec![0; length];
            rng.fill(&mut bytes);
            let path = Some(path.to_owned());
            files.push(Piece { path, bytes });
        };
        add("first/large.bin", 3_000_001);
        add("empty", 0);
        add("b/one byte", 1);
        for number in 0..200 {
            add(
                &format!("many/{}/{number}.txt", number % 7),
                number * 13 % 500,
            );
        }
        add("ä/ö ü/deep/er/x", 70_000);
        let before: usize = files.iter().map(|file| file.bytes.len()).sum();
        files.push(Piece {
            path: None,
            bytes: vec![0; before.next_multiple_of(part_size) - before],
        });
        let mut bytes = vec![0; 150_000];
        rng.fill(&mut bytes);
        files.push(Piece {
            path: Some("aligned".to_owned()),
            bytes,
        });
        Self { files, part_size }
    }

    /// The .torrent, without a tracker.
    pub fn torrent(&self) -> Vec<u8> {
        super::torrent::metainfo(&self.info(), None)
    }

    /// The info dict, bencoded.
    pub fn info(&self) -> Vec<u8> {
        let content: Vec<u8> = self
            .files
            .iter()
            .flat_map(|file| file.bytes.clone())
            .collect();
        let hashes: Vec<u8> = content
            .chunks(self.part_size)
            .flat_map(|part| Sha1::digest(part).to_vec())
            .collect();
        let mut bytes = b"d5:filesl".to_vec();
        for file in &self.files {
            let length = file.bytes.len();
            let entry = match &file.path {
                Some(path) => {
                    let names: String = path
                        .split('/')
                        .map(|name| format!("{}:{name}", name.len()))
                        .collect();
                    format!("d6:lengthi{length}e4:pathl{names}ee")
                }
                None => {
                    let name = length.to_string();
                    let path = format!("l4:.pad{}:{name}e", name.len());
                    format!("d4:attr1:p6:lengthi{length}e4:path{path}e")
                }
            };
            bytes.extend_from_slice(entry.as_bytes());
        }
        let rest = format!(
            "e4:name{}:{NAME}12:piece lengthi{}e6:pieces{}:",
            NAME.len(),
            self.part_size,
            hashes.len()
        );
        bytes.extend_from_slice(rest.as_bytes());
        bytes.extend_from_slice(&hashes);
        bytes.push(b'e');
        bytes
    }

    /// Writes all files into a folder.
    pub fn write(&self, root: &Path) {
        for (path, bytes) in self.real() {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }

    /// Writes all files, and padding under the name that it has in the torrent: to a client that
    /// does not know BEP 47 it is a file like any other.
    pub fn write_with_padding(&self, root: &Path) {
        self.write(root);
        fs::create_dir_all(root.join(".pad")).unwrap();
        for file in self.files.iter().filter(|file| file.path.is_none()) {
            let name = file.bytes.len().to_string();
            fs::write(root.join(".pad").join(name), &file.bytes).unwrap();
        }
    }

    /// Is every file there, with exactly its bytes, and nothing else?
    pub fn is_at(&self, root: &Path) -> bool {
        self.is_in(root) && count_files(root) == self.real().count()
    }

    /// Is every file there, whatever else is?
    pub fn is_in(&self, root: &Path) -> bool {
        let same = |(path, bytes): (&str, &[u8])| {
            fs::read(root.join(path)).is_ok_and(|there| there == bytes)
        };
        self.real().all(same)
    }

    /// The same, but for empty files, which may be missing: not every client creates them.
    pub fn is_in_but_for_empty_files(&self, root: &Path) -> bool {
        let same = |(path, bytes): (&str, &[u8])| match fs::read(root.join(path)) {
            Ok(there) => there == bytes,
            Err(_) => bytes.is_empty(),
        };
        self.real().all(same)
    }

    fn real(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let real = |file: &'_ Piece| file.path.is_some();
        self.files
            .iter()
            .filter(move |file| real(file))
            .map(|file| (file.path.as_deref().unwrap(), &*file.bytes))
    }
}

fn count_files(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| if path.is_dir() { count_files(&path) } else { 1 })
        .sum()
}
