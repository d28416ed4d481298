//! The extension protocol: who we are, metadata, peer exchange, swarms.

use bytes::Bytes;

use super::rig::*;
use crate::extension::{
    ExtensionHandshake, METADATA_ID, MetadataMessage, PEX_ID, PexMessage, SWARMS_ID, SwarmsMessage,
};
use crate::session::{
    Input, LIST_PERIOD, Output, PEX_READ_BURST, STRIKES, SWARMS_READ_BURST, Verdict, Violation,
};
use crate::wire::Message;

fn payloads(rig: &mut Rig, number: u8) -> Vec<Bytes> {
    let said = rig.said().into_iter().filter_map(|said| match said {
        Said::Message(Message::Extended { id, payload }) if id == number => Some(payload),
        _ => None,
    });
    said.collect()
}

fn open(knows: bool) -> Rig {
    let mut rig = Rig::greeted(true, true);
    let swarm = knows.then(|| (info(1_000_000, 100), bits(10_000, &[])));
    rig.input(Input::Welcome(swarm));
    rig
}

#[test]
fn lists_that_come_faster_than_honest_ones_are_not_read() {
    let mut rig = open(true);
    rig.greet(&ExtensionHandshake::default());
    rig.outputs();
    let pex = PexMessage::default().encode();
    let swarms = SwarmsMessage::default().encode();
    let read = |rig: &mut Rig, id: u8, payload: &[u8], times: u32| {
        for _ in 0..times {
            rig.say(extended(id, payload.to_vec())).unwrap();
        }
        let is_list = |out: &Output| matches!(out, Output::Pex(_) | Output::Swarms(_));
        rig.outputs().iter().filter(|out| is_list(out)).count() as u32
    };
    assert_eq!(read(&mut rig, PEX_ID, &pex, 100), PEX_READ_BURST);
    assert_eq!(read(&mut rig, SWARMS_ID, &swarms, 200), SWARMS_READ_BURST);
    // Then as many as a member of the fleet sends.
    for _ in 0..10 {
        rig.later(LIST_PERIOD);
        assert_eq!(read(&mut rig, PEX_ID, &pex, 5), 1);
    }
}

#[test]
fn we_say_who_we_are_and_again_when_the_metadata_is_known() {
    let mut rig = open(false);
    let first = ExtensionHandshake::decode(&payloads(&mut rig, 0)[0]).unwrap();
    assert_eq!(first.metadata_size, None);
    assert_eq!(
        (first.port, first.client.as_deref()),
        (Some(6881), Some("swarmlet 0"))
    );
    assert_eq!(first.swarms_id, Some(SWARMS_ID));
    let info = info(1_000, 100);
    let size = info.bytes().len() as u32;
    rig.input(Input::InfoLearned(info, bits(10, &[])));
    let second = ExtensionHandshake::decode(&payloads(&mut rig, 0)[0]).unwrap();
    assert_eq!(
        second,
        ExtensionHandshake {
            metadata_size: Some(size),
            ..first
        }
    );
}

#[test]
fn the_peers_handshakes_add_up_and_readiness_is_told_once() {
    let mut rig = open(false);
    rig.outputs();
    rig.greet(&ExtensionHandshake {
        metadata_id: Some(5),
        pex_id: Some(6),
        port: Some(7),
        client: Some("them".to_owned()),
        ..Default::default()
    });
    let outputs = rig.outputs();
    let [Output::Ready(ready)] = outputs.as_slice() else {
        panic!("{outputs:?}");
    };
    assert!(ready.pex && !ready.fleet);
    assert_eq!(
        (ready.listen_port, ready.client.as_deref()),
        (Some(7), Some("them"))
    );
    let size = ExtensionHandshake {
        metadata_size: Some(99),
        ..Default::default()
    };
    rig.greet(&size);
    assert_eq!(rig.outputs(), [Output::MetadataOffered(99)]);
    rig.greet(&size);
    assert_eq!(rig.outputs(), []);
}

#[test]
fn a_peer_without_extensions_is_ready_at_once_and_hears_none() {
    let mut rig = Rig::greeted(true, false);
    rig.input(Input::Welcome(None));
    assert!(matches!(rig.outputs().as_slice(), [Output::Ready(_)]));
    rig.input(Input::SendSwarms(SwarmsMessage::default()));
    rig.input(Input::SendPex(PexMessage::default()));
    rig.input(Input::RequestMetadata(3));
    assert_eq!(rig.outputs(), [Output::MetadataRejected(3)]);
    assert_eq!(rig.said(), [Said::Message(Message::HaveNone)]);
    for _ in 1..STRIKES {
        rig.say(extended(0, &b"de"[..])).unwrap();
    }
    let violation = rig.say(extended(0, &b"de"[..])).unwrap_err();
    assert_eq!(violation, Violation::NotNegotiated(20));
}

