//! What a tracker learns of a fleet with a secret.

use crate::stage::{OLD, Stage};
use crate::support;
use crate::support::content::hex;
use crate::support::handful::Has;
use crate::support::loopback::PORT;
use crate::support::tracker::{Manner, Tracker};

/// The number of the tracker's address; nodes are numbered from 0.
const TRACKER: usize = 40;

#[test]
fn a_tracker_brings_the_nodes_together_and_does_not_learn_what_they_share() {
    let mut stage = Stage::new("a_tracker_brings_the_nodes_together", 256);
    let at = std::net::SocketAddr::new(stage.subnet.ip(TRACKER).into(), 6969);
    let tracker = Tracker::http(at, Manner::Honest);
    let known = ["--tracker", &tracker.url];
    stage.add_knowing(Has::File, &[OLD], &[], &known);
    stage.add_knowing(Has::Config, &[OLD], &[], &known);
    // Another fleet, or none, is not told of them by the tracker.
    stage.add_knowing(Has::Config, &[], &[], &known);
    stage.handful.start_all();
    stage.wait_for_file(&[1]);
    let stranger = std::net::IpAddr::from(stage.subnet.ip(2));
    let has_asked = || tracker.told().iter().any(|told| told.from.ip() == stranger);
    support::wait_for("the stranger asks", has_asked, String::new);
    let shared = stage.content.info_hash();
    let (mut masked, mut open) = (Vec::new(), 0);
    for told in tracker.told() {
        assert_eq!(told.from.port(), PORT);
        if told.from.ip() == stranger {
            assert_eq!(hex(&told.info_hash), shared);
            open += 1;
        } else {
            masked.push(hex(&told.info_hash));
        }
    }
    masked.sort_unstable();
    assert!(masked.len() >= 2 && !masked.contains(&shared), "{masked:?}");
    masked.dedup();
    assert_eq!(masked.len(), 1, "{masked:?}");
    println!("a tracker was asked for {masked:?}, and {open} times for {shared}");
}
