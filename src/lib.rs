//! swarmlet: a swarm node that keeps a file, or a folder of files, byte-identical on every member of a fleet.
//!
//! No tracker, no server, no control plane: nodes find each other, learn what to sync from whoever
//! knows it, take every piece from whoever has it, verify everything, and survive being killed
//! every second. On the wire it is BitTorrent.
//!
//! This crate is the facade: a [`Node`] runs inside an actix system of yours. Five lines start one:
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use swarmlet::Node;
//!
//! let node = Node::builder("/data.bin")
//!     .conf(&std::fs::read("/torrent.conf")?)?
//!     .listen("10.0.0.5:6881".parse()?)
//!     .start()?;
//! node.completed().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Listen to it
//!
//! What happens is an [`Event`]: a message to an actor of yours ([`NodeBuilder::listener`],
//! [`Node::listen`]), or read where there is none:
//!
//! ```no_run
//! # async fn run(node: swarmlet::Node) {
//! use swarmlet::Event;
//!
//! let mut events = node.events();
//! while let Some(event) = events.next().await {
//!     if let Event::Progress { progress, down, .. } = event {
//!         println!("{} of {} bytes, {down} a second", progress.bytes, progress.size);
//!     }
//! }
//! # }
//! ```
//!
//! How it is at this moment says [`Node::report`].
//!
//! # Read while it downloads
//!
//! A [`Reader`] gives bytes in order as soon as they are here and verified, and has what it needs next
//! fetched before anything else:
//!
//! ```no_run
//! # async fn run(
//! #     node: swarmlet::Node,
//! #     info_hash: swarmlet::protocol::id::InfoHash,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! let mut reader = node.read(info_hash, ..).await?;
//! while let Some(bytes) = reader.next().await? {
//!     println!("{} bytes, {} to come", bytes.len(), reader.left());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Mount its HTTP face
//!
//! With the feature `http` its API, dashboard, metrics and contents are a scope of an actix-web application:
//!
#![cfg_attr(feature = "http", doc = "```no_run")]
#![cfg_attr(not(feature = "http"), doc = "```ignore")]
//! # async fn run(node: swarmlet::Node) -> std::io::Result<()> {
//! use actix_web::{App, HttpServer};
//! use swarmlet::http::Face;
//!
//! let face = Face::builder().build(&node);
//! HttpServer::new(move || App::new().service(face.scope("/swarm")))
//!     .bind("127.0.0.1:8080")?
//!     .run()
//!     .await
//! # }
//! ```
//!
//! # Shut it down
//!
//! ```no_run
//! # async fn run(node: swarmlet::Node) {
//! node.shutdown().await;
//! # }
//! ```
//!
//! says goodbye to peers, writes what is verified, and leaves no thread, socket or file open. A node whose
//! system ends is gone with it, and what it had verified stays verified.
//!
//! # What it never does to its host
//!
//! It installs no logger (lines go to the crate `log`), no signal handler and no panic hook, never ends the
//! process, and shares no state with another node in it. A panic in one of its actors is caught there.
//! All of this is tested; `docs/embedding.md` has the whole story, with what each feature brings.
//!
//! `swarmlet-protocol`, here [`protocol`], holds every decision as pure state machines,
//! `swarmlet-actors` the actors that perform them. Of the latter only what this crate names is
//! meant for others.

mod control;
mod error;
mod events;
#[cfg(feature = "http")]
pub mod http;
mod node;
mod places;
mod reading;

pub use swarmlet_actors::messages::ActorKind;
#[doc(hidden)]
pub use swarmlet_actors::messages::Harm;
pub use swarmlet_actors::messages::events::Event;
pub use swarmlet_actors::messages::operator::Refusal;
pub use swarmlet_actors::messages::scheduler::{Progress, ReadRefusal};
pub use swarmlet_actors::sentinel::{Remedy, Standstill};
pub use swarmlet_actors::supervisor::{Choice, Place, Share, Sweep, Topic};
pub use swarmlet_protocol as protocol;

/// What a node looks like, from [`Node::report`].
pub mod report {
    pub use swarmlet_actors::messages::report::{
        ActorReport, Ban, LinkReport, MAX_CELLS, NodeReport, PieceMap, Rates, Refused, SwarmReport,
        Totals,
    };
}

pub use self::error::Error;
pub use self::events::Events;
pub use self::node::{Node, NodeBuilder};
pub use self::reading::{ReadError, Reader};
