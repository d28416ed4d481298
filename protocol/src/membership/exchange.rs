//! What peer exchange (BEP 11) has told one peer, and when it may speak again.
//!
//! Knows neither links nor the book. Invariant: `sent` is what the receiver must believe after
//! the messages so far: the added ones less the dropped ones, each told once.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::event::PexPeer;
use super::limits::{
    PEX_COALESCE, PEX_ENTRIES, PEX_ENTRIES_FIRST, PEX_FLEET_BURST, PEX_FLEET_PERIOD,
    PEX_FOREIGN_FIRST, PEX_FOREIGN_PERIOD,
};
use crate::time::Timestamp;
use crate::tokens::Tokens;

/// The peers that a link should know of, with their flags.
pub(super) type Wanted = BTreeMap<SocketAddr, u8>;

/// Peer exchange on one link, in our direction.
#[derive(Debug)]
pub(super) struct Exchange {
    fleet: bool,
    first: bool,
    sent: Wanted,
    tokens: Tokens,
    due: Option<Timestamp>,
}

impl Exchange {
    pub(super) fn new(fleet: bool) -> Self {
        let tokens = if fleet {
            Tokens::new(PEX_FLEET_BURST, PEX_FLEET_PERIOD)
        } else {
            Tokens::new(1, PEX_FOREIGN_PERIOD)
        };
        Self {
            fleet,
            first: true,
            sent: Wanted::new(),
            tokens,
            due: None,
        }
    }

    /// Something changed: a message becomes due unless one is.
    pub(super) fn touch(&mut self, now: Timestamp) {
        let wait = match (self.fleet, self.first) {
            (true, _) => PEX_COALESCE,
            (false, true) => PEX_FOREIGN_FIRST,
            (false, false) => PEX_COALESCE,
        };
        let at = (now + wait).max(self.tokens.available_at());
        self.due.get_or_insert(at);
    }

    /// When the next message is due.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.due
    }

    /// The message that turns what the receiver believes into `wanted`, as far as one message may
    /// go; the rest becomes due later. `None` if there is nothing to say, or not yet the right.
    pub(super) fn take(
        &mut self,
        wanted: &Wanted,
        now: Timestamp,
    ) -> Option<(Vec<PexPeer>, Vec<SocketAddr>)> {
        self.due = None;
        let limit = if self.fleet || self.first {
            PEX_ENTRIES_FIRST
        } else {
            PEX_ENTRIES
        };
        let news = wanted
            .iter()
            .filter(|(addr, _)| !self.sent.contains_key(addr));
        let added: Vec<PexPeer> = news
            .map(|(&addr, &flags)| PexPeer { addr, flags })
            .take(limit)
            .collect();
        let gone = self.sent.keys().filter(|addr| !wanted.contains_key(addr));
        let dropped: Vec<SocketAddr> = gone.copied().take(limit).collect();
        if added.is_empty() && dropped.is_empty() {
            return None;
        }
        if !self.tokens.take(now) {
            self.touch(now);
            return None;
        }
        self.first = false;
        for addr in &dropped {
            self.sent.remove(addr);
        }
        self.sent
            .extend(added.iter().map(|peer| (peer.addr, peer.flags)));
        if added.len() == limit || dropped.len() == limit {
            self.touch(now);
        }
        Some((added, dropped))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn wanted(numbers: &BTreeSet<u16>) -> Wanted {
        let addr = |number: u16| SocketAddr::from(([10, 0, 0, 1], 1_000 + number));
        numbers.iter().map(|&number| (addr(number), 0)).collect()
    }

    #[test]
    fn a_foreign_client_hears_at_most_fifty_a_minute_after_the_first_message() {
        let mut exchange = Exchange::new(false);
        let all = wanted(&(0..400).collect());
        let mut now = Timestamp::from_millis(1);
        let mut counts = Vec::new();
        for _ in 0..4 {
            if let Some((added, _)) = exchange.take(&all, now) {
                counts.push(added.len());
            }
            assert!(exchange.take(&all, now).is_none());
            let due = exchange.due().unwrap();
            assert!(due.since(now) >= PEX_FOREIGN_PERIOD);
            now = due;
        }
        assert_eq!(counts, [200, 50, 50, 50]);
    }

    proptest! {
        #[test]
        fn the_receiver_comes_to_believe_exactly_what_is_wanted(
            fleet: bool,
            changes in prop::collection::vec(prop::collection::btree_set(0_u16..300, 0..300), 1..8),
        ) {
            let mut exchange = Exchange::new(fleet);
            let mut believed = BTreeSet::new();
            let mut now = Timestamp::from_millis(1);
            for numbers in &changes {
                let wanted = wanted(numbers);
                exchange.touch(now);
                while let Some(due) = exchange.due() {
                    now = now.max(due);
                    let Some((added, dropped)) = exchange.take(&wanted, now) else {
                        continue;
                    };
                    for addr in dropped {
                        prop_assert!(believed.remove(&addr));
                    }
                    for peer in added {
                        prop_assert!(believed.insert(peer.addr));
                    }
                }
                prop_assert!(believed.iter().eq(wanted.keys()));
            }
        }
    }
}
