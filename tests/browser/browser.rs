//! A headless Chromium with one page, told what to do in words that return when it is done.

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fantoccini::error::CmdError;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::driver::{self, Driver};
use crate::request::post;
use crate::support;

/// For how long the browser may think about its end before it is killed.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Nothing of its own into the world, and nothing from anywhere but loopback.
const FLAGS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.*",
];

/// The screen that a page is shown on.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    pub width: u32,
    pub height: u32,
    pub is_phone: bool,
}

pub const DESKTOP: Screen = Screen {
    width: 1440,
    height: 900,
    is_phone: false,
};

pub const PHONE: Screen = Screen {
    width: 360,
    height: 800,
    is_phone: true,
};

/// A browser with one page.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    session: String,
    runtime: Runtime,
    // Last: the others still talk to it.
    driver: Driver,
}

impl Browser {
    /// Starts one with that screen.
    pub fn start(screen: Screen) -> Self {
        let driver = Driver::start();
        // One thread, the test's: the browser is asked and waited for, and nothing else.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("make a runtime");
        let client = runtime.block_on(async {
            ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities(&driver))
                .connect(&driver.url())
                .await
        });
        let client = client.expect("start the browser");
        let session = runtime.block_on(client.session_id());
        let session = session.expect("a session").expect("a session");
        let browser = Self {
            client,
            session,
            runtime,
            driver,
        };
        browser.set_screen(screen);
        browser
    }

    pub fn set_screen(&self, screen: Screen) {
        let metrics = json!({
            "width": screen.width,
            "height": screen.height,
            "deviceScaleFactor": if screen.is_phone { 2 } else { 1 },
            "mobile": screen.is_phone,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Goes there and waits until everything is loaded.
    pub fn goto(&self, url: &str) {
        self.wait(self.client.goto(url)).expect("go to the page");
    }

    /// Runs a function body in the page; what it returns.
    pub fn script(&self, body: &str, arguments: &[&str]) -> Value {
        let arguments = arguments.iter().map(|&text| json!(text)).collect();
        self.wait(self.client.execute(body, arguments))
            .unwrap_or_else(|error| panic!("{body}: {error}"))
    }

    /// Clicks as a mouse does: what lies below something else gets none.
    ///
    /// # Errors
    /// If there is no such element, or none that can be clicked.
    pub fn click(&self, selector: &str) -> Result<(), CmdError> {
        self.wait(async {
            let element = self.client.find(Locator::Css(selector)).await?;
            element.click().await
        })
    }

    /// Types, or names the file of a field for files.
    pub fn keys(&self, selector: &str, text: &str) {
        let typed = self.wait(async {
            let element = self.client.find(Locator::Css(selector)).await?;
            element.send_keys(text).await
        });
        typed.unwrap_or_else(|error| panic!("cannot type into {selector}: {error}"));
    }

    /// The text of the dialog that a script has opened, if there is one.
    pub fn alert(&self) -> Option<String> {
        self.wait(self.client.get_alert_text()).ok()
    }

    /// What the page looks like, as a file of the tests' output.
    pub fn screenshot(&self, name: &str) -> PathBuf {
        let picture = self.wait(self.client.screenshot()).expect("take a picture");
        // CARGO_TARGET_TMPDIR is a folder of the target directory, wherever that is.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let folder = target.join("screenshots");
        fs::create_dir_all(&folder).expect("make the folder of the screenshots");
        let path = folder.join(format!("{name}.png"));
        fs::write(&path, picture).expect("write a screenshot");
        path
    }

    /// What came into one of the logs since the last question: `browser` is the console,
    /// `performance` the events of the network.
    pub fn log(&self, kind: &str) -> Vec<Value> {
        let path = format!("/session/{}/se/log", self.session);
        let answer = post(&path, json!({ "type": kind })).send(self.driver.address);
        let entries = answer.json()["value"].take();
        let Value::Array(entries) = entries else {
            panic!("no log: {entries}");
        };
        entries
    }

    fn devtools(&self, command: &str, parameters: &Value) {
        let path = format!("/session/{}/goog/cdp/execute", self.session);
        let body = json!({ "cmd": command, "params": parameters });
        let answer = post(&path, body).send(self.driver.address);
        assert_eq!(answer.status, 200, "{command}: {}", answer.text());
    }

    fn wait<T>(&self, it: impl Future<Output = T>) -> T {
        let limit = Duration::from_secs(60).mul_f64(support::patience());
        let it = async { tokio::time::timeout(limit, it).await };
        self.runtime.block_on(it).expect("the browser answers")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends its processes better than we could; whatever it leaves, the driver takes along.
        let end = self.client.clone().close();
        let end = async { tokio::time::timeout(LAST_WORDS, end).await };
        let _ = self.runtime.block_on(end);
    }
}

fn capabilities(driver: &Driver) -> Capabilities {
    let mut flags: Vec<_> = FLAGS.iter().map(|&flag| flag.to_owned()).collect();
    flags.push(format!("--user-data-dir={}", driver.profile().display()));
    let wanted = json!({
        "browserName": "chrome",
        // A dialog that a script opens stays, and fails whatever comes next.
        "unhandledPromptBehavior": "ignore",
        "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        "goog:chromeOptions": { "binary": driver::browser(), "args": flags },
    });
    let Value::Object(wanted) = wanted else {
        unreachable!("it is an object");
    };
    wanted
}
