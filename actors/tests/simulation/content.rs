//! What a fleet keeps: bytes, and their description.

use swarmlet_protocol::id::{InfoHash, PieceHash};
use swarmlet_protocol::metainfo::Info;

/// A content of a schedule.
#[derive(Debug)]
pub struct Content {
    pub info: Info,
    pub bytes: Vec<u8>,
    pub piece: usize,
    /// The name of its file in the folder of every node.
    pub file: String,
}

impl Content {
    /// Bytes by chance; some pieces are equal, and some are zeros.
    pub fn new(number: usize, size: usize, piece: usize, rng: &mut fastrand::Rng) -> Self {
        let mut bytes = vec![0; size];
        rng.fill(&mut bytes);
        let pieces = size.div_ceil(piece);
        if pieces > 3 && rng.u8(..4) == 0 {
            let (from, to) = (rng.usize(..pieces - 1), rng.usize(..pieces - 1));
            bytes.copy_within(from * piece..(from + 1) * piece, to * piece);
        }
        if pieces > 3 && rng.u8(..6) == 0 {
            let zeros = rng.usize(..pieces - 1);
            bytes[zeros * piece..(zeros + 1) * piece].fill(0);
        }
        let hashes: Vec<_> = bytes.chunks(piece).map(PieceHash::of).collect();
        let file = format!("content-{number}.bin");
        let info = Info::single_file(&file, size as u64, piece as u64, &hashes).unwrap();
        Self {
            info,
            bytes,
            piece,
            file,
        }
    }

    pub fn info_hash(&self) -> InfoHash {
        self.info.info_hash()
    }

    pub fn pieces(&self) -> usize {
        self.bytes.len().div_ceil(self.piece)
    }

    /// The range of a piece in the file.
    pub fn range(&self, piece: usize) -> std::ops::Range<usize> {
        piece * self.piece..((piece + 1) * self.piece).min(self.bytes.len())
    }

    /// Which pieces of that file are right.
    pub fn right(&self, file: &[u8]) -> Vec<bool> {
        let is_right = |piece| {
            let range = self.range(piece);
            file.get(range.clone()) == self.bytes.get(range)
        };
        (0..self.pieces()).map(is_right).collect()
    }
}
