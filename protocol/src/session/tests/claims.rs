//! What the peer says of its pieces, before and after the layout is known.

use bytes::Bytes;

use super::rig::*;
use crate::bitfield::BitfieldError;
use crate::extension::ExtensionHandshake;
use crate::session::{CHATTER_BURST, Input, Output, PeerHave, STRIKES, Verdict, Violation};
use crate::wire::{FrameError, Message};

fn bitfield(pieces: u32, set: &[u32]) -> Message {
    Message::Bitfield(Bytes::copy_from_slice(bits(pieces, set).as_wire()))
}

fn more(pieces: &[u32]) -> Output {
    Output::PeerHas(PeerHave::More(indices(pieces)))
}

/// The outputs of these words on a link whose content is known before, or only after them.
fn claim(words: &[Message], early: bool) -> Result<Vec<Output>, Violation> {
    let info = info(1_000, 100);
    let mut rig = Rig::greeted(true, false);
    let swarm = (!early).then(|| (info.clone(), bits(10, &[])));
    rig.try_input(Input::Welcome(swarm))?;
    rig.outputs();
    let bytes: Vec<u8> = words.iter().flat_map(encoded).collect();
    rig.hear(&bytes)?;
    rig.try_input(Input::InfoLearned(info, bits(10, &[])))?;
    Ok(rig.outputs())
}

#[test]
fn claims_mean_the_same_before_and_after_the_layout_is_known() {
    let all = Output::PeerHas(PeerHave::All);
    let only = |set: &[u32]| Output::PeerHas(PeerHave::Only(bits(10, set)));
    let rest: Vec<_> = (0..9).map(Message::Have).collect();
    let nearly = [vec![bitfield(10, &[9])], rest].concat();
    for early in [false, true] {
        for (words, expected) in [
            (
                vec![Message::HaveAll],
                vec![all.clone(), Output::PeerComplete],
            ),
            (vec![Message::HaveNone], vec![]),
            (vec![bitfield(10, &[1, 9])], vec![only(&[1, 9])]),
            (
                vec![Message::HaveNone, Message::Have(3), Message::Have(3)],
                vec![more(&[3])],
            ),
            (
                vec![bitfield(10, &[1]), Message::Have(1), Message::Have(2)],
                vec![only(&[1]), more(&[2])],
            ),
            (
                nearly.clone(),
                vec![
                    only(&[9]),
                    more(&[0, 1, 2, 3, 4, 5, 6, 7, 8]),
                    Output::PeerComplete,
                ],
            ),
            (
                vec![Message::Choke, Message::Interested, Message::Port(1)],
                vec![],
            ),
            (
                // Advice about pieces that do not exist is none.
                [4, 10, 2].map(Message::SuggestPiece).to_vec(),
                vec![Output::PeerSuggests(indices(&[4, 2]))],
            ),
        ] {
            assert_eq!(
                claim(&words, early),
                Ok(expected),
                "{words:?} early: {early}"
            );
        }
    }
}

#[test]
fn haves_of_one_read_are_told_together() {
    let mut rig = Rig::open(&info(1_000, 1), &[], true);
    let bytes: Vec<u8> = (0..500)
        .flat_map(|piece| encoded(&Message::Have(piece)))
        .collect();
    rig.hear(&bytes).unwrap();
    assert_eq!(rig.outputs(), [more(&(0..500).collect::<Vec<_>>())]);
}

