//! `show`: prints what a .torrent, a torrent.conf or a magnet link says. Changes nothing, and asks
//! nobody.
//!
//! Whatever it prints comes from a stranger: control characters are escaped.

use std::io::{self, Write};
use std::path::Path;

use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::metainfo::{FileKind, Info, Magnet, Torrent, TorrentConf};
use swarmlet_protocol::text::escaped;

use super::args::ShowArgs;
use super::config::read_bytes;
use super::create::{file_count, parts};
use super::error::CliError;
use super::size::{Size, count};

/// So many files are listed, and so many addresses of a kind, unless all are asked for.
const LISTED: usize = 30;

/// What is known, from whichever form it came in.
struct Description {
    form: &'static str,
    info_hash: Option<InfoHash>,
    name: Option<String>,
    torrent: Option<Torrent>,
    trackers: Vec<Vec<String>>,
    web_seeds: Vec<String>,
    peers: Vec<PeerAddress>,
}

/// Prints it.
///
/// # Errors
/// It cannot be read, or is none of the three.
pub(crate) fn show(args: &ShowArgs) -> Result<(), CliError> {
    let description = read(args)?;
    let mut page = Page {
        limit: if args.all { usize::MAX } else { LISTED },
        text: String::new(),
    };
    page.write(&description);
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(page.text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(CliError::Output)
}

/// A link, or what stands in a file: a torrent begins with the letter of a dictionary, and a link
/// with its scheme; anything else is taken for a config.
fn read(args: &ShowArgs) -> Result<Description, CliError> {
    let is_link = |bytes: &[u8]| {
        let start = bytes.get(..7).unwrap_or_default();
        start.eq_ignore_ascii_case(b"magnet:")
    };
    if let Some(text) = args.what.to_str().filter(|text| is_link(text.as_bytes())) {
        return of_link("the magnet link", text);
    }
    let path = Path::new(&args.what);
    let bytes = read_bytes(path)?;
    let start = bytes.trim_ascii_start();
    if is_link(start) {
        let shown = escaped(&path.to_string_lossy());
        return of_link(&shown, &String::from_utf8_lossy(start));
    }
    if bytes.first() == Some(&b'd') {
        let torrent = Torrent::parse(&bytes.into()).map_err(|source| CliError::Torrent {
            path: path.to_owned(),
            source,
        })?;
        return Ok(Description {
            form: ".torrent",
            info_hash: Some(torrent.info.info_hash()),
            name: Some(torrent.info.name().to_owned()),
            trackers: torrent.trackers.clone(),
            web_seeds: torrent.web_seeds.clone(),
            torrent: Some(torrent),
            peers: Vec::new(),
        });
    }
    let conf = TorrentConf::parse(&bytes).map_err(|source| CliError::Config {
        path: path.to_owned(),
        source,
    })?;
    Ok(Description {
        form: "torrent.conf",
        info_hash: conf.info.as_ref().map(Info::info_hash),
        name: conf.info.as_ref().map(|info| info.name().to_owned()),
        torrent: conf.info.map(Torrent::new),
        trackers: conf
            .trackers
            .iter()
            .map(|url| vec![url.as_str().to_owned()])
            .collect(),
        web_seeds: conf
            .sources
            .iter()
            .map(|url| url.as_str().to_owned())
            .collect(),
        peers: conf.peers,
    })
}

fn of_link(shown: &str, text: &str) -> Result<Description, CliError> {
    let magnet: Magnet = text.parse().map_err(|source| CliError::Magnet {
        shown: shown.to_owned(),
        source,
    })?;
    Ok(Description {
        form: "magnet link",
        info_hash: Some(magnet.info_hash),
        name: magnet.name,
        torrent: None,
        trackers: magnet.trackers.into_iter().map(|url| vec![url]).collect(),
        web_seeds: magnet.web_seeds,
        peers: magnet.peers,
    })
}

/// Lines of labels and values, one below the other.
struct Page {
    /// How many files and addresses are listed.
    limit: usize,
    text: String,
}

impl Page {
    fn write(&mut self, description: &Description) {
        let Description {
            form,
            info_hash,
            name,
            torrent,
            trackers,
            web_seeds,
            peers,
        } = description;
        self.line("form", form);
        if let Some(name) = name {
            self.line("name", &escaped(name));
        }
        match info_hash {
            Some(info_hash) => self.line("infohash", &info_hash.to_string()),
            None => self.line("content", "not said: a node is to learn it from its peers"),
        }
        if let Some(Torrent { info, .. }) = torrent {
            let layout = info.layout();
            let files = info.files().iter();
            let padding = files.filter(|file| file.kind == FileKind::Padding);
            let padding: u64 = padding.map(|file| file.length).sum();
            let bytes = layout.size() - padding;
            let size = Size(bytes);
            self.line(
                "size",
                &match bytes {
                    0..1_024 => size.to_string(),
                    _ => format!("{size} ({} bytes)", count(bytes)),
                },
            );
            if padding > 0 {
                self.line("padding", &format!("{}, in no file", Size(padding)));
            }
            let part = Size(u64::from(layout.piece_length()));
            self.line("parts", &format!("{} of {part}", parts(layout.pieces())));
            if info.is_private() {
                self.line("private", "yes: peers from its trackers only");
            }
        }
        let tiers = trackers.iter().enumerate().flat_map(|(tier, urls)| {
            let tier = match trackers.len() {
                1 => String::new(),
                _ => format!("{}. ", tier + 1),
            };
            urls.iter()
                .map(move |url| format!("{tier}{}", escaped(url)))
        });
        self.list("trackers", tiers);
        self.list("web seeds", web_seeds.iter().map(|url| escaped(url)));
        if let Some(torrent) = torrent {
            self.list("nodes", torrent.nodes.iter().map(ToString::to_string));
        }
        self.list("peers", peers.iter().map(ToString::to_string));
        if let Some(torrent) = torrent {
            for (label, text) in [
                ("comment", &torrent.comment),
                ("made by", &torrent.created_by),
            ] {
                if let Some(text) = text {
                    self.line(label, &escaped(text));
                }
            }
            if let Some(date) = torrent.creation_date {
                self.line("made", &date_of(date));
            }
            self.files(&torrent.info);
        }
    }

    fn files(&mut self, info: &Info) {
        if !info.is_folder() {
            return;
        }
        let real = || {
            let files = info.files().iter();
            files.filter(|file| file.kind != FileKind::Padding)
        };
        let all = real().count();
        self.line("files", &file_count(all));
        let shown: Vec<_> = real().take(self.limit).collect();
        let size = |length: u64| Size(length).to_string();
        let sizes = shown.iter().map(|file| size(file.length).len());
        let width = sizes.max().unwrap_or(0);
        for file in &shown {
            let note = match (file.kind, file.is_executable) {
                (FileKind::Link, _) => "  (symbolic link, not created)",
                (_, true) => "  (program)",
                _ => "",
            };
            let path = escaped(file.path);
            self.text
                .push_str(&format!("  {:>width$}  {path}{note}\n", size(file.length)));
        }
        self.more(all - shown.len(), "  ");
    }

    fn line(&mut self, label: &str, value: &str) {
        // Padded before it is coloured: the colour's letters take no room.
        let label = console::style(format!("{label:<WIDTH$}")).cyan();
        self.text.push_str(&format!("{label}{value}\n"));
    }

    fn list(&mut self, label: &str, values: impl Iterator<Item = String>) {
        let mut left_out = 0;
        for (place, value) in values.enumerate() {
            match place {
                0 => self.line(label, &value),
                _ if place < self.limit => self.line("", &value),
                _ => left_out += 1,
            }
        }
        self.more(left_out, &" ".repeat(WIDTH));
    }

    fn more(&mut self, left_out: usize, indent: &str) {
        if left_out > 0 {
            let more = count(left_out as u64);
            self.text.push_str(&format!(
                "{indent}... and {more} more: see them with --all\n"
            ));
        }
    }
}

/// Characters that labels take.
const WIDTH: usize = 11;

/// Seconds since 1970 as a date of the Gregorian calendar, in UTC.
fn date_of(seconds: i64) -> String {
    let (days, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since the 1st of March of the year 0, in eras of 400 years: leap days then come last.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = era * 400 + year + carry;
    let (hours, minutes, seconds) = (time / 3_600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, date) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_700_000_000, "2023-11-14 22:13:20 UTC"),
            (4_107_542_399, "2100-02-28 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
            (-1, "1969-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(date_of(seconds), date);
        }
        // Whatever a stranger writes.
        let _ = (date_of(i64::MAX), date_of(i64::MIN));
    }
}
