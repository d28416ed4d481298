//! The examples run, end by themselves, and do what they say.
//!
//! They are compiled into this test: so they run wherever tests do, whatever cargo was asked to
//! build besides.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, unreachable_pub)]

#[path = "../examples/embedded.rs"]
mod embedded;
#[path = "../examples/local_fleet.rs"]
mod local_fleet;

use std::error::Error;
use std::time::Duration;

/// An example that hangs is to fail and not to hang the tests.
const PATIENCE: Duration = Duration::from_secs(120);

fn run(example: impl Future<Output = Result<(), Box<dyn Error>>>) {
    let ended =
        actix_rt::System::new().block_on(async { tokio::time::timeout(PATIENCE, example).await });
    ended
        .expect("the example ends")
        .expect("the example succeeds");
}

#[test]
fn an_embedded_node_checks_its_file_and_ends() {
    run(embedded::run(&[]));
}

#[test]
fn a_local_fleet_ends_with_identical_files() {
    run(local_fleet::run());
}
