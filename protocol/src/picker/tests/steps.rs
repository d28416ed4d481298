//! What may happen to a picker, as strategies.

use std::time::Duration;

use proptest::prelude::*;

use crate::bitfield::Bitfield;
use crate::id::LinkId;
use crate::layout::PieceIndex;
use crate::picker::Input;
use crate::picker::judge::Step;

const LINKS: u64 = 6;

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
