//! What the worst input of each kind costs per byte: a stranger pays for the bytes, and we for this.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use swarmlet_protocol::bencode::{MAX_DEPTH, decode};
use swarmlet_protocol::metainfo::{Info, Magnet, TorrentConf};
use swarmlet_protocol::wire::Decoder;

/// Bytes of an input, about.
const LENGTH: usize = 1 << 20;

pub(crate) fn inputs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hostile");
    let mut measure = |name: &str, input: &[u8], read: &dyn Fn(&[u8])| {
        group.throughput(Throughput::Bytes(input.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| read(black_box(input))));
    };
    let empty = format!("l{}e", "le".repeat(LENGTH / 2));
    measure("bencode of empty lists", empty.as_bytes(), &|input| {
        black_box(decode(input).is_ok());
    });
    let unsorted = unsorted();
    measure(
        "bencode, unsorted on every level",
        unsorted.as_bytes(),
        &|input| {
            black_box(decode(input).is_ok());
        },
    );
    let files = Bytes::from(files());
    measure("a description of tiny files", &files.clone(), &move |_| {
        black_box(Info::parse(files.clone()).is_ok());
    });
    let idle = vec![0; LENGTH];
    measure("a stream of keep-alives", &idle, &stream);
    let claims = [0, 0, 0, 5, 4, 0, 0, 0, 7].repeat(LENGTH / 9);
    measure("a stream of claims", &claims, &stream);
    let peers: Vec<_> = (0..LENGTH / 13)
        .map(|number| format!("\"node-{number:05}\""))
        .collect();
    let conf = format!("{{\"Peers\": [{}]}}", peers.join(","));
    measure("a torrent.conf of peers", conf.as_bytes(), &|input| {
        black_box(TorrentConf::parse(input).is_ok());
    });
    let heavy = format!("{{\"Other\": [{}0]}}", "{},".repeat(LENGTH / 3));
    measure(
        "a torrent.conf of empty objects",
        heavy.as_bytes(),
        &|input| {
            black_box(TorrentConf::parse(input).is_err());
        },
    );
    let link = format!(
        "magnet:?xt=urn:btih:{}{}",
        "07".repeat(20),
        "&tr=%61".repeat(LENGTH / 7)
    );
    measure("a magnet link of trackers", link.as_bytes(), &|input| {
        let text = std::str::from_utf8(input).unwrap();
        black_box(text.parse::<Magnet>().is_ok());
    });
    group.finish();
}

fn stream(mut input: &[u8]) {
    let mut decoder = Decoder::new();
    while let Ok(Some(frame)) = decoder.next(&mut input) {
        black_box(frame);
    }
}

/// Dictionaries within one another, the keys of each the wrong way round.
fn unsorted() -> String {
    let keys = (0..LENGTH / 12).rev().map(|key| format!("7:{key:07}i0e"));
    let mut nested = format!("d{}e", keys.collect::<String>());
    for _ in 1..MAX_DEPTH {
        nested = format!("d1:b{nested}1:ai0ee");
    }
    nested
}

fn files() -> Vec<u8> {
    let files = (0..LENGTH / 32).map(|number| format!("d6:lengthi1e4:pathl7:{number:07}ee"));
    let size = LENGTH / 32;
    let mut info = format!("d5:filesl{}e", files.collect::<String>());
    info += &format!("4:name4:tree12:piece lengthi{size}e6:pieces20:aaaaaaaaaaaaaaaaaaaae");
    info.into_bytes()
}
