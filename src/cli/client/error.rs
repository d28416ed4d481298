//! What can go wrong between a command and a running node, and what to do about it.

use std::path::PathBuf;

use swarmlet_protocol::text::escaped;
use thiserror::Error;

use crate::cli::values::HTTP_PORT;

/// So many contents are listed where one must be named.
const LISTED: usize = 8;

/// Why a node did not do what it was asked.
#[derive(Debug, Error)]
pub(crate) enum ClientError {
    /// Nobody is there.
    #[error("no node answers at {at}{}", because(reason.as_deref()))]
    NoNode {
        /// Where it was looked for.
        at: String,
        /// What the system said, where there was one place.
        reason: Option<String>,
    },
    /// Its socket is another user's.
    #[error("cannot connect to {}: permission denied", .0.display())]
    NotOurs(PathBuf),
    /// Somebody is there and says nothing.
    #[error("the node at {at} has not answered for {seconds} s")]
    Silent {
        /// Where.
        at: String,
        /// How long it was waited.
        seconds: u64,
    },
    /// Somebody is there, and it is no node.
    #[error("what answers at {at} is no swarmlet node of this version: {what}")]
    NoAnswer {
        /// Where.
        at: String,
        /// What it said.
        what: String,
    },
    /// The connection could not even be tried.
    #[error("cannot talk to {at}: {reason}")]
    Unusable {
        /// With whom.
        at: String,
        /// Why not.
        reason: String,
    },
    /// The node refused, in its words.
    #[error("{}", escaped(detail))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        detail: String,
    },
    /// There is nothing to name.
    #[error("this node has no content")]
    NoContent,
    /// One of several must be named.
    #[error("this node has {} contents; say which one is meant: {}", .0.len(), listed(.0))]
    WhichContent(Vec<String>),
    /// Nothing is called so.
    #[error(
        "no content of this node is called '{}'; it has {}",
        escaped(called),
        listed(there)
    )]
    UnknownContent {
        /// As it was typed.
        called: String,
        /// What there is.
        there: Vec<String>,
    },
    /// Several are called so.
    #[error("'{}' may be {}", escaped(called), listed(several))]
    Ambiguous {
        /// As it was typed.
        called: String,
        /// What it may be.
        several: Vec<String>,
    },
    /// It was not said where to keep it, and the node has no place of its own.
    #[error("this node has no directory of contents: say where to keep it")]
    NoPlace,
    /// A relative path means nothing on another machine.
    #[error("--to {} is not absolute, and the node is on another machine", .0.display())]
    RelativePlace(PathBuf),
    /// A path that JSON cannot say.
    #[error("--to {} is not UTF-8", .0.display())]
    OddPlace(PathBuf),
}

impl ClientError {
    /// What can be done about it.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            // What has neither a slash nor a port was taken for a path.
            Self::NoNode { at, .. } if !at.contains(['/', ':']) => {
                let at = escaped(at);
                return Some(format!(
                    "a host is named with its port: {at}:{HTTP_PORT}; {at} alone is a path"
                ));
            }
            Self::NoNode { .. } => {
                "is one running, and not with --http off? name it with --node: its address, or the path of its \
                 state directory"
            }
            Self::NotOurs(_) => {
                "run this as the user of the node, or name its address with --node and its token with \
                 --token-file"
            }
            Self::Silent { .. } => "its machine may be overloaded: see its log",
            Self::NoAnswer { .. } => {
                "name the address of its HTTP face with --node; that is its --http, port 6880 by default"
            }
            Self::Refused {
                status: 401 | 403, ..
            } => {
                "name the file of its token with --token-file, or its state directory with --node: by the \
                 socket there no token is needed"
            }
            Self::Refused { status: 404, .. } => {
                "swarmlet status lists what the node has, swarmlet bans whom it does not speak to"
            }
            Self::Refused { status: 503, .. } => "try again in a moment",
            Self::NoContent => "swarmlet add SOURCE has it keep one",
            Self::WhichContent(_) | Self::UnknownContent { .. } | Self::Ambiguous { .. } => {
                "swarmlet status lists them; an infohash always does, or its first digits: four, or as many as are needed"
            }
            Self::NoPlace => "with --to: the path of the file, or of the folder of its files",
            Self::RelativePlace(_) => "say where it is to lie on that machine, from / on",
            Self::Unusable { .. } | Self::Refused { .. } | Self::OddPlace(_) => return None,
        };
        Some(hint.to_owned())
    }
}

fn because(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}

/// Some of them, and how many more there are.
fn listed(all: &[String]) -> String {
    let some = all.get(..LISTED).unwrap_or(all).join(", ");
    match all.len().saturating_sub(LISTED) {
        0 if all.is_empty() => "none".to_owned(),
        0 => some,
        more => format!("{some} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_is_listed_up_to_a_limit() {
        let names: Vec<_> = (0..11).map(|number| format!("n{number}")).collect();
        let error = ClientError::WhichContent(names);
        assert_eq!(
            error.to_string(),
            "this node has 11 contents; say which one is meant: n0, n1, n2, n3, n4, n5, n6, n7 and 3 more"
        );
    }

    #[test]
    fn words_of_a_node_stay_on_their_line() {
        let error = ClientError::Refused {
            status: 409,
            detail: "a\nerror: \x1b[2J".to_owned(),
        };
        assert_eq!(error.to_string(), "a\\nerror: \\u{1b}[2J");
    }
}
