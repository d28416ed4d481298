//! How many lists of addresses and swarms of one peer are read.
//!
//! A list costs its reader far more than its sender: every address of it is looked up. So those are
//! not even read that come faster than any honest peer sends them.

use std::time::Duration;

use crate::extension::{PEX_ID, SWARMS_ID};
use crate::time::Timestamp;
use crate::tokens::Tokens;

/// 16 lists of addresses of a peer at once, and then ...
pub const PEX_READ_BURST: u32 = 16;

/// 128 lists of swarms at once: a node that is given 64 contents one by one tells of each, and then ...
pub const SWARMS_READ_BURST: u32 = 128;

/// ... one of each a second: members of the fleet send no more, others one a minute (BEP 11).
pub const LIST_PERIOD: Duration = Duration::from_secs(1);

/// What may still be read.
#[derive(Debug)]
pub(super) struct Lists {
    pex: Tokens,
    swarms: Tokens,
}

impl Lists {
    pub(super) fn new() -> Self {
        Self {
            pex: Tokens::new(PEX_READ_BURST, LIST_PERIOD),
            swarms: Tokens::new(SWARMS_READ_BURST, LIST_PERIOD),
        }
    }

    /// Is this message of an extension to be read?
    pub(super) fn admit(&mut self, id: u8, now: Timestamp) -> bool {
        match id {
            PEX_ID => self.pex.take(now),
            SWARMS_ID => self.swarms.take(now),
            _ => true,
        }
    }
}
