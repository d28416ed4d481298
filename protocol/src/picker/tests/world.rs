//! A picker under random inputs, beside its model.

use std::time::Duration;

use proptest::prelude::*;

use super::model::Model;
use crate::bitfield::Bitfield;
use crate::id::LinkId;
use crate::layout::{Layout, PieceIndex};
use crate::picker::{Input, Output, Picker, PickerLimits};
use crate::time::Timestamp;

const LINKS: u64 = 6;

#[derive(Clone, Debug)]
pub(super) enum Step {
    Do(Input, u64),
    /// The link answers some of what it fetches: received or returned, then stored or rejected.
    Answer(LinkId, u8, u64),
    /// Time goes on to the next timeout.
    Wait,
}

pub(super) fn steps(pieces: u32) -> impl Strategy<Value = Vec<Step>> {
    let link = (0..LINKS).prop_map(LinkId);
    let piece = (0..pieces + 2).prop_map(PieceIndex::new);
    let some = prop::collection::vec(piece.clone(), 0..8);
    let many = prop::collection::vec(piece.clone(), 0..80);
    let field = prop::collection::vec(0..pieces.max(1), 0..60).prop_map(move |set| {
        let mut field = Bitfield::new(pieces);
        set.into_iter().for_each(|index| {
            field.insert(PieceIndex::new(index));
        });
        field
    });
    let selected = field.clone();
    let want = (link.clone(), 0_u64..6_000, 0_u64..200, 0_u64..20_000).prop_map(
        |(link, bytes, rtt, rate)| Input::Want {
            link,
            bytes,
            rtt: Duration::from_millis(rtt),
            rate,
        },
    );
    let input = prop_oneof![
        2 => (some.clone(), many).prop_map(|(good, bad)| Input::Checked { good, bad }),
        1 => some.clone().prop_map(Input::Stored),
        1 => (piece, link.clone()).prop_map(|(piece, link)| Input::Rejected { piece, link }),
        1 => some.clone().prop_map(Input::Unstored),
        5 => link.clone().prop_map(|link| Input::LinkOpened { link }),
        1 => link.clone().prop_map(|link| Input::LinkClosed { link }),
        4 => (link.clone(), some.clone()).prop_map(|(link, pieces)| Input::PeerHas { link, pieces }),
        3 => (link.clone(), field)
            .prop_map(|(link, pieces)| Input::PeerHasBitfield { link, pieces }),
        2 => link.clone().prop_map(|link| Input::PeerHasAll { link }),
        1 => (link.clone(), some.clone())
            .prop_map(|(link, pieces)| Input::PeerSuggests { link, pieces }),
        1 => (link.clone(), some.clone())
            .prop_map(|(link, pieces)| Input::PeerLacks { link, pieces }),
        9 => want,
        1 => (link.clone(), some.clone())
            .prop_map(|(link, pieces)| Input::Returned { link, pieces }),
        1 => (link.clone(), some).prop_map(|(link, pieces)| Input::Received { link, pieces }),
        1 => link.clone().prop_map(|link| Input::Progress { link }),
        1 => selected.prop_map(Input::Select),
        3 => demand(pieces).prop_map(Input::Demand),
        1 => prop_oneof![Just(Input::Pause), Just(Input::Resume), Just(Input::Resume)],
        1 => (50_u64..3_000).prop_map(Input::SetMemory),
        1 => Just(Input::Tick),
    ];
    let step = prop_oneof![
        10 => (input, 0_u64..300).prop_map(|(input, millis)| Step::Do(input, millis)),
        4 => (link, any::<u8>(), 0_u64..300).prop_map(|(l, how, t)| Step::Answer(l, how, t)),
        2 => Just(Step::Wait),
    ];
    prop::collection::vec(step, 1..120)
}

/// What somebody might demand, who may name what is not there.
pub(super) fn demand(pieces: u32) -> impl Strategy<Value = Vec<PieceIndex>> {
    let piece = (0..pieces + 2).prop_map(PieceIndex::new);
    let run = (0..pieces, 0_u32..20).prop_map(|(from, length)| {
        let run = from..from + length;
        run.map(PieceIndex::new).collect()
    });
    prop_oneof![
        2 => prop::collection::vec(piece, 0..12),
        2 => run,
        1 => Just(Vec::new()),
    ]
}

pub(super) struct World {
    pub(super) picker: Picker,
    pub(super) model: Model,
    pub(super) now: Timestamp,
    /// All that the picker ever said.
    pub(super) told: Vec<Output>,
}

impl World {
    /// Nothing is known yet.
    pub(super) fn new(layout: Layout, limits: PickerLimits, seed: u64) -> Self {
        Self {
            picker: Picker::new(layout, limits, seed),
            model: Model::new(layout, limits),
            now: Timestamp::ZERO,
            told: Vec::new(),
        }
    }

    pub(super) fn handle(&mut self, input: Input) {
        let mut out = Vec::new();
        self.picker.handle(input.clone(), self.now, &mut out);
        let gained = self.model.take_in(&input);
        self.model.follow(&out, &gained);
        self.model.compare(&self.picker);
        self.picker.audit();
        let next = self.picker.next_timeout();
        assert!(
            next.is_none_or(|next| next > self.now),
            "a timeout that is over"
        );
        self.told.extend(out);
    }

    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Do(input, millis) => {
                self.now = self.now + Duration::from_millis(millis);
                self.handle(input);
            }
            Step::Answer(link, how, millis) => {
                self.now = self.now + Duration::from_millis(millis);
                let Some(peer) = self.model.peers.get(&link) else {
                    return;
                };
                let some = 1 + usize::from(how / 8) % 8;
                let pieces: Vec<_> = peer.fetching.iter().copied().take(some).collect();
                if how % 8 == 0 {
                    return self.handle(Input::Returned { link, pieces });
                }
                self.handle(Input::Received {
                    link,
                    pieces: pieces.clone(),
                });
                match how % 8 {
                    1 => pieces
                        .into_iter()
                        .for_each(|piece| self.handle(Input::Rejected { piece, link })),
                    2 => self.handle(Input::Unstored(pieces)),
                    3 => {}
                    _ => self.handle(Input::Stored(pieces)),
                }
            }
            Step::Wait => {
                if let Some(next) = self.picker.next_timeout() {
                    self.now = self.now.max(next);
                }
                self.handle(Input::Tick);
            }
        }
    }
}
