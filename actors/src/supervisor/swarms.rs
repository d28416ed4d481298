//! Starting what one content needs: its scheduler, and its storage once it is known.

use std::rc::Rc;
use std::sync::Arc;

use actix::{AsyncContext, Context};
use log::{error, info, warn};
use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::metainfo::{Info, Selection};
use swarmlet_protocol::tracker::{TrackerUrl, tiers_of};
use swarmlet_protocol::web_seed::{MAX_WEB_SEEDS, SourceUrl};

use super::children::{reporter, run_guarded};
use super::places::{self, Kept};
use super::{Supervisor, SwarmActors};
use crate::guard::{self, Guarded, Policy};
use crate::limits::Limits;
use crate::messages::dht::FindInTable;
use crate::messages::discovery::SwarmStarted;
use crate::messages::events::Event;
use crate::messages::scheduler::ServeContent;
use crate::messages::storage::StorageHandle;
use crate::messages::trackers::TrackSwarm;
use crate::messages::turns::ContentStarted;
use crate::messages::watchdog::Watched;
use crate::scheduler::{self, Scheduler};
use crate::share::{Choice, Place, Share, Topic};
use crate::storage::{self, Storage};
use crate::watchdog::Watch;
use crate::web_seeds::{self, WebSeeds};

/// A swarm that is about to start.
pub(super) struct NewSwarm {
    pub(super) info_hash: InfoHash,
    /// Where its content is kept.
    pub(super) place: Place,
    /// Which of its files are wanted.
    pub(super) choice: Choice,
    /// It is what the fleet shares, and is remembered as such.
    pub(super) is_of_fleet: bool,
    /// It stands in our own configuration.
    pub(super) configured: bool,
    /// Peers of this swarm alone.
    pub(super) peers: Vec<PeerAddress>,
    /// How fast it may be, beside the node's own limits.
    pub(super) limits: Limits,
    /// Trackers of the content, in tiers (BEP 12).
    pub(super) trackers: Vec<Vec<TrackerUrl>>,
    /// Web seeds that the operator named for it, and those that a stranger did.
    pub(super) sources: Vec<SourceUrl>,
    pub(super) web_seeds: Vec<SourceUrl>,
    /// Nodes of the distributed hash table that its description names (BEP 5).
    pub(super) dht_nodes: Vec<PeerAddress>,
}

impl Supervisor {
    /// Starts all that one content of the configuration needs.
    pub(super) fn start_share(&mut self, share: &Share, context: &Context<Self>) {
        let info_hash = share.info_hash();
        let Share {
            topic,
            place,
            choice,
            peers,
            trackers,
            download_limit,
            upload_limit,
            sources,
            web_seeds,
            dht_nodes,
        } = share;
        let info = match topic {
            Topic::Known(info) => Some(info.clone()),
            // An earlier life may have learned it.
            Topic::Named(_) => self.state.as_ref().and_then(|it| it.load_info(info_hash)),
        };
        let swarm = NewSwarm {
            info_hash,
            place: place.clone(),
            choice: choice.clone(),
            is_of_fleet: false,
            configured: true,
            peers: peers.clone(),
            limits: Limits::new(*download_limit, *upload_limit),
            trackers: trackers.clone(),
            sources: sources.clone(),
            web_seeds: web_seeds.clone(),
            dht_nodes: dht_nodes.clone(),
        };
        self.start_swarm(swarm, info.as_ref(), context);
        if let Some(info) = info {
            self.serve(&Arc::new(info), context);
        }
    }

