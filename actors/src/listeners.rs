//! Who hears of a node's events: shared by all actors that have something to tell, and open to
//! newcomers while the node runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix::Recipient;

use crate::messages::events::Event;

/// The listeners of one node.
#[derive(Clone, Debug, Default)]
pub struct Listeners(Arc<Mutex<Vec<Recipient<Event>>>>);

impl Listeners {
    /// These, and no others yet.
    #[must_use]
    pub fn new(listeners: Vec<Recipient<Event>>) -> Self {
        Self(Arc::new(Mutex::new(listeners)))
    }

    /// One more, from now on.
    pub fn add(&self, listener: Recipient<Event>) {
        self.lock().push(listener);
    }

    /// Tells everybody; whoever is gone is forgotten.
    pub(crate) fn tell(&self, event: &Event) {
        // A copy: nobody's mailbox is touched while the list is held.
        let listeners = {
            let mut listeners = self.lock();
            listeners.retain(Recipient::connected);
            listeners.clone()
        };
        for listener in listeners {
            listener.do_send(event.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Recipient<Event>>> {
        // Addresses: a panic while it was held cannot have broken them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
