//! What the link's machine puts out, done: each output becomes a message or a command.

use std::net::{IpAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use log::debug;
use swarmlet_protocol::layout::Block;
use swarmlet_protocol::session::{Input, Output, Spill, WholePiece};

use super::{Outputs, Session};
use crate::messages::dht::NodeHeard;
use crate::messages::discovery::{LinkEnd, LinkEvent};
use crate::messages::link::LinkNews;
use crate::messages::storage::{ReadBlocks, SpillPiece, StorePieces};
use crate::messages::watchdog::LinkSampled;

/// Samples of a link are at least this far apart.
const SAMPLE_PERIOD: Duration = Duration::from_secs(1);

impl Session {
    pub(super) fn perform(&mut self, out: Outputs, context: &mut Context<Self>) {
        for output in out {
            log::trace!("{} -> {output:?}", self.setup.link);
            match output {
                Output::Handshaken { info_hash, peer_id } => {
                    self.greeted = true;
                    self.report(LinkEvent::Handshaken { info_hash, peer_id });
                }
                Output::Ready(ready) => {
                    self.fleet = ready.fleet;
                    self.tell(LinkNews::Ready { fleet: ready.fleet });
                    self.report(LinkEvent::Ready(ready));
                }
                Output::PeerInterest { interested, done } => {
                    self.tell(LinkNews::PeerInterest { interested, done });
                }
                Output::Traffic { given, taken } => self.tell(LinkNews::Traffic { given, taken }),
                Output::Snubs(snubs) => self.tell(LinkNews::Snubs(snubs)),
                Output::PeerComplete => self.report(LinkEvent::PeerComplete(true)),
                Output::PeerIncomplete => self.report(LinkEvent::PeerComplete(false)),
                Output::DhtPort(port) => self.heard_node(port),
                Output::Pex(pex) => self.report(LinkEvent::Pex(pex)),
                Output::Swarms(swarms) => self.report(LinkEvent::Swarms(swarms)),
                Output::PeerHas(have) => self.tell(LinkNews::PeerHas(have)),
                Output::PeerSuggests(pieces) => self.tell(LinkNews::PeerSuggests(pieces)),
                Output::PeerLacks(pieces) => self.tell(LinkNews::PeerLacks(pieces)),
                Output::Want {
                    bytes,
                    round_trip,
                    rate,
                } => {
                    self.tell(LinkNews::Want {
                        bytes,
                        round_trip,
                        rate,
                    });
                    self.sample(round_trip, rate);
                }
                Output::Progress => self.tell(LinkNews::Progress),
                Output::Returned(pieces) => self.tell(LinkNews::Returned(pieces)),
                Output::MetadataOffered(size) => self.tell(LinkNews::MetadataOffered(size)),
                Output::MetadataData {
                    piece,
                    total_size,
                    data,
                } => {
                    self.tell(LinkNews::MetadataData {
                        piece,
                        total_size,
                        data,
                    });
                }
                Output::MetadataRejected(piece) => self.tell(LinkNews::MetadataRejected(piece)),
                Output::Pieces(pieces) => self.store(pieces),
                Output::Spill(word) => self.spill(word),
                Output::Read(blocks) => self.read_blocks(blocks, context),
                Output::Close(reason) => self.finish(LinkEnd::Lost, reason.to_string()),
            }
        }
    }

    fn heard_node(&self, port: u16) {
        if let (Some(dht), IpAddr::V4(ip)) =
            (&self.setup.dht, self.setup.remote.ip().to_canonical())
        {
            dht.do_send(NodeHeard(SocketAddrV4::new(ip, port)));
        }
    }

    /// The link is over: what has come of it is kept, and judged, all the same.
    pub(super) fn hand_over(&mut self) {
        let pieces = self.machine.left_over();
        if !pieces.is_empty() {
            self.store(pieces);
        }
    }

    fn store(&self, pieces: Vec<WholePiece>) {
        let Some(storage) = &self.storage else { return };
        let bytes: usize = pieces.iter().map(|(_, data)| data.len()).sum();
        self.setup.counters.received.add(bytes as u64);
        self.moved().received.add(bytes as u64);
        storage.traffic.received.add(bytes as u64);
        self.tell(LinkNews::Received(
            pieces.iter().map(|&(piece, _)| piece).collect(),
        ));
        storage.store.do_send(StorePieces {
            link: self.setup.link,
            pieces,
        });
    }

    fn spill(&mut self, word: Spill) {
        let Some(storage) = &self.storage else { return };
        self.has_spilled = true;
        let mut token = None;
        match &word {
            Spill::Part { data, .. } => {
                self.setup.counters.received.add(data.len() as u64);
                self.moved().received.add(data.len() as u64);
                storage.traffic.received.add(data.len() as u64);
                token = Some(self.parts.take());
            }
            &Spill::Whole(piece) => self.tell(LinkNews::Received(vec![piece])),
            Spill::Dropped(_) => {}
        }
        storage.spill.do_send(SpillPiece {
            link: self.setup.link,
            word,
            token,
        });
    }

    fn read_blocks(&mut self, blocks: Vec<Block>, context: &mut Context<Self>) {
        let Some(storage) = &self.storage else {
            self.input(Input::ReadFailed(blocks), context);
            return;
        };
        let traffic = Arc::clone(&storage.traffic);
        let read = storage.read.send(ReadBlocks {
            blocks: blocks.clone(),
        });
        context.spawn(read.into_actor(self).map(move |answer, session, context| {
            match answer {
                Ok(Ok(data)) => {
                    session.setup.counters.sent.add(data.len() as u64);
                    session.moved().sent.add(data.len() as u64);
                    traffic.sent.add(data.len() as u64);
                    session.input(Input::BlocksRead(blocks, data), context);
                }
                Ok(Err(error)) => {
                    debug!("{} cannot be served: {error}", session.setup.link);
                    session.input(Input::ReadFailed(blocks), context);
                }
                Err(_) => session.finish(LinkEnd::Lost, "storage did not answer".to_owned()),
            }
            // The pump was polled before this: what is to be written now must not wait.
            session.bell.rouse();
        }));
    }

    fn sample(&mut self, round_trip: Duration, rate: u64) {
        let now = self.setup.clock.now();
        if now.since(self.sampled) >= SAMPLE_PERIOD {
            self.sampled = now;
            let (link, remote) = (self.setup.link, self.setup.remote);
            self.setup.watchdog.do_send(LinkSampled {
                link,
                remote,
                round_trip,
                rate,
            });
        }
    }
}
