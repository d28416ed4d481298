//! What a node looks like: the answers to whoever asks about it while it runs.
//!
//! A report is a copy of one moment, put together from what several actors say; its parts may be
//! some milliseconds apart. Its types may get further fields, so nobody else makes them.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix::Message;
use swarmlet_protocol::id::{InfoHash, LinkId, NodeId, PeerId};
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::metainfo::{Info, Selection};
use swarmlet_protocol::picker::PieceState;
use swarmlet_protocol::session::Standing;
use swarmlet_protocol::tracker::TrackerUrl;
use swarmlet_protocol::waiting::Wait;
use swarmlet_protocol::web_seed::SourceUrl;

use super::scheduler::Progress;

/// The whole node.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NodeReport {
    /// Its name on the wire, in this life.
    pub peer_id: PeerId,
    /// Its name that outlives this process and that it proves; with a fleet secret only.
    pub node: Option<NodeId>,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Its fleet; empty for the nameless one.
    pub fleet: String,
    /// How long it has been running.
    pub uptime: Duration,
    /// Every content that is to be here is here and verified, and there is one.
    pub ready: bool,
    /// It has still to learn what its fleet shares.
    pub is_learning: bool,
    /// What it moved.
    pub totals: Totals,
    /// Bytes per second from peers and sources, and to peers.
    pub rates: Rates,
    /// Its contents, in the order of their infohashes.
    pub swarms: Vec<SwarmReport>,
    /// Its links, in the order in which they began.
    pub links: Vec<LinkReport>,
    /// Its actors.
    pub actors: Vec<ActorReport>,
    /// Hosts that are not spoken to.
    pub bans: Vec<Ban>,
    /// What it has of memory and permits for bytes of pieces.
    pub held: Held,
}

/// Memory and permits for bytes of pieces that are in use. All of it is given back.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Held {
    /// Bytes of buffers.
    pub buffers: u64,
    /// Bytes that were read for peers and have not left.
    pub lent: u64,
    /// Jobs that read or check.
    pub jobs: usize,
}

/// Bytes per second.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Rates {
    /// That come.
    pub down: u64,
    /// That go.
    pub up: u64,
}

/// Totals since the node started.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Totals {
    /// Bytes of blocks that were received, and of what sources sent.
    pub received: u64,
    /// Bytes of blocks that were sent to peers.
    pub sent: u64,
    /// Bytes from and to members of the fleet.
    pub fleet: (u64, u64),
    /// Bytes from and to other clients.
    pub foreign: (u64, u64),
    /// Bytes from sources that are no peers.
    pub from_sources: u64,
    /// Bytes that were read by readers, as of the HTTP face.
    pub read: u64,
    /// Pieces whose hash was wrong.
    pub rejected: u64,
    /// Pieces that were right and were found damaged, and those of them that are right again.
    pub damaged: u64,
    /// See above.
    pub healed: u64,
    /// Bytes that were hashed again after the check at the start.
    pub scrubbed: u64,
    /// Links that were not let in.
    pub refused: Refused,
    /// Nodes that had the id of another one, or of this one: state directories that were copied.
    pub doubles: u64,
    /// Actors that panicked.
    pub panics: u64,
}

/// Links that were not let in, by the reason. Only that of `denied` comes without a fleet secret.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Refused {
    /// The peer spoke without TLS.
    pub plain: u64,
    /// It spoke TLS, and not as our dialers do.
    pub foreign_tls: u64,
    /// It did not show that it knows a secret, or repeated what somebody else had shown.
    pub unproved: u64,
    /// Its certificate was not right, or what it said within TLS.
    pub handshake: u64,
    /// The access list denies its address or its node id.
    pub denied: u64,
    /// We dialed, and the peer refused us or was none of ours.
    pub by_peers: u64,
}

impl Refused {
    /// Those that connected and were not let in.
    #[must_use]
    pub const fn all(&self) -> u64 {
        self.plain + self.foreign_tls + self.unproved + self.handshake + self.denied
    }
}

