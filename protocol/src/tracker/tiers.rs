//! Trackers in tiers (BEP 12): all of a tier come before any of the next.
//!
//! Invariant: at most [`MAX_TRACKERS`] trackers, each once, and no tier is empty.

use std::collections::HashSet;

use super::limits::MAX_TRACKERS;
use super::standing::Tracker;
use super::url::TrackerUrl;
use crate::time::Timestamp;

/// The trackers of one swarm, in the order in which they are asked.
#[derive(Debug)]
pub(super) struct Tiers(Vec<Vec<Tracker>>);

impl Tiers {
    /// Shuffles each tier, so that the members of a swarm spread over the trackers of one.
    pub(super) fn new(
        tiers: Vec<Vec<TrackerUrl>>,
        rng: &mut fastrand::Rng,
        now: Timestamp,
    ) -> Self {
        let mut seen = HashSet::new();
        let mut shuffled = Vec::new();
        for mut tier in tiers {
            tier.retain(|url| seen.len() < MAX_TRACKERS && seen.insert(url.clone()));
            rng.shuffle(&mut tier);
            let tier: Vec<_> = tier.into_iter().map(|url| Tracker::new(url, now)).collect();
            if !tier.is_empty() {
                shuffled.push(tier);
            }
        }
        Self(shuffled)
    }

    /// All of them, in the order in which they are asked.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Tracker> {
        self.0.iter().flatten()
    }

    pub(super) fn get_mut(&mut self, url: &TrackerUrl) -> Option<&mut Tracker> {
        self.0
            .iter_mut()
            .flatten()
            .find(|tracker| tracker.url == *url)
    }

    /// It answered: from now on it is the first of its tier to be asked.
    pub(super) fn promote(&mut self, url: &TrackerUrl) {
        for tier in &mut self.0 {
            if let Some(place) = tier.iter().position(|tracker| tracker.url == *url)
                && let Some(front) = tier.get_mut(..=place)
            {
                front.rotate_right(1);
                return;
            }
        }
    }
}

/// Tiers as they stand in a `.torrent` or a magnet link, as far as their URLs can be used.
#[must_use]
pub fn usable(tiers: &[Vec<String>]) -> Vec<Vec<TrackerUrl>> {
    let tier = |tier: &Vec<String>| tier.iter().filter_map(|url| url.parse().ok()).collect();
    let tiers = tiers.iter().map(tier);
    tiers.filter(|tier: &Vec<_>| !tier.is_empty()).collect()
}

/// Which trackers a swarm has: each one that the operator named is a tier of its own, and those of
/// the content come after them. A private content with trackers of its own has only those (BEP 27).
#[must_use]
pub fn tiers_of(
    operators: &[TrackerUrl],
    contents: &[Vec<TrackerUrl>],
    private: bool,
) -> Vec<Vec<TrackerUrl>> {
    let operators = match private && contents.iter().any(|tier| !tier.is_empty()) {
        true => &[],
        false => operators,
    };
    let own_tiers = operators.iter().map(|url| vec![url.clone()]);
    own_tiers.chain(contents.iter().cloned()).collect()
}
