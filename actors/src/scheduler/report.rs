//! What a scheduler says to whoever asks how its swarm is.

use actix::Handler;
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::picker::{Picker, PieceState};
use swarmlet_protocol::turns::Turn;

use super::{Phase, Scheduler};
use crate::messages::report::{PieceMap, QueryPieces, QuerySwarm, SwarmState};

impl Handler<QuerySwarm> for Scheduler {
    type Result = SwarmState;

    fn handle(&mut self, _: QuerySwarm, _: &mut Self::Context) -> SwarmState {
        let state = SwarmState {
            progress: self.progress(),
            complete: self.state.complete,
            waits_for_turn: self.turn == Turn::Wait,
            sources: self.sources.len() as u32,
            ..SwarmState::default()
        };
        let Phase::Running(picker) = &self.state.phase else {
            return state;
        };
        SwarmState {
            leased: picker.leased(),
            first_without_holder: picker.first_unavailable(),
            map: PieceMap::of(self.pieces(), |piece| picker.state(piece)),
            ..state
        }
    }
}

impl Handler<QueryPieces> for Scheduler {
    type Result = Vec<PieceState>;

    fn handle(&mut self, _: QueryPieces, _: &mut Self::Context) -> Vec<PieceState> {
        let states = |picker: &Picker| {
            let pieces = (0..self.pieces()).map(PieceIndex::new);
            pieces.map(|piece| picker.state(piece)).collect()
        };
        match &self.state.phase {
            Phase::Running(picker) => states(picker),
            Phase::Learning(_) => Vec::new(),
        }
    }
}

impl Scheduler {
    /// How many pieces the content has; none while it is not known.
    fn pieces(&self) -> u32 {
        let content = self.content.as_ref();
        content.map_or(0, |content| content.info.layout().pieces())
    }
}
