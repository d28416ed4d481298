//! The flag about hashing again what is here.

use clap::Args;
use swarmlet::NodeBuilder;

use crate::cli::values::TimeOrOff;

/// How often all that is here is hashed again.
#[derive(Debug, Args)]
pub(crate) struct ScrubArgs {
    /// In how long to hash all that is here once more, such as 12h or 7d, or off [default: 24h]
    ///
    /// Evenly, a little at a time, and later while much is sent or received. What a disk lost is
    /// fetched again. What another program writes to a file is hashed at once in any case.
    #[arg(
        long,
        value_name = "PERIOD",
        env = "SWARMLET_SCRUB",
        hide_env_values = true
    )]
    pub(crate) scrub: Option<TimeOrOff>,
}

impl ScrubArgs {
    /// Tells it to a node that is about to be started.
    pub(crate) fn apply(&self, node: NodeBuilder) -> NodeBuilder {
        match self.scrub {
            Some(TimeOrOff(period)) => node.scrub(period),
            None => node,
        }
    }
}
