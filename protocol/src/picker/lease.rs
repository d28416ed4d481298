//! Who fetches which piece, and how many bytes that makes.
//!
//! Knows nothing of the links' own queues (see `link`). Invariant: `in_flight` is the sum over all
//! leases of the piece's charge, once for each fetching holder, or once while storage has it.

use std::collections::BTreeMap;

use super::messages::MAX_HOLDERS;
use crate::id::LinkId;
use crate::layout::PieceIndex;

/// A link that fetches a piece, and the batch of its queue that the piece came with.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) struct Holder {
    pub(super) link: LinkId,
    pub(super) batch: u64,
}

/// How far a leased piece is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Lease {
    /// One to [`MAX_HOLDERS`] links fetch it.
    Fetching(Vec<Holder>),
    /// The link delivered it, and storage has it now.
    Storing(LinkId),
}

/// All leases.
#[derive(Clone, Debug, Default)]
pub(super) struct Leases {
    leases: BTreeMap<PieceIndex, (Lease, u64)>,
    in_flight: u64,
}

impl Leases {
    pub(super) fn len(&self) -> usize {
        self.leases.len()
    }

    pub(super) const fn in_flight(&self) -> u64 {
        self.in_flight
    }

    pub(super) fn get(&self, piece: PieceIndex) -> Option<&Lease> {
        self.leases.get(&piece).map(|(lease, _)| lease)
    }

    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn iter(&self) -> impl Iterator<Item = (PieceIndex, &Lease, u64)> {
        let rows = self.leases.iter();
        rows.map(|(&piece, (lease, charge))| (piece, lease, *charge))
    }

    /// The batch by which the link fetches the piece, if it does.
    pub(super) fn batch_of(&self, piece: PieceIndex, link: LinkId) -> Option<u64> {
        match self.get(piece)? {
            Lease::Fetching(holders) => {
                let holder = holders.iter().find(|holder| holder.link == link)?;
                Some(holder.batch)
            }
            Lease::Storing(_) => None,
        }
    }

    /// May this link fetch the piece beside those that do?
    pub(super) fn may_join(&self, piece: PieceIndex, link: LinkId) -> bool {
        match self.get(piece) {
            Some(Lease::Fetching(holders)) => {
                holders.len() < MAX_HOLDERS && holders.iter().all(|holder| holder.link != link)
            }
            _ => false,
        }
    }

    /// Adds a holder, and the lease if it is the first.
    pub(super) fn add(&mut self, piece: PieceIndex, charge: u64, holder: Holder) {
        let (lease, _) = self
            .leases
            .entry(piece)
            .or_insert_with(|| (Lease::Fetching(Vec::with_capacity(1)), charge));
        if let Lease::Fetching(holders) = lease {
            holders.push(holder);
            self.in_flight += charge;
        }
    }

    /// Takes a holder away; the lease ends with its last holder. Says whether it ended.
    pub(super) fn remove_holder(&mut self, piece: PieceIndex, link: LinkId) -> bool {
        let Some((Lease::Fetching(holders), charge)) = self.leases.get_mut(&piece) else {
            return false;
        };
        let before = holders.len();
        holders.retain(|holder| holder.link != link);
        self.in_flight -= (before - holders.len()) as u64 * *charge;
        let ended = holders.is_empty();
        if ended {
            self.leases.remove(&piece);
        }
        ended
    }

    /// The link delivered: storage has the piece now. Gives back all who were fetching it.
    pub(super) fn deliver(&mut self, piece: PieceIndex, link: LinkId) -> Vec<Holder> {
        match self.leases.get_mut(&piece) {
            Some((lease @ Lease::Fetching(_), charge)) => {
                let Lease::Fetching(holders) = std::mem::replace(lease, Lease::Storing(link))
                else {
                    return Vec::new();
                };
                self.in_flight -= (holders.len() as u64).saturating_sub(1) * *charge;
                holders
            }
            _ => Vec::new(),
        }
    }

    /// Ends a lease. Gives back all who were fetching the piece.
    pub(super) fn end(&mut self, piece: PieceIndex) -> Vec<Holder> {
        match self.leases.remove(&piece) {
            Some((Lease::Fetching(holders), charge)) => {
                self.in_flight -= holders.len() as u64 * charge;
                holders
            }
            Some((Lease::Storing(_), charge)) => {
                self.in_flight -= charge;
                Vec::new()
            }
            None => Vec::new(),
        }
    }
}
