//! One timer per actor: deadlines are data of the machine, and this wakes the actor for the next.
//!
//! Thousands of `run_later`s would all be polled at every message (an actor's futures share one
//! wake-up). An [`Alarm`] is a single future that looks at the nearest deadline.
//!
//! An actor's futures are polled in the order in which they were spawned, once per wake-up. So an
//! alarm that was polled first does not see a deadline that a later future of the same turn
//! brought about: such a future calls [`Bell::rouse`] at its end.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, Waker};

use actix::{Actor, ActorFuture, Context};
use swarmlet_protocol::time::Timestamp;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::clock::Clock;

/// An actor whose machine has deadlines.
pub trait Alarmed: Actor<Context = Context<Self>> {
    /// The node's clock.
    fn clock(&self) -> Clock;
    /// Where the alarm leaves its waker.
    fn bell(&mut self) -> &mut Bell;
    /// The nearest deadline, if there is one.
    fn deadline(&self) -> Option<Timestamp>;
    /// The deadline has come.
    fn ring(&mut self, context: &mut Context<Self>);
}

/// Wakes the actor's futures once more.
#[derive(Debug, Default)]
pub struct Bell {
    waker: Option<Waker>,
}

impl Bell {
    /// Keeps the waker of the present task.
    pub fn hang(&mut self, task: &TaskContext<'_>) {
        if !self
            .waker
            .as_ref()
            .is_some_and(|waker| waker.will_wake(task.waker()))
        {
            self.waker = Some(task.waker().clone());
        }
    }

    /// All futures of the actor are polled again soon.
    pub fn rouse(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

/// The future that rings. Spawn it once, in `started`.
#[derive(Debug)]
pub struct Alarm<A> {
    timer: Option<Pin<Box<Sleep>>>,
    actor: PhantomData<fn(A)>,
}

impl<A> Default for Alarm<A> {
    fn default() -> Self {
        Self {
            timer: None,
            actor: PhantomData,
        }
    }
}

impl<A: Alarmed> ActorFuture<A> for Alarm<A> {
    type Output = ();

    fn poll(
        mut self: Pin<&mut Self>,
        actor: &mut A,
        context: &mut Context<A>,
        task: &mut TaskContext<'_>,
    ) -> Poll<()> {
        actor.bell().hang(task);
        for _ in 0..RINGS {
            let Some(deadline) = actor.deadline() else {
                self.timer = None;
                return Poll::Pending;
            };
            let deadline = actor.clock().instant(deadline);
            let timer = self
                .timer
                .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if deadline < timer.deadline() {
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(task).is_pending() {
                return Poll::Pending;
            }
            self.timer = None;
            if deadline <= Instant::now() {
                actor.ring(context);
            }
        }
        // A machine that always has a deadline in the past must not stop the whole arbiter.
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Deadlines that may be met in one turn.
const RINGS: usize = 8;
