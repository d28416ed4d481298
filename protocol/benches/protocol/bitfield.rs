//! Sets of pieces: dense as of a peer that has half, thin as of one that has just begun.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use swarmlet_protocol::bitfield::Bitfield;
use swarmlet_protocol::layout::PieceIndex;

use crate::PIECES;

pub(crate) fn bitfields(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("bitfield");
    for pieces in PIECES {
        group.throughput(Throughput::Elements(u64::from(pieces)));
        let (half, other) = (random(pieces, 2, 1), random(pieces, 2, 2));
        let thin = random(pieces, 200, 3);
        for (name, set) in [("half", &half), ("a 200th", &thin)] {
            let name = format!("iterate, {name}");
            group.bench_function(BenchmarkId::new(name, pieces), |bencher| {
                bencher.iter(|| {
                    black_box(set)
                        .iter()
                        .map(|piece| u64::from(piece.get()))
                        .sum::<u64>()
                });
            });
        }
        group.bench_function(
            BenchmarkId::new("difference of halves", pieces),
            |bencher| {
                bencher.iter(|| black_box(&half).difference(black_box(&other)).count());
            },
        );
        group.bench_function(BenchmarkId::new("insert all", pieces), |bencher| {
            bencher.iter(|| {
                let mut set = Bitfield::new(pieces);
                for piece in 0..pieces {
                    set.insert(black_box(PieceIndex::new(piece)));
                }
                set
            });
        });
        group.bench_function(BenchmarkId::new("from the wire", pieces), |bencher| {
            bencher.iter(|| Bitfield::from_wire(black_box(half.as_wire()), pieces).unwrap());
        });
    }
    group.finish();
}

/// Each piece with a chance of one in `rarity`.
fn random(pieces: u32, rarity: u32, seed: u64) -> Bitfield {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut set = Bitfield::new(pieces);
    for piece in (0..pieces).map(PieceIndex::new) {
        if rng.u32(..rarity) == 0 {
            set.insert(piece);
        }
    }
    set
}
