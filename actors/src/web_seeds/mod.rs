//! The web seeds actor: servers that have the content of one swarm and are no peers (BEP 19).
//!
//! To the scheduler each of them is a source with a number of its own, which takes leases and brings
//! pieces as links do. What is asked of a server, and what its answers mean, is its machine's
//! decision; this performs it. Bytes go from the socket into pieces and on to storage, by the way that
//! those of sessions go: never a file in memory, and never more than what is leased.

mod client;
mod transfer;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix::{Actor, AsyncContext, Context, Handler, Recipient, Supervised};
use log::{debug, info, warn};
use swarmlet_protocol::buffers::Buffers;
use swarmlet_protocol::id::LinkId;
use swarmlet_protocol::metainfo::Info;
use swarmlet_protocol::session::{PeerHave, Spill, WholePiece};
use swarmlet_protocol::time::Timestamp;
use swarmlet_protocol::web_seed::{Input, Output, Source, SourceUrl, TransferId};

pub use self::client::Clients;
use self::client::Request;
use self::transfer::{Arrival, Arrived, Task, Transfer};
use crate::alarm::{Alarm, Alarmed, Bell};
use crate::chance;
use crate::clock::Clock;
use crate::counters::Counters;
use crate::credit::Credit;
use crate::limits::SharedLimit;
use crate::messages::link::{LinkFact, LinkNews};
use crate::messages::scheduler::OpenSource;
use crate::messages::storage::{ForgetParts, SpillPiece, StorageHandle, StorePieces};
use crate::messages::web_seeds::{SourceCommand, SourceWord, StopWebSeeds};
use crate::messages::{Harm, Ping};

/// 4: parts of long pieces of one request that may wait to be written, 1 MiB. The connection is not
/// read while so many wait.
const UNWRITTEN_PARTS: usize = 4;

/// What the web seeds of a swarm are made of.
#[derive(Debug)]
pub struct Setup {
    /// The content.
    pub info: Arc<Info>,
    /// Where they are, each once, and whether the operator named it, not a stranger.
    pub sources: Vec<(SourceUrl, bool)>,
    /// Where pieces go.
    pub storage: StorageHandle,
    /// Learns of each source.
    pub open: Recipient<OpenSource>,
    /// Hears what sources do.
    pub scheduler: Recipient<LinkFact>,
    /// The node's HTTP clients.
    pub clients: Rc<Clients>,
    /// The node's clock.
    pub clock: Clock,
    /// The node's totals.
    pub counters: Arc<Counters>,
    /// How fast bytes may come.
    pub limits: Vec<SharedLimit>,
    /// The node's memory for pieces.
    pub buffers: Buffers,
    /// Where numbers for links and sources come from.
    pub next_link: Arc<AtomicU64>,
}

/// The web seeds of one swarm.
#[derive(Debug)]
pub struct WebSeeds {
    setup: Setup,
    bell: Bell,
    /// Those that were given up. Survive a restart.
    bad: BTreeSet<SourceUrl>,
    stopped: bool,
    /// Everything that a restart begins anew.
    open: BTreeMap<LinkId, Open>,
}

#[derive(Debug)]
struct Open {
    machine: Source,
    trusted: bool,
    /// What runs, with the credit for its parts.
    tasks: BTreeMap<TransferId, (Task, Rc<Credit>)>,
    has_spilled: bool,
    was_asked: bool,
}

