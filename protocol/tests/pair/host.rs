//! A small host of one session: content in memory, the picker, the fetch of the metadata.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use swarmlet_protocol::bitfield::Bitfield;
use swarmlet_protocol::buffers::Buffers;
use swarmlet_protocol::extension::{SwarmEntry, SwarmsMessage};
use swarmlet_protocol::id::{InfoHash, LinkId, PeerId, PieceHash};
use swarmlet_protocol::layout::{Block, PieceIndex};
use swarmlet_protocol::metadata_fetch::{self, MetadataFetch};
use swarmlet_protocol::metainfo::Info;
use swarmlet_protocol::picker::{self, Picker, PickerLimits};
use swarmlet_protocol::session::{Input, Output, Params, PeerHave, Role, Session, WholePiece};
use swarmlet_protocol::time::Timestamp;

pub(crate) const RENDEZVOUS: InfoHash = InfoHash([9; 20]);

/// Hash and write.
const STORE: Duration = Duration::from_millis(1);

/// What the host's storage is to do, and when it is done.
enum Job {
    Store(Vec<WholePiece>),
    Read(Vec<Block>),
}

pub(crate) struct Host {
    pub(crate) name: u8,
    /// The swarm that it belongs to, once it knows.
    pub(crate) swarm: Option<InfoHash>,
    pub(crate) info: Option<Arc<Info>>,
    /// Verified pieces: what survives a restart.
    pub(crate) content: BTreeMap<PieceIndex, Bytes>,
    pub(crate) picker: Option<Picker>,
    fetch: Option<MetadataFetch>,
    pub(crate) session: Option<Session>,
    link: LinkId,
    jobs: Vec<(Timestamp, LinkId, Job)>,
    /// Pieces whose hash was wrong; nothing of them was kept.
    pub(crate) rejected: u32,
    pub(crate) progress: u32,
    pub(crate) closed: Option<String>,
}

impl Host {
    pub(crate) fn new(name: u8) -> Self {
        Self {
            name,
            swarm: None,
            info: None,
            content: BTreeMap::new(),
            picker: None,
            fetch: None,
            session: None,
            link: LinkId(0),
            jobs: Vec::new(),
            rejected: 0,
            progress: 0,
            closed: None,
        }
    }

    pub(crate) fn knowing(
        mut self,
        info: &Arc<Info>,
        content: &[u8],
        has: impl Fn(u32) -> bool,
    ) -> Self {
        let layout = info.layout();
        for piece in layout.all_pieces().filter(|piece| has(piece.get())) {
            let start = layout.offset(piece) as usize;
            let data = &content[start..start + layout.length(piece) as usize];
            self.content.insert(piece, Bytes::copy_from_slice(data));
        }
        self.learn(Arc::clone(info));
        self
    }

    /// Knows the infohash alone, as from a magnet link.
    pub(crate) fn wanting(mut self, swarm: InfoHash) -> Self {
        self.swarm = Some(swarm);
        self.fetch = Some(MetadataFetch::new(swarm, u64::from(self.name)));
        self
    }

    fn learn(&mut self, info: Arc<Info>) {
        self.swarm = Some(info.info_hash());
        self.info = Some(info);
        self.restart();
    }

    /// Starts again from what storage has.
    pub(crate) fn restart(&mut self) {
        self.jobs.clear();
        let Some(info) = &self.info else { return };
        let layout = *info.layout();
        let mut picker = Picker::new(layout, PickerLimits::default(), u64::from(self.name));
        let (good, bad) = layout
            .all_pieces()
            .partition(|piece| self.content.contains_key(piece));
        picker.handle(
            picker::Input::Checked { good, bad },
            Timestamp::ZERO,
            &mut Vec::new(),
        );
        self.picker = Some(picker);
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.picker.as_ref().is_some_and(Picker::is_complete)
    }

    fn have(&self) -> Option<(Arc<Info>, Bitfield)> {
        let info = self.info.as_ref()?;
        Some((Arc::clone(info), self.picker.as_ref()?.have().clone()))
    }

    pub(crate) fn connect(&mut self, role: Role, link: LinkId, now: Timestamp) {
        let params = Params {
            role,
            peer_id: PeerId([self.name; 20]),
            rendezvous: RENDEZVOUS,
            listen_port: 6881,
            dht_port: None,
            remote: None,
            client: format!("host {}", self.name),
            buffers: Buffers::default(),
        };
        self.link = link;
        self.session = Some(Session::new(params, now));
        self.closed = None;
    }

    pub(crate) fn disconnect(&mut self, now: Timestamp) {
        if self.session.take().is_some() {
            let link = self.link;
            self.pick(picker::Input::LinkClosed { link }, now);
            self.fetch(metadata_fetch::Input::LinkClosed { link }, now);
        }
    }

