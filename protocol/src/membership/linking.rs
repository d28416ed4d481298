//! Which links stay and which go.

use std::net::{IpAddr, SocketAddr};

use super::dialing::is_lonely;
use super::event::{CloseReason, LinkEnd, Output, Source};
use super::exchange::Exchange;
use super::keeping::Worth;
use super::limits::{
    COMPLETE_GRACE, KEEP_COMPLETE_MAX, MIN_LINK_AGE, REST_AFTER_CLOSE, REST_BETWEEN_SEEDS,
    STEADY_LINK, UNREADY_PER_HOST, VIOLATION_LEVEL,
};
use super::link::{Link, Ready, our_dial_wins, pair_priority};
use super::machine::Membership;
use crate::id::{LinkId, PeerId};
use crate::time::Timestamp;

impl Membership {
    pub(super) fn link_opened(
        &mut self,
        id: LinkId,
        remote: IpAddr,
        dialed: Option<SocketAddr>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let remote = remote.to_canonical();
        if let Some(addr) = dialed {
            self.book.dial_answered(addr);
        }
        // A peer that perhaps nobody else is linked with is as welcome as one that came by itself.
        let entry = dialed.and_then(|addr| self.book.get_mut(&addr));
        let welcome = dialed.is_none() || entry.is_some_and(|entry| is_lonely(entry));
        // Dialed before the content turned out to be private, and forgotten since.
        let forgotten = dialed.is_some_and(|addr| self.book.get(&addr).is_none());
        let refusal = if self.is_banned(remote, now) {
            Some(CloseReason::Banned)
        } else if self.is_private() && forgotten {
            Some(CloseReason::Private)
        } else if self.has_place(dialed.is_some()) || (welcome && self.make_room(remote, now, out))
        {
            None
        } else {
            Some(CloseReason::Full)
        };
        let visits = refusal == Some(CloseReason::Full) && dialed.is_none();
        if visits && self.takes_visitors() {
            self.visitors.insert(id, remote);
            return;
        }
        if let Some(reason) = refusal {
            if let Some(addr) = dialed {
                self.book.rest(addr, now, REST_AFTER_CLOSE);
            }
            out.push(Output::Close { link: id, reason });
            return;
        }
        let link = Link {
            remote,
            dialed,
            opened: now,
            ready: None,
            worth: Worth::default(),
        };
        self.links.insert(id, link);
    }

    pub(super) fn link_ready(
        &mut self,
        id: LinkId,
        peer_id: PeerId,
        listen: Option<SocketAddr>,
        (fleet, pex): (bool, bool),
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        if self.receive_visitor(id, peer_id, listen, (fleet, pex), now, out) {
            return;
        }
        let Some(link) = self.links.get(&id).filter(|link| link.ready.is_none()) else {
            return;
        };
        let dialed = link.dialed;
        // On a link that we dialed, the dialed address is proved; what the peer says is not.
        let address = dialed.or(listen);
        if peer_id == self.peer_id {
            self.links.remove(&id);
            out.push(Output::Close {
                link: id,
                reason: CloseReason::OwnEcho,
            });
            // Our own dial has the other end of this link, and proves the address. One who only
            // bears our name proves none: two nodes with one name would hide each other's.
            if let Some(addr) = dialed.filter(|addr| !self.book.is_own(addr)) {
                self.known_changed |= self.book.get(&addr).is_some_and(|entry| entry.state);
                self.book.mark_own(addr);
                out.push(Output::SelfDetected { addr });
            }
            return;
        }
        let address = address.and_then(|addr| self.book.learn(addr, Source::Inbound, None, now));
        if let Some(addr) = address {
            self.known_changed |= self.book.met(addr, peer_id, (dialed.is_some(), fleet), now);
            if let Some(entry) = self.book.get_mut(&addr) {
                entry.complete.get_or_insert(false);
            }
        }
        if self.is_duplicate(id, peer_id, address, now, out) {
            self.close(id, CloseReason::Duplicate, now, out);
            return;
        }
        self.close_former_life(id, peer_id, address, now, out);
        self.first_ready.get_or_insert(now);
        self.trade.linked(now);
        if let Some(link) = self.links.get_mut(&id) {
            link.ready = Some(Ready {
                peer_id,
                priority: pair_priority(self.peer_id, peer_id),
                address,
                fleet,
                since: now,
                complete: false,
                both_complete: None,
                exchange: (pex && !self.book.is_private()).then(|| Exchange::new(fleet)),
            });
        }
        self.touch_exchanges(now);
        if fleet {
            self.send_exchange(id, now, out);
        }
        self.conclude_trade(id, dialed, now, out);
    }

