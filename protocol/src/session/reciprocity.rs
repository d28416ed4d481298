//! What the choker must know of a peer: whether it wants something, what it gives and takes, and
//! whether it lets us wait. Members of the fleet are served in any case, so nothing is told of them.

use std::time::Duration;

use super::download::Download;
use super::events::Output;
use super::upload::Upload;
use crate::time::Timestamp;

/// 1 s: how often it is told what moved. A tenth of the choker's beat, so that its rates are right
/// to a tenth.
pub const TRAFFIC_PERIOD: Duration = Duration::from_secs(1);

/// 10 s: a peer that owes us blocks and has sent nothing for so long snubs us. Half of what ends the
/// link; BEP 3 speaks of a minute, in which we would have given it up long since.
pub const SNUBBED_AFTER: Duration = Duration::from_secs(10);

/// What a peer wants and does, and what was told of it.
#[derive(Debug, Default)]
pub(super) struct Reciprocity {
    /// It is of the fleet.
    pub(super) fleet: bool,
    /// It says that we have something for it.
    pub(super) interested: bool,
    /// It says that it wants nothing more (BEP 21).
    pub(super) upload_only: bool,
    told_interest: (bool, bool),
    told_traffic: (u64, u64),
    told_at: Option<Timestamp>,
    snubs: bool,
}

impl Reciprocity {
    /// Tells what changed.
    pub(super) fn work(
        &mut self,
        complete: bool,
        download: Option<&Download>,
        upload: Option<&Upload>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        if self.fleet {
            return;
        }
        let done = complete || self.upload_only;
        let interest = (self.interested, done);
        if std::mem::replace(&mut self.told_interest, interest) != interest {
            let interested = self.interested;
            out.push(Output::PeerInterest { interested, done });
        }
        let given = download.map_or(0, |download| download.given);
        let taken = upload.map_or(0, |upload| upload.taken);
        let due = self.told_at.is_none_or(|at| now >= at + TRAFFIC_PERIOD);
        if due && self.told_traffic != (given, taken) {
            self.told_traffic = (given, taken);
            self.told_at = Some(now);
            out.push(Output::Traffic { given, taken });
        }
        let owes = download.and_then(Download::starved_since);
        let snubs = owes.is_some_and(|since| now >= since + SNUBBED_AFTER);
        if std::mem::replace(&mut self.snubs, snubs) != snubs {
            out.push(Output::Snubs(snubs));
        }
    }

    /// When the peer begins to snub us, if nothing comes.
    pub(super) fn snubbed_at(&self, download: &Download) -> Option<Timestamp> {
        if self.fleet || self.snubs {
            return None;
        }
        download.starved_since().map(|since| since + SNUBBED_AFTER)
    }
}
