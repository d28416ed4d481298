//! SHA-1 of one, two and four messages side by side, against the `sha1` crate:
//! `cargo bench -p swarmlet-hashing`.
//!
//! A round hashes the same bytes in each row, 4 MiB or one message per lane if that is more, so that
//! all of them come out of the same caches.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sha1::Digest as _;
use swarmlet_hashing::{Hasher, LANES, backend, digest_all, update_all};

/// A short control message, a block, a usual piece, a long piece.
const LENGTHS: [usize; 4] = [256, 16 << 10, 256 << 10, 1 << 20];

/// 4 MiB hashed per round.
const TOTAL: usize = 4 << 20;

fn hashing(criterion: &mut Criterion) {
    eprintln!("backend: {}", backend());
    let mut bytes = vec![0; TOTAL];
    fastrand::Rng::with_seed(1).fill(&mut bytes);
    for length in LENGTHS {
        let messages: Vec<&[u8]> = bytes.chunks_exact(length).collect();
        let mut digests = vec![[0; 20]; messages.len()];
        let mut group = criterion.benchmark_group(format!("hashing/{length}"));
        group.throughput(Throughput::Bytes(TOTAL as u64));
        group.bench_function("sha1 crate", |bencher| {
            bencher.iter(|| {
                for (message, digest) in messages.iter().zip(&mut digests) {
                    *digest = sha1::Sha1::digest(black_box(message)).into();
                }
            });
        });
        for lanes in [1, 2, LANES] {
            group.bench_function(BenchmarkId::new("lanes", lanes), |bencher| {
                bencher.iter(|| {
                    let groups = messages.chunks(lanes).zip(digests.chunks_mut(lanes));
                    for (messages, digests) in groups {
                        digest_all(black_box(messages), digests);
                    }
                });
            });
        }
        group.bench_function("all at once", |bencher| {
            bencher.iter(|| digest_all(black_box(&messages), &mut digests));
        });
        group.finish();
    }
}

/// What the scheduler makes of lengths that differ.
fn mixed(criterion: &mut Criterion) {
    let mut bytes = vec![0; TOTAL];
    fastrand::Rng::with_seed(1).fill(&mut bytes);
    let mut group = criterion.benchmark_group("hashing/mixed");
    let (long, short) = (1 << 20, 128 << 10);
    let mut mix: Vec<&[u8]> = bytes[long..].chunks_exact(short).collect();
    mix.push(&bytes[..long]);
    let mut digests = vec![[0; 20]; mix.len()];
    group.throughput(Throughput::Bytes(TOTAL as u64));
    group.bench_function("24 of 128 KiB and one of 1 MiB", |bencher| {
        bencher.iter(|| digest_all(black_box(&mix), &mut digests));
    });

    let stripe = 64 << 10;
    group.bench_function("4 streams of 1 MiB in stripes of 64 KiB", |bencher| {
        bencher.iter(|| {
            let mut hashers: [Hasher; 4] = Default::default();
            for start in (0..long).step_by(stripe) {
                let parts: [&[u8]; 4] =
                    std::array::from_fn(|stream| &bytes[stream * long + start..][..stripe]);
                update_all(&mut hashers, black_box(&parts));
            }
            hashers.map(Hasher::finish)
        });
    });
    group.finish();
}

fn short() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
}

criterion_group! {
    name = benches;
    config = short();
    targets = hashing, mixed
}
criterion_main!(benches);
