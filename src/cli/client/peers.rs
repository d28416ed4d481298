//! `peers` and `bans`: whom a node speaks to, and whom not.

use std::collections::HashMap;

use swarmlet::http::model::{Bans, Class, Direction, Peer, Peers, Swarms, Transport};
use swarmlet_protocol::text::escaped;

use super::connect::Connection;
use super::contents::{self, called};
use super::page::Page;
use super::status::{rate, seconds};
use super::table::{self, Cell, Column, Row, Tint, UNKNOWN, field};
use crate::cli::args::{ClientArgs, ContentArgs};
use crate::cli::error::CliError;
use crate::cli::size::Size;

/// The fields of a link, in an order that stays: new ones come last.
const FIELDS: [&str; 17] = [
    "address",
    "infohash",
    "client",
    "class",
    "direction",
    "transport",
    "encrypted",
    "flags",
    "has",
    "down_rate",
    "up_rate",
    "received_bytes",
    "sent_bytes",
    "round_trip_seconds",
    "connected_seconds",
    "secured",
    "node_id",
];

const COLUMNS: [Column; 11] = [
    Column::text("ADDRESS"),
    Column::flexible("CLIENT"),
    Column::text("FLAGS"),
    Column::number("HAS"),
    Column::number("DOWN"),
    Column::number("UP"),
    Column::number("GOT"),
    Column::number("GAVE"),
    Column::number("ANSWERS IN"),
    Column::number("FOR"),
    Column::flexible("CONTENT"),
];

/// Lists the links, all or those of a content.
///
/// # Errors
/// The node cannot be asked; nothing is called so; nobody reads what is printed.
pub(super) async fn peers(args: &ContentArgs) -> Result<(), CliError> {
    let connection = Connection::new(&args.client)?;
    let page = Page::new(args.client.json);
    let path = match args.content.as_deref() {
        None => "/api/v1/peers".to_owned(),
        named => {
            let swarm = contents::find(&connection, named).await?;
            format!("/api/v1/peers?infohash={}", swarm.infohash)
        }
    };
    let peers = connection.look::<Peers>(&path).await?;
    if page.is_json() {
        return page.json(&peers.json);
    }
    let peers = peers.read.peers;
    if !page.is_for_people() {
        let records: Vec<_> = peers.iter().map(record).collect();
        return page.print(&table::separated(&FIELDS, &records));
    }
    if peers.is_empty() {
        return page.print("no links\n");
    }
    let swarms = connection.look::<Swarms>("/api/v1/swarms").await?;
    let swarms = swarms.read.swarms;
    let names: HashMap<_, _> = swarms.iter().map(|it| (&it.infohash, called(it))).collect();
    // Where there is nothing to tell apart, nothing is.
    let columns = match args.content.is_some() || swarms.len() < 2 {
        true => COLUMNS.get(..COLUMNS.len() - 1).unwrap_or(&COLUMNS),
        false => &COLUMNS,
    };
    let rows = peers.iter().map(|peer| {
        let name = peer.infohash.as_ref().and_then(|it| names.get(it));
        let mut row = row(peer);
        row.cells.push(Cell::plain(field(name)));
        row.cells.truncate(columns.len());
        row
    });
    page.table(columns, &rows.collect::<Vec<_>>())
}

/// Lists the hosts that are not spoken to.
///
/// # Errors
/// The node cannot be asked; nobody reads what is printed.
pub(super) async fn bans(args: &ClientArgs) -> Result<(), CliError> {
    let connection = Connection::new(args)?;
    let page = Page::new(args.json);
    let bans = connection.look::<Bans>("/api/v1/bans").await?;
    if page.is_json() {
        return page.json(&bans.json);
    }
    let bans = bans.read.bans;
    if !page.is_for_people() {
        let record = |ban: &swarmlet::http::model::Ban| {
            let left = ban.seconds_left.map(|left| format!("{left:.0}"));
            vec![escaped(&ban.ip), field(left)]
        };
        let records: Vec<_> = bans.iter().map(record).collect();
        return page.print(&table::separated(&["ip", "seconds_left"], &records));
    }
    if bans.is_empty() {
        return page.print("no bans\n");
    }
    let rows = bans.iter().map(|ban| Row {
        cells: vec![
            Cell::plain(escaped(&ban.ip)),
            match ban.seconds_left {
                Some(left) => Cell::plain(format!("for {}", seconds(left))),
                None => Cell::plain("until it is lifted"),
            },
        ],
        notes: Vec::new(),
    });
    let columns = [Column::text("HOST"), Column::text("NOT SPOKEN TO")];
    page.table(&columns, &rows.collect::<Vec<_>>())
}

