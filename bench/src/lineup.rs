//! Who is measured in one row: an engine for the seed, and one for each leecher.
//!
//! Mostly all are of one engine. Engines that speak the same protocol can be in one swarm as well:
//! `swarmlet+aria2` is a seed of the first kind and leechers of the second.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::engine::{self, Engine};

/// As many leechers of a kind in a row as there can be leechers at all.
const MAX_COUNT: usize = 253;

/// A swarm of ten: a seed and two leechers of libtorrent, five of swarmlet and two of aria2.
const MIXED: (&str, &str) = ("mixed", "libtorrent+5*swarmlet+2*libtorrent+2*aria2");

/// The names of the engines of a run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LineUp {
    /// As it was typed.
    name: String,
    seed: String,
    /// In the order of the leechers; when it ends it begins anew.
    leechers: Vec<String>,
}

/// A line-up that cannot be.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub(crate) enum LineUpError {
    /// No such engine.
    #[error(
        "no engine is called {0:?}: it is one of {names}, or SEED+LEECHER... as in libtorrent+2*swarmlet, or mixed",
        names = engine::NAMES.join(", ")
    )]
    Unknown(String),
    /// The floor speaks with nobody but itself.
    #[error("{0:?}: the floor has no protocol, and is measured alone")]
    Floor(String),
    /// So many of a kind.
    #[error("{0:?}: it takes a number from 1 to {MAX_COUNT} before the *")]
    Count(String),
}

impl LineUp {
    /// As the tables call it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The names of all engines that it needs; some may come twice.
    pub(crate) fn needs(&self) -> impl Iterator<Item = &str> {
        let all = std::iter::once(&self.seed).chain(&self.leechers);
        all.map(String::as_str)
    }

    /// The engine of a node; node 0 is the seed. None if it is not among these.
    pub(crate) fn engine<'a>(
        &self,
        node: usize,
        engines: &'a [Box<dyn Engine>],
    ) -> Option<&'a dyn Engine> {
        let name = match node.checked_sub(1) {
            None => &self.seed,
            Some(leecher) => self.leechers.iter().cycle().nth(leecher)?,
        };
        let mut engines = engines.iter().map(AsRef::as_ref);
        engines.find(|engine| engine.name() == name)
    }
}

impl fmt::Display for LineUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl FromStr for LineUp {
    type Err = LineUpError;

    fn from_str(text: &str) -> Result<Self, LineUpError> {
        let meant = if text == MIXED.0 { MIXED.1 } else { text };
        let mut all = Vec::new();
        for part in meant.split('+') {
            let (count, name) = part.split_once('*').unwrap_or(("1", part));
            let count = count.parse().ok();
            let count = count.filter(|count| (1..=MAX_COUNT).contains(count));
            let count = count.ok_or_else(|| LineUpError::Count(text.to_owned()))?;
            if !engine::NAMES.contains(&name) {
                return Err(LineUpError::Unknown(name.to_owned()));
            }
            all.extend(std::iter::repeat_n(name.to_owned(), count));
        }
        if all.len() > 1 && all.iter().any(|name| name == "floor") {
            return Err(LineUpError::Floor(text.to_owned()));
        }
        let seed = all.first().cloned().unwrap_or_default();
        let leechers = match all.len() {
            1 => all,
            _ => all.split_off(1),
        };
        Ok(Self {
            name: text.to_owned(),
            seed,
            leechers,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn names(text: &str, nodes: usize) -> Vec<&'static str> {
        let line_up: LineUp = text.parse().unwrap();
        let engines = engine::all(Path::new("swarmlet"), Path::new("bench"));
        let all = (0..nodes).map(|node| line_up.engine(node, &engines).unwrap().name());
        all.collect()
    }

    #[test]
    fn one_name_stands_for_all_nodes_and_several_for_the_seed_and_the_leechers_in_turn() {
        assert_eq!(names("aria2", 3), ["aria2"; 3]);
        assert_eq!(names("swarmlet+aria2", 3), ["swarmlet", "aria2", "aria2"]);
        assert_eq!(
            names("aria2+2*rqbit+swarmlet", 5),
            ["aria2", "rqbit", "rqbit", "swarmlet", "rqbit"]
        );
    }

    #[test]
    fn the_mixed_swarm_of_ten_has_five_three_and_two() {
        let names = names("mixed", 10);
        let count = |name| names.iter().filter(|other| **other == name).count();
        assert_eq!(
            (count("swarmlet"), count("libtorrent"), count("aria2")),
            (5, 3, 2)
        );
        assert_eq!(names[0], "libtorrent");
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let refused = |text: &str| text.parse::<LineUp>().unwrap_err();
        assert_eq!(refused("azureus"), LineUpError::Unknown("azureus".into()));
        assert_eq!(refused("aria2+"), LineUpError::Unknown(String::new()));
        assert_eq!(
            refused("floor+aria2"),
            LineUpError::Floor("floor+aria2".into())
        );
        assert_eq!(refused("0*aria2"), LineUpError::Count("0*aria2".into()));
        assert_eq!(refused("x*aria2"), LineUpError::Count("x*aria2".into()));
        assert_eq!(refused("254*aria2"), LineUpError::Count("254*aria2".into()));
    }
}
