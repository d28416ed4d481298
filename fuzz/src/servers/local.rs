//! What comes from the local network and the machine: beacons (BEP 14), and the table of routes.

use swarmlet_protocol::membership::lan::{Beacon, MAX_COOKIE, MAX_HASHES, MAX_LENGTH};
use swarmlet_protocol::port_map::gateway;

use crate::oracle;

/// A datagram of the group.
pub fn check_beacon(bytes: &[u8]) {
    let beacon = match Beacon::parse(bytes) {
        Ok(beacon) => beacon,
        Err(error) => return oracle::is_short(&error),
    };
    assert!(beacon.port != 0 && bytes.len() <= MAX_LENGTH);
    assert!((1..=MAX_HASHES).contains(&beacon.info_hashes.len()));
    let cookie = beacon.cookie.as_deref().unwrap_or_default();
    assert!(cookie.len() <= MAX_COOKIE);
    let again = Beacon::parse(&beacon.encode()).expect("our own words");
    assert_eq!(
        (again.port, &again.info_hashes),
        (beacon.port, &beacon.info_hashes)
    );
    let is_plain = !cookie.is_empty() && cookie.bytes().all(|byte| byte.is_ascii_graphic());
    assert!(!is_plain || again.cookie == beacon.cookie);
}

/// `/proc/net/route`, as the kernel or a container's runtime shows it.
pub fn check_routes(bytes: &[u8]) {
    let table = String::from_utf8_lossy(bytes);
    if let Some(router) = gateway(&table) {
        assert!(!router.is_unspecified());
        // The same table twice has the same router, wherever the lines stand.
        let twice = format!(
            "{table}\n{}",
            table.split_once('\n').map_or("", |(_, rest)| rest)
        );
        assert_eq!(gateway(&twice), Some(router));
    }
}