    pub(crate) fn receive(&mut self, bytes: &[u8], now: Timestamp) {
        let Some(session) = &mut self.session else {
            return;
        };
        let mut out = Vec::new();
        let judged = session.receive(bytes, now, &mut out);
        self.perform(out, now);
        if let Err(violation) = judged {
            self.closed.get_or_insert_with(|| violation.to_string());
        }
    }

    fn input(&mut self, input: Input, now: Timestamp) {
        let Some(session) = &mut self.session else {
            return;
        };
        let mut out = Vec::new();
        let judged = session.handle(input, now, &mut out);
        self.perform(out, now);
        if let Err(violation) = judged {
            self.closed.get_or_insert_with(|| violation.to_string());
        }
    }

    /// Up to `most` bytes for the wire.
    pub(crate) fn take(&mut self, most: usize, now: Timestamp) -> Vec<u8> {
        let Some(session) = &mut self.session else {
            return Vec::new();
        };
        let mut slices = [std::io::IoSlice::new(&[]); 16];
        let filled = session.outbox().slices(&mut slices);
        let mut bytes: Vec<u8> = Vec::new();
        for slice in &slices[..filled] {
            let room = most - bytes.len();
            bytes.extend_from_slice(&slice[..room.min(slice.len())]);
        }
        let mut out = Vec::new();
        session.written(bytes.len(), now, &mut out);
        self.perform(out, now);
        bytes
    }

    pub(crate) fn next_timeout(&self) -> Timestamp {
        let session = self.session.as_ref().map(Session::next_timeout);
        let picker = self.picker.as_ref().and_then(Picker::next_timeout);
        let fetch = self.fetch.as_ref().and_then(MetadataFetch::next_timeout);
        let job = self.jobs.iter().map(|&(due, ..)| due).min();
        [session, picker, fetch, job]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(Timestamp::NEVER)
    }

    pub(crate) fn wake(&mut self, now: Timestamp) {
        let jobs = std::mem::take(&mut self.jobs);
        let (due, later) = jobs
            .into_iter()
            .partition::<Vec<_>, _>(|&(due, ..)| due <= now);
        self.jobs = later;
        for (_, link, job) in due {
            self.work(link, job, now);
        }
        if self
            .picker
            .as_ref()
            .and_then(Picker::next_timeout)
            .is_some_and(|due| due <= now)
        {
            self.pick(picker::Input::Tick, now);
        }
        if self
            .fetch
            .as_ref()
            .and_then(MetadataFetch::next_timeout)
            .is_some_and(|due| due <= now)
        {
            self.fetch(metadata_fetch::Input::Tick, now);
        }
        if self
            .session
            .as_ref()
            .is_some_and(|session| session.next_timeout() <= now)
        {
            self.input(Input::Wake, now);
        }
    }

    fn work(&mut self, link: LinkId, job: Job, now: Timestamp) {
        let Some(info) = self.info.clone() else {
            return;
        };
        match job {
            Job::Store(pieces) => {
                for (piece, data) in pieces {
                    if PieceHash::of(&data) == info.hash(piece) {
                        self.content.insert(piece, Bytes::from(data));
                        self.pick(picker::Input::Stored(vec![piece]), now);
                    } else {
                        self.rejected += 1;
                        self.pick(picker::Input::Rejected { piece, link }, now);
                    }
                }
            }
            Job::Read(blocks) if link == self.link => {
                let mut data = Vec::new();
                for block in &blocks {
                    let start = block.begin as usize;
                    let piece = &self.content[&block.piece];
                    data.extend_from_slice(&piece[start..start + block.length as usize]);
                }
                self.input(Input::BlocksRead(blocks, data.into()), now);
            }
            Job::Read(_) => {}
        }
    }

    fn pick(&mut self, input: picker::Input, now: Timestamp) {
        let Some(picker) = &mut self.picker else {
            return;
        };
        let mut out = Vec::new();
        picker.handle(input, now, &mut out);
        for output in out {
            let input = match output {
                picker::Output::Grant { pieces, .. } => Input::Grant(pieces),
                picker::Output::Cancel { pieces, .. } => Input::Cancel(pieces),
                picker::Output::Interest { interested, .. } => Input::Interest(interested),
                picker::Output::Announce { pieces, .. } => Input::Announce(pieces),
                picker::Output::Suggest { pieces, .. } => Input::Suggest(pieces),
                picker::Output::Complete => Input::Complete,
                picker::Output::Withdraw { pieces } => Input::Withdraw(pieces),
            };
            self.input(input, now);
        }
    }

