//! Moves bytes between a session's socket and its machine.
//!
//! A future of the session's context: it is polled whenever the actor was woken, with the actor in
//! hand, so bytes go from the socket straight into the machine. It reads a quarter of a MiB at a
//! time into a buffer that all links of the arbiter share, and yields after a MiB so that a fast
//! link does not starve its neighbours.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use actix::{ActorContext, ActorFuture, Context};
use swarmlet_protocol::encryption::Side;
use swarmlet_protocol::session::Input;
use swarmlet_protocol::time::Timestamp;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::Session;
use crate::messages::discovery::{LinkEnd, LinkEvent};

/// 256 KiB: one read. Measured: larger ones gain little, smaller ones cost wake-ups.
const READ_SIZE: usize = 256 * 1024;

/// 1 MiB: bytes read in one turn before other actors of the arbiter get theirs.
const TURN: usize = 1024 * 1024;

/// 160: slices in one vectored write: a MiB of blocks with their heads, and some words between.
const SLICES: usize = 160;

/// 64 KiB: bytes encrypted at once; they are copied, and wait beside the outbox.
const SEALED: usize = 64 * 1024;

/// 500 ms: what we wrote last must reach the peer before the socket is closed, but not at any price.
const LINGER: Duration = Duration::from_millis(500);

thread_local! {
    /// Idle links own no buffer; the one in use stays in the cache.
    static STAGING: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_SIZE]);
}

pub(super) struct Pump {
    timer: Option<Pin<Box<Sleep>>>,
    /// Runs while we wait for the peer to close its side.
    linger: Option<Pin<Box<Sleep>>>,
    shut: bool,
}

/// What one attempt on the socket came to.
enum Progress {
    Moved,
    Blocked,
}

impl Pump {
    pub(super) const fn new() -> Self {
        Self {
            timer: None,
            linger: None,
            shut: false,
        }
    }
}

impl ActorFuture<Session> for Pump {
    type Output = ();

    fn poll(
        mut self: Pin<&mut Self>,
        session: &mut Session,
        context: &mut Context<Session>,
        task: &mut TaskContext<'_>,
    ) -> Poll<()> {
        session.setup.counters.turns.add(1);
        session.bell.hang(task);
        let poll = self.work(session, context, task);
        session.show();
        poll
    }
}

impl Pump {
    fn work(
        &mut self,
        session: &mut Session,
        context: &mut Context<Session>,
        task: &mut TaskContext<'_>,
    ) -> Poll<()> {
        let mut read = 0;
        loop {
            if session.end.is_some() {
                session.hand_over();
                context.terminate();
                return Poll::Ready(());
            }
            session.spend(context, task);
            let written = session.write(context, task);
            if session.closing.is_some() {
                if self.poll_closing(session, task).is_ready() {
                    continue;
                }
                return Poll::Pending;
            }
            let (moved, bytes) = session.read(context, task);
            read += bytes;
            if session.end.is_none() && self.poll_timer(session, task).is_ready() {
                session.input(Input::Wake, context);
                continue;
            }
            if read >= TURN {
                task.waker().wake_by_ref();
                return Poll::Pending;
            }
            if matches!((written, moved), (Progress::Blocked, Progress::Blocked))
                && session.end.is_none()
            {
                return Poll::Pending;
            }
        }
    }

