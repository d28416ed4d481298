//! Opening a folder: its files one after the other, and what is gathered of each.

use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::Mode;
use swarmlet_protocol::metainfo::{FileEntry, Files};

use super::super::beneath::{self, Opened};
use super::super::content::{complaint, shown};
use super::super::fresh::FreshBytes;
use super::super::parts::{Edges, Parts};
use super::super::recent::Recent;
use super::split;
use crate::files::{Identity, Look, Stamp};
use crate::maps::HashMap;

/// What is gathered while the files are opened one after the other.
pub(super) struct Opening<'a> {
    pub(super) path: &'a Path,
    pub(super) root: &'a OwnedFd,
    pub(super) is_renumbered: bool,
    /// The folder that the last file lies in: often that of the next one, too.
    pub(super) inner: Option<(&'a str, Option<OwnedFd>)>,
    pub(super) found: Vec<Option<Identity>>,
    /// Which number of the list each file has: none may have two.
    pub(super) owners: HashMap<Identity, usize>,
    pub(super) recent: Recent,
    pub(super) read_only: Option<String>,
    pub(super) fresh: FreshBytes,
    pub(super) edges: &'a Edges,
    pub(super) parts: Option<&'a Parts>,
}

impl<'a> Opening<'a> {
    /// The hidden file may be one that can only be read, too.
    pub(super) fn parts_refusal(&mut self) {
        let refusal = self.parts.and_then(|parts| Some((parts, parts.refusal()?)));
        self.read_only = refusal.map(|(parts, refusal)| {
            complaint("write", &self.path.join(parts.name()), &refusal.into())
        });
    }

    /// A file that is not selected: which one it is, if it is there as it must be. Its bytes in
    /// selected pieces go into the hidden file, unless others are there.
    pub(super) fn other(
        &mut self,
        number: usize,
        file: FileEntry<'a>,
    ) -> Result<Option<(Identity, Stamp)>, String> {
        let opened = self.look_at(file);
        let parts = self.edges.cut(number, &file);
        for part in parts {
            match (self.parts, part.edge) {
                (Some(hidden), Some(edge)) if part.is_selected => {
                    if let Some((opened, _)) = &opened {
                        let path = self.path.join(hidden.name());
                        adopt(&part.bytes, opened, hidden, edge)
                            .map_err(|error| complaint("write", &path, &error))?;
                    }
                }
                _ if opened.is_some() => {}
                _ => self
                    .fresh
                    .add(file.offset + part.bytes.start..file.offset + part.bytes.end),
            }
        }
        Ok(opened.map(|(opened, found)| {
            self.recent.put(number, Arc::new(opened));
            (found.identity, found.stamp)
        }))
    }

    /// A file that is there with the right length, and can be read.
    fn look_at(&self, file: FileEntry<'a>) -> Option<(Opened, Look)> {
        let (inner, name) = split(file.path);
        let inner = beneath::folder(self.root.as_fd(), inner, false).ok()?;
        let within = inner.as_ref();
        let within = within.map_or_else(|| self.root.as_fd(), AsFd::as_fd);
        let opened = beneath::readable(within, name).ok()?;
        let found = opened.file.look().ok()?;
        (found.length == file.length).then_some((opened, found))
    }

