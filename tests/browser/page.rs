//! What a reader of the dashboard sees and does, by the `data-testid`s of the page.

use std::cell::RefCell;
use std::path::PathBuf;

use serde_json::Value;

use crate::browser::Browser;
use crate::stage::Stage;
use crate::support;

/// The selector of what the page calls so.
pub fn id(name: &str) -> String {
    format!("[data-testid=\"{name}\"]")
}

/// The selector of a part of the card of that content.
pub fn of_swarm(infohash: &str, name: &str) -> String {
    format!("[data-infohash=\"{infohash}\"] {}", id(name))
}

impl Browser {
    /// Opens the page of a node and waits until it hears of the node.
    pub fn open(&self, stage: &Stage, node: usize) {
        self.open_at(&format!("http://{}/", stage.face(node)));
    }

    /// The same, with the node's token in the address.
    pub fn open_with_token(&self, stage: &Stage, node: usize) {
        let token = stage.token(node);
        self.open_at(&format!("http://{}/#token={token}", stage.face(node)));
        self.wait_for("the page may change things", || self.is_enabled(&id("add")));
    }

    fn open_at(&self, url: &str) {
        self.goto(url);
        self.wait_for_text(&id("connection"), "live");
    }

    /// The text of the first such element, empty where there is none.
    pub fn text(&self, selector: &str) -> String {
        let body = "return document.querySelector(arguments[0])?.textContent ?? ''";
        let text = self.script(body, &[selector]);
        text.as_str().expect("a text").to_owned()
    }

    /// How many such elements there are.
    pub fn count(&self, selector: &str) -> u64 {
        let body = "return document.querySelectorAll(arguments[0]).length";
        self.script(body, &[selector]).as_u64().expect("a number")
    }

    /// Whether there is such an element and it can be seen, scrolling aside.
    pub fn is_shown(&self, selector: &str) -> bool {
        let body = "return document.querySelector(arguments[0])?.checkVisibility() === true";
        self.script(body, &[selector]) == true
    }

    pub fn is_enabled(&self, selector: &str) -> bool {
        let body = "return document.querySelector(arguments[0])?.disabled === false";
        self.script(body, &[selector]) == true
    }

    /// Presses a button as soon as that is possible.
    pub fn press(&self, selector: &str) {
        let why = RefCell::new(String::new());
        support::wait_for(
            &format!("{selector} can be pressed"),
            || {
                if !self.is_enabled(selector) {
                    "it is not there, or not enabled".clone_into(&mut why.borrow_mut());
                    return false;
                }
                let done = self.click(selector);
                if let Err(error) = &done {
                    *why.borrow_mut() = error.to_string();
                }
                done.is_ok()
            },
            || format!("{}\n{}", why.borrow(), self.all()),
        );
    }

    pub fn wait_for(&self, what: &str, is_so: impl FnMut() -> bool) {
        support::wait_for(what, is_so, || self.all());
    }

    pub fn wait_for_text(&self, selector: &str, expected: &str) {
        let what = format!("{selector} says '{expected}'");
        self.wait_for(&what, || self.text(selector) == expected);
    }

    pub fn wait_until_shown(&self, selector: &str) {
        let what = format!("{selector} is shown");
        self.wait_for(&what, || self.is_shown(selector));
    }

    pub fn wait_until_gone(&self, selector: &str) {
        let what = format!("{selector} is shown no more");
        self.wait_for(&what, || !self.is_shown(selector));
    }

    /// Takes a picture when nothing moves any more.
    pub fn picture(&self, name: &str) -> PathBuf {
        // Bars glide to where they belong. What fades, as a lost peer does, is not waited for.
        let is_gliding = "return document.getAnimations().some((it) =>
            it instanceof CSSTransition && it.playState === 'running')";
        self.wait_for("nothing moves", || self.script(is_gliding, &[]) == false);
        self.screenshot(name)
    }

    /// What the console has that is more than a remark.
    pub fn complaints(&self) -> Vec<Value> {
        let is_remark = |entry: &Value| entry["level"] == "INFO" || entry["level"] == "DEBUG";
        let entries = self.log("browser").into_iter();
        entries.filter(|entry| !is_remark(entry)).collect()
    }

    /// Everything that can be read, for whoever has to find out what went wrong.
    fn all(&self) -> String {
        let text = self.script("return document.body.innerText", &[]);
        let picture = self.screenshot("in-vain");
        format!(
            "{}\nconsole: {:?}\n{}",
            text.as_str().unwrap_or_default(),
            self.log("browser"),
            picture.display()
        )
    }
}
