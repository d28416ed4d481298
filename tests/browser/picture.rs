//! The picture of the README: a fleet in a transfer of two contents, as one of its nodes shows it.
//!
//! ```console
//! $ SWARMLET_PICTURE=1 cargo test --test browser picture
//! ```
//!
//! makes `docs/dashboard.png` anew, smaller with `pngquant` than without.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::browser::{Browser, DESKTOP};
use crate::driver::is_here;
use crate::page::{id, of_swarm};
use crate::stage::{LEECHER, SEED, Stage};
use crate::support::content::Content;
use crate::support::handful::Has;
use crate::support::{self, seeded};

const ASKED_FOR_BY: &str = "SWARMLET_PICTURE";

/// What may lie in the repository and be loaded with every look at the README.
const MOST: u64 = 250 * 1000;

const MIB: usize = 1024 * 1024;

/// The contents: what all are to have, and what only some are.
const NAMES: [&str; 2] = ["weather-model-2026-03.bin", "station-maps.tar"];

#[test]
fn picture_for_the_readme() {
    if !support::is_set(ASKED_FOR_BY) || !is_here("picture_for_the_readme") {
        return;
    }
    let fleet = ["--fleet", "observatory"];
    let slow = |rate| [&fleet[..], &["--download-limit", rate]].concat();
    let mut stage = Stage::new(192 * MIB, 256 * 1024, &fleet, &slow("1800KiB"));
    for rate in ["1200KiB", "1MiB", "900KiB", "1500KiB", "1MiB"] {
        stage.add(Has::Config, &slow(rate));
    }
    let maps = Content::random(&mut seeded("maps"), 40 * MIB, 128 * 1024);
    let folder = tempfile::Builder::new().prefix("fleet-").tempdir().unwrap();
    let [model, maps] = give_names(&mut stage, &maps, folder.path());
    for node in &mut stage.handful.nodes {
        node.start();
    }
    stage.wait_for_face(LEECHER);
    let browser = Browser::start(DESKTOP);
    browser.open_with_token(&stage, LEECHER);
    browser.wait_for_text(&of_swarm(&maps, "state"), "complete");
    browser.wait_for("the first content is half here", || {
        progress(&browser, &model) > 55.0
    });
    // The notice that the page opened with is gone, and the graph stands still.
    browser.wait_until_gone(&id("notice"));
    let path = browser.picture("picture");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/dashboard.png");
    fs::copy(&path, &page).unwrap();
    let mut smaller = Command::new("pngquant");
    smaller.args(["--force", "--strip", "--speed", "1", "--quality", "80-98"]);
    let _ = smaller.arg("--output").args([&page, &page]).status();
    let size = fs::metadata(&page).unwrap().len();
    assert!(size <= MOST, "{size} bytes: is there no pngquant?");
}

/// Gives the contents names, and every second node the maps as well; the infohashes.
fn give_names(stage: &mut Stage, maps: &Content, folder: &Path) -> [String; 2] {
    let mut hashes = Vec::new();
    for (content, name) in [&stage.content.clone(), maps].into_iter().zip(NAMES) {
        fs::write(folder.join(name), content.bytes()).unwrap();
        let mut create = Command::new(support::binary());
        create.arg("create").arg(folder.join(name)).arg("-o");
        let created = create.arg(torrent(folder, name)).output().unwrap();
        assert!(created.status.success(), "{created:?}");
        let words = String::from_utf8(created.stdout).unwrap();
        let (_, rest) = words.split_once("infohash: ").expect("an infohash");
        hashes.push(rest[..40].to_owned());
    }
    let peer = stage.subnet.ip(SEED).to_string();
    for (number, node) in stage.handful.nodes.iter_mut().enumerate() {
        let home = folder.join(format!("node-{number}"));
        fs::create_dir(&home).unwrap();
        node.files.conf = torrent(folder, NAMES[0]);
        node.files.data = home.join(NAMES[0]);
        if number % 2 == 1 || number == SEED {
            for (flag, path) in [
                ("--conf", torrent(folder, NAMES[1])),
                ("--data", home.join(NAMES[1])),
            ] {
                node.add_argument(flag);
                node.add_argument(path.to_str().unwrap());
            }
        }
        if number == SEED {
            for name in NAMES {
                fs::copy(folder.join(name), home.join(name)).unwrap();
            }
        } else {
            node.add_argument("--peer");
            node.add_argument(&peer);
        }
    }
    hashes.try_into().expect("two contents")
}

fn torrent(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.torrent"))
}

/// How much of a content is here, in percent.
fn progress(browser: &Browser, infohash: &str) -> f64 {
    let text = browser.text(&of_swarm(infohash, "progress"));
    text.trim_end_matches(" %").parse().unwrap_or_default()
}