    pub(super) fn link_closed(
        &mut self,
        id: LinkId,
        reason: LinkEnd,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        self.visitors.remove(&id);
        let Some(link) = self.links.remove(&id) else {
            return;
        };
        let address = match &link.ready {
            Some(ready) => ready.address,
            None => link.dialed,
        };
        let Some(addr) = address else { return };
        let steady = link.age(now).is_some_and(|age| age >= STEADY_LINK);
        let level = match reason {
            LinkEnd::Violation => Some(VIOLATION_LEVEL),
            // The peer did nothing wrong, however often it happens.
            LinkEnd::Renewed => Some(0),
            _ if steady => Some(0),
            _ => None,
        };
        self.book.ended(addr, level, now);
        if link.is_between_seeds() {
            self.book.rest(addr, now, REST_BETWEEN_SEEDS);
        }
        if link.ready.is_some() {
            self.touch_exchanges(now);
        } else if reason != LinkEnd::Violation && !self.is_private() {
            out.push(Output::Stranger { addr });
        }
    }

    pub(super) fn peer_complete(&mut self, id: LinkId, complete: bool, now: Timestamp) {
        let we_are = self.complete;
        let ready = self.links.get_mut(&id).and_then(|link| link.ready.as_mut());
        let Some(ready) = ready else { return };
        ready.complete = complete;
        ready.both_complete = (we_are && complete).then(|| ready.both_complete.unwrap_or(now));
        if let Some(entry) = ready.address.and_then(|addr| self.book.get_mut(&addr)) {
            entry.complete = Some(complete);
        }
    }

    pub(super) fn self_complete(&mut self, complete: bool, now: Timestamp) {
        if std::mem::replace(&mut self.complete, complete) && !complete {
            self.book.wake_complete(now);
        }
        let links = self.links.values_mut();
        for ready in links.filter_map(|link| link.ready.as_mut()) {
            let both = complete && ready.complete;
            ready.both_complete = both.then(|| ready.both_complete.unwrap_or(now));
        }
    }

    /// Closes links to complete peers that a complete node does not need.
    pub(super) fn close_surplus(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        for (due, id) in self.surplus() {
            if due <= now {
                self.close(id, CloseReason::BothComplete, now, out);
            }
        }
    }

    /// When the next surplus link goes.
    pub(super) fn next_surplus(&self) -> Option<Timestamp> {
        self.surplus().into_iter().map(|(due, _)| due).min()
    }

