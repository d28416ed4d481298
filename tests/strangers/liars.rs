//! Peers that lie about what they have, and peers that send something else.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::crowd::Crowd;
use crate::peer::*;
use crate::stage::{Has, Stage, stranger};
use crate::support::{self, content::Content};

/// What a liar does with a request.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Answer {
    /// Nothing.
    Silence,
    /// It says no, and goes on saying that it has everything.
    No,
    /// Bytes, but others.
    Rubbish,
    /// The right bytes but for the last block of each piece.
    Almost,
    /// A piece of other bytes, and then it hangs up and comes anew.
    RubbishAndAway,
}

/// A stranger that says it has everything. How many whole pieces it delivered goes to `delivered`.
async fn lie(
    (from, name): (usize, usize),
    to: std::net::SocketAddr,
    content: Arc<Content>,
    answer: Answer,
    delivered: Arc<AtomicUsize>,
) -> bool {
    let swarm = info_hash(&content);
    let Some(mut peer) = Peer::join(stranger(from), to, swarm, name).await else {
        return false;
    };
    let hello = [message(HAVE_ALL, &[]), message(UNCHOKE, &[])].concat();
    if peer.say(&hello).await.is_none() {
        return true;
    }
    while let Some((id, payload)) = peer.hear().await {
        if id != REQUEST {
            continue;
        }
        let &[piece, begin, length] = &read_numbers(&payload)[..] else {
            return true;
        };
        let at = piece as usize * content.part_size() + begin as usize;
        let mut bytes = content.bytes()[at..at + length as usize].to_vec();
        let part = content
            .part_size()
            .min(content.size() - piece as usize * content.part_size());
        let is_last = begin as usize + length as usize == part;
        let said = match answer {
            Answer::Silence => continue,
            Answer::No => numbers(REJECT, &[piece, begin, length]),
            Answer::Rubbish | Answer::Almost | Answer::RubbishAndAway => {
                if answer != Answer::Almost || is_last {
                    bytes.iter_mut().for_each(|byte| *byte ^= 0x55);
                }
                delivered.fetch_add(usize::from(is_last), Ordering::Relaxed);
                let head = [piece.to_be_bytes(), begin.to_be_bytes()].concat();
                message(PIECE, &[head, bytes].concat())
            }
        };
        if peer.say(&said).await.is_none() {
            return true;
        }
        if answer == Answer::RubbishAndAway && is_last {
            // All that was said arrives: nothing that it has not read tears the connection down.
            let _ = peer.stream.shutdown().await;
            peer.stay().await;
            return true;
        }
    }
    true
}

/// An honest node that lists only an honest one gets the file although liars come to it. Gives the
/// stage, and how many pieces the liars delivered.
fn gets_the_file_in_spite_of(
    test: &str,
    answer: Answer,
    hosts: usize,
    liars: usize,
) -> (Stage, usize) {
    let _turn = support::take_turn();
    // Slow enough for liars to have their share.
    let mut stage = Stage::new(test, 256);
    let node = stage.start(Has::Config, &[1], &[]);
    let delivered = Arc::new(AtomicUsize::new(0));
    let (to, content) = (stage.address(node), Arc::new(stage.content.clone()));
    let shared = Arc::clone(&delivered);
    let crowd = Crowd::start(liars, Duration::from_millis(50), move |number, turn| {
        let who = (number % hosts, number + liars * turn);
        lie(who, to, Arc::clone(&content), answer, Arc::clone(&shared))
    });
    // They are there first, and alone.
    crowd.wait_until_came(liars);
    if !matches!(answer, Answer::Silence | Answer::No) {
        let is_struck = || delivered.load(Ordering::Relaxed) >= 3;
        support::wait_for("liars deliver", is_struck, || stage.nodes[node].log_tail());
    }
    stage.start(Has::File, &[], &["--upload-limit", "16MiB"]);
    stage.completes(node);
    stage.assert_bounded();
    let delivered = delivered.load(Ordering::Relaxed);
    println!(
        "{test}: liars came {} times and delivered {delivered} pieces",
        crowd.came()
    );
    (stage, delivered)
}

#[test]
fn who_says_that_it_has_all_and_sends_nothing_holds_up_nobody() {
    gets_the_file_in_spite_of("silent liars", Answer::Silence, 30, 30);
}

#[test]
fn who_says_that_it_has_all_and_refuses_holds_up_nobody() {
    gets_the_file_in_spite_of("liars that refuse", Answer::No, 30, 30);
}

#[test]
fn who_sends_rubbish_is_banned_by_its_host_whatever_name_it_has_and_comes_back_with() {
    let test = "liars that send rubbish";
    let (stage, delivered) = gets_the_file_in_spite_of(test, Answer::Rubbish, 1, 4);
    let log = stage.nodes[0].log();
    let wrong = log
        .lines()
        .filter(|line| line.contains("with a wrong hash"))
        .count();
    let bans = log
        .lines()
        .filter(|line| line.contains("delivers bad data"))
        .count();
    println!("{test}: {wrong} wrong pieces, {bans} bans, of {delivered} that were sent");
    assert!(bans >= 1, "{log}");
    // Three strikes, and what four links had on its way when the third was counted.
    assert!(wrong <= 3 + 4 * 32, "{wrong}");
    // The honest one was never blamed.
    let honest = stage.address(1).ip().to_string();
    let blamed = log
        .lines()
        .filter(|line| line.contains(&honest) && line.contains("bad data"));
    assert_eq!(blamed.count(), 0);
}

/// Its link has ended before its piece is hashed, each time.
#[test]
fn who_hangs_up_after_each_wrong_piece_is_banned_as_well() {
    let test = "liars that hang up";
    let (stage, delivered) = gets_the_file_in_spite_of(test, Answer::RubbishAndAway, 1, 4);
    let log = stage.nodes[0].log();
    let bans = log
        .lines()
        .filter(|line| line.contains("delivers bad data"))
        .count();
    println!("{test}: {bans} bans, of {delivered} wrong pieces that were sent");
    assert!(bans >= 1, "{log}");
    // Three of each ban, and what four links had on its way when it began.
    assert!(delivered <= bans * (3 + 4 * 32), "{delivered}");
}

/// One block of each piece is wrong, and honest peers bring the same pieces: those who are blamed are
/// those who sent it, each of them and nobody else.
#[test]
fn the_guilty_one_is_found_though_several_bring_the_same_piece() {
    let test = "liars that are almost right";
    let (stage, _) = gets_the_file_in_spite_of(test, Answer::Almost, 8, 8);
    let log = stage.nodes[0].log();
    let blamed: BTreeSet<&str> = log
        .lines()
        .filter(|line| line.contains("delivers bad data"))
        .flat_map(|line| line.split_whitespace())
        .filter(|word| word.parse::<std::net::IpAddr>().is_ok())
        .collect();
    println!("{test}: blamed are {blamed:?}");
    assert!(!blamed.is_empty(), "{log}");
    let strangers: BTreeSet<_> = (0..8).map(|number| stranger(number).to_string()).collect();
    assert!(
        blamed.iter().all(|ip| strangers.contains(*ip)),
        "{blamed:?}"
    );
}
