//! Which piece from whom.
//!
//! One picker per swarm. Sessions, one per link, say what their peers have and how much they can
//! take; the picker leases whole pieces to them, and storage says what became of those. It moves no
//! bytes and knows no blocks. Nothing is polled: a link's want stays open until it is filled, and is
//! served when a piece comes up.
//!
//! Invariants, each a property test:
//! - every piece is in exactly one [`PieceState`];
//! - a lease has one to three holders, who said that they have the piece, and a deadline;
//! - a link's leases are free at once when it closes;
//! - leases never take more bytes than [`PickerLimits::in_flight_bytes`], but for a single one, and
//!   demanded pieces up to [`PickerLimits::demanded_bytes`] beyond;
//! - a link gets nothing else while its peer has a demanded piece that is wanted;
//! - a piece that nobody connected has causes no outputs and no timers;
//! - a source that is no peer gets no lease of a piece that a peer has who is of use.
//!
//! The files, from the ground up: `messages` and `bits`; `table` (pieces), `lease` and `link`;
//! `state` and `peers` (every move); `endgame`, `demand`, `choose`, `reserve` and `timers` (every
//! decision about what we fetch), and `giving` (what we hand out when we have all).

mod bits;
mod choose;
mod demand;
mod endgame;
mod giving;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod judge;
mod lease;
mod link;
mod messages;
mod peers;
mod reserve;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod timers;

use std::collections::BTreeMap;

use bits::Bits;
use demand::Demand;
use lease::Leases;
use state::{Effects, State};
use table::Table;

pub use choose::SUGGESTED_ONLY;
pub use demand::{MAX_DEMANDED, RIVAL_BYTES, URGENT_PIECES};
pub use endgame::{EXTRA_BYTES, MIN_AGE};
pub use giving::GIVEN_AHEAD;
pub use link::{
    ASSUMED_RATE, MAX_EXTENSION, MAX_LEASE, MAX_RETURN_PAUSE, MIN_LEASE, REJECT_PAUSE,
    RETURN_PAUSE, SILENCE,
};
pub use reserve::{MIN_SOURCE_SHARE, RESERVE_GRACE, RESERVE_PATIENCE};

pub use messages::{
    DEMANDED_BYTES, IN_FLIGHT_BYTES, Input, MAX_HOLDERS, MAX_LEASES, Output, PickerLimits,
    PieceState, SPILL_CHARGE,
};

use crate::bitfield::Bitfield;
use crate::layout::{Layout, PieceIndex};
use crate::time::Timestamp;

/// Chooses the pieces of one swarm. See the module's documentation.
#[derive(Clone, Debug)]
pub struct Picker {
    state: State,
}

impl Picker {
    /// A picker that knows nothing yet: every piece is postponed until storage has checked it.
    /// `seed` decides ties.
    #[must_use]
    pub fn new(layout: Layout, limits: PickerLimits, seed: u64) -> Self {
        Self {
            state: State {
                table: Table::new(layout),
                links: BTreeMap::new(),
                sources: BTreeMap::new(),
                leases: Leases::default(),
                limits,
                rng: fastrand::Rng::with_seed(seed),
                paused: false,
                demand: Demand::none(),
                told_complete: false,
                withdrawn: Bits::new(layout.pieces()),
                giving: None,
                expires_at: Timestamp::NEVER,
                wakes_at: Timestamp::NEVER,
            },
        }
    }

    /// Takes in one fact and appends to `out` what is to be done: cancels, announcements and
    /// changes of interest before grants. `now` never goes back.
    pub fn handle(&mut self, input: Input, now: Timestamp, out: &mut Vec<Output>) {
        let mut effects = Effects::default();
        self.state.excuse(now);
        self.take_in(input, now, &mut effects);
        if self.state.expires_at <= now {
            self.state.expire(now, &mut effects);
        }
        self.state.meet_demand(now, &mut effects);
        self.state.offer(now, &mut effects);
        self.state.offer_reserve(now, &mut effects);
        self.state.give(now, &mut effects);
        self.tell(effects, out);
        self.state.look_ahead();
    }

