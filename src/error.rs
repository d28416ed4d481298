//! What can go wrong when a node is started.

use std::path::PathBuf;

use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::metainfo::{ConfError, TorrentError};
use thiserror::Error;

/// Why a node cannot start. Each text is one line that names the value and the reason.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration cannot be used.
    #[error("{0}")]
    Conf(#[from] ConfError),
    /// The torrent cannot be used.
    #[error("{0}")]
    Torrent(#[from] TorrentError),
    /// What is to be kept in sync cannot be kept there.
    #[error("cannot open {}: {reason}", .path.display())]
    Data {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Several contents, and nothing says what this place is to hold.
    #[error(
        "nothing says what {} is to hold: a node with several contents needs the description of each",
        .path.display()
    )]
    NoContent {
        /// The place.
        path: PathBuf,
    },
    /// More contents than a node keeps.
    #[error("{count} contents; the limit is {limit}: run a second node for the rest")]
    TooMany {
        /// The contents.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// A content, and nothing says where it is to be kept.
    #[error(
        "nothing says where to keep {info_hash}: start from Node::builder, or give it as a Share"
    )]
    NoPlace {
        /// The content.
        info_hash: InfoHash,
    },
    /// No content, and no place for one that could be learned.
    #[error("there is nothing to keep: give Node::sharing one content at least")]
    NothingToKeep,
    /// The listening socket cannot be opened.
    #[error("{0}")]
    Listen(String),
    /// The state folder cannot be used.
    #[error("cannot keep state in {}: {reason}", .path.display())]
    State {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// uTP is asked of a program that was built without it.
    #[error("this program was built without uTP: build it with `--features utp`, or leave uTP off")]
    NoUtp,
    /// A fleet secret is given to a program that was built without support for it.
    #[error(
        "this program was built without the feature 'secret', so it cannot secure links: build it with that"
    )]
    NoSecretSupport,
    /// A fleet secret together with the distributed hash table.
    #[error(
        "a node with a fleet secret cannot use the DHT, which tells the world what it keeps: leave out --dht, \
         or the secret"
    )]
    SecretWithDht,
    /// The fleet secret or the access list cannot be used.
    #[error("{0}")]
    Admission(String),
    /// A node is started within an actix system, and there is none.
    #[error("a node is started within an actix system; call this from inside one")]
    NoSystem,
    /// A node is to be started on an arbiter, and that has stopped.
    #[error("the arbiter has stopped; start the node on one that runs")]
    ArbiterGone,
}
