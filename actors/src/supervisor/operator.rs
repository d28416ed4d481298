//! What an operator says while the node runs: contents that come and go, pauses, bans.

use std::path::{Component, Path};
use std::sync::Arc;

use actix::{Context, Handler, ResponseFuture};
use log::info;
use swarmlet_protocol::extension::MAX_SWARMS;
use swarmlet_protocol::id::InfoHash;
use tokio::task::AbortHandle;

use super::places::{self, Kept};
use super::{Supervisor, SwarmActors};
use crate::messages::events::Event;
use crate::messages::operator::{
    AddPeers, AddShare, BanHost, Listen, OpenContent, PauseSwarm, ReadContent, Refusal,
    RemoveSwarm, SwarmRemoved, UnbanHost, VerifySwarm,
};
use crate::messages::scheduler::HoldSwarm;
use crate::messages::storage::{FlushStorage, RecheckAll};
use crate::messages::web_seeds::StopWebSeeds;
use crate::share::{Share, Topic};
use crate::state::Added;
use crate::workers::spawn_blocking;

/// Files of the state directory, beside descriptions.
const OWN_FILES: [&str; 5] = [
    "node.json",
    "operator.json",
    "dht.json",
    "http-token",
    "http.sock",
];

impl Supervisor {
    /// Contents that an operator added in an earlier life, and what he said of all.
    pub(super) fn start_added(&mut self, context: &Context<Self>) {
        let words = std::mem::take(&mut self.words);
        for added in &words.added {
            // They were read from there.
            let Some(state) = &self.state else { break };
            if let Err(refusal) = self.add(added.share(state), context) {
                log::warn!("{} is not kept any more: {refusal}", added.info_hash);
            }
        }
        self.words = words;
        let paused: Vec<_> = self.words.paused.iter().copied().collect();
        for info_hash in paused {
            // What was removed from the configuration in the meantime is not here.
            let _ = self.pause(info_hash, true);
        }
        let Some(children) = &self.children else {
            return;
        };
        for &ip in &self.words.banned {
            children.discovery.do_send(BanHost { ip, time: None });
        }
    }

    /// Begins to keep a content, if it can be kept.
    fn add(&mut self, share: Share, context: &Context<Self>) -> Result<InfoHash, Refusal> {
        let info_hash = share.info_hash();
        if self.swarms.contains_key(&info_hash) {
            return Err(Refusal::Known(info_hash));
        }
        if self.swarms.len() >= MAX_SWARMS {
            return Err(Refusal::TooMany { limit: MAX_SWARMS });
        }
        if self.is_learning() {
            return Err(Refusal::NotNow(
                "this node has still to learn what its fleet shares, and would not if it had another \
                 content: wait until it has, or start it with a config"
                    .to_owned(),
            ));
        }
        self.refuse_place(share.place.given())?;
        if let Some(path) = share.path() {
            let is_folder = share.is_folder();
            let others = self.swarms.values().filter_map(|swarm| swarm.kept.clone());
            let all: Vec<_> = others.chain([Kept { path, is_folder }]).collect();
            places::check(&all).map_err(|misplaced| {
                let path = misplaced.path.display();
                Refusal::Place(format!("cannot keep it at {path}: {}", misplaced.reason))
            })?;
        }
        self.removed.remove(&info_hash);
        info!("{info_hash} is kept from now on: an operator said so");
        self.start_share(&share, context);
        Ok(info_hash)
    }

    /// A place that could become another content's, or that is the node's own.
    fn refuse_place(&self, place: &Path) -> Result<(), Refusal> {
        let shown = place.display();
        if place.components().any(|part| part == Component::ParentDir) {
            // What it leads to may change once what is before it exists.
            let why = format!("cannot keep it at {shown}: name the place without '..'");
            return Err(Refusal::Place(why));
        }
        let whole = |path: &Path| std::fs::canonicalize(path).ok();
        let folder = place.parent().and_then(whole);
        let state = self.settings.state.as_deref().and_then(whole);
        let name = place
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let is_ours = OWN_FILES.contains(&name) || name.ends_with(".info");
        if folder.is_some() && folder == state && is_ours {
            let why = format!("cannot keep it at {shown}: the node keeps its own state there");
            return Err(Refusal::Place(why));
        }
        Ok(())
    }

