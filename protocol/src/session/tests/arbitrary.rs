//! Whatever comes in whatever order and chunks: no panic, right counters, and an error is the end.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::rig::*;
use crate::extension::{
    DONT_HAVE_ID, ExtensionHandshake, METADATA_ID, MetadataMessage, PEX_ID, SWARMS_ID,
    encode_dont_have,
};
use crate::layout::{Block, PieceIndex};
use crate::session::{Input, Output, Role};
use crate::time::Timestamp;
use crate::wire::{Message, RawBlock};

const PIECES: u32 = 6;
const SIZE: u64 = 5 * 40_000 + 17;

#[derive(Clone, Debug)]
enum Step {
    Bytes(Vec<u8>),
    Choke(bool),
    Allow(u64),
    Answer,
    Welcome(bool),
    Learned,
    Grant(Vec<u32>),
    Cancel(Vec<u32>),
    Announce(Vec<u32>),
    Withdraw(Vec<u32>),
    Interest(bool),
    /// Do what the session asked for: read, or fail to.
    Read(bool),
    /// The peer answers the oldest request, or refuses it.
    Serve(bool),
    Written(usize),
    Metadata,
    Wake(u64),
}

fn block() -> impl Strategy<Value = RawBlock> {
    let begin = prop_oneof![Just(0_u32), Just(16_384), Just(32_768), 0_u32..40_001];
    let length = prop_oneof![Just(16_384_u32), Just(7_232), 0_u32..200, Just(u32::MAX)];
    (0..=PIECES, begin, length).prop_map(|(piece, begin, length)| raw(piece, begin, length))
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let plain = prop_oneof![
        1 => Just(Message::KeepAlive),
        1 => Just(Message::Choke),
        4 => Just(Message::Unchoke),
        1 => Just(Message::Interested),
        1 => Just(Message::NotInterested),
        1 => Just(Message::HaveAll),
        1 => Just(Message::HaveNone),
        4 => (0..PIECES).prop_map(Message::Have),
        1 => any::<u8>().prop_map(|bits| Message::Bitfield(Bytes::from(vec![bits & 0xfc]))),
        4 => block().prop_map(Message::Request),
        1 => block().prop_map(Message::Cancel),
        1 => block().prop_map(Message::RejectRequest),
        1 => Just(Message::Extended { id: 0, payload: ExtensionHandshake {
            metadata_id: Some(2), swarms_id: Some(3), dont_have_id: Some(4), request_limit: Some(2),
            ..Default::default() }.encode().into() }),
        1 => (0_u32..3).prop_map(|piece| extended(METADATA_ID,
            MetadataMessage::Request { piece }.encode())),
        1 => (PEX_ID..=SWARMS_ID).prop_map(|id| extended(id, &b"d1:vi1ee"[..])),
        1 => (0..PIECES).prop_map(|piece| extended(DONT_HAVE_ID, encode_dont_have(piece).to_vec())),
        1 => (21_u8..40).prop_map(Message::Unknown),
    ];
    let piece = (0..PIECES, 0_u32..3, 1_u32..100)
        .prop_map(|(piece, number, length)| piece_message(raw(piece, number * 16_384, length)));
    let noise = prop::collection::vec(any::<u8>(), 0..30);
    prop_oneof![
        20 => plain.prop_map(|message| encoded(&message)),
        2 => piece,
        1 => noise,
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let pieces = || prop::collection::vec(0..PIECES, 1..4);
    prop_oneof![
        20 => message().prop_map(Step::Bytes),
        2 => any::<bool>().prop_map(Step::Choke),
        1 => (0_u64..40_000).prop_map(Step::Allow),
        1 => Just(Step::Answer),
        2 => any::<bool>().prop_map(Step::Welcome),
        2 => Just(Step::Learned),
        8 => pieces().prop_map(Step::Grant),
        4 => pieces().prop_map(Step::Cancel),
        2 => pieces().prop_map(Step::Announce),
        1 => pieces().prop_map(Step::Withdraw),
        2 => prop::bool::weighted(0.8).prop_map(Step::Interest),
        4 => prop::bool::weighted(0.8).prop_map(Step::Read),
        20 => prop::bool::weighted(0.9).prop_map(Step::Serve),
        4 => (1_usize..50_000).prop_map(Step::Written),
        1 => Just(Step::Metadata),
        1 => (0_u64..30_000).prop_map(Step::Wake),
    ]
}

struct World {
    rig: Rig,
    requests: Vec<RawBlock>,
    reads: Vec<Vec<Block>>,
}

impl World {
    fn hear(&mut self, bytes: &[u8], chunk: usize) -> Result<(), crate::session::Violation> {
        bytes.chunks(chunk).try_for_each(|part| self.rig.hear(part))
    }

    fn act(&mut self, step: Step, chunk: usize) -> Result<(), crate::session::Violation> {
        let info = info(SIZE, 40_000);
        match step {
            Step::Bytes(bytes) => self.hear(&bytes, chunk),
            Step::Choke(choke) => self.rig.try_input(match choke {
                true => Input::Choke,
                false => Input::Unchoke,
            }),
            Step::Allow(bytes) => {
                self.rig.session.limit_upload();
                self.rig.allow_upload(bytes);
                Ok(())
            }
            Step::Answer => self.rig.try_input(Input::Answer(SWARM)),
            Step::Welcome(knows) => {
                let swarm = knows.then(|| (info, bits(PIECES, &[1, 2])));
                self.rig.try_input(Input::Welcome(swarm))
            }
            Step::Learned => self
                .rig
                .try_input(Input::InfoLearned(info, bits(PIECES, &[1]))),
            Step::Grant(pieces) => self.rig.try_input(Input::Grant(indices(&pieces))),
            Step::Cancel(pieces) => self.rig.try_input(Input::Cancel(indices(&pieces))),
            Step::Announce(pieces) => self.rig.try_input(Input::Announce(indices(&pieces))),
            Step::Withdraw(pieces) => self.rig.try_input(Input::Withdraw(indices(&pieces))),
            Step::Interest(yes) => self.rig.try_input(Input::Interest(yes)),
            Step::Read(well) => {
                let Some(blocks) = self.reads.pop() else {
                    return Ok(());
                };
                let length: u32 = blocks.iter().map(|block| block.length).sum();
                self.rig.try_input(match well {
                    true => Input::BlocksRead(blocks, vec![0; length as usize].into()),
                    false => Input::ReadFailed(blocks),
                })
            }
            Step::Serve(well) => {
                if self.requests.is_empty() {
                    return Ok(());
                }
                let block = self.requests.remove(0);
                match well {
                    true => self.hear(&piece_message(block), chunk),
                    false => self.rig.say(Message::RejectRequest(block)),
                }
            }
            Step::Written(count) => {
                let mut out = Vec::new();
                let count = count.min(self.rig.session.outbox().len());
                self.rig.session.written(count, self.rig.now, &mut out);
                Ok(())
            }
            Step::Metadata => self.rig.try_input(Input::RequestMetadata(0)),
            Step::Wake(millis) => {
                self.rig.later(Duration::from_millis(millis));
                self.rig.try_input(Input::Wake)
            }
        }
    }

    /// What a whole piece must be, and what must be returned.
    fn look(&mut self) {
        for output in self.rig.outputs() {
            match output {
                Output::Pieces(pieces) => {
                    for (piece, data) in pieces {
                        let length = info(SIZE, 40_000).layout().length(piece);
                        assert_eq!(data.len() as u32, length);
                        assert!(data.iter().all(|&byte| byte == piece.get() as u8));
                    }
                }
                Output::Read(blocks) => self.reads.push(blocks),
                _ => {}
            }
        }
    }
}

/// Blocks of our requests, as a peer would read them, whatever else is in the outbox.
fn collect(world: &mut World) {
    for said in world.rig.said() {
        match said {
            Said::Message(Message::Request(block)) => world.requests.push(block),
            Said::Message(Message::Cancel(block)) => {
                let at = world.requests.iter().position(|&request| request == block);
                if let Some(at) = at {
                    world.requests.remove(at);
                }
            }
            _ => {}
        }
    }
}

fn start(fast: bool) -> World {
    let mut rig = Rig::open(&info(SIZE, 40_000), &[1, 2], fast);
    rig.input(Input::Interest(true));
    rig.say(Message::Unchoke).unwrap();
    let (requests, reads) = (Vec::new(), Vec::new());
    World {
        rig,
        requests,
        reads,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn nothing_that_happens_makes_an_open_link_panic_or_miscount(
        fast: bool,
        steps in prop::collection::vec(step(), 0..120),
        chunk in prop_oneof![1 => Just(13_usize), 4 => 100_usize..20_000, 4 => Just(100_000)],
    ) {
        let mut world = start(fast);
        for step in steps {
            let judged = world.act(step, chunk);
            world.rig.session.check();
            world.look();
            if judged.is_err() {
                prop_assert_eq!(world.rig.session.next_timeout(), Timestamp::NEVER);
                let all = (0..PIECES).collect::<Vec<_>>();
                world.rig.grant(&all);
                world.rig.say(Message::Unchoke).unwrap();
                prop_assert_eq!(world.rig.outputs(), vec![]);
                break;
            }
            collect(&mut world);
        }
    }

    #[test]
    fn nothing_that_happens_makes_a_new_link_panic(
        dialed: bool,
        steps in prop::collection::vec(step(), 0..60),
        greeting_at in 0_usize..5,
    ) {
        let role = if dialed { Role::Dialed { info_hash: SWARM } } else { Role::Accepted };
        let (requests, reads) = (Vec::new(), Vec::new());
        let mut world = World { rig: Rig::new(role), requests, reads };
        for (index, step) in steps.into_iter().enumerate() {
            if index == greeting_at && world.hear(&greeting(SWARM, true, true), 7).is_err() {
                break;
            }
            if index < greeting_at && matches!(step, Step::Bytes(_)) {
                continue;
            }
            if world.act(step, 100_000).is_err() {
                break;
            }
            world.look();
        }
    }

    #[test]
    fn an_honest_peer_delivers_whatever_is_granted_and_cancelled(
        fast: bool,
        steps in prop::collection::vec((0..PIECES, any::<bool>(), 0_usize..4), 0..60),
        chunk in prop_oneof![Just(997_usize), 2_000_usize..20_000, Just(100_000)],
    ) {
        let mut world = start(fast);
        let mut leased = std::collections::BTreeSet::new();
        let settle = |world: &mut World, leased: &mut std::collections::BTreeSet<PieceIndex>| {
            for output in world.rig.outputs() {
                match output {
                    Output::Pieces(pieces) => for (piece, _) in pieces { leased.remove(&piece); },
                    Output::Returned(pieces) => for piece in pieces { leased.remove(&piece); },
                    Output::Close(reason) => panic!("{reason}"),
                    _ => {}
                }
            }
        };
        for (piece, grant, answers) in steps {
            let index = PieceIndex::new(piece);
            if grant {
                leased.insert(index);
                world.rig.grant(&[piece]);
            } else {
                leased.remove(&index);
                world.rig.cancel(&[piece]);
            }
            // The peer saw some of the cancels too late, or answers what it has read already.
            for _ in 0..answers {
                if !world.requests.is_empty() {
                    let block = world.requests.remove(0);
                    world.hear(&piece_message(block), chunk).unwrap();
                }
                settle(&mut world, &mut leased);
            }
            let said = world.rig.said();
            for said in said {
                match said {
                    Said::Message(Message::Request(block)) => world.requests.push(block),
                    Said::Message(Message::Cancel(block)) => {
                        let at = world.requests.iter().position(|&request| request == block);
                        if let Some(at) = at {
                            world.requests.remove(at);
                            if fast {
                                world.rig.say(Message::RejectRequest(block)).unwrap();
                            }
                        }
                    }
                    _ => {}
                }
            }
            settle(&mut world, &mut leased);
        }
        for _ in 0..1_000 {
            collect(&mut world);
            if world.requests.is_empty() {
                break;
            }
            let block = world.requests.remove(0);
            world.hear(&piece_message(block), chunk).unwrap();
            settle(&mut world, &mut leased);
        }
        world.rig.later(Duration::from_millis(10));
        world.rig.input(Input::Wake);
        settle(&mut world, &mut leased);
        prop_assert!(leased.is_empty(), "{leased:?} never came");
        let (outstanding, coming, forsaken) = world.rig.session.unsettled();
        prop_assert_eq!((outstanding, coming), (0, 0));
        prop_assert!(!fast || forsaken == 0);
    }
}
