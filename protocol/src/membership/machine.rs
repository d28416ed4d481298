//! The machine that drives one swarm's links: its state, and which rule each input wakes.
//!
//! The rules themselves stand in `linking` (links), `dialing` (dials), `sharing` (peer
//! exchange) and `moving` (addresses of our own). Invariants: at most `max_links` links; at most one of them with a handshake per
//! peer; every address that is shared or saved has answered with a handshake.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::address::Reach;
use super::arrivals::Arrivals;
use super::book::Book;
use super::event::{DialFailure, Input, MembershipConfig, Output, Source};
use super::limits::{BAN_LIMIT, DIAL_BURST, DIAL_PERIOD};
use super::link::Link;
use super::trading::Trade;
use crate::id::{LinkId, PeerId};
use crate::time::Timestamp;
use crate::tokens::Tokens;

/// Whom to dial, keep, drop and tell in one swarm.
///
/// A node has one for each swarm it serves, and one for the rendezvous, where "complete" means:
/// knows its swarm. After every call the host performs the outputs in their order and asks
/// [`Self::next_timeout`] when to come back.
#[derive(Debug)]
pub struct Membership {
    pub(super) peer_id: PeerId,
    pub(super) max_links: usize,
    pub(super) max_half_open: usize,
    pub(super) target: usize,
    /// The target that was asked for; [`Self::target`] is cut to `max_links`.
    wanted: usize,
    pub(super) complete: bool,
    pub(super) book: Book,
    pub(super) links: BTreeMap<LinkId, Link>,
    /// Newcomers for whom there is no room, by their hosts.
    pub(super) visitors: BTreeMap<LinkId, IpAddr>,
    pub(super) bans: BTreeMap<IpAddr, Timestamp>,
    arrivals: Arrivals,
    pub(super) dial_tokens: Tokens,
    pub(super) known_changed: bool,
    pub(super) trade: Trade,
    /// When the first link had its handshake, and the last input came.
    pub(super) first_ready: Option<Timestamp>,
    pub(super) last_input: Timestamp,
    pub(super) rng: fastrand::Rng,
}

impl Membership {
    /// A node without links. Equal seeds and inputs give equal outputs.
    #[must_use]
    pub fn new(config: MembershipConfig, seed: u64) -> Self {
        let reach = Reach {
            ipv6: config.ipv6,
            loopback: config.loopback,
        };
        let max_links = config.max_links.max(1);
        let mut rng = fastrand::Rng::with_seed(seed);
        Self {
            peer_id: config.peer_id,
            max_links,
            max_half_open: config.max_half_open.max(1),
            target: config.target_links.min(max_links),
            wanted: config.target_links,
            complete: false,
            book: Book::new(reach, &config.own_addresses, rng.u64(..)),
            links: BTreeMap::new(),
            visitors: BTreeMap::new(),
            bans: BTreeMap::new(),
            arrivals: Arrivals::new(),
            dial_tokens: Tokens::new(DIAL_BURST, DIAL_PERIOD),
            known_changed: false,
            trade: Trade::default(),
            first_ready: None,
            last_input: Timestamp::ZERO,
            rng,
        }
    }

    /// Takes in what happened; appends what is to be done.
    pub fn handle(&mut self, input: Input, now: Timestamp, out: &mut Vec<Output>) {
        match input {
            Input::AddressLearned { addr, source } => self.address_learned(addr, source, None, now),
            Input::AddressesTold { addresses, from } => {
                let (source, from) = (Source::Rendezvous, Some(from.to_canonical()));
                for addr in addresses {
                    self.address_learned(addr, source, from, now);
                }
            }
            Input::Ban { ip, until, spared } => self.ban(ip, until, &spared, now, out),
            Input::Unban { ip } => {
                self.bans.remove(&ip.to_canonical());
            }
            Input::DialFailed { addr, reason } => self.dial_failed(addr, reason, now, out),
            Input::DialOnce { addr } => self.dial_once(addr, now, out),
            Input::LinkClosed { link, reason } => self.link_closed(link, reason, now, out),
            Input::LinkOpened {
                link,
                remote,
                dialed,
            } => self.link_opened(link, remote, dialed, now, out),
            Input::LinkReady {
                link,
                peer_id,
                listen,
                fleet,
                pex,
            } => self.link_ready(link, peer_id, listen, (fleet, pex), now, out),
            Input::OwnAddresses { own, moved } => self.own_changed(&own, moved, now),
            Input::PeerComplete { link, complete } => self.peer_complete(link, complete, now),
            Input::PexReceived {
                link,
                added,
                dropped,
            } => self.pex_received(link, &added, &dropped, now),
            Input::Private => self.keep_private(now, out),
            Input::SelfComplete(complete) => self.self_complete(complete, now),
            Input::SetTarget(target) => {
                self.wanted = target;
                self.target = target.min(self.max_links);
            }
            Input::SetMaxLinks(most) => {
                self.max_links = most.max(1);
                self.target = self.wanted.min(self.max_links);
            }
            Input::Tick => {}
        }
        self.last_input = now;
        self.close_surplus(now, out);
        self.send_exchanges(now, out);
        self.plan_dials(now, out);
        if std::mem::take(&mut self.known_changed) {
            out.push(Output::KnownChanged);
        }
    }

