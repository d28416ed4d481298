//! A swarm of nodes and clients on one loopback /24, or each on a host of a network of its own: who
//! is in it, what it waits for, and what must be so at its end.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::{Client, Kind, Wishes};
use crate::payload::{Has, Payload};
use crate::support::loopback::Subnet;
use crate::support::network::Network;
use crate::support::node::{Files, Node};
use crate::support::tracker::{Manner, Tracker};
use crate::support::{self, Turn};

/// The number of the address that a tracker has.
const TRACKER: usize = 60;

/// Added to the number of somebody it is the number of a host.
const FIRST_HOST: u8 = 10;

/// Where everybody lives.
enum Place {
    Loopback(Subnet),
    Network(Network),
}

impl Place {
    fn address(&self, number: usize) -> SocketAddr {
        match self {
            Self::Loopback(subnet) => subnet.address(number),
            Self::Network(network) => network.address(host(number)),
        }
    }

    /// The words that start a program there; none on loopback.
    fn launcher(&self, number: usize) -> Vec<String> {
        match self {
            Self::Loopback(_) => Vec::new(),
            Self::Network(network) => network.launcher(host(number)),
        }
    }
}

fn host(number: usize) -> u8 {
    FIRST_HOST + u8::try_from(number).expect("a swarm fits into a /24")
}

/// Nodes and clients, each with an address of its own in the order in which they are added.
pub(crate) struct Swarm {
    pub(crate) payload: Payload,
    pub(crate) nodes: Vec<Node>,
    pub(crate) clients: Vec<Client>,
    pub(crate) tracker: Option<Tracker>,
    torrent: PathBuf,
    directory: tempfile::TempDir,
    // After those who live there.
    place: Place,
    _turn: Turn,
}

impl Swarm {
    /// Nobody yet. Others of these swarms may run beside it.
    pub(crate) fn new(payload: Payload) -> Self {
        Self::at(payload, Place::Loopback(Subnet::reserve()))
    }

    fn at(payload: Payload, place: Place) -> Self {
        let turn = support::share_turn();
        let directory = tempfile::Builder::new()
            .prefix("swarmlet-interop-")
            .tempdir();
        let directory = directory.unwrap();
        let torrent = directory.path().join("content.torrent");
        fs::write(&torrent, payload.torrent(None)).unwrap();
        Self {
            payload,
            nodes: Vec::new(),
            clients: Vec::new(),
            tracker: None,
            torrent,
            directory,
            place,
            _turn: turn,
        }
    }

    /// The same with a tracker, which stands in the .torrent.
    pub(crate) fn tracked(payload: Payload, is_udp: bool) -> Self {
        let mut swarm = Self::new(payload);
        let at = SocketAddr::new(swarm.address(TRACKER).ip(), 6969);
        let tracker = match is_udp {
            true => Tracker::udp(at, Manner::Honest),
            false => Tracker::http(at, Manner::Honest),
        };
        swarm.names(tracker);
        swarm
    }

    /// The same with an HTTP tracker and so many hosts of a network, which look like others' to
    /// clients that take no addresses of loopback; `None`, said aloud, if that cannot be made.
    pub(crate) fn on_hosts(test: &str, payload: Payload, count: usize) -> Option<Self> {
        let hosts: Vec<u8> = (0..count).chain([TRACKER]).map(host).collect();
        let network = Network::or_skip(test, &hosts)?;
        let at = SocketAddr::new(network.ip(host(TRACKER)).into(), 6969);
        let tracker = network.on(host(TRACKER), || Tracker::http(at, Manner::Honest));
        let mut swarm = Self::at(payload, Place::Network(network));
        swarm.names(tracker);
        Some(swarm)
    }

    fn names(&mut self, tracker: Tracker) {
        let torrent = self.payload.torrent(Some(&tracker.url));
        fs::write(&self.torrent, torrent).unwrap();
        self.tracker = Some(tracker);
    }

    /// The address of whoever is added as number so many, nodes and clients counted together.
    pub(crate) fn address(&self, number: usize) -> SocketAddr {
        self.place.address(number)
    }

    /// A magnet link, with these peers (`x.pe`) and the tracker, if there is one.
    pub(crate) fn magnet(&self, peers: &[SocketAddr]) -> String {
        let mut link = format!("magnet:?xt=urn:btih:{}", self.payload.info_hash());
        for peer in peers {
            link += &format!("&x.pe={peer}");
        }
        if let Some(tracker) = &self.tracker {
            let escaped = tracker.url.replace(':', "%3A").replace('/', "%2F");
            link += &format!("&tr={}", escaped.replace('?', "%3F").replace('=', "%3D"));
        }
        link
    }

    /// Starts a node with the .torrent, which dials these peers; its number among the nodes.
    pub(crate) fn add_node(&mut self, has: Has, peers: &[SocketAddr], more: &[&str]) -> usize {
        self.add_node_with(self.torrent.clone(), has, peers, more)
    }

    /// Starts a node with nothing and a magnet link; its number among the nodes.
    pub(crate) fn add_node_by(&mut self, magnet: String) -> usize {
        self.add_node_with(magnet.into(), Has::Nothing, &[], &[])
    }

