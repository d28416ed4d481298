//! Judges the picker, for tests and fuzz targets: by its own accounts (`audit`), and beside a book that
//! knows only inputs and outputs (`model`, `world`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a judge may panic: that is its verdict"
)]
#![allow(
    unreachable_pub,
    reason = "the fuzz targets reach it, with their feature"
)]

mod audit;
mod model;
mod world;

pub use self::world::{Step, World};
