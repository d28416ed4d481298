//! The handshakes, in both roles and in any chunks.

use super::rig::*;
use crate::session::{Input, Output, Role, Verdict, Violation};
use crate::wire::handshake::HANDSHAKE_LENGTH;
use crate::wire::{Handshake, HandshakeError, Message};

fn handshaken(info_hash: crate::id::InfoHash) -> Output {
    Output::Handshaken {
        info_hash,
        peer_id: THEIRS,
    }
}

fn spoken(bytes: &[u8]) -> Handshake {
    Handshake::decode(bytes.try_into().unwrap()).unwrap()
}

#[test]
fn a_dialled_link_speaks_first_and_an_accepted_one_when_the_host_says_so() {
    let mut rig = Rig::new(Role::Dialed { info_hash: SWARM });
    assert_eq!(spoken(&rig.raw_writes()).info_hash, SWARM);

    let mut rig = Rig::new(Role::Accepted);
    assert!(rig.raw_writes().is_empty());
    rig.hear(&greeting(SWARM, true, true)).unwrap();
    assert!(rig.raw_writes().is_empty());
    assert_eq!(rig.outputs(), [handshaken(SWARM)]);
    assert_eq!(rig.session.info_hash(), None);
    rig.input(Input::Answer(SWARM));
    let ours = spoken(&rig.raw_writes());
    assert_eq!((ours.info_hash, ours.peer_id), (SWARM, OURS));
    assert!(ours.fast && ours.extensions);
    assert_eq!(rig.session.info_hash(), Some(SWARM));
}

#[test]
fn a_handshake_may_come_in_two_parts_split_anywhere_and_with_words_behind_it() {
    let info = info(1_000, 100);
    for role in [Role::Accepted, Role::Dialed { info_hash: SWARM }] {
        let mut bytes = greeting(SWARM, true, false);
        bytes.extend(encoded(&Message::HaveAll));
        bytes.extend(encoded(&Message::Unchoke));
        for split in 0..=bytes.len() {
            let mut rig = Rig::new(role);
            rig.hear(&bytes[..split]).unwrap();
            assert_eq!(rig.outputs().len(), usize::from(split >= HANDSHAKE_LENGTH));
            rig.hear(&bytes[split..]).unwrap();
            assert!(!rig.session.wants_bytes());
            rig.input(Input::Answer(SWARM));
            rig.outputs();
            rig.input(Input::Welcome(Some((info.clone(), bits(10, &[])))));
            assert!(rig.outputs().contains(&Output::PeerComplete), "{split}");
            rig.input(Input::Interest(true));
            assert!(
                rig.want().is_some(),
                "the unchoke behind the handshake was lost"
            );
        }
    }
}

#[test]
fn an_answer_for_another_swarm_closes_the_link() {
    let mut rig = Rig::new(Role::Dialed { info_hash: SWARM });
    let other = crate::id::InfoHash([8; 20]);
    let violation = rig.hear(&greeting(other, true, true)).unwrap_err();
    assert_eq!(violation, Violation::WrongSwarm);
    assert_eq!(violation.verdict(), Verdict::Close);
    assert_eq!(rig.outputs(), []);
}

#[test]
fn an_answer_for_the_rendezvous_makes_the_link_one_without_pieces() {
    let mut rig = Rig::new(Role::Dialed { info_hash: SWARM });
    rig.raw_writes();
    rig.hear(&greeting(RENDEZVOUS, false, true)).unwrap();
    assert_eq!(rig.outputs(), [handshaken(RENDEZVOUS)]);
    assert!(rig.session.is_rendezvous());
    // Whatever the host says of a content, it has no place here.
    rig.input(Input::Welcome(Some((info(1_000, 100), bits(10, &[3])))));
    rig.input(Input::InfoLearned(info(1_000, 100), bits(10, &[3])));
    rig.input(Input::Interest(true));
    let said = rig.said();
    assert!(
        matches!(
            said.as_slice(),
            [Said::Message(Message::Extended { id: 0, .. })]
        ),
        "{said:?}"
    );
    let request = rig.say(Message::Request(raw(3, 0, 100)));
    assert_eq!(request, Ok(()), "a strike");
    assert!(rig.said().is_empty());
}

