//! The command line as a user meets it: what it prints, and with which status it ends.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a helper of a test fails the test"
)]

mod bad_input;
mod demo;
mod files;
mod generated;
mod torrents;
mod usage;

use std::ffi::OsStr;
use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Asserts that it failed with exactly these words on stderr and none on stdout.
#[track_caller]
fn assert_fails(output: &Output, complaint: &str) {
    assert_eq!(stderr(output), complaint);
    assert_eq!(stdout(output), "");
    assert_eq!(output.status.code(), Some(1));
}

fn swarmlet<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    command(arguments).output().unwrap()
}

/// The program, free of whatever the environment of the tests says. A node of a test has nothing in
/// the usual places of this machine.
fn command<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmlet"));
    for (name, _) in std::env::vars() {
        if name.starts_with("SWARMLET_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command.envs([("SWARMLET_STATE", "none"), ("SWARMLET_HTTP", "off")]);
    command.args(arguments);
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Bytes in which no two parts of a test are equal.
fn bytes(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(length as u64).fill(&mut bytes);
    bytes
}

/// A folder that is gone after the test.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The path of something in it; of the folder itself if the name is empty.
    fn path(&self, name: &str) -> String {
        let path = match name {
            "" => self.0.path().to_owned(),
            name => self.0.path().join(name),
        };
        path.into_os_string().into_string().unwrap()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }
}
