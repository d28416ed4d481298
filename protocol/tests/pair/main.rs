//! Two sessions with small hosts, joined by a wire in virtual time: slow, chopped, broken, lying.
//!
//! Seeds are printed; `SEED` in the environment runs that one alone.

#![allow(clippy::expect_used, reason = "these are tests, helpers included")]

mod host;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use swarmlet_protocol::id::PieceHash;
use swarmlet_protocol::metainfo::Info;

use host::Host;
use wire::{Pair, Wire};

fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let only: Option<u64> = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let all = only.map_or(0..count, |seed| seed..seed + 1);
    all.inspect(|seed| println!("SEED={seed}"))
}

fn content(size: usize, piece_length: usize, seed: u64) -> (Arc<Info>, Vec<u8>) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let content: Vec<u8> = (0..size).map(|_| rng.u8(..)).collect();
    let hashes: Vec<_> = content.chunks(piece_length).map(PieceHash::of).collect();
    let info = Info::single_file("data.bin", size as u64, piece_length as u64, &hashes);
    (Arc::new(info.expect("a content")), content)
}

/// Runs until both have everything, and checks every byte.
fn complete(pair: &mut Pair, content: &[u8], limit: u64) {
    pair.run(Duration::from_secs(limit), |hosts| {
        hosts.iter().all(Host::is_complete)
    });
    for host in &pair.hosts {
        let bytes: Vec<u8> = host
            .content
            .values()
            .flat_map(|data| data.to_vec())
            .collect();
        assert!(bytes == content, "host {} has other bytes", host.name);
    }
    pair.assert_settled();
}

#[test]
fn a_file_crosses_whole_in_either_direction() {
    for seed in seeds(2) {
        for (size, piece_length) in [
            (3_000_000, 100_000),
            (1_000, 1),
            (300_000, 256),
            (3_000_000, 3_000_000),
            (6_000_000, 16_384),
            (1, 16_384),
            (0, 1),
        ] {
            for seeder in 0..2 {
                let (info, content) = content(size, piece_length, seed);
                let host = |name| Host::new(name).knowing(&info, &content, |_| name == seeder);
                let mut pair = Pair::new([host(0), host(1)], Wire::default(), seed);
                complete(&mut pair, &content, 60);
                assert_eq!(pair.breaks, 0);
                let overhead = pair.carried as f64 - size as f64;
                let expected = 3_000 + info.layout().pieces() * 60 + size as u32 / 200;
                assert!(overhead < f64::from(expected), "{overhead} B");
            }
        }
    }
}

#[test]
fn two_halves_become_two_wholes_over_a_slow_wire() {
    for seed in seeds(3) {
        let (info, content) = content(2_000_000, 50_000, seed);
        let host = |name: u8| {
            Host::new(name).knowing(&info, &content, |piece| piece % 2 == u32::from(name))
        };
        let wire = Wire {
            rate: 200_000,
            latency: Duration::from_millis(150),
            jitter: Duration::from_millis(100),
            chunk: 1_400,
            ..Wire::default()
        };
        let mut pair = Pair::new([host(0), host(1)], wire, seed);
        complete(&mut pair, &content, 60);
        // A MB each way takes 5 s.
        let seconds = pair.now.as_micros() as f64 / 1e6;
        println!("{seconds:.1} s for 5 s of bytes");
        assert!(seconds < 9.0, "{seconds} s");
    }
}

#[test]
fn a_piece_that_takes_seconds_is_known_to_come() {
    let (info, content) = content(1_000_000, 1_000_000, 1);
    let host = |name: u8| Host::new(name).knowing(&info, &content, |_| name == 0);
    let wire = Wire {
        rate: 100_000,
        chunk: 1_400,
        ..Wire::default()
    };
    let mut pair = Pair::new([host(0), host(1)], wire, 1);
    complete(&mut pair, &content, 60);
    let told = pair.hosts[1].progress;
    assert!((25..=40).contains(&told), "{told} times in 10 s");
}

