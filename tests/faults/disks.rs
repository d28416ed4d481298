//! Disks of the system's own making: full ones, such as go read-only by themselves, such as hang. Each in a
//! mount namespace of its own, which needs root.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::content::Content;
use crate::support::handful::{Handful, Has};
use crate::support::judge::{Judge, right_parts};
use crate::support::loopback::Subnet;
use crate::support::mounts::Mounts;
use crate::support::node::{Files, Node};
use crate::support::{self, wait_for};

const KIB: usize = 1024;
const PARTS: usize = 256;

/// Set where these tests must not be skipped.
const REQUIRED_BY: &str = "SWARMLET_REQUIRE_ROOT";

/// A seed, and a leecher whose file is on a disk of its own.
struct Scene {
    handful: Handful,
    content: Content,
    leecher: Node,
    mounts: Mounts,
    /// The disk, and the leecher's file on it as others see it.
    disk: PathBuf,
    seen: PathBuf,
}

impl Scene {
    fn or_skip(test: &str, script: &str) -> Option<Self> {
        let mut rng = support::seeded(test);
        let content = Content::random(&mut rng, PARTS * 16 * KIB, 16 * KIB);
        let subnet = Subnet::reserve();
        let mut handful = Handful::new();
        let slow = ["--upload-limit", "700000"];
        handful.add((Has::File, &content), subnet.address(0), &[], &slow, &[]);
        let seed = [subnet.ip(0).to_string()];
        let at = subnet.address(1);
        let number = handful.add((Has::Config, &content), at, &seed, &[], &[]);
        let files = handful.nodes[number].files.clone();
        let disk = files.state.with_file_name("disk");
        fs::create_dir(&disk).unwrap();
        let Some(mounts) = Mounts::new(script, &disk) else {
            support::skip(
                test,
                "cannot mount (that takes root, unshare and loop devices)",
                REQUIRED_BY,
            );
            return None;
        };
        let files = Files {
            data: disk.join("data.bin"),
            ..files
        };
        let seen = mounts.seen_from_outside(&files.data);
        let launcher = mounts.launcher();
        let launcher: Vec<&str> = launcher.iter().map(String::as_str).collect();
        let leecher = Node::new(support::binary(), files, at, &[]).launched_by(&launcher);
        handful.nodes.truncate(1);
        Some(Self {
            handful,
            content,
            leecher,
            mounts,
            disk,
            seen,
        })
    }

    fn start(&mut self) {
        self.handful.nodes[0].start();
        self.leecher.start();
    }

    fn has(&self) -> usize {
        let right = right_parts(&self.seen, &self.content);
        right.iter().filter(|&&right| right).count()
    }

    fn is_under_way(&self) {
        let before = self.has();
        wait_for(
            "the transfer is under way",
            || self.has() >= (before + 10).min(PARTS),
            || self.leecher.log_tail(),
        );
    }

    fn says(&self, words: &str, times: usize) {
        wait_for(
            &format!("it says '{words}'"),
            || self.leecher.log().matches(words).count() >= times,
            || self.leecher.log_tail(),
        );
    }

    fn run(&self, script: &str) {
        self.mounts.run(script, &self.disk);
    }

    fn completes(&mut self) -> Duration {
        let begin = Instant::now();
        let mut judge = Judge::new(&self.seen);
        let (content, leecher) = (&self.content, std::cell::RefCell::new(&mut self.leecher));
        wait_for(
            "the file is here",
            || {
                let ended = leecher.borrow_mut().poll();
                assert_eq!(ended, Ok(()), "{}", leecher.borrow().log_tail());
                judge.is_identical(content)
            },
            || leecher.borrow().log_tail(),
        );
        assert!(!self.leecher.log().contains("panicked"));
        begin.elapsed()
    }
}

/// The parts of a file that are right stay so, whatever happens to its disk.
fn assert_kept(before: &[bool], path: &Path, content: &Content) {
    let now = right_parts(path, content);
    let lost = before
        .iter()
        .zip(&now)
        .filter(|(before, now)| **before && !**now);
    assert_eq!(lost.count(), 0);
}

#[test]
fn a_disk_that_others_fill_again_and_again_loses_no_piece() {
    let _turn = support::share_turn();
    let test = "faults, a full disk";
    let Some(mut scene) = Scene::or_skip(test, r#"mount -t tmpfs -o size=8m tmpfs "$1""#) else {
        return;
    };
    scene.start();
    let mut slowest = Duration::ZERO;
    for time in 1..=3 {
        scene.is_under_way();
        // Somebody else takes all the room that there is.
        scene.run(r#"dd if=/dev/zero of="$1/other" bs=64k 2>/dev/null || true"#);
        scene.says("no space left on device; trying again every second", time);
        let here = right_parts(&scene.seen, &scene.content);
        sleep(Duration::from_secs(2));
        assert_kept(&here, &scene.seen, &scene.content);
        scene.run(r#"rm "$1/other""#);
        let (begin, before) = (Instant::now(), scene.has());
        wait_for(
            "it goes on",
            || scene.has() > before,
            || scene.leecher.log_tail(),
        );
        slowest = slowest.max(begin.elapsed());
    }
    scene.completes();
    let checks = scene.leecher.log().matches("pieces are right").count();
    println!(
        "full disk: 3 times, new pieces within {slowest:.1?} of room at most, checked anew {} times, pieces lost 0",
        checks - 1
    );
    assert_eq!(checks, 1, "nothing had to be checked anew");
}

/// A file system in a file, which goes read-only when something is wrong with it.
const EXT4: &str = r#"truncate -s 32M "$1.img"; mkfs.ext4 -q -O ^has_journal "$1.img"
    mount -o loop,errors=remount-ro "$1.img" "$1""#;

#[test]
fn a_file_system_that_goes_read_only_by_itself_pauses_and_is_whole_when_it_is_mounted_again() {
    let _turn = support::share_turn();
    let test = "faults, a file system that goes read-only";
    let Some(mut scene) = Scene::or_skip(test, EXT4) else {
        return;
    };
    scene.start();
    scene.is_under_way();
    // As it does when it finds its own tables broken.
    scene.run(r#"device=$(findmnt -no SOURCE "$1"); echo 1 > "/sys/fs/ext4/$(basename "$device")/trigger_fs_error""#);
    scene.says("trying again every second", 1);
    sleep(Duration::from_secs(2));
    assert_eq!(scene.leecher.poll(), Ok(()));
    // Unmounted, looked through, and mounted again, under the running node.
    scene.run(
        r#"sync; umount -l "$1"; cp "$1.img" "$1.mended.img"; e2fsck -fy "$1.mended.img" >/dev/null 2>&1 || true
        mount -o loop "$1.mended.img" "$1""#,
    );
    let took = scene.completes();
    println!(
        "read-only by itself: paused, and whole {took:.1?} after it was mounted again; wrong bytes 0"
    );
}

#[test]
fn a_disk_that_hangs_for_a_while_delays_and_loses_nothing() {
    let _turn = support::share_turn();
    let test = "faults, a disk that hangs";
    let Some(mut scene) = Scene::or_skip(test, EXT4) else {
        return;
    };
    scene.start();
    scene.is_under_way();
    // Every write waits until it is thawed: the system's own way to hang.
    scene.run(r#"fsfreeze -f "$1""#);
    sleep(Duration::from_secs(6));
    scene.run(r#"fsfreeze -u "$1""#);
    let took = scene.completes();
    println!("a disk that hangs: for 6 s; whole {took:.1?} after it went on; wrong bytes 0");
    assert!(!scene.leecher.log().contains("starts anew"));
}
