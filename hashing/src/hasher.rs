//! Digests of messages that come bit by bit.

use std::fmt;

use crate::Digest;
use crate::block::{BLOCK, Block, Edge, INITIAL, State, to_digest};
use crate::kernel::{Compress, Kernel};
use crate::lanes::{Lane, Order, Work, run};

/// A message of which some is hashed. Takes a hundred bytes, whatever the length.
#[derive(Clone)]
pub struct Hasher {
    state: State,
    /// Bytes so far. The last `length % 64` of them are in `partial`, not yet in `state`.
    length: u64,
    partial: Block,
}

impl Hasher {
    /// The empty message.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: INITIAL,
            length: 0,
            partial: [0; BLOCK],
        }
    }

    /// Appends to the message. Of several messages, [`update_all`] is much faster.
    pub fn update(&mut self, part: &[u8]) {
        self.update_by(Kernel::best(), part);
    }

    /// The digest of all that was appended.
    #[must_use]
    pub fn finish(self) -> Digest {
        self.finish_by(Kernel::best())
    }

    pub(crate) fn update_by(&mut self, kernel: Kernel, part: &[u8]) {
        let (edge, body) = self.append(part);
        kernel.compress_one(&mut self.state, edge.blocks());
        kernel.compress_one(&mut self.state, body);
    }

    pub(crate) fn finish_by(mut self, kernel: Kernel) -> Digest {
        let end = Edge::end_of_message(&self.partial[..self.held()], self.length);
        kernel.compress_one(&mut self.state, end.blocks());
        to_digest(self.state)
    }

    /// Takes the part in but for its whole blocks: those are returned, and the state must be taken
    /// through them, the edge first, before anything else is done with it.
    fn append<'a>(&mut self, part: &'a [u8]) -> (Edge, &'a [Block]) {
        let held = self.held();
        // SHA-1 is not defined for messages of 2^64 bits and more.
        self.length = self.length.wrapping_add(part.len() as u64);
        let mut edge = Edge::EMPTY;
        let mut part = part;
        if held > 0 {
            let (start, after) = part.split_at(part.len().min(BLOCK - held));
            self.partial[held..held + start.len()].copy_from_slice(start);
            part = after;
            if held + start.len() < BLOCK {
                return (edge, &[]);
            }
            edge = Edge::one(self.partial);
        }
        let (body, rest) = part.as_chunks();
        self.partial[..rest.len()].copy_from_slice(rest);
        (edge, body)
    }

    /// Bytes in `partial`.
    const fn held(&self) -> usize {
        (self.length % BLOCK as u64) as usize
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher")
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// Appends to several messages: `parts[i]` to `hashers[i]`, for all i that both have.
///
/// What one of the two has more than the other is left as it is. As with
/// [`digest_all`](crate::digest_all) any number and mix of lengths will do, parts of equal length
/// are fastest, and so are parts that are whole multiples of 64 bytes.
pub fn update_all(hashers: &mut [Hasher], parts: &[&[u8]]) {
    update_all_by(&mut Kernel::best(), hashers, parts);
}

pub(crate) fn update_all_by(kernel: &mut impl Compress, hashers: &mut [Hasher], parts: &[&[u8]]) {
    let both = hashers.len().min(parts.len());
    let parts = &parts[..both];
    let order = Order::new(parts.iter().map(|part| part.len()));
    let mut streams = Streams {
        hashers: &mut hashers[..both],
        parts,
        order,
    };
    run(kernel, &mut streams);
}

/// Both slices have the same length.
struct Streams<'a, 'h> {
    hashers: &'h mut [Hasher],
    parts: &'a [&'a [u8]],
    order: Order,
}

impl<'a> Work<'a> for Streams<'a, '_> {
    fn next(&mut self) -> Option<(State, Lane<'a>)> {
        let job = self.order.next()?;
        let hasher = &mut self.hashers[job];
        let (edge, body) = hasher.append(self.parts[job]);
        let lane = Lane {
            job,
            body,
            edge,
            is_edge_first: true,
        };
        Some((hasher.state, lane))
    }

    fn done(&mut self, job: usize, state: State) {
        self.hashers[job].state = state;
    }
}
