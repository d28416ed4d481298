//! `status --watch`: what changes, as it changes, for longer than a node lives.

use serde_json::Value;

use crate::forms::on_terminal;
use crate::stage::{LEECHER, SEED, SLOW, Stage, records};

#[test]
fn a_node_that_goes_away_is_waited_for_and_shown_again() {
    let (mut stage, content) = Stage::seed();
    stage.wait_until_ready(SEED);
    let mut text = stage.run("text", &mut stage.asking(SEED, &["status", "--watch"]));
    let mut json = stage.run("json", &mut stage.asking(SEED, &["status", "-w", "--json"]));
    for watch in [&text, &json] {
        watch.wait_for("it shows the content", |it| {
            it.said().contains(&content.info_hash())
        });
    }
    assert_eq!(records(&text.said()).len(), 2, "{}", text.said());
    stage.stop(SEED);
    let socket = stage.state(SEED, "http.sock");
    for watch in [&text, &json] {
        watch.wait_for("it says that the node is gone", |it| {
            it.complained()
                .contains(&format!("the node at {socket} is gone: "))
        });
    }
    // Something that is seen when it is back: the other file.
    let before = json.said().lines().count();
    stage.start(SEED);
    for watch in [&text, &json] {
        watch.wait_for("it says that the node is back", |it| {
            it.complained()
                .ends_with(&format!("the node at {socket} is back\n"))
        });
    }
    json.wait_for("it shows the node anew", |it| {
        it.said().lines().count() > before
    });
    stage.ask(SEED, &["pause"]);
    text.wait_for("it shows the pause", |it| it.said().contains("\tpaused\t"));
    stage.ask(SEED, &["remove"]);
    text.wait_for("it shows that the content is gone", |it| {
        it.said().contains("\tremoved\t")
    });
    for line in json.said().lines() {
        let document: Value = serde_json::from_str(line).unwrap();
        assert!(document["status"]["ready"].is_boolean(), "{line}");
        assert!(document["swarms"].is_array(), "{line}");
    }
    for watch in [&mut text, &mut json] {
        watch.interrupt();
        assert_eq!(watch.wait(), Some(0));
    }
}

#[test]
fn a_line_is_printed_when_something_changes_and_not_for_rates() {
    let (stage, content) = Stage::pair(30, &SLOW);
    let mut watch = stage.run("watch", &mut stage.asking(LEECHER, &["status", "--watch"]));
    watch.wait_for("it is complete", |it| it.said().contains("\tcomplete\t"));
    watch.interrupt();
    assert_eq!(watch.wait(), Some(0));
    let said = watch.said();
    let records = records(&said);
    assert!(records.len() > 2, "{said}");
    for pair in records[1..].windows(2) {
        let still = |record: &[&str]| [&record[..5], &record[8..]].concat().join("\t");
        assert_ne!(still(&pair[0]), still(&pair[1]), "{said}");
    }
    let size = content.size().to_string();
    assert_eq!(records.last().unwrap()[3..5], [size.as_str(), &size]);
    assert_eq!(watch.complained(), "");
}

#[test]
fn a_terminal_is_drawn_over() {
    let (mut stage, _) = Stage::seed();
    stage.wait_until_ready(SEED);
    let line = format!("status --watch --node '{}'", stage.state(SEED, ""));
    let Some(mut command) = on_terminal("a_terminal_is_drawn_over", &stage, 200, &line) else {
        return;
    };
    let watch = stage.run("terminal", &mut command);
    watch.wait_for("it was drawn over", |it| it.said().contains("\x1b[5A\r"));
    stage.stop(SEED);
    watch.wait_for("it says that the node is gone", |it| {
        it.said()
            .contains(" is gone: it has stopped; waiting for it")
    });
    stage.start(SEED);
    watch.wait_for("it is drawn without that", |it| {
        let said = it.said();
        let last = said.rsplit("\x1b[6A\r").next().unwrap_or_default();
        said.contains("\x1b[6A\r") && last.contains("ready") && !last.contains("gone")
    });
}
