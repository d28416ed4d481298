//! What a node tells whoever embeds it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use actix::Message;
use swarmlet_protocol::id::InfoHash;

use super::scheduler::Progress;

/// A fact about the node. Sent to every recipient that was given to the builder; may be lost when
/// that recipient is gone.
///
/// An actor hears it as any other message. Whoever has none reads it (`Node::events`).
///
/// ```
/// use actix::{Actor, Context, Handler, Recipient};
/// # use swarmlet_actors::messages::events::Event;
///
/// struct Ear;
///
/// impl Actor for Ear {
///     type Context = Context<Self>;
/// }
///
/// impl Handler<Event> for Ear {
///     type Result = ();
///
///     fn handle(&mut self, event: Event, _: &mut Context<Self>) {
///         match event {
///             Event::Completed { info_hash } => println!("{info_hash} is complete"),
///             Event::PeerJoined { address, .. } => println!("{address} is here"),
///             // There will be more kinds of them.
///             _ => {}
///         }
///     }
/// }
///
/// /// For `NodeBuilder::listener` or `Node::listen`.
/// fn ear() -> Recipient<Event> {
///     Ear.start().recipient()
/// }
/// ```
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
#[non_exhaustive]
pub enum Event {
    /// The node accepts links.
    Listening(SocketAddr),
    /// The content is known: from the configuration, the state directory or a peer.
    ContentKnown {
        /// The swarm.
        info_hash: InfoHash,
        /// Bytes.
        size: u64,
        /// Pieces.
        pieces: u32,
        /// What it is called.
        name: String,
        /// Where it is kept.
        place: PathBuf,
        /// How many of its files are selected.
        files: usize,
        /// Bytes of these.
        selected: u64,
    },
    /// The description of a content was learned, and it cannot be kept: nothing that was selected
    /// is in it, or there is no place for it. The node goes on without it.
    ContentRefused {
        /// The swarm.
        info_hash: InfoHash,
        /// Why, in one line.
        error: String,
    },
    /// How far the node is. Sent when something changed, a few times a second at most.
    Progress {
        /// The progress of all contents together.
        progress: Progress,
        /// That of each.
        contents: Vec<(InfoHash, Progress)>,
        /// Bytes of blocks received per second.
        down: u64,
        /// Bytes of blocks sent per second.
        up: u64,
    },
    /// Every piece that is selected is here and verified.
    Completed {
        /// The swarm.
        info_hash: InfoHash,
    },
    /// Pieces were lost: the node is no longer complete and repairs.
    Incomplete {
        /// The swarm.
        info_hash: InfoHash,
    },
    /// The file cannot be written or read; the node tries again by itself.
    StoragePaused {
        /// The swarm.
        info_hash: InfoHash,
        /// What is wrong, in one line.
        error: String,
    },
    /// The file can be used again.
    StorageResumed {
        /// The swarm.
        info_hash: InfoHash,
    },
    /// Pieces that were right are not any more: others changed the file, or the disk lost them. They are
    /// withdrawn, and fetched again if the node fetches this content.
    Damaged {
        /// The swarm.
        info_hash: InfoHash,
        /// Their numbers.
        pieces: Vec<u32>,
    },
    /// All that was damaged is right again.
    Healed {
        /// The swarm.
        info_hash: InfoHash,
    },
    /// A content is kept from now on: the configuration, an operator or a peer named it.
    SwarmAdded {
        /// The swarm.
        info_hash: InfoHash,
    },
    /// A content is kept no longer: an operator said so.
    SwarmRemoved {
        /// The swarm.
        info_hash: InfoHash,
    },
    /// An operator paused a content: nothing of it is fetched or served.
    SwarmPaused {
        /// The swarm.
        info_hash: InfoHash,
    },
    /// An operator has it go on.
    SwarmResumed {
        /// The swarm.
        info_hash: InfoHash,
    },
    /// Every piece of a content is checked anew: an operator said so.
    Verifying {
        /// The swarm.
        info_hash: InfoHash,
    },
    /// A link with a peer is ready: both have said who they are. A second link with the same peer is
    /// not told of.
    PeerJoined {
        /// The swarm.
        info_hash: InfoHash,
        /// Where the peer is, as its connection shows.
        address: SocketAddr,
        /// Its program, if it says so. A stranger's words, made fit to be shown.
        client: Option<String>,
        /// It is a swarmlet.
        fleet: bool,
    },
    /// A link with a peer that had been ready has ended, and there is no other with it.
    PeerLost {
        /// The swarm.
        info_hash: InfoHash,
        /// Where the peer was.
        address: SocketAddr,
        /// Its program, if it said so.
        client: Option<String>,
        /// It was a swarmlet.
        fleet: bool,
        /// Why, in one line.
        reason: String,
    },
    /// A host is not spoken to any more: it broke a rule, or an operator said so.
    HostBanned {
        /// The host.
        ip: IpAddr,
        /// For how long; until an operator lifts it if `None`.
        time: Option<Duration>,
        /// Why, in one line.
        reason: String,
    },
    /// An operator lifted a ban.
    HostUnbanned {
        /// The host.
        ip: IpAddr,
    },
    /// An actor panicked. It starts anew, or the link that it served is closed and another one
    /// opened; if neither can be, [`Self::Failed`] follows.
    ActorPanicked {
        /// The actor's kind, in lower case.
        actor: &'static str,
        /// The text of the panic.
        panic: String,
    },
    /// An actor had not answered for so long. It starts anew, or the link that it served is closed; if
    /// neither can be, [`Self::Failed`] follows.
    ActorStuck {
        /// The actor's kind, in lower case.
        actor: &'static str,
        /// For how long, not counting what the process slept.
        silent: Duration,
    },
    /// A thread of the node stands still: a call to the system does not come back, or a loop does not
    /// end. Nothing can be done about it from within the process. Told by the sentinel, if there is
    /// one, again and again.
    ThreadStuck {
        /// Which one.
        thread: &'static str,
        /// For how long, not counting what the process slept.
        stood: Duration,
    },
    /// The node cannot go on: an actor panicked, or was stuck, too often.
    Failed {
        /// What is wrong, in one line.
        error: String,
    },
}