fn record(peer: &Peer) -> Vec<String> {
    vec![
        escaped(&peer.address),
        field(peer.infohash.as_deref().map(escaped)),
        field(peer.client.as_deref().map(escaped)),
        match peer.class {
            Class::Fleet => "fleet",
            Class::Foreign => "foreign",
        }
        .to_owned(),
        match peer.direction {
            Direction::In => "in",
            Direction::Out => "out",
        }
        .to_owned(),
        match peer.transport {
            Transport::Tcp => "tcp",
            Transport::Utp => "utp",
        }
        .to_owned(),
        peer.encrypted.to_string(),
        field(Some(escaped(&peer.flags))),
        field(peer.verified_fraction.map(|part| format!("{part:.4}"))),
        peer.down_rate.to_string(),
        peer.up_rate.to_string(),
        peer.received_bytes.to_string(),
        peer.sent_bytes.to_string(),
        field(peer.round_trip_seconds.map(|time| format!("{time:.6}"))),
        format!("{:.0}", peer.connected_seconds),
        peer.secured.to_string(),
        field(peer.node_id.as_deref().map(escaped)),
    ]
}

fn row(peer: &Peer) -> Row {
    let client = peer.client.as_deref().or(peer.peer_id.as_deref());
    // Rounded down: all only if it has all.
    let has = peer
        .verified_fraction
        .map(|part| (part * 1_000.0).floor() / 10.0);
    let answers = peer.round_trip_seconds.map(|time| match time < 1.0 {
        true => format!("{:.1} ms", time * 1_000.0),
        false => format!("{time:.1} s"),
    });
    let size = |bytes: u64| match bytes {
        0 => UNKNOWN.to_owned(),
        bytes => Size(bytes).to_string(),
    };
    Row {
        cells: vec![
            Cell::plain(escaped(&peer.address)),
            match peer.class {
                Class::Fleet => Cell::new(field(client.map(escaped)), Tint::Good),
                Class::Foreign => Cell::plain(field(client.map(escaped))),
            },
            Cell::plain(field(Some(escaped(&peer.flags)))),
            Cell::plain(field(has.map(|has| format!("{has:.1} %")))),
            Cell::plain(rate(peer.down_rate)),
            Cell::plain(rate(peer.up_rate)),
            Cell::plain(size(peer.received_bytes)),
            Cell::plain(size(peer.sent_bytes)),
            Cell::plain(field(answers)),
            Cell::plain(seconds(peer.connected_seconds)),
        ],
        notes: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> Peer {
        Peer {
            link: 7,
            address: "10.0.0.7:6881".to_owned(),
            infohash: None,
            peer_id: None,
            client: Some("odd\tclient".to_owned()),
            class: Class::Foreign,
            direction: Direction::In,
            transport: Transport::Tcp,
            encrypted: false,
            secured: false,
            node_id: None,
            connected_seconds: 61.4,
            round_trip_seconds: Some(0.0123),
            down_rate: 0,
            up_rate: 2_048,
            received_bytes: 0,
            sent_bytes: 4_096,
            verified_fraction: Some(0.999_9),
            we_are_interested: false,
            choking_us: true,
            interested_in_us: true,
            choked_by_us: false,
            flags: "UI".to_owned(),
        }
    }

    #[test]
    fn a_link_has_a_field_for_each_head_and_a_cell_for_each_column() {
        let record = record(&peer());
        assert_eq!(record.len(), FIELDS.len());
        assert_eq!(record[1..4], ["-", "odd\\tclient", "foreign"]);
        let row = row(&peer());
        assert_eq!(row.cells.len() + 1, COLUMNS.len());
        let lines = table::lines(&COLUMNS[..10], &[row], 200);
        assert_eq!(
            lines[1],
            "10.0.0.7:6881  odd\\tclient  UI     99.9 %     -  2 KiB/s    -  4 KiB     12.3 ms  1 min 1 s"
        );
    }
}
