//! The links of this node: how they begin, what they report, how they end.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext, Context, Recipient};
use log::{debug, warn};
use swarmlet_protocol::encryption::Side;
use swarmlet_protocol::id::{InfoHash, LinkId, PeerId};
use swarmlet_protocol::membership::{DialFailure, Input, LinkEnd as MemberEnd, Membership};
use swarmlet_protocol::session::{Input as SessionInput, Ready, Role};
use swarmlet_protocol::time::Timestamp;
use tokio::sync::oneshot;

use super::Discovery;
use super::swarms::Swarm;
use crate::gauge::Gauge;
use crate::messages::discovery::{AdmitLink, Lie, LinkEnd, LinkEvent};
use crate::messages::events::Event;
use crate::messages::scheduler::OpenLink;
use crate::messages::session::SessionCommand;
use crate::messages::supervisor::StartSession;
use crate::transport::{Authenticated, Connection};

/// 60 s: a peer that broke a rule no honest client breaks is not spoken to for so long.
const BAN: Duration = Duration::from_secs(60);

/// 100 ms: so often at most a full node looks what moves on its links, while newcomers come.
const WEIGHED_EVERY: Duration = Duration::from_millis(100);

/// 500 ms: what the links may take to say goodbye when the node stops.
const GOODBYE: Duration = Duration::from_millis(500);

/// What a peer says of itself.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) client: Option<String>,
    pub(super) fleet: bool,
}

/// A link, from the moment TCP is up.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) session: Option<Recipient<SessionCommand>>,
    pub(super) remote: SocketAddr,
    /// The address of ours that it is bound to, if that is known.
    pub(super) local: Option<IpAddr>,
    /// The address and swarm that we dialed.
    pub(super) dialed: Option<(SocketAddr, InfoHash)>,
    /// The swarm whose machine counts it.
    pub(super) swarm: InfoHash,
    pub(super) peer_id: Option<PeerId>,
    /// Who the peer proved to be, with a fleet secret.
    pub(super) authenticated: Option<Authenticated>,
    /// What the peer said of itself, once it did: its program, and whether it is a swarmlet.
    pub(super) ready: Option<Peer>,
    /// Since when TCP is up.
    pub(super) opened: Timestamp,
    /// It is carried by uTP.
    pub(super) utp: bool,
    /// How its session says that it stands.
    pub(super) gauge: Arc<Gauge>,
    /// We closed it: its machine has forgotten it already.
    pub(super) closing: bool,
    /// We closed it to open it anew.
    pub(super) renewing: bool,
    /// We closed it without a last word: its socket is as good as gone.
    pub(super) dropped: bool,
    /// What came on it was not what it should be, at least once.
    pub(super) lied: bool,
}

impl Discovery {
    /// Somebody connected.
    pub(super) fn admit(&mut self, link: AdmitLink, context: &mut Context<Self>) {
        if self.state.stopping.is_some() || !self.admits(link.remote) {
            return;
        }
        let main = self.main_swarm();
        let now = self.now();
        let remote = link.remote.ip();
        let is_vouched = self
            .membership(main)
            .is_some_and(|membership| membership.vouches_for(remote));
        let lacks_sockets = |discovery: &Self| match is_vouched {
            true => discovery.lacks_all_sockets(),
            false => discovery.lacks_sockets(),
        };
        // Whoever says nothing loses his place at once, and with it his socket.
        let has_silent = |membership: &mut Membership| membership.has_silent_link(now);
        if lacks_sockets(self) && !self.membership(main).is_some_and(has_silent) {
            return;
        }
        self.weigh(main, now);
        let mut out = Vec::new();
        let admitted = self
            .membership(main)
            .is_some_and(|membership| membership.admit(link.remote.ip(), now, &mut out));
        self.perform(main, out, context);
        if admitted && !lacks_sockets(self) {
            self.open(link.stream, link.remote, None, main, context);
        } else {
            debug!("{} was turned away", link.remote);
        }
    }

