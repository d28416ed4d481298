//! Digests of messages that are in memory as a whole.

use crate::Digest;
use crate::block::{Edge, INITIAL, State, to_digest};
use crate::kernel::{Compress, Kernel};
use crate::lanes::{Lane, Order, Work, run};

/// The digest of one message.
///
/// Of several, [`digest_all`] is much faster.
#[must_use]
pub fn digest(message: &[u8]) -> Digest {
    digest_by(Kernel::best(), message)
}

/// The digest of each message: `digests[i]` of `messages[i]`, for all i that both have.
///
/// What one of the two has more than the other is left as it is. Any number of messages in any mix
/// of lengths: [`LANES`](crate::LANES) of them are in work at a time, and the next one takes
/// the place of one that ended. It is fastest if no message is much longer than all others together.
pub fn digest_all(messages: &[&[u8]], digests: &mut [Digest]) {
    digest_all_by(&mut Kernel::best(), messages, digests);
}

pub(crate) fn digest_by(kernel: Kernel, message: &[u8]) -> Digest {
    let (body, rest) = message.as_chunks();
    let mut state = INITIAL;
    kernel.compress_one(&mut state, body);
    let end = Edge::end_of_message(rest, message.len() as u64);
    kernel.compress_one(&mut state, end.blocks());
    to_digest(state)
}

pub(crate) fn digest_all_by(
    kernel: &mut impl Compress,
    messages: &[&[u8]],
    digests: &mut [Digest],
) {
    let both = messages.len().min(digests.len());
    let messages = &messages[..both];
    let order = Order::new(messages.iter().map(|message| message.len()));
    let mut wholes = Wholes {
        messages,
        digests: &mut digests[..both],
        order,
    };
    run(kernel, &mut wholes);
}

/// Both slices have the same length.
struct Wholes<'a, 'd> {
    messages: &'a [&'a [u8]],
    digests: &'d mut [Digest],
    order: Order,
}

impl<'a> Work<'a> for Wholes<'a, '_> {
    fn next(&mut self) -> Option<(State, Lane<'a>)> {
        let job = self.order.next()?;
        let message = self.messages[job];
        let (body, rest) = message.as_chunks();
        let lane = Lane {
            job,
            body,
            edge: Edge::end_of_message(rest, message.len() as u64),
            is_edge_first: false,
        };
        Some((INITIAL, lane))
    }

    fn done(&mut self, job: usize, state: State) {
        self.digests[job] = to_digest(state);
    }
}
