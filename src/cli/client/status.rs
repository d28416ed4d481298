//! `status`: how a node is, and its contents.

use std::time::Duration;

use serde_json::{Value, json};
use swarmlet::http::model::{Status, Swarm, SwarmState, Swarms};
use swarmlet_protocol::text::escaped;

use super::connect::Connection;
use super::contents::called;
use super::page::{self, Page};
use super::table::{self, Cell, Column, Row, Tint, UNKNOWN, field};
use super::watch;
use crate::cli::args::StatusArgs;
use crate::cli::error::CliError;
use crate::cli::get::time;
use crate::cli::size::Size;
use crate::cli::{NOT_READY, SUCCESS};

/// The fields of a record, in an order that stays: new ones come last.
pub(super) const FIELDS: [&str; 11] = [
    "infohash",
    "name",
    "state",
    "verified_bytes",
    "size_bytes",
    "down_rate",
    "up_rate",
    "eta_seconds",
    "links",
    "waits",
    "place",
];

/// Those of them that change all the time while something moves.
pub(super) const RESTLESS: std::ops::Range<usize> = 5..8;

const COLUMNS: [Column; 8] = [
    Column::flexible("NAME"),
    Column::text("STATE"),
    Column::text("DONE"),
    Column::number("SIZE"),
    Column::number("DOWN"),
    Column::number("UP"),
    Column::number("LEFT"),
    Column::number("LINKS"),
];

/// 10 characters of a bar: each is a tenth.
const BAR: usize = 10;

/// Shows it, once or until somebody has seen enough; the exit status.
///
/// # Errors
/// The node cannot be asked, or nobody reads what is printed.
pub(super) async fn status(args: &StatusArgs) -> Result<u8, CliError> {
    let connection = Connection::new(&args.client)?;
    let page = Page::new(args.client.json);
    if args.watch {
        return watch::watch(&connection, page).await;
    }
    let status = connection.look::<Status>("/api/v1/status").await?;
    let swarms = connection.look::<Swarms>("/api/v1/swarms").await?;
    if page.is_json() {
        page.json(&document(&status.json, &swarms.json))?;
    } else if page.is_for_people() {
        page.lines(&view(&status.read, &swarms.read, page::width()))?;
    } else {
        let records: Vec<_> = swarms.read.swarms.iter().map(record).collect();
        page.print(&table::separated(&FIELDS, &records))?;
    }
    Ok(match args.check && !status.read.ready {
        true => NOT_READY,
        false => SUCCESS,
    })
}

/// What the API says of the node and of its contents, in one document.
pub(super) fn document(status: &Value, swarms: &Value) -> Value {
    json!({ "status": status, "swarms": swarms["swarms"] })
}

/// The same for people.
pub(super) fn view(status: &Status, swarms: &Swarms, width: usize) -> Vec<String> {
    let mut lines = head(status);
    for line in &mut lines {
        *line = table::cut(line, width).into_owned();
    }
    if !swarms.swarms.is_empty() {
        let rows: Vec<_> = swarms.swarms.iter().map(row).collect();
        lines.push(String::new());
        lines.extend(table::lines(&COLUMNS, &rows, width));
    }
    lines
}

/// A content for programs.
pub(super) fn record(swarm: &Swarm) -> Vec<String> {
    let waits: Vec<_> = swarm.waits.iter().map(|wait| escaped(&wait.code)).collect();
    vec![
        escaped(&swarm.infohash),
        field(swarm.name.as_deref().map(escaped)),
        word(swarm.state).to_owned(),
        swarm.verified_bytes.to_string(),
        swarm.size_bytes.to_string(),
        swarm.down_rate.to_string(),
        swarm.up_rate.to_string(),
        field(swarm.eta_seconds.map(|seconds| format!("{seconds:.0}"))),
        swarm.links.to_string(),
        field(Some(waits.join(","))),
        field(swarm.place.as_deref().map(escaped)),
    ]
}

/// `1 link`, `3 links`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}

/// A time in seconds as people say it, if it is one.
pub(super) fn seconds(seconds: f64) -> String {
    Duration::try_from_secs_f64(seconds).map_or_else(|_| UNKNOWN.to_owned(), time)
}

/// A rate, where something moves.
pub(super) fn rate(bytes: u64) -> String {
    match bytes {
        0 => UNKNOWN.to_owned(),
        bytes => format!("{}/s", Size(bytes)),
    }
}

fn head(status: &Status) -> Vec<String> {
    let state = match status {
        Status { ready: true, .. } => Tint::Good.paint("ready"),
        Status { learning: true, .. } => Tint::Busy.paint("learning what its fleet shares"),
        Status { swarms: 0, .. } => Tint::Odd.paint("without a content"),
        _ => Tint::Odd.paint("not ready"),
    };
    let fleet = match status.fleet.as_str() {
        "" => String::new(),
        fleet => format!(", fleet {}", escaped(fleet)),
    };
    let mut moves = format!(
        "{} of {} complete, {}, down {}/s, up {}/s",
        status.swarms_complete,
        counted(status.swarms as u64, "content"),
        counted(status.links as u64, "link"),
        Size(status.down_rate),
        Size(status.up_rate),
    );
    if status.rejected_pieces > 0 {
        let rejected = counted(status.rejected_pieces, "wrong part");
        moves += &format!(", {rejected} refused");
    }
    if status.damaged_pieces > 0 {
        let damaged = counted(status.damaged_pieces, "damaged part");
        moves += &match status.damaged_pieces - status.healed_pieces.min(status.damaged_pieces) {
            0 => format!(", {damaged} healed"),
            left => format!(
                ", {}",
                Tint::Odd.paint(&format!("{damaged}, {left} not healed yet"))
            ),
        };
    }
    if status.restarts > 0 {
        let restarts = format!("{} of actors", counted(status.restarts, "restart"));
        moves += &format!(", {}", Tint::Bad.paint(&restarts));
    }
    if status.refused_links > 0 {
        let refused = counted(status.refused_links, "link");
        moves += &format!(", {refused} of strangers refused");
    }
    let name = format!(
        "{}: {state}, up {}, swarmlet {}{fleet}",
        escaped(&status.listen),
        seconds(status.uptime_seconds),
        escaped(&status.version),
    );
    let mut lines = vec![name, moves];
    if let Some(node) = &status.node_id {
        lines.push(format!(
            "secured by the fleet secret, node {}",
            escaped(node)
        ));
    }
    lines
}

