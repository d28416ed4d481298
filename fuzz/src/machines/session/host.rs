//! What the host says.

use std::sync::Arc;

use swarmlet_protocol::extension::{PexMessage, SwarmsMessage};
use swarmlet_protocol::fuzzing;
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::session::{Input, Violation};
use swarmlet_protocol::time::Timestamp;

use super::{RENDEZVOUS, SWARM, World};
use crate::Hand;

impl World {
    pub(super) fn host_says(&mut self, kind: u8, hand: &mut Hand<'_>) -> Result<(), Violation> {
        match kind {
            160..=179 => self.grant(hand),
            180..=185 => {
                let pieces = self.pieces(hand);
                let fetched = fuzzing::leases(&self.session);
                for piece in &pieces {
                    if self.leased.remove(piece) && !fetched.contains(piece) {
                        self.taken_back.push(*piece);
                    }
                }
                self.input(Input::Cancel(pieces))
            }
            186..=189 => self.input(Input::Announce(self.pieces(hand))),
            190..=192 => self.input(Input::Withdraw(self.pieces(hand))),
            193..=195 => self.input(Input::Suggest(self.pieces(hand))),
            196..=199 => self.input(Input::Interest(hand.below(4) > 0)),
            200..=209 => self.read_blocks(hand),
            210 => self.input(Input::Choke),
            211..=213 => self.input(Input::Unchoke),
            214 => self.input(Input::Complete),
            215 => self.input(Input::Satisfied),
            216..=217 => {
                self.session.limit_upload();
                let bytes = hand.magnitude();
                self.session.allow_upload(bytes, self.now, &mut self.out);
                Ok(())
            }
            218..=219 => {
                self.session.held_up(self.now, &mut self.out);
                Ok(())
            }
            220..=222 => {
                let swarm = if hand.below(4) == 0 {
                    RENDEZVOUS
                } else {
                    SWARM
                };
                self.input(Input::Answer(swarm))
            }
            223..=225 => {
                let knows = hand.coin();
                let swarm = knows.then(|| (Arc::clone(&self.info), self.some_pieces(hand.byte())));
                self.input(Input::Welcome(swarm))
            }
            226..=228 => {
                let ours = self.some_pieces(hand.byte());
                self.input(Input::InfoLearned(Arc::clone(&self.info), ours))
            }
            229..=231 => self.input(Input::RequestMetadata(hand.below(3))),
            232..=233 => self.input(Input::SendPex(PexMessage::default())),
            234..=235 => self.input(Input::SendSwarms(SwarmsMessage::default())),
            236..=237 => {
                self.is_stuck = hand.coin();
                Ok(())
            }
            238..=245 => {
                self.later(hand.magnitude());
                Ok(())
            }
            246 => self.input(Input::Probe),
            _ => self.wake(),
        }
    }

    /// The picker leases nothing to a link that it has leased to it already.
    fn grant(&mut self, hand: &mut Hand<'_>) -> Result<(), Violation> {
        let mut pieces = self.pieces(hand);
        pieces.retain(|piece| piece.get() < self.layout().pieces() && self.leased.insert(*piece));
        match pieces.is_empty() {
            true => Ok(()),
            false => self.input(Input::Grant(pieces)),
        }
    }

    /// Does what the session asked for: reads all, some, or fails to.
    fn read_blocks(&mut self, hand: &mut Hand<'_>) -> Result<(), Violation> {
        let Some(blocks) = self.reading.take() else {
            return Ok(());
        };
        let length: u32 = blocks.iter().map(|block| block.length).sum();
        match hand.below(8) {
            0 => self.input(Input::ReadFailed(blocks)),
            1 => {
                let first = blocks.first().map_or(0, |block| block.length);
                self.input(Input::BlocksRead(blocks, vec![0; first as usize].into()))
            }
            _ => self.input(Input::BlocksRead(blocks, vec![0; length as usize].into())),
        }
    }

    fn wake(&mut self) -> Result<(), Violation> {
        let next = self.session.next_timeout();
        if next == Timestamp::NEVER {
            return Ok(());
        }
        self.now = self.now.max(next);
        let judged = self.input(Input::Wake);
        let next = self.session.next_timeout();
        assert!(next > self.now, "a timeout that is over: it spins");
        judged
    }

    fn pieces(&self, hand: &mut Hand<'_>) -> Vec<PieceIndex> {
        let count = 1 + hand.below(3);
        (0..count)
            .map(|_| PieceIndex::new(self.piece(hand)))
            .collect()
    }
}