    fn pause(&mut self, info_hash: InfoHash, paused: bool) -> Result<(), Refusal> {
        let swarm = self.swarms.get_mut(&info_hash);
        let swarm = swarm.ok_or(Refusal::Unknown(info_hash))?;
        if std::mem::replace(&mut swarm.paused, paused) == paused {
            return Ok(());
        }
        swarm.scheduler.do_send(HoldSwarm(paused));
        info!(
            "{info_hash} {}: an operator said so",
            if paused { "is paused" } else { "goes on" }
        );
        self.tell(match paused {
            true => Event::SwarmPaused { info_hash },
            false => Event::SwarmResumed { info_hash },
        });
        Ok(())
    }

    /// Tells all actors that the swarm is gone, and ends its own once its pieces are written.
    fn remove(&mut self, info_hash: InfoHash) -> Result<SwarmActors, Refusal> {
        let swarm = self.swarms.remove(&info_hash);
        let swarm = swarm.ok_or(Refusal::Unknown(info_hash))?;
        self.removed.insert(info_hash);
        let removed = SwarmRemoved { info_hash };
        if let Some(children) = &self.children {
            children.discovery.do_send(removed);
            children.trackers.do_send(removed);
            children.turns.do_send(removed);
            children.watchdog.do_send(removed);
            if let Some(dht) = &children.dht {
                dht.removed.do_send(removed);
            }
        }
        if let Some(web_seeds) = &swarm.web_seeds {
            web_seeds.do_send(StopWebSeeds);
        }
        info!("{info_hash} is not kept any more: an operator said so; its files stay");
        self.tell(Event::SwarmRemoved { info_hash });
        Ok(swarm)
    }

    /// The events that a newcomer missed and that still hold.
    fn how_things_stand(&self) -> Vec<Event> {
        let mut events = vec![Event::Listening(self.settings.listen)];
        for (&info_hash, swarm) in &self.swarms {
            events.push(Event::SwarmAdded { info_hash });
            if let Some(error) = swarm.refused.clone() {
                events.push(Event::ContentRefused { info_hash, error });
            }
            events.extend(swarm.known_as());
            if swarm.paused {
                events.push(Event::SwarmPaused { info_hash });
            }
            if swarm.complete {
                events.push(Event::Completed { info_hash });
            }
        }
        events
    }

    /// Writes what an operator said, for the next life.
    fn remember_words(&mut self) {
        self.said += 1;
        if let Some(state) = self.state.clone() {
            let (number, words) = (self.said, self.words.clone());
            // Nobody waits for it.
            actix_rt::spawn(spawn_blocking(move || {
                state.or_warn(state.save_words(number, &words))
            }));
        }
    }
}

impl Handler<AddShare> for Supervisor {
    type Result = Result<InfoHash, Refusal>;

    fn handle(&mut self, AddShare(share): AddShare, context: &mut Self::Context) -> Self::Result {
        let added = Added::of(&share);
        let info = match &share.topic {
            Topic::Known(info) => Some(info.clone()),
            Topic::Named(_) => None,
        };
        let info_hash = self.add(share, context)?;
        self.words.added.retain(|one| one.info_hash != info_hash);
        self.words.added.push(added);
        if let (Some(state), Some(info)) = (self.state.clone(), info) {
            actix_rt::spawn(spawn_blocking(move || {
                state.or_warn(state.save_info(&info))
            }));
        }
        self.remember_words();
        Ok(info_hash)
    }
}

impl Handler<RemoveSwarm> for Supervisor {
    type Result = ResponseFuture<Result<(), Refusal>>;