    fn fetch(&mut self, input: metadata_fetch::Input, now: Timestamp) {
        let Some(fetch) = &mut self.fetch else { return };
        let mut out = Vec::new();
        fetch.handle(input, now, &mut out);
        for output in out {
            match output {
                metadata_fetch::Output::Request { piece, .. } => {
                    self.input(Input::RequestMetadata(piece), now);
                }
                metadata_fetch::Output::Done(bytes) => {
                    let info =
                        Arc::new(Info::parse(bytes).expect("what has the infohash is right"));
                    self.learn(info);
                    let link = self.link;
                    self.pick(picker::Input::LinkOpened { link }, now);
                    if let Some((info, have)) = self.have() {
                        self.input(Input::InfoLearned(info, have), now);
                    }
                }
                _ => {}
            }
        }
    }

    fn perform(&mut self, out: Vec<Output>, now: Timestamp) {
        let link = self.link;
        for output in out {
            match output {
                Output::Handshaken { info_hash, .. } => self.greet(info_hash, now),
                Output::PeerHas(PeerHave::All) => {
                    self.pick(picker::Input::PeerHasAll { link }, now)
                }
                Output::PeerHas(PeerHave::Only(pieces)) => {
                    self.pick(picker::Input::PeerHasBitfield { link, pieces }, now);
                }
                Output::PeerHas(PeerHave::More(pieces)) => {
                    self.pick(picker::Input::PeerHas { link, pieces }, now);
                }
                Output::PeerSuggests(pieces) => {
                    self.pick(picker::Input::PeerSuggests { link, pieces }, now);
                }
                Output::PeerLacks(pieces) => {
                    self.pick(picker::Input::PeerLacks { link, pieces }, now);
                }
                Output::Want {
                    bytes,
                    round_trip: rtt,
                    rate,
                } => {
                    self.pick(
                        picker::Input::Want {
                            link,
                            bytes,
                            rtt,
                            rate,
                        },
                        now,
                    );
                }
                Output::Progress => {
                    self.progress += 1;
                    self.pick(picker::Input::Progress { link }, now);
                }
                Output::Returned(pieces) => {
                    self.pick(picker::Input::Returned { link, pieces }, now)
                }
                Output::Pieces(whole) => {
                    let pieces = whole.iter().map(|&(piece, _)| piece).collect();
                    self.jobs.push((now + STORE, link, Job::Store(whole)));
                    self.pick(picker::Input::Received { link, pieces }, now);
                }
                Output::Spill(word) => panic!("no piece here is long, yet: {word:?}"),
                Output::Read(blocks) => self.jobs.push((now + STORE, link, Job::Read(blocks))),
                Output::MetadataOffered(size) => {
                    let size = u64::from(size);
                    self.fetch(metadata_fetch::Input::LinkOffers { link, size }, now);
                }
                Output::MetadataData {
                    piece,
                    total_size,
                    data: bytes,
                } => {
                    let total_size = u64::from(total_size);
                    let input = metadata_fetch::Input::Data {
                        link,
                        piece,
                        total_size,
                        bytes,
                    };
                    self.fetch(input, now);
                }
                Output::MetadataRejected(piece) => {
                    self.fetch(metadata_fetch::Input::Reject { link, piece }, now);
                }
                Output::Swarms(swarms) => {
                    if let (None, Some(swarm)) = (self.swarm, swarms.swarms.first()) {
                        *self = Self::new(self.name).wanting(swarm.info_hash);
                        self.closed = Some("learned of a swarm".to_owned());
                        return;
                    }
                }
                Output::Close(reason) => {
                    self.closed.get_or_insert_with(|| reason.to_string());
                }
                Output::Ready(_)
                | Output::PeerComplete
                | Output::PeerIncomplete
                | Output::DhtPort(_)
                | Output::Pex(_)
                // Everybody is served here.
                | Output::PeerInterest { .. }
                | Output::Traffic { .. }
                | Output::Snubs(_) => {}
            }
        }
    }

    /// The handshakes are through: lets the link in, under the name that both can agree on.
    fn greet(&mut self, named: InfoHash, now: Timestamp) {
        let swarm = if self.swarm == Some(named) {
            named
        } else {
            RENDEZVOUS
        };
        self.input(Input::Answer(swarm), now);
        let link = self.link;
        if swarm != RENDEZVOUS {
            self.pick(picker::Input::LinkOpened { link }, now);
            let have = self.have();
            self.input(Input::Welcome(have), now);
            return;
        }
        self.input(Input::Welcome(None), now);
        let swarms = self.info.iter().map(|info| SwarmEntry {
            info_hash: info.info_hash(),
            name: info.name().to_owned(),
            size: info.layout().size(),
            configured: true,
        });
        let swarms = SwarmsMessage {
            swarms: swarms.collect(),
            peers: Vec::new(),
        };
        self.input(Input::SendSwarms(swarms), now);
    }
}
