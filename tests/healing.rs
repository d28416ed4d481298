//! Files that are damaged under running nodes: found, withdrawn, fetched again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use support::content::Content;
use support::handful::{Handful, Has};
use support::loopback::Subnet;

const KIB: usize = 1024;

/// Nodes that all have the file, each of which knows the others.
fn fleet(count: usize, content: &Content, arguments: &[&str]) -> (Handful, Vec<usize>) {
    let subnet = Subnet::reserve();
    let mut handful = Handful::new();
    for number in 0..count {
        let others = (0..count).filter(|&other| other != number);
        let peers: Vec<_> = others.map(|it| subnet.ip(it).to_string()).collect();
        let has = (Has::File, content);
        handful.add(has, subnet.address(number), &peers, arguments, &[]);
    }
    handful.start_all();
    let all: Vec<_> = (0..count).collect();
    for &node in &all {
        handful.wait_for_log(node, "complete, every piece is verified");
        handful.wait_for_log(node, "is ready: swarmlet");
    }
    (handful, all)
}

/// Another program writes rubbish there; the length and the inode stay.
fn overwrite(path: &Path, at: usize, length: usize) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.write_all_at(&vec![0xee; length], at as u64).unwrap();
}

#[test]
fn a_fleet_heals_when_several_pieces_are_damaged_on_every_node_but_one() {
    let _turn = support::take_turn();
    let mut rng = support::seeded("healing");
    let content = Content::random(&mut rng, 4 * KIB * KIB, 64 * KIB);
    let (mut handful, all) = fleet(5, &content, &[]);
    for node in 1..5 {
        let data = handful.nodes[node].files.data.clone();
        for part in [node, 20, 40 + node] {
            overwrite(&data, part * 64 * KIB + 77, 1 + 30_000 * (node % 2));
        }
    }
    for node in 1..5 {
        handful.wait_for_log(node, "all that was damaged is right again");
    }
    handful.wait_for_file(&all, &content);
    for node in 1..5 {
        assert!(handful.lines_with(node, "no longer complete") > 0);
        assert!(handful.lines_with(node, "damaged: withdrawn") > 0);
    }
    // Who was whole did nothing but serve.
    assert_eq!(handful.lines_with(0, "damaged"), 0);
}

#[test]
fn a_damaged_piece_is_withdrawn_by_a_word_and_no_link_is_lost() {
    let _turn = support::take_turn();
    let mut rng = support::seeded("healing by a word");
    let content = Content::random(&mut rng, 2 * KIB * KIB, 64 * KIB);
    let (mut handful, all) = fleet(2, &content, &[]);
    let ended = |handful: &Handful| -> Vec<_> {
        let count = |&node: &usize| handful.lines_with(node, " ended: ");
        all.iter().map(count).collect()
    };
    // Links that both dialed at once are down to one by then.
    std::thread::sleep(std::time::Duration::from_secs(1));
    let before = ended(&handful);
    let begin = Instant::now();
    overwrite(&handful.nodes[1].files.data.clone(), 5 * 64 * KIB, 10);
    handful.wait_for_log(1, "damaged: withdrawn");
    let found = begin.elapsed();
    handful.wait_for_log(1, "all that was damaged is right again");
    let healed = begin.elapsed() - found;
    println!("healing: found after {found:.2?}, healed {healed:.2?} later");
    handful.wait_for_file(&all, &content);
    assert_eq!(ended(&handful), before);
    // And once more, the other way round.
    overwrite(&handful.nodes[0].files.data.clone(), 9 * 64 * KIB, 10);
    handful.wait_for_log(0, "all that was damaged is right again");
    handful.wait_for_file(&all, &content);
    assert_eq!(ended(&handful), before);
}

#[test]
fn a_file_that_is_cut_grown_replaced_or_deleted_heals() {
    let _turn = support::take_turn();
    let mut rng = support::seeded("healing whole files");
    let content = Content::random(&mut rng, 2 * KIB * KIB + 5, 64 * KIB);
    let (mut handful, all) = fleet(3, &content, &[]);
    let faults: [fn(&Path); 5] = [
        |path| resize(path, 100_000),
        |path| resize(path, 9_000_000),
        |path| {
            let other = path.with_extension("other");
            fs::write(&other, vec![1; 2 * KIB * KIB + 5]).unwrap();
            fs::rename(&other, path).unwrap();
        },
        |path| fs::remove_file(path).unwrap(),
        // What an editor or `cp` does: empty, then written again.
        |path| fs::write(path, vec![2; 2 * KIB * KIB + 5]).unwrap(),
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        let node = 1 + number % 2;
        fault(&handful.nodes[node].files.data.clone());
        handful.wait_for_file(&all, &content);
    }
    for node in handful.nodes.iter_mut() {
        assert!(node.stop().unwrap().success());
    }
}

fn resize(path: &Path, length: u64) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_len(length).unwrap();
}
