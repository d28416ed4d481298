//! Bytes of blocks leave only as far as the host allows, if it said so; everything else leaves at
//! once.

use bytes::Bytes;

use super::rig::*;
use crate::layout::BLOCK_LENGTH;
use crate::session::{Input, Output};
use crate::wire::Message;

const BLOCK: u64 = BLOCK_LENGTH as u64;

/// A link whose upload is limited, on which the peer asked for this many blocks.
fn limited(blocks: u32) -> Rig {
    let mut rig = Rig::open(&info(4 << 20, 4 << 20), &[0], true);
    rig.session.limit_upload();
    for block in 0..blocks {
        let request = raw(0, block * BLOCK_LENGTH, BLOCK_LENGTH);
        rig.say(Message::Request(request)).unwrap();
    }
    rig
}

/// Reads what the session asks for, as long as it does; the blocks that left.
fn serve(rig: &mut Rig) -> usize {
    let mut sent = 0;
    loop {
        let read = rig.outputs().into_iter().find_map(|output| match output {
            Output::Read(blocks) => Some(blocks),
            _ => None,
        });
        let Some(blocks) = read else { return sent };
        let bytes = blocks.iter().map(|block| block.length as usize).sum();
        rig.input(Input::BlocksRead(blocks, Bytes::from(vec![0; bytes])));
        let is_block = |said: &&Said| matches!(said, Said::Block(..));
        sent += rig.said().iter().filter(is_block).count();
    }
}

#[test]
fn no_block_leaves_before_it_is_allowed_and_no_more_than_that() {
    let mut rig = limited(10);
    assert_eq!(rig.session.wanted_allowance(), Some(10 * BLOCK));
    assert_eq!(serve(&mut rig), 0);
    // Words are not held back.
    rig.input(Input::Interest(true));
    assert_eq!(rig.said(), [Said::Message(Message::Interested)]);
    rig.allow_upload(3 * BLOCK);
    assert_eq!(serve(&mut rig), 3);
    // A block that is begun leaves as a whole, and is paid for afterwards.
    rig.allow_upload(1);
    assert_eq!(serve(&mut rig), 1);
    assert_eq!(rig.session.wanted_allowance(), Some(7 * BLOCK - 1));
    rig.allow_upload(BLOCK - 1);
    assert_eq!(serve(&mut rig), 0);
    rig.allow_upload(1);
    assert_eq!(serve(&mut rig), 1);
    rig.allow_upload(100 * BLOCK);
    assert_eq!(serve(&mut rig), 5);
    assert!(
        rig.session.wanted_allowance().is_none(),
        "nobody asks for anything"
    );
}

#[test]
fn what_was_not_sent_is_not_paid_for() {
    let mut rig = limited(4);
    rig.allow_upload(4 * BLOCK);
    let Some(Output::Read(blocks)) = rig.outputs().pop() else {
        panic!("nothing is read");
    };
    // The disk gives one of four; the others are read again.
    rig.input(Input::BlocksRead(
        blocks,
        Bytes::from(vec![0; BLOCK_LENGTH as usize]),
    ));
    rig.said();
    assert_eq!(serve(&mut rig), 3);
    assert!(rig.session.wanted_allowance().is_none());
}

#[test]
fn a_link_without_a_limit_wants_no_allowance() {
    let mut rig = Rig::open(&info(4 << 20, 4 << 20), &[0], true);
    rig.say(Message::Request(raw(0, 0, BLOCK_LENGTH))).unwrap();
    assert!(rig.session.wanted_allowance().is_none());
    assert_eq!(serve(&mut rig), 1);
}

#[test]
fn a_limit_that_comes_before_the_content_holds() {
    let mut rig = Rig::greeted(true, false);
    rig.session.limit_upload();
    let swarm = (info(1_000, 100), bits(10, &[3]));
    rig.input(Input::Welcome(Some(swarm)));
    rig.said();
    rig.say(Message::Request(raw(3, 0, 100))).unwrap();
    assert_eq!(serve(&mut rig), 0);
    rig.allow_upload(1);
    assert_eq!(serve(&mut rig), 1);
}