    /// A file that is selected: which one it is, and as of when what others write to it shows.
    pub(super) fn file(
        &mut self,
        number: usize,
        file: FileEntry<'a>,
        files: &Files,
    ) -> Result<(Identity, Stamp), String> {
        let path = self.path.join(file.path);
        let (inner, name) = split(file.path);
        if self.inner.as_ref().is_none_or(|(open, _)| *open != inner) {
            let opened = beneath::folder(self.root.as_fd(), inner, true)
                .map_err(|(at, error)| complaint("open", &self.path.join(at), &error))?;
            self.inner = Some((inner, opened));
        }
        let inner = self.inner.as_ref().and_then(|(_, open)| open.as_ref());
        let within = inner.map_or_else(|| self.root.as_fd(), AsFd::as_fd);
        // The user's umask takes away what it likes.
        let mode = Mode::from_raw_mode(if file.is_executable { 0o777 } else { 0o666 });
        let opened = beneath::file(within, name, Some(mode))
            .map_err(|error| complaint("open", &path, &error))?;
        let before = opened.file.look();
        let before = before.map_err(|error| complaint("read", &path, &error))?;
        let identity = before.identity;
        // An empty file is the same as any other.
        if file.length > 0
            && !self.is_renumbered
            && let Some(&other) = self.owners.get(&identity)
        {
            let other = files.get(other).map(|other| self.path.join(other.path));
            return Err(format!(
                "cannot open {}: it is the same file as {} (a hard link); it must be one of its own",
                shown(&path),
                shown(&other.unwrap_or_default()),
            ));
        }
        self.owners.insert(identity, number);
        let refusal = opened
            .refusal
            .map(|error| complaint("write", &path, &error.into()));
        let length = before.length;
        if length != file.length {
            if let Some(refusal) = refusal {
                return Err(refusal);
            }
            opened
                .file
                .set_len(file.length)
                .map_err(|error| complaint("resize", &path, &error))?;
        }
        let mut stamp = before.stamp;
        if length != file.length {
            stamp = self
                .resized(number, &file, length, &opened)
                .map_err(|error| complaint("write", &path, &error))?;
        }
        if self.read_only.is_none() {
            self.read_only = refusal;
        }
        self.recent.put(number, Arc::new(opened));
        Ok((identity, stamp))
    }

    /// A file had another length. If it was too short, what it lacks is zeros now, but for what was kept of
    /// it while it was not selected, and what others wrote in this moment: that is no hole.
    fn resized(
        &mut self,
        number: usize,
        file: &FileEntry<'_>,
        length: u64,
        opened: &Opened,
    ) -> io::Result<Stamp> {
        let mut lacking = Vec::new();
        for part in self
            .edges
            .cut_range(number, file, &(length.min(file.length)..file.length))
        {
            let mut is_kept = false;
            if let (Some(hidden), Some(edge)) = (self.parts, part.edge) {
                is_kept = copy_edge(&part.bytes, |bytes, at| {
                    hidden.read_at(bytes, edge + at)?;
                    let is_there = bytes.iter().any(|&byte| byte != 0);
                    if is_there {
                        opened.file.write_all_at(bytes, part.bytes.start + at)?;
                    }
                    Ok(is_there)
                })?;
            }
            if !is_kept {
                lacking.push(part.bytes);
            }
        }
        // What others write from here on shows in the times.
        let stamp = opened.file.look()?.stamp;
        for hole in lacking.into_iter().flat_map(|it| opened.file.holes(it)) {
            self.fresh
                .add(file.offset + hole.start..file.offset + hole.end);
        }
        Ok(stamp)
    }
}

/// Copies the edge of a file that is there, and not selected, to where the edge is read from;
/// unless something is there.
fn adopt(part: &Range<u64>, opened: &Opened, hidden: &Parts, edge: u64) -> io::Result<()> {
    let is_there = copy_edge(part, |bytes, at| {
        hidden.read_at(bytes, edge + at)?;
        Ok(bytes.iter().any(|&byte| byte != 0))
    })?;
    if is_there || hidden.refusal().is_some() {
        return Ok(());
    }
    copy_edge(part, |bytes, at| {
        opened.file.read_exact_at(bytes, part.start + at)?;
        hidden.write_at(bytes, edge + at)?;
        Ok(false)
    })?;
    Ok(())
}

/// Goes through an edge, which may be as long as a piece, in steps of bounded length. Says whether
/// any of them said yes.
fn copy_edge(
    part: &Range<u64>,
    mut step: impl FnMut(&mut [u8], u64) -> io::Result<bool>,
) -> io::Result<bool> {
    let length = part.end - part.start;
    let mut buffer = vec![0; length.min(EDGE_STEP) as usize];
    let mut any = false;
    let mut at = 0;
    while at < length {
        let some = EDGE_STEP.min(length - at);
        any |= step(&mut buffer[..some as usize], at)?;
        at += some;
    }
    Ok(any)
}

/// 1 MiB: so much of an edge of a file is copied at once.
const EDGE_STEP: u64 = 1024 * 1024;