    /// Is an inbound connection let in? Asked before a byte of it is read; if so, the host goes on
    /// with [`Input::LinkOpened`]. May close the least useful link to make room. A newcomer is
    /// turned away only if banned, if its host has too many connections without a handshake or comes
    /// too often, if strangers come in hundreds a second, or for the moment in which every link is
    /// brand-new.
    pub fn admit(&mut self, remote: IpAddr, now: Timestamp, out: &mut Vec<Output>) -> bool {
        let remote = remote.to_canonical();
        if self.is_banned(remote, now)
            || self.is_host_crowded(remote)
            || !self.arrivals.takes(remote, now)
        {
            return false;
        }
        if self.is_full() {
            return self.make_room(remote, now, out) || self.takes_visitors();
        }
        self.vouches_for(remote) || self.arrivals.takes_stranger(now)
    }

    /// Is there a link that a newcomer may have at once, since nobody has shaken hands on it for
    /// `HANDSHAKE_PATIENCE`?
    #[must_use]
    pub fn has_silent_link(&self, now: Timestamp) -> bool {
        self.links.values().any(|link| link.is_silent(now))
    }

    /// When [`Input::Tick`] is wanted; `None` if nothing is left to do without other input.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Timestamp> {
        let times = [
            self.next_dial(self.last_input),
            self.next_exchange(),
            self.next_surplus(),
        ];
        times.into_iter().flatten().min()
    }

    /// The addresses worth saving and telling: those that answered in this life, the latest first,
    /// then those of the state file that nothing speaks against. None if the content is private.
    pub fn known(&self) -> impl Iterator<Item = SocketAddr> + use<> {
        let known = (!self.is_private()).then(|| self.book.known());
        known.unwrap_or_default().into_iter()
    }

    /// The addresses worth telling to a fleet member that comes: the known ones, then those of our
    /// configuration that have not answered. In a fleet that is killed all the time, whoever comes
    /// next may be the only one alive to whom these matter.
    pub fn tellable(&self) -> impl Iterator<Item = SocketAddr> {
        let listed = self.book.listed();
        self.known().chain(listed.filter(|_| !self.is_private()))
    }

    /// What fleet members told and nobody has proved yet: worth a place in the state file, so that
    /// a node that lives for a second can try it in its next life. Not passed on.
    pub fn hearsay(&self) -> impl Iterator<Item = SocketAddr> {
        self.book.hearsay().filter(|_| !self.is_private())
    }

    /// Is somebody linked, or about to be, who listens on that address? For the sweep.
    #[must_use]
    pub fn is_linked(&self, addr: SocketAddr) -> bool {
        self.links.values().any(|link| link.leads_to(&addr))
    }

    /// Did the peer at that address hang up when it was last spoken to plainly?
    #[must_use]
    pub fn asks_for_encryption(&self, addr: SocketAddr) -> bool {
        self.book.get(&addr).is_some_and(|entry| entry.encrypted)
    }

    /// Where the peer of a link listens, if it has said so or we dialed it.
    #[must_use]
    pub fn address_of(&self, link: LinkId) -> Option<SocketAddr> {
        self.links.get(&link)?.ready.as_ref()?.address
    }

    /// Do we know of the address, from whatever source, or is it our own? For the sweep.
    #[must_use]
    pub fn has_heard_of(&self, addr: SocketAddr) -> bool {
        self.book.get(&addr).is_some() || self.book.is_own(&addr)
    }

    /// Is the address our own, as far as we know?
    #[must_use]
    pub fn is_own(&self, addr: SocketAddr) -> bool {
        self.book.is_own(&addr)
    }

    /// The links now, those without a handshake included.
    #[must_use]
    pub fn link_count(&self) -> usize {
        self.links.len()
    }

    pub(super) fn is_banned(&self, ip: IpAddr, now: Timestamp) -> bool {
        self.bans.get(&ip).is_some_and(|&until| until > now)
    }

    fn address_learned(
        &mut self,
        addr: SocketAddr,
        source: Source,
        from: Option<IpAddr>,
        now: Timestamp,
    ) {
        let Some(addr) = self.book.learn(addr, source, from, now) else {
            return;
        };
        match source {
            Source::Lan | Source::Sweep | Source::Inbound => self.book.revive(addr, now),
            Source::Dht | Source::Rendezvous | Source::Tracker => self.book.hint(addr, now),
            _ => {}
        }
    }

    fn dial_failed(
        &mut self,
        addr: SocketAddr,
        reason: DialFailure,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        if self.book.failed(addr, reason, now) {
            self.known_changed = true;
        }
        let strange = matches!(reason, DialFailure::HungUp | DialFailure::NotInSwarm);
        if strange && !self.is_private() {
            out.push(Output::Stranger { addr });
        }
        self.touch_if_dead(addr, now);
    }

    fn ban(
        &mut self,
        ip: IpAddr,
        until: Timestamp,
        spared: &[LinkId],
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let ip = ip.to_canonical();
        self.bans.retain(|_, end| *end > now);
        if self.bans.len() >= BAN_LIMIT
            && let Some(first) = self.bans.iter().min_by_key(|(_, end)| **end)
        {
            let first = *first.0;
            self.bans.remove(&first);
        }
        self.bans.insert(ip, until);
        self.close_host(ip, spared, now, out);
        self.close_visitors(ip, out);
    }
}
