//! What goes into a session and what comes out of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::download::WholePiece;
use super::spill::Spill;
use crate::bitfield::Bitfield;
use crate::buffers::Buffers;
use crate::extension::{PexMessage, SwarmsMessage};
use crate::id::{InfoHash, PeerId};
use crate::layout::{Block, PieceIndex};
use crate::metainfo::Info;

/// What a session needs to know from the start.
#[derive(Clone, Debug)]
pub struct Params {
    /// Who opened the link.
    pub role: Role,
    /// Our own name.
    pub peer_id: PeerId,
    /// The infohash under which the fleet's nodes meet that do not know their swarm.
    pub rendezvous: InfoHash,
    /// The port that we listen on, told to the peer (`p`, BEP 10).
    pub listen_port: u16,
    /// The UDP port of our node of the distributed hash table (BEP 5), if there is one.
    pub dht_port: Option<u16>,
    /// Where the peer is, told to it (`yourip`, BEP 10).
    pub remote: Option<IpAddr>,
    /// Our client's name and version (`v`, BEP 10).
    pub client: String,
    /// Where memory for pieces comes from: one pool for all links of a node.
    pub buffers: Buffers,
}

/// Who opened the link.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Role {
    /// The peer did; it names the swarm.
    Accepted,
    /// We did, for this swarm.
    Dialed {
        /// The swarm that we name.
        info_hash: InfoHash,
    },
}

/// A word of the host.
#[derive(Clone, Debug)]
pub enum Input {
    /// Answer an accepted link's handshake for this swarm.
    Answer(InfoHash),
    /// The link may begin. With the content as far as we know it, and the pieces we have; `None`
    /// on a rendezvous link and while the content is not known.
    Welcome(Option<(Arc<Info>, Bitfield)>),
    /// Answer no requests of this peer from now on: those that wait are refused (BEP 6) or
    /// dropped. Before [`Self::Welcome`] it is not said, for it goes without saying.
    Choke,
    /// Answer requests of this peer, as every link does that was not told otherwise. It is said as
    /// soon as the content is known.
    Unchoke,
    /// The content of the link's swarm became known, and these pieces of it are here.
    InfoLearned(Arc<Info>, Bitfield),
    /// The picker leases these pieces to this link.
    Grant(Vec<PieceIndex>),
    /// These pieces are not needed from this link any more.
    Cancel(Vec<PieceIndex>),
    /// We have these pieces now: tell the peer.
    Announce(Vec<PieceIndex>),
    /// We would like the peer to fetch these from us first (BEP 6), if it speaks the fast extension.
    Suggest(Vec<PieceIndex>),
    /// We have everything now. The peer was not told of pieces that it had itself; it learns of
    /// them all at once, so that it can fetch from us what it loses, and knows that we are done.
    Complete,
    /// We want nothing more, and lack some of the content: part of it was selected, and that is
    /// here. Told to peers that are no swarmlets (BEP 21); to those the word means that we have
    /// everything.
    Satisfied,
    /// We lost these pieces: requests for them are refused until they are announced again. The peer
    /// is told (BEP 54), or the link closed if it would not understand.
    Withdraw(Vec<PieceIndex>),
    /// Does the peer have something that we lack?
    Interest(bool),
    /// The blocks that [`Output::Read`] asked for: their bytes one after the other, of the first
    /// block at least. Those whose bytes are missing are asked for again.
    BlocksRead(Vec<Block>, Bytes),
    /// The first of the blocks that [`Output::Read`] asked for cannot be read, and nothing was.
    ReadFailed(Vec<Block>),
    /// Ask the peer for this part of the metadata (BEP 9).
    RequestMetadata(u32),
    /// Say something, so that the network tells whether the peer is there still.
    Probe,
    /// Tell the peer of these addresses (BEP 11).
    SendPex(PexMessage),
    /// Tell the peer of these swarms.
    SendSwarms(SwarmsMessage),
    /// The time of [`super::Session::next_timeout`] has come.
    Wake,
}

