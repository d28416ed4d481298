//! Reading a torrent.conf, or a .torrent or a magnet link in its place. What it means is for the protocol
//! crate to say.

use std::fs::File;
use std::io::{self, Read};
use std::ops::RangeInclusive;
use std::path::Path;

use log::warn;
use swarmlet::Choice;
use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::metainfo::{MAX_CONF_LENGTH, Magnet, Selection, Torrent, TorrentConf};
use swarmlet_protocol::text::escaped;
use swarmlet_protocol::tracker::{TrackerUrl, usable};
use swarmlet_protocol::web_seed::{SourceUrl, usable_sources};

use super::args::DEFAULT_CONF;
use super::error::CliError;

/// The config that was named, or the default one, which may be absent.
///
/// # Errors
/// It cannot be read, or says something impossible.
pub(crate) fn read_or_default(named: Option<&Path>) -> Result<Description, CliError> {
    match named {
        Some(path) => read(path),
        None => match read(Path::new(DEFAULT_CONF)) {
            Err(CliError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(Description::default())
            }
            other => other,
        },
    }
}

/// The bytes of a config, a .torrent, or a file with a link in it.
///
/// # Errors
/// They cannot be read, or are more than any of them has.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    // One byte more than there may be: a file that is too long is recognised, and not read in.
    File::open(path)
        .and_then(|file| {
            file.take(MAX_CONF_LENGTH as u64 + 1)
                .read_to_end(&mut bytes)
        })
        .map_err(CliError::read(path))?;
    if bytes.len() > MAX_CONF_LENGTH {
        let error = io::Error::other("more than 64 MiB cannot be a config");
        return Err(CliError::read(path)(error));
    }
    Ok(bytes)
}

/// What is said of a content by a torrent.conf, a .torrent or a magnet link.
#[derive(Debug, Default)]
pub(crate) struct Description {
    /// What stands in the config; of a .torrent only the content, of a link only the peers.
    pub(crate) conf: TorrentConf,
    /// It is a config, in which a content has no name of its own.
    pub(crate) is_conf: bool,
    /// The swarm that a link names.
    pub(crate) named: Option<InfoHash>,
    /// What to call it while no more is known.
    pub(crate) shown: Option<String>,
    /// The files that a link chooses.
    pub(crate) choice: Choice,
    /// The trackers of a .torrent or a link, in tiers.
    pub(crate) tiers: Vec<Vec<TrackerUrl>>,
    /// The web seeds of a .torrent or a link, as far as they can be asked.
    pub(crate) web_seeds: Vec<SourceUrl>,
    /// The nodes of the distributed hash table that a .torrent names.
    pub(crate) dht_nodes: Vec<PeerAddress>,
}

/// The description that a path names: in the file there, or a magnet link in its place. The log
/// names fields of a config that are none; they may be misspelt.
///
/// # Errors
/// It cannot be read, or says something impossible.
pub(crate) fn read(path: &Path) -> Result<Description, CliError> {
    if let Some(link) = path.to_str().filter(|text| is_link(text.as_bytes())) {
        return of_link("the magnet link", link);
    }
    describe(read_bytes(path)?, path)
}

/// The same of bytes that came from there.
///
/// # Errors
/// They say something impossible.
pub(crate) fn describe(text: Vec<u8>, path: &Path) -> Result<Description, CliError> {
    if is_link(text.trim_ascii_start()) {
        let shown = escaped(&path.to_string_lossy());
        return of_link(&shown, &String::from_utf8_lossy(&text));
    }
    // A config begins with a brace, a torrent with the letter of a dictionary.
    if text.first() == Some(&b'd') {
        let torrent = Torrent::parse(&text.into()).map_err(|source| CliError::Torrent {
            path: path.to_owned(),
            source,
        })?;
        return Ok(Description {
            conf: TorrentConf::from_info(&torrent.info, Vec::new()),
            tiers: usable(&torrent.trackers),
            dht_nodes: torrent.nodes,
            web_seeds: usable_sources(&torrent.web_seeds),
            ..Description::default()
        });
    }
    let conf = TorrentConf::parse(&text).map_err(|source| CliError::Config {
        path: path.to_owned(),
        source,
    })?;
    for field in &conf.unknown {
        warn!("{}: {field}", path.display());
    }
    Ok(Description {
        conf,
        is_conf: true,
        ..Description::default()
    })
}

/// Does it begin as a magnet link does?
pub(crate) fn is_link(text: &[u8]) -> bool {
    let start = text.get(..7).unwrap_or_default();
    start.eq_ignore_ascii_case(b"magnet:")
}

fn of_link(shown: &str, text: &str) -> Result<Description, CliError> {
    let magnet: Magnet = text.parse().map_err(|source| CliError::Magnet {
        shown: shown.to_owned(),
        source,
    })?;
    let tiers: Vec<_> = magnet.trackers.into_iter().map(|url| vec![url]).collect();
    Ok(Description {
        conf: TorrentConf {
            peers: magnet.peers,
            ..TorrentConf::default()
        },
        is_conf: false,
        named: Some(magnet.info_hash),
        shown: magnet.name,
        choice: chosen(magnet.select),
        dht_nodes: Vec::new(),
        web_seeds: usable_sources(&magnet.web_seeds),
        tiers: usable(&tiers),
    })
}

/// The files of these numbers (BEP 53); all if none is named.
fn chosen(numbers: Vec<RangeInclusive<u32>>) -> Choice {
    if numbers.is_empty() {
        return Choice::all();
    }
    Choice::new(move |info| {
        let is_chosen = |number: usize| numbers.iter().any(|it| it.contains(&(number as u32)));
        let selection = Selection::of(info, |number, _| is_chosen(number));
        match selection.files() {
            0 => Err("the magnet link's so names no file that there is".to_owned()),
            _ => Ok(selection),
        }
    })
}