fn row(swarm: &Swarm) -> Row {
    let tint = match swarm.state {
        SwarmState::Complete => Tint::Good,
        SwarmState::Checking | SwarmState::Fetching | SwarmState::Learning => Tint::Busy,
        SwarmState::Waiting | SwarmState::Paused => Tint::Odd,
        SwarmState::Refused => Tint::Bad,
    };
    let is_known = swarm.pieces > 0 || swarm.complete;
    let size = is_known.then_some(Size(swarm.size_bytes));
    let done = is_known.then(|| done(swarm));
    let notes = swarm.waits.iter().map(|wait| escaped(&wait.detail));
    Row {
        cells: vec![
            Cell::plain(called(swarm)),
            Cell::new(word(swarm.state), tint),
            Cell::new(field(done), tint),
            Cell::plain(field(size)),
            Cell::plain(rate(swarm.down_rate)),
            Cell::plain(rate(swarm.up_rate)),
            Cell::plain(field(swarm.eta_seconds.map(seconds))),
            Cell::plain(swarm.links),
        ],
        notes: notes.map(|note| Cell::new(note, Tint::Faint)).collect(),
    }
}

/// A bar and how many of a hundred are here: a hundred only if all are.
fn done(swarm: &Swarm) -> String {
    let (have, all) = match swarm.size_bytes {
        0 => (u128::from(swarm.complete), 1),
        size => (u128::from(swarm.verified_bytes.min(size)), u128::from(size)),
    };
    let tenths = have * 1_000 / all;
    let halves = (have * 2 * BAR as u128 / all) as usize;
    let mut bar = "━".repeat(halves / 2);
    if halves % 2 == 1 {
        bar.push('╸');
    }
    let rest = BAR.saturating_sub(halves.div_ceil(2));
    bar += &"─".repeat(rest);
    format!("{bar} {:>5} %", format!("{}.{}", tenths / 10, tenths % 10))
}

/// The word that the API has for it.
const fn word(state: SwarmState) -> &'static str {
    match state {
        SwarmState::Complete => "complete",
        SwarmState::Checking => "checking",
        SwarmState::Fetching => "fetching",
        SwarmState::Learning => "learning",
        SwarmState::Paused => "paused",
        SwarmState::Refused => "refused",
        SwarmState::Waiting => "waiting",
    }
}

#[cfg(test)]
mod tests {
    use swarmlet::http::model::WaitStatus;

    use super::*;
    use crate::cli::client::contents::tests::content;

    #[test]
    fn a_hundred_of_a_hundred_are_here_only_if_all_are() {
        let mut swarm = content("aa", None, None);
        for (verified, shown) in [
            (0, "──────────   0.0 %"),
            (499, "━━━━╸─────  49.9 %"),
            (550, "━━━━━╸────  55.0 %"),
            (999, "━━━━━━━━━╸  99.9 %"),
            (1_000, "━━━━━━━━━━ 100.0 %"),
            (5_000, "━━━━━━━━━━ 100.0 %"),
        ] {
            swarm.verified_bytes = verified;
            assert_eq!(done(&swarm), shown);
        }
        swarm.size_bytes = 0;
        assert_eq!(done(&swarm), "━━━━━━━━━━ 100.0 %");
    }

    #[test]
    fn what_waits_says_why_on_a_line_of_its_own() {
        let mut swarm = content("aa", Some("image.iso"), Some("/srv/image.iso"));
        swarm.state = SwarmState::Waiting;
        swarm.verified_bytes = 500;
        swarm.waits = vec![WaitStatus {
            code: "no-holder".to_owned(),
            detail: "piece 17 has no holder".to_owned(),
        }];
        let lines = table::lines(&COLUMNS, &[row(&swarm)], 100);
        assert_eq!(lines.len(), 3);
        assert!(lines[1].starts_with("image.iso  waiting  ━━━━━─────  50.0 %"));
        assert_eq!(lines[2], "  piece 17 has no holder");
        let record = record(&swarm);
        assert_eq!(record.len(), FIELDS.len());
        assert_eq!(record[7..], ["-", "3", "no-holder", "/srv/image.iso"]);
    }

    #[test]
    fn words_are_those_of_the_api() {
        for state in [
            SwarmState::Complete,
            SwarmState::Checking,
            SwarmState::Fetching,
            SwarmState::Learning,
            SwarmState::Paused,
            SwarmState::Refused,
            SwarmState::Waiting,
        ] {
            assert_eq!(serde_json::to_value(state).unwrap(), word(state));
        }
    }

    #[test]
    fn odd_times_are_no_times() {
        assert_eq!(seconds(125.0), "2 min 5 s");
        assert_eq!(seconds(-1.0), "-");
        assert_eq!(seconds(f64::NAN), "-");
        assert_eq!(seconds(1e300), "-");
    }
}
