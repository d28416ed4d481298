//! A network of its own: hosts in network namespaces, joined by a bridge.
//!
//! Unlike on loopback, an address at which nobody is does not refuse: nothing answers the ARP
//! request, as in a container network. Needs root. All hosts are in [`PREFIX`], which nothing
//! outside can see, so several networks can exist side by side.
//!
//! Invariant: what was made is removed when the [`Network`] is dropped. Its nodes must have ended.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Set where tests with networks must not be skipped.
pub const REQUIRED_BY: &str = "SWARMLET_REQUIRE_ROOT";

/// The first three numbers of every host's IPv4 address.
pub const PREFIX: [u8; 3] = [10, 73, 19];

/// Where `ip netns` looks for files that a namespace has in place of those of `/etc`.
const ETC: &str = "/etc/netns";

/// Tells the networks of this process apart.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Hosts that are joined by a bridge.
#[derive(Debug)]
pub struct Network {
    name: String,
    hosts: Vec<u8>,
}

impl Network {
    /// Hosts with these numbers, or `None`, said aloud, if this user cannot make them.
    pub fn or_skip(test: &str, hosts: &[u8]) -> Option<Self> {
        let network = Self::new(hosts);
        if network.is_none() {
            let why = "network namespaces cannot be made here";
            super::skip(test, why, REQUIRED_BY);
        }
        network
    }

    fn new(hosts: &[u8]) -> Option<Self> {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut network = Self {
            name: format!("swarmlet-{}-{number}", std::process::id()),
            hosts: Vec::new(),
        };
        let bridge = network.bridge();
        ip(&["netns", "add", &bridge])?;
        ip(&["-n", &bridge, "link", "add", "bridge", "type", "bridge"])?;
        ip(&["-n", &bridge, "link", "set", "bridge", "up"])?;
        for &host in hosts {
            network.add_host(host)?;
        }
        Some(network)
    }

    /// Adds a host; `None` if that cannot be done.
    pub fn add_host(&mut self, host: u8) -> Option<()> {
        let (bridge, space, port) = (self.bridge(), self.space(host), format!("port{host}"));
        ip(&["netns", "add", &space])?;
        self.hosts.push(host);
        // Another network that is the last one for now may remove the parent in between.
        let made = (0..10).any(|_| fs::create_dir_all(self.etc(host)).is_ok());
        made.then_some(())?;
        let veth = ["link", "add", &port, "type", "veth", "peer", "name", "eth0"];
        ip(&[&["-n", &bridge], &veth[..], &["netns", &space]].concat())?;
        ip(&[
            "-n", &bridge, "link", "set", &port, "master", "bridge", "up",
        ])?;
        ip(&["-n", &space, "link", "set", "lo", "up"])?;
        ip(&["-n", &space, "link", "set", "eth0", "up"])?;
        let address = format!("{}/24", self.ip(host));
        ip(&["-n", &space, "address", "add", &address, "dev", "eth0"])?;
        // Used by one test only; where there is no IPv6 that test says so.
        let address = format!("fd73::{host:x}/64");
        let _ = ip(&[
            "-n", &space, "address", "add", &address, "dev", "eth0", "nodad",
        ]);
        Some(())
    }

    /// The IPv4 address of a host, whether or not there is one.
    pub fn ip(&self, host: u8) -> Ipv4Addr {
        let [a, b, c] = PREFIX;
        Ipv4Addr::new(a, b, c, host)
    }

    /// Where a node on that host listens.
    pub fn address(&self, host: u8) -> SocketAddr {
        SocketAddr::from((self.ip(host), super::loopback::PORT))
    }

    /// Has a host send what is for elsewhere to another one.
    ///
    /// # Panics
    /// If the route cannot be made.
    pub fn route_by(&self, host: u8, router: u8) {
        let (space, router) = (self.space(host), self.ip(router).to_string());
        let made = ip(&["-n", &space, "route", "add", "default", "via", &router]);
        made.expect("add a default route");
    }

    /// Cuts the cable of a host: nothing reaches it and nothing leaves it, and no connection hears of
    /// it.
    ///
    /// # Panics
    /// If it cannot be cut.
    pub fn cut(&self, host: u8) {
        self.port(host, &["down"]);
    }

    /// Mends the cable.
    ///
    /// # Panics
    /// If it cannot be mended.
    pub fn mend(&self, host: u8) {
        self.port(host, &["up"]);
    }

    /// Joins a host to a bridge of that number; hosts of other bridges do not hear it. All begin at
    /// number 0.
    ///
    /// # Panics
    /// If it cannot be moved.
    pub fn move_to_island(&self, host: u8, island: u8) {
        let (space, name) = (self.bridge(), island_name(island));
        // It may be there already.
        let _ = ip(&["-n", &space, "link", "add", &name, "type", "bridge"]);
        ip(&["-n", &space, "link", "set", &name, "up"]).expect("a bridge is up");
        self.port(host, &["master", &name]);
    }

    /// Nothing that this host sends to that one leaves it; what comes from there arrives.
    ///
    /// # Panics
    /// If the route cannot be made.
    pub fn silence(&self, host: u8, towards: u8) {
        let (space, to) = (self.space(host), format!("{}/32", self.ip(towards)));
        ip(&["-n", &space, "route", "add", "blackhole", &to]).expect("a route to nowhere");
    }