    /// The configuration describes no content. What was learned in an earlier life is started, unless
    /// another one is wanted now; else the one whose name is known, and whose description is learned.
    pub(super) fn start_named(&mut self, context: &Context<Self>) {
        let Some(place) = self.settings.place.clone() else {
            return;
        };
        let (wanted, join) = (self.settings.wanted.clone(), self.settings.join);
        let is_wanted = |info: &Info| {
            join.is_none_or(|join| join == info.info_hash())
                && wanted
                    .is_none_or(|name| name == info.name() || name == info.info_hash().to_string())
        };
        let learned = self.remembered.info.take().filter(is_wanted);
        let Some(info_hash) = learned.as_ref().map(Info::info_hash).or(join) else {
            self.say_that_nothing_is_known();
            return;
        };
        let swarm = NewSwarm {
            info_hash,
            place: Place::At(place),
            choice: Choice::all(),
            is_of_fleet: true,
            configured: join.is_some(),
            peers: Vec::new(),
            limits: Limits::default(),
            trackers: self.settings.content_trackers.clone(),
            sources: Vec::new(),
            web_seeds: self.settings.web_seeds.clone(),
            dht_nodes: Vec::new(),
        };
        self.start_swarm(swarm, learned.as_ref(), context);
        if let Some(info) = learned {
            self.serve(&Arc::new(info), context);
        }
    }

    fn say_that_nothing_is_known(&self) {
        info!("nothing is known of the content yet; looking for peers that know");
        if !self.settings.trackers.is_empty() && self.settings.fleet.is_empty() {
            warn!(
                "trackers are not asked while nothing is known of the content: give the fleet a \
                 name (--fleet), which they can be asked for, or the node a config or a .torrent"
            );
        }
    }

    /// Has the rendezvous announced to the operator's trackers, so that nodes that know nothing
    /// else find those that know the content. Not that of the nameless fleet: on a tracker that
    /// others use too, it would be everybody's.
    pub(super) fn track_rendezvous(&self) {
        let operators = &self.settings.trackers;
        if self.settings.fleet.is_empty() || operators.is_empty() {
            return;
        }
        if let Some(children) = &self.children {
            children.trackers.do_send(TrackSwarm {
                info_hash: self.rendezvous,
                tiers: tiers_of(operators, &[], false),
                progress: None,
            });
        }
    }

    /// Starts the scheduler of a swarm and tells discovery to find peers for it.
    pub(super) fn start_swarm(
        &mut self,
        swarm: NewSwarm,
        info: Option<&Info>,
        context: &Context<Self>,
    ) {
        let NewSwarm {
            info_hash,
            place,
            choice,
            is_of_fleet,
            configured,
            peers,
            limits,
            trackers,
            sources,
            web_seeds,
            dht_nodes,
        } = swarm;
        let Some(children) = &self.children else {
            return;
        };
        let myself = context.address();
        let discovery = children.discovery.clone();
        let watchdog = children.watchdog.clone();
        let scheduler = Scheduler::new(scheduler::Setup {
            info_hash,
            reset: discovery.clone().recipient(),
            lied: discovery.clone().recipient(),
            completed: (discovery.clone().recipient(), myself.clone().recipient()),
            learned: myself.clone().recipient(),
            unusable: myself.clone().recipient(),
            trouble: myself.clone().recipient(),
            clock: self.clock,
            seed: self.seed,
            upload_slots: self.settings.manners.upload_slots,
            limits: limits.clone(),
        });
        let (scheduler, Guarded { task, lever }) = run_guarded("scheduler", scheduler, &myself);
        watchdog.do_send(Watch {
            info_hash,
            scheduler: scheduler.clone().recipient(),
            watched: vec![Watched::new("scheduler", &scheduler, lever)],
        });
        let actors = SwarmActors {
            scheduler,
            tasks: vec![task],
            storage: None,
            read: None,
            web_seeds: None,
            info: None,
            selection: None,
            paused: false,
            complete: false,
            refused: None,
            sources: self.sources_of(sources, web_seeds),
            limits,
            place,
            kept: None,
            choice,
            is_of_fleet,
            trackers,
            dht_nodes,
            configured,
        };
        self.swarms.insert(info_hash, actors);
        self.tell(Event::SwarmAdded { info_hash });
        self.announce_swarm(info_hash, info, peers);
    }

