//! What the fuzz targets need of the inside, and nobody else: no part of the API.

use std::collections::BTreeSet;

use crate::choking::Choker;
pub use crate::encryption::behind_keys::{accepting, acceptors_words, dialers_words, dialing};
use crate::layout::PieceIndex;
pub use crate::membership::judge::World as MembershipWorld;
pub use crate::picker::judge::{Step as PickerStep, World as PickerWorld};
use crate::session::Session;

/// Counts again what a link counts along the way.
///
/// # Panics
/// Where the two differ.
pub fn check_session(session: &Session) {
    session.check();
}

/// The pieces that a link fetches: leases of which blocks are still to come.
#[must_use]
pub fn leases(session: &Session) -> BTreeSet<PieceIndex> {
    session.leases()
}

/// Compares what a choker keeps with what it has said.
///
/// # Panics
/// Where the two differ.
pub fn check_choker(choker: &Choker, unchoked: &BTreeSet<u64>) {
    choker.audit(unchoked);
}