#[test]
fn a_node_of_no_swarm_answers_for_the_rendezvous_without_the_fast_extension() {
    let mut rig = Rig::new(Role::Accepted);
    rig.hear(&greeting(SWARM, true, true)).unwrap();
    rig.input(Input::Answer(RENDEZVOUS));
    let ours = spoken(&rig.raw_writes());
    assert_eq!(ours.info_hash, RENDEZVOUS);
    assert!(!ours.fast && ours.extensions);
    assert!(rig.session.is_rendezvous());
}

#[test]
fn another_protocol_is_refused_at_its_first_wrong_byte_and_nothing_comes_after() {
    for (role, right) in [
        (Role::Accepted, 0),
        (Role::Accepted, 19),
        (Role::Accepted, 5),
    ] {
        let mut rig = Rig::new(role);
        let mut bytes = greeting(SWARM, true, true);
        bytes[right] ^= 1;
        rig.hear(&bytes[..right]).unwrap();
        let violation = rig.hear(&bytes[right..=right]).unwrap_err();
        assert_eq!(
            violation,
            Violation::Handshake(HandshakeError::OtherProtocol)
        );
        assert_eq!(violation.verdict(), Verdict::Close);
        rig.hear(&greeting(SWARM, true, true)).unwrap();
        rig.input(Input::Answer(SWARM));
        assert_eq!(rig.outputs(), []);
        assert_eq!(rig.session.next_timeout(), crate::time::Timestamp::NEVER);
    }
}

#[test]
fn words_of_the_host_before_the_link_is_open_do_not_reach_the_wire() {
    let mut rig = Rig::new(Role::Accepted);
    rig.hear(&greeting(SWARM, true, false)).unwrap();
    rig.input(Input::Interest(true));
    rig.input(Input::Announce(indices(&[1])));
    rig.input(Input::Cancel(indices(&[1])));
    rig.outputs();
    rig.grant(&[2]);
    assert_eq!(rig.outputs(), [Output::Returned(indices(&[2]))]);
    assert!(rig.session.outbox().is_empty());
    rig.input(Input::Answer(SWARM));
    rig.raw_writes();
    rig.input(Input::Welcome(Some((info(1_000, 100), bits(10, &[])))));
    let said = rig.said();
    let expected = [Message::HaveNone, Message::Interested, Message::Unchoke];
    assert_eq!(said, expected.map(Said::Message));
}

#[test]
fn nodes_of_the_table_tell_each_other_their_ports_once() {
    let has_dht_bit = |bytes: &[u8]| bytes[27] & 1 != 0;
    for (ours, theirs) in [(None, true), (Some(7_000), false), (Some(7_000), true)] {
        let mut rig = Rig::with_dht(Role::Dialed { info_hash: SWARM }, ours);
        assert_eq!(has_dht_bit(&rig.raw_writes()), ours.is_some());
        let mut greeting = greeting(SWARM, true, true);
        greeting[27] |= u8::from(theirs);
        rig.hear(&greeting).unwrap();
        rig.input(Input::Welcome(None));
        let told = rig.said().contains(&Said::Message(Message::Port(7_000)));
        assert_eq!(told, ours.is_some() && theirs, "{ours:?} {theirs}");
        rig.outputs();
        for port in [0, 6_881, 6_882] {
            rig.say(Message::Port(port)).unwrap();
        }
        let heard = ours.map(|_| Output::DhtPort(6_881));
        let outputs = rig.outputs();
        assert_eq!(
            outputs,
            Vec::from_iter(heard),
            "only the first that can be one"
        );
    }
}

#[test]
fn the_rendezvous_is_no_place_for_the_table() {
    let role = Role::Dialed {
        info_hash: RENDEZVOUS,
    };
    let mut rig = Rig::with_dht(role, Some(7_000));
    assert_eq!(rig.raw_writes()[27] & 1, 0);
    let mut greeting = greeting(RENDEZVOUS, false, true);
    greeting[27] |= 1;
    rig.hear(&greeting).unwrap();
    rig.input(Input::Welcome(None));
    assert!(!rig.said().contains(&Said::Message(Message::Port(7_000))));
}
