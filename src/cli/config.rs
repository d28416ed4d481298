//! Reading a torrent.conf, or a .torrent in its place, from disk. What it means is for the protocol
//! crate to say.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use log::warn;
use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::metainfo::{MAX_CONF_LENGTH, Torrent, TorrentConf};
use swarmlet_protocol::tracker::{TrackerUrl, usable};

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

/// What a file says of a content, be it a torrent.conf or a .torrent.
#[derive(Debug, Default)]
pub(crate) struct Description {
    /// What stands in the config; of a .torrent only the content.
    pub(crate) conf: TorrentConf,
    /// The trackers of a .torrent, in tiers.
    pub(crate) tiers: Vec<Vec<TrackerUrl>>,
    /// The nodes of the distributed hash table that a .torrent names.
    pub(crate) dht_nodes: Vec<PeerAddress>,
}

/// The description in that file. The log names fields of a config that are none; they may be
/// misspelt.
///
/// # Errors
/// It cannot be read, or says something impossible.
pub(crate) fn read(path: &Path) -> Result<Description, CliError> {
    let text = read_bytes(path)?;
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
        tiers: Vec::new(),
        dht_nodes: Vec::new(),
    })
}
