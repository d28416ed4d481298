//! What must hold at every step, and what every piece on every disk is.

use swarmlet_actors::messages::report::NodeReport;

use crate::content::Content;
use crate::node::{Node, Verdict};

/// 30: connections of a node at most, of which 12 may be links here, and others that begin or end.
const MAX_SOCKETS: usize = 30;

/// 64 MiB: what a node may take, whatever it is doing.
const MAX_HELD: u64 = 64 * 1024 * 1024;

/// One piece on the disk of one node.
#[derive(Copy, Clone, Debug, Default)]
struct Piece {
    right: bool,
    /// It was right: it must not be lost.
    safe: bool,
    /// The schedule damaged it, and it has not been right since.
    hurt: bool,
}

/// Knows every piece on every disk.
pub struct Judge {
    verdict: Verdict,
    /// By node, content and piece.
    pieces: Vec<Vec<Vec<Piece>>>,
    /// Nodes whose disk has lied: they may believe pieces to be lost that are there.
    doubtful: Vec<bool>,
    /// Some disk has lied, or rotten: a node may have sent wrong bytes in good faith.
    pub is_deceived: bool,
    /// The most connections that a node was seen with.
    pub most_sockets: usize,
    /// The most bytes of pieces that a node was seen to hold in memory.
    pub most_held: u64,
}

impl Judge {
    pub fn new(nodes: usize, contents: &[Content], verdict: Verdict) -> Self {
        let of_node: Vec<_> = contents
            .iter()
            .map(|content| vec![Piece::default(); content.pieces()])
            .collect();
        Self {
            verdict,
            pieces: vec![of_node; nodes],
            doubtful: vec![false; nodes],
            is_deceived: false,
            most_sockets: 0,
            most_held: 0,
        }
    }

    /// Something is wrong; what was found first counts.
    pub fn condemn(&self, wrong: String) {
        self.verdict.lock().unwrap().get_or_insert(wrong);
    }

    pub fn verdict(&self) -> Option<String> {
        self.verdict.lock().unwrap().clone()
    }

    /// Looks at a node's files: no piece that was right may be wrong, unless it was damaged.
    pub fn look(&mut self, node: &Node, contents: &[Content]) {
        for (number, content) in contents.iter().enumerate() {
            let file = std::fs::read(node.path(content)).unwrap_or_default();
            let right = content.right(&file);
            for (index, right) in right.into_iter().enumerate() {
                let piece = &mut self.pieces[node.number][number][index];
                piece.right = right;
                if right {
                    piece.safe = true;
                    piece.hurt = false;
                } else if piece.safe && !piece.hurt {
                    let lost = format!(
                        "node {} lost piece {index} of {}",
                        node.number, content.file
                    );
                    self.verdict.lock().unwrap().get_or_insert(lost);
                }
            }
        }
    }

    /// A node has so many connections, those included that it was not told of yet.
    pub fn count_sockets(&mut self, node: usize, open: usize) {
        self.most_sockets = self.most_sockets.max(open);
        if open > MAX_SOCKETS {
            self.condemn(format!("node {node} has {open} connections"));
        }
    }

    /// What a node says must be so: it claims no piece that was never there, and has panicked as often as
    /// it was told to.
    pub fn hear(&mut self, node: &Node, contents: &[Content], report: &NodeReport) {
        for (number, content) in contents.iter().enumerate() {
            let swarm = report.swarms.iter();
            let mut swarm = swarm.filter(|swarm| swarm.info_hash == content.info_hash());
            let Some(swarm) = swarm.next() else { continue };
            let pieces = &self.pieces[node.number][number];
            for (index, (cell, piece)) in swarm.map.cells.iter().zip(pieces).enumerate() {
                let claims = *cell == 100 && swarm.map.pieces_per_cell == 1;
                if claims && !piece.right && !piece.hurt {
                    self.condemn(format!(
                        "node {} claims piece {index} of {}, which is not there",
                        node.number, content.file
                    ));
                }
            }
            let progress = &swarm.progress;
            if progress.have > progress.pieces || progress.bytes > progress.size {
                self.condemn(format!("node {} counts {progress:?}", node.number));
            }
        }
        let held = report.held.buffers + report.held.lent;
        self.most_held = self.most_held.max(held);
        if held > MAX_HELD {
            let number = node.number;
            self.condemn(format!("node {number} holds {held} bytes of pieces"));
        }
        if report.totals.panics > node.ordered {
            let (panics, ordered) = (report.totals.panics, node.ordered);
            self.condemn(format!(
                "node {} panicked {panics} times, and was told to {ordered} times",
                node.number
            ));
        }
        if report.totals.rejected > 0 && !self.is_deceived {
            self.condemn(format!("node {} was sent wrong bytes", node.number));
        }
    }

    /// Does another disk have each of those pieces that are right on this one?
    pub fn may_lose(
        &self,
        node: usize,
        content: usize,
        pieces: impl IntoIterator<Item = usize>,
    ) -> bool {
        let elsewhere = |piece: usize| {
            let others = self.pieces.iter().zip(&self.doubtful).enumerate();
            let mut others = others.filter(|(other, (_, doubtful))| *other != node && !**doubtful);
            others.any(|(_, (of, _))| of[content][piece].right)
        };
        let mut pieces = pieces.into_iter();
        pieces.all(|piece| !self.pieces[node][content][piece].right || elsewhere(piece))
    }

    /// Its disk lies for a while.
    pub fn doubt(&mut self, node: usize) {
        self.doubtful[node] = true;
    }

    /// The schedule damages these.
    pub fn damage(&mut self, node: usize, content: usize, pieces: impl IntoIterator<Item = usize>) {
        for piece in pieces {
            self.pieces[node][content][piece].hurt = true;
        }
    }

    /// How many pieces of each content are right on a disk.
    pub fn right(&self, node: usize) -> Vec<usize> {
        let count = |pieces: &Vec<Piece>| pieces.iter().filter(|piece| piece.right).count();
        self.pieces[node].iter().map(count).collect()
    }

    /// Has every disk all of it?
    pub fn is_whole(&self) -> bool {
        let mut all = self.pieces.iter().flatten().flatten();
        all.all(|piece| piece.right)
    }
}
