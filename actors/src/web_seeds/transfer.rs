//! One request, from its first packet to its end: its words go to the actor one at a time.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use actix::{Message, Recipient};
use bytes::Bytes;
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, HeaderName, RETRY_AFTER};
use swarmlet_protocol::id::LinkId;
use swarmlet_protocol::web_seed::{End, Head, TransferId};
use tokio::task::AbortHandle;
use tokio::time::sleep_until;

use super::client::{Clients, Request, in_time};
use crate::clock::Clock;
use crate::credit::Credit;
use crate::limits::SharedLimit;

/// Something of a request. From its task, which waits until it was handled.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Arrived {
    pub(super) link: LinkId,
    pub(super) transfer: TransferId,
    pub(super) what: Arrival,
}

#[derive(Debug)]
pub(super) enum Arrival {
    Head(Head),
    Body(Bytes),
    End(End),
}

/// A request that runs.
pub(super) struct Transfer {
    pub(super) link: LinkId,
    pub(super) id: TransferId,
    pub(super) request: Request,
    pub(super) clients: Rc<Clients>,
    /// For parts of long pieces: nothing is read while too many wait to be written.
    pub(super) parts: Rc<Credit>,
    pub(super) limits: Vec<SharedLimit>,
    pub(super) clock: Clock,
    pub(super) actor: Recipient<Arrived>,
}

/// Ends with its value.
#[derive(Debug)]
pub(super) struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Transfer {
    pub(super) fn start(self) -> Task {
        Task(actix_rt::spawn(self.run()).abort_handle())
    }

    async fn run(self) {
        let end = match self.fetch().await {
            Ok(()) => End::Finished,
            Err(why) => End::Lost(why),
        };
        self.tell(Arrival::End(end)).await;
    }

    async fn fetch(&self) -> Result<(), String> {
        let mut response = self.clients.ask(&self.request).await?;
        self.tell(Arrival::Head(head(&response))).await;
        while let Some(bytes) = in_time(response.chunk()).await? {
            self.wait_for_turn(bytes.len() as u64).await;
            self.tell(Arrival::Body(bytes)).await;
            poll_fn(|task| match self.parts.is_available(task.waker()) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
            .await;
        }
        Ok(())
    }

    async fn tell(&self, what: Arrival) {
        let (link, transfer) = (self.link, self.id);
        // An actor that is gone has ended this task, too.
        let _ = self
            .actor
            .send(Arrived {
                link,
                transfer,
                what,
            })
            .await;
    }

    /// What came is paid for before more is read.
    async fn wait_for_turn(&self, mut bytes: u64) {
        let quanta = self.limits.iter().map(SharedLimit::quantum);
        let Some(quantum) = quanta.min() else { return };
        while bytes > 0 {
            let share = bytes.min(quantum);
            let now = self.clock.now();
            let times = self.limits.iter().map(|limit| limit.reserve(share, now));
            let due = times.max().unwrap_or(now);
            if due > now {
                sleep_until(self.clock.instant(due)).await;
            }
            bytes -= share;
        }
    }
}

fn head(response: &Response) -> Head {
    let text = |name: HeaderName| {
        let value = response.headers().get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    Head {
        status: response.status().as_u16(),
        content_range: text(CONTENT_RANGE),
        content_length: text(CONTENT_LENGTH).and_then(|length| length.parse().ok()),
        content_encoding: text(CONTENT_ENCODING),
        retry_after: text(RETRY_AFTER),
    }
}
