//! An end of a connection, as a session holds it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::time::{Sleep, sleep_until};

use super::network::{Network, lock, now};
use super::traffic::{Found, Link};

/// One end.
pub struct Stream {
    network: Network,
    link: Arc<Mutex<Link>>,
    end: usize,
    timer: Mutex<Option<Pin<Box<Sleep>>>>,
}

impl Stream {
    pub(super) const fn new(network: Network, link: Arc<Mutex<Link>>, end: usize) -> Self {
        let timer = Mutex::new(None);
        Self {
            network,
            link,
            end,
            timer,
        }
    }

    /// What is there to be read; the task is woken when that changes.
    fn find(&self, task: &mut Context<'_>) -> Found {
        let mut link = lock(&self.link);
        let [ours, theirs] = [self.end, 1 - self.end].map(|end| link.ends[end].at.ip());
        let found = link.found(self.end, now());
        let found = match found {
            Found::Broken | Found::Nothing(_) => found,
            _ if !self.network.is_blocked(theirs, ours) => return found,
            // It is there, and cannot get here.
            _ => Found::Nothing(None),
        };
        link.ways[1 - self.end].reader = Some(task.waker().clone());
        drop(link);
        if let Found::Nothing(Some(at)) = found {
            let mut timer = Box::pin(sleep_until(at));
            if timer.as_mut().poll(task).is_ready() {
                task.waker().wake_by_ref();
            }
            *lock(&self.timer) = Some(timer);
        }
        found
    }

    pub(crate) fn poll_read_ready(&self, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.find(task) {
            Found::Nothing(_) => Poll::Pending,
            _ => Poll::Ready(Ok(())),
        }
    }

    pub(crate) fn poll_read(
        &self,
        task: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self.find(task) {
            Found::Nothing(_) => Poll::Pending,
            Found::Broken => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Found::Closed => Poll::Ready(Ok(0)),
            Found::Bytes => {
                let read = lock(&self.link).ways[1 - self.end].take(buffer, now());
                Poll::Ready(Ok(read))
            }
        }
    }

    pub(crate) fn poll_write(
        &self,
        task: &Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let now = now();
        let mut link = lock(&self.link);
        let theirs = 1 - self.end;
        if link.ends[self.end].reset.is_some_and(|at| at <= now) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if link.ways[self.end].is_closed() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let wanted: usize = slices.iter().map(|slice| slice.len()).sum();
        let room = link.ways[self.end].room().min(wanted);
        if room == 0 && wanted > 0 {
            link.ways[self.end].writer = Some(task.waker().clone());
            return Poll::Pending;
        }
        let (some, is_cut) = link.ways[self.end].until_cut(room);
        let mut bytes = Vec::with_capacity(some);
        for slice in slices {
            let rest = some - bytes.len();
            bytes.extend_from_slice(&slice[..slice.len().min(rest)]);
        }
        let free = link.ways[self.end].free.map_or(now, |free| free.max(now));
        let free = free + self.network.leaving(some);
        link.ways[self.end].free = Some(free);
        let arrive = free + self.network.delay();
        if some > 0 {
            link.ways[self.end].send(bytes, arrive);
        }
        if is_cut {
            link.reset(theirs, arrive);
            link.reset(self.end, now + self.network.delay());
        }
        let gone = &link.ends[theirs];
        let is_silent = gone.vanished && self.network.is_absent(gone.at.ip());
        if !gone.open && !is_silent {
            // Nobody has such a connection there, and says so.
            link.reset(self.end, arrive + self.network.delay());
        }
        Poll::Ready(Ok(some))
    }

    pub(crate) fn shut(&self) {
        let arrive = now() + self.network.delay();
        lock(&self.link).ways[self.end].close(arrive);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut link = lock(&self.link);
        let ours = &mut link.ends[self.end];
        ours.open = false;
        if self.network.is_absent(ours.at.ip()) {
            ours.vanished = true;
            return;
        }
        let arrive = now() + self.network.delay();
        link.ways[self.end].close(arrive);
        if link.ways[1 - self.end].has_unread() {
            // As the kernel does when a program leaves bytes unread.
            link.reset(1 - self.end, arrive);
        }
        link.wake();
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stream(..)")
    }
}