    /// All web seeds of a content, each once, and whether the operator named it: those of the node,
    /// of the content, and of strangers.
    fn sources_of(&self, own: Vec<SourceUrl>, strangers: Vec<SourceUrl>) -> Vec<(SourceUrl, bool)> {
        let mut found: Vec<(SourceUrl, bool)> = Vec::new();
        let named = own.iter().chain(&self.settings.sources);
        let named = named.map(|url| (url, true));
        for (url, trusted) in named.chain(strangers.iter().map(|url| (url, false))) {
            if found.len() < MAX_WEB_SEEDS && found.iter().all(|(known, _)| known != url) {
                found.push((url.clone(), trusted));
            }
        }
        found
    }

    /// Tells discovery, trackers and the table of a swarm, or that its content is known by now.
    pub(super) fn announce_swarm(
        &self,
        info_hash: InfoHash,
        info: Option<&Info>,
        peers: Vec<PeerAddress>,
    ) {
        let (Some(children), Some(swarm)) = (&self.children, self.swarms.get(&info_hash)) else {
            return;
        };
        children.discovery.do_send(SwarmStarted {
            info_hash,
            scheduler: swarm.scheduler.clone().recipient(),
            content: info.map(|info| (info.name().to_owned(), info.layout().size())),
            configured: swarm.configured,
            peers,
            private: info.is_some_and(Info::is_private),
        });
        let operators = &self.settings.trackers;
        // With a secret strangers are not told of us: those that a description names.
        let described: &[Vec<TrackerUrl>] = match self.security {
            Some(_) => &[],
            None => &swarm.trackers,
        };
        children.trackers.do_send(TrackSwarm {
            info_hash,
            tiers: tiers_of(
                operators,
                described,
                info.is_some_and(Info::is_private) && self.security.is_none(),
            ),
            progress: Some(swarm.scheduler.clone().recipient()),
        });
        if let Some(dht) = &children.dht {
            dht.find.do_send(FindInTable {
                info_hash,
                progress: Some(swarm.scheduler.clone().recipient()),
                private: info.is_some_and(Info::is_private),
                nodes: swarm.dht_nodes.clone(),
            });
        }
    }

    /// The content is known: which of its files are wanted, and where does it go?
    fn admit(&self, info: &Info) -> Result<(Kept, Selection), String> {
        let Some(swarm) = self.swarms.get(&info.info_hash()) else {
            return Err("bug: it is no swarm of ours".to_owned());
        };
        let selection = swarm.choice.of(info)?;
        let kept = Kept {
            path: swarm.place.of(info),
            is_folder: Some(info.is_folder()),
        };
        // What was named was looked at before the node was started, and storage waits until it can
        // be used. Where a learned name leads is seen only now.
        if let Place::Under(_) = swarm.place {
            let others = self.swarms.values().filter_map(|swarm| swarm.kept.clone());
            let all: Vec<_> = others.chain([kept.clone()]).collect();
            places::check(&all).map_err(|misplaced| {
                let path = misplaced.path.display();
                format!("cannot open {path}: {}", misplaced.reason)
            })?;
        }
        Ok((kept, selection))
    }

