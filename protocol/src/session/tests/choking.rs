//! The host chokes and unchokes, and hears what it needs for that.

use std::time::Duration;

use bytes::Bytes;

use super::rig::*;
use crate::extension::ExtensionHandshake;
use crate::layout::{BLOCK_LENGTH, Block, PieceIndex};
use crate::session::{Input, Output, STRIKES, TRAFFIC_PERIOD, Verdict, Violation};
use crate::wire::{Message, RawBlock};

fn reads(rig: &mut Rig) -> Vec<Block> {
    let reads = rig.outputs().into_iter().filter_map(|output| match output {
        Output::Read(blocks) => Some(blocks),
        _ => None,
    });
    reads.flatten().collect()
}

fn word(message: Message) -> Said {
    Said::Message(message)
}

fn reject(block: RawBlock) -> Said {
    word(Message::RejectRequest(block))
}

/// The words about choking on a link that was told this before it was welcomed.
fn opening(choke: bool, known: bool) -> (Rig, Vec<Said>) {
    let mut rig = Rig::greeted(true, false);
    if choke {
        rig.input(Input::Choke);
    }
    let info = info(1_000, 100);
    let swarm = known.then(|| (info, bits(10, &[3])));
    rig.input(Input::Welcome(swarm));
    let said = rig.said();
    let choking = |said: &Said| matches!(said, Said::Message(Message::Choke | Message::Unchoke));
    let words = said.into_iter().filter(choking).collect();
    (rig, words)
}

#[test]
fn a_link_begins_unchoked_unless_the_host_says_otherwise_and_as_soon_as_the_content_is_known() {
    let info = info(1_000, 100);
    assert_eq!(opening(false, true).1, [word(Message::Unchoke)]);
    assert_eq!(opening(true, true).1, [], "it goes without saying");
    for choke in [false, true] {
        let (mut rig, said) = opening(choke, false);
        assert_eq!(said, []);
        rig.input(Input::InfoLearned(info.clone(), bits(10, &[])));
        let expected = if choke {
            vec![]
        } else {
            vec![word(Message::Unchoke)]
        };
        assert_eq!(rig.said(), expected);
        rig.input(Input::Unchoke);
        let late = if choke {
            vec![word(Message::Unchoke)]
        } else {
            vec![]
        };
        assert_eq!(rig.said(), late);
    }
}

#[test]
fn a_choke_refuses_what_waits_one_by_one_and_answers_what_is_being_read() {
    let mut rig = Rig::open(&info(1_000, 100), &[3, 4], true);
    for piece in [3, 4] {
        rig.say(Message::Request(raw(piece, 0, 50))).unwrap();
        rig.say(Message::Request(raw(piece, 50, 50))).unwrap();
    }
    let reading = reads(&mut rig);
    assert_eq!(reading.len(), 1);
    rig.input(Input::Choke);
    let refused = [raw(3, 50, 50), raw(4, 0, 50), raw(4, 50, 50)];
    let mut expected = vec![word(Message::Choke)];
    expected.extend(refused.map(reject));
    assert_eq!(rig.said(), expected);
    rig.input(Input::BlocksRead(reading, Bytes::from_static(&[7; 50])));
    assert_eq!(rig.said(), [Said::Block(raw(3, 0, 50), vec![7; 50])]);
    assert_eq!(reads(&mut rig), []);
    // Once is enough, both ways.
    rig.input(Input::Choke);
    assert_eq!(rig.said(), []);
    rig.input(Input::Unchoke);
    rig.input(Input::Unchoke);
    assert_eq!(rig.said(), [word(Message::Unchoke)]);
    rig.say(Message::Request(raw(4, 0, 50))).unwrap();
    assert_eq!(reads(&mut rig).len(), 1);
}

#[test]
fn without_the_fast_extension_a_choke_drops_everything_without_a_word() {
    let mut rig = Rig::open(&info(1_000, 100), &[3], false);
    rig.say(Message::Request(raw(3, 0, 50))).unwrap();
    rig.say(Message::Request(raw(3, 50, 50))).unwrap();
    let reading = reads(&mut rig);
    rig.input(Input::Choke);
    assert_eq!(rig.said(), [word(Message::Choke)]);
    // It asks anew once it is unchoked, and gets that block once, however late the disk is.
    rig.input(Input::Unchoke);
    rig.say(Message::Request(raw(3, 0, 50))).unwrap();
    assert_eq!(rig.said(), [word(Message::Unchoke)]);
    rig.input(Input::BlocksRead(reading, Bytes::from_static(&[7; 50])));
    assert_eq!(rig.said(), []);
    let reading = reads(&mut rig);
    assert_eq!(reading.len(), 1);
    rig.input(Input::BlocksRead(reading, Bytes::from_static(&[8; 50])));
    assert_eq!(rig.said(), [Said::Block(raw(3, 0, 50), vec![8; 50])]);
}

