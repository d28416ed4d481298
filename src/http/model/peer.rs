//! Links and bans.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::report::{self, LinkReport, NodeReport};

/// The links of a node.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Peers {
    /// In the order in which they began.
    pub peers: Vec<Peer>,
}

/// What a peer is.
#[derive(Copy, Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// A swarmlet.
    Fleet,
    /// Any other client, and whoever has not said yet what it is.
    Foreign,
}

/// Who opened a link.
#[derive(Copy, Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The peer did.
    In,
    /// This node did.
    Out,
}

/// What carries a link.
#[derive(Copy, Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// TCP.
    Tcp,
    /// uTP (BEP 29).
    Utp,
}

/// A link.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Peer {
    /// Its number, which no other link of this life has.
    pub link: u64,
    /// Where the peer is, as its connection shows.
    #[schema(example = "10.0.0.7:6881")]
    pub address: String,
    /// The content that it is for; null where nodes meet that do not know theirs yet.
    pub infohash: Option<String>,
    /// The peer's name, once it said so.
    pub peer_id: Option<String>,
    /// The peer's program, if it says so.
    pub client: Option<String>,
    /// What the peer is.
    pub class: Class,
    /// Who opened the link.
    pub direction: Direction,
    /// What carries it.
    pub transport: Transport,
    /// What travels on it is encrypted.
    pub encrypted: bool,
    /// It is under the fleet secret: TLS 1.3, and both ends have proved to know the secret.
    #[serde(default)]
    pub secured: bool,
    /// The node that the peer proved to be; null without a fleet secret.
    #[serde(default)]
    #[schema(example = "4f1c0c5a7d0e4b6f8a9b0c1d2e3f4a5b")]
    pub node_id: Option<String>,
    /// How long it has been open, in seconds.
    pub connected_seconds: f64,
    /// The median of the round trips of late, in seconds; null if nothing was asked of the peer.
    pub round_trip_seconds: Option<f64>,
    /// Bytes per second that come.
    pub down_rate: u64,
    /// Bytes per second that go.
    pub up_rate: u64,
    /// Bytes of the content that came on this link.
    pub received_bytes: u64,
    /// Bytes of the content that went on this link.
    pub sent_bytes: u64,
    /// How much of the content the peer has, from 0 to 1; null while that cannot be said.
    pub verified_fraction: Option<f64>,
    /// We want something that it has.
    pub we_are_interested: bool,
    /// It answers no requests of ours.
    pub choking_us: bool,
    /// It wants something that we have.
    pub interested_in_us: bool,
    /// We answer no requests of it.
    pub choked_by_us: bool,
    /// The same in letters: `D` we want and may fetch, `d` we want and are choked, `U` it wants and may
    /// fetch, `u` it wants and is choked, `I` it opened the link, `E` encrypted,
    /// `S` secured by the fleet secret, `F` a swarmlet, `T` uTP.
    #[schema(example = "DUIF")]
    pub flags: String,
}

/// Hosts that are not spoken to.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Bans {
    /// In the order of their addresses.
    pub bans: Vec<Ban>,
}

/// A host that is not spoken to.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Ban {
    /// The host.
    #[schema(example = "10.0.0.7")]
    pub ip: String,
    /// For how long still, in seconds; null until it is lifted.
    pub seconds_left: Option<f64>,
}

impl Peers {
    /// The links of a report.
    pub(crate) fn of(report: &NodeReport) -> Self {
        let pieces_of = |link: &LinkReport| {
            let swarm = report
                .swarms
                .iter()
                .find(|it| Some(it.info_hash) == link.info_hash)?;
            Some(swarm.info.as_ref()?.layout().pieces())
        };
        let peers = report
            .links
            .iter()
            .map(|link| Peer::of(link, pieces_of(link)));
        Self {
            peers: peers.collect(),
        }
    }
}

impl Peer {
    fn of(link: &LinkReport, pieces: Option<u32>) -> Self {
        let standing = link.standing;
        let fraction = pieces.filter(|&pieces| pieces > 0 && link.ready);
        Self {
            link: link.link.0,
            address: link.remote.to_string(),
            infohash: link.info_hash.map(|info_hash| info_hash.to_string()),
            peer_id: link.peer_id.map(|peer_id| peer_id.to_string()),
            client: link.client.clone(),
            class: if link.fleet {
                Class::Fleet
            } else {
                Class::Foreign
            },
            direction: if link.dialed {
                Direction::Out
            } else {
                Direction::In
            },
            transport: if link.utp {
                Transport::Utp
            } else {
                Transport::Tcp
            },
            encrypted: link.encrypted,
            secured: link.secured,
            node_id: link.node.map(|node| node.to_string()),
            connected_seconds: link.age.as_secs_f64(),
            round_trip_seconds: link.round_trip.map(|time| time.as_secs_f64()),
            down_rate: link.rates.down,
            up_rate: link.rates.up,
            received_bytes: standing.moved.0,
            sent_bytes: standing.moved.1,
            verified_fraction: fraction.map(|of| f64::from(standing.peer_has) / f64::from(of)),
            we_are_interested: standing.interested,
            choking_us: standing.choked,
            interested_in_us: standing.peer_interested,
            choked_by_us: standing.peer_choked,
            flags: flags(link),
        }
    }
}

fn flags(link: &LinkReport) -> String {
    let standing = link.standing;
    let letters = [
        (standing.interested && !standing.choked, 'D'),
        (standing.interested && standing.choked, 'd'),
        (standing.peer_interested && !standing.peer_choked, 'U'),
        (standing.peer_interested && standing.peer_choked, 'u'),
        (!link.dialed, 'I'),
        (link.encrypted, 'E'),
        (link.secured, 'S'),
        (link.fleet, 'F'),
        (link.utp, 'T'),
    ];
    letters
        .iter()
        .filter(|(is_set, _)| *is_set)
        .map(|(_, letter)| letter)
        .collect()
}

impl From<&[report::Ban]> for Bans {
    fn from(bans: &[report::Ban]) -> Self {
        let bans = bans.iter().map(|ban| Ban {
            ip: ban.ip.to_string(),
            seconds_left: ban.left.map(|left| left.as_secs_f64()),
        });
        Self {
            bans: bans.collect(),
        }
    }
}
