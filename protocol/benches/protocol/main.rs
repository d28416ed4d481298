//! How fast bytes become meaning and facts become decisions:
//! `cargo bench -p swarmlet-protocol [-- FILTER]`.
//!
//! Every group names its inputs' size; throughput is in bytes where bytes are what costs, and else in
//! elements: messages, pieces. Inputs come from fixed seeds.

// Benchmarks panic as tests do.
#![allow(clippy::unwrap_used)]

mod bencode;
mod bitfield;
mod codec;
mod hostile;
mod picker;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

/// Pieces of a usual content, and of a large one in small parts.
const PIECES: [u32; 2] = [4_096, 100_000];

/// A whole run takes less than a minute.
fn short() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
}

criterion_group! {
    name = benches;
    config = short();
    targets = codec::decoding, codec::encoding, picker::fetching, picker::hearing, bencode::reading,
        bencode::writing, bitfield::bitfields, hostile::inputs
}
criterion_main!(benches);