#[test]
fn requests_that_cross_a_choke_cost_nothing() {
    for fast in [true, false] {
        let mut rig = Rig::open(&info(1_000, 100), &[3], fast);
        rig.input(Input::Choke);
        rig.said();
        for _ in 0..2 * STRIKES {
            rig.say(Message::Request(raw(3, 0, 50))).unwrap();
            let expected = if fast {
                vec![reject(raw(3, 0, 50))]
            } else {
                vec![]
            };
            assert_eq!(rig.said(), expected);
        }
        assert_eq!(reads(&mut rig), []);
        // A block that does not exist is no race.
        let violation = rig.say(Message::Request(raw(10, 0, 50))).unwrap_err();
        assert!(matches!(violation, Violation::Block(_)));
        assert_eq!(violation.verdict(), Verdict::Ban);
    }
}

#[test]
fn what_a_peer_wants_is_told_when_it_changes() {
    let interest = |interested, done| vec![Output::PeerInterest { interested, done }];
    let mut rig = Rig::open(&info(1_000, 100), &[3], true);
    rig.say(Message::NotInterested).unwrap();
    assert_eq!(rig.told_the_choker(), [], "as it was");
    rig.say(Message::Interested).unwrap();
    assert_eq!(rig.told_the_choker(), interest(true, false));
    rig.say(Message::Interested).unwrap();
    assert_eq!(rig.told_the_choker(), []);
    let blink = [Message::NotInterested, Message::Interested];
    let blink: Vec<u8> = blink.iter().flat_map(encoded).collect();
    rig.hear(&blink.repeat(50)).unwrap();
    assert_eq!(rig.told_the_choker(), [], "a read is one word at most");
    rig.say(Message::HaveAll).unwrap();
    assert_eq!(rig.told_the_choker(), interest(true, true));
}

#[test]
fn a_peer_that_is_upload_only_wants_nothing_more_until_it_does() {
    let mut rig = Rig::greeted(true, true);
    rig.input(Input::Welcome(Some((info(1_000, 100), bits(10, &[3])))));
    rig.say(Message::Interested).unwrap();
    rig.told_the_choker();
    for upload_only in [true, false] {
        let flag = i64::from(upload_only);
        let payload = format!("d1:mde11:upload_onlyi{flag}ee");
        rig.say(extended(0, payload)).unwrap();
        let interested = true;
        let done = upload_only;
        let expected = [Output::PeerInterest { interested, done }];
        assert_eq!(rig.told_the_choker(), expected);
    }
}

#[test]
fn nothing_is_told_of_a_member_of_the_fleet() {
    let mut rig = Rig::greeted(true, true);
    rig.input(Input::Welcome(Some((info(1_000, 100), bits(10, &[3])))));
    rig.greet(&ExtensionHandshake {
        swarms_id: Some(3),
        ..ExtensionHandshake::default()
    });
    rig.say(Message::Interested).unwrap();
    rig.say(Message::Request(raw(3, 0, 100))).unwrap();
    let reading = vec![Block {
        piece: PieceIndex::new(3),
        begin: 0,
        length: 100,
    }];
    rig.input(Input::BlocksRead(reading, Bytes::from_static(&[7; 100])));
    assert_eq!(rig.told_the_choker(), []);
}

#[test]
fn what_moved_is_told_once_a_second_and_counts_what_was_asked_for() {
    let mut rig = Rig::fetching(1 << 20, 1 << 18);
    rig.grant(&[1]);
    let requests = rig.requests();
    rig.told_the_choker();
    rig.deliver(requests[0]).unwrap();
    let given = u64::from(BLOCK_LENGTH);
    let traffic = |given| vec![Output::Traffic { given, taken: 0 }];
    assert_eq!(rig.told_the_choker(), traffic(given));
    rig.deliver(requests[1]).unwrap();
    // Nobody asked for this one.
    rig.deliver(raw(2, 0, BLOCK_LENGTH)).unwrap();
    assert_eq!(rig.told_the_choker(), []);
    rig.later(TRAFFIC_PERIOD);
    rig.deliver(requests[2]).unwrap();
    assert_eq!(rig.told_the_choker(), traffic(3 * given));
    rig.later(2 * TRAFFIC_PERIOD);
    rig.input(Input::Wake);
    assert_eq!(rig.told_the_choker(), [], "nothing moved");
}

#[test]
fn a_peer_that_sends_again_snubs_us_no_longer() {
    let mut rig = Rig::fetching(1 << 20, 1 << 18);
    rig.grant(&[1]);
    let requests = rig.requests();
    rig.told_the_choker();
    rig.later(Duration::from_secs(11));
    rig.input(Input::Wake);
    assert_eq!(rig.told_the_choker(), [Output::Snubs(true)]);
    rig.deliver(requests[0]).unwrap();
    assert!(rig.told_the_choker().contains(&Output::Snubs(false)));
}
