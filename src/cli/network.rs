//! What a node is told of the network, whichever command runs it.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU64;

use swarmlet::NodeBuilder;
use swarmlet_protocol::address::{DEFAULT_PORT, PeerAddress};
use swarmlet_protocol::encryption::Policy;
use swarmlet_protocol::layout::BLOCK_LENGTH;
use swarmlet_protocol::tracker::TrackerUrl;
use swarmlet_protocol::web_seed::SourceUrl;

use super::args::{AdmissionArgs, NetworkArgs, OriginArgs, ReachArgs};
use super::size::Size;
use super::values::{Sweep, Switch};

/// Where a node listens, whom it asks, and what it allows itself.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    /// Peers of the command line.
    pub(crate) peers: Vec<PeerAddress>,
    /// Trackers of the command line.
    pub(crate) trackers: Vec<TrackerUrl>,
    /// Web servers of the command line, that have the contents.
    pub(crate) sources: Vec<SourceUrl>,
    /// Where to listen, and from which address to dial, if that was said.
    pub(crate) listen: Option<SocketAddr>,
    /// Which addresses to try unasked.
    sweep: Sweep,
    /// Whether to use local multicast.
    pub(crate) lan: bool,
    /// The distributed hash table and the port at the router.
    pub(crate) reach: ReachArgs,
    /// Who gets in.
    pub(crate) admission: AdmissionArgs,
    /// How many peers that are no swarmlets may fetch at once.
    upload_slots: Option<usize>,
    /// How many links there may be.
    max_links: Option<usize>,
    /// Whether links are encrypted.
    encryption: Policy,
    /// Whether to speak uTP.
    utp: bool,
    /// Bytes per second from all peers, if limited.
    download_limit: Option<NonZeroU64>,
    /// Bytes of blocks per second to all peers, if limited.
    upload_limit: Option<NonZeroU64>,
}

impl Network {
    /// What the command line says.
    pub(crate) fn new(args: NetworkArgs) -> Self {
        Self {
            peers: args.peers,
            trackers: args.trackers,
            sources: Vec::new(),
            listen: args.listen.map(|address| address.0),
            sweep: args.sweep,
            lan: args.lan == Switch::On,
            reach: args.reach,
            admission: args.admission,
            upload_slots: args.upload_slots.map(usize::from),
            max_links: args.max_links.map(usize::from),
            encryption: args.encryption,
            utp: args.utp == Switch::On,
            download_limit: args.download_limit.map(|rate| rate.0),
            upload_limit: args.upload_limit.map(|rate| rate.0),
        }
    }

    /// The same with web servers to fetch from.
    pub(crate) fn with_sources(self, origins: OriginArgs) -> Self {
        Self {
            sources: origins.origins,
            ..self
        }
    }

    /// Are peers looked for by the distributed hash table?
    pub(crate) fn uses_dht(&self) -> bool {
        self.reach.dht == Switch::On
    }

    /// Are links secured by a fleet secret?
    pub(crate) const fn has_secret(&self) -> bool {
        self.admission.has_secret()
    }

    /// Where to listen: on all addresses and the usual port, if nothing else was said.
    pub(crate) fn listen(&self) -> SocketAddr {
        self.listen.unwrap_or_else(|| everywhere(DEFAULT_PORT))
    }

    /// The same on all addresses, and a port that the system chooses.
    pub(crate) fn on_any_port(self) -> Self {
        Self {
            listen: Some(everywhere(0)),
            ..self
        }
    }

    /// Tells it to a node that is about to be started.
    pub(crate) fn apply(self, mut node: NodeBuilder) -> NodeBuilder {
        let listen = self.listen();
        let sweep = match self.sweep {
            Sweep::Off => swarmlet::Sweep::Off,
            Sweep::Auto => swarmlet::Sweep::Auto,
            Sweep::Range(network) => swarmlet::Sweep::Network(network),
        };
        for peer in self.peers {
            node = node.peer(peer);
        }
        for tracker in self.trackers {
            node = node.tracker(tracker);
        }
        for source in self.sources {
            node = node.source(source);
        }
        node = node.listen(listen).sweep(sweep).lan(self.lan);
        node = node
            .dht(self.reach.dht == Switch::On)
            .port_map(self.reach.port_map == Switch::On);
        for contact in self.reach.dht_bootstrap {
            node = node.dht_bootstrap(contact);
        }
        node = node.encryption(self.encryption).utp(self.utp);
        node = self.admission.apply(node);
        if let Some(slots) = self.upload_slots {
            node = node.upload_slots(slots);
        }
        if let Some(links) = self.max_links {
            node = node.max_links(links);
        }
        if let Some(rate) = self.download_limit {
            if rate.get() < u64::from(BLOCK_LENGTH) {
                let rate = Size(rate.get());
                log::warn!(
                    "--download-limit of {rate}/s: a block of {} takes longer than a second, and all links share \
                     that; peers may look silent, and little or nothing arrives. 16KiB or more is of use",
                    Size(BLOCK_LENGTH.into())
                );
            }
            node = node.download_limit(rate);
        }
        if let Some(rate) = self.upload_limit {
            node = node.upload_limit(rate);
        }
        node
    }
}

/// All addresses of the machine.
fn everywhere(port: u16) -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, port).into()
}