    /// Tells the machine of a swarm what moves on its links, if somebody may have to go.
    fn weigh(&mut self, swarm: InfoHash, now: Timestamp) {
        let is_due = now.since(self.state.weighed) >= WEIGHED_EVERY;
        if !is_due || !self.membership(swarm).is_some_and(|one| one.is_full()) {
            return;
        }
        self.state.weighed = now;
        let links = self.state.links.iter();
        let of_swarm = links.filter(|(_, link)| link.swarm == swarm && !link.lied);
        let moved = of_swarm.map(|(&id, link)| (id, link.gauge.standing().moved));
        let moved: Vec<_> = moved.collect();
        if let Some(membership) = self.membership(swarm) {
            for (id, total) in moved {
                membership.moved(id, total, now);
            }
        }
    }

    /// TCP is up: the link gets a number, a session, and a place in its swarm's machine.
    pub(super) fn open(
        &mut self,
        stream: Connection,
        remote: SocketAddr,
        dialed: Option<SocketAddr>,
        swarm: InfoHash,
        context: &mut Context<Self>,
    ) {
        let id = self.next_link();
        let role = dialed.map_or(Role::Accepted, |_| Role::Dialed { info_hash: swarm });
        let side = self.side(dialed, swarm);
        let gauge = Arc::<Gauge>::default();
        let link = Link {
            session: None,
            remote,
            local: stream.local_ip(),
            dialed: dialed.map(|addr| (addr, swarm)),
            swarm,
            peer_id: None,
            authenticated: None,
            ready: None,
            opened: self.now(),
            utp: matches!(stream, Connection::Utp(_)),
            gauge: Arc::clone(&gauge),
            closing: false,
            renewing: false,
            dropped: false,
            lied: false,
        };
        self.state.links.insert(id, link);
        let owner = self.state.owner.subscribe();
        self.setup.sessions.do_send(StartSession {
            link: id,
            stream,
            remote,
            role,
            side,
            gauge,
            owner,
        });
        let opened = Input::LinkOpened {
            link: id,
            remote: remote.ip(),
            dialed,
        };
        self.member(swarm, opened, context);
    }

    /// How a link begins: plainly or encrypted.
    fn side(&mut self, dialed: Option<SocketAddr>, swarm: InfoHash) -> Side {
        if self.setup.security.is_some() {
            // What carries the link is encrypted already.
            return Side::Plain;
        }
        let Some(addr) = dialed else {
            return Side::Acceptor(self.all_swarms());
        };
        let asked = self
            .membership(swarm)
            .is_some_and(|membership| membership.asks_for_encryption(addr));
        if self.setup.encryption.dials_encrypted(asked) {
            Side::Dialer(swarm)
        } else {
            Side::Plain
        }
    }

    pub(super) fn reported(&mut self, id: LinkId, what: LinkEvent, context: &mut Context<Self>) {
        let Some(link) = self.state.links.get_mut(&id) else {
            // A session of an earlier life of this actor; its owner is gone and it ends by itself.
            return;
        };
        match what {
            LinkEvent::Started(session) => {
                link.session = Some(session);
                if link.closing {
                    self.close(id, "closed before it began", false);
                }
            }
            LinkEvent::Authenticated(peer) => {
                link.authenticated = Some(peer);
                self.met(id, peer, context);
            }
            LinkEvent::Handshaken { info_hash, peer_id } => {
                link.peer_id = Some(peer_id);
                self.look_for_doubles(id);
                self.handshaken(id, info_hash, context);
            }
            LinkEvent::Ready(ready) => self.ready(id, &ready, context),
            LinkEvent::PeerComplete(complete) => {
                let swarm = link.swarm;
                self.member(swarm, Input::PeerComplete { link: id, complete }, context);
            }
            LinkEvent::Pex(pex) => self.heard_pex(id, &pex, context),
            LinkEvent::Swarms(swarms) => self.heard_swarms(id, swarms, context),
            LinkEvent::Ended { end, reason } => self.ended(id, end, &reason, context),
        }
    }

