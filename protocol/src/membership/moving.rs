//! Our own addresses change, and peers come again from others.

use std::net::SocketAddr;

use super::event::Output;
use super::limits::DOUBT_AGE;
use super::link::Link;
use super::machine::Membership;
use crate::id::LinkId;
use crate::time::Timestamp;

impl Membership {
    /// These are our addresses now. Another host may have one that was ours; nobody else has one that
    /// is. On a move whoever did not answer is tried again, for he may be within reach now.
    pub(super) fn own_changed(&mut self, own: &[SocketAddr], moved: bool, now: Timestamp) {
        self.known_changed |= self.book.set_own(own);
        for link in self.links.values_mut() {
            if let Some(ready) = &mut link.ready
                && ready.address.is_some_and(|addr| own.contains(&addr))
            {
                // Its host is gone, and the network has not said so yet.
                ready.address = None;
            }
        }
        self.touch_exchanges(now);
        if moved {
            self.book.hint_all(now);
        }
    }

    /// A peer that is linked already comes again. It would not if it knew of the older link, unless
    /// it has several addresses: perhaps its own has changed and nothing on the older link reaches
    /// it. The word of whoever comes is not believed, for a name is no secret; the link itself is
    /// tried.
    pub(super) fn doubt(
        &self,
        older: LinkId,
        newer: LinkId,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let is_inbound = |link: &Link| link.dialed.is_none();
        // Two that dial each other at the same moment have two young links, and both are alive.
        let is_settled = |link: &Link| link.age(now).is_some_and(|age| age >= DOUBT_AGE);
        if self.links.get(&newer).is_some_and(is_inbound)
            && self.links.get(&older).is_some_and(is_settled)
        {
            out.push(Output::Doubt { link: older });
        }
    }
}
