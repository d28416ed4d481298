//! Who hears of a node's events: shared by all actors that have something to tell, and open to
//! newcomers while the node runs. Recipients are told by messages, readers by a ring that they share;
//! neither can hold up the node.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use actix::Recipient;
use tokio::sync::broadcast;

use crate::messages::events::Event;

/// 256: events that wait for a reader; of more it misses the oldest. Some minutes of a calm node.
const KEPT: usize = 256;

/// The listeners of one node.
#[derive(Clone, Debug, Default)]
pub struct Listeners(Arc<Mutex<Ears>>);

/// The same, seen from outside: it keeps nobody listening once the node has ended.
#[derive(Clone, Debug)]
pub struct WeakListeners(Weak<Mutex<Ears>>);

#[derive(Debug, Default)]
struct Ears {
    recipients: Vec<Recipient<Event>>,
    /// The ring of all readers, while there are any.
    readers: Option<broadcast::Sender<Event>>,
}

impl Listeners {
    /// These, and no others yet.
    #[must_use]
    pub fn new(recipients: Vec<Recipient<Event>>) -> Self {
        let readers = None;
        Self(Arc::new(Mutex::new(Ears {
            recipients,
            readers,
        })))
    }

    /// One more, from now on.
    pub fn add(&self, listener: Recipient<Event>) {
        lock(&self.0).recipients.push(listener);
    }

    /// The listeners as somebody sees them who does not belong to the node.
    #[must_use]
    pub fn downgrade(&self) -> WeakListeners {
        WeakListeners(Arc::downgrade(&self.0))
    }

    /// Tells everybody; whoever is gone is forgotten.
    pub(crate) fn tell(&self, event: &Event) {
        // A copy: nobody's mailbox is touched while the list is held.
        let recipients = {
            let mut ears = lock(&self.0);
            if let Some(readers) = &ears.readers
                && readers.send(event.clone()).is_err()
            {
                ears.readers = None;
            }
            ears.recipients.retain(Recipient::connected);
            ears.recipients.clone()
        };
        for recipient in recipients {
            recipient.do_send(event.clone());
        }
    }
}

impl WeakListeners {
    /// Every event from now on, to be read. It ends with the node; that of a node that has ended is
    /// at its end.
    #[must_use]
    pub fn read(&self) -> broadcast::Receiver<Event> {
        let Some(ears) = self.0.upgrade() else {
            return broadcast::channel(1).1;
        };
        let mut ears = lock(&ears);
        let ring = || broadcast::channel(KEPT).0;
        ears.readers.get_or_insert_with(ring).subscribe()
    }
}

fn lock(ears: &Mutex<Ears>) -> MutexGuard<'_, Ears> {
    // Addresses: a panic while it was held cannot have broken them.
    ears.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use tokio::sync::broadcast::error::{RecvError, TryRecvError};

    use super::*;

    fn fact(number: u32) -> Event {
        let ip = IpAddr::V4(Ipv4Addr::from(number));
        Event::HostUnbanned { ip }
    }

    #[tokio::test]
    async fn a_slow_reader_misses_the_oldest_events_and_hears_the_end() {
        let listeners = Listeners::default();
        let outside = listeners.downgrade();
        let (mut slow, mut quick) = (outside.read(), outside.read());
        for number in 0..KEPT as u32 + 3 {
            listeners.tell(&fact(number));
            assert!(quick.recv().await.is_ok());
        }
        assert!(matches!(slow.recv().await, Err(RecvError::Lagged(3))));
        let first = slow.recv().await.unwrap();
        assert!(
            matches!(first, Event::HostUnbanned { ip } if ip == IpAddr::from([0, 0, 0, 3])),
            "{first:?}"
        );
        drop(listeners);
        assert!(matches!(quick.recv().await, Err(RecvError::Closed)));
        assert!(matches!(
            outside.read().recv().await,
            Err(RecvError::Closed)
        ));
    }

    #[test]
    fn nothing_is_kept_for_readers_that_have_gone() {
        let listeners = Listeners::default();
        drop(listeners.downgrade().read());
        listeners.tell(&fact(1));
        assert!(lock(&listeners.0).readers.is_none());
        let mut next = listeners.downgrade().read();
        assert!(matches!(next.try_recv(), Err(TryRecvError::Empty)));
    }
}
