//! Trackers: servers that tell the members of a swarm of each other (BEP 3, 7, 12, 15, 23).
//!
//! [`Announcer`] decides which tracker of a swarm is asked, and when; [`http`] and [`udp`] turn its
//! [`Announce`] into bytes and the tracker's bytes into an [`Answer`]. Nothing here opens a socket
//! or looks at a clock.
//!
//! Invariants: no tracker is asked before its interval is over, or earlier than the floors allow,
//! whatever it answers; every failure is followed by another attempt, ever later; a number from a
//! tracker is bounded before anybody sees it.

mod announce;
mod announcer;
pub mod http;
mod limits;
mod standing;
mod tiers;
pub mod udp;
mod url;

pub use announce::{Announce, Answer, AskError, Event, Figures};
pub use announcer::{Announcer, Input, Member, Output};
pub use limits::*;
pub use tiers::{tiers_of, usable};
pub use url::{Scheme, TrackerUrl, UrlError};

#[cfg(test)]
mod tests;