#[test]
fn a_claim_that_does_not_fit_the_content_closes_the_link() {
    for early in [false, true] {
        let violation = claim(&[Message::Have(10)], early).unwrap_err();
        let expected = Violation::HaveOutOfRange {
            piece: 10,
            pieces: 10,
        };
        assert_eq!((violation.verdict(), violation), (Verdict::Close, expected));

        let short = Message::Bitfield(Bytes::from_static(&[0]));
        let violation = claim(&[short], early).unwrap_err();
        assert!(matches!(
            violation,
            Violation::Bitfield(BitfieldError::Length { .. })
        ));
        assert_eq!(violation.verdict(), Verdict::Close);

        let spare = Message::Bitfield(Bytes::from_static(&[0, 1]));
        let violation = claim(&[spare], early).unwrap_err();
        assert!(matches!(violation, Violation::Bitfield(_)), "{violation:?}");
    }
    let long = Message::Bitfield(Bytes::from_static(&[0; 3]));
    let violation = claim(std::slice::from_ref(&long), false).unwrap_err();
    assert!(matches!(
        violation,
        Violation::Frame(FrameError::TooLong { .. })
    ));
    assert_eq!(violation.verdict(), Verdict::Ban);
    assert!(matches!(claim(&[long], true), Err(Violation::Bitfield(_))));
}

/// The pieces that the host knows of after these words.
fn known(words: &[Message], early: bool) -> Vec<u32> {
    let mut known = std::collections::BTreeSet::new();
    for output in claim(words, early).unwrap() {
        match output {
            Output::PeerHas(PeerHave::All) => known.extend(0..10),
            Output::PeerHas(PeerHave::Only(bits)) => {
                known = bits.iter().map(|piece| piece.get()).collect();
            }
            Output::PeerHas(PeerHave::More(pieces)) => {
                known.extend(pieces.iter().map(|piece| piece.get()));
            }
            _ => {}
        }
    }
    known.into_iter().collect()
}

#[test]
fn a_late_bitfield_adds_to_what_is_known_and_is_no_offence() {
    let all: Vec<u32> = (0..10).collect();
    for early in [false, true] {
        for (first, also) in [
            (bitfield(10, &[1]), vec![1, 2]),
            (Message::HaveAll, all.clone()),
            (Message::HaveNone, vec![2]),
            (Message::Have(1), vec![1, 2]),
        ] {
            let late = bitfield(10, &[2]);
            assert_eq!(known(&[first.clone(), late.clone()], early), also);
            // aria2 says it again and again instead of many `have`s.
            let often: Vec<_> = [first.clone()]
                .into_iter()
                .chain(std::iter::repeat_n(late, 2 * STRIKES as usize))
                .collect();
            assert_eq!(known(&often, early), also);
            assert_eq!(known(&[first, Message::HaveAll], early), all);
        }
        let wrong = Message::Bitfield(Bytes::from_static(&[0]));
        let violation = claim(&[Message::HaveNone, wrong], early).unwrap_err();
        assert!(matches!(violation, Violation::Bitfield(_)));
    }
}

#[test]
fn a_peer_that_spoke_of_pieces_cannot_say_that_it_has_none() {
    for first in [bitfield(10, &[1]), Message::HaveAll, Message::Have(1)] {
        let mut rig = Rig::open(&info(1_000, 100), &[], true);
        rig.say(first).unwrap();
        for _ in 0..3 {
            rig.say(Message::HaveNone).unwrap();
        }
        let violation = rig.say(Message::HaveNone).unwrap_err();
        assert_eq!(violation, Violation::LateHaveNone);
        assert_eq!(violation.verdict(), Verdict::Strikes(STRIKES / 4));
    }
}

#[test]
fn fast_messages_without_the_extension_are_strikes() {
    for (message, id) in [
        (Message::SuggestPiece(1), 0x0d),
        (Message::HaveAll, 0x0e),
        (Message::HaveNone, 0x0f),
        (Message::RejectRequest(raw(0, 0, 1)), 0x10),
        (Message::AllowedFast(1), 0x11),
    ] {
        let mut rig = Rig::open(&info(1_000, 100), &[], false);
        for _ in 1..STRIKES {
            rig.say(message.clone()).unwrap();
        }
        assert_eq!(rig.outputs(), [], "it was believed");
        let violation = rig.say(message).unwrap_err();
        assert_eq!(violation, Violation::NotNegotiated(id));
        assert_eq!(violation.verdict(), Verdict::Strikes(1));
    }
}

