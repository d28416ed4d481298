//! swarmlet: a swarm node that keeps a file, or a folder of files, byte-identical on every member of a fleet.
//!
//! No tracker, no server, no control plane: nodes find each other, learn what to sync from whoever
//! knows it, take every piece from whoever has it, verify everything, and survive being killed
//! every second. On the wire it is BitTorrent.
//!
//! This crate is the facade. It starts a node on the actix system that it is called in:
//!
//! ```no_run
//! use swarmlet::Node;
//!
//! # async fn run() -> Result<(), swarmlet::Error> {
//! let node = Node::builder("/data.bin")
//!     .conf(&std::fs::read("/torrent.conf").unwrap_or_default())?
//!     .listen("127.0.0.5:6881".parse().expect("an address"))
//!     .start()?;
//! // ... and at the end:
//! node.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! `swarmlet-protocol` holds every decision as pure state machines, `swarmlet-actors` the actors
//! that perform them.

mod control;
mod error;
#[cfg(feature = "http")]
pub mod http;
mod node;
mod places;
mod reading;

pub use swarmlet_actors::messages::ActorKind;
pub use swarmlet_actors::messages::events::Event;
pub use swarmlet_actors::messages::operator::Refusal;
pub use swarmlet_actors::messages::report;
pub use swarmlet_actors::messages::scheduler::{Progress, ReadRefusal};
pub use swarmlet_actors::supervisor::{Choice, Place, Share, Sweep, Topic};
pub use swarmlet_protocol as protocol;

pub use self::error::Error;
pub use self::node::{Node, NodeBuilder};
pub use self::reading::{ReadError, Reader};
