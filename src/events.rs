//! Hearing of a node's events without an actor.

use swarmlet_actors::listeners::WeakListeners;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::Event;

/// The events of a node, one after the other, from when it was asked for. Made by
/// [`Node::events`](crate::Node::events).
///
/// It can be read on any thread and by any runtime, and dropped at any time. Whoever reads too slowly
/// misses the oldest events and never holds up the node.
///
/// ```no_run
/// # async fn run(node: swarmlet::Node) {
/// use swarmlet::Event;
///
/// let mut events = node.events();
/// while let Some(event) = events.next().await {
///     match event {
///         Event::Completed { info_hash } => println!("{info_hash} is complete"),
///         Event::Failed { error } => eprintln!("the node cannot go on: {error}"),
///         // There will be more kinds of them.
///         _ => {}
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
#[must_use = "events that nobody reads are told to nobody"]
pub struct Events {
    ring: Receiver<Event>,
    missed: u64,
}

impl Events {
    pub(crate) fn new(listeners: &WeakListeners) -> Self {
        Self {
            ring: listeners.read(),
            missed: 0,
        }
    }

    /// The next event; `None` once the node has ended and all was heard. Nothing is lost by a call that
    /// is given up before it answers.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            match self.ring.recv().await {
                Ok(event) => return Some(event),
                Err(RecvError::Lagged(events)) => self.missed += events,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// How many events were missed so far: 256 wait for a reader, and no more.
    #[must_use]
    pub const fn missed(&self) -> u64 {
        self.missed
    }
}
