//! Nodes that know only the name of a swarm, and strangers that describe it.

use std::time::Duration;

use crate::crowd::Crowd;
use crate::peer::*;
use crate::stage::{Has, MEMORY, Stage, stranger};
use crate::support::{self, measure::peak_memory, wait_for};

/// What a bomb says that the metadata is long, and what it sends of it.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Bomb {
    /// 16 MiB, the most there may be, of rubbish.
    Long,
    /// The right length, and rubbish.
    Wrong,
    /// The right length, and nothing.
    Nothing,
    /// 4 GiB.
    Endless,
}

/// A stranger that offers metadata.
fn bombs(stage: &Stage, to: std::net::SocketAddr, count: usize, bomb: Bomb) -> Crowd {
    let swarm = info_hash(&stage.content);
    let right = support::torrent::info(&stage.content).len();
    let size = match bomb {
        Bomb::Long => 16 * 1024 * 1024,
        Bomb::Wrong | Bomb::Nothing => right,
        Bomb::Endless => 4_294_967_295,
    };
    Crowd::start(
        count,
        Duration::from_millis(200),
        move |number, turn| async move {
            let name = number + count * turn;
            let Ok(mut peer) = Peer::connect(stranger(number), to).await else {
                return false;
            };
            if peer.say(&handshake(swarm, name)).await.is_none() {
                return false;
            }
            let mut answer = [0; 68];
            if tokio::io::AsyncReadExt::read_exact(&mut peer.stream, &mut answer)
                .await
                .is_err()
            {
                return false;
            }
            let _ = peer
                .say(&greeting(6881, &format!("13:metadata_sizei{size}e")))
                .await;
            let _ = peer.say(&message(HAVE_NONE, &[])).await;
            while let Some((id, payload)) = peer.hear().await {
                // It asks by the number that our greeting gave: d8:msg_typei0e5:piecei7ee.
                if id != EXTENDED || payload.first() != Some(&3) || bomb == Bomb::Nothing {
                    continue;
                }
                let text = String::from_utf8_lossy(&payload[1..]).into_owned();
                let piece: usize = text
                    .split("5:piecei")
                    .nth(1)
                    .and_then(|rest| rest.split('e').next()?.parse().ok())
                    .unwrap_or(0);
                let left = size.saturating_sub(piece * 16_384).min(16_384);
                let head = format!("d8:msg_typei1e5:piecei{piece}e10:total_sizei{size}ee");
                let data = [head.into_bytes(), vec![b'x'; left]].concat();
                if peer.say(&extended(METADATA, &data)).await.is_none() {
                    break;
                }
            }
            true
        },
    )
}

fn is_learned_in_spite_of(test: &str, bomb: Bomb) {
    let _turn = support::take_turn();
    let mut stage = Stage::new(test, 2_000);
    let folder = tempfile::tempdir().unwrap();
    let link = format!(
        "magnet:?xt=urn:btih:{}&x.pe={}",
        support::torrent::infohash(&stage.content),
        stage.address(1)
    );
    // It looks for the swarm, and at first only liars are there.
    let ours = stage.address(0);
    let mut command = std::process::Command::new(support::binary());
    command.args([
        "get",
        &link,
        "--listen",
        &ours.to_string(),
        "--lan",
        "off",
        "--state",
        "none",
    ]);
    command.arg("-o").arg(folder.path().join("out"));
    command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let listens = || {
        let std::net::IpAddr::V4(ip) = ours.ip() else {
            return false;
        };
        support::measure::Sockets::look().is_listening(ip, 6881)
    };
    wait_for("it listens", listens, String::new);
    let crowd = bombs(&stage, ours, 40, bomb);
    crowd.wait_until_came(40);
    // The one that the link names.
    stage.skip_number();
    stage.start(Has::File, &[], &[]);
    let mut most = 0;
    let status = {
        let child = std::cell::RefCell::new(&mut child);
        let ended = std::cell::Cell::new(None);
        let has_ended = || {
            most = most.max(peak_memory(child.borrow().id()).unwrap_or(0));
            ended.set(child.borrow_mut().try_wait().unwrap());
            ended.get().is_some()
        };
        wait_for("it has the file", has_ended, || stage.nodes[0].log_tail());
        ended.get().unwrap()
    };
    println!(
        "{test}: {} bombs, {:.1} MiB at most",
        crowd.came(),
        most as f64 / 1_048_576.0
    );
    assert!(status.success());
    assert!(most <= MEMORY, "{most}");
}

#[test]
fn metadata_of_16_mib_that_is_rubbish_does_no_harm() {
    is_learned_in_spite_of("long metadata", Bomb::Long);
}

#[test]
fn metadata_of_the_right_length_that_is_rubbish_does_no_harm() {
    is_learned_in_spite_of("wrong metadata", Bomb::Wrong);
}

#[test]
fn metadata_that_is_offered_and_never_sent_does_no_harm() {
    is_learned_in_spite_of("no metadata", Bomb::Nothing);
}

#[test]
fn metadata_of_4_gib_does_no_harm() {
    is_learned_in_spite_of("endless metadata", Bomb::Endless);
}
