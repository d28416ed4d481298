//! What can be said to a node.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A content to keep: exactly one of `magnet`, `torrent` and `conf` says what it is.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddSwarm {
    /// A magnet link; the description is learned from peers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub magnet: Option<String>,
    /// A `.torrent` file in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub torrent: Option<String>,
    /// A torrent.conf, with its `FileInfo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub conf: Option<serde_json::Value>,
    /// Where to keep it: the absolute path of the file, or of the folder of its files. Without it, under
    /// its own name in the node's directory of contents, if it has one (`--shares`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "/srv/images/image.iso")]
    pub place: Option<String>,
    /// Peers that have it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<String>,
}

/// Somebody who may be a peer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddPeer {
    /// IP, IP:PORT, a host name or NAME:PORT; without a port it is 6881.
    #[schema(example = "10.0.0.7:6881")]
    pub address: String,
}

/// A host not to speak to.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BanWord {
    /// The host.
    #[schema(example = "10.0.0.7")]
    pub ip: String,
    /// For how long; without it until it is lifted, in later lives of the node as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 31536000)]
    pub seconds: Option<u32>,
}

/// What is logged.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogFilter {
    /// A level, or levels by module, as in `RUST_LOG`.
    #[schema(example = "info,swarmlet_actors::discovery=debug")]
    pub filter: String,
}
