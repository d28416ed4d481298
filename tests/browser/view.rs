//! The page as such: it loads, from its node alone, and fits its screen.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::browser::{Browser, DESKTOP, PHONE};
use crate::driver::is_here;
use crate::names::seed_named;
use crate::page::id;
use crate::stage::{LEECHER, SEED, Stage};

const MIB: usize = 1024 * 1024;

#[test]
fn the_page_loads_from_its_node_alone_and_has_nothing_to_complain_of() {
    if !is_here("the_page_loads_from_its_node_alone_and_has_nothing_to_complain_of") {
        return;
    }
    let stage = Stage::running(MIB, 64 * 1024, &[], &[]);
    stage.wait_until_ready(LEECHER);
    let browser = Browser::start(DESKTOP);
    browser.open(&stage, LEECHER);
    let listen = stage.subnet.address(LEECHER).to_string();
    browser.wait_for_text(&id("node-listen"), &listen);
    browser.wait_for_text(&id("ready"), "ready");
    browser.wait_for_text(&id("state"), "complete");
    browser.wait_for_text("title", "100 % · swarmlet");
    let seed = stage.subnet.ip(SEED);
    browser.wait_until_shown(&format!("{}[data-address^=\"{seed}:\"]", id("peer")));
    browser.wait_until_shown(&format!("{} .node", id("graph")));
    browser.wait_until_shown(&format!("{}[data-kind=\"peer-joined\"]", id("event")));
    assert!(!browser.is_shown(&id("banner")));
    assert!(!browser.is_enabled(&id("pause")), "nobody gave a token");

    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{complaints:#?}");
    let home = format!("http://{}/", stage.face(LEECHER));
    let requested = requests(&browser);
    for part in ["", "dashboard/dashboard.js", "api/v1/events"] {
        assert!(requested.contains(&format!("{home}{part}")), "{part}");
    }
    let elsewhere = requested.iter().find(|url| !url.starts_with(&home));
    assert_eq!(elsewhere, None, "it asks somebody else");
}

/// Where the page's requests went.
fn requests(browser: &Browser) -> BTreeSet<String> {
    let url = |entry: &Value| {
        let message = entry["message"].as_str().expect("a message");
        let message: Value = serde_json::from_str(message).expect("JSON");
        let event = &message["message"];
        // The browser's own pages ask the browser for this and that.
        let by = event["params"]["documentURL"].as_str();
        let is_request = event["method"] == "Network.requestWillBeSent"
            && by.is_some_and(|page| page.starts_with("http"));
        is_request.then(|| {
            event["params"]["request"]["url"]
                .as_str()
                .unwrap()
                .to_owned()
        })
    };
    browser.log("performance").iter().filter_map(url).collect()
}

#[test]
fn a_phone_needs_no_scrolling_sideways_whatever_the_name() {
    if !is_here("a_phone_needs_no_scrolling_sideways_whatever_the_name") {
        return;
    }
    // No blank in it where a line could end.
    let stage = seed_named(&"unbroken".repeat(25), "x".repeat(200).as_str());
    let browser = Browser::start(PHONE);
    browser.open_with_token(&stage, SEED);
    browser.wait_for_text(&id("state"), "complete");
    assert_eq!(width_and_scroll(&browser), (360, 360));
    browser.press(&id("show-files"));
    browser.wait_until_shown(&id("file"));
    assert_eq!(width_and_scroll(&browser), (360, 360), "with files");
    browser.press(&id("add"));
    browser.wait_until_shown(&id("add-dialog"));
    assert_eq!(width_and_scroll(&browser), (360, 360), "with a dialog");
}

#[test]
fn a_phone_shows_all_of_it_by_day_and_by_night() {
    if !is_here("a_phone_shows_all_of_it_by_day_and_by_night") {
        return;
    }
    let stage = Stage::running(MIB, 16 * 1024, &[], &[]);
    stage.wait_until_ready(LEECHER);
    let browser = Browser::start(PHONE);
    browser.open(&stage, LEECHER);
    browser.wait_for_text(&id("state"), "complete");
    browser.wait_until_shown(&id("peer"));
    assert_eq!(width_and_scroll(&browser), (360, 360));
    browser.picture("phone");
    let before = background(&browser);
    browser.press(&id("theme"));
    browser.wait_for("it is dark", || background(&browser) != before);
    assert!(brightness(&before) > brightness(&background(&browser)));
    browser.set_screen(DESKTOP);
    browser.picture("dark");
    // The choice holds when the page is opened again.
    browser.open(&stage, LEECHER);
    assert_ne!(background(&browser), before, "it was forgotten");
    browser.press(&id("theme"));
    browser.wait_for("it is light", || background(&browser) == before);
}

/// How wide the window is, and how wide what it shows. A phone would zoom out, and the window with
/// it: so both have to be looked at.
fn width_and_scroll(browser: &Browser) -> (u64, u64) {
    let body = "return [innerWidth, document.documentElement.scrollWidth]";
    let both = browser.script(body, &[]);
    (both[0].as_u64().unwrap(), both[1].as_u64().unwrap())
}

fn background(browser: &Browser) -> String {
    let body = "return getComputedStyle(document.body).backgroundColor";
    browser.script(body, &[]).as_str().unwrap().to_owned()
}

/// The sum of the three numbers in `rgb(1, 2, 3)`.
fn brightness(colour: &str) -> u32 {
    let numbers = colour.split(|letter: char| !letter.is_ascii_digit());
    numbers
        .filter_map(|number| number.parse::<u32>().ok())
        .sum()
}
