//! Pieces that were announced and are lost, on either side (BEP 54).

use super::rig::*;
use crate::extension::{DONT_HAVE_ID, ExtensionHandshake, encode_dont_have};
use crate::session::{CHATTER_BURST, CloseReason, Input, Output, PeerHave, Violation};
use crate::wire::Message;

/// The peer's number for the word.
const THEIR_ID: u8 = 77;

fn dont_have(piece: u32) -> Message {
    extended(DONT_HAVE_ID, encode_dont_have(piece).to_vec())
}

/// A link on which both have all of ten pieces, with a peer that can be told, or not.
fn between_seeds(understands: bool) -> Rig {
    let mut rig = Rig::greeted(true, true);
    let all: Vec<_> = (0..10).collect();
    rig.input(Input::Welcome(Some((info(1_000, 100), bits(10, &all)))));
    rig.greet(&ExtensionHandshake {
        dont_have_id: understands.then_some(THEIR_ID),
        swarms_id: Some(3),
        upload_only: Some(true),
        ..Default::default()
    });
    rig.said();
    rig.outputs();
    rig
}

#[test]
fn a_peer_that_understands_is_told_what_is_lost_and_that_we_are_not_done() {
    let mut rig = between_seeds(true);
    rig.input(Input::Withdraw(indices(&[3, 7])));
    let said = rig.said();
    let told = |piece| Said::Message(extended(THEIR_ID, encode_dont_have(piece).to_vec()));
    assert_eq!(said[..2], [told(3), told(7)]);
    let Some(Said::Message(Message::Extended { id: 0, payload })) = said.last() else {
        panic!("{said:?}");
    };
    let word = ExtensionHandshake::decode(payload).unwrap();
    assert_eq!(word.upload_only, Some(false));
    assert_eq!(rig.outputs(), []);
    // Nothing is said twice.
    rig.input(Input::Withdraw(indices(&[7])));
    assert_eq!(rig.said(), []);
    // And when it is back the peer hears of it in one word again.
    rig.input(Input::Complete);
    assert_eq!(rig.said().len(), 1);
}

#[test]
fn a_peer_that_does_not_understand_has_to_begin_anew() {
    let mut rig = between_seeds(false);
    rig.input(Input::Withdraw(indices(&[3])));
    assert_eq!(rig.outputs(), [Output::Close(CloseReason::Withdrew)]);
}

#[test]
fn what_waits_of_a_lost_piece_is_refused_and_the_rest_is_served() {
    let mut rig = between_seeds(true);
    for piece in [1, 3, 2] {
        rig.say(Message::Request(raw(piece, 0, 50))).unwrap();
    }
    // The first is being read.
    rig.input(Input::Withdraw(indices(&[3])));
    let reject = Said::Message(Message::RejectRequest(raw(3, 0, 50)));
    assert!(rig.said().contains(&reject));
    let first = rig.outputs().into_iter().find_map(|output| match output {
        Output::Read(blocks) => Some(blocks),
        _ => None,
    });
    rig.input(Input::BlocksRead(first.unwrap(), vec![0; 50].into()));
    let rest = rig.outputs();
    let Some(Output::Read(rest)) = rest.last() else {
        panic!("{rest:?}");
    };
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].piece.get(), 2);
}

#[test]
fn a_read_that_fails_costs_the_first_piece_only() {
    let mut rig = between_seeds(true);
    for (piece, begin) in [(1, 0), (3, 0), (3, 50), (2, 0)] {
        rig.say(Message::Request(raw(piece, begin, 50))).unwrap();
    }
    let mut first = rig.outputs();
    first.retain(|output| matches!(output, Output::Read(_)));
    let [Output::Read(first)] = &first[..] else {
        panic!("{first:?}");
    };
    rig.input(Input::BlocksRead(first.clone(), vec![0; 50].into()));
    rig.said();
    let outputs = rig.outputs();
    let Some(Output::Read(rest)) = outputs.last() else {
        panic!("{outputs:?}");
    };
    rig.input(Input::ReadFailed(rest.clone()));
    let mut said = rig.said();
    said.sort_by_key(|said| format!("{said:?}"));
    let reject = |begin| Said::Message(Message::RejectRequest(raw(3, begin, 50)));
    assert_eq!(said, [reject(0), reject(50)]);
    let outputs = rig.outputs();
    let Some(Output::Read(rest)) = outputs.last() else {
        panic!("{outputs:?}");
    };
    assert_eq!(rest[0].piece.get(), 2);
}

#[test]
fn what_was_refused_is_withdrawn_all_the_same() {
    for understands in [true, false] {
        let mut rig = between_seeds(understands);
        rig.say(Message::Request(raw(3, 0, 50))).unwrap();
        let read = rig.outputs().into_iter().find_map(|output| match output {
            Output::Read(blocks) => Some(blocks),
            _ => None,
        });
        rig.input(Input::ReadFailed(read.unwrap()));
        rig.said();
        rig.input(Input::Withdraw(indices(&[3])));
        let told = Said::Message(extended(THEIR_ID, encode_dont_have(3).to_vec()));
        assert_eq!(rig.said().contains(&told), understands);
        let close = Output::Close(CloseReason::Withdrew);
        assert_eq!(rig.outputs().contains(&close), !understands);
    }
}