    /// When to send [`Input::Tick`] if nothing else happens. `None` while there is nothing to time.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Timestamp> {
        Some(self.state.wakes_at).filter(|&at| at != Timestamp::NEVER)
    }

    /// Where the piece stands. One that does not exist is postponed for ever.
    #[must_use]
    pub fn state(&self, piece: PieceIndex) -> PieceState {
        self.state.table.get(piece).unwrap_or(PieceState::Postponed)
    }

    /// What we have.
    #[must_use]
    pub const fn have(&self) -> &Bitfield {
        self.state.table.have()
    }

    /// Is everything here that is selected, and storage's check over?
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state.is_satisfied()
    }

    /// Is the piece selected? All are, if nothing else was said.
    #[must_use]
    pub fn is_selected(&self, piece: PieceIndex) -> bool {
        self.state.table.is_selected(piece)
    }

    /// How many pieces are missing and not selected.
    #[must_use]
    pub const fn skipped(&self) -> u32 {
        self.state.table.skipped()
    }

    /// What is demanded, here or not, the most urgent first.
    #[must_use]
    pub fn demanded(&self) -> &[PieceIndex] {
        self.state.demand.pieces()
    }

    /// How many pieces are missing, selected and not being fetched.
    #[must_use]
    pub fn wanted(&self) -> u32 {
        self.state.table.wanted()
    }

    /// How many pieces are being fetched or stored.
    #[must_use]
    pub fn leased(&self) -> u32 {
        self.state.leases.len() as u32
    }

    /// How many pieces wait for storage's check.
    #[must_use]
    pub fn postponed(&self) -> u32 {
        self.state.postponed()
    }

    /// How many wanted pieces nobody connected has, nor a source that can be asked: these wait for a
    /// peer or a `have`.
    #[must_use]
    pub fn unavailable(&self) -> u32 {
        if self.state.links.values().any(|link| link.complete) {
            return 0;
        }
        let sources = self.usable_sources();
        let Some(lonely) = self.state.table.classes().first() else {
            return 0;
        };
        if sources.is_empty() {
            return lonely.count();
        }
        let pieces = self.state.table.layout().pieces();
        if sources.iter().any(|source| source.has.count() == pieces) {
            return 0;
        }
        let lacks = |piece: &PieceIndex| !sources.iter().any(|source| source.has.contains(*piece));
        lonely.iter().filter(lacks).count() as u32
    }

    /// The first of the pieces that [`Self::unavailable`] counts.
    #[must_use]
    pub fn first_unavailable(&self) -> Option<PieceIndex> {
        if self.unavailable() == 0 {
            return None;
        }
        let sources = self.usable_sources();
        let lacks = |piece: &PieceIndex| !sources.iter().any(|source| source.has.contains(*piece));
        self.state.table.classes().first()?.iter().find(lacks)
    }

    /// The sources that can be asked, or are.
    fn usable_sources(&self) -> Vec<&link::Link> {
        let usable = |source: &&link::Link| source.want > 0 || source.queued > 0;
        self.state.sources.values().filter(usable).collect()
    }

    /// Bytes of all leases: on their way, or with storage.
    #[must_use]
    pub const fn in_flight_bytes(&self) -> u64 {
        self.state.leases.in_flight()
    }

    /// How many links are open.
    #[must_use]
    pub fn links(&self) -> usize {
        self.state.links.len()
    }

    fn take_in(&mut self, input: Input, now: Timestamp, effects: &mut Effects) {
        let state = &mut self.state;
        match input {
            Input::Checked { good, bad } => {
                good.into_iter()
                    .for_each(|piece| state.gain(piece, effects));
                bad.into_iter().for_each(|piece| state.lack(piece, effects));
            }
            Input::Stored(pieces) => {
                pieces
                    .into_iter()
                    .for_each(|piece| state.gain(piece, effects));
            }
            Input::Rejected { piece, link } => state.reject(piece, link, now),
            Input::Unstored(pieces) => pieces.into_iter().for_each(|piece| state.unstore(piece)),
            Input::LinkOpened { link } => state.open(link, now),
            Input::SourceOpened { link } => state.open_source(link, now),
            Input::LinkClosed { link } => state.close(link, now),
            Input::PeerSuggests { link, pieces } => state.suggested(link, &pieces, now),
            Input::PeerHas { link, pieces } => {
                state.peer_has(link, &pieces, now);
                state.relieve(link, &pieces, now, effects);
                state.spare(link, now, effects);
            }
            Input::PeerHasBitfield { link, pieces } => {
                if pieces.pieces() == state.table.layout().pieces() {
                    state.peer_has_exactly(link, Bits::from_bitfield(&pieces), effects);
                    state.spare(link, now, effects);
                }
            }
            Input::PeerHasAll { link } => {
                let all = Bits::full(state.table.layout().pieces());
                state.peer_has_exactly(link, all, effects);
                state.spare(link, now, effects);
            }
            Input::PeerLacks { link, pieces } => state.peer_lacks(link, &pieces, effects),
            Input::Want {
                link,
                bytes,
                rtt,
                rate,
            } => {
                if let Some(link) = state.link_mut(link) {
                    link.want = bytes;
                    link.rtt = rtt;
                    link.rate = rate;
                    link.fresh = true;
                }
                state.may_be_of_use(link, now, effects);
            }
            Input::Returned { link, pieces } => state.give_back(link, pieces, now),
            Input::Progress { link } => {
                if let Some(link) = state.link_mut(link) {
                    link.hear(now);
                }
            }
            Input::Received { link, pieces } => {
                for piece in pieces {
                    state.deliver(piece, link, effects);
                }
                if let Some(link) = state.link_mut(link) {
                    link.delivered(now);
                }
                state.wake_complete();
            }
            Input::SetMemory(bytes) => {
                state.limits.in_flight_bytes = bytes;
                state.wake_all();
            }
            Input::Select(pieces) => {
                if pieces.pieces() == state.table.layout().pieces() {
                    state.select(Bits::from_bitfield(&pieces), effects);
                }
            }
            Input::Demand(pieces) => state.set_demand(pieces),
            Input::Pause => state.paused = true,
            Input::Resume => {
                state.paused = false;
                state.wake_all();
            }
            Input::Tick => {}
        }
    }

    /// Turns what an input led to into outputs.
    fn tell(&mut self, effects: Effects, out: &mut Vec<Output>) {
        let state = &mut self.state;
        let cancels = effects.cancels.into_iter();
        out.extend(cancels.map(|(link, pieces)| Output::Cancel { link, pieces }));
        if !effects.lost.is_empty() {
            out.push(Output::Withdraw {
                pieces: effects.lost,
            });
        }
        for (&id, link) in &mut state.links {
            // Whoever hands its pieces out must hear what became of them.
            let hears_all = link.suggested_at.is_some();
            let gained = effects.gained.iter().copied();
            let withdrawn = &state.withdrawn;
            let mut pieces: Vec<_> = gained
                .filter(|&piece| {
                    hears_all || !link.has.contains(piece) || withdrawn.contains(piece)
                })
                .collect();
            pieces.extend(effects.reminders.get(&id).into_iter().flatten());
            if !pieces.is_empty() {
                out.push(Output::Announce { link: id, pieces });
            }
            let interested = link.useful > 0;
            if std::mem::replace(&mut link.interested, interested) != interested {
                out.push(Output::Interest {
                    link: id,
                    interested,
                });
            }
        }
        for &piece in &effects.gained {
            if state.table.have().contains(piece) {
                state.withdrawn.remove(piece);
            }
        }
        let grants = effects.grants.into_iter();
        out.extend(grants.map(|(link, pieces)| Output::Grant { link, pieces }));
        let suggestions = effects.suggestions.into_iter();
        out.extend(suggestions.map(|(link, pieces)| Output::Suggest { link, pieces }));
        if state.is_satisfied() && !std::mem::replace(&mut state.told_complete, true) {
            out.push(Output::Complete);
        }
    }
}
