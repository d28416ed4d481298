//! A connection on which nothing comes, though more would have to, is ended: whoever leaves a body or a
//! head unfinished must not keep a place for ever.

use std::cell::Cell;
use std::error::Error;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::HttpMessage;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::ConnectionType;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use futures_util::Stream;
use log::debug;
use rustix::net::Shutdown;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep, timeout_at};

/// 10 s: a body of which no more comes for so long is given up.
const BODY: Duration = Duration::from_secs(10);

/// 1 s: what the rest of a body may take to come that nobody reads, as its request is answered already.
const REST: Duration = Duration::from_secs(1);

/// 15 s: what may pass between an answer and the whole head of the next request.
const NEXT: Duration = Duration::from_secs(15);

/// 64 KiB of an answer are handed over at once: it is known that the rest was not taken yet.
const PART: usize = 64 * 1024;

/// A connection. It is ended when its time is over; dropping it ends nothing.
#[derive(Debug)]
pub(super) struct Line {
    stream: OwnedFd,
    /// When its time is over; not while a request is answered.
    until: Cell<Option<Instant>>,
    changed: Rc<Notify>,
}

impl Line {
    /// That connection, watched from now on.
    ///
    /// # Errors
    /// There is no descriptor left.
    pub(super) fn of(stream: &impl AsFd) -> io::Result<Rc<Self>> {
        let line = Rc::new(Self {
            stream: stream.as_fd().try_clone_to_owned()?,
            until: Cell::new(Some(Instant::now() + NEXT)),
            changed: Rc::default(),
        });
        let changed = Rc::clone(&line.changed);
        actix_web::rt::spawn(watch(Rc::downgrade(&line), changed));
        Ok(line)
    }

    fn set(&self, until: Option<Instant>) {
        self.until.set(until);
        self.changed.notify_one();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.changed.notify_one();
    }
}

/// Ends that connection when its time is over.
async fn watch(line: Weak<Line>, changed: Rc<Notify>) {
    while let Some(until) = line.upgrade().map(|line| line.until.get()) {
        let Some(until) = until else {
            changed.notified().await;
            continue;
        };
        if timeout_at(until, changed.notified()).await.is_ok() {
            continue;
        }
        let Some(line) = line.upgrade() else { return };
        if line.until.get() == Some(until) {
            debug!("nothing comes on a connection to the HTTP face: closed");
            let _ = rustix::net::shutdown(&line.stream, Shutdown::Both);
            return;
        }
    }
}

/// A request that is answered, until it is dropped.
struct Turn {
    line: Rc<Line>,
    /// All of its body was read.
    read: Rc<Cell<bool>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let patience = if self.read.get() { NEXT } else { REST };
        self.line.set(Some(Instant::now() + patience));
    }
}

/// Answers a request, and knows when its connection waits for more. Without a [`Line`] it does nothing.
pub(super) async fn answer(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<Answer>, actix_web::Error> {
    let line = request.conn_data::<Rc<Line>>().map(Rc::clone);
    let turn = line.map(|line| {
        line.set(None);
        let read = Rc::new(Cell::new(true));
        match request.take_payload() {
            Payload::None => {}
            payload => {
                read.set(false);
                let body = Body {
                    payload,
                    patience: Box::pin(sleep(BODY)),
                    read: Rc::clone(&read),
                };
                let payload = Box::pin(body);
                request.set_payload(Payload::Stream { payload });
            }
        }
        Turn { line, read }
    });
    let mut answer = next.call(request).await?.map_into_boxed_body();
    if turn.as_ref().is_some_and(|turn| !turn.read.get()) {
        let head = answer.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    Ok(answer.map_body(|_, body| Answer {
        body,
        rest: Bytes::new(),
        _turn: turn,
    }))
}

/// The body of a request.
struct Body {
    payload: Payload,
    patience: Pin<Box<Sleep>>,
    read: Rc<Cell<bool>>,
}

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Poll::Ready(item) = pin!(&mut this.payload).poll_next(context) {
            this.patience.as_mut().reset(Instant::now() + BODY);
            this.read.set(item.is_none());
            return Poll::Ready(item);
        }
        ready!(this.patience.as_mut().poll(context));
        Poll::Ready(Some(Err(PayloadError::Io(io::ErrorKind::TimedOut.into()))))
    }
}

/// The body of an answer.
pub(super) struct Answer {
    body: BoxBody,
    rest: Bytes,
    _turn: Option<Turn>,
}

impl MessageBody for Answer {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_next(context)) {
                Some(Ok(bytes)) => this.rest = bytes,
                end => return Poll::Ready(end),
            }
        }
        let part = this.rest.split_to(this.rest.len().min(PART));
        Poll::Ready(Some(Ok(part)))
    }
}