    /// Undoes [`Self::silence`].
    ///
    /// # Panics
    /// If there is no such route.
    pub fn unsilence(&self, host: u8, towards: u8) {
        let (space, to) = (self.space(host), format!("{}/32", self.ip(towards)));
        ip(&["-n", &space, "route", "delete", "blackhole", &to]).expect("the route is gone");
    }

    /// A host has the address of that number from now on, and its own no more. It is still called by
    /// its old number here.
    ///
    /// # Panics
    /// If the address cannot be changed.
    pub fn renumber(&self, host: u8, from: u8, to: u8) {
        self.take_address(host, self.ip(from));
        self.give_address(host, self.ip(to));
    }

    /// A host has this address in a /24 as well from now on.
    ///
    /// # Panics
    /// If it cannot have it.
    pub fn give_address(&self, host: u8, ip: Ipv4Addr) {
        self.change_address(host, "add", ip);
    }

    /// A host has that address no longer. Of two in one network the first takes the others along:
    /// that is how Linux does it.
    ///
    /// # Panics
    /// If it does not have it.
    pub fn take_address(&self, host: u8, ip: Ipv4Addr) {
        self.change_address(host, "delete", ip);
    }

    fn change_address(&self, host: u8, what: &str, address: Ipv4Addr) {
        let (space, address) = (self.space(host), format!("{address}/24"));
        ip(&["-n", &space, "address", what, &address, "dev", "eth0"]).expect("change an address");
    }

    /// How many UDP sockets of a host have that port.
    ///
    /// # Panics
    /// If the kernel does not say.
    pub fn udp_sockets(&self, host: u8, port: u16) -> usize {
        let table = self.on(host, || fs::read_to_string("/proc/thread-self/net/udp"));
        let port = format!(":{port:04X}");
        let table = table.expect("read the sockets of a host");
        let local = |line: &str| Some(line.split_whitespace().nth(1)?.to_owned());
        let of_port = table.lines().filter_map(local);
        of_port.filter(|local| local.ends_with(&port)).count()
    }

    fn port(&self, host: u8, what: &[&str]) {
        let (space, port) = (self.bridge(), format!("port{host}"));
        let words = [&["-n", &space, "link", "set", &port], what].concat();
        ip(&words).expect("set the port of a host");
    }

    /// The words that start a program on a host.
    pub fn launcher(&self, host: u8) -> Vec<String> {
        ["ip", "netns", "exec", &self.space(host)]
            .map(str::to_owned)
            .to_vec()
    }

    /// Gives a host its own `/etc/hosts`. Programs that run there already see it only if it had
    /// one when they were started.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write_hosts(&self, host: u8, text: &str) {
        let etc = self.etc(host);
        fs::write(etc.join("hosts"), text).expect("write a hosts file");
        // Nobody is asked who is not there.
        let resolver = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n";
        fs::write(etc.join("resolv.conf"), resolver).expect("write a resolv.conf");
    }

    /// Does something on a host: sockets that are opened in it stay there.
    ///
    /// # Panics
    /// If the host cannot be entered.
    pub fn on<T: Send>(&self, host: u8, work: impl FnOnce() -> T + Send) -> T {
        let space = fs::File::open(Path::new("/run/netns").join(self.space(host)));
        let space = space.expect("open a network namespace");
        std::thread::scope(|scope| {
            let there = scope.spawn(move || {
                use std::os::fd::AsFd;
                move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network))
                    .expect("enter a network namespace");
                work()
            });
            there.join().expect("the work on a host")
        })
    }

    /// A counter that the kernel keeps for a host, such as `Tcp`, `ActiveOpens`.
    ///
    /// # Panics
    /// If there is none of that name.
    pub fn counter(&self, host: u8, protocol: &str, name: &str) -> u64 {
        let table = self.on(host, || fs::read_to_string("/proc/thread-self/net/snmp"));
        let table = table.expect("read the counters of a host");
        let prefix = format!("{protocol}:");
        let mut lines = table.lines().filter(|line| line.starts_with(&prefix));
        let mut fields = || lines.next().expect("two lines").split_whitespace();
        let (names, values) = (fields(), fields());
        let found = names.zip(values).find(|(other, _)| *other == name);
        found
            .and_then(|(_, value)| value.parse().ok())
            .unwrap_or_else(|| panic!("no counter {protocol} {name}"))
    }

    fn bridge(&self) -> String {
        format!("{}-bridge", self.name)
    }

    fn space(&self, host: u8) -> String {
        format!("{}-{host}", self.name)
    }

    fn etc(&self, host: u8) -> PathBuf {
        Path::new(ETC).join(self.space(host))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for &host in &self.hosts {
            let _ = ip(&["netns", "delete", &self.space(host)]);
            let _ = fs::remove_dir_all(self.etc(host));
        }
        let _ = ip(&["netns", "delete", &self.bridge()]);
        // Others may have files there.
        let _ = fs::remove_dir(ETC);
    }
}

fn island_name(island: u8) -> String {
    match island {
        0 => "bridge".to_owned(),
        _ => format!("island{island}"),
    }
}

/// Runs `ip`; `None` if it fails.
fn ip(arguments: &[&str]) -> Option<()> {
    let status = Command::new("ip")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success()).then_some(())
}