    /// Is the machine's next deadline past? The timer is only moved when a deadline is nearer than
    /// it; one that moved away makes the timer fire early, once.
    fn poll_timer(&mut self, session: &Session, task: &mut TaskContext<'_>) -> Poll<()> {
        let deadline = session.machine.next_timeout();
        if deadline == Timestamp::NEVER {
            return Poll::Pending;
        }
        let deadline = session.setup.clock.instant(deadline);
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if deadline < timer.deadline() {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(task).is_ready() {
            if deadline <= Instant::now() {
                self.timer = None;
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    /// Says goodbye: when all is written, closes our side and waits a little for the peer's.
    fn poll_closing(&mut self, session: &mut Session, task: &mut TaskContext<'_>) -> Poll<()> {
        let linger = self.linger.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut over = linger.as_mut().poll(task).is_ready();
        let all_written = session.machine.outbox().is_empty()
            && session.envelope.is_empty()
            && session.wire.poll_flush(task).is_ready();
        if all_written && !std::mem::replace(&mut self.shut, true) {
            over |= session.wire.shut(task).is_err();
        }
        over |= session.drain(task);
        if !over {
            return Poll::Pending;
        }
        let reason = session.closing.clone().unwrap_or_default();
        session.finish(LinkEnd::Closed, reason);
        Poll::Ready(())
    }
}

impl Session {
    /// Lets as many bytes of blocks leave as the limits allow. Words are never held back.
    fn spend(&mut self, context: &mut Context<Self>, task: &mut TaskContext<'_>) {
        while self.upload.is_limited()
            && let Some(wanted) = self.machine.wanted_allowance()
        {
            let clock = self.setup.clock;
            let Poll::Ready(bytes) = self.upload.poll_reserve(wanted, clock, task) else {
                return;
            };
            let mut out = Vec::new();
            let now = self.setup.clock.now();
            self.machine.allow_upload(bytes, now, &mut out);
            self.perform(out, context);
        }
    }

    /// Writes what waits, as far as the socket takes it.
    fn write(&mut self, context: &mut Context<Self>, task: &mut TaskContext<'_>) -> Progress {
        let mut progress = Progress::Blocked;
        if let Poll::Ready(Err(error)) = self.wire.poll_flush(task) {
            self.broke(&error);
            return Progress::Moved;
        }
        while self.fill_envelope(context) {
            let enveloped = !self.envelope.is_empty();
            let written = if enveloped {
                let waiting = [IoSlice::new(self.envelope.outgoing())];
                self.wire.poll_write(task, &waiting)
            } else {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let filled = self.machine.outbox().slices(&mut slices);
                self.wire.poll_write(task, &slices[..filled])
            };
            match written {
                Poll::Pending => return progress,
                Poll::Ready(Ok(count)) => {
                    if enveloped {
                        self.envelope.sent(count);
                    } else {
                        self.left_the_outbox(count, context);
                    }
                    progress = Progress::Moved;
                }
                Poll::Ready(Err(error)) => {
                    self.broke(&error);
                    return Progress::Moved;
                }
            }
        }
        progress
    }

    /// Encrypts what waits where all must be; says whether there is something to write.
    fn fill_envelope(&mut self, context: &mut Context<Self>) -> bool {
        if !self.envelope.is_empty() {
            return true;
        }
        if self.machine.outbox().is_empty() || !self.envelope.is_open() {
            return false;
        }
        if self.envelope.is_ciphered() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let filled = self.machine.outbox().slices(&mut slices);
            let mut count = 0;
            for slice in &slices[..filled] {
                let part = &slice[..slice.len().min(SEALED - count)];
                self.envelope.seal(part);
                count += part.len();
            }
            self.left_the_outbox(count, context);
        }
        true
    }

    fn left_the_outbox(&mut self, count: usize, context: &mut Context<Self>) {
        let mut out = Vec::new();
        let now = self.setup.clock.now();
        self.machine.written(count, now, &mut out);
        self.perform(out, context);
    }

    /// Reads once, if the machine and the receivers of its facts can take more.
    fn read(
        &mut self,
        context: &mut Context<Self>,
        task: &mut TaskContext<'_>,
    ) -> (Progress, usize) {
        if !self.machine.wants_bytes() {
            return (Progress::Blocked, 0);
        }
        if !self.credit.is_available(task.waker()) || !self.parts.is_available(task.waker()) {
            self.hold_up(context);
            return (Progress::Blocked, 0);
        }
        match self.wire.poll_read_ready(task) {
            Poll::Pending => return (Progress::Blocked, 0),
            Poll::Ready(Err(error)) => {
                self.broke(&error);
                return (Progress::Moved, 0);
            }
            Poll::Ready(Ok(())) => {}
        }
        let mut most = READ_SIZE;
        if self.download.is_limited() {
            if self.download.poll(self.setup.clock, task).is_pending() {
                self.hold_up(context);
                return (Progress::Blocked, 0);
            }
            most = usize::try_from(self.download.quantum()).map_or(most, |it| it.min(most));
        }
        STAGING.with_borrow_mut(|staging| {
            let read = self.wire.poll_read(task, &mut staging[..most]);
            self.meet();
            match read {
                Poll::Pending => (Progress::Blocked, 0),
                Poll::Ready(Ok(0)) => {
                    self.closed_by_peer();
                    (Progress::Moved, 0)
                }
                Poll::Ready(Ok(count)) => {
                    self.download.spend(count as u64, self.setup.clock.now());
                    match self.envelope.open(&mut staging[..count]) {
                        Ok(bytes) => {
                            let mut out = Vec::new();
                            let now = self.setup.clock.now();
                            let judged = self.machine.receive(&bytes, now, &mut out);
                            self.perform(out, context);
                            self.judged(judged);
                        }
                        Err(refusal) => {
                            let end = match self.setup.side {
                                Side::Acceptor(_) => LinkEnd::Violation { ban: false },
                                // It may understand us when we speak the other way.
                                Side::Dialer(_) | Side::Plain => LinkEnd::Unanswered,
                            };
                            self.finish(end, refusal.to_string());
                        }
                    }
                    (Progress::Moved, count)
                }
                Poll::Ready(Err(error)) => {
                    self.broke(&error);
                    (Progress::Moved, 0)
                }
            }
        })
    }

    /// The peer has proved who it is: before anything that it says is heard.
    fn meet(&mut self) {
        if let Some(peer) = self.wire.take_authenticated() {
            self.setup.gauge.set_secured();
            self.report(LinkEvent::Authenticated(peer));
        }
    }

    /// We do not read what may be there: the peer is not to be blamed for it.
    fn hold_up(&mut self, context: &mut Context<Self>) {
        let mut out = Vec::new();
        self.machine.held_up(self.setup.clock.now(), &mut out);
        self.perform(out, context);
    }

    /// Throws away what still comes; says whether the peer has closed its side.
    fn drain(&mut self, task: &mut TaskContext<'_>) -> bool {
        STAGING.with_borrow_mut(|staging| {
            while let Poll::Ready(read) = self.wire.poll_read(task, staging) {
                if matches!(read, Ok(0) | Err(_)) {
                    return true;
                }
            }
            false
        })
    }

    fn closed_by_peer(&mut self) {
        let end = if self.greeted {
            LinkEnd::Closed
        } else {
            LinkEnd::Unanswered
        };
        self.finish(end, "closed by the peer".to_owned());
    }

    fn broke(&mut self, error: &io::Error) {
        let end = if self.greeted {
            LinkEnd::Lost
        } else {
            LinkEnd::Unanswered
        };
        self.finish(end, format!("the connection broke: {error}"));
    }
}
