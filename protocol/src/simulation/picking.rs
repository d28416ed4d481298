//! What a node knows of its peers' pieces, and what its picker makes of it.

use super::event::{News, Side};
use super::swarm::Swarm;
use crate::bitfield::Bitfield;
use crate::id::LinkId;
use crate::layout::PieceIndex;
use crate::membership;
use crate::picker::{Input, Output};

impl Swarm {
    /// Tells the picker, and does what it says.
    pub(super) fn pick(&mut self, node: u32, input: Input) {
        let now = self.now();
        let mut out = Vec::new();
        let at = &mut self.nodes[node as usize];
        at.picker.handle(input, now, &mut out);
        at.picker_due = at.picker.next_timeout();
        for output in out {
            self.follow_picker(node, output);
        }
        self.time(node);
    }

    fn follow_picker(&mut self, node: u32, output: Output) {
        let (now, layout) = (self.now(), self.config.layout);
        let at = &mut self.nodes[node as usize];
        match output {
            Output::Grant { link, pieces } => {
                at.traffic.request(&pieces, &layout);
                let side = self.side_of(link.0 as u32, node);
                self.end_mut(side).grant(&pieces, &layout, now);
                self.say(side, News::Request(pieces));
                self.want(side);
            }
            Output::Cancel { link, pieces } => {
                at.traffic.cancel(&pieces, &layout);
                let side = self.side_of(link.0 as u32, node);
                for &piece in &pieces {
                    self.end_mut(side).release(piece, &layout);
                }
                self.say(side, News::Cancel(pieces));
                self.want(side);
            }
            Output::Announce { link, pieces } => {
                at.traffic.have(&pieces);
                let side = self.side_of(link.0 as u32, node);
                self.say(side, News::Have(pieces));
            }
            Output::Suggest { link, pieces } => {
                at.traffic.have(&pieces);
                let side = self.side_of(link.0 as u32, node);
                self.say(side, News::Suggest(pieces));
            }
            Output::Withdraw { pieces } => {
                for link in at.links.clone() {
                    let side = self.side_of(link, node);
                    self.say(side, News::Lacks(pieces.clone()));
                }
            }
            Output::Interest { .. } => at.traffic.interest(),
            Output::Complete => self.completed(node),
        }
    }

    /// Says what the link could take, if that is news.
    pub(super) fn want(&mut self, side: Side) {
        let layout = self.config.layout;
        let end = self.end_mut(side);
        if !end.ready {
            return;
        }
        let node = end.node;
        if let Some((bytes, rtt, rate)) = end.want(&layout) {
            let link = LinkId(u64::from(side.link));
            let input = Input::Want {
                link,
                bytes,
                rtt,
                rate,
            };
            self.pick(node, input);
        }
    }

    pub(super) fn peer_has_exactly(&mut self, node: u32, side: Side, pieces: Bitfield) {
        self.end_mut(side).theirs = pieces.count();
        let link = LinkId(u64::from(side.link));
        self.pick(node, Input::PeerHasBitfield { link, pieces });
        self.want(side);
        self.peer_complete(node, side);
    }

    pub(super) fn peer_has(&mut self, node: u32, side: Side, pieces: Vec<PieceIndex>) {
        self.end_mut(side).theirs += pieces.len() as u32;
        let link = LinkId(u64::from(side.link));
        self.pick(node, Input::PeerHas { link, pieces });
        self.peer_complete(node, side);
    }

    pub(super) fn peer_suggests(&mut self, node: u32, side: Side, pieces: Vec<PieceIndex>) {
        let link = LinkId(u64::from(side.link));
        self.pick(node, Input::PeerSuggests { link, pieces });
    }

    pub(super) fn peer_has_all(&mut self, node: u32, side: Side) {
        self.end_mut(side).theirs = self.config.layout.pieces();
        let link = LinkId(u64::from(side.link));
        self.pick(node, Input::PeerHasAll { link });
        self.peer_complete(node, side);
    }

    pub(super) fn peer_lacks(&mut self, node: u32, side: Side, pieces: Vec<PieceIndex>) {
        let end = self.end_mut(side);
        end.theirs = end.theirs.saturating_sub(pieces.len() as u32);
        let link = LinkId(u64::from(side.link));
        self.pick(node, Input::PeerLacks { link, pieces });
    }

    /// Tells the membership when the peer is known to have everything.
    fn peer_complete(&mut self, node: u32, side: Side) {
        let end = self.end(side);
        if end.open && end.theirs >= self.config.layout.pieces() {
            let input = membership::Input::PeerComplete {
                link: LinkId(u64::from(side.link)),
                complete: true,
            };
            self.join(node, input);
        }
    }

    fn completed(&mut self, node: u32) {
        let now = self.now();
        let at = &mut self.nodes[node as usize];
        at.done.get_or_insert(now);
        self.incomplete -= 1;
        // Peers that have all themselves were told of no piece.
        for link in at.links.clone() {
            self.nodes[node as usize].traffic.complete();
            let side = self.side_of(link, node);
            self.say(side, News::Complete);
        }
        self.join(node, membership::Input::SelfComplete(true));
    }
}
