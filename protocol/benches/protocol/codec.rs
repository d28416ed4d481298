//! The peer wire protocol, in chunks as the pump reads them.

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{Criterion, Throughput};
use swarmlet_protocol::layout::{BLOCK_LENGTH, Block, PieceIndex};
use swarmlet_protocol::wire::message::encode_piece_head;
use swarmlet_protocol::wire::{Decoder, Frame, Message, RawBlock};

/// 256 KiB: what a session reads from its socket at a time.
const CHUNK: usize = 256 << 10;

/// Blocks in the stream of pieces: 4 MiB.
const BLOCKS: u32 = 256;

/// Messages in the other streams.
const MESSAGES: u32 = 8_192;

pub(crate) fn decoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codec/decode");

    let mut pieces = BytesMut::new();
    for number in 0..BLOCKS {
        let block = Block {
            piece: PieceIndex::new(number / 16),
            begin: number % 16 * BLOCK_LENGTH,
            length: BLOCK_LENGTH,
        };
        encode_piece_head(block, &mut pieces);
        pieces.resize(pieces.len() + BLOCK_LENGTH as usize, number as u8);
    }
    // Nobody looks at the bytes, so they cost nothing: messages count.
    group.throughput(Throughput::Elements(u64::from(BLOCKS)));
    group.bench_function("pieces of 16 KiB, lent out", |bencher| {
        bencher.iter(|| decode(black_box(&pieces), |_| ()));
    });
    group.throughput(Throughput::Bytes(pieces.len() as u64));
    let mut taken = vec![0; BLOCK_LENGTH as usize];
    group.bench_function("pieces of 16 KiB, copied once", |bencher| {
        bencher.iter(|| {
            let mut place = 0;
            decode(black_box(&pieces), |data| {
                if place == taken.len() {
                    place = 0;
                }
                taken[place..place + data.len()].copy_from_slice(data);
                place += data.len();
            })
        });
    });

    group.throughput(Throughput::Elements(u64::from(MESSAGES)));
    let requests = stream(request);
    group.bench_function("requests", |bencher| {
        bencher.iter(|| decode(black_box(&requests), |_| ()));
    });
    let haves = stream(Message::Have);
    group.bench_function("haves", |bencher| {
        bencher.iter(|| decode(black_box(&haves), |_| ()));
    });
    group.finish();
}

pub(crate) fn encoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codec/encode");
    group.throughput(Throughput::Elements(u64::from(MESSAGES)));
    let mut out = BytesMut::new();
    group.bench_function("requests", |bencher| {
        bencher.iter(|| {
            out.clear();
            for number in 0..MESSAGES {
                black_box(request(number)).encode(&mut out);
            }
            out.len()
        });
    });
    group.finish();
}

/// Decodes the stream a chunk at a time; says how many frames it had.
fn decode(stream: &[u8], mut data: impl FnMut(&[u8])) -> usize {
    let mut decoder = Decoder::new();
    let mut frames = 0;
    for chunk in stream.chunks(CHUNK) {
        let mut input = chunk;
        while let Some(frame) = decoder.next(&mut input).unwrap() {
            frames += 1;
            match frame {
                Frame::Data(bytes) => data(bytes),
                frame => _ = black_box(frame),
            }
        }
    }
    frames
}

fn stream(message: impl Fn(u32) -> Message) -> BytesMut {
    let mut out = BytesMut::new();
    (0..MESSAGES).for_each(|number| message(number).encode(&mut out));
    out
}

const fn request(number: u32) -> Message {
    Message::Request(RawBlock {
        piece: number / 16,
        begin: number % 16 * BLOCK_LENGTH,
        length: BLOCK_LENGTH,
    })
}
