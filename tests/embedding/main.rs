//! What a node does to the program that it runs in, and what it never does.
//!
//! Each test has an actix system of its own. Those that look at what belongs to the whole process have a
//! process of their own.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used)]

#[path = "../inprocess/mod.rs"]
mod inprocess;
#[cfg(feature = "http")]
#[path = "../http/request.rs"]
#[allow(dead_code, unreachable_pub, reason = "other tests use more of it")]
mod request;

mod ends;
#[cfg(feature = "http")]
mod faces;
mod globals;
mod hears;
mod host;

use std::process::Command;
use std::time::Duration;

use inprocess::{Content, Member, Network};
use swarmlet::NodeBuilder;

/// How long a test may take: one that hangs is to fail and not to hang the others.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a test on an actix system of its own.
fn on_system<F: Future>(test: F) -> F::Output {
    let test = async { tokio::time::timeout(PATIENCE, test).await };
    inprocess::on_system(test).expect("the test ends")
}

/// Runs the test of this name in a process of its own, in which nothing else happens. Says whether this is
/// that process.
fn is_by_itself(test: &str) -> bool {
    const MARK: &str = "SWARMLET_TEST_BY_ITSELF";
    if std::env::var_os(MARK).is_some_and(|name| name == test) {
        return true;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    let arguments = [test, "--exact", "--nocapture", "--test-threads=1"];
    let output = command.args(arguments).env(MARK, test).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    let passed = output.status.success() && said.contains("1 passed");
    assert!(passed, "{test} by itself: {said}\n{complained}");
    false
}

/// A node that has a content, and room for others.
struct Scene {
    folder: tempfile::TempDir,
    network: Network,
    content: Content,
    seed: Member,
}

impl Scene {
    /// A content of so many pieces.
    async fn new(pieces: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (network, content) = (Network::any(), Content::pieces(pieces));
        let at = network.host(10);
        let data = folder.path().join(format!("{}.bin", at.ip()));
        std::fs::write(data, &content.bytes).unwrap();
        let seed = Member::start(folder.path(), at, &content.conf(&[]));
        seed.completes(&content).await;
        Self {
            folder,
            network,
            content,
            seed,
        }
    }

    /// The configuration of a node that knows the first one.
    fn conf(&self) -> Vec<u8> {
        self.content.conf(&[self.network.host(10)])
    }

    /// One more node, which knows the first one.
    fn leecher(&self, number: u8, more: impl FnOnce(NodeBuilder) -> NodeBuilder) -> Member {
        let at = self.network.host(number);
        Member::start_with(self.folder.path(), at, &self.conf(), more)
    }
}