    /// The peer named a swarm. An accepted link is answered for it if we serve it. While we serve
    /// none we answer everything with the rendezvous: a swarmlet that dials understands, and tells
    /// us what to serve; other clients hang up.
    fn handshaken(&mut self, id: LinkId, asked: InfoHash, context: &mut Context<Self>) {
        let Some(link) = self.state.links.get(&id) else {
            return;
        };
        let rendezvous = self.setup.rendezvous;
        let dialed = link.dialed;
        let swarm = if self.state.swarms.contains_key(&asked) {
            asked
        } else if asked == rendezvous || (dialed.is_none() && self.state.swarms.is_empty()) {
            rendezvous
        } else {
            self.leave(id, MemberEnd::Graceful, context);
            self.close(
                id,
                "the peer asks for a swarm that is not served here",
                false,
            );
            return;
        };
        if dialed.is_none() {
            self.command(id, SessionCommand::Protocol(SessionInput::Answer(swarm)));
        }
        self.move_to(id, swarm, context);
        let Some(link) = self.state.links.get(&id) else {
            return;
        };
        let fleet = link.peer_id.is_some_and(|peer| peer.looks_like_ours());
        let Some(session) = link.session.clone() else {
            return;
        };
        match self.state.swarms.get(&swarm) {
            Some(swarm) => swarm.scheduler.do_send(OpenLink {
                link: id,
                session,
                fleet,
            }),
            None => {
                self.command(id, SessionCommand::Protocol(SessionInput::Welcome(None)));
                self.send_swarms(id);
            }
        }
    }

    /// The link turns out to belong to another swarm than the machine that counts it.
    fn move_to(&mut self, id: LinkId, swarm: InfoHash, context: &mut Context<Self>) {
        let Some(link) = self.state.links.get_mut(&id) else {
            return;
        };
        let before = std::mem::replace(&mut link.swarm, swarm);
        if before == swarm {
            return;
        }
        let (remote, dialed) = (link.remote.ip(), link.dialed.map(|(addr, _)| addr));
        self.member(
            swarm,
            Input::LinkOpened {
                link: id,
                remote,
                dialed,
            },
            context,
        );
        let left = Input::LinkClosed {
            link: id,
            reason: MemberEnd::Graceful,
        };
        self.member(before, left, context);
        if let Some(addr) = dialed {
            // It serves nothing yet. It will hear of the swarm on this very link, and dial us.
            let reason = DialFailure::NotInSwarm;
            self.member(before, Input::DialFailed { addr, reason }, context);
        }
    }

    fn ready(&mut self, id: LinkId, ready: &Ready, context: &mut Context<Self>) {
        let Some(link) = self.state.links.get_mut(&id) else {
            return;
        };
        let Some(peer_id) = link.peer_id else { return };
        let peer = Peer {
            client: ready.client.clone(),
            fleet: ready.fleet,
        };
        link.ready = Some(peer.clone());
        let listen = ready
            .listen_port
            .map(|port| SocketAddr::new(link.remote.ip(), port));
        let (remote, swarm) = (link.remote, link.swarm);
        info_link(id, remote, ready, swarm == self.setup.rendezvous);
        if swarm != self.setup.rendezvous {
            let told = self.state.joined.insert((swarm, peer_id), peer.clone());
            if told.is_none() {
                self.setup.tell(&Event::PeerJoined {
                    info_hash: swarm,
                    address: remote,
                    client: peer.client,
                    fleet: peer.fleet,
                });
            }
        }
        let is_public = |swarm: &Swarm| !swarm.membership.is_private();
        if ready.fleet && self.state.swarms.get(&swarm).is_some_and(is_public) {
            // Peer exchange speaks of the living only; a fleet member hears of all we know.
            self.send_swarms(id);
        }
        let pex = ready.pex || (ready.fleet && swarm == self.setup.rendezvous);
        let ready = Input::LinkReady {
            link: id,
            peer_id,
            listen,
            fleet: ready.fleet,
            pex,
        };
        self.member(swarm, ready, context);
        self.linked(context);
    }

