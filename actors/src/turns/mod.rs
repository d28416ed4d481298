//! The turns actor: which of the node's contents are fetched now.
//!
//! It learns of every content and when one is complete, and asks the schedulers how much is missing
//! while more want to fetch than may. A node of a few contents gives each its turn once and is
//! never asked again.

use std::time::Duration;

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Recipient, Supervised, WrapFuture,
};
use log::debug;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::turns::{Standing, Turn, Turns as Machine};

use crate::clock::Clock;
use crate::maps::HashMap;
use crate::messages::operator::SwarmRemoved;
use crate::messages::scheduler::{Progress, QueryProgress, TakeTurn};
use crate::messages::supervisor::CompletionChanged;
use crate::messages::turns::ContentStarted;
use crate::messages::{Harm, Ping};

/// 500 ms: how often the schedulers are asked how far they are, while somebody waits for a turn.
const LOOK: Duration = Duration::from_millis(500);

/// Hands out turns.
#[derive(Debug)]
pub struct Turns {
    clock: Clock,
    /// What the supervisor told; survives a restart.
    contents: HashMap<InfoHash, Content>,
    state: State,
}

#[derive(Debug)]
struct Content {
    size: u64,
    complete: bool,
    progress: Recipient<QueryProgress>,
    turn: Recipient<TakeTurn>,
}

/// Everything that a restart begins anew.
#[derive(Debug, Default)]
struct State {
    machine: Machine,
    /// Answers are awaited, or the time for the next questions is.
    looking: bool,
}

impl Turns {
    /// Turns of a node that has no content yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            contents: HashMap::default(),
            state: State::default(),
        }
    }

    /// Hands out the turns, and goes on asking as long as somebody waits.
    fn decide(&mut self, context: &mut Context<Self>) {
        for (info_hash, turn) in self.state.machine.decide(self.clock.now()) {
            if let Some(content) = self.contents.get(&info_hash) {
                debug!("{info_hash}: {}", shown(turn));
                content.turn.do_send(TakeTurn(turn));
            }
        }
        if self.state.machine.is_crowded() && !std::mem::replace(&mut self.state.looking, true) {
            context.run_later(LOOK, |turns, context| turns.look(context));
        }
    }

    /// Asks everybody who is not complete how much is missing.
    fn look(&mut self, context: &mut Context<Self>) {
        let asked: Vec<_> = self
            .contents
            .iter()
            .filter(|(_, content)| !content.complete)
            .map(|(info_hash, content)| (*info_hash, content.progress.send(QueryProgress)))
            .collect();
        let answers = async move {
            let mut answers = Vec::with_capacity(asked.len());
            for (info_hash, answer) in asked {
                if let Ok(progress) = answer.await {
                    answers.push((info_hash, progress));
                }
            }
            answers
        };
        context.spawn(answers.into_actor(self).map(|answers, turns, context| {
            turns.state.looking = false;
            for (info_hash, progress) in answers {
                turns.heard(info_hash, &progress);
            }
            turns.decide(context);
        }));
    }

    fn heard(&mut self, info_hash: InfoHash, progress: &Progress) {
        let Some(content) = self.contents.get(&info_hash) else {
            return;
        };
        if content.complete {
            return;
        }
        let left = content.size.saturating_sub(progress.bytes);
        let known = progress
            .pieces
            .saturating_sub(progress.have + progress.unchecked);
        let standing = Standing {
            // One that is nearly complete is not complete: its scheduler says when it is.
            left: left.max(1),
            in_flight: progress.in_flight,
            available: known > progress.without_holder,
        };
        let now = self.clock.now();
        self.state.machine.stands(info_hash, standing, now);
    }

    /// What is known of a content has changed: it is missing as a whole, or not at all.
    fn count(&mut self, info_hash: InfoHash) {
        if let Some(content) = self.contents.get(&info_hash) {
            let left = if content.complete {
                0
            } else {
                content.size.max(1)
            };
            let now = self.clock.now();
            self.state
                .machine
                .stands(info_hash, Standing::missing(left), now);
        }
    }
}

fn shown(turn: Turn) -> String {
    match turn {
        Turn::Run { sharers } => format!("may fetch, as one of {sharers}"),
        Turn::Wait => "waits while others fetch".to_owned(),
    }
}

impl Actor for Turns {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let contents: Vec<_> = self.contents.keys().copied().collect();
        for info_hash in contents {
            self.count(info_hash);
        }
        self.decide(context);
    }
}

impl Supervised for Turns {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.state = State::default();
    }
}

impl Handler<ContentStarted> for Turns {
    type Result = ();

    fn handle(&mut self, started: ContentStarted, context: &mut Self::Context) {
        let ContentStarted {
            info_hash,
            size,
            progress,
            turn,
        } = started;
        let content = Content {
            size,
            // Nothing has nothing to fetch.
            complete: size == 0,
            progress,
            turn,
        };
        self.contents.insert(info_hash, content);
        self.count(info_hash);
        self.decide(context);
    }
}

impl Handler<CompletionChanged> for Turns {
    type Result = ();

    fn handle(&mut self, changed: CompletionChanged, context: &mut Self::Context) {
        if let Some(content) = self.contents.get_mut(&changed.info_hash) {
            content.complete = changed.complete;
            self.count(changed.info_hash);
            self.decide(context);
        }
    }
}

impl Handler<SwarmRemoved> for Turns {
    type Result = ();

    fn handle(&mut self, removed: SwarmRemoved, context: &mut Self::Context) {
        if self.contents.remove(&removed.info_hash).is_some() {
            // Whoever is complete takes no part.
            let (gone, now) = (Standing::missing(0), self.clock.now());
            self.state.machine.stands(removed.info_hash, gone, now);
            self.decide(context);
        }
    }
}

impl Handler<Ping> for Turns {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Self::Context) {}
}

impl Handler<Harm> for Turns {
    type Result = ();

    fn handle(&mut self, harm: Harm, context: &mut Self::Context) {
        harm.befall("turns", self, context);
    }
}
