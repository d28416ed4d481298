//! A reference model of the picker that knows only inputs and outputs: every piece and every link by
//! the book.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::LinkId;
use crate::layout::{Layout, PieceIndex};
use crate::picker::{Input, MAX_DEMANDED, MAX_HOLDERS, Output, Picker, PickerLimits, PieceState};

/// What one link is known to have and hold, by the book.
#[derive(Clone, Debug, Default)]
pub(in crate::picker) struct Peer {
    has: BTreeSet<PieceIndex>,
    pub(in crate::picker) fetching: BTreeSet<PieceIndex>,
    want: u64,
    interested: bool,
    /// It suggested something that we lacked, so it hears of all that we get.
    suggests: bool,
}

#[derive(Debug)]
pub(in crate::picker) struct Model {
    layout: Layout,
    limits: PickerLimits,
    /// Bytes that were out when the limit was last changed.
    excess: u64,
    have: BTreeSet<PieceIndex>,
    pub(in crate::picker) unchecked: BTreeSet<PieceIndex>,
    pub(in crate::picker) storing: BTreeMap<PieceIndex, LinkId>,
    selected: BTreeSet<PieceIndex>,
    pub(in crate::picker) peers: BTreeMap<LinkId, Peer>,
    demand: Vec<PieceIndex>,
    /// Who was given something by the last input that is not demanded.
    favoured: BTreeSet<LinkId>,
    paused: bool,
    complete: bool,
    /// What we had and lost.
    withdrawn: BTreeSet<PieceIndex>,
    /// Of what the last input brought: what had been withdrawn, of which all hear; and what a peer
    /// lost that we have, of which it hears.
    regained: BTreeSet<PieceIndex>,
    reminders: BTreeMap<LinkId, BTreeSet<PieceIndex>>,
}

impl Model {
    pub(in crate::picker) fn new(layout: Layout, limits: PickerLimits) -> Self {
        Self {
            layout,
            limits,
            excess: 0,
            have: BTreeSet::new(),
            unchecked: layout.all_pieces().collect(),
            storing: BTreeMap::new(),
            selected: layout.all_pieces().collect(),
            peers: BTreeMap::new(),
            demand: Vec::new(),
            favoured: BTreeSet::new(),
            paused: false,
            complete: false,
            withdrawn: BTreeSet::new(),
            regained: BTreeSet::new(),
            reminders: BTreeMap::new(),
        }
    }

    /// The peer had these, and has them no longer.
    fn remind(&mut self, link: LinkId, gone: impl Fn(PieceIndex) -> bool) {
        if let Some(peer) = self.peers.get(&link) {
            let lost = peer.has.intersection(&self.have).copied();
            self.reminders
                .insert(link, lost.filter(|&it| gone(it)).collect());
        }
    }

    /// What that peer is told of what we have.
    fn news(&self, link: LinkId, gained: &BTreeSet<PieceIndex>) -> BTreeSet<PieceIndex> {
        let peer = &self.peers[&link];
        let mut news = match peer.suggests {
            true => gained.clone(),
            false => &(gained - &peer.has) | &self.regained,
        };
        news.extend(self.reminders.get(&link).into_iter().flatten());
        news
    }

    fn state(&self, piece: PieceIndex) -> PieceState {
        if self.have.contains(&piece) {
            PieceState::Have
        } else if self.unchecked.contains(&piece) {
            PieceState::Postponed
        } else if self.storing.contains_key(&piece) || self.fetchers(piece) > 0 {
            PieceState::Leased
        } else if self.selected.contains(&piece) {
            PieceState::Wanted
        } else {
            PieceState::Skipped
        }
    }

    fn fetchers(&self, piece: PieceIndex) -> usize {
        let peers = self.peers.values();
        peers.filter(|peer| peer.fetching.contains(&piece)).count()
    }

    fn lacking(&self, piece: PieceIndex) -> bool {
        matches!(self.state(piece), PieceState::Wanted | PieceState::Leased)
    }

    fn is_complete(&self) -> bool {
        self.selected.is_subset(&self.have) && self.unchecked.is_empty()
    }

