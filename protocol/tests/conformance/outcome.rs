//! How the tables write what comes of a message: what the host hears, `>` what is written, and the
//! verdict.

use swarmlet_protocol::layout::{Block, PieceIndex};
use swarmlet_protocol::session::{Output, PeerHave, Verdict, Violation};
use swarmlet_protocol::wire::{Decoder, Frame, Message, RawBlock};

pub(crate) fn verdict(violation: &Violation) -> String {
    match violation.verdict() {
        Verdict::Strikes(_) => "too many strikes".to_owned(),
        Verdict::Close => "close".to_owned(),
        Verdict::Ban => "ban".to_owned(),
    }
}

/// What the host hears.
pub(crate) fn outputs(out: &[Output]) -> Vec<String> {
    out.iter().map(output).collect()
}

fn output(output: &Output) -> String {
    match output {
        Output::Ready(ready) if ready.fleet => "ready, of the fleet".to_owned(),
        Output::Ready(_) => "ready".to_owned(),
        Output::PeerHas(PeerHave::All) => "has all".to_owned(),
        Output::PeerHas(PeerHave::Only(bits)) => {
            let set: Vec<_> = bits.iter().collect();
            format!("has only{}", list(&set))
        }
        Output::PeerHas(PeerHave::More(set)) => format!("has also{}", list(set)),
        Output::PeerSuggests(set) => format!("suggests{}", list(set)),
        Output::PeerLacks(set) => format!("lacks{}", list(set)),
        Output::PeerComplete => "is complete".to_owned(),
        Output::PeerInterest { interested, done } => {
            let wants = if *interested && !done {
                "wants"
            } else {
                "wants nothing"
            };
            wants.to_owned()
        }
        Output::Traffic { given, taken } => format!("gave {given}, took {taken}"),
        Output::Snubs(snubs) => format!("snubs {snubs}"),
        Output::Want { bytes: 0, .. } => "could take nothing".to_owned(),
        Output::Want { .. } => "could take more".to_owned(),
        Output::Progress => "progress".to_owned(),
        Output::Returned(set) => format!("gives back{}", list(set)),
        Output::Pieces(pieces) => {
            let set: Vec<_> = pieces.iter().map(|&(piece, _)| piece).collect();
            format!("whole{}", list(&set))
        }
        Output::Read(blocks) => {
            let blocks: Vec<_> = blocks
                .iter()
                .map(|&block: &Block| raw(block.into()))
                .collect();
            format!("read {}", blocks.join(" "))
        }
        Output::MetadataOffered(size) => format!("offers {size} bytes of metadata"),
        Output::MetadataData { piece, .. } => format!("metadata {piece}"),
        Output::MetadataRejected(piece) => format!("no metadata {piece}"),
        Output::DhtPort(port) => format!("tells of its DHT port {port}"),
        Output::Pex(pex) => format!("tells of {} peers", pex.added.len()),
        Output::Swarms(swarms) => format!("tells of {} swarms", swarms.swarms.len()),
        other => format!("{other:?}"),
    }
}

fn list(set: &[PieceIndex]) -> String {
    set.iter()
        .map(|piece| format!(" {}", piece.get()))
        .collect()
}

fn raw(block: RawBlock) -> String {
    format!("{}:{}+{}", block.piece, block.begin, block.length)
}

/// What is written.
pub(crate) fn wire(mut bytes: &[u8]) -> Vec<String> {
    let mut decoder = Decoder::new();
    let mut words = Vec::new();
    // A handshake of our own is not told.
    if bytes.first() == Some(&19) {
        bytes = &bytes[68..];
    }
    while let Some(frame) = decoder.next(&mut bytes).unwrap() {
        match frame {
            Frame::Message(message) => words.push(format!("> {}", said(&message))),
            Frame::Block(block) => words.push(format!("> piece {}", raw(block))),
            Frame::Data(_) => {}
        }
    }
    words
}

fn said(message: &Message) -> String {
    match message {
        Message::Request(block) => format!("request {}", raw(*block)),
        Message::Cancel(block) => format!("cancel {}", raw(*block)),
        Message::RejectRequest(block) => format!("reject {}", raw(*block)),
        Message::Have(piece) => format!("have {piece}"),
        Message::Extended { id: 0, .. } => "extension handshake".to_owned(),
        Message::Extended { id, payload } => {
            let text: String = payload
                .iter()
                .take(32)
                .map(|&byte| char::from(byte))
                .collect();
            format!("extended {id} {text}")
        }
        other => format!("{other:?}").to_lowercase(),
    }
}
