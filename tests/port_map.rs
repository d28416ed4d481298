//! The port that a node has its router open: by PCP, NAT-PMP and UPnP, renewed, taken back, and not
//! asked for when it is off.
//!
//! Each network is of namespaces that the test makes, so this needs root; the routers are stand-ins.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used)]
#![cfg(feature = "port-map")]

mod support;

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::Duration;

use support::content::Content;
use support::handful::{Handful, Has};
use support::network::Network;
use support::router::{Router, Speaks};
use support::tracker::{Manner, Tracker};
use support::wait_for;

const ROUTER: u8 = 1;
const NODE: u8 = 2;

/// A node behind a router.
struct Home {
    handful: Handful,
    router: Router,
    network: Network,
}

impl Home {
    fn or_skip(test: &str, speaks: Speaks, arguments: &[&str]) -> Option<Self> {
        let network = Network::or_skip(test, &[ROUTER, NODE])?;
        let router = Router::start(&network, ROUTER, &[NODE], speaks);
        let content = Content::random(&mut support::seeded(test), 50_000, 16 * 1024);
        let mut handful = Handful::new();
        let launcher = network.launcher(NODE);
        let launcher: Vec<&str> = launcher.iter().map(String::as_str).collect();
        // As at home: it listens everywhere.
        let everywhere: SocketAddr = "0.0.0.0:6881".parse().unwrap();
        handful.add((Has::File, &content), everywhere, &[], arguments, &launcher);
        Some(Self {
            handful,
            router,
            network,
        })
    }

    /// The same, and the node runs.
    fn started_or_skip(test: &str, speaks: Speaks, arguments: &[&str]) -> Option<Self> {
        let mut home = Self::or_skip(test, speaks, arguments)?;
        home.handful.start_all();
        Some(home)
    }

    fn is_asked(&self, start: &str, times: usize) {
        wait_for(
            &format!("the router is asked '{start}' {times} times"),
            || self.router.count(start) >= times,
            || {
                format!(
                    "{:?}\n{}",
                    self.router.asked(),
                    self.handful.nodes[0].log_tail()
                )
            },
        );
    }

    /// Ends the node in order; within a second, if the machine has time.
    fn stop(&mut self) {
        assert!(self.handful.nodes[0].stop().unwrap().success());
        assert_eq!(self.handful.lines_with(0, "ERROR"), 0);
    }
}

const ON: [&str; 2] = ["--port-map", "on"];

#[test]
fn a_port_is_opened_by_each_protocol_and_closed_at_the_end() {
    let ways = [
        (
            Speaks::Pcp {
                lease: 3_600,
                shift: 0,
            },
            "PCP map 6881",
            "PCP unmap 6881",
            "PCP",
        ),
        (
            Speaks::NatPmp,
            "NAT-PMP map 6881",
            "NAT-PMP unmap 6881",
            "NAT-PMP",
        ),
        (
            Speaks::Upnp,
            "UPnP AddPortMapping 6881 10.73.19.2",
            "UPnP DeletePortMapping 6881",
            "UPnP",
        ),
    ];
    for (speaks, map, unmap, name) in ways {
        let test = format!("port map, {name}");
        let Some(mut home) = Home::started_or_skip(&test, speaks, &ON) else {
            return;
        };
        home.is_asked(map, 1);
        let said = format!("the router 10.73.19.1 sends port 6881 to us ({name})");
        home.handful.wait_for_log(0, &said);
        assert_eq!(home.router.count(unmap), 0);
        home.stop();
        assert_eq!(home.router.count(unmap), 1, "{:?}", home.router.asked());
        assert_eq!(home.router.count(map), 1, "{:?}", home.router.asked());
        assert_eq!(home.handful.lines_with(0, &said), 1);
    }
}

