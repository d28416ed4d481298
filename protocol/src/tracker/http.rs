//! Announces over HTTP (BEP 3), with compact answers (BEP 23) and IPv6 peers (BEP 7).
//!
//! Our own address is not sent: the tracker sees where the request comes from, and what is said
//! here could be said of others.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use super::announce::{Announce, Answer, AskError, Event};
use super::limits::{LEFT_UNKNOWN, MAX_TRACKER_ID, MAX_WORDS};
use super::url::TrackerUrl;
use crate::address::{CompactError, decode_v4, decode_v6};
use crate::bencode::{self, Dict, Value};
use crate::text::{percent_encode, printable};

/// The URL to get: the tracker's with our query behind it. A query that it has already is kept, a
/// fragment is not.
#[must_use]
pub fn request(tracker: &TrackerUrl, announce: &Announce) -> String {
    let text = tracker.as_str();
    let text = text.split_once('#').map_or(text, |(before, _)| before);
    let mut url = String::with_capacity(text.len() + 256);
    url.push_str(text);
    url.push(match text.split_once('?') {
        None => '?',
        Some(_) => '&',
    });
    url.push_str("info_hash=");
    let _ = percent_encode(&mut url, &announce.info_hash.0);
    url.push_str("&peer_id=");
    let _ = percent_encode(&mut url, &announce.peer_id.0);
    let figures = announce.figures;
    // Writing into a string cannot fail.
    let _ = write!(
        url,
        "&port={}&uploaded={}&downloaded={}&left={}&compact=1&no_peer_id=1&numwant={}&key={:08x}",
        announce.port,
        figures.uploaded,
        figures.downloaded,
        figures.left.unwrap_or(LEFT_UNKNOWN),
        announce.wanted,
        announce.key,
    );
    url.push_str(match announce.event {
        Event::Completed => "&event=completed",
        Event::Paused => "&event=paused",
        Event::Regular => "",
        Event::Started => "&event=started",
        Event::Stopped => "&event=stopped",
    });
    if let Some(id) = &announce.tracker_id {
        url.push_str("&trackerid=");
        let _ = percent_encode(&mut url, id);
    }
    url
}

/// Reads the body of an answer.
///
/// # Errors
/// The tracker refuses us (`failure reason`), or its bytes are no answer.
pub fn answer(body: &[u8]) -> Result<Answer, AskError> {
    let garbage = |what: String| AskError::Garbage(what);
    let value = bencode::decode(body).map_err(|error| garbage(error.to_string()))?;
    let Value::Dict(dict) = value else {
        let what = format!("it is {}; it must be a dictionary", value.kind());
        return Err(garbage(what));
    };
    if let Some(reason) = words(&dict, b"failure reason") {
        return Err(AskError::Refused(reason));
    }
    let number = |key: &[u8]| dict.get(key).and_then(|value| value.integer());
    let mut answer = Answer::bounded(number(b"interval"), number(b"min interval"));
    let count = |key| number(key).and_then(|count| u32::try_from(count).ok());
    answer.complete = count(b"complete");
    answer.incomplete = count(b"incomplete");
    answer.warning = words(&dict, b"warning message");
    answer.tracker_id = dict
        .get(b"tracker id")
        .and_then(|id| id.bytes())
        .filter(|id| !id.is_empty() && id.len() <= MAX_TRACKER_ID)
        .map(<[u8]>::to_vec);
    let broken = |error: CompactError| garbage(error.to_string());
    match dict.get(b"peers") {
        Some(Value::Bytes(bytes)) => {
            answer.add_peers(decode_v4(bytes).map_err(broken)?);
        }
        Some(Value::List(peers)) => answer.add_peers(peers.iter().filter_map(peer)),
        None => {}
        Some(other) => {
            let what = format!("'peers' is {}; it must be a string or a list", other.kind());
            return Err(garbage(what));
        }
    }
    if let Some(bytes) = dict.get(b"peers6").and_then(|peers| peers.bytes()) {
        answer.add_peers(decode_v6(bytes).map_err(broken)?);
    }
    Ok(answer)
}

/// A peer as BEP 3 has it: a dictionary. One that gives a host name is left out: nobody resolves
/// names for strangers.
fn peer(value: Value<'_>) -> Option<SocketAddr> {
    let dict = value.dict()?;
    let ip: IpAddr = dict.get(b"ip")?.text()?.parse().ok()?;
    let port = u16::try_from(dict.get(b"port")?.integer()?).ok()?;
    Some(SocketAddr::new(ip.to_canonical(), port))
}

fn words(dict: &Dict<'_>, key: &[u8]) -> Option<String> {
    Some(printable(dict.get(key)?.bytes()?, MAX_WORDS))
}