    fn length(&self, piece: PieceIndex) -> u64 {
        u64::from(self.layout.length(piece))
    }

    fn in_flight(&self) -> (u64, usize) {
        let fetching = self.peers.values().flat_map(|peer| &peer.fetching);
        let all: Vec<_> = fetching.chain(self.storing.keys()).collect();
        (
            all.iter().map(|piece| self.length(**piece)).sum(),
            all.len(),
        )
    }

    /// Takes in an input; gives back what must be announced.
    pub(in crate::picker) fn take_in(&mut self, input: &Input) -> BTreeSet<PieceIndex> {
        let mut gained = BTreeSet::new();
        self.reminders.clear();
        self.regained.clear();
        let pieces = self.layout.pieces();
        let exists = |piece: &&PieceIndex| piece.get() < pieces;
        match input {
            Input::Checked { good, bad } => {
                gained = good.iter().filter(exists).copied().collect();
                gained.retain(|piece| !self.have.contains(piece));
                self.gain(&gained);
                for piece in bad {
                    self.unchecked.remove(piece);
                    if self.have.remove(piece) {
                        self.complete = false;
                        self.withdrawn.insert(*piece);
                    }
                }
            }
            Input::Stored(pieces) => {
                gained = pieces.iter().filter(exists).copied().collect();
                gained.retain(|piece| !self.have.contains(piece));
                self.gain(&gained);
            }
            Input::Rejected { piece, link } => {
                if self.storing.get(piece) == Some(link) {
                    self.storing.remove(piece);
                }
                if self.lacking(*piece) {
                    self.free(*link, &[*piece]);
                }
            }
            Input::Unstored(pieces) => {
                self.storing.retain(|piece, _| !pieces.contains(piece));
            }
            Input::LinkOpened { link } => {
                self.peers.entry(*link).or_default();
            }
            Input::LinkClosed { link } => {
                self.peers.remove(link);
            }
            Input::PeerHas { link, pieces } => {
                let pieces: Vec<_> = pieces.iter().filter(exists).copied().collect();
                if let Some(peer) = self.peers.get_mut(link) {
                    peer.has.extend(pieces);
                }
            }
            Input::PeerSuggests { link, pieces } => {
                let wanted =
                    |piece: &PieceIndex| exists(&piece) && self.state(*piece) == PieceState::Wanted;
                if pieces.iter().any(wanted)
                    && let Some(peer) = self.peers.get_mut(link)
                {
                    peer.suggests = true;
                }
            }
            Input::PeerHasBitfield { link, pieces } => {
                self.remind(*link, |piece| !pieces.contains(piece));
                if let Some(peer) = self.peers.get_mut(link) {
                    peer.has = pieces.iter().collect();
                }
            }
            Input::PeerHasAll { link } => {
                let all = self.layout.all_pieces().collect();
                if let Some(peer) = self.peers.get_mut(link) {
                    peer.has = all;
                }
            }
            Input::PeerLacks { link, pieces } => {
                self.remind(*link, |piece| pieces.contains(&piece));
                if let Some(peer) = self.peers.get_mut(link) {
                    peer.has.retain(|piece| !pieces.contains(piece));
                }
            }
            Input::Want { link, bytes, .. } => {
                if let Some(peer) = self.peers.get_mut(link) {
                    peer.want = *bytes;
                }
            }
            Input::Returned { link, pieces } => self.free(*link, pieces),
            Input::Received { link, pieces } => {
                let Some(peer) = self.peers.get_mut(link) else {
                    return gained;
                };
                for piece in pieces {
                    if peer.fetching.remove(piece) {
                        self.storing.insert(*piece, *link);
                    }
                }
            }
            // What is granted from now on keeps to it; what is out may exceed it.
            Input::SetMemory(bytes) => {
                self.limits.in_flight_bytes = *bytes;
                self.excess = self.in_flight().0;
            }
            Input::Select(pieces) => {
                self.selected = pieces.iter().collect();
                self.complete &= self.is_complete();
            }
            Input::Demand(pieces) => {
                self.demand.clear();
                for piece in pieces.iter().filter(exists) {
                    if self.demand.len() < MAX_DEMANDED && !self.demand.contains(piece) {
                        self.demand.push(*piece);
                    }
                }
            }
            Input::Pause => self.paused = true,
            Input::Resume => self.paused = false,
            // For sources see `reserve`.
            Input::Progress { .. } | Input::Tick | Input::SourceOpened { .. } => {}
        }
        self.regained = &gained & &self.withdrawn;
        let back = &gained & &self.have;
        self.withdrawn.retain(|piece| !back.contains(piece));
        gained
    }

