//! The dashboard of real nodes in a real browser: Debian's Chromium, through its driver.
//!
//! A test waits for what a reader would see, with patience, and asks the page itself: nothing here
//! looks into the node but to set the scene. Pictures of what was seen are kept as
//! `target/screenshots/*.png`. Without `chromium` and `chromedriver` the tests are skipped by name,
//! unless `SWARMLET_REQUIRE_FOREIGN=1` asks for them.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used, unreachable_pub)]

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code)]
#[path = "../http/request.rs"]
mod request;
#[allow(dead_code)]
#[path = "../http/stage.rs"]
mod stage;

mod adding;
mod browser;
mod control;
mod driver;
mod lost;
mod names;
mod page;
mod picture;
mod transfer;
mod view;
