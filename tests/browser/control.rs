//! What somebody with the node's token may do on the page, and nobody without.

use crate::browser::{Browser, DESKTOP};
use crate::driver::is_here;
use crate::page::id;
use crate::stage::{LEECHER, SEED, Stage};

const MIB: usize = 1024 * 1024;

#[test]
fn a_transfer_is_paused_on_its_way_and_resumed_with_the_token_of_the_address() {
    if !is_here("a_transfer_is_paused_on_its_way_and_resumed_with_the_token_of_the_address") {
        return;
    }
    let mut stage = Stage::new(16 * MIB, 64 * 1024, &[], &["--download-limit", "1MiB"]);
    stage.handful.nodes[LEECHER].start();
    stage.wait_for_face(LEECHER);
    let browser = Browser::start(DESKTOP);
    browser.open_with_token(&stage, LEECHER);
    let address = browser.script("return location.href", &[]);
    let token = stage.token(LEECHER);
    assert!(!address.as_str().unwrap().contains(&token), "{address}");
    assert!(!browser.is_shown(&id("token-bar")), "it has the token");

    stage.handful.nodes[SEED].start();
    browser.wait_for_text(&id("state"), "fetching");
    browser.wait_for("it moves", || browser.text(&id("progress")) != "0 %");
    browser.press(&id("pause"));
    browser.wait_for_text(&id("state"), "paused");
    assert_ne!(browser.text(&id("progress")), "100 %", "it was too fast");
    browser.wait_until_shown(&format!("{}[data-code=\"paused\"]", id("wait")));
    assert_eq!(browser.text(&id("eta")), "–", "it does not go on by itself");
    browser.wait_until_gone(&id("pause"));
    browser.wait_until_shown(&id("notice"));
    browser.picture("paused");
    assert_eq!(stage.swarm(LEECHER)["paused"], true, "the node knows");

    browser.press(&id("resume"));
    browser.wait_for("it is paused no more", || {
        browser.text(&id("state")) != "paused" && browser.is_shown(&id("pause"))
    });
    browser.wait_for_text(&id("state"), "complete");
    browser.wait_for_text(&id("progress"), "100 %");
    let content = stage.content.clone();
    stage.handful.wait_for_file(&[LEECHER], &content);
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn a_wrong_token_is_complained_of_and_the_right_one_typed_in_pauses_and_resumes() {
    if !is_here("a_wrong_token_is_complained_of_and_the_right_one_typed_in_pauses_and_resumes") {
        return;
    }
    let mut stage = Stage::new(MIB, 64 * 1024, &[], &[]);
    stage.handful.nodes[LEECHER].start();
    stage.wait_for_face(LEECHER);
    let browser = Browser::start(DESKTOP);
    browser.open(&stage, LEECHER);
    browser.wait_until_shown(&id("token-bar"));
    browser.wait_until_shown(&id("pause"));
    assert!(!browser.is_enabled(&id("pause")));
    assert!(!browser.is_shown("#token-complaint"), "of nothing yet");

    browser.keys(&id("token"), "wrong");
    browser.press(&id("use-token"));
    browser.wait_until_shown("#token-complaint");
    let complaint = browser.text("#token-complaint");
    assert!(
        complaint.starts_with("The node does not take this token"),
        "{complaint}"
    );
    assert!(!browser.is_enabled(&id("pause")));
    assert_eq!(
        browser.script("return document.querySelector('#token').value", &[]),
        ""
    );

    browser.keys(&id("token"), &stage.token(LEECHER));
    browser.press(&id("use-token"));
    browser.wait_until_gone(&id("token-bar"));
    browser.press(&id("pause"));
    browser.wait_for_text(&id("state"), "paused");
    // Nothing is fetched of a paused content, with a peer that has it all.
    stage.handful.nodes[SEED].start();
    browser.wait_until_shown(&id("peer"));
    browser.wait_until_shown(&format!("{}[data-kind=\"peer-joined\"]", id("event")));
    assert_eq!(browser.text(&id("state")), "paused");
    assert_eq!(browser.text(&id("progress")), "0 %");
    browser.press(&id("resume"));
    browser.wait_for_text(&id("state"), "complete");
    browser.wait_for_text(&id("progress"), "100 %");

    // Somebody else is to sit down here.
    browser.press(&id("forget"));
    browser.wait_until_shown(&id("token-bar"));
    assert!(!browser.is_enabled(&id("pause")));
}
