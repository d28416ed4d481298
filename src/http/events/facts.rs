//! Events of the node as facts of the stream: a word, fields, and a line for people.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use crate::Event;

/// 100 numbers of damaged pieces are told; how many there are is told as well.
const PIECES_SHOWN: usize = 100;

/// The fact that an event is; `None` of those that the pictures show better.
pub(in crate::http) fn fact(
    event: &Event,
    now: SystemTime,
) -> Option<(&'static str, Map<String, Value>)> {
    let (kind, text, fields) = match event {
        Event::Listening(address) => (
            "listening",
            format!("listening on {address}"),
            json!({ "address": address.to_string() }),
        ),
        Event::ContentKnown {
            info_hash,
            size,
            name,
            ..
        } => (
            "content-known",
            format!("{name} is known: {size} bytes"),
            json!({ "infohash": info_hash.to_string(), "name": name, "size_bytes": size }),
        ),
        Event::ContentRefused { info_hash, error } => (
            "content-refused",
            format!("{info_hash} cannot be kept: {error}"),
            json!({ "infohash": info_hash.to_string(), "error": error }),
        ),
        Event::Completed { info_hash } => of_swarm("completed", info_hash, "is complete"),
        Event::Incomplete { info_hash } => of_swarm(
            "incomplete",
            info_hash,
            "is not complete: pieces are missing, or are being checked anew",
        ),
        Event::StoragePaused { info_hash, error } => (
            "storage-paused",
            error.clone(),
            json!({ "infohash": info_hash.to_string(), "error": error }),
        ),
        Event::StorageResumed { info_hash } => {
            of_swarm("storage-resumed", info_hash, "can be written again")
        }
        Event::Damaged { info_hash, pieces } => {
            let (count, of_many) = (pieces.len(), pieces.len() > 1);
            let first = pieces.first().copied().unwrap_or_default();
            let which = match of_many {
                true => format!("{count} pieces, the first of them {first}, are damaged"),
                false => format!("piece {first} is damaged"),
            };
            let shown: Vec<_> = pieces.iter().take(PIECES_SHOWN).collect();
            (
                "damaged",
                format!("{info_hash}: {which}"),
                json!({ "infohash": info_hash.to_string(), "count": count, "pieces": shown }),
            )
        }
        Event::Healed { info_hash } => of_swarm(
            "healed",
            info_hash,
            "is healed: all that was damaged is right again",
        ),
        Event::SwarmAdded { info_hash } => {
            of_swarm("swarm-added", info_hash, "is kept from now on")
        }
        Event::SwarmRemoved { info_hash } => {
            of_swarm("swarm-removed", info_hash, "is not kept any more")
        }
        Event::SwarmPaused { info_hash } => of_swarm("swarm-paused", info_hash, "is paused"),
        Event::SwarmResumed { info_hash } => of_swarm("swarm-resumed", info_hash, "goes on"),
        Event::Verifying { info_hash } => of_swarm("verifying", info_hash, "is checked anew"),
        Event::PeerJoined {
            info_hash,
            address,
            client,
            fleet,
        } => (
            "peer-joined",
            format!("{} joined: {}", address, named(client.as_deref())),
            json!({
                "infohash": info_hash.to_string(),
                "address": address.to_string(),
                "client": client,
                "class": class(*fleet),
            }),
        ),
        Event::PeerLost {
            info_hash,
            address,
            client,
            fleet,
            reason,
        } => (
            "peer-lost",
            format!("{} is gone: {reason}", address),
            json!({
                "infohash": info_hash.to_string(),
                "address": address.to_string(),
                "client": client,
                "class": class(*fleet),
                "reason": reason,
            }),
        ),
        Event::HostBanned { ip, time, reason } => (
            "banned",
            format!("{ip} is not spoken to{}: {reason}", span(*time)),
            json!({
                "ip": ip.to_string(),
                "seconds": time.map(|time| time.as_secs()),
                "reason": reason,
            }),
        ),
        Event::HostUnbanned { ip } => (
            "unbanned",
            format!("{ip} is spoken to again"),
            json!({ "ip": ip.to_string() }),
        ),
        Event::ActorPanicked { actor, panic } => (
            "actor-panicked",
            format!("{actor} panicked and starts anew: {panic}"),
            json!({ "actor": actor, "panic": panic }),
        ),
        Event::ActorStuck { actor, silent } => (
            "actor-stuck",
            format!(
                "{actor} did not answer for {} s and starts anew",
                silent.as_secs()
            ),
            json!({ "actor": actor, "seconds": silent.as_secs() }),
        ),
        Event::ThreadStuck { thread, stood } => (
            "thread-stuck",
            format!("{thread} stands still for {} s", stood.as_secs()),
            json!({ "thread": thread, "seconds": stood.as_secs() }),
        ),
        Event::Failed { error } => ("failed", error.clone(), json!({ "error": error })),
        _ => return None,
    };
    let mut data = Map::new();
    data.insert("time".to_owned(), json!(rfc3339(now)));
    data.insert("text".to_owned(), json!(text));
    if let Value::Object(fields) = fields {
        data.extend(fields);
    }
    Some((kind, data))
}

fn of_swarm(
    kind: &'static str,
    info_hash: &impl ToString,
    what: &str,
) -> (&'static str, String, Value) {
    let infohash = info_hash.to_string();
    let text = format!("{infohash} {what}");
    (kind, text, json!({ "infohash": infohash }))
}

const fn class(fleet: bool) -> &'static str {
    if fleet { "fleet" } else { "foreign" }
}

fn named(client: Option<&str>) -> &str {
    client.unwrap_or("a client that does not say its name")
}

fn span(time: Option<Duration>) -> String {
    time.map(|time| format!(" for {} s", time.as_secs()))
        .unwrap_or_default()
}

/// A time of day in UTC, to the millisecond (RFC 3339).
fn rfc3339(time: SystemTime) -> String {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let seconds = since.as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days as i64);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        second / 3_600,
        second / 60 % 60,
        second % 60,
        since.subsec_millis()
    )
}

/// The date that lies so many days after 1970-01-01, in the Gregorian calendar (Howard Hinnant,
/// "chrono-compatible low-level date algorithms", `civil_from_days`).
const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + (month <= 2) as i64;
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_795_867_199, "2026-11-28T11:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(rfc3339(time), text);
        }
    }

    #[test]
    fn a_fact_has_a_time_a_line_and_its_fields() {
        let lost = Event::PeerLost {
            info_hash: swarmlet_protocol::id::InfoHash([7; 20]),
            address: "10.0.0.7:1".parse().unwrap(),
            client: None,
            fleet: true,
            reason: "closed by the peer".to_owned(),
        };
        let (kind, data) = fact(&lost, SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(kind, "peer-lost");
        assert_eq!(data["text"], "10.0.0.7:1 is gone: closed by the peer");
        assert_eq!(data["class"], "fleet");
        assert_eq!(data["time"], "1970-01-01T00:00:00.000Z");
    }
}
