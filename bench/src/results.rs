//! All samples of a benchmark, by case, engine and round.

use crate::case::Case;
use crate::round::Sample;
use crate::statistics::{median, median_ratio};

/// The engine that others are compared with first, unless somebody wants it otherwise.
pub(crate) const FLOOR: &str = "floor";

/// The engine that others are compared with second: the one that most programs are built on.
pub(crate) const REFERENCE: &str = "libtorrent";

/// What an engine did in one case.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Its name.
    pub(crate) engine: String,
    /// One per round; none where the run failed.
    pub(crate) samples: Vec<Option<Sample>>,
}

impl Row {
    /// The middle of a figure over all rounds that have one.
    pub(crate) fn median(&self, figure: impl Fn(&Sample) -> f64) -> Option<f64> {
        median(self.samples.iter().flatten().map(figure))
    }

    /// How many rounds have no result.
    pub(crate) fn failures(&self) -> usize {
        self.samples
            .iter()
            .filter(|sample| sample.is_none())
            .count()
    }
}

/// What all engines did in one case.
#[derive(Clone, Debug)]
pub(crate) struct CaseResults {
    /// What was to be done.
    pub(crate) case: Case,
    /// An engine each, in the order in which they are shown.
    pub(crate) rows: Vec<Row>,
    /// Whom they are compared with.
    pub(crate) others: Vec<String>,
}

impl CaseResults {
    /// No results yet, of these engines, to be compared with those.
    pub(crate) fn new<'a>(
        case: Case,
        engines: impl Iterator<Item = &'a str>,
        others: impl Iterator<Item = &'a str>,
    ) -> Self {
        let row = |engine: &str| Row {
            engine: engine.to_owned(),
            samples: Vec::new(),
        };
        let rows = engines.map(row).collect();
        Self {
            case,
            rows,
            others: others.map(str::to_owned).collect(),
        }
    }

    /// How many times as much a row has as another engine: the middle over rounds.
    pub(crate) fn ratio(
        &self,
        row: &Row,
        other: &str,
        figure: impl Fn(&Sample) -> f64,
    ) -> Option<f64> {
        let other = self.rows.iter().find(|row| row.engine == other)?;
        median_ratio(&row.samples, &other.samples, figure)
    }

    /// A figure of a whole run as one of each GiB that was delivered.
    pub(crate) fn per_gibibyte(&self, figure: f64) -> f64 {
        figure / (self.case.delivered() as f64 / f64::from(1 << 30))
    }
}
