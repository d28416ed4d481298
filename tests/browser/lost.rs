//! Nodes that die: a peer, and the page's own.

use serde_json::json;

use crate::browser::{Browser, DESKTOP};
use crate::driver::is_here;
use crate::page::id;
use crate::stage::{LEECHER, SEED, Stage};

const MIB: usize = 1024 * 1024;

#[test]
fn a_peer_that_was_killed_is_shown_as_lost_and_why_until_it_is_back() {
    if !is_here("a_peer_that_was_killed_is_shown_as_lost_and_why_until_it_is_back") {
        return;
    }
    let mut stage = Stage::running(4 * MIB, 64 * 1024, &[], &[]);
    stage.wait_until_ready(LEECHER);
    let browser = Browser::start(DESKTOP);
    browser.open(&stage, LEECHER);
    // From any port: who dialed whom is as it happens.
    let seed = stage.subnet.ip(SEED).to_string();
    let peer = format!("{}[data-address^=\"{seed}:\"]", id("peer"));
    let lost = format!("{}[data-address^=\"{seed}:\"]", id("lost-peer"));
    browser.wait_until_shown(&peer);
    assert!(!browser.is_shown(&lost));

    stage.handful.nodes[SEED].kill();
    browser.wait_until_shown(&lost);
    browser.wait_until_gone(&peer);
    let reason = format!("{lost} .reason");
    browser.wait_for("the reason is told", || {
        let reason = browser.text(&reason);
        !reason.is_empty() && reason != "no reason was told"
    });
    let words = browser.text(&lost);
    assert!(words.contains(&seed), "{words}");
    browser.wait_until_shown(&format!("{} .node[data-lost]", id("graph")));
    browser.wait_until_shown(&format!("{}[data-kind=\"peer-lost\"]", id("event")));
    browser.picture("lost");

    stage.handful.nodes[SEED].start();
    browser.wait_until_shown(&peer);
    browser.wait_until_gone(&lost);
    browser.wait_until_gone(&format!("{} .node[data-lost]", id("graph")));
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn a_page_whose_node_is_killed_says_so_and_goes_on_when_the_node_is_back() {
    if !is_here("a_page_whose_node_is_killed_says_so_and_goes_on_when_the_node_is_back") {
        return;
    }
    let mut stage = Stage::running(MIB, 64 * 1024, &[], &[]);
    stage.wait_until_ready(LEECHER);
    let browser = Browser::start(DESKTOP);
    browser.open_with_token(&stage, LEECHER);
    browser.wait_for_text(&id("state"), "complete");
    assert!(!browser.is_shown(&id("banner")));

    stage.handful.nodes[LEECHER].kill();
    browser.wait_until_shown(&id("banner"));
    let words = browser.text("#banner-text");
    assert!(
        words.starts_with("Connection to the node lost: "),
        "{words}"
    );
    browser.wait_for_text(&id("connection"), "lost");
    browser.wait_for("nothing can be pressed", || {
        !browser.is_enabled(&id("pause"))
    });
    assert_eq!(
        browser.text(&id("state")),
        "complete",
        "the last that was known"
    );

    stage.handful.nodes[LEECHER].start();
    browser.wait_until_gone(&id("banner"));
    browser.wait_for_text(&id("connection"), "live");
    // It is a page of the new process: with the same token it may change things.
    browser.press(&id("pause"));
    browser.wait_for_text(&id("state"), "paused");
    browser.press(&id("resume"));
    browser.wait_for_text(&id("state"), "complete");
    browser.wait_until_shown(&id("peer"));
}

/// Who is lost after each scene of a story that is told to the page's roster.
const STORY: &str = "return import('/dashboard/roster.js').then(({ Roster }) => {
    const roster = new Roster();
    const peer = (link, address, peer_id) =>
        ({ link, address, peer_id, infohash: 'a', class: 'fleet' });
    const fact = (address) => ({ address, infohash: 'a', class: 'fleet', reason: 'it died' });
    const scenes = [];
    const scene = () => scenes.push(roster.lost().map(({ peer }) => peer.address));
    const [seven, eight] = [peer(2, '10.0.0.7:40001', 'x'), peer(3, '10.0.0.8:6881', 'y')];
    const called = peer(4, '10.0.0.5:6881', null);
    roster.replace([peer(1, '10.0.0.7:6881', 'x'), seven, eight, called]);
    roster.replace([seven, eight]);
    scene();
    roster.replace([eight]);
    roster.lose(fact('10.0.0.7:40001'), 2000, 2000);
    roster.lose(fact('10.0.0.8:6881'), 2000, 2000);
    scene();
    roster.replace([seven, eight]);
    roster.join(fact('10.0.0.9:6881'));
    scene();
    roster.join(fact('10.0.0.7:6881'));
    scene();
    return scenes;
});";

#[test]
fn what_nobody_lost_is_not_shown_as_lost_and_who_is_back_at_another_port_is_lost_no_more() {
    if !is_here(
        "what_nobody_lost_is_not_shown_as_lost_and_who_is_back_at_another_port_is_lost_no_more",
    ) {
        return;
    }
    let mut stage = Stage::new(MIB, 64 * 1024, &[], &[]);
    stage.handful.nodes[SEED].start();
    stage.wait_for_face(SEED);
    let browser = Browser::start(DESKTOP);
    browser.open(&stage, SEED);
    let both = ["10.0.0.8:6881", "10.0.0.7:40001"];
    let expected = json!([[], both, both, ["10.0.0.8:6881"]]);
    assert_eq!(browser.script(STORY, &[]), expected);
}
