//! Metainfo of contents with many pieces, and a message with many small values.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput};
use swarmlet_protocol::bencode::{DictEncoder, ListEncoder, decode};
use swarmlet_protocol::id::PieceHash;
use swarmlet_protocol::metainfo::{Info, Torrent};

use crate::PIECES;

/// Dictionaries in the list of small values.
const ENTRIES: u32 = 1_000;

pub(crate) fn reading(criterion: &mut Criterion) {
    // Strings are passed over, however long: what takes time is the number of values, six here.
    let mut group = criterion.benchmark_group("bencode/values of a .torrent");
    for pieces in PIECES {
        let file = Bytes::from(torrent(pieces).encode());
        group.bench_function(BenchmarkId::from_parameter(pieces), |bencher| {
            bencher.iter(|| black_box(decode(black_box(&file)).unwrap()).kind());
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("bencode/read");
    for pieces in PIECES {
        let file = Bytes::from(torrent(pieces).encode());
        group.throughput(Throughput::Bytes(file.len() as u64));
        // With the infohash, so it is SHA-1 that takes the time.
        group.bench_function(BenchmarkId::new("a .torrent", pieces), |bencher| {
            bencher.iter(|| Torrent::parse(black_box(&file)).unwrap());
        });
    }
    let entries = entries();
    group.throughput(Throughput::Bytes(entries.len() as u64));
    group.bench_function("a list of 1,000 dictionaries", |bencher| {
        bencher.iter(|| {
            let values = decode(black_box(&entries)).unwrap();
            let entries = values.list().unwrap();
            let sizes = entries
                .iter()
                .filter_map(|entry| entry.dict()?.get(b"size")?.integer());
            sizes.sum::<i64>()
        });
    });
    group.finish();
}

pub(crate) fn writing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("bencode/write");
    for pieces in PIECES {
        let torrent = torrent(pieces);
        let length = torrent.encode().len();
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function(BenchmarkId::new("a .torrent", pieces), |bencher| {
            bencher.iter(|| black_box(&torrent).encode());
        });
    }
    group.throughput(Throughput::Bytes(entries().len() as u64));
    group.bench_function("a list of 1,000 dictionaries", |bencher| {
        bencher.iter(entries)
    });
    group.finish();
}

fn torrent(pieces: u32) -> Torrent {
    let hashes: Vec<_> = (0..pieces)
        .map(|piece| PieceHash::of(&piece.to_be_bytes()))
        .collect();
    let size = u64::from(pieces) << 16;
    Torrent::new(Info::single_file("data.bin", size, 1 << 16, &hashes).unwrap())
}

fn entries() -> Vec<u8> {
    let mut list = ListEncoder::new();
    for number in 0..ENTRIES {
        let mut dict = DictEncoder::new();
        dict.integer(b"configured", 1)
            .bytes(b"name", b"data.bin")
            .integer(b"size", number);
        list.dict(&dict);
    }
    list.finish()
}