    fn ended(&mut self, id: LinkId, end: LinkEnd, reason: &str, context: &mut Context<Self>) {
        let Some(link) = self.state.links.get(&id) else {
            return;
        };
        debug!("{id} {} ended: {reason}", link.remote);
        if let Some(lost) = self.lost_with(id)
            && let Some(peer) = self.state.joined.remove(&lost)
        {
            self.setup.tell(&Event::PeerLost {
                info_hash: lost.0,
                address: link.remote,
                client: peer.client,
                fleet: peer.fleet,
                reason: reason.to_owned(),
            });
        }
        let remote = link.remote.ip();
        // Whoever said nothing has brought nothing.
        if link.ready.is_some() {
            self.ended.note(id, remote.to_canonical());
        }
        let swarm = link.swarm;
        let unanswered = link.dialed.filter(|_| end == LinkEnd::Unanswered);
        let reason = match end {
            LinkEnd::Closed | LinkEnd::Unanswered | LinkEnd::Lost if link.renewing => {
                MemberEnd::Renewed
            }
            LinkEnd::Closed | LinkEnd::Unanswered => MemberEnd::Graceful,
            LinkEnd::Lost => MemberEnd::Lost,
            LinkEnd::Violation { .. } => MemberEnd::Violation,
        };
        self.leave(id, reason, context);
        if let Some((addr, _)) = unanswered {
            let reason = DialFailure::HungUp;
            self.member(swarm, Input::DialFailed { addr, reason }, context);
        }
        self.state.links.remove(&id);
        self.forget_swarms(id);
        if end == (LinkEnd::Violation { ban: true }) {
            self.shun(remote.to_canonical(), "broke the protocol", context);
        }
        self.wake_rosters();
        self.linked(context);
        self.stopped(context);
    }

    /// Who is not linked any more when this link has ended. Two that dial each other are linked twice
    /// until both have closed the same of the two links: then nobody is lost.
    fn lost_with(&self, id: LinkId) -> Option<(InfoHash, PeerId)> {
        let peer = |link: &Link| Some((link.swarm, link.peer_id?));
        let lost = peer(self.state.links.get(&id)?)?;
        let mut links = self.state.links.iter();
        let is_linked = links.any(|(&other, link)| other != id && peer(link) == Some(lost));
        (!is_linked).then_some(lost)
    }

    /// Tells the link's machine that it is gone, unless the machine asked for that.
    fn leave(&mut self, id: LinkId, reason: MemberEnd, context: &mut Context<Self>) {
        let Some(link) = self.state.links.get_mut(&id) else {
            return;
        };
        if !std::mem::replace(&mut link.closing, true) {
            let swarm = link.swarm;
            self.member(swarm, Input::LinkClosed { link: id, reason }, context);
        }
    }

    /// Closes a link that its machine has forgotten.
    pub(super) fn close(&mut self, id: LinkId, reason: &str, politely: bool) {
        let mut politely = politely;
        if let Some(link) = self.state.links.get_mut(&id) {
            link.closing = true;
            // There is nobody to hear last words who has not said the first ones.
            politely &= link.ready.is_some();
            link.dropped = !politely;
        }
        let reason = reason.to_owned();
        self.command(id, SessionCommand::Close { reason, politely });
    }

    /// Closes a link of our own accord.
    pub(super) fn hang_up(&mut self, id: LinkId, reason: &str, context: &mut Context<Self>) {
        self.leave(id, MemberEnd::Graceful, context);
        self.close(id, reason, true);
    }