    /// Closes the least useful link for a newcomer; false if none may go now.
    pub(super) fn make_room(
        &mut self,
        newcomer: IpAddr,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> bool {
        let Some(id) = self.least_useful(newcomer, now) else {
            return false;
        };
        // So that the one who must go knows where to go.
        let needy =
            |link: &Link| matches!(&link.ready, Some(ready) if ready.both_complete.is_none());
        if self.links.get(&id).is_some_and(needy) {
            self.send_exchange(id, now, out);
        }
        self.close(id, CloseReason::MakeRoom, now, out);
        true
    }

    /// Has the host of a newcomer too many connections without a handshake already?
    pub(super) fn is_host_crowded(&self, remote: IpAddr) -> bool {
        let unready =
            |link: &&Link| link.remote == remote && link.dialed.is_none() && link.ready.is_none();
        self.links.values().filter(unready).count() >= UNREADY_PER_HOST
    }

    pub(super) fn close_host(
        &mut self,
        ip: IpAddr,
        spared: &[LinkId],
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let goes = |id: &LinkId, link: &Link| link.remote == ip && !spared.contains(id);
        let of_host = self.links.iter().filter(|&(id, link)| goes(id, link));
        let ids: Vec<_> = of_host.map(|(id, _)| *id).collect();
        for id in ids {
            self.close(id, CloseReason::Banned, now, out);
        }
    }

    pub(super) fn close(
        &mut self,
        id: LinkId,
        reason: CloseReason,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(link) = self.links.remove(&id) else {
            return;
        };
        out.push(Output::Close { link: id, reason });
        let address = link.ready.as_ref().and_then(|ready| ready.address);
        if matches!(reason, CloseReason::BothComplete | CloseReason::MakeRoom)
            && let Some(addr) = address.or(link.dialed)
        {
            let rest = match link.is_between_seeds() {
                true => REST_BETWEEN_SEEDS,
                false => REST_AFTER_CLOSE,
            };
            self.book.rest(addr, now, rest);
        }
        if link.ready.is_some() {
            self.touch_exchanges(now);
        }
    }

    /// Is the peer of this new link linked already, and is it the older link that stays? If the
    /// new one stays, the older is closed here.
    fn is_duplicate(
        &mut self,
        id: LinkId,
        peer_id: PeerId,
        address: Option<SocketAddr>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> bool {
        let is_dialed = |link: &Link| link.dialed.is_some();
        let Some(new_is_ours) = self.links.get(&id).map(is_dialed) else {
            return true;
        };
        let same_peer =
            |link: &Link| matches!(&link.ready, Some(ready) if ready.peer_id == peer_id);
        let Some((older, link)) = self.links.iter_mut().find(|(_, link)| same_peer(link)) else {
            return false;
        };
        let older = *older;
        let new_wins =
            is_dialed(link) != new_is_ours && new_is_ours == our_dial_wins(self.peer_id, peer_id);
        if new_wins {
            self.close(older, CloseReason::Duplicate, now, out);
            return false;
        }
        // What the loser proved about the peer's address is worth keeping.
        if let Some(ready) = &mut link.ready {
            ready.address = ready.address.or(address);
        }
        self.doubt(older, id, now, out);
        true
    }

    /// A different name at the same listening address: the peer restarted, and its former link is
    /// dead even if the network has not said so yet.
    fn close_former_life(
        &mut self,
        id: LinkId,
        peer_id: PeerId,
        address: Option<SocketAddr>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(addr) = address else { return };
        let former = self.links.iter().filter(|(other, link)| {
            let other_life = matches!(&link.ready, Some(ready) if ready.peer_id != peer_id);
            **other != id && other_life && link.leads_to(&addr)
        });
        let former: Vec<_> = former.map(|(other, _)| *other).collect();
        for other in former {
            self.close(other, CloseReason::Replaced, now, out);
        }
    }

    /// The links between us and complete peers beyond what two complete nodes keep, with the time
    /// at which each may go. Both ends rank a link alike, so they mostly agree on which it is.
    fn surplus(&self) -> Vec<(Timestamp, LinkId)> {
        if !self.complete {
            return Vec::new();
        }
        let mut ranked: Vec<_> = self
            .links
            .iter()
            .filter_map(|(id, link)| {
                let ready = link.ready.as_ref()?;
                let due = ready.both_complete? + COMPLETE_GRACE;
                Some((ready.priority, due, *id))
            })
            .collect();
        let keep = KEEP_COMPLETE_MAX.min(self.target);
        ranked.sort_unstable_by(|one, other| other.cmp(one));
        ranked
            .into_iter()
            .skip(keep)
            .map(|(_, due, id)| (due, id))
            .collect()
    }

    /// The link that a newcomer may have, in this order: one that never shook hands, one between
    /// complete nodes, one of a host with many links, any, one that is still shaking hands. The two before
    /// the last only from a certain age on, not those that are kept, and not the only one of its kind while
    /// there are others.
    fn least_useful(&mut self, newcomer: IpAddr, now: Timestamp) -> Option<LinkId> {
        if let Some((id, _)) = self.links.iter().find(|(_, link)| link.is_silent(now)) {
            return Some(*id);
        }
        if let Some(id) = self.camper(newcomer, now) {
            return Some(id);
        }
        let both_complete = self.links.iter().filter_map(|(id, link)| {
            let ready = link.ready.as_ref()?;
            ready.both_complete?;
            Some((ready.priority, *id))
        });
        if let Some((_, id)) = both_complete.min() {
            return Some(id);
        }
        let count = |kind: fn(&Ready) -> bool| {
            let ready = self.links.values().filter_map(|link| link.ready.as_ref());
            ready.filter(|ready| kind(ready)).count()
        };
        let seeds = count(|ready| ready.complete);
        let (fleet, foreign) = (count(|ready| ready.fleet), count(|ready| !ready.fleet));
        let kept = self.kept(now);
        let rng = &mut self.rng;
        let old_enough = self.links.iter().filter_map(|(id, link)| {
            let ready = link.ready.as_ref()?;
            let is_old = now.since(ready.since) >= MIN_LINK_AGE;
            (is_old && !kept.contains(id)).then_some((id, link.remote, ready))
        });
        let ranked = old_enough.map(|(id, remote, ready)| {
            let is_only = (ready.complete && seeds == 1)
                || (ready.fleet && fleet == 1)
                || (!ready.fleet && foreign == 1);
            let twins = self
                .links
                .values()
                .filter(|link| link.remote == remote)
                .count();
            (!is_only, twins, rng.u64(..), *id)
        });
        if let Some((_, _, _, id)) = ranked.max() {
            return Some(id);
        }
        // Strangers could renew their connections faster than any patience ends. By lot, so that each has
        // a chance whose way is longer than that of the others.
        let unfinished = self.unfinished(newcomer, now);
        if unfinished.is_empty() {
            return None;
        }
        Some(unfinished[self.rng.usize(..unfinished.len())])
    }
}