impl WebSeeds {
    /// Nobody is asked before the scheduler has leases for it.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            bell: Bell::default(),
            bad: BTreeSet::new(),
            stopped: false,
            open: BTreeMap::new(),
        }
    }

    fn now(&self) -> Timestamp {
        self.setup.clock.now()
    }

    fn open_all(&mut self, context: &Context<Self>) {
        for (url, trusted) in self.setup.sources.clone() {
            if self.bad.contains(&url) {
                continue;
            }
            let link = LinkId(self.setup.next_link.fetch_add(1, Ordering::Relaxed));
            debug!("{link}: {url} may be asked for what no peer has");
            let (info, buffers) = (Arc::clone(&self.setup.info), self.setup.buffers.clone());
            let open = Open {
                machine: Source::new(url, info, buffers, chance::seed()),
                trusted,
                tasks: BTreeMap::new(),
                has_spilled: false,
                was_asked: false,
            };
            self.open.insert(link, open);
            self.setup.open.do_send(OpenSource {
                link,
                source: context.address().recipient(),
            });
            self.input(link, Input::Reset, context);
        }
    }

    fn input(&mut self, link: LinkId, input: Input, context: &Context<Self>) {
        let now = self.now();
        let Some(open) = self.open.get_mut(&link) else {
            return;
        };
        log::trace!("{link} <- {input:?}");
        let mut out = Vec::new();
        open.machine.handle(input, now, &mut out);
        self.perform(link, out, None, context);
    }

    fn received(&mut self, arrived: (LinkId, TransferId), bytes: &[u8], context: &Context<Self>) {
        let (link, transfer) = arrived;
        let now = self.now();
        let Some(open) = self.open.get_mut(&link) else {
            return;
        };
        let Some((_, parts)) = open.tasks.get(&transfer) else {
            return;
        };
        if !std::mem::replace(&mut open.was_asked, true) {
            info!("{}: fetching what no peer has", open.machine.url());
        }
        let parts = Rc::clone(parts);
        let count = bytes.len() as u64;
        self.setup.counters.received.add(count);
        self.setup.storage.traffic.received.add(count);
        self.setup.storage.traffic.from_sources.add(count);
        self.setup.counters.from_sources.add(count);
        let mut out = Vec::new();
        open.machine.receive(transfer, bytes, now, &mut out);
        self.perform(link, out, Some(&parts), context);
    }

    fn perform(
        &mut self,
        link: LinkId,
        out: Vec<Output>,
        parts: Option<&Rc<Credit>>,
        context: &Context<Self>,
    ) {
        for output in out {
            log::trace!("{link} -> {output:?}");
            match output {
                Output::Fetch {
                    transfer,
                    url,
                    range,
                } => self.fetch((link, transfer), url, range, context),
                Output::Abort(transfer) => {
                    if let Some(open) = self.open.get_mut(&link) {
                        open.tasks.remove(&transfer);
                    }
                }
                Output::Want {
                    bytes,
                    round_trip,
                    rate,
                } => self.tell(
                    link,
                    LinkNews::Want {
                        bytes,
                        round_trip,
                        rate,
                    },
                ),
                Output::Returned(pieces) => self.tell(link, LinkNews::Returned(pieces)),
                Output::Lacks(pieces) => self.tell(link, LinkNews::PeerLacks(pieces)),
                Output::Has(pieces) => self.tell(link, LinkNews::PeerHas(PeerHave::More(pieces))),
                Output::Pieces(pieces) => self.store(link, pieces),
                Output::Spill(word) => self.spill(link, word, parts),
                Output::Complaint(why) => {
                    if let Some(open) = self.open.get(&link) {
                        warn!("{}: {why}", open.machine.url());
                    }
                }
                Output::GaveUp(why) => self.give_up(link, &why),
            }
        }
        self.bell.rouse();
    }

    fn fetch(
        &mut self,
        (link, id): (LinkId, TransferId),
        url: String,
        range: std::ops::Range<u64>,
        context: &Context<Self>,
    ) {
        let Some(open) = self.open.get_mut(&link).filter(|_| !self.stopped) else {
            return;
        };
        let parts = Rc::new(Credit::new(UNWRITTEN_PARTS));
        let transfer = Transfer {
            link,
            id,
            request: Request {
                url,
                range,
                trusted: open.trusted,
            },
            clients: Rc::clone(&self.setup.clients),
            parts: Rc::clone(&parts),
            limits: self.setup.limits.clone(),
            clock: self.setup.clock,
            actor: context.address().recipient(),
        };
        open.tasks.insert(id, (transfer.start(), parts));
    }

    fn store(&self, link: LinkId, pieces: Vec<WholePiece>) {
        let numbers = pieces.iter().map(|&(piece, _)| piece).collect();
        self.tell(link, LinkNews::Received(numbers));
        self.setup
            .storage
            .store
            .do_send(StorePieces { link, pieces });
    }

    fn spill(&mut self, link: LinkId, word: Spill, parts: Option<&Rc<Credit>>) {
        if let Some(open) = self.open.get_mut(&link) {
            open.has_spilled = true;
        }
        let token = match &word {
            Spill::Part { .. } => parts.map(|parts| parts.take()),
            &Spill::Whole(piece) => {
                self.tell(link, LinkNews::Received(vec![piece]));
                None
            }
            Spill::Dropped(_) => None,
        };
        self.setup
            .storage
            .spill
            .do_send(SpillPiece { link, word, token });
    }

    /// The server is bad.
    fn give_up(&mut self, link: LinkId, why: &str) {
        if let Some(open) = self.open.get(&link) {
            let url = open.machine.url().clone();
            let info_hash = self.setup.info.info_hash();
            warn!("{url} is not asked any more for {info_hash}: {why}");
            self.bad.insert(url);
        }
        self.close(link);
    }

    fn close(&mut self, link: LinkId) {
        let Some(open) = self.open.remove(&link) else {
            return;
        };
        if open.has_spilled {
            self.setup.storage.forget.do_send(ForgetParts { link });
        }
        self.tell(link, LinkNews::Gone);
    }

    fn close_all(&mut self) {
        let links: Vec<_> = self.open.keys().copied().collect();
        links.into_iter().for_each(|link| self.close(link));
    }

    fn tell(&self, link: LinkId, what: LinkNews) {
        // Few, and bounded by what is leased.
        self.setup.scheduler.do_send(LinkFact {
            link,
            what,
            token: None,
        });
    }
}

