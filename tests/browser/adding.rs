//! Contents that come and go by the page.

use std::fs;

use serde_json::json;

use crate::browser::{Browser, DESKTOP};
use crate::driver::is_here;
use crate::page::{id, of_swarm};
use crate::request::post;
use crate::stage::{LEECHER, SEED, Stage};
use crate::support::content::Content;
use crate::support::{seeded, torrent};

const MIB: usize = 1024 * 1024;

#[test]
fn a_content_is_added_by_its_magnet_link_and_removed_after_a_question() {
    if !is_here("a_content_is_added_by_its_magnet_link_and_removed_after_a_question") {
        return;
    }
    let stage = Stage::running(MIB, 64 * 1024, &[], &[]);
    let other = served_besides(&stage);
    let hash = other.info_hash();
    let offered = stage.ask(SEED, &format!("/api/v1/swarms/{hash}")).json();
    let place = stage.state(LEECHER).join("taken.bin");
    let browser = Browser::start(DESKTOP);
    browser.open_with_token(&stage, LEECHER);
    browser.press(&id("add"));
    browser.wait_until_shown(&id("add-dialog"));
    browser.press(&id("add-submit"));
    browser.wait_until_shown(&id("add-complaint"));
    let complaint = browser.text(&id("add-complaint"));
    assert!(complaint.contains("magnet"), "{complaint}");
    browser.keys(&id("add-magnet"), offered["magnet"].as_str().unwrap());
    browser.keys(&id("add-place"), place.to_str().unwrap());
    browser.keys(&id("add-peers"), &stage.subnet.address(SEED).to_string());
    browser.press(&id("add-submit"));
    browser.wait_until_gone(&id("add-dialog"));
    browser.wait_until_shown(&of_swarm(&hash, "name"));
    browser.wait_for_text(&of_swarm(&hash, "state"), "complete");
    assert!(fs::read(&place).unwrap() == other.bytes());
    assert_eq!(browser.count(&id("swarm")), 2);

    browser.press(&of_swarm(&hash, "remove"));
    browser.wait_until_shown(&id("ask"));
    browser.press(&id("ask-no"));
    browser.wait_until_gone(&id("ask"));
    assert_eq!(browser.count(&id("swarm")), 2, "the answer was no");
    browser.press(&of_swarm(&hash, "remove"));
    browser.press(&id("ask-yes"));
    browser.wait_until_gone(&of_swarm(&hash, "name"));
    assert_eq!(browser.count(&id("swarm")), 1);
    assert!(fs::read(&place).unwrap() == other.bytes(), "its file stays");
    let path = format!("/api/v1/swarms/{hash}");
    assert_eq!(stage.ask(LEECHER, &path).status, 404, "the node knows");
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn a_content_is_added_by_a_torrent_file_and_a_refusal_is_shown_in_the_form() {
    if !is_here("a_content_is_added_by_a_torrent_file_and_a_refusal_is_shown_in_the_form") {
        return;
    }
    let stage = Stage::running(MIB, 64 * 1024, &[], &[]);
    let other = served_besides(&stage);
    let hash = other.info_hash();
    let file = stage.state(SEED).join("other.torrent");
    fs::write(&file, torrent::torrent(&other)).unwrap();
    let browser = Browser::start(DESKTOP);
    browser.open_with_token(&stage, LEECHER);
    browser.press(&id("add"));
    browser.wait_until_shown(&id("add-dialog"));
    browser.keys(&id("add-file"), file.to_str().unwrap());
    browser.keys(&id("add-place"), "not/absolute");
    browser.keys(&id("add-peers"), &stage.subnet.address(SEED).to_string());
    browser.press(&id("add-submit"));
    browser.wait_until_shown(&id("add-complaint"));
    let complaint = browser.text(&id("add-complaint"));
    assert!(complaint.contains("absolute"), "{complaint}");
    assert!(
        browser.is_shown(&id("add-dialog")),
        "what was typed is kept"
    );
    let place = stage.state(LEECHER).join("taken.bin");
    browser.script("document.querySelector('#add-place').value = ''", &[]);
    browser.keys(&id("add-place"), place.to_str().unwrap());
    browser.press(&id("add-submit"));
    browser.wait_until_gone(&id("add-dialog"));
    browser.wait_for_text(&of_swarm(&hash, "state"), "complete");
    assert!(fs::read(&place).unwrap() == other.bytes());
}

/// A second content, which the seed has.
fn served_besides(stage: &Stage) -> Content {
    let other = Content::random(&mut seeded("another"), 700_001, 32 * 1024);
    let place = stage.state(SEED).join("given.bin");
    fs::write(&place, other.bytes()).unwrap();
    let word = json!({ "conf": { "FileInfo": other.file_info() }, "place": place });
    let added = stage.tell(SEED, post("/api/v1/swarms", word));
    assert_eq!(added.status, 201, "{}", added.text());
    other
}
