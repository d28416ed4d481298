//! One announce to one tracker, by whatever protocol its URL names.

use std::fmt;
use std::net::IpAddr;

use swarmlet_protocol::tracker::{Announce, Answer, AskError, Scheme, TrackerUrl, http};

use super::http::Clients;
use super::udp;
use crate::clock::Clock;

/// Asks trackers from one address.
#[derive(Debug)]
pub(super) struct Asker {
    from: IpAddr,
    clock: Clock,
    clients: Clients,
}

/// Why there is no answer, in words for the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AskFailure {
    /// The tracker is there and does not want us.
    pub(super) refused: bool,
    pub(super) why: String,
}

impl Asker {
    /// Opens nothing yet.
    pub(super) fn new(from: IpAddr, clock: Clock) -> Self {
        Self {
            from,
            clock,
            clients: Clients::new(from),
        }
    }

    /// Ends within the time that `http` and `udp` allow.
    pub(super) async fn ask(
        &self,
        tracker: &TrackerUrl,
        announce: Announce,
    ) -> Result<Answer, AskFailure> {
        match tracker.scheme() {
            Scheme::Udp => udp::announce(tracker, announce, self.from, self.clock).await,
            Scheme::Http | Scheme::Https => {
                self.clients
                    .announce(&http::request(tracker, &announce))
                    .await
            }
        }
    }
}

impl AskFailure {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self {
            refused: false,
            why: why.into(),
        }
    }
}

impl From<AskError> for AskFailure {
    fn from(error: AskError) -> Self {
        Self {
            refused: matches!(error, AskError::Refused(_)),
            why: error.to_string(),
        }
    }
}

impl fmt::Display for AskFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}
