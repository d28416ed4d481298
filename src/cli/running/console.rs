//! What a node tells, passed on to the loop of a command.

use actix::{Actor, Context, Handler};
use swarmlet::Event;
use tokio::sync::mpsc;

/// Hears a node's events, and passes them on in their order.
pub(crate) struct Console(pub(crate) mpsc::UnboundedSender<Event>);

impl Actor for Console {
    type Context = Context<Self>;
}

impl Handler<Event> for Console {
    type Result = ();

    fn handle(&mut self, event: Event, _: &mut Self::Context) {
        // The run is over if nobody listens any more.
        let _ = self.0.send(event);
    }
}