/// One content.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SwarmReport {
    /// The swarm.
    pub info_hash: InfoHash,
    /// What it is, once that is known.
    pub info: Option<Arc<Info>>,
    /// Which of its files are wanted, once it is known.
    pub selection: Option<Selection>,
    /// Where it is kept, once that is known.
    pub place: Option<PathBuf>,
    /// It stands in the configuration of this node.
    pub configured: bool,
    /// The operator paused it.
    pub paused: bool,
    /// Why it cannot be kept.
    pub refused: Option<String>,
    /// How far it is.
    pub progress: Progress,
    /// Everything that is selected is here and verified.
    pub complete: bool,
    /// Bytes per second.
    pub rates: Rates,
    /// Why it does not get on.
    pub waits: Vec<Wait>,
    /// Where its pieces stand, in short.
    pub map: PieceMap,
    /// Its trackers, in tiers.
    pub trackers: Vec<Vec<TrackerUrl>>,
    /// Its web seeds.
    pub sources: Vec<SourceUrl>,
}

impl SwarmReport {
    /// How long it will take at the present rate; unknown while nothing comes or it is paused, and
    /// when all is here.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        let left = self.progress.size.saturating_sub(self.progress.bytes);
        let is_moving = self.rates.down > 0 && left > 0 && !self.paused;
        is_moving.then(|| Duration::from_secs(left.div_ceil(self.rates.down)))
    }
}

/// Where the pieces of a content stand, in at most [`MAX_CELLS`] cells.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct PieceMap {
    /// How many pieces a cell stands for; the last may stand for fewer.
    pub pieces_per_cell: u32,
    /// Of each cell, how many of a hundred pieces are here, rounded down.
    pub cells: Vec<u8>,
    /// The cells in which something is being fetched.
    pub active: Vec<u32>,
}

/// 1,000: cells of a piece map: as many as a screen can show.
pub const MAX_CELLS: u32 = 1_000;

impl PieceMap {
    /// The map of so many pieces, of which these are here and those are being fetched.
    #[must_use]
    pub fn of(pieces: u32, state: impl Fn(PieceIndex) -> PieceState) -> Self {
        let pieces_per_cell = pieces.div_ceil(MAX_CELLS).max(1);
        let (mut cells, mut active) = (Vec::new(), Vec::new());
        for (number, first) in (0..pieces).step_by(pieces_per_cell as usize).enumerate() {
            let last = first.saturating_add(pieces_per_cell).min(pieces);
            let (mut have, mut is_active) = (0_u32, false);
            for piece in (first..last).map(PieceIndex::new) {
                match state(piece) {
                    PieceState::Have => have += 1,
                    PieceState::Leased => is_active = true,
                    _ => {}
                }
            }
            let percent = u64::from(have) * 100 / u64::from(last - first);
            cells.push(percent as u8);
            if is_active {
                active.push(number as u32);
            }
        }
        Self {
            pieces_per_cell,
            cells,
            active,
        }
    }
}

/// One link, from the moment its connection is up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LinkReport {
    /// Its number, which no other link of this life has.
    pub link: LinkId,
    /// Who is there.
    pub remote: SocketAddr,
    /// The swarm that it is for; none at the rendezvous.
    pub info_hash: Option<InfoHash>,
    /// The peer's name, once it said so.
    pub peer_id: Option<PeerId>,
    /// The peer's program, once it said so.
    pub client: Option<String>,
    /// The peer is a swarmlet.
    pub fleet: bool,
    /// We opened it.
    pub dialed: bool,
    /// It is uTP and not TCP.
    pub utp: bool,
    /// Which node the peer proved to be; with a fleet secret only.
    pub node: Option<NodeId>,
    /// It is under the fleet secret: both ends proved to know it, and what travels is encrypted.
    pub secured: bool,
    /// Both handshakes are through.
    pub ready: bool,
    /// How long it has been open.
    pub age: Duration,
    /// How it stands.
    pub standing: Standing,
    /// What travels on it is encrypted.
    pub encrypted: bool,
    /// The median of the round trips of late, if any was measured.
    pub round_trip: Option<Duration>,
    /// Bytes per second.
    pub rates: Rates,
}

