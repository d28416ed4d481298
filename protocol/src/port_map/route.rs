//! Which machine the router is, by what Linux says of its routes (`/proc/net/route`).

use std::net::Ipv4Addr;

/// 4,096 lines of the table that are looked at: a machine with more is a router itself.
pub const MAX_ROUTES: usize = 4_096;

/// The flag of a route that is in use, and that of one by way of another machine.
const UP_BY_GATEWAY: u32 = 0x1 | 0x2;

/// The router of the default route with the least metric. `None` if there is none, or if the
/// text is none of that kind.
#[must_use]
pub fn gateway(table: &str) -> Option<Ipv4Addr> {
    let routes = table
        .lines()
        .skip(1)
        .take(MAX_ROUTES)
        .filter_map(default_route);
    routes
        .min_by_key(|&(metric, _)| metric)
        .map(|(_, router)| router)
}

/// Metric and router of a line that is a default route.
fn default_route(line: &str) -> Option<(u32, Ipv4Addr)> {
    // Iface Destination Gateway Flags RefCnt Use Metric Mask ...; addresses are hexadecimal, as
    // they lie in memory.
    let fields: Vec<&str> = line.split_whitespace().collect();
    let hexadecimal = |field: usize| u32::from_str_radix(fields.get(field)?, 16).ok();
    let is_default = hexadecimal(1)? == 0 && hexadecimal(7)? == 0;
    let is_usable = hexadecimal(3)? & UP_BY_GATEWAY == UP_BY_GATEWAY;
    let metric = fields.get(6)?.parse().ok()?;
    let router = Ipv4Addr::from(hexadecimal(2)?.to_ne_bytes());
    (is_default && is_usable && !router.is_unspecified()).then_some((metric, router))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

    fn line(destination: [u8; 4], router: [u8; 4], flags: &str, metric: u32, mask: u32) -> String {
        let hexadecimal = |ip: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(ip));
        let (destination, router) = (hexadecimal(destination), hexadecimal(router));
        format!("eth0\t{destination}\t{router}\t{flags}\t0\t0\t{metric}\t{mask:08X}\t0\t0\t0\n")
    }

    #[test]
    fn the_router_is_that_of_the_default_route_with_the_least_metric() {
        let local = line([192, 168, 1, 0], [0; 4], "0001", 0, u32::MAX);
        let far = line([0; 4], [192, 168, 1, 1], "0003", 600, 0);
        let near = line([0; 4], [10, 0, 0, 1], "0003", 100, 0);
        let down = line([0; 4], [10, 0, 0, 9], "0002", 1, 0);
        let table = format!("{HEAD}{local}{far}{near}{down}");
        assert_eq!(gateway(&table), Some(Ipv4Addr::new(10, 0, 0, 1)));
    }

    #[test]
    fn a_machine_without_a_router_has_none() {
        let local = line([192, 168, 1, 0], [0; 4], "0001", 0, u32::MAX);
        // A default route by a device alone, as of a tunnel.
        let tunnel = line([0; 4], [0; 4], "0001", 0, 0);
        for table in [
            String::new(),
            HEAD.to_owned(),
            format!("{HEAD}{local}{tunnel}"),
        ] {
            assert_eq!(gateway(&table), None);
        }
        assert_eq!(gateway("no table\nat all x y z 1 2 3 4\n\u{0}"), None);
    }
}
