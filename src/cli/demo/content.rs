//! The file of the demo: made from a seed, part by part, so that it is never held in memory.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use swarmlet_protocol::id::PieceHash;
use swarmlet_protocol::layout::{Layout, PieceIndex};

/// 16 bytes: enough to tell a part of random bytes from rubbish, almost always.
pub(super) const PREFIX: usize = 16;

/// What every node is to have in the end.
pub(super) struct Content {
    seed: u64,
    layout: Layout,
    prefixes: Vec<[u8; PREFIX]>,
}

impl Content {
    /// The content of that size that belongs to the seed.
    pub(super) fn new(seed: u64, layout: Layout) -> Self {
        let mut content = Self {
            seed,
            layout,
            prefixes: Vec::new(),
        };
        content.prefixes = layout
            .all_pieces()
            .map(|piece| {
                let mut prefix = [0; PREFIX];
                content.generator(piece).fill(&mut prefix);
                prefix
            })
            .collect();
        content
    }

    /// How it is cut.
    pub(super) const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The bytes of a part.
    pub(super) fn part(&self, piece: PieceIndex) -> Vec<u8> {
        let mut bytes = vec![0; self.layout.length(piece) as usize];
        self.generator(piece).fill(&mut bytes);
        bytes
    }

    /// The first bytes of a part: all of them if it is shorter than [`PREFIX`].
    pub(super) fn prefix(&self, piece: PieceIndex) -> &[u8] {
        let length = PREFIX.min(self.layout.length(piece) as usize);
        self.prefixes
            .get(piece.as_usize())
            .and_then(|prefix| prefix.get(..length))
            .unwrap_or_default()
    }

    /// The digests of all parts. Fails between two of them if `stop` says so.
    pub(super) fn hashes(&self, stop: &dyn Fn() -> bool) -> io::Result<Vec<PieceHash>> {
        let parts = self.layout.all_pieces();
        parts
            .map(|piece| {
                go_on(stop)?;
                Ok(PieceHash::of(&self.part(piece)))
            })
            .collect()
    }

    /// Writes one file per path: each part is right in exactly one of them, chosen by `rng`, and
    /// rubbish in the others. A file may end too early or too late. Fails between two parts if
    /// `stop` says so.
    pub(super) fn scatter(
        &self,
        paths: &[impl AsRef<Path>],
        rng: &mut fastrand::Rng,
        stop: &dyn Fn() -> bool,
    ) -> io::Result<()> {
        let mut files = Vec::new();
        for path in paths {
            if let Some(folder) = path.as_ref().parent() {
                fs::create_dir_all(folder)?;
            }
            files.push(BufWriter::with_capacity(1 << 20, File::create(path)?));
        }
        let mut last_right = vec![0; files.len()];
        for piece in self.layout.all_pieces() {
            let holder = rng.usize(..files.len());
            let right = self.part(piece);
            let mut rubbish = vec![0; right.len()];
            for (number, file) in files.iter_mut().enumerate() {
                go_on(stop)?;
                if number == holder {
                    file.write_all(&right)?;
                    last_right[number] = self.layout.offset(piece) + right.len() as u64;
                } else {
                    rng.fill(&mut rubbish);
                    // One byte is surely wrong, even in a part of a single byte.
                    if let (Some(wrong), Some(byte)) = (rubbish.first_mut(), right.first()) {
                        *wrong = byte.wrapping_add(1);
                    }
                    file.write_all(&rubbish)?;
                }
            }
        }
        for (file, &kept) in files.iter_mut().zip(&last_right) {
            file.flush()?;
            let size = self.layout.size();
            // Nothing right is cut off.
            let odd = rng.u64(kept..=size.saturating_add(u64::from(self.layout.piece_length())));
            if rng.bool() {
                file.get_ref().set_len(odd)?;
            }
        }
        Ok(())
    }

    /// Numbers that differ from part to part. The multiplier (of splitmix64) keeps neighbours'
    /// seeds apart.
    fn generator(&self, piece: PieceIndex) -> fastrand::Rng {
        let place = u64::from(piece.get()).wrapping_add(1);
        fastrand::Rng::with_seed(self.seed ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

/// An error if it is time to stop.
fn go_on(stop: &dyn Fn() -> bool) -> io::Result<()> {
    if stop() {
        return Err(io::ErrorKind::Interrupted.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::judge::Judge;

    #[test]
    fn a_part_is_the_same_each_time_and_differs_from_others() {
        let content = Content::new(7, Layout::new(1_000, 300).unwrap());
        let parts: Vec<Vec<u8>> = content
            .layout()
            .all_pieces()
            .map(|piece| content.part(piece))
            .collect();
        assert_eq!(parts[0], content.part(PieceIndex::new(0)));
        assert_ne!(parts[0], parts[1]);
        assert_eq!(parts[3].len(), 100);
        assert_eq!(content.prefix(PieceIndex::new(1)), &parts[1][..PREFIX]);
    }

    #[test]
    fn whoever_makes_the_files_stops_when_told() {
        let root = tempfile::tempdir().unwrap();
        let content = Content::new(3, Layout::new(10_000, 100).unwrap());
        let asked = std::cell::Cell::new(0);
        let stop = || asked.replace(asked.get() + 1) == 3;
        assert!(content.hashes(&stop).is_err());
        assert_eq!(asked.replace(0), 4, "it stopped at once");
        let path = root.path().join("data.bin");
        let rng = &mut fastrand::Rng::with_seed(1);
        assert!(content.scatter(&[&path], rng, &stop).is_err());
        assert_eq!(asked.get(), 4, "it stopped at once");
        assert_eq!(fs::metadata(path).unwrap().len(), 300);
    }

    #[test]
    fn each_part_is_right_in_exactly_one_file() {
        for (size, part_size) in [(0, 1), (1, 1), (50, 1), (10_000, 300)] {
            let root = tempfile::tempdir().unwrap();
            let content = Content::new(3, Layout::new(size, part_size).unwrap());
            let paths: Vec<_> = (0..4)
                .map(|node| root.path().join(format!("{node}/data.bin")))
                .collect();
            content
                .scatter(&paths, &mut fastrand::Rng::with_seed(size), &|| false)
                .unwrap();
            let right: u32 = paths
                .iter()
                .map(|path| {
                    let mut judge = Judge::new(path.clone(), content.layout());
                    judge.look(&content);
                    judge.right()
                })
                .sum();
            assert_eq!(right, content.layout().pieces());
        }
    }
}
