//! By whom the table is entered: nodes that the operator named, or else the public ones; those of
//! `.torrent` files; those of an earlier life; and those that peers spoke of.
//!
//! Resolves nothing. Invariant: who names nodes of his own has a table of his own. Nodes that
//! peers speak of, and those of a life with other nodes, are not let in there: they would join it
//! to the table of the whole world.

use std::collections::VecDeque;
use std::net::{SocketAddr, SocketAddrV4};

use super::limits::{MAX_CONTACTS, MAX_ENTRIES, MAX_REMEMBERED};
use crate::address::PeerAddress;

/// Nodes that are kept for everybody to begin with, by those who write other clients.
pub const PUBLIC_NODES: [&str; 4] = [
    "router.bittorrent.com:6881",
    "dht.transmissionbt.com:6881",
    "dht.libtorrent.org:25401",
    "router.utorrent.com:6881",
];

/// The nodes by which the table can be entered.
#[derive(Clone, Debug)]
pub struct Contacts {
    /// The operator's own.
    named: Vec<PeerAddress>,
    /// Of `.torrent` files.
    described: VecDeque<PeerAddress>,
    /// Of an earlier life.
    remembered: Vec<SocketAddrV4>,
    /// Peers said that they have a node there.
    heard: VecDeque<SocketAddrV4>,
    /// Ourselves.
    own: Vec<SocketAddr>,
}

impl Contacts {
    /// With the operator's own nodes, if there are any, and the addresses of our own, which are
    /// never asked: so the first node of a fleet may be given the same list as the others.
    #[must_use]
    pub const fn new(named: Vec<PeerAddress>, own: Vec<SocketAddr>) -> Self {
        Self {
            named,
            described: VecDeque::new(),
            remembered: Vec::new(),
            heard: VecDeque::new(),
            own,
        }
    }

    /// Nodes that a `.torrent` names (BEP 5).
    pub fn describe(&mut self, nodes: &[PeerAddress]) {
        for node in nodes {
            push(&mut self.described, node.clone());
        }
    }

    /// Nodes that answered in an earlier life, and the operator's nodes of that life: they are of
    /// use if those are the same.
    pub fn remember(&mut self, nodes: &[SocketAddrV4], named: &[String]) {
        if named == self.names() {
            self.remembered = nodes.iter().copied().take(MAX_REMEMBERED).collect();
        }
    }

    /// A peer says that there is a node (`port`, BEP 5).
    pub fn hear(&mut self, node: SocketAddrV4) {
        let ip = node.ip();
        let is_one = node.port() != 0 && !ip.is_unspecified() && !ip.is_multicast();
        if is_one && !ip.is_broadcast() && self.named.is_empty() {
            push(&mut self.heard, node);
        }
    }

    /// These are our own now.
    pub fn move_to(&mut self, own: Vec<SocketAddr>) {
        self.own = own;
    }

    /// The operator's nodes as texts, to be remembered with those that answered.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.named.iter().map(PeerAddress::to_string).collect()
    }

    /// Some addresses to enter by, the likeliest first; others each time where there are many.
    /// None for the first node of a table of its own.
    #[must_use]
    pub fn entries(&self, rng: &mut fastrand::Rng) -> Vec<PeerAddress> {
        let public = PUBLIC_NODES.iter().filter_map(|node| node.parse().ok());
        let begin: Vec<PeerAddress> = if self.named.is_empty() {
            public.collect()
        } else {
            self.named.clone()
        };
        let met = self.remembered.iter().chain(&self.heard);
        let mut met: Vec<PeerAddress> = met.map(|&node| SocketAddr::V4(node).into()).collect();
        rng.shuffle(&mut met);
        let mut described: Vec<_> = self.described.iter().cloned().collect();
        rng.shuffle(&mut described);
        // Half of the places are for nodes that answered once: the table lives without the others.
        met.truncate(MAX_ENTRIES / 2);
        let mut entries: Vec<PeerAddress> = Vec::new();
        for node in met.into_iter().chain(begin).chain(described) {
            let is_own = |own: &SocketAddr| PeerAddress::from(*own) == node;
            if !self.own.iter().any(is_own) && !entries.contains(&node) {
                entries.push(node);
            }
        }
        entries.truncate(MAX_ENTRIES);
        entries
    }
}

/// The newest of them are kept.
fn push<T: PartialEq>(list: &mut VecDeque<T>, one: T) {
    if list.contains(&one) {
        return;
    }
    if list.len() >= MAX_CONTACTS {
        list.pop_front();
    }
    list.push_back(one);
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<PeerAddress> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn entries(contacts: &Contacts) -> Vec<String> {
        let entries = contacts.entries(&mut fastrand::Rng::with_seed(1));
        entries.iter().map(ToString::to_string).collect()
    }

    fn v4(text: &str) -> SocketAddrV4 {
        text.parse().unwrap()
    }

    #[test]
    fn the_public_nodes_are_asked_unless_the_operator_names_others() {
        assert_eq!(
            entries(&Contacts::new(Vec::new(), Vec::new())),
            PUBLIC_NODES
        );
        let named = addresses(&["node.example:6881", "10.0.0.1:6881"]);
        let contacts = Contacts::new(named, Vec::new());
        assert_eq!(entries(&contacts), ["node.example:6881", "10.0.0.1:6881"]);
    }

    #[test]
    fn the_first_node_of_a_fleet_does_not_ask_itself() {
        let named = addresses(&["10.0.0.1:6881"]);
        let own = vec!["10.0.0.1:6881".parse().unwrap()];
        assert!(entries(&Contacts::new(named, own)).is_empty());
    }

    #[test]
    fn a_table_of_ones_own_is_not_joined_to_another() {
        let named = addresses(&["10.0.0.1:6881"]);
        let mut contacts = Contacts::new(named, Vec::new());
        contacts.hear(v4("10.9.9.9:1"));
        contacts.remember(&[v4("10.8.8.8:1")], &[]);
        assert_eq!(entries(&contacts), ["10.0.0.1:6881"]);
        let names = contacts.names();
        contacts.remember(&[v4("10.8.8.8:1")], &names);
        contacts.describe(&addresses(&["10.7.7.7:1"]));
        let mut found = entries(&contacts);
        found.sort();
        assert_eq!(found, ["10.0.0.1:6881", "10.7.7.7:1", "10.8.8.8:1"]);
    }

    #[test]
    fn a_flood_of_nodes_leaves_room_for_those_that_are_named() {
        let mut contacts = Contacts::new(Vec::new(), Vec::new());
        for number in 0..1_000_u16 {
            let [high, low] = number.to_be_bytes();
            contacts.hear(SocketAddrV4::new(Ipv4Addr::new(10, 1, high, low), 6881));
            contacts.describe(&[format!("10.2.{high}.{low}").parse().unwrap()]);
        }
        assert_eq!(contacts.heard.len(), MAX_CONTACTS);
        assert_eq!(contacts.described.len(), MAX_CONTACTS);
        let found = entries(&contacts);
        assert_eq!(found.len(), MAX_ENTRIES);
        assert!(
            PUBLIC_NODES
                .iter()
                .all(|node| found.contains(&(*node).to_owned()))
        );
    }

    #[test]
    fn what_cannot_be_a_node_is_not_kept() {
        let mut contacts = Contacts::new(Vec::new(), Vec::new());
        for text in [
            "10.0.0.1:0",
            "0.0.0.0:1",
            "224.0.0.1:1",
            "255.255.255.255:1",
        ] {
            contacts.hear(v4(text));
        }
        assert!(contacts.heard.is_empty());
    }
}