#[test]
fn metadata_is_asked_for_by_the_peers_number_and_passed_on() {
    let mut rig = open(false);
    rig.greet(&ExtensionHandshake {
        metadata_id: Some(77),
        ..Default::default()
    });
    rig.outputs();
    rig.input(Input::RequestMetadata(0));
    let request = MetadataMessage::Request { piece: 0 };
    assert_eq!(payloads(&mut rig, 77), [request.encode()]);
    let data = Bytes::from_static(b"abc");
    let message = MetadataMessage::Data {
        piece: 0,
        total_size: 3,
        data: data.clone(),
    };
    rig.say(extended(METADATA_ID, message.encode())).unwrap();
    rig.say(extended(
        METADATA_ID,
        MetadataMessage::Reject { piece: 1 }.encode(),
    ))
    .unwrap();
    rig.say(extended(METADATA_ID, &b"d8:msg_typei9ee"[..]))
        .unwrap();
    let expected = [
        Output::MetadataData {
            piece: 0,
            total_size: 3,
            data,
        },
        Output::MetadataRejected(1),
    ];
    assert_eq!(rig.outputs(), expected);
}

#[test]
fn metadata_is_served_part_by_part_and_not_without_end() {
    let mut rig = open(true);
    rig.greet(&ExtensionHandshake {
        metadata_id: Some(3),
        ..Default::default()
    });
    rig.said();
    let (mut served, mut rejected) = (0, 0);
    for _ in 0..10 {
        for piece in 0..14 {
            let request = MetadataMessage::Request { piece };
            rig.say(extended(METADATA_ID, request.encode())).unwrap();
            match MetadataMessage::decode(&payloads(&mut rig, 3)[0]).unwrap() {
                MetadataMessage::Data {
                    piece: answered,
                    total_size,
                    ..
                } => {
                    assert_eq!((answered, total_size.div_ceil(16_384)), (piece, 13));
                    served += 1;
                }
                MetadataMessage::Reject { piece: refused } => {
                    assert_eq!(refused, piece);
                    rejected += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!((served, rejected), (4 * 13, 140 - 4 * 13));
}

#[test]
fn metadata_that_we_do_not_know_is_refused() {
    let mut rig = open(false);
    rig.greet(&ExtensionHandshake {
        metadata_id: Some(3),
        ..Default::default()
    });
    rig.said();
    let request = MetadataMessage::Request { piece: 0 };
    rig.say(extended(METADATA_ID, request.encode())).unwrap();
    let reject = MetadataMessage::Reject { piece: 0 };
    assert_eq!(payloads(&mut rig, 3), [reject.encode()]);
}

#[test]
fn swarms_wait_for_the_number_that_the_peer_gives_them() {
    let mut rig = open(false);
    rig.said();
    let swarms = SwarmsMessage {
        peers: vec!["1.2.3.4:5".parse().unwrap()],
        ..Default::default()
    };
    rig.input(Input::SendSwarms(SwarmsMessage::default()));
    rig.input(Input::SendSwarms(swarms.clone()));
    rig.input(Input::SendPex(PexMessage::default()));
    assert_eq!(rig.said(), []);
    rig.greet(&ExtensionHandshake {
        swarms_id: Some(40),
        ..Default::default()
    });
    assert_eq!(payloads(&mut rig, 40), [swarms.encode()]);
    rig.outputs();
    rig.say(extended(SWARMS_ID, swarms.encode())).unwrap();
    rig.say(extended(PEX_ID, PexMessage::default().encode()))
        .unwrap();
    rig.say(extended(99, &b"whatever"[..])).unwrap();
    assert_eq!(
        rig.outputs(),
        [Output::Swarms(swarms), Output::Pex(PexMessage::default())]
    );
}

#[test]
fn extension_messages_that_cannot_be_read_are_a_ban() {
    for id in [0, METADATA_ID, PEX_ID, SWARMS_ID] {
        let mut rig = open(true);
        let violation = rig.say(extended(id, &b"not bencode"[..])).unwrap_err();
        assert!(
            matches!(violation, Violation::Extension(_)),
            "{violation:?}"
        );
        assert_eq!(violation.verdict(), Verdict::Ban);
    }
}