    /// The content is known: starts its storage.
    pub(super) fn serve(&mut self, info: &Arc<Info>, context: &Context<Self>) {
        let info_hash = info.info_hash();
        let is_new = |swarm: &SwarmActors| swarm.storage.is_none();
        if !self.swarms.get(&info_hash).is_some_and(is_new) {
            return;
        }
        let (kept, selection) = match self.admit(info) {
            Ok(admitted) => admitted,
            Err(error) => {
                error!("{info_hash} cannot be kept: {error}");
                if let Some(swarm) = self.swarms.get_mut(&info_hash) {
                    swarm.refused = Some(error.clone());
                }
                self.tell(Event::ContentRefused { info_hash, error });
                return;
            }
        };
        let myself = context.address();
        let Some(swarm) = self.swarms.get_mut(&info.info_hash()) else {
            return;
        };
        let Some(children) = self.children.as_ref().filter(|_| swarm.storage.is_none()) else {
            return;
        };
        let place: Context<Storage> = Context::new();
        let storage = place.address();
        let handle = StorageHandle {
            read: storage.clone().recipient(),
            store: storage.clone().recipient(),
            spill: storage.clone().recipient(),
            forget: storage.clone().recipient(),
            report: storage.clone().recipient(),
            traffic: Arc::default(),
        };
        // The scheduler hears of the storage before the storage says its first word to it.
        swarm.scheduler.do_send(ServeContent {
            info: Arc::clone(info),
            selection: selection.clone(),
            storage: handle.clone(),
        });
        let actor = Storage::new(storage::Setup {
            info: Arc::clone(info),
            selection: selection.clone(),
            path: kept.path.clone(),
            scratch: self
                .settings
                .state
                .iter()
                .cloned()
                .chain([std::env::temp_dir()])
                .collect(),
            scheduler: swarm.scheduler.clone().recipient(),
            counters: Arc::clone(&self.counters),
            buffers: self.buffers.clone(),
            shared: self.disk.clone(),
            scrub: self.settings.scrub,
            clock: self.clock,
        });
        let report = reporter(&myself);
        let Guarded { task, lever } =
            guard::run("storage", Policy::SINGLETON, place, actor, report);
        swarm.tasks.push(task);
        children.watchdog.do_send(Watch {
            info_hash: info.info_hash(),
            scheduler: swarm.scheduler.clone().recipient(),
            watched: vec![Watched::new("storage", &storage, lever)],
        });
        children.turns.do_send(ContentStarted {
            info_hash: info.info_hash(),
            size: match selection.is_all() {
                true => info.layout().size(),
                // What shares a piece with what is selected is not much.
                false => selection.bytes(),
            },
            progress: swarm.scheduler.clone().recipient(),
            turn: swarm.scheduler.clone().recipient(),
        });
        swarm.storage = Some(storage);
        swarm.read = Some(handle.read.clone());
        swarm.info = Some(Arc::clone(info));
        swarm.selection = Some(selection.clone());
        swarm.refused = None;
        swarm.kept = Some(kept.clone());
        if !swarm.sources.is_empty() && info.layout().size() > 0 {
            let node_limits = self.limits.download.iter();
            let web_seeds = WebSeeds::new(web_seeds::Setup {
                info: Arc::clone(info),
                sources: swarm.sources.clone(),
                storage: handle,
                open: swarm.scheduler.clone().recipient(),
                scheduler: swarm.scheduler.clone().recipient(),
                clients: Rc::clone(&self.clients),
                clock: self.clock,
                counters: Arc::clone(&self.counters),
                limits: node_limits.chain(&swarm.limits.download).cloned().collect(),
                buffers: self.buffers.clone(),
                next_link: Arc::clone(&self.next_link),
            });
            let (address, Guarded { task, lever }) = run_guarded("web seeds", web_seeds, &myself);
            swarm.tasks.push(task);
            children.watchdog.do_send(Watch {
                info_hash: info.info_hash(),
                scheduler: swarm.scheduler.clone().recipient(),
                watched: vec![Watched::new("web seeds", &address, lever)],
            });
            swarm.web_seeds = Some(address);
        }
        let known = self.swarms.get(&info_hash).and_then(SwarmActors::known_as);
        if let Some(known) = known {
            self.tell(known);
        }
    }
}

impl SwarmActors {
    /// The event that says what the content is, once that is known.
    pub(super) fn known_as(&self) -> Option<Event> {
        let (info, selection) = (self.info.as_ref()?, self.selection.as_ref()?);
        Some(Event::ContentKnown {
            info_hash: info.info_hash(),
            size: info.layout().size(),
            pieces: info.layout().pieces(),
            name: info.name().to_owned(),
            place: self.kept.as_ref()?.path.clone(),
            files: selection.files(),
            selected: selection.bytes(),
        })
    }
}
