//! One timer per actor: deadlines are data of the machine, and this wakes the actor for the next.
//!
//! Thousands of `run_later`s would all be polled at every message (an actor's futures share one
//! wake-up). An [`Alarm`] is a single future that looks at the nearest deadline.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use actix::{Actor, ActorFuture, Context};
use swarmlet_protocol::time::Timestamp;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::clock::Clock;

/// An actor whose machine has deadlines.
pub trait Alarmed: Actor<Context = Context<Self>> {
    /// The node's clock.
    fn clock(&self) -> Clock;
    /// The nearest deadline, if there is one.
    fn deadline(&self) -> Option<Timestamp>;
    /// The deadline has come.
    fn ring(&mut self, context: &mut Context<Self>);
}

/// The future that rings. Spawn it once, in `started`.
#[derive(Debug)]
pub struct Alarm<A> {
    timer: Option<Pin<Box<Sleep>>>,
    actor: PhantomData<fn(A)>,
}

impl<A> Default for Alarm<A> {
    fn default() -> Self {
        Self { timer: None, actor: PhantomData }
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
        for _ in 0..RINGS {
            let Some(deadline) = actor.deadline() else {
                self.timer = None;
                return Poll::Pending;
            };
            let deadline = actor.clock().instant(deadline);
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
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