/// Something for the host to do or to know.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// The peer's handshake is here. The host answers with [`Input::Answer`] (accepted links) and
    /// [`Input::Welcome`], or closes.
    Handshaken {
        /// The swarm that the peer named.
        info_hash: InfoHash,
        /// The peer's name.
        peer_id: PeerId,
    },
    /// The peer has said what it can do.
    Ready(Ready),
    /// The peer has pieces.
    PeerHas(PeerHave),
    /// The peer would like us to fetch these from it first (BEP 6).
    PeerSuggests(Vec<PieceIndex>),
    /// The peer does not have these pieces, whatever it said before.
    PeerLacks(Vec<PieceIndex>),
    /// The peer has everything.
    PeerComplete,
    /// The peer had everything, and lost some of it.
    PeerIncomplete,
    /// What the peer wants from us, when that changed. Not told of members of the fleet, who are
    /// served in any case; nor are the next two.
    PeerInterest {
        /// It says that we have something for it.
        interested: bool,
        /// It is complete, or wants nothing more (BEP 21).
        done: bool,
    },
    /// Bytes of blocks that moved since the link began, at most once every
    /// [`super::TRAFFIC_PERIOD`].
    Traffic {
        /// Bytes that we had asked for, from the peer.
        given: u64,
        /// Bytes to the peer.
        taken: u64,
    },
    /// The peer has owed us blocks for [`super::SNUBBED_AFTER`] and sends nothing; or it does send
    /// again.
    Snubs(bool),
    /// The link could take this many more bytes of leases; replaces what it said before.
    Want {
        /// Bytes beyond what is leased already; zero while the peer chokes us.
        bytes: u64,
        /// The shortest round trip of late.
        round_trip: Duration,
        /// Bytes per second of late.
        rate: u64,
    },
    /// Bytes of leased pieces came in although no piece became whole for a while; at most once
    /// every [`super::PROGRESS_PERIOD`]. Tells a slow peer from a dead one.
    Progress,
    /// These leases end: the peer will not answer.
    Returned(Vec<PieceIndex>),
    /// These pieces are whole and go to storage.
    Pieces(Vec<WholePiece>),
    /// Something about a piece that is too long to be held in memory.
    Spill(Spill),
    /// Read these blocks for the peer and answer with [`Input::BlocksRead`].
    Read(Vec<Block>),
    /// The peer can send the metadata, of this many bytes (BEP 9).
    MetadataOffered(u32),
    /// A part of the metadata (BEP 9).
    MetadataData {
        /// The part's number.
        piece: u32,
        /// The whole size that the peer claims.
        total_size: u32,
        /// The part's bytes.
        data: Bytes,
    },
    /// The peer will not send this part of the metadata.
    MetadataRejected(u32),
    /// The peer told of addresses.
    Pex(PexMessage),
    /// The peer has a node of the distributed hash table at this UDP port (BEP 5). Said once of a
    /// link at most, and only where we have one as well.
    DhtPort(u16),
    /// The peer told of swarms.
    Swarms(SwarmsMessage),
    /// The link is beyond use.
    Close(CloseReason),
}

/// What a peer says of itself once the handshakes are through.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ready {
    /// The port that it listens on, if it said so.
    pub listen_port: Option<u16>,
    /// It is a swarmlet: it speaks `sw_swarms`.
    pub fleet: bool,
    /// It takes peer exchange.
    pub pex: bool,
    /// The client's name and version.
    pub client: Option<String>,
}

/// What a link looks like from outside, for whoever watches it. Nobody decides by it.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Standing {
    /// The peer has something that we lack.
    pub interested: bool,
    /// The peer answers no requests of ours.
    pub choked: bool,
    /// The peer says that we have something for it.
    pub peer_interested: bool,
    /// We answer no requests of the peer.
    pub peer_choked: bool,
    /// Pieces that the peer said it has.
    pub peer_has: u32,
    /// Bytes of blocks that came and that left.
    pub moved: (u64, u64),
}

/// Pieces that a peer has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PeerHave {
    /// All of them.
    All,
    /// These, and no others.
    Only(Bitfield),
    /// These as well.
    More(Vec<PieceIndex>),
}

/// Why a session ends its link.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum CloseReason {
    /// The handshakes took too long.
    HandshakeTimedOut,
    /// The peer said nothing for minutes.
    Silent,
    /// The peer owes blocks and sends nothing.
    Starved,
    /// A message of the peer has begun and does not come to its end.
    Unfinished,
    /// The peer does not read what waits for it, or asks for more than it reads.
    Stuck,
    /// We lost pieces, and the peer cannot be told.
    Withdrew,
}

impl std::fmt::Display for CloseReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::HandshakeTimedOut => "the handshakes took too long",
            Self::Silent => "the peer has said nothing for minutes",
            Self::Starved => "the peer owes blocks and sends nothing",
            Self::Unfinished => "the peer takes minutes for one message",
            Self::Stuck => "the peer does not read what is sent to it",
            Self::Withdrew => "pieces were lost here, and the peer cannot be told of it",
        })
    }
}
