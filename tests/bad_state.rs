//! What a node does about things in its state directory that are none of its files.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod support;

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::{CWD, Mode, mkfifoat};
use support::content::Content;
use support::handful::{Handful, Has};
use support::loopback::Subnet;
use support::measure::peak_memory;

/// The files of state that are read at the start.
const FILES: [&str; 2] = ["node.json", "operator.json"];

/// 512 MiB: more memory than a node of one small content ever has, and less than any of what is put
/// in the place of its files.
const MUCH: u64 = 512 << 20;

fn pipe(path: &Path) {
    mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap();
}

fn endless(path: &Path) {
    symlink("/dev/zero", path).unwrap();
}

fn longer_than_memory(path: &Path) {
    File::create(path).unwrap().set_len(3 << 30).unwrap();
}

#[test]
fn a_pipe_or_a_device_or_a_huge_file_in_place_of_state_holds_up_no_start() {
    let test = "bad state";
    let content = Content::random(&mut support::seeded(test), 150_000, 16 * 1024);
    let subnet = Subnet::reserve();
    let mut nodes = Handful::new();
    nodes.add((Has::File, &content), subnet.address(0), &[], &[], &[]);
    let peers = [subnet.address(0).to_string()];
    for (number, make) in [pipe, endless, longer_than_memory].into_iter().enumerate() {
        let address = subnet.address(number + 1);
        let node = nodes.add((Has::Config, &content), address, &peers, &[], &[]);
        for name in FILES {
            make(&nodes.nodes[node].files.state.join(name));
        }
    }
    nodes.start_all();
    nodes.wait_for_file(&[1, 2, 3], &content);
    for node in 1..=3 {
        for name in FILES {
            let said = format!("{name} cannot be read; starting without it");
            assert_eq!(nodes.lines_with(node, &said), 1, "{name} of node {node}");
        }
        let memory = peak_memory(nodes.nodes[node].pid().unwrap()).unwrap();
        assert!(memory < MUCH, "node {node} had {memory} bytes");
        assert!(nodes.nodes[node].stop().unwrap().success());
        // What it learned has taken that place, and the next life knows it.
        let file = nodes.nodes[node].files.state.join("node.json");
        assert!(fs::symlink_metadata(file).unwrap().is_file());
    }
}