#[test]
fn our_first_word_says_what_we_have_in_the_peers_language() {
    for (fast, ours, expected) in [
        (true, vec![], Some(Message::HaveNone)),
        (true, (0..10).collect(), Some(Message::HaveAll)),
        (true, vec![4], Some(bitfield(10, &[4]))),
        (false, vec![], None),
        (
            false,
            (0..10).collect(),
            Some(bitfield(10, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9])),
        ),
    ] {
        let mut rig = Rig::greeted(fast, false);
        rig.input(Input::Welcome(Some((info(1_000, 100), bits(10, &ours)))));
        let expected: Vec<_> = expected.into_iter().chain([Message::Unchoke]).collect();
        let expected: Vec<_> = expected.into_iter().map(Said::Message).collect();
        assert_eq!(rig.said(), expected);
    }
}

#[test]
fn a_content_learned_late_is_announced_piece_by_piece() {
    let mut rig = Rig::greeted(true, false);
    rig.input(Input::Welcome(None));
    assert_eq!(rig.said(), [Said::Message(Message::HaveNone)]);
    rig.input(Input::InfoLearned(info(1_000, 100), bits(10, &[2, 5])));
    let expected = [Message::Unchoke, Message::Have(2), Message::Have(5)];
    assert_eq!(rig.said(), expected.map(Said::Message));
    // Once is enough.
    rig.input(Input::InfoLearned(info(1_000, 100), bits(10, &[2, 5, 6])));
    rig.input(Input::Announce(indices(&[5])));
    assert_eq!(rig.said(), []);
}

#[test]
fn a_content_learned_while_the_link_waits_is_not_forgotten() {
    let mut rig = Rig::greeted(true, false);
    rig.input(Input::InfoLearned(info(1_000, 100), bits(10, &[2])));
    assert_eq!(rig.said(), []);
    rig.input(Input::Welcome(None));
    let expected = [bitfield(10, &[2]), Message::Unchoke];
    assert_eq!(rig.said(), expected.map(Said::Message));
}

#[test]
fn a_content_without_pieces_is_complete_on_both_sides() {
    let mut rig = Rig::greeted(true, false);
    rig.input(Input::Welcome(Some((info(0, 100), bits(0, &[])))));
    assert_eq!(
        rig.said(),
        [Message::HaveAll, Message::Unchoke].map(Said::Message)
    );
    rig.say(Message::Bitfield(Bytes::new())).unwrap();
    assert!(rig.outputs().contains(&Output::PeerComplete));
    let violation = rig.say(Message::Have(0)).unwrap_err();
    assert_eq!(
        violation,
        Violation::HaveOutOfRange {
            piece: 0,
            pieces: 0
        }
    );
}

#[test]
fn a_peer_of_the_fleet_hears_in_one_word_that_we_are_complete() {
    let fleet = ExtensionHandshake {
        swarms_id: Some(3),
        ..Default::default()
    };
    for (handshake, haves) in [(fleet, 0), (ExtensionHandshake::default(), 8)] {
        let mut rig = Rig::greeted(true, true);
        rig.input(Input::Welcome(Some((info(1_000, 100), bits(10, &[1])))));
        rig.greet(&handshake);
        rig.input(Input::Announce(indices(&[2])));
        rig.said();
        rig.input(Input::Complete);
        let said = rig.said();
        let told = said
            .iter()
            .filter(|said| matches!(said, Said::Message(Message::Have(_))));
        assert_eq!(told.count(), haves);
        let Some(Said::Message(Message::Extended { id: 0, payload })) = said.last() else {
            panic!("{said:?}");
        };
        let said = ExtensionHandshake::decode(payload).unwrap();
        assert_eq!(said.upload_only, Some(true));
        rig.input(Input::Complete);
        assert_eq!(rig.said(), []);
        rig.say(Message::Request(raw(9, 0, 100))).unwrap();
        assert!(matches!(rig.outputs().last(), Some(Output::Read(_))));
    }
}