impl Actor for WebSeeds {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.spawn(Alarm::default());
        if !self.stopped {
            self.open_all(context);
        }
    }
}

impl Supervised for WebSeeds {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.close_all();
    }
}

impl Alarmed for WebSeeds {
    fn clock(&self) -> Clock {
        self.setup.clock
    }

    fn bell(&mut self) -> &mut Bell {
        &mut self.bell
    }

    fn deadline(&self) -> Option<Timestamp> {
        let machines = self.open.values().map(|open| &open.machine);
        machines.filter_map(Source::next_timeout).min()
    }

    fn ring(&mut self, context: &mut Context<Self>) {
        let now = self.now();
        let is_due = |open: &Open| open.machine.next_timeout().is_some_and(|at| at <= now);
        let due = self.open.iter().filter(|(_, open)| is_due(open));
        let due: Vec<_> = due.map(|(&link, _)| link).collect();
        for link in due {
            self.input(link, Input::Tick, context);
        }
    }
}

impl Handler<SourceCommand> for WebSeeds {
    type Result = ();

    fn handle(&mut self, SourceCommand { link, word }: SourceCommand, context: &mut Context<Self>) {
        let input = match word {
            SourceWord::Reset => Input::Reset,
            SourceWord::Granted(pieces) => Input::Granted(pieces),
            SourceWord::Cancelled(pieces) => Input::Cancelled(pieces),
            SourceWord::Rejected(piece) => Input::Rejected(piece),
        };
        self.input(link, input, context);
    }
}

impl Handler<Arrived> for WebSeeds {
    type Result = ();

    fn handle(&mut self, arrived: Arrived, context: &mut Context<Self>) {
        let Arrived {
            link,
            transfer,
            what,
        } = arrived;
        match what {
            Arrival::Head(head) => self.input(link, Input::Answered { transfer, head }, context),
            Arrival::Body(bytes) => self.received((link, transfer), &bytes, context),
            Arrival::End(end) => {
                if let Some(open) = self.open.get_mut(&link) {
                    debug!("{link} {}: {end:?}", open.machine.url());
                    open.tasks.remove(&transfer);
                }
                self.input(link, Input::Ended { transfer, end }, context);
            }
        }
    }
}

impl Handler<StopWebSeeds> for WebSeeds {
    type Result = ();

    fn handle(&mut self, _: StopWebSeeds, _: &mut Context<Self>) {
        self.stopped = true;
        self.close_all();
    }
}

impl Handler<Ping> for WebSeeds {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Self::Context) {}
}

impl Handler<Harm> for WebSeeds {
    type Result = ();

    fn handle(&mut self, harm: Harm, context: &mut Self::Context) {
        harm.befall("the web seeds", self, context);
    }
}