    fn gain(&mut self, pieces: &BTreeSet<PieceIndex>) {
        for piece in pieces {
            self.have.insert(*piece);
            self.unchecked.remove(piece);
            self.storing.remove(piece);
        }
    }

    fn free(&mut self, link: LinkId, pieces: &[PieceIndex]) {
        if let Some(peer) = self.peers.get_mut(&link) {
            peer.fetching.retain(|piece| !pieces.contains(piece));
        }
    }

    /// Checks what came out, in order, and follows it.
    pub(in crate::picker) fn follow(&mut self, outputs: &[Output], gained: &BTreeSet<PieceIndex>) {
        let mut announced = BTreeSet::new();
        let mut completed = 0;
        self.favoured.clear();
        let is_grant = |output: &Output| matches!(output, Output::Grant { .. });
        let first_grant = outputs.iter().position(is_grant);
        for (place, output) in outputs.iter().enumerate() {
            if first_grant == Some(place) {
                self.follow_order(outputs);
            }
            match output {
                Output::Grant { link, pieces } => self.follow_grant(*link, pieces),
                Output::Cancel { link, pieces } => {
                    let peer = self.peers.get_mut(link).unwrap();
                    for piece in pieces {
                        assert!(peer.fetching.remove(piece), "cancelled what it had not");
                    }
                }
                Output::Interest { link, interested } => {
                    let peer = self.peers.get_mut(link).unwrap();
                    assert_ne!(peer.interested, *interested, "interest without a change");
                    peer.interested = *interested;
                }
                Output::Announce { link, pieces } => {
                    assert!(announced.insert(*link), "two announcements to one link");
                    let told: BTreeSet<_> = pieces.iter().copied().collect();
                    assert_eq!(told, self.news(*link, gained));
                    assert_eq!(told.len(), pieces.len());
                }
                Output::Suggest { link, pieces } => {
                    assert_eq!(self.have.len(), self.layout.pieces() as usize);
                    let peer = self.peers.get_mut(link).unwrap();
                    for piece in pieces {
                        assert!(!peer.has.contains(piece), "suggested what it has");
                        assert!(piece.get() < self.layout.pieces());
                    }
                }
                Output::Withdraw { pieces } => assert!(!pieces.is_empty()),
                Output::Complete => completed += 1,
            }
        }
        for (link, peer) in &self.peers {
            let told = announced.contains(link);
            assert_eq!(told, !self.news(*link, gained).is_empty());
            let lacks = peer.has.iter().any(|&piece| self.lacking(piece));
            assert_eq!(peer.interested, lacks);
            for &piece in &peer.fetching {
                assert!(peer.has.contains(&piece), "fetches what the peer lacks");
                assert!(!self.have.contains(&piece), "fetches what we have");
                assert!(
                    !self.storing.contains_key(&piece),
                    "fetches what was delivered"
                );
            }
        }
        let complete = self.is_complete();
        assert_eq!(completed, u32::from(complete && !self.complete));
        self.complete = complete;
    }

    /// What is demanded comes first, in its order. What a second link gets at once was leased before.
    fn follow_order(&mut self, outputs: &[Output]) {
        let grants: Vec<_> = outputs
            .iter()
            .filter_map(|output| match output {
                Output::Grant { link, pieces } => Some((*link, pieces)),
                _ => None,
            })
            .collect();
        for &(link, pieces) in &grants {
            let is_new = |piece: &&PieceIndex| {
                let takers = grants.iter().filter(|(_, other)| other.contains(piece));
                self.state(**piece) == PieceState::Wanted && takers.count() == 1
            };
            let place = |piece| self.demand.iter().position(|&demanded| demanded == piece);
            let places = pieces.iter().filter(is_new).copied().map(place);
            let places: Vec<_> = places.map(|place| place.unwrap_or(usize::MAX)).collect();
            assert!(places.is_sorted(), "{places:?}");
            if pieces.iter().any(|piece| !self.demand.contains(piece)) {
                self.favoured.insert(link);
            }
        }
    }