    fn add_node_with(
        &mut self,
        conf: PathBuf,
        has: Has,
        peers: &[SocketAddr],
        more: &[&str],
    ) -> usize {
        let (home, address, launcher) = self.next();
        let mut files = Files::below(&home).unwrap();
        files.data = self.payload.path_below(&home);
        files.conf = conf;
        self.payload.write(has, &files.data, false);
        let launcher: Vec<&str> = launcher.iter().map(String::as_str).collect();
        let node = Node::new(support::binary(), files, address, &["--sweep", "off"]);
        let mut node = node.launched_by(&launcher);
        for peer in peers {
            node.add_argument("--peer");
            node.add_argument(&peer.to_string());
        }
        more.iter().for_each(|argument| node.add_argument(argument));
        node.start();
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Starts a client; its number among the clients.
    pub(crate) fn add_client(&mut self, kind: Kind, has: Has, wishes: Wishes) -> usize {
        let (home, address, launcher) = self.next();
        let content = (&self.payload, has);
        let mut client = Client::new(kind, address, &home, &self.torrent, content, wishes);
        client.launcher = launcher;
        client.start();
        self.clients.push(client);
        self.clients.len() - 1
    }

    /// Fetches by `swarmlet get` what that source describes, and looks at what came.
    pub(crate) fn gets(&mut self, source: &str) {
        let (home, address, _) = self.next();
        let mut get = Command::new(support::binary());
        get.args(["get", source, "--state", "none", "--listen"])
            .arg(address.to_string())
            .arg("--out")
            .arg(&home);
        get.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut get = get.stderr(Stdio::piped()).spawn().unwrap();
        self.until("get ends", |_| get.try_wait().unwrap().is_some());
        let said = get.wait_with_output().unwrap();
        assert!(said.status.success(), "{said:?}\n{}", self.logs());
        assert!(said.stderr.is_empty(), "{said:?}");
        let place = self.payload.path_below(&home);
        assert!(self.payload.is_exactly_at(&place), "{said:?}");
    }

    fn next(&self) -> (PathBuf, SocketAddr, Vec<String>) {
        let number = self.nodes.len() + self.clients.len();
        let home = self.directory.path().join(number.to_string());
        fs::create_dir_all(&home).unwrap();
        (home, self.address(number), self.place.launcher(number))
    }

    /// Waits until everybody has every byte, and ends.
    pub(crate) fn completes(mut self) {
        self.completed();
        self.ends();
    }

    /// Waits until everybody has every byte.
    pub(crate) fn completed(&mut self) {
        let nodes = self
            .nodes
            .iter()
            .map(|node| (node.files.data.clone(), true));
        let clients = self.clients.iter().map(|it| (it.data().to_owned(), false));
        let mut missing: Vec<(PathBuf, bool)> = nodes.chain(clients).collect();
        self.until("everybody has everything", |swarm| {
            missing.retain(|(data, is_ours)| match is_ours {
                true => !swarm.payload.is_exactly_at(data),
                false => !swarm.payload.is_at(data),
            });
            missing.is_empty()
        });
    }

    /// Waits until something is so. Nobody may end meanwhile.
    pub(crate) fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let mut fault = None;
        let begin = Instant::now();
        let patience = Duration::from_secs(60).mul_f64(support::patience());
        loop {
            if is_so(self) {
                return;
            }
            for node in &mut self.nodes {
                if let Err(status) = node.poll() {
                    fault = Some(format!("a node ended with {status}"));
                }
            }
            if self.clients.iter_mut().any(Client::has_ended) {
                fault = Some("a client ended".to_owned());
            }
            if begin.elapsed() > patience {
                fault = Some("waited in vain".to_owned());
            }
            if let Some(fault) = fault {
                panic!("until {what}: {fault}\n{}", self.logs());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends everybody, and looks into the logs of our own: no error, and nothing to warn of.
    pub(crate) fn ends(mut self) {
        for node in &mut self.nodes {
            let status = node.stop().expect("a node that is asked to stop does");
            assert!(status.success(), "a node ended with {status}");
        }
        self.clients.iter_mut().for_each(Client::kill);
        for node in &self.nodes {
            for line in node.log().lines() {
                let level = line.split_whitespace().nth(1);
                let is_bad = matches!(level, Some("ERROR" | "WARN"));
                assert!(!is_bad, "{line}\n{}", self.logs());
            }
        }
    }

    /// Do these two have a link?
    pub(crate) fn are_linked(&self, one: IpAddr, other: IpAddr) -> bool {
        let (IpAddr::V4(one), IpAddr::V4(other)) = (one, other) else {
            return false;
        };
        // Addresses are printed as little-endian hexadecimal; 01 is an established connection.
        let [one, other] =
            [one, other].map(|ip| format!("{:08X}:", u32::from_ne_bytes(ip.octets())));
        let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
        table.lines().any(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            matches!(fields[..], [_, local, remote, "01", ..]
                if local.starts_with(&one) && remote.starts_with(&other))
        })
    }

    /// What everybody said, for whoever asks why it failed.
    fn logs(&self) -> String {
        let nodes = self.nodes.iter().map(|node| (node.address, node.log()));
        let clients = self
            .clients
            .iter()
            .map(|client| (client.address(), client.log()));
        let tail = |log: String| -> String {
            let from = log.lines().count().saturating_sub(60);
            log.lines()
                .skip(from)
                .map(|line| format!("{line}\n"))
                .collect()
        };
        let all = nodes.chain(clients);
        all.map(|(address, log)| format!("--- {address}:\n{}", tail(log)))
            .collect()
    }
}
