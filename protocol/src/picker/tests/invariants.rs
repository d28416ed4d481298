//! Random inputs against a reference model that knows only inputs and outputs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use crate::bitfield::Bitfield;
use crate::id::LinkId;
use crate::layout::{Layout, PieceIndex};
use crate::picker::{Input, MAX_HOLDERS, Output, Picker, PickerLimits, PieceState};
use crate::time::Timestamp;

const LINKS: u64 = 6;

/// What one link is known to have and hold, by the book.
#[derive(Clone, Debug, Default)]
struct Peer {
    has: BTreeSet<PieceIndex>,
    fetching: BTreeSet<PieceIndex>,
    want: u64,
    interested: bool,
    /// It suggested something that we lacked, so it hears of all that we get.
    suggests: bool,
}

#[derive(Debug)]
struct Model {
    layout: Layout,
    limits: PickerLimits,
    /// Bytes that were out when the limit was last changed.
    excess: u64,
    have: BTreeSet<PieceIndex>,
    unchecked: BTreeSet<PieceIndex>,
    storing: BTreeMap<PieceIndex, LinkId>,
    selected: BTreeSet<PieceIndex>,
    peers: BTreeMap<LinkId, Peer>,
    paused: bool,
    complete: bool,
}

impl Model {
    fn new(layout: Layout, limits: PickerLimits) -> Self {
        Self {
            layout,
            limits,
            excess: 0,
            have: BTreeSet::new(),
            unchecked: layout.all_pieces().collect(),
            storing: BTreeMap::new(),
            selected: layout.all_pieces().collect(),
            peers: BTreeMap::new(),
            paused: false,
            complete: false,
        }
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
    fn take_in(&mut self, input: &Input) -> BTreeSet<PieceIndex> {
        let mut gained = BTreeSet::new();
        let exists = |piece: &&PieceIndex| piece.get() < self.layout.pieces();
        match input {
            Input::Checked { good, bad } => {
                gained = good.iter().filter(exists).copied().collect();
                gained.retain(|piece| !self.have.contains(piece));
                self.gain(&gained);
                for piece in bad {
                    self.unchecked.remove(piece);
                    self.complete &= !self.have.remove(piece);
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
            Input::Pause => self.paused = true,
            Input::Resume => self.paused = false,
            // For sources see `reserve`.
            Input::Progress { .. } | Input::Tick | Input::SourceOpened { .. } => {}
        }
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
    fn follow(&mut self, outputs: &[Output], gained: &BTreeSet<PieceIndex>) {
        let mut announced = BTreeSet::new();
        let mut completed = 0;
        for output in outputs {
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
                    let peer = &self.peers[link];
                    let told: BTreeSet<_> = pieces.iter().copied().collect();
                    let news = gained - &peer.has;
                    assert_eq!(&told, if peer.suggests { gained } else { &news });
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
            let news = gained.iter().any(|piece| !peer.has.contains(piece));
            assert_eq!(told, news || (peer.suggests && !gained.is_empty()));
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
    fn compare(&self, picker: &Picker) {
        for piece in self.layout.all_pieces() {
            assert_eq!(picker.state(piece), self.state(piece), "{piece:?}");
        }
        let (bytes, leases) = self.in_flight();
        assert_eq!(picker.in_flight_bytes(), bytes);
        assert!(
            bytes <= self.limits.in_flight_bytes.max(self.excess) || leases == 1,
            "{bytes} bytes"
        );
        assert!(picker.leased() as usize <= self.limits.leases);
        if self.peers.values().all(|peer| peer.fetching.is_empty()) && self.complete {
            assert_eq!(picker.next_timeout(), None, "complete, and not idle");
        }
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
}

#[derive(Clone, Debug)]
enum Step {
    Do(Input, u64),
    /// The link answers some of what it fetches: received or returned, then stored or rejected.
    Answer(LinkId, u8, u64),
    /// Time goes on to the next timeout.
    Wait,
}

fn steps(pieces: u32) -> impl Strategy<Value = Vec<Step>> {
    let link = (0..LINKS).prop_map(LinkId);
    let piece = (0..pieces + 2).prop_map(PieceIndex::new);
    let some = prop::collection::vec(piece.clone(), 0..8);
    let many = prop::collection::vec(piece.clone(), 0..80);
    let field = prop::collection::vec(0..pieces.max(1), 0..60).prop_map(move |set| {
        let mut field = Bitfield::new(pieces);
        set.into_iter().for_each(|index| {
            field.insert(PieceIndex::new(index));
        });
        field
    });
    let selected = field.clone();
    let want = (link.clone(), 0_u64..6_000, 0_u64..200, 0_u64..20_000).prop_map(
        |(link, bytes, rtt, rate)| Input::Want {
            link,
            bytes,
            rtt: Duration::from_millis(rtt),
            rate,
        },
    );
    let input = prop_oneof![
        2 => (some.clone(), many).prop_map(|(good, bad)| Input::Checked { good, bad }),
        1 => some.clone().prop_map(Input::Stored),
        1 => (piece, link.clone()).prop_map(|(piece, link)| Input::Rejected { piece, link }),
        1 => some.clone().prop_map(Input::Unstored),
        5 => link.clone().prop_map(|link| Input::LinkOpened { link }),
        1 => link.clone().prop_map(|link| Input::LinkClosed { link }),
        4 => (link.clone(), some.clone()).prop_map(|(link, pieces)| Input::PeerHas { link, pieces }),
        3 => (link.clone(), field)
            .prop_map(|(link, pieces)| Input::PeerHasBitfield { link, pieces }),
        2 => link.clone().prop_map(|link| Input::PeerHasAll { link }),
        1 => (link.clone(), some.clone())
            .prop_map(|(link, pieces)| Input::PeerSuggests { link, pieces }),
        1 => (link.clone(), some.clone())
            .prop_map(|(link, pieces)| Input::PeerLacks { link, pieces }),
        9 => want,
        1 => (link.clone(), some.clone())
            .prop_map(|(link, pieces)| Input::Returned { link, pieces }),
        1 => (link.clone(), some).prop_map(|(link, pieces)| Input::Received { link, pieces }),
        1 => link.clone().prop_map(|link| Input::Progress { link }),
        1 => selected.prop_map(Input::Select),
        1 => prop_oneof![Just(Input::Pause), Just(Input::Resume), Just(Input::Resume)],
        1 => (50_u64..3_000).prop_map(Input::SetMemory),
        1 => Just(Input::Tick),
    ];
    let step = prop_oneof![
        10 => (input, 0_u64..300).prop_map(|(input, millis)| Step::Do(input, millis)),
        4 => (link, any::<u8>(), 0_u64..300).prop_map(|(l, how, t)| Step::Answer(l, how, t)),
        2 => Just(Step::Wait),
    ];
    prop::collection::vec(step, 1..120)
}

struct World {
    picker: Picker,
    model: Model,
    now: Timestamp,
}

impl World {
    fn handle(&mut self, input: Input) {
        let mut out = Vec::new();
        self.picker.handle(input.clone(), self.now, &mut out);
        let gained = self.model.take_in(&input);
        self.model.follow(&out, &gained);
        self.model.compare(&self.picker);
        self.picker.audit();
        let next = self.picker.next_timeout();
        assert!(
            next.is_none_or(|next| next > self.now),
            "a timeout that is over"
        );
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Do(input, millis) => {
                self.now = self.now + Duration::from_millis(millis);
                self.handle(input);
            }
            Step::Answer(link, how, millis) => {
                self.now = self.now + Duration::from_millis(millis);
                let Some(peer) = self.model.peers.get(&link) else {
                    return;
                };
                let some = 1 + usize::from(how / 8) % 8;
                let pieces: Vec<_> = peer.fetching.iter().copied().take(some).collect();
                if how % 8 == 0 {
                    return self.handle(Input::Returned { link, pieces });
                }
                self.handle(Input::Received {
                    link,
                    pieces: pieces.clone(),
                });
                match how % 8 {
                    1 => pieces
                        .into_iter()
                        .for_each(|piece| self.handle(Input::Rejected { piece, link })),
                    2 => self.handle(Input::Unstored(pieces)),
                    3 => {}
                    _ => self.handle(Input::Stored(pieces)),
                }
            }
            Step::Wait => {
                if let Some(next) = self.picker.next_timeout() {
                    self.now = self.now.max(next);
                }
                self.handle(Input::Tick);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_picker_keeps_its_invariants_under_any_inputs(
        steps in steps(70),
        in_flight_bytes in prop_oneof![Just(50_u64), 100_u64..3_000, Just(1 << 20)],
        leases in prop_oneof![Just(5_usize), Just(1_000)],
        seed in any::<u64>(),
    ) {
        let layout = Layout::new(6_950, 100).unwrap();
        let limits = PickerLimits { in_flight_bytes, leases };
        let mut world = World {
            picker: Picker::new(layout, limits, seed),
            model: Model::new(layout, limits),
            now: Timestamp::ZERO,
        };
        for step in steps {
            world.step(step);
        }
    }

    #[test]
    fn a_swarm_with_one_honest_complete_peer_completes_after_any_inputs(
        steps in steps(70), seed in any::<u64>(),
    ) {
        let layout = Layout::new(6_950, 100).unwrap();
        let limits = PickerLimits { in_flight_bytes: 2_000, leases: 30 };
        let mut world = World {
            picker: Picker::new(layout, limits, seed),
            model: Model::new(layout, limits),
            now: Timestamp::ZERO,
        };
        for step in steps {
            world.step(step);
        }
        // Storage answers for all that it had, and one peer serves whatever it is asked; the
        // others stay, and are silent.
        world.handle(Input::Resume);
        let bad = layout.all_pieces().filter(|piece| world.model.unchecked.contains(piece));
        let bad = bad.collect();
        world.handle(Input::Checked { good: vec![], bad });
        let lost = world.model.storing.keys().copied().collect();
        world.handle(Input::Unstored(lost));
        let link = LinkId(99);
        world.handle(Input::LinkOpened { link });
        world.handle(Input::PeerHasAll { link });
        for _ in 0..200 {
            let rtt = Duration::from_millis(1);
            world.handle(Input::Want { link, bytes: 1_000, rtt, rate: 100_000 });
            let pieces: Vec<_> = world.model.peers[&link].fetching.iter().copied().collect();
            if pieces.is_empty() {
                world.step(Step::Wait);
            } else {
                world.now = world.now + Duration::from_millis(5);
                world.handle(Input::Received { link, pieces: pieces.clone() });
                world.handle(Input::Stored(pieces));
            }
        }
        prop_assert!(world.picker.is_complete(), "{} missing", 70 - world.picker.have().count());
    }

    #[test]
    fn what_a_partial_peer_is_asked_for_is_the_rarest_that_it_has(
        fields in prop::collection::vec(prop::collection::btree_set(0_u32..64, 0..50), 2..7),
        want in 1_u64..40,
        seed in any::<u64>(),
    ) {
        let layout = Layout::new(64 * 20_000, 20_000).unwrap();
        let mut picker = Picker::new(layout, PickerLimits::default(), seed);
        let mut out = Vec::new();
        let bad = layout.all_pieces().collect();
        picker.handle(Input::Checked { good: vec![], bad }, Timestamp::ZERO, &mut out);
        for (number, field) in fields.iter().enumerate() {
            let link = LinkId(number as u64);
            let pieces = field.iter().map(|&piece| PieceIndex::new(piece)).collect();
            picker.handle(Input::LinkOpened { link }, Timestamp::ZERO, &mut out);
            picker.handle(Input::PeerHas { link, pieces }, Timestamp::ZERO, &mut out);
        }
        out.clear();
        let link = LinkId(0);
        let input = Input::Want { link, bytes: want * 20_000, rtt: Duration::ZERO, rate: 0 };
        picker.handle(input, Timestamp::ZERO, &mut out);
        let rarity = |piece: u32| fields.iter().filter(|field| field.contains(&piece)).count();
        let granted: BTreeSet<_> = out.iter().flat_map(|output| match output {
            Output::Grant { pieces, .. } => pieces.iter().map(|piece| piece.get()).collect(),
            _ => vec![],
        }).collect();
        prop_assert_eq!(granted.len(), fields[0].len().min(want as usize));
        let commonest = granted.iter().map(|&piece| rarity(piece)).max();
        let rarest_left = (&fields[0] - &granted).into_iter().map(rarity).min();
        if let (Some(commonest), Some(rarest_left)) = (commonest, rarest_left) {
            prop_assert!(commonest <= rarest_left);
        }
    }
}