#[test]
fn a_port_is_renewed_before_its_time_is_over() {
    // The shortest lease that is taken at its word: it is renewed after 30 s.
    let speaks = Speaks::Pcp {
        lease: 60,
        shift: 0,
    };
    let Some(mut home) = Home::started_or_skip("port map, renewal", speaks, &ON) else {
        return;
    };
    home.is_asked("PCP map 6881", 2);
    home.stop();
    let asked = home.router.asked();
    assert_eq!(asked.last().map(String::as_str), Some("PCP unmap 6881"));
    assert!(asked.len() <= 5, "no flood: {asked:?}");
}

#[test]
fn another_port_of_the_router_is_what_trackers_hear() {
    let test = "port map, another port";
    let speaks = Speaks::Pcp {
        lease: 3_600,
        shift: 100,
    };
    let url = format!("http://10.73.19.{ROUTER}:6969/announce");
    let arguments = [&ON[..], &["--tracker", &url]].concat();
    let Some(mut home) = Home::or_skip(test, speaks, &arguments) else {
        return;
    };
    let at = SocketAddr::from((home.network.ip(ROUTER), 6969));
    let tracker = home
        .network
        .on(ROUTER, || Tracker::http(at, Manner::Honest));
    home.handful.start_all();
    home.handful.wait_for_log(0, "sends port 6981 to us (PCP)");
    wait_for(
        "the tracker knows the node",
        || !tracker.told().is_empty(),
        || home.handful.nodes[0].log_tail(),
    );
    home.stop();
    // It may have been told of our own port first, and was not to be asked again so soon.
    let told = tracker.told();
    let last = told.last().unwrap();
    assert_eq!(
        (last.event.as_str(), last.from.port()),
        ("stopped", 6_981),
        "{told:?}"
    );
}

#[test]
fn a_router_that_refuses_or_says_nothing_is_one_warning_and_no_flood() {
    let manners = [
        (Speaks::UpnpRefusing, "not authorized"),
        (Speaks::Nothing, "No response within timeout"),
    ];
    for (speaks, why) in manners {
        let test = format!("port map, {speaks:?}");
        let Some(mut home) = Home::started_or_skip(&test, speaks, &ON) else {
            return;
        };
        home.handful
            .wait_for_log(0, "the router does not open port 6881");
        home.handful.wait_for_log(0, why);
        let asked = home.router.asked();
        // Four questions each by PCP and NAT-PMP, three kinds of routers by SSDP, one refusal.
        assert!(asked.len() <= 12, "{asked:?}");
        sleep(Duration::from_secs(3));
        assert_eq!(home.router.asked(), asked, "it rests for a minute");
        assert_eq!(home.handful.lines_with(0, "does not open port"), 1);
        home.stop();
        assert_eq!(home.router.asked(), asked, "there is nothing to take back");
    }
}

#[test]
fn a_machine_without_a_router_is_told_so() {
    let test = "port map, no router";
    let Some(network) = Network::or_skip(test, &[NODE]) else {
        return;
    };
    let content = Content::random(&mut support::seeded(test), 50_000, 16 * 1024);
    let mut handful = Handful::new();
    let launcher = network.launcher(NODE);
    let launcher: Vec<&str> = launcher.iter().map(String::as_str).collect();
    let at = network.address(NODE);
    handful.add((Has::File, &content), at, &[], &ON, &launcher);
    handful.start_all();
    handful.wait_for_log(0, "this machine has no default route");
    assert_eq!(network.counter(NODE, "Udp", "OutDatagrams"), 0);
    assert!(handful.nodes[0].stop().unwrap().success());
}

#[test]
fn a_router_is_not_asked_anything_when_it_is_off() {
    let speaks = Speaks::Pcp {
        lease: 3_600,
        shift: 0,
    };
    let Some(mut home) = Home::started_or_skip("port map, off", speaks, &[]) else {
        return;
    };
    home.handful.wait_for_log(0, "listening on");
    sleep(Duration::from_secs(3));
    assert_eq!(home.router.asked(), Vec::<String>::new());
    assert_eq!(home.network.counter(NODE, "Udp", "OutDatagrams"), 0);
    home.stop();
    assert_eq!(home.router.asked(), Vec::<String>::new());
}
