//! Whom a node dials, keeps, drops and tells.
//!
//! [`Membership`] owns the addresses and links of one swarm, [`Sweep`] plans the search of the
//! node's own network, [`Join`] picks the swarm of a node that does not know one, and [`lan`] reads
//! and writes the local beacon. None of them opens a socket or looks at a clock: the host passes in
//! what happened and performs what comes out.
//!
//! Invariant of the whole: every node has a bounded number of links, and the fleet is one graph.

mod address;
#[cfg(test)]
mod any_input_tests;
mod arrivals;
mod book;
mod dialing;
mod event;
mod exchange;
mod join;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod judge;
mod keeping;
pub mod lan;
mod limits;
mod link;
mod linking;
mod machine;
mod moving;
mod privacy;
mod roster;
mod sharing;
mod sweep;
mod sweeps;
mod trading;
mod visiting;

pub use event::{
    CloseReason, DialFailure, Input, LinkEnd, MembershipConfig, Output, PEX_REACHABLE, PEX_SEED,
    PexPeer, Source,
};
pub use join::{HeardSwarm, Join, JoinInput, JoinOutput, JoinProblem};
pub use limits::*;
pub use machine::Membership;
pub use roster::{LISTED_LIMIT, ROSTER_LIMIT, Roster, shorten};
pub use sweep::{
    SWEEP_DIAL_TIMEOUT, SWEEP_HALF_OPEN, SWEEP_HALF_OPEN_LINKED, SWEEP_REST_FIRST, SWEEP_REST_LAST,
    SWEEP_REST_LINKED, SWEEP_REST_MOVED, Sweep,
};
pub use sweeps::{SWEEPS_REMEMBERED, Sweeps};
