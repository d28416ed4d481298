//! A transfer, as the page shows it.

use serde_json::json;

use crate::browser::{Browser, DESKTOP};
use crate::driver::is_here;
use crate::page::id;
use crate::request::post;
use crate::stage::{LEECHER, SEED, Stage};

const MIB: usize = 1024 * 1024;

/// Writes down each text that the progress has, so that none is missed between two questions.
const WATCH_PROGRESS: &str = "
    const at = document.querySelector('[data-testid=\"progress\"]');
    window.seen = [at.textContent];
    new MutationObserver(() => {
        if (window.seen.at(-1) !== at.textContent) window.seen.push(at.textContent);
    }).observe(at, { childList: true, characterData: true, subtree: true });";

/// The share of a canvas' pixels that have the colour, or a shade of it, of what is verified.
const BLUE: &str = "
    const canvas = document.querySelector('[data-testid=\"piece-map\"]');
    const copy = document.createElement('canvas');
    [copy.width, copy.height] = [canvas.width, canvas.height];
    const context = copy.getContext('2d', { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    const { data } = context.getImageData(0, 0, copy.width, copy.height);
    let blue = 0;
    for (let at = 0; at < data.length; at += 4) if (data[at + 2] > data[at] + 50) blue += 1;
    return blue / (data.length / 4);";

#[test]
fn a_transfer_moves_and_comes_to_its_end() {
    if !is_here("a_transfer_moves_and_comes_to_its_end") {
        return;
    }
    let mut stage = Stage::new(12 * MIB, 64 * 1024, &[], &["--download-limit", "1MiB"]);
    // The page is open before the first byte comes, however long the browser takes.
    stage.handful.nodes[LEECHER].start();
    stage.wait_for_face(LEECHER);
    let browser = Browser::start(DESKTOP);
    browser.open(&stage, LEECHER);
    browser.wait_for_text(&id("progress"), "0 %");
    browser.wait_until_shown(&format!("{}[data-code=\"no-peers\"]", id("wait")));
    browser.wait_until_shown(&id("piece-map"));
    browser.script(WATCH_PROGRESS, &[]);
    let empty = blue(&browser);
    assert_eq!(empty, 0.0, "nothing is verified");

    stage.handful.nodes[SEED].start();
    browser.wait_for_text(&id("state"), "fetching");
    browser.wait_for("a third is shown", || progress(&browser) >= 33.0);
    browser.wait_for("the map shows some of it", || blue(&browser) > 0.2);
    browser.picture("loading");
    browser.wait_for_text(&id("progress"), "100 %");
    browser.wait_for_text(&id("state"), "complete");
    browser.wait_for("the map shows all of it", || blue(&browser) > 0.7);
    let seen = browser.script("return window.seen", &[]);
    let seen = seen.as_array().unwrap();
    assert!(seen.len() >= 5, "it did not move: {seen:?}");
    let numbers: Vec<_> = seen
        .iter()
        .map(|text| number(text.as_str().unwrap()))
        .collect();
    assert!(numbers.is_sorted(), "{seen:?}");

    // The chart has known rates: the peak is of the transfer.
    let readout = browser.text(&id("rates-readout"));
    assert!(
        readout.starts_with("Peak of five minutes: down "),
        "{readout}"
    );
    assert!(!readout.contains("down 0 B/s"), "{readout}");
    let drawn = "const it = document.querySelector('[data-testid=\"rates\"] canvas');
        return it.getContext('2d').getImageData(0, 0, it.width, it.height).data.some(Boolean)";
    assert_eq!(browser.script(drawn, &[]), true, "the chart is empty");
    let event = format!("{}[data-kind=\"completed\"] .what", id("event"));
    browser.wait_for_text(&event, "data.bin is complete");
    browser.picture("complete");
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn why_a_transfer_waits_is_shown_until_it_goes_on() {
    if !is_here("why_a_transfer_waits_is_shown_until_it_goes_on") {
        return;
    }
    let mut stage = Stage::new(MIB, 64 * 1024, &[], &[]);
    stage.handful.nodes[SEED].start();
    stage.wait_for_face(SEED);
    stage.wait_until_ready(SEED);
    let swarm = format!("/api/v1/swarms/{}", stage.infohash());
    stage.tell(SEED, post(&format!("{swarm}/pause"), json!(null)));
    stage.handful.nodes[LEECHER].start();
    stage.wait_for_face(LEECHER);
    let browser = Browser::start(DESKTOP);
    browser.open(&stage, LEECHER);
    let wait = format!("{}[data-code=\"all-choking\"]", id("wait"));
    browser.wait_until_shown(&wait);
    let words = browser.text(&wait);
    assert!(words.contains("1 peer, choking"), "{words}");
    browser.wait_for_text(&id("state"), "waiting");
    stage.tell(SEED, post(&format!("{swarm}/resume"), json!(null)));
    browser.wait_for_text(&id("state"), "complete");
    browser.wait_until_gone(&id("wait"));
}

fn blue(browser: &Browser) -> f64 {
    browser.script(BLUE, &[]).as_f64().expect("a number")
}

fn progress(browser: &Browser) -> f64 {
    number(&browser.text(&id("progress")))
}

/// The number in `42.3 %`.
fn number(text: &str) -> f64 {
    let number = text.trim_end_matches(" %").parse();
    number.unwrap_or_else(|_| panic!("'{text}' is no progress"))
}
