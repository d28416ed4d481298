//! Compares what the choker keeps with what it has said.

use std::collections::BTreeSet;

use super::{Choker, Link};

impl Choker {
    /// Panics where they differ; `unchoked` are those that were told so last.
    pub(crate) fn audit(&self, unchoked: &BTreeSet<u64>) {
        if self.holds {
            assert!(unchoked.is_empty(), "somebody is served");
            assert_eq!(self.next_timeout(), None);
            return;
        }
        for (id, link) in &self.links {
            assert_eq!(link.unchoked, unchoked.contains(&id.0));
            assert!(!link.fleet || link.unchoked, "a member is choked");
            assert!(!(link.holds() && link.done), "unchoked in vain");
            assert!(!link.optimistic || link.unchoked);
        }
        let held = self.links.values().filter(|link| link.holds());
        assert!(held.count() <= self.slots, "more than there are slots");
        let waits = self.links.values().any(Link::waits);
        assert!(!(waits && self.free() > 0), "a slot is free");
        assert_eq!(self.next_timeout().is_some(), waits);
    }
}
