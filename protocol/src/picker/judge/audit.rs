//! Derives everything that the picker keeps ready from first principles, and compares.

use crate::id::LinkId;
use crate::layout::PieceIndex;
use crate::picker::giving::Giving;
use crate::picker::lease::Lease;
use crate::picker::link::Link;
use crate::picker::messages::charge;
use crate::picker::{MAX_DEMANDED, MAX_HOLDERS, Picker, PieceState};
use crate::time::Timestamp;

impl Picker {
    /// Panics where two accounts of the same thing differ.
    pub(in crate::picker) fn audit(&self) {
        let state = &self.state;
        let layout = *state.table.layout();
        for piece in layout.all_pieces() {
            let lease = state.leases.get(piece);
            let leased = self.state(piece) == PieceState::Leased;
            assert_eq!(lease.is_some(), leased, "lease of {piece:?}");
            let have = self.state(piece) == PieceState::Have;
            assert_eq!(self.have().contains(piece), have);
            let skipped = self.state(piece) == PieceState::Skipped;
            let wanted = self.state(piece) == PieceState::Wanted;
            assert!(!skipped || !self.is_selected(piece), "{piece:?} skipped");
            assert!(!wanted || self.is_selected(piece), "{piece:?} wanted");
            let partial = state.links.values().filter(|link| !link.complete);
            let holders = partial.filter(|link| link.has.contains(piece)).count();
            assert_eq!(usize::from(state.table.holders(piece)), holders);
            for (class, set) in state.table.classes().iter().enumerate() {
                let expected = self.state(piece) == PieceState::Wanted && class == holders.min(31);
                assert_eq!(set.contains(piece), expected, "{piece:?} in class {class}");
            }
        }
        let count = |wanted| {
            let pieces = layout.all_pieces();
            pieces.filter(|&piece| self.state(piece) == wanted).count() as u32
        };
        assert_eq!(self.have().count(), count(PieceState::Have));
        assert_eq!(self.wanted(), count(PieceState::Wanted));
        assert_eq!(self.leased(), count(PieceState::Leased));
        assert_eq!(self.postponed(), count(PieceState::Postponed));
        assert_eq!(self.skipped(), count(PieceState::Skipped));
        let is_here = |piece| !self.is_selected(piece) || self.state(piece) == PieceState::Have;
        let is_checked = count(PieceState::Postponed) == 0;
        let is_complete = is_checked && layout.all_pieces().all(is_here);
        assert_eq!(self.is_complete(), is_complete);
        self.audit_leases();
        self.audit_demand();
        self.audit_giving();
        for (&id, link) in state.links.iter().chain(&state.sources) {
            self.audit_link(id, link);
        }
        for (id, link) in &state.links {
            assert!(!state.sources.contains_key(id));
            assert_eq!(link.interested, link.useful > 0);
            if link.complete {
                assert!(link.has.count() == layout.pieces());
            }
        }
    }

    fn audit_demand(&self) {
        let demanded = self.demanded();
        let distinct: std::collections::BTreeSet<_> = demanded.iter().collect();
        assert!(distinct.len() == demanded.len() && demanded.len() <= MAX_DEMANDED);
        // Time is only kept for what is missing, and only if somebody connected has it.
        let state = &self.state;
        let links = || state.links.values().chain(state.sources.values());
        let missing = |piece: PieceIndex| state.table.is_lacking(piece);
        let to_be_had = |piece| links().any(|link| link.has.contains(piece));
        let mut pieces = demanded.iter().copied();
        let any = pieces.any(|piece| missing(piece) && to_be_had(piece));
        assert!(any || state.demand.look_at == Timestamp::NEVER);
    }

    fn audit_giving(&self) {
        let lists = self.state.links.values().flat_map(|link| &link.given);
        let listed: std::collections::BTreeSet<_> = lists.map(|&(piece, _)| piece).collect();
        assert!(self.state.giving.is_some() || listed.is_empty());
        for piece in self.state.giving.iter().flat_map(Giving::known_fresh) {
            assert_eq!(self.state.table.holders(piece), 0, "{piece:?} is held");
            assert!(!listed.contains(&piece), "{piece:?} is handed out");
        }
    }

    fn audit_leases(&self) {
        let mut in_flight = 0;
        for (piece, lease, length) in self.state.leases.iter() {
            assert_eq!(length, charge(self.state.length(piece)));
            in_flight += match lease {
                Lease::Storing(_) => length,
                Lease::Fetching(holders) => {
                    assert!((1..=MAX_HOLDERS).contains(&holders.len()));
                    for holder in holders {
                        let links = &self.state.links;
                        let link = links.get(&holder.link);
                        let link = link.unwrap_or_else(|| &self.state.sources[&holder.link]);
                        assert!(link.has.contains(piece), "leased to one who lacks it");
                        let mut batches = link.batches.iter();
                        let batch = batches.find(|batch| batch.number == holder.batch);
                        assert!(batch.unwrap().pieces.contains(&piece));
                    }
                    length * holders.len() as u64
                }
            };
        }
        assert_eq!(self.in_flight_bytes(), in_flight);
    }

    fn audit_link(&self, id: LinkId, link: &Link) {
        let mut queued = 0;
        for batch in &link.batches {
            assert!(batch.left > 0);
            let open =
                |piece: &&PieceIndex| self.state.leases.batch_of(**piece, id) == Some(batch.number);
            let left: Vec<_> = batch.pieces.iter().filter(open).collect();
            assert_eq!(left.len(), batch.left as usize);
            let bytes: u64 = left.iter().map(|&&piece| self.state.length(piece)).sum();
            assert_eq!(bytes, batch.bytes);
            queued += bytes;
        }
        assert_eq!(link.queued, queued);
        let useful = link
            .has
            .iter()
            .filter(|&piece| self.state.table.is_lacking(piece));
        assert_eq!(link.useful as usize, useful.count());
    }
}
