//! Tests of the tracker machines.

mod announcer;
mod http;
mod udp;

use super::{Announce, Event, Figures, TrackerUrl};
use crate::id::{InfoHash, PeerId};

fn url(text: &str) -> TrackerUrl {
    text.parse().unwrap()
}

fn announce(event: Event) -> Announce {
    let mut info_hash = [b'h'; 20];
    info_hash[..4].copy_from_slice(&[0, b' ', b'&', 0xff]);
    Announce {
        info_hash: InfoHash(info_hash),
        peer_id: PeerId(*b"-SW0100-abcdefghijkl"),
        port: 6881,
        key: 0x00c0_ffee,
        event,
        figures: Figures {
            uploaded: 1,
            downloaded: 2,
            left: Some(3),
        },
        wanted: 50,
        tracker_id: None,
    }
}