#[test]
fn only_strangers_hear_that_we_want_no_more_of_what_we_have_in_part() {
    for fleet in [true, false] {
        for early in [true, false] {
            let mut rig = Rig::greeted(true, true);
            rig.input(Input::Welcome(Some((info(1_000, 100), bits(10, &[1])))));
            rig.said();
            if early {
                rig.input(Input::Satisfied);
                assert_eq!(rig.said(), [], "who it is has not been said");
            }
            rig.greet(&ExtensionHandshake {
                swarms_id: fleet.then_some(3),
                ..Default::default()
            });
            if !early {
                rig.input(Input::Satisfied);
            }
            let told: Vec<_> = rig
                .said()
                .into_iter()
                .map(|said| match said {
                    Said::Message(Message::Extended { id: 0, payload }) => {
                        ExtensionHandshake::decode(&payload).unwrap().upload_only
                    }
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(told, if fleet { vec![] } else { vec![Some(true)] });
            // It is said once, whatever the peer says later.
            rig.greet(&ExtensionHandshake::default());
            assert_eq!(rig.said(), []);
        }
    }
}

#[test]
fn a_peer_of_the_fleet_that_says_that_it_is_done_has_everything() {
    for fleet in [true, false] {
        for early in [true, false] {
            let mut rig = Rig::greeted(true, true);
            let swarm = (!early).then(|| (info(1_000, 100), bits(10, &[])));
            rig.input(Input::Welcome(swarm));
            rig.greet(&ExtensionHandshake {
                swarms_id: fleet.then_some(3),
                ..Default::default()
            });
            rig.say(bitfield(10, &[1])).unwrap();
            rig.say(Message::Have(4)).unwrap();
            rig.greet(&ExtensionHandshake {
                upload_only: Some(true),
                ..Default::default()
            });
            rig.input(Input::InfoLearned(info(1_000, 100), bits(10, &[])));
            let outputs = rig.outputs();
            let all = Output::PeerHas(PeerHave::All);
            assert_eq!(outputs.contains(&all), fleet, "{outputs:?}");
            assert_eq!(outputs.contains(&Output::PeerComplete), fleet);
            rig.greet(&ExtensionHandshake::default());
            assert_eq!(rig.outputs(), []);
        }
    }
}

#[test]
fn what_we_would_like_to_send_is_suggested_to_peers_that_know_the_word() {
    for fast in [false, true] {
        let mut rig = Rig::open(&info(1_000, 100), &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], fast);
        rig.said();
        rig.input(Input::Suggest(indices(&[7, 3])));
        let expected: Vec<_> = [7, 3]
            .map(|piece| Said::Message(Message::SuggestPiece(piece)))
            .into();
        assert_eq!(rig.said(), if fast { expected } else { vec![] });
    }
}

#[test]
fn words_that_change_nothing_end_the_link_when_there_are_too_many_and_useful_ones_do_not() {
    let idle: [fn(u32) -> Message; 6] = [
        |n| match n % 2 {
            0 => Message::Interested,
            _ => Message::NotInterested,
        },
        |_| Message::KeepAlive,
        |_| Message::Have(3),
        |n| Message::SuggestPiece(n + 1_000),
        |n| Message::SuggestPiece(n % 10),
        |_| Message::Cancel(raw(1, 0, 10)),
    ];
    for word in idle {
        let mut rig = Rig::open(&info(1_000, 100), &[1], true);
        let mut said = 0;
        let violation = loop {
            if let Err(violation) = rig.say(word(said)) {
                break violation;
            }
            said += 1;
            assert!(said <= 2 * CHATTER_BURST, "{:?} without end", word(said));
        };
        assert_eq!(violation, Violation::Chatter(CHATTER_BURST));
        assert!(said >= CHATTER_BURST, "{said}");
    }
    let pieces = 3 * CHATTER_BURST;
    let mut rig = Rig::open(&info(u64::from(pieces), 1), &[], true);
    for piece in 0..pieces {
        rig.say(Message::Have(piece)).unwrap();
        rig.say(Message::SuggestPiece(piece)).unwrap();
    }
}
