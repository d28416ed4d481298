//! The scenarios at full size, in real containers, judged by `sha256sum` inside of them.
//!
//! `SWARMLET_CONTAINERS=1 cargo test --release --test containers` runs them: they take many
//! minutes and need an engine, `debootstrap` and root. The image is built here from the
//! project's Dockerfile, its base by `debootstrap`. `SWARMLET_REQUIRE_CONTAINERS=1` makes a
//! missing engine a failure; otherwise it is a visible skip.
//!
//! Everything made is labelled with the run and removed at its end, but for the images.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod compose;
mod engine;
mod fleet;
mod from_source;
mod image;
mod least;
mod manners;
mod scenarios;
#[path = "../support/mod.rs"]
mod support;
