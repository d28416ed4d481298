//! Turns: a swarm fetches while it has one, with its share of the node's memory.

use actix::Handler;
use swarmlet_protocol::choking;
use swarmlet_protocol::picker::{IN_FLIGHT_BYTES, Input, Picker, PickerLimits};
use swarmlet_protocol::time::Timestamp;
use swarmlet_protocol::turns::Turn;

use super::Scheduler;
use crate::messages::scheduler::{HoldSwarm, ServeContent, TakeTurn};

/// The picker of a content of which nothing was checked yet.
pub(super) fn picker(content: &ServeContent, turn: Turn, seed: u64) -> Picker {
    let limits = PickerLimits {
        in_flight_bytes: memory(turn),
        ..PickerLimits::default()
    };
    let mut picker = Picker::new(*content.info.layout(), limits, seed);
    if !content.selection.is_all() {
        let selected = content.selection.pieces().clone();
        picker.handle(Input::Select(selected), Timestamp::ZERO, &mut Vec::new());
    }
    if turn == Turn::Wait {
        // It has no links yet, and nothing to say.
        picker.handle(Input::Pause, Timestamp::ZERO, &mut Vec::new());
    }
    picker
}

/// Bytes that may be on their way: a share of what the node has for all.
fn memory(turn: Turn) -> u64 {
    match turn {
        Turn::Run { sharers } => IN_FLIGHT_BYTES / sharers.max(1) as u64,
        // For what was on its way when the turn ended.
        Turn::Wait => IN_FLIGHT_BYTES,
    }
}

impl Scheduler {
    /// Fetches, unless storage cannot write or others have their turn.
    pub(super) fn go_on(&mut self) {
        let waits = self.turn == Turn::Wait || self.held;
        if waits || self.state.paused.is_some() {
            self.pick(Input::Pause);
        } else {
            self.pick(Input::Resume);
        }
    }

    /// Lets nothing come and nothing leave, or does again.
    pub(super) fn hold(&mut self, held: bool) {
        self.held = held;
        self.choose(choking::Input::Hold(held));
        self.go_on();
    }
}

impl Handler<HoldSwarm> for Scheduler {
    type Result = ();

    fn handle(&mut self, HoldSwarm(held): HoldSwarm, _: &mut Self::Context) {
        self.hold(held);
    }
}

impl Handler<TakeTurn> for Scheduler {
    type Result = ();

    fn handle(&mut self, TakeTurn(turn): TakeTurn, _: &mut Self::Context) {
        self.turn = turn;
        self.pick(Input::SetMemory(memory(turn)));
        self.go_on();
    }
}
