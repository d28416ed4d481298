//! The picker of a node with 24 links, whose peers each have a random half of the pieces.

use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use swarmlet_protocol::bitfield::Bitfield;
use swarmlet_protocol::id::LinkId;
use swarmlet_protocol::layout::{Layout, PieceIndex};
use swarmlet_protocol::picker::{Input, Output, Picker, PickerLimits};
use swarmlet_protocol::time::Timestamp;

use crate::PIECES;

/// Links of a node: twice what it keeps by itself.
const LINKS: u64 = 24;

/// 64 KiB in a piece.
const PIECE_LENGTH: u64 = 64 << 10;

/// Pieces fetched in one round, out of all that are missing.
const FETCHED: u32 = 1_000;

/// From a want to the announcement of what was stored.
pub(crate) fn fetching(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("picker/want, grant, received, stored");
    group.throughput(Throughput::Elements(u64::from(FETCHED)));
    for pieces in PIECES {
        let picker = node(pieces);
        group.bench_function(BenchmarkId::from_parameter(pieces), |bencher| {
            bencher.iter_batched_ref(|| picker.clone(), fetch, BatchSize::LargeInput);
        });
    }
    group.finish();
}

/// What peers say that they have.
pub(crate) fn hearing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("picker/peer has");
    for pieces in PIECES {
        let picker = node(pieces);
        let news: Vec<_> = (0..LINKS)
            .flat_map(|link| (0..64).map(move |number| (LinkId(link), number * 61)))
            .collect();
        group.throughput(Throughput::Elements(news.len() as u64));
        group.bench_function(BenchmarkId::new("haves", pieces), |bencher| {
            let hear = |picker: &mut Picker| {
                let mut out = Vec::new();
                for &(link, piece) in &news {
                    let pieces = vec![PieceIndex::new(piece)];
                    picker.handle(Input::PeerHas { link, pieces }, soon(), &mut out);
                }
                out.len()
            };
            bencher.iter_batched_ref(|| picker.clone(), hear, BatchSize::LargeInput);
        });
        group.throughput(Throughput::Elements(u64::from(pieces)));
        group.bench_function(
            BenchmarkId::new("bitfield of a new link", pieces),
            |bencher| {
                let bits = half(pieces, &mut fastrand::Rng::with_seed(2));
                let open = |(picker, pieces): &mut (Picker, Option<Bitfield>)| {
                    let mut out = Vec::new();
                    let link = LinkId(LINKS);
                    picker.handle(Input::LinkOpened { link }, soon(), &mut out);
                    if let Some(pieces) = pieces.take() {
                        picker.handle(Input::PeerHasBitfield { link, pieces }, soon(), &mut out);
                    }
                    out.len()
                };
                let input = || (picker.clone(), Some(bits.clone()));
                bencher.iter_batched_ref(input, open, BatchSize::LargeInput);
            },
        );
    }
    group.finish();
}

/// Fetches so many pieces over all links in turn, each of which gets what it asked for at once.
fn fetch(picker: &mut Picker) {
    let mut out = Vec::new();
    let mut stored = 0;
    let mut now = 2_000;
    while stored < FETCHED {
        let before = stored;
        for link in (0..LINKS).map(LinkId) {
            now += 1;
            let want = Input::Want {
                link,
                bytes: 4 * PIECE_LENGTH,
                rtt: Duration::from_millis(1),
                rate: 50_000_000,
            };
            picker.handle(want, Timestamp::from_millis(now), &mut out);
            let granted: Vec<_> = out
                .drain(..)
                .filter_map(|output| match output {
                    Output::Grant { link, pieces } => Some((link, pieces)),
                    _ => None,
                })
                .collect();
            for (link, pieces) in granted {
                stored += pieces.len() as u32;
                let received = Input::Received {
                    link,
                    pieces: pieces.clone(),
                };
                picker.handle(received, Timestamp::from_millis(now), &mut out);
                picker.handle(Input::Stored(pieces), Timestamp::from_millis(now), &mut out);
            }
            // Wants of this round are filled; what else came out is for other benchmarks.
            out.clear();
        }
        assert!(stored > before, "the picker grants nothing any more");
    }
}

/// A picker that lacks everything and has heard of all its peers.
fn node(pieces: u32) -> Picker {
    let layout = Layout::new(u64::from(pieces) * PIECE_LENGTH, PIECE_LENGTH).unwrap();
    let mut picker = Picker::new(layout, PickerLimits::default(), 1);
    let mut rng = fastrand::Rng::with_seed(1);
    let mut out = Vec::new();
    let checked = Input::Checked {
        good: Vec::new(),
        bad: (0..pieces).map(PieceIndex::new).collect(),
    };
    picker.handle(checked, Timestamp::ZERO, &mut out);
    for link in (0..LINKS).map(LinkId) {
        picker.handle(Input::LinkOpened { link }, Timestamp::ZERO, &mut out);
        let pieces = half(pieces, &mut rng);
        picker.handle(
            Input::PeerHasBitfield { link, pieces },
            Timestamp::ZERO,
            &mut out,
        );
    }
    picker
}

fn half(pieces: u32, rng: &mut fastrand::Rng) -> Bitfield {
    let mut bits = Bitfield::new(pieces);
    for piece in (0..pieces).map(PieceIndex::new) {
        if rng.bool() {
            bits.insert(piece);
        }
    }
    bits
}

const fn soon() -> Timestamp {
    Timestamp::from_millis(1_000)
}