    fn follow_grant(&mut self, link: LinkId, pieces: &[PieceIndex]) {
        assert!(!self.paused, "granted while paused");
        assert!(!pieces.is_empty());
        let lengths: u64 = pieces.iter().map(|&piece| self.length(piece)).sum();
        for &piece in pieces {
            assert!(matches!(
                self.state(piece),
                PieceState::Wanted | PieceState::Leased
            ));
            assert!(self.fetchers(piece) < MAX_HOLDERS);
            let peer = self.peers.get_mut(&link).unwrap();
            let idle = peer.fetching.is_empty() && pieces.len() == 1;
            assert!(lengths <= peer.want || idle, "granted more than was wanted");
            assert!(peer.has.contains(&piece));
        }
        let peer = self.peers.get_mut(&link).unwrap();
        for &piece in pieces {
            assert!(peer.fetching.insert(piece), "granted twice to one link");
        }
        peer.want = peer.want.saturating_sub(lengths);
    }

    /// Compares the picker with the book.
    pub(in crate::picker) fn compare(&self, picker: &Picker) {
        for piece in self.layout.all_pieces() {
            assert_eq!(picker.state(piece), self.state(piece), "{piece:?}");
        }
        let (bytes, leases) = self.in_flight();
        assert_eq!(picker.in_flight_bytes(), bytes);
        let limit = self.limits.in_flight_bytes;
        let most = (limit + self.limits.demanded_bytes).max(self.excess);
        assert!(bytes <= most || leases == 1, "{bytes} bytes");
        // Only what is demanded may exceed the first limit, and nothing else is leased while it does.
        let fits = bytes <= limit || leases == 1;
        assert!(fits || self.favoured.is_empty(), "{bytes} bytes");
        assert!(picker.leased() as usize <= self.limits.leases);
        // What storage has and is not selected any more may still turn out to be missing.
        let is_quiet = self.peers.values().all(|peer| peer.fetching.is_empty());
        if is_quiet && self.storing.is_empty() && self.complete {
            assert_eq!(picker.next_timeout(), None, "complete, and not idle");
        }
        self.compare_demand(picker);
        // Nobody who can take a piece is left without, unless a complete peer is spared, a bar
        // holds, the link rests after it fell silent, or the memory is used up.
        if self.paused || picker.state.is_full() {
            return;
        }
        for (id, peer) in &self.peers {
            let link = &picker.state.links[id];
            if link.complete || peer.want == 0 || !peer.fetching.is_empty() {
                continue;
            }
            for &piece in &peer.has {
                let free = self.state(piece) == PieceState::Wanted;
                assert!(
                    !free || link.barred.contains(piece) || link.doubt > 0,
                    "{id} waits beside {piece:?}"
                );
            }
        }
    }

    /// Nobody who could fetch what is demanded gets something else, or nothing.
    fn compare_demand(&self, picker: &Picker) {
        assert_eq!(picker.demanded(), self.demand);
        let wanted = |piece: &&PieceIndex| self.state(**piece) == PieceState::Wanted;
        let full = self.paused || picker.state.is_full_for_demand();
        for &piece in self.demand.iter().filter(wanted) {
            for (id, peer) in &self.peers {
                let link = &picker.state.links[id];
                if !peer.has.contains(&piece) || link.barred.contains(piece) {
                    continue;
                }
                assert!(!self.favoured.contains(id), "{id} got less than {piece:?}");
                let able = peer.want > 0 && peer.fetching.is_empty() && link.doubt == 0;
                assert!(full || !able, "{id} waits beside {piece:?}");
                let rests = peer.want > 0 && peer.fetching.is_empty();
                if rests && !full {
                    let next = picker.next_timeout();
                    assert!(next.is_some_and(|next| next <= link.rest_until));
                }
            }
        }
    }
}
