//! Files that are damaged under running nodes: found, withdrawn, fetched again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

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
    std::thread::sleep(Duration::from_secs(1));
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
    // Again and again: what was lost a moment ago is healed no later for that.
    let mut took = Vec::new();
    for (number, fault) in faults.into_iter().cycle().take(15).enumerate() {
        let node = 1 + number % 2;
        let begin = Instant::now();
        fault(&handful.nodes[node].files.data.clone());
        handful.wait_for_file(&all, &content);
        took.push(begin.elapsed());
    }
    let slowest = took.iter().max().unwrap();
    println!(
        "{} files lost one after the other, whole again {slowest:.1?} later at most",
        took.len()
    );
    for node in handful.nodes.iter_mut() {
        assert!(node.stop().unwrap().success());
    }
}

fn resize(path: &Path, length: u64) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_len(length).unwrap();
}

/// Times a file is fetched beside a program that damages it.
const FETCHED: usize = 12;

/// Damage is done in the first half second. At this rate the file takes twice as long, on a fast machine.
const DAMAGED_FOR: Duration = Duration::from_millis(500);
const RATE: &str = "16MiB";

/// Once in four times a program writes as soon as there is a file.
/// What the node starts when it is complete compares the file with what it must be. Once in three times it
/// is damaged all the while, by a program that opens it anew for each write or holds it open; or else once, at
/// any moment.
#[test]
fn what_a_program_damages_while_it_is_fetched_is_right_when_it_is_said_to_be_complete() {
    let _turn = support::take_turn();
    let mut rng = support::seeded("damage while it is fetched");
    let content = Content::random(&mut rng, 16 * KIB * KIB, 64 * KIB);
    let (mut writes, mut again) = (0, 0);
    for round in 0..FETCHED {
        let subnet = Subnet::reserve();
        let mut handful = Handful::new();
        let seed = handful.add((Has::File, &content), subnet.address(0), &[], &[], &[]);
        let right = handful.nodes[seed].files.data.to_str().unwrap().to_owned();
        let peers = [subnet.ip(seed).to_string()];
        let arguments = ["--download-limit", RATE, "--", "cmp"];
        let has = (Has::Config, &content);
        let node = handful.add(has, subnet.address(1), &peers, &arguments, &[]);
        let data = handful.nodes[node].files.data.clone();
        for word in [data.to_str().unwrap(), &right] {
            handful.nodes[node].add_argument(word);
        }
        // Whoever writes as soon as there is a file writes while it is made.
        let path = data.clone();
        let at_once = (round % 4 == 0).then(|| {
            std::thread::spawn(move || {
                while !path.exists() {
                    std::hint::spin_loop();
                }
                overwrite(&path, 0, 4 * KIB);
            })
        });
        handful.start_all();
        if let Some(at_once) = at_once {
            at_once.join().unwrap();
            writes += 1;
        }
        support::wait_for("the file is there", || data.exists(), String::new);
        let begin = Instant::now();
        let mut somewhere = || rng.usize(..content.size() - 3);
        match round % 3 {
            0 => {
                std::thread::sleep(DAMAGED_FOR.mul_f64(round as f64 / FETCHED as f64));
                overwrite(&data, somewhere(), 3);
                writes += 1;
            }
            how => {
                let opened = || fs::File::options().write(true).open(&data).unwrap();
                let held = (how == 2).then(opened);
                while begin.elapsed() < DAMAGED_FOR {
                    let at = somewhere();
                    match &held {
                        None => overwrite(&data, at, 3),
                        Some(held) => held.write_all_at(&[0xee; 3], at as u64).unwrap(),
                    }
                    writes += 1;
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
        let status = handful.nodes[node].wait(Duration::from_secs(120)).unwrap();
        let log = handful.nodes[node].log_tail();
        assert!(status.success(), "round {round}: {status}\n{log}");
        again += handful.lines_with(node, "damaged: withdrawn");
    }
    println!(
        "fetched {FETCHED} times beside {writes} writes of others: right each time when it was complete; \
         withdrawn {again} times"
    );
}

/// Reads some bytes of the file over HTTP.
fn read_by_http(face: SocketAddr, content: &Content, at: usize, length: usize) -> Vec<u8> {
    let mut stream = TcpStream::connect(face).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let (path, last) = (content.info_hash(), at + length - 1);
    let head = format!(
        "GET /content/{path}/data.bin HTTP/1.1\r\nHost: {face}\r\nRange: bytes={at}-{last}\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    answer.split_off(end.unwrap() + 4)
}

/// Who reads what was damaged a moment ago has it hashed at once, while all else is hashed as well: two jobs
/// find the same.
#[test]
fn what_is_damaged_and_read_in_the_same_moment_heals_each_time() {
    const ROUNDS: usize = 40;
    let _turn = support::take_turn();
    let mut rng = support::seeded("damaged and read");
    let content = Content::random(&mut rng, 8 * KIB * KIB, 16 * KIB);
    let subnet = Subnet::reserve();
    let face = SocketAddr::from((subnet.ip(1), 6880));
    let mut handful = Handful::new();
    let own = (Has::File, &content);
    handful.add(own, subnet.address(0), &[], &[], &[]);
    let peers = [subnet.ip(0).to_string()];
    let http = ["--http", &face.to_string()];
    let node = handful.add(own, subnet.address(1), &peers, &http, &[]);
    handful.start_all();
    handful.wait_for_log(node, "complete, every piece is verified");
    handful.wait_for_log(node, "is ready: swarmlet");
    let data = handful.nodes[node].files.data.clone();
    for _ in 0..ROUNDS {
        let at = rng.usize(..content.size() - 16);
        overwrite(&data, at, 16);
        let read = read_by_http(face, &content, at, 16);
        assert_eq!(read, content.bytes()[at..at + 16]);
    }
    handful.wait_for_file(&[node], &content);
}

/// Pieces that were fetched again are damaged again before that was told.
#[test]
fn a_node_that_is_damaged_all_the_while_heals_when_that_ends_and_so_does_who_fetches_from_it() {
    let _turn = support::take_turn();
    let mut rng = support::seeded("damaged all the while");
    let content = Content::random(&mut rng, 8 * KIB * KIB, 16 * KIB);
    let subnet = Subnet::reserve();
    let mut handful = Handful::new();
    let own = (Has::File, &content);
    handful.add(own, subnet.address(0), &[], &[], &[]);
    let peers = [subnet.ip(0).to_string()];
    handful.add(own, subnet.address(1), &peers, &[], &[]);
    handful.start_all();
    handful.wait_for_log(1, "is ready: swarmlet");
    let peers = [subnet.ip(1).to_string()];
    let config = (Has::Config, &content);
    handful.add(config, subnet.address(2), &peers, &[], &[]);
    let data = handful.nodes[1].files.data.clone();
    let begin = Instant::now();
    let mut writes = 0;
    while begin.elapsed() < Duration::from_secs(4) {
        overwrite(&data, rng.usize(..content.size() - 16), 16);
        writes += 1;
        if writes == 50 {
            handful.start_all();
        }
        std::thread::sleep(Duration::from_millis(4));
    }
    handful.wait_for_file(&[0, 1, 2], &content);
    println!(
        "{writes} writes of others to a complete node: whole {:.1?} after the last",
        begin.elapsed() - Duration::from_secs(4)
    );
}