    fn handle(&mut self, remove: RemoveSwarm, _: &mut Self::Context) -> Self::Result {
        let swarm = match self.remove(remove.info_hash) {
            Ok(swarm) => swarm,
            Err(refusal) => return Box::pin(async move { Err(refusal) }),
        };
        self.words
            .added
            .retain(|one| one.info_hash != remove.info_hash);
        self.words.paused.remove(&remove.info_hash);
        self.remember_words();
        Box::pin(async move {
            if let Some(storage) = &swarm.storage {
                // Gone already if it does not answer.
                let _ = storage.send(FlushStorage).await;
            }
            swarm.tasks.iter().for_each(AbortHandle::abort);
            Ok(())
        })
    }
}

impl Handler<PauseSwarm> for Supervisor {
    type Result = Result<(), Refusal>;

    fn handle(&mut self, pause: PauseSwarm, _: &mut Self::Context) -> Self::Result {
        let PauseSwarm { info_hash, paused } = pause;
        self.pause(info_hash, paused)?;
        let changed = match paused {
            true => self.words.paused.insert(info_hash),
            false => self.words.paused.remove(&info_hash),
        };
        if changed {
            self.remember_words();
        }
        Ok(())
    }
}

impl Handler<VerifySwarm> for Supervisor {
    type Result = Result<(), Refusal>;

    fn handle(&mut self, verify: VerifySwarm, _: &mut Self::Context) -> Self::Result {
        let info_hash = verify.info_hash;
        let swarm = self.swarms.get(&info_hash);
        let Some(storage) = &swarm.ok_or(Refusal::Unknown(info_hash))?.storage else {
            let why = format!("it is not known yet what {info_hash} is");
            return Err(Refusal::NotNow(why));
        };
        storage.do_send(RecheckAll);
        self.tell(Event::Verifying { info_hash });
        Ok(())
    }
}

impl Handler<BanHost> for Supervisor {
    type Result = ();

    fn handle(&mut self, ban: BanHost, _: &mut Self::Context) {
        let ip = ban.ip.to_canonical();
        if ban.time.is_none() && self.words.banned.insert(ip) {
            self.remember_words();
        }
        if let Some(children) = &self.children {
            children.discovery.do_send(ban);
        }
    }
}

impl Handler<UnbanHost> for Supervisor {
    type Result = ResponseFuture<bool>;

    fn handle(&mut self, unban: UnbanHost, _: &mut Self::Context) -> Self::Result {
        if self.words.banned.remove(&unban.ip.to_canonical()) {
            self.remember_words();
        }
        let children = self.children.as_ref();
        let asked = children.map(|children| children.discovery.send(unban));
        Box::pin(async move {
            match asked {
                Some(asked) => asked.await.unwrap_or(false),
                None => false,
            }
        })
    }
}

impl Handler<AddPeers> for Supervisor {
    type Result = ();

    fn handle(&mut self, peers: AddPeers, _: &mut Self::Context) {
        if let Some(children) = &self.children {
            children.discovery.do_send(peers);
        }
    }
}

impl Handler<Listen> for Supervisor {
    type Result = ();

    fn handle(&mut self, Listen(listener): Listen, _: &mut Self::Context) {
        for event in self.how_things_stand() {
            listener.do_send(event);
        }
        self.settings.listeners.add(listener);
    }
}

impl Handler<ReadContent> for Supervisor {
    type Result = Result<OpenContent, Refusal>;

    fn handle(&mut self, read: ReadContent, _: &mut Self::Context) -> Self::Result {
        let info_hash = read.info_hash;
        let swarm = self.swarms.get(&info_hash);
        let swarm = swarm.ok_or(Refusal::Unknown(info_hash))?;
        let (Some(info), Some(selection), Some(read)) =
            (&swarm.info, &swarm.selection, &swarm.read)
        else {
            let why = format!("it is not known yet what {info_hash} is");
            return Err(Refusal::NotNow(why));
        };
        Ok(OpenContent {
            info: Arc::clone(info),
            selection: selection.clone(),
            paused: swarm.paused,
            pieces: swarm.scheduler.clone().recipient(),
            gone: swarm.scheduler.clone().recipient(),
            read: read.clone(),
            counters: Arc::clone(&self.counters),
        })
    }
}
