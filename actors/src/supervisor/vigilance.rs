//! Who watches the watchdog: the supervisor does, as the watchdog watches it. And who looks at the
//! threads: a sentinel, if one is wanted.

use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use log::warn;
use swarmlet_protocol::vigil::{Verdict, Vigil};

use super::{SUPERVISOR, Supervisor, Vigilance};
use crate::messages::Ping;
use crate::messages::supervisor::WatchSupervisor;
use crate::messages::watchdog::{WatchActor, Watched};
use crate::sentinel::Sentinel;

/// 6: looks within what an actor may take to answer.
const LOOKS: u32 = 6;

/// 10 ms: looks are not closer to each other, however little patience an embedder has.
const SHORTEST: Duration = Duration::from_millis(10);

/// The number of the watchdog in our vigil.
const WATCHDOG: u64 = 0;

/// What the thread on which a node is started is called.
const THREAD: &str = "the node's thread";

/// Whether the watchdog answers.
pub(super) fn vigil(vigilance: &Vigilance) -> Vigil {
    Vigil::new(vigilance.patience, period(vigilance))
}

fn period(vigilance: &Vigilance) -> Duration {
    (vigilance.patience / LOOKS).max(SHORTEST)
}

impl Supervisor {
    /// Asks the watchdog for signs of life from now on.
    pub(super) fn keep_vigil(&self, context: &mut Context<Self>) {
        let period = period(&self.settings.vigilance);
        context.run_interval(period, |supervisor, context| supervisor.look(context));
    }

    fn look(&mut self, context: &mut Context<Self>) {
        for (_, verdict) in self.vigil.look(self.clock.now()) {
            if let (Verdict::Stuck(silent), Some(lever)) = (verdict, &self.watchdog_lever) {
                lever.pull(silent);
            }
        }
        let Some(children) = &self.children else {
            return;
        };
        if self.vigil.is_owed_by(WATCHDOG) {
            return;
        }
        self.vigil.asked(WATCHDOG);
        let answer = children.watchdog.send(Ping).into_actor(self);
        context.spawn(answer.map(|_, supervisor, _| {
            supervisor.vigil.answered(WATCHDOG);
        }));
    }

    /// Has our threads looked at from outside, if that is wanted.
    pub(super) fn start_sentinel(&mut self) {
        let Vigilance {
            standstill, remedy, ..
        } = &self.settings.vigilance;
        let Some(limit) = *standstill else { return };
        let listeners = self.settings.listeners.clone();
        match Sentinel::start(limit, remedy.clone(), listeners) {
            Ok(sentinel) => {
                sentinel.posts().enlist(THREAD);
                if let Some(threads) = &mut self.threads {
                    threads.look_at(sentinel.posts());
                }
                self.sentinel = Some(sentinel);
            }
            Err(error) => warn!("nobody looks whether threads stand still: {error}"),
        }
    }
}

impl Handler<WatchSupervisor> for Supervisor {
    type Result = ();

    fn handle(&mut self, WatchSupervisor(lever): WatchSupervisor, context: &mut Self::Context) {
        if let Some(children) = &self.children {
            children.watchdog.do_send(WatchActor {
                watched: Watched::new(SUPERVISOR, &context.address(), lever),
                rest: Duration::ZERO,
            });
        }
    }
}
