//! What an operator says of hosts and peers while the node runs, and what he is shown of links.

use std::net::IpAddr;
use std::time::Duration;

use actix::{Context, Handler};
use log::info;
use swarmlet_protocol::id::{InfoHash, LinkId};
use swarmlet_protocol::membership::{Input, Source};
use swarmlet_protocol::time::Timestamp;

use super::Discovery;
use super::links::Link;
use super::swarms::TARGET_LINKS;
use crate::messages::discovery::AddressesFound;
use crate::messages::events::Event;
use crate::messages::operator::{AddPeers, BanHost, SwarmRemoved, UnbanHost};
use crate::messages::report::{Ban, LinkReport, Linked, QueryLinks, Rates};

impl Discovery {
    /// A swarm that begins does not speak to those who are banned.
    pub(super) fn ban_in(&mut self, info_hash: InfoHash, context: &mut Context<Self>) {
        let now = self.now();
        for (ip, until) in self.bans.all(now).collect::<Vec<_>>() {
            self.member(info_hash, ban(ip, until), context);
        }
    }

    fn ban_host(&mut self, ip: IpAddr, time: Option<Duration>, context: &mut Context<Self>) {
        let now = self.now();
        let until = time.map_or(Timestamp::NEVER, |time| now + time);
        self.bans.begin(ip, until, now);
        let span = time.map_or_else(
            || "until that is lifted".to_owned(),
            |time| format!("for {} s", time.as_secs()),
        );
        info!("{ip} is not spoken to {span}: an operator said so");
        self.setup.tell(&Event::HostBanned {
            ip,
            time,
            reason: "an operator said so".to_owned(),
        });
        for info_hash in self.all_swarms() {
            self.member(info_hash, ban(ip, until), context);
        }
    }

    fn unban_host(&mut self, ip: IpAddr, context: &mut Context<Self>) -> bool {
        let now = self.now();
        if !self.bans.lift(ip, now) {
            return false;
        }
        self.strikes.forgive(ip);
        info!("{ip} is spoken to again: an operator said so");
        self.setup.tell(&Event::HostUnbanned { ip });
        for info_hash in self.all_swarms() {
            self.member(info_hash, Input::Unban { ip }, context);
        }
        true
    }

    /// A swarm is no longer one of ours. With the last of them we are where we began: at the
    /// rendezvous.
    fn forget_swarm(&mut self, info_hash: InfoHash, context: &mut Context<Self>) {
        self.started.remove(&info_hash);
        self.complete.remove(&info_hash);
        let of_swarm = self
            .state
            .links
            .iter()
            .filter(|(_, link)| link.swarm == info_hash);
        for id in of_swarm.map(|(&id, _)| id).collect::<Vec<_>>() {
            self.hang_up(id, "this content is not kept here any more", context);
        }
        self.state.rosters.remove(&info_hash);
        if self.state.swarms.remove(&info_hash).is_none() {
            return;
        }
        if self.state.swarms.is_empty() {
            let rendezvous = self.setup.rendezvous;
            self.member(rendezvous, Input::SetTarget(TARGET_LINKS), context);
            self.member(rendezvous, Input::SelfComplete(false), context);
        }
        self.share_sockets(context);
        self.push_swarms(context);
        self.save_later(context);
    }

    fn report_of(&self, id: LinkId, link: &Link, now: Timestamp) -> LinkReport {
        LinkReport {
            link: id,
            remote: link.remote,
            info_hash: Some(link.swarm).filter(|&swarm| swarm != self.setup.rendezvous),
            peer_id: link.peer_id,
            client: link.ready.as_ref().and_then(|peer| peer.client.clone()),
            fleet: match &link.ready {
                Some(peer) => peer.fleet,
                None => link.peer_id.is_some_and(|peer| peer.looks_like_ours()),
            },
            dialed: link.dialed.is_some(),
            utp: link.utp,
            node: link.authenticated.map(|peer| peer.node),
            secured: link.gauge.is_secured(),
            ready: link.ready.is_some(),
            age: now.since(link.opened),
            standing: link.gauge.standing(),
            encrypted: link.gauge.is_encrypted(),
            round_trip: None,
            rates: Rates::default(),
        }
    }
}

impl Handler<QueryLinks> for Discovery {
    type Result = Linked;

    fn handle(&mut self, _: QueryLinks, _: &mut Self::Context) -> Linked {
        let now = self.now();
        // Whoever removed a content or banned a host finds none of its links, though one that was
        // told to close may take a moment for its last words.
        let kept = self.state.links.iter().filter(|(_, link)| !link.closing);
        let mut links: Vec<_> = kept
            .map(|(&id, link)| self.report_of(id, link, now))
            .collect();
        links.sort_by_key(|link| link.link);
        let ban = |(ip, until): (IpAddr, Timestamp)| Ban {
            ip,
            left: (until != Timestamp::NEVER).then(|| until.since(now)),
        };
        let mut bans: Vec<_> = self.bans.all(now).map(ban).collect();
        bans.sort_by_key(|ban| ban.ip);
        Linked { links, bans }
    }
}

impl Handler<BanHost> for Discovery {
    type Result = ();

    fn handle(&mut self, ban: BanHost, context: &mut Self::Context) {
        self.ban_host(ban.ip.to_canonical(), ban.time, context);
    }
}

impl Handler<UnbanHost> for Discovery {
    type Result = bool;

    fn handle(&mut self, UnbanHost { ip }: UnbanHost, context: &mut Self::Context) -> bool {
        self.unban_host(ip.to_canonical(), context)
    }
}

impl Handler<AddPeers> for Discovery {
    type Result = ();

    fn handle(&mut self, AddPeers(peers): AddPeers, context: &mut Self::Context) {
        let sockets = peers.iter().filter_map(|peer| match peer {
            swarmlet_protocol::address::PeerAddress::Socket(addr) => Some(*addr),
            swarmlet_protocol::address::PeerAddress::Name { .. } => None,
        });
        let found = AddressesFound {
            source: Source::Listed,
            addresses: sockets.collect(),
            info_hash: None,
        };
        self.found(&found, context);
        self.start_resolving(&peers, None, context);
        // A swarm that starts later, and a restart, must know of them as well.
        for peer in peers {
            if self.setup.listed.len() < MAX_LISTED && !self.setup.listed.contains(&peer) {
                self.setup.listed.push(peer);
            }
        }
    }
}

/// The whole host: an operator means what he says.
const fn ban(ip: IpAddr, until: Timestamp) -> Input {
    let spared = Vec::new();
    Input::Ban { ip, until, spared }
}

/// 10,000: peers from the command line and from an operator's words that are kept for swarms that
/// start later.
const MAX_LISTED: usize = 10_000;

impl Handler<SwarmRemoved> for Discovery {
    type Result = ();

    fn handle(&mut self, removed: SwarmRemoved, context: &mut Self::Context) {
        self.forget_swarm(removed.info_hash, context);
    }
}
