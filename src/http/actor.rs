//! The actor of the HTTP face: hears of the node's events, and looks at the node for whoever reads the
//! event stream. Requests run on the server's own thread, and ask the node.

use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Supervised, WrapFuture,
};
use swarmlet_actors::guard::{self, Policy};

use super::face::Inner;
use crate::Event;

/// 1 s: how often the stream shows how the node is.
const LOOK: Duration = Duration::from_secs(1);

/// Hears and looks.
struct Http {
    inner: Arc<Inner>,
    looking: bool,
}

/// Starts the actor on the present arbiter. It lives as long as its node.
pub(super) fn start(inner: &Arc<Inner>) {
    let actor = Http {
        inner: Arc::clone(inner),
        looking: false,
    };
    let report = |failure: guard::Failure| {
        log::error!("http {}; it starts anew", failure.cause);
    };
    let (http, _) = guard::start("http", Policy::SINGLETON, actor, report);
    inner.node.listen(http.recipient());
}

impl Http {
    /// Shows the readers of the stream how the node is, if there are any.
    fn look(&mut self, context: &mut Context<Self>) {
        if !self.inner.node.is_running() {
            self.inner.hub.close();
            context.stop();
            return;
        }
        if self.inner.hub.readers() == 0 || std::mem::replace(&mut self.looking, true) {
            return;
        }
        let inner = Arc::clone(&self.inner);
        let picture = async move { inner.picture().await };
        context.spawn(picture.into_actor(self).map(|picture, http, _| {
            http.looking = false;
            if let Some(picture) = picture {
                http.inner.hub.show(picture);
            }
        }));
    }
}

impl Actor for Http {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(LOOK, |http, context| http.look(context));
    }
}

impl Supervised for Http {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.looking = false;
    }
}

impl Handler<Event> for Http {
    type Result = ();

    fn handle(&mut self, event: Event, _: &mut Self::Context) {
        self.inner.heard(&event);
    }
}
