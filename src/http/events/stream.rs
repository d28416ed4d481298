//! `/api/v1/events`: server-sent events (WHATWG HTML, 9.2).

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::unfold;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::{Fact, Picture, Seat};
use crate::http::face::Inner;
use crate::http::problem::Problem;

/// 10 s: how often a silent stream says that it is alive: proxies close silent connections, and a page
/// must notice that its node is gone.
const ALIVE: Duration = Duration::from_secs(10);

/// One reader.
struct Stream {
    /// Given back when the stream ends.
    _seat: Seat,
    can_change: bool,
    facts: Receiver<Arc<Fact>>,
    pictures: watch::Receiver<Picture>,
    /// What was sent last, to send what has changed.
    shown: [Option<Arc<str>>; 3],
    closed: watch::Receiver<bool>,
    alive: Interval,
    /// What is to be said before anything else.
    first: Option<String>,
}

/// The event stream
///
/// Server-sent events. On connection the latest `status`, `swarms` and `peers` (as their own requests
/// answer them) and the facts that are kept, the last 256; then facts as they happen, and those three
/// again, once a second at most, when they changed. Facts have an `id`; a reader that comes back with
/// `Last-Event-ID` gets those that it missed. One that reads too slowly is told how many it missed by an event
/// `lagged`.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "events",
    params(("Last-Event-ID" = Option<u64>, Header, description = "The last fact that the reader has")),
    responses(
        (status = 200, description = "Events without an end", content_type = "text/event-stream", body = String),
        (status = 400, description = "The request cannot be understood", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "A token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The host is not this machine", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many readers, or the node stops", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn events(
    request: HttpRequest,
    inner: Data<Inner>,
) -> Result<HttpResponse, Problem> {
    let hub = &inner.hub;
    let Some(seat) = hub.sit() else {
        return Err(Problem::busy(
            "256 readers hear of events already, which is the limit",
        ));
    };
    let last = match request.headers().get("last-event-id") {
        None => None,
        Some(id) => {
            let id = id.to_str().ok().and_then(|id| id.parse().ok());
            Some(id.ok_or_else(|| Problem::invalid("Last-Event-ID must be a number"))?)
        }
    };
    let can_change = inner.can_change(&request);
    let picture = inner.picture().await.ok_or_else(Problem::shut_down)?;
    let pictures = hub.picture.subscribe();
    let (news, facts) = hub.subscribe(last);
    let mut shown = Default::default();
    let mut first = "retry: 1000\n\n".to_owned();
    first += &changes(&picture, can_change, &mut shown);
    news.iter().for_each(|fact| first += &framed(fact));
    let mut alive = interval_at(Instant::now() + ALIVE, ALIVE);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stream = Stream {
        _seat: seat,
        can_change,
        facts,
        pictures,
        shown,
        closed: hub.closed.subscribe(),
        alive,
        first: Some(first),
    };
    let body = unfold(stream, |mut stream| async move {
        let text = stream.next().await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), stream))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-cache"))
        // A proxy that collects an answer would collect this one for ever.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(body))
}

impl Stream {
    /// The next words, as soon as there are some; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            if *self.closed.borrow() {
                return None;
            }
            tokio::select! {
                biased;
                _ = self.closed.changed() => return None,
                fact = self.facts.recv() => match fact {
                    Ok(fact) => return Some(framed(&fact)),
                    Err(RecvError::Lagged(missed)) => {
                        return Some(format!("event: lagged\ndata: {{\"missed\":{missed}}}\n\n"));
                    }
                    Err(RecvError::Closed) => return None,
                },
                changed = self.pictures.changed() => {
                    changed.ok()?;
                    let picture = self.pictures.borrow_and_update().clone();
                    let text = changes(&picture, self.can_change, &mut self.shown);
                    if !text.is_empty() {
                        return Some(text);
                    }
                }
                _ = self.alive.tick() => return Some(": alive\n\n".to_owned()),
            }
        }
    }
}

fn framed(fact: &Fact) -> String {
    format!(
        "id: {}\nevent: {}\ndata: {}\n\n",
        fact.id, fact.kind, fact.data
    )
}

/// The parts of a picture that are not as they were shown.
fn changes(picture: &Picture, can_change: bool, shown: &mut [Option<Arc<str>>; 3]) -> String {
    let status = &picture.status[usize::from(!can_change)];
    let parts = [
        ("status", status),
        ("swarms", &picture.swarms),
        ("peers", &picture.peers),
    ];
    let mut text = String::new();
    for ((kind, now), before) in parts.into_iter().zip(shown) {
        if !now.is_empty() && before.as_ref() != Some(now) {
            text += &format!("event: {kind}\ndata: {now}\n\n");
            *before = Some(Arc::clone(now));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_sent_again_and_each_reader_gets_its_own_status() {
        let mut picture = Picture {
            status: [
                "{\"can_change\":true}".into(),
                "{\"can_change\":false}".into(),
            ],
            swarms: "{\"swarms\":[]}".into(),
            peers: "{\"peers\":[]}".into(),
        };
        let mut shown = Default::default();
        let first = changes(&picture, false, &mut shown);
        assert!(first.contains("event: status\ndata: {\"can_change\":false}\n\n"));
        assert!(first.contains("event: peers\n"));
        assert_eq!(changes(&picture, false, &mut shown), "");
        picture.peers = "{\"peers\":[1]}".into();
        let next = changes(&picture, false, &mut shown);
        assert_eq!(next, "event: peers\ndata: {\"peers\":[1]}\n\n");
    }
}