/// One actor that lives as long as its node or its content.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ActorReport {
    /// Its kind, as it stands in the log.
    pub name: &'static str,
    /// How long it took to answer when it was last asked, or since when it owes an answer.
    pub mailbox_age: Duration,
    /// How often it panicked or did not answer, and was started anew; that of all actors of the kind.
    pub restarts: u64,
}

/// A host that is not spoken to.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Ban {
    /// The host.
    pub ip: IpAddr,
    /// For how long still; `None` until it is lifted.
    pub left: Option<Duration>,
}

/// Asks for the report of the whole node. From whoever embeds it, to the supervisor.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "NodeReport")]
pub struct QueryNode;

/// Asks where every piece of a content stands; empty while the content is not known. From whoever
/// embeds the node, to the supervisor, and from there to the scheduler.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "Vec<PieceState>")]
pub struct QueryPieces {
    /// The swarm.
    pub info_hash: InfoHash,
}

/// What a scheduler knows beside the progress.
#[derive(Clone, Debug, Default, actix::MessageResponse)]
pub struct SwarmState {
    /// How far it is.
    pub progress: Progress,
    /// Everything that is selected is here.
    pub complete: bool,
    /// Other contents are fetched now.
    pub waits_for_turn: bool,
    /// Pieces that are being fetched or stored.
    pub leased: u32,
    /// The first of the pieces that nobody has.
    pub first_without_holder: Option<PieceIndex>,
    /// Sources that are no peers.
    pub sources: u32,
    /// Where the pieces stand, in short.
    pub map: PieceMap,
}

/// Asks a scheduler for all that a report needs. From the supervisor.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "SwarmState")]
pub struct QuerySwarm;

/// Asks discovery for its links and bans. From the supervisor.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "Linked")]
pub struct QueryLinks;

/// The links and bans of a node. Rates and round trips are filled in by the supervisor.
#[derive(Clone, Debug, Default, actix::MessageResponse)]
pub struct Linked {
    /// The links.
    pub links: Vec<LinkReport>,
    /// The bans.
    pub bans: Vec<Ban>,
}

/// Asks the watchdog for its figures. From the supervisor.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "Figures")]
pub struct QueryFigures;

/// What the watchdog measured.
#[derive(Clone, Debug, Default, actix::MessageResponse)]
pub struct Figures {
    /// Of the whole node.
    pub rates: Rates,
    /// Of each swarm.
    pub swarms: Vec<(InfoHash, Rates)>,
    /// Of each link: its rates and the median of its round trips.
    pub links: Vec<(LinkId, Rates, Option<Duration>)>,
    /// Of each actor: how long it takes to answer.
    pub mailboxes: Vec<(&'static str, Duration)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_has_a_cell_for_each_piece_of_few_and_a_thousand_cells_at_most() {
        let third = |piece: PieceIndex| match piece.get() % 3 {
            0 => PieceState::Have,
            1 => PieceState::Leased,
            _ => PieceState::Wanted,
        };
        let map = PieceMap::of(4, third);
        assert_eq!(
            (map.pieces_per_cell, map.cells.as_slice()),
            (1, &[100, 0, 0, 100][..])
        );
        assert_eq!(map.active, [1]);
        for pieces in [0, 1, 999, 1_000, 1_001, 800_000] {
            let map = PieceMap::of(pieces, |_| PieceState::Have);
            assert!(map.cells.len() <= MAX_CELLS as usize, "{pieces}");
            assert!(map.cells.iter().all(|&cell| cell == 100), "{pieces}");
            let covered = map.cells.len() as u64 * u64::from(map.pieces_per_cell);
            assert!(covered >= u64::from(pieces), "{pieces}");
        }
    }

    #[test]
    fn a_cell_is_full_only_if_every_piece_is_here() {
        let map = PieceMap::of(2_000, |piece| match piece.get() {
            1_999 => PieceState::Wanted,
            _ => PieceState::Have,
        });
        assert_eq!(map.cells.last(), Some(&50));
    }
}
