//! Every message of BEP 3, 6, 9, 10, 11 and 21, in and out of order, against a session: what the
//! host hears, what goes out on the wire, and what it costs the peer.
//!
//! The expectations are tables beside this file. A row is `message | situation | with the fast
//! extension | without it`; `peer.rs` says what the messages and situations are, and how an outcome
//! is written. A cell of `=` is the same as the one before it. `CONFORMANCE=print cargo test -p swarmlet-protocol
//! --test conformance -- --nocapture --test-threads=1` prints the tables as the session has them now.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "these are tests")]

mod outcome;
mod peer;

use peer::Situation;

/// The rows of a table: message, situation, and the two outcomes.
fn rows(table: &str) -> Vec<[String; 4]> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    let lines = lines.filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let cells: Vec<_> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
            let [message, situation, fast, plain]: [String; 4] = cells
                .try_into()
                .unwrap_or_else(|_| panic!("no row: {line}"));
            let plain = if plain == "=" { fast.clone() } else { plain };
            [message, situation, fast, plain]
        })
        .collect()
}

fn agrees(name: &str, table: &str) {
    let print = std::env::var("CONFORMANCE").is_ok_and(|value| value == "print");
    let rows = rows(table);
    assert!(rows.len() > 20, "{name} has {} rows", rows.len());
    let mut wrong = Vec::new();
    for [message, situation, fast, plain] in rows {
        let place: Situation = situation.parse().expect("a situation");
        let seen = [true, false].map(|fast| peer::outcome(&message, place, fast));
        if print {
            let second = if seen[1] == seen[0] { "=" } else { &seen[1] };
            println!("{message:<26}| {situation:<9}| {:<46}| {second}", seen[0]);
        } else if seen != [fast.clone(), plain.clone()] {
            wrong.push(format!(
                "{message}, {situation}\n    expected {fast:?} and {plain:?}\n    came     {:?} and {:?}",
                seen[0], seen[1]
            ));
        }
    }
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
}

#[test]
fn messages_of_the_peer_protocol() {
    agrees("bep3.txt", include_str!("bep3.txt"));
}

#[test]
fn messages_of_the_fast_extension() {
    agrees("bep6.txt", include_str!("bep6.txt"));
}

#[test]
fn messages_of_the_extension_protocol() {
    agrees("bep10.txt", include_str!("bep10.txt"));
}

#[test]
fn every_message_stands_in_a_table_in_every_situation() {
    let tables = [
        include_str!("bep3.txt"),
        include_str!("bep6.txt"),
        include_str!("bep10.txt"),
    ];
    let rows: Vec<_> = tables.into_iter().flat_map(rows).collect();
    let first = |text: &str| text.split(' ').next().unwrap_or_default().to_owned();
    for name in peer::MESSAGES {
        for situation in peer::SITUATIONS {
            let stands = |row: &[String; 4]| first(&row[0]) == *name && row[1] == *situation;
            assert!(rows.iter().any(stands), "{name}, {situation}");
        }
    }
}
