//! Rates and round trips of links.

use std::collections::BTreeMap;
use std::sync::Weak;
use std::time::Duration;

use swarmlet_protocol::id::LinkId;
use swarmlet_protocol::time::Timestamp;

use super::figures::{RateMeter, Window};
use crate::gauge::Gauge;
use crate::messages::report::Rates;

/// The links that live.
#[derive(Debug, Default)]
pub(super) struct Links(BTreeMap<LinkId, Link>);

#[derive(Debug)]
struct Link {
    gauge: Weak<Gauge>,
    down: RateMeter,
    up: RateMeter,
    round_trips: Window,
}

impl Links {
    /// A link begins.
    pub(super) fn watch(&mut self, link: LinkId, gauge: Weak<Gauge>, now: Timestamp) {
        let link_state = Link {
            gauge,
            down: RateMeter::new(0, now),
            up: RateMeter::new(0, now),
            round_trips: Window::default(),
        };
        self.0.insert(link, link_state);
    }

    /// Works out the rates, and forgets the links that are gone.
    pub(super) fn measure(&mut self, now: Timestamp) {
        self.0.retain(|_, link| {
            let Some(gauge) = link.gauge.upgrade() else {
                return false;
            };
            let (received, sent) = gauge.standing().moved;
            link.down.take(received, now);
            link.up.take(sent, now);
            true
        });
    }

    /// A round trip was measured; the median of those of late. None of a link that is not watched.
    pub(super) fn sampled(&mut self, link: LinkId, round_trip: Duration) -> Option<Duration> {
        let link = self.0.get_mut(&link)?;
        link.round_trips.add(round_trip);
        link.round_trips.median()
    }

    pub(super) fn figures(&self) -> Vec<(LinkId, Rates, Option<Duration>)> {
        let figures = |(&id, link): (&LinkId, &Link)| {
            let rates = Rates {
                down: link.down.rate(),
                up: link.up.rate(),
            };
            (id, rates, link.round_trips.median())
        };
        self.0.iter().map(figures).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use swarmlet_protocol::session::Standing;

    use super::*;

    #[test]
    fn a_link_has_rates_while_it_lives_and_is_forgotten_afterwards() {
        let gauge = Arc::new(Gauge::default());
        let mut links = Links::default();
        links.watch(LinkId(4), Arc::downgrade(&gauge), Timestamp::ZERO);
        let moved = (5_000, 100);
        let standing = Standing {
            moved,
            ..Standing::default()
        };
        gauge.set(standing, false);
        links.measure(Timestamp::from_millis(1_000));
        let millis = Duration::from_millis;
        assert_eq!(links.sampled(LinkId(4), millis(3)), Some(millis(3)));
        assert_eq!(links.sampled(LinkId(5), millis(3)), None);
        let rates = Rates {
            down: 5_000,
            up: 100,
        };
        assert_eq!(links.figures(), [(LinkId(4), rates, Some(millis(3)))]);
        drop(gauge);
        links.measure(Timestamp::from_millis(2_000));
        assert!(links.figures().is_empty());
    }
}
