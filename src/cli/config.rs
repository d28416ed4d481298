//! Reading a torrent.conf, or a `.torrent` in its place, from disk. What it means is for the protocol crate to say.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use log::warn;
use swarmlet_protocol::metainfo::{MAX_CONF_LENGTH, Torrent, TorrentConf};

use super::args::DEFAULT_CONF;
use super::error::CliError;

/// What a file says.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The config, or what stands for it.
    pub(crate) conf: TorrentConf,
    /// The trackers of a `.torrent`, in tiers.
    pub(crate) tiers: Vec<Vec<String>>,
}

/// The config that was named, or the default one, which may be absent.
///
/// # Errors
/// It cannot be read, or says something impossible.
pub(crate) fn read_or_default(named: Option<&Path>) -> Result<Known, CliError> {
    match named {
        Some(path) => read(path),
        None => match read(Path::new(DEFAULT_CONF)) {
            Err(CliError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(Known::default())
            }
            other => other,
        },
    }
}

/// The config in that file, which may be a `.torrent` as well. The log names fields of it that are none; they may be misspelt.
///
/// # Errors
/// It cannot be read, or says something impossible.
pub(crate) fn read(path: &Path) -> Result<Known, CliError> {
    let mut text = Vec::new();
    // One byte more than there may be: a file that is too long is recognised, and not read in.
    File::open(path)
        .and_then(|file| file.take(MAX_CONF_LENGTH as u64 + 1).read_to_end(&mut text))
        .map_err(CliError::read(path))?;
    if text.len() > MAX_CONF_LENGTH {
        let error = io::Error::other("more than 64 MiB cannot be a config");
        return Err(CliError::read(path)(error));
    }
    if is_torrent(&text) {
        return read_torrent(path, text);
    }
    let conf = TorrentConf::parse(&text).map_err(|source| CliError::Config {
        path: path.to_owned(),
        source,
    })?;
    for field in &conf.unknown {
        warn!("{}: {field}", path.display());
    }
    let tiers = Vec::new();
    Ok(Known { conf, tiers })
}

/// Does it begin as a bencoded dictionary does? No JSON does.
fn is_torrent(text: &[u8]) -> bool {
    matches!(text, [b'd', b'0'..=b'9', ..])
}

fn read_torrent(path: &Path, bytes: Vec<u8>) -> Result<Known, CliError> {
    let torrent = Torrent::parse(&bytes.into()).map_err(|source| CliError::Torrent {
        path: path.to_owned(),
        source,
    })?;
    let conf = TorrentConf {
        info: Some(torrent.info),
        ..TorrentConf::default()
    };
    let tiers = torrent.trackers;
    Ok(Known { conf, tiers })
}