#[test]
fn a_peer_may_withdraw_everything_it_has_and_a_late_have_all_brings_what_is_news() {
    let pieces = 3 * CHATTER_BURST;
    let mut rig = Rig::greeted(true, true);
    let swarm = (info(u64::from(pieces), 1), bits(pieces, &[]));
    rig.input(Input::Welcome(Some(swarm)));
    rig.greet(&ExtensionHandshake::default());
    rig.say(Message::HaveAll).unwrap();
    for piece in 0..pieces {
        rig.say(dont_have(piece)).unwrap();
    }
    assert_eq!(rig.session.standing().peer_has, 0);
    rig.outputs();
    rig.say(Message::Have(7)).unwrap();
    rig.outputs();
    rig.say(Message::HaveAll).unwrap();
    let outputs = rig.outputs();
    let Some(Output::PeerHas(PeerHave::More(news))) = outputs.first() else {
        panic!("{:?}", outputs.first());
    };
    assert_eq!(news.len() as u32, pieces - 1);
}

#[test]
fn what_the_peer_lost_is_told_to_the_host_and_it_is_not_complete_any_more() {
    let mut rig = Rig::greeted(true, true);
    rig.input(Input::Welcome(Some((info(1_000, 100), bits(10, &[])))));
    rig.greet(&ExtensionHandshake::default());
    rig.say(Message::HaveAll).unwrap();
    assert!(rig.outputs().contains(&Output::PeerComplete));
    let words = [encoded(&dont_have(3)), encoded(&dont_have(7))].concat();
    rig.hear(&words).unwrap();
    let outputs = rig.outputs();
    assert!(outputs.contains(&Output::PeerIncomplete), "{outputs:?}");
    let lost = outputs.iter().filter_map(|output| match output {
        Output::PeerLacks(pieces) => Some(pieces.clone()),
        _ => None,
    });
    assert_eq!(lost.flatten().collect::<Vec<_>>(), indices(&[3, 7]));
    assert_eq!(rig.session.standing().peer_has, 8);
    rig.say(dont_have(3)).unwrap();
    assert_eq!(rig.outputs(), [], "it is known");
    for piece in [3, 7] {
        rig.say(Message::Have(piece)).unwrap();
    }
    assert!(rig.outputs().contains(&Output::PeerComplete));
}

#[test]
fn the_order_of_having_and_losing_in_one_read_is_kept() {
    let mut rig = Rig::greeted(true, true);
    rig.input(Input::Welcome(Some((info(1_000, 100), bits(10, &[])))));
    rig.greet(&ExtensionHandshake::default());
    rig.outputs();
    let words = [
        Message::Have(5),
        dont_have(5),
        Message::Have(5),
        Message::Have(6),
        dont_have(6),
    ];
    rig.hear(&words.map(|word| encoded(&word)).concat())
        .unwrap();
    let mut has = bits(10, &[]);
    for output in rig.outputs() {
        match output {
            Output::PeerHas(PeerHave::More(pieces)) => pieces.iter().for_each(|&piece| {
                has.insert(piece);
            }),
            Output::PeerLacks(pieces) => pieces.iter().for_each(|&piece| {
                has.remove(piece);
            }),
            _ => {}
        }
    }
    assert_eq!(has, bits(10, &[5]));
}

#[test]
fn what_was_lost_before_the_content_was_known_counts() {
    let mut rig = Rig::greeted(true, true);
    rig.input(Input::Welcome(None));
    rig.greet(&ExtensionHandshake::default());
    rig.say(Message::HaveAll).unwrap();
    for piece in [2, 4] {
        rig.say(dont_have(piece)).unwrap();
    }
    rig.say(Message::Have(4)).unwrap();
    rig.input(Input::InfoLearned(info(1_000, 100), bits(10, &[])));
    assert_eq!(rig.session.standing().peer_has, 9);
}

#[test]
fn pieces_that_do_not_exist_and_words_without_end_are_no_losses() {
    let mut rig = between_seeds(true);
    let violation = rig.say(dont_have(10)).unwrap_err();
    let (piece, pieces) = (10, 10);
    assert_eq!(violation, Violation::HaveOutOfRange { piece, pieces });
    let mut rig = between_seeds(true);
    let violation = rig.say(extended(DONT_HAVE_ID, &b"abc"[..])).unwrap_err();
    assert!(matches!(violation, Violation::Extension(_)), "{violation}");
    let mut rig = between_seeds(true);
    let flood = (0..2 * CHATTER_BURST).find_map(|_| rig.say(dont_have(1)).err());
    assert_eq!(flood, Some(Violation::Chatter(CHATTER_BURST)));
}