    /// Closes a link on which nothing arrives any more.
    pub(super) fn strand(&mut self, id: LinkId, context: &mut Context<Self>) {
        self.leave(id, MemberEnd::Lost, context);
        self.close(id, "the address of ours that it began from is gone", false);
    }

    /// Closes all links of a swarm; its machine learns of each when it has ended, and dials anew.
    pub(super) fn renew_all(&mut self, info_hash: InfoHash, reason: &str) {
        let links = self.state.links.values_mut();
        for link in links.filter(|link| link.swarm == info_hash) {
            link.renewing = true;
        }
        self.close_all(info_hash, reason);
    }

    /// Closes all links of a swarm; its machine learns of each when it has ended.
    fn close_all(&self, info_hash: InfoHash, reason: &str) {
        let links = self.state.links.iter();
        for (&id, _) in links.filter(|(_, link)| link.swarm == info_hash) {
            self.command(
                id,
                SessionCommand::Close {
                    reason: reason.to_owned(),
                    politely: true,
                },
            );
        }
    }

    /// What came on a link is not what it should be. The host is blamed, for a liar that is sent away
    /// comes again with another name.
    pub(super) fn lied(&mut self, id: LinkId, lie: Lie, context: &mut Context<Self>) {
        let now = self.now();
        let linked = self.state.links.get_mut(&id).map(|guilty| {
            guilty.lied = true;
            guilty.remote.ip().to_canonical()
        });
        let Some(ip) = linked.or_else(|| self.ended.host(id)) else {
            return;
        };
        let is_enough = match lie {
            Lie::Piece => self.strikes.count(ip, now),
            Lie::Metadata => true,
        };
        if is_enough {
            self.shun(ip, "delivers bad data", context);
        }
    }

    /// Speaks to nobody on that host for a while, but on links that brought something and were never
    /// found out: several honest nodes may have one address. The log says so once per host and ban: a
    /// host may have many links, and each of them may be found out.
    fn shun(&mut self, ip: IpAddr, why: &str, context: &mut Context<Self>) {
        let is_honest = |link: &Link| {
            let of_host = link.remote.ip().to_canonical() == ip;
            of_host && !link.lied && link.gauge.standing().moved.0 > 0
        };
        let links = self.state.links.iter();
        let spared = links.filter(|(_, link)| is_honest(link));
        let spared: Vec<_> = spared.map(|(&id, _)| id).collect();
        let now = self.now();
        let until = now + BAN;
        if self.bans.begin(ip, until, now) {
            warn!("{ip} {why}; not spoken to for {} s", BAN.as_secs());
            self.setup.tell(&Event::HostBanned {
                ip,
                time: Some(BAN),
                reason: why.to_owned(),
            });
        }
        for info_hash in self.all_swarms() {
            let spared = spared.clone();
            self.member(info_hash, Input::Ban { ip, until, spared }, context);
        }
    }

    /// Closes everything; `done` is dropped when that is through and the peers are saved.
    pub(super) fn stop(&mut self, done: oneshot::Sender<()>, context: &mut Context<Self>) {
        self.state.stopping = Some(done);
        for info_hash in self.all_swarms() {
            self.member(info_hash, Input::SetTarget(0), context);
            self.close_all(info_hash, "the node stops");
        }
        context.run_later(GOODBYE, |discovery, context| {
            discovery.state.links.clear();
            discovery.stopped(context);
        });
        self.stopped(context);
    }

    fn stopped(&mut self, context: &mut Context<Self>) {
        if self.state.links.is_empty()
            && let Some(done) = self.state.stopping.take()
        {
            self.save(Some(done), context);
        }
    }
}

fn info_link(id: LinkId, remote: SocketAddr, ready: &Ready, rendezvous: bool) {
    let place = if rendezvous { " at the rendezvous" } else { "" };
    let client = ready
        .client
        .as_deref()
        .unwrap_or("a client that does not say its name");
    debug!("{id} {remote} is ready{place}: {client}");
}