#[test]
fn a_host_that_knows_the_infohash_alone_fetches_metadata_and_content() {
    for seed in seeds(3) {
        for ignorant in 0..2 {
            // Twelve parts of metadata.
            let (info, content) = content(1_000_000, 100, seed);
            let host = |name| match name == ignorant {
                true => Host::new(name).wanting(info.info_hash()),
                false => Host::new(name).knowing(&info, &content, |_| true),
            };
            let wire = Wire {
                chunk: 5_000,
                ..Wire::default()
            };
            let mut pair = Pair::new([host(0), host(1)], wire, seed);
            complete(&mut pair, &content, 60);
            assert_eq!(pair.hosts[usize::from(ignorant)].info.as_ref(), Some(&info));
        }
    }
}

#[test]
fn a_host_that_knows_nothing_learns_of_the_swarm_at_the_rendezvous() {
    for ignorant in 0..2 {
        let (info, content) = content(500_000, 10_000, 4);
        let host = |name| match name == ignorant {
            true => Host::new(name),
            false => Host::new(name).knowing(&info, &content, |_| true),
        };
        let wire = Wire {
            chunk: 100,
            ..Wire::default()
        };
        let mut pair = Pair::new([host(0), host(1)], wire, 4);
        complete(&mut pair, &content, 60);
        assert_eq!(pair.breaks, 1, "one rendezvous, one transfer");
    }
}

#[test]
fn two_ignorant_hosts_meet_and_say_nothing() {
    let mut pair = Pair::new([Host::new(0), Host::new(1)], Wire::default(), 5);
    pair.run(Duration::from_secs(60), |_| true);
    pair.assert_settled();
    assert_eq!(pair.breaks, 0);
    assert!(pair.carried < 1_000, "{} B", pair.carried);
}

#[test]
fn a_wire_that_breaks_at_any_byte_only_delays() {
    for seed in seeds(10) {
        let (info, content) = content(2_000_000, 20_000, seed);
        let host = |name| match name {
            0 => Host::new(name).wanting(info.info_hash()),
            _ => Host::new(name).knowing(&info, &content, |_| true),
        };
        let wire = Wire {
            life: Some(150_000),
            jitter: Duration::from_millis(20),
            chunk: 3_000,
            restarts: seed % 2 == 1,
            ..Wire::default()
        };
        let mut pair = Pair::new([host(0), host(1)], wire, seed);
        // In the end it holds, so that what is left over can be counted.
        for _ in 0..500 {
            if pair.hosts[0].is_complete() {
                break;
            }
            pair.run_for(Duration::from_millis(200));
        }
        pair.calm();
        complete(&mut pair, &content, 30);
        assert!(pair.breaks > 5, "{} breaks", pair.breaks);
        let waste = pair.carried as f64 / content.len() as f64;
        println!("{} breaks, {waste:.2} times the content", pair.breaks);
    }
}

#[test]
fn bytes_that_were_not_sent_never_become_a_stored_piece() {
    let mut rejected = 0;
    for seed in seeds(20) {
        let (info, content) = content(2_000_000, 20_000, seed);
        let host = |name| Host::new(name).knowing(&info, &content, |_| name == 1);
        let wire = Wire {
            corrupt: Some(40),
            life: Some(1_000_000),
            chunk: 10_000,
            ..Wire::default()
        };
        let mut pair = Pair::new([host(0), host(1)], wire, seed);
        for _ in 0..500 {
            if pair.hosts[0].is_complete() {
                break;
            }
            pair.run_for(Duration::from_millis(200));
            for (piece, data) in &pair.hosts[0].content {
                assert_eq!(PieceHash::of(data), info.hash(*piece));
            }
        }
        rejected += pair.hosts[0].rejected;
        pair.calm();
        complete(&mut pair, &content, 60);
    }
    assert!(rejected > 20, "only {rejected} pieces came damaged");
}
