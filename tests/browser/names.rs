//! Names that somebody chose to harm whoever reads them.

use std::fs;
use std::process::Command;

use crate::browser::{Browser, DESKTOP};
use crate::driver::is_here;
use crate::page::id;
use crate::stage::{SEED, Stage};
use crate::support;

/// A stage whose seed runs, with a folder of that name in which a file of that name lies. The
/// leecher does not run.
pub fn seed_named(folder: &str, file: &str) -> Stage {
    let mut stage = Stage::new(1024, 1024, &[], &[]);
    let files = stage.handful.nodes[SEED].files.clone();
    fs::remove_file(&files.data).unwrap();
    fs::create_dir(&files.data).unwrap();
    fs::write(files.data.join(file), stage.content.bytes()).unwrap();
    fs::remove_file(&files.conf).unwrap();
    let torrent = files.conf.with_extension("torrent");
    let mut create = Command::new(support::binary());
    create
        .arg("create")
        .arg(&files.data)
        .args(["--name", folder]);
    let created = create.arg("-o").arg(&torrent).output().unwrap();
    assert!(created.status.success(), "{created:?}");
    fs::rename(torrent, files.conf).unwrap();
    stage.handful.nodes[SEED].start();
    stage.wait_for_face(SEED);
    stage.wait_until_ready(SEED);
    stage
}

#[test]
fn names_are_text_whatever_is_in_them() {
    if !is_here("names_are_text_whatever_is_in_them") {
        return;
    }
    let folder = "<img src=x onerror=\"window.harmed=1;alert(1)\">";
    let file = "<svg onload=alert(2)><a href='javascript:alert(3)' onclick=alert(4)>&lt;.txt";
    let stage = seed_named(folder, file);
    let browser = Browser::start(DESKTOP);
    let images = "return document.querySelectorAll('img').length";
    browser.open_with_token(&stage, SEED);
    let before = browser.script(images, &[]);
    browser.wait_for_text(&id("name"), folder);
    browser.press(&id("show-files"));
    browser.wait_until_shown(&id("file"));
    let listed = browser.text(&format!("{} a", id("file")));
    assert!(listed.ends_with(file), "{listed}");
    // The notice and the question have the name, too.
    browser.press(&id("verify"));
    browser.wait_until_shown(&id("notice"));
    assert!(browser.text(&id("notice")).contains(folder));
    browser.press(&id("remove"));
    browser.wait_until_shown(&id("ask"));
    assert!(browser.text("#ask-text").contains(folder));
    let events = "return document.querySelector('#events-list').textContent";
    browser.wait_for("the log has the name", || {
        let events = browser.script(events, &[]);
        events.as_str().is_some_and(|text| text.contains(folder))
    });

    assert_eq!(browser.alert(), None);
    let harmed = browser.script("return window.harmed === undefined", &[]);
    assert_eq!(harmed, true, "a script of the name ran");
    assert_eq!(
        browser.script(images, &[]),
        before,
        "a name became an element"
    );
    assert_eq!(
        browser.count("main [onload], main [onerror], main [onclick]"),
        0
    );
    assert_eq!(browser.count("[href^=\"javascript:\"]"), 0);
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{complaints:#?}");
}
