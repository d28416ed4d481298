//! How many descriptors a process may have (`ulimit -n`), and what a node uses them for.
//!
//! Strangers decide how many sockets a node is asked for, so each use has a part of its own: whoever
//! takes all links, or all connections of the HTTP face, keeps no file from being opened.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// 40: what a node has open without links, requests and folders: its threads' selectors, sockets that listen,
/// files, and what is opened for a moment (measured: 17 to 31).
const OWN: u64 = 40;

/// The descriptors of a process.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Descriptors {
    limit: u64,
}

impl Descriptors {
    /// The fewest with which a node can do its work.
    pub const LEAST: u64 = OWN + 8;

    /// As many as this process may have now.
    #[must_use]
    pub fn of_process() -> Self {
        let limit = getrlimit(Resource::Nofile).current;
        Self {
            limit: limit.unwrap_or(u64::MAX),
        }
    }

    /// Has this process take all that it may ask for without rights. A soft limit of 1,024 is for programs
    /// that use `select(2)`.
    pub fn raise() {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        if current != maximum {
            let all = Rlimit {
                current: maximum,
                maximum,
            };
            // Where a system refuses, fewer are what there is.
            let _ = setrlimit(Resource::Nofile, all);
        }
    }

    /// How many that is.
    #[must_use]
    pub const fn limit(self) -> u64 {
        self.limit
    }

    /// Half of what is left: sockets of links, those that begin and end included.
    #[must_use]
    pub fn for_links(self) -> usize {
        self.part(2)
    }

    /// A quarter: connections of the HTTP face. Files have the rest.
    #[must_use]
    pub fn for_requests(self) -> usize {
        self.part(4)
    }

    fn part(self, divisor: u64) -> usize {
        let free = self.limit.saturating_sub(OWN);
        usize::try_from(free / divisor).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_use_has_its_part_and_the_node_the_rest() {
        let parts = |limit| {
            let descriptors = Descriptors { limit };
            (descriptors.for_links(), descriptors.for_requests())
        };
        assert_eq!(parts(0), (0, 0));
        assert_eq!(parts(Descriptors::LEAST), (4, 2));
        assert_eq!(parts(1_024), (492, 246));
        assert_eq!(parts(u64::MAX), (usize::MAX / 2 - 20, usize::MAX / 4 - 10));
    }
}
