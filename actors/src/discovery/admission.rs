//! Who gets in: the access list and the fleet secret, applied to links.
//!
//! Addresses are judged before anything is dialed and before a byte of whoever connected is read; nodes
//! as soon as they have proved who they are. Both again when the list has changed.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use actix::{Context, Handler};
use log::{debug, warn};
use swarmlet_protocol::access::Denied;
use swarmlet_protocol::id::LinkId;

use super::Discovery;
use super::links::Link;
use crate::messages::admission::{AccessChanged, SecretsChanged};
use crate::transport::Authenticated;

/// 256: doubles that the log speaks of in one life: it must not be filled.
const MAX_DOUBLES: usize = 256;

impl Discovery {
    /// Does the access list let that host have links?
    pub(super) fn check_address(&self, ip: IpAddr) -> Result<(), Denied> {
        self.setup.access.check_address(ip)
    }

    /// The same of somebody who connected; who is not let in is counted.
    pub(super) fn admits(&self, remote: SocketAddr) -> bool {
        let judged = self.check_address(remote.ip());
        if let Err(denied) = judged {
            self.setup.counters.refused.denied.add(1);
            debug!("{remote} is turned away: {denied}");
        }
        judged.is_ok()
    }

    /// The peer of a link has proved who it is.
    pub(super) fn met(&mut self, id: LinkId, peer: Authenticated, context: &mut Context<Self>) {
        if let Err(denied) = self.setup.access.check_node(peer.node) {
            self.setup.counters.refused.denied.add(1);
            self.hang_up(id, &format!("node {}: {denied}", peer.node), context);
            return;
        }
        let security = self.setup.security.as_ref();
        if security.is_some_and(|security| !security.secrets().contains(peer.secret)) {
            // It began before the secret was changed.
            self.hang_up(id, GONE, context);
        }
    }

    /// A peer said its name on the wire: no other node has the same key.
    pub(super) fn look_for_doubles(&mut self, id: LinkId) {
        let Some(security) = &self.setup.security else {
            return;
        };
        let Some((node, peer_id, remote)) = self.state.links.get(&id).and_then(|link| {
            let peer = link.authenticated?;
            Some((peer.node, link.peer_id?, link.remote))
        }) else {
            return;
        };
        let is_ours = security.node() == node && self.setup.peer_id != peer_id;
        let is_other = |link: &&Link| {
            let is_it = link.authenticated.is_some_and(|peer| peer.node == node);
            is_it && link.peer_id.is_some_and(|other| other != peer_id)
        };
        let mut links = self.state.links.values();
        let other = links.find(is_other).map(|link| link.remote);
        // A node that comes back at the same address has a new name on the wire: that is no double.
        let other = other.filter(|other| other.ip() != remote.ip());
        if !is_ours && other.is_none()
            || self.state.doubles.len() >= MAX_DOUBLES
            || !self.state.doubles.insert(node)
        {
            return;
        }
        self.setup.counters.doubles.add(1);
        let other = match other {
            Some(other) => format!("{other} has it, too"),
            None => "it is that of this node".to_owned(),
        };
        warn!(
            "{remote} has the node id {node}, and {other}: a state directory was copied; they work, \
             but lists of nodes cannot tell them apart: remove node-key from one of them and start it anew"
        );
    }
}

/// Why a link ends whose secret is no longer accepted. It comes back by another one.
const GONE: &str = "its fleet secret is accepted no longer";

impl Handler<AccessChanged> for Discovery {
    type Result = ();

    fn handle(&mut self, AccessChanged(access): AccessChanged, context: &mut Self::Context) {
        self.setup.access = Arc::clone(&access);
        let judged = self.state.links.iter().map(|(&id, link)| {
            let check_node = || match link.authenticated {
                Some(peer) => access.check_node(peer.node),
                None => Ok(()),
            };
            let judged = access.check_address(link.remote.ip());
            (id, judged.and_then(|()| check_node()))
        });
        let denied: Vec<_> = judged
            .filter_map(|(id, judged)| Some((id, judged.err()?)))
            .collect();
        for (id, denied) in denied {
            self.hang_up(id, &denied.to_string(), context);
        }
    }
}

impl Handler<SecretsChanged> for Discovery {
    type Result = ();

    fn handle(&mut self, SecretsChanged(secrets): SecretsChanged, context: &mut Self::Context) {
        let links = self.state.links.iter();
        let gone = links.filter(|(_, link)| {
            link.authenticated
                .is_some_and(|peer| !secrets.contains(peer.secret))
        });
        for id in gone.map(|(&id, _)| id).collect::<Vec<_>>() {
            self.hang_up(id, GONE, context);
        }
        self.beacon(context);
    }
}
