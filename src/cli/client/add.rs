//! `add`: one more content for a running node.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use swarmlet::http::model::{AddSwarm, Swarm};
use swarmlet_actors::fetch::fetch;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::metainfo::{MAX_CONF_LENGTH, Magnet, Torrent, TorrentConf};
use swarmlet_protocol::text::escaped;

use super::connect::Connection;
use super::contents::called;
use super::error::ClientError;
use super::page::Page;
use super::status::counted;
use crate::cli::args::AddArgs;
use crate::cli::config::{is_link, read_bytes};
use crate::cli::error::CliError;
use crate::cli::get::{is_url, without_query};
use crate::cli::size::Size;

/// Has the node keep it.
///
/// # Errors
/// It cannot be read or describes nothing; the node cannot be told, or refuses; nobody reads what
/// is printed.
pub(super) async fn add(args: &AddArgs) -> Result<(), CliError> {
    let connection = Connection::new(&args.client)?;
    let page = Page::new(args.client.json);
    let mut word = read(&args.source).await?;
    let place = args.to.as_deref();
    word.place = place
        .map(|to| absolute(to, connection.is_here()))
        .transpose()?;
    word.peers = args.peers.iter().map(ToString::to_string).collect();
    let chosen = word.place.clone();
    // Texts, and JSON that was read: nothing of it could not be said.
    let word = serde_json::to_value(&word).unwrap_or_default();
    let answer = connection.say::<Swarm>(Method::POST, "/api/v1/swarms", Some(&word));
    let answer = answer.await.map_err(|error| match error {
        ClientError::Refused {
            status: 422,
            detail,
        } if place.is_none() && detail.contains("\"place\"") => ClientError::NoPlace,
        error => error,
    })?;
    match page.is_json() {
        true => page.json(&answer.json),
        false => page.print(&format!("{}\n", added(&answer.read, chosen))),
    }
}

/// A content whose name is not known has no place of its own yet.
fn added(swarm: &Swarm, chosen: Option<String>) -> String {
    let place = swarm.place.clone().or(chosen);
    let place = place.as_deref().map(escaped);
    let at = place.map_or_else(String::new, |place| format!(" at {place}"));
    match swarm.pieces {
        0 if !swarm.complete => {
            let name = called(swarm);
            format!("{name} is kept{at} from now on; peers are asked what it is")
        }
        pieces => format!(
            "{} is kept{at} from now on: {} in {}",
            called(swarm),
            Size(swarm.size_bytes),
            counted(pieces.into(), "part")
        ),
    }
}

/// What the API is told of a source.
async fn read(source: &str) -> Result<AddSwarm, CliError> {
    if is_link(source.as_bytes()) {
        return of_link("the magnet link", source);
    }
    if is_url(source) {
        let bytes = fetch(source, IpAddr::V4(Ipv4Addr::UNSPECIFIED), MAX_CONF_LENGTH);
        let bytes = bytes.await.map_err(|reason| CliError::Fetch {
            url: escaped(without_query(source)),
            reason,
        })?;
        return of_bytes(bytes, Path::new(without_query(source)));
    }
    let path = Path::new(source);
    if !path.exists() {
        if source.parse::<InfoHash>().is_ok() {
            return Err(CliError::BareHash(source.to_owned()));
        }
        if source.contains("://") {
            return Err(CliError::Scheme(escaped(without_query(source))));
        }
    }
    of_bytes(read_bytes(path)?, path)
}

/// The description is read here as well: what is wrong with it is said of the file that it stands
/// in.
fn of_bytes(bytes: Vec<u8>, path: &Path) -> Result<AddSwarm, CliError> {
    if is_link(bytes.trim_ascii_start()) {
        let shown = escaped(&path.to_string_lossy());
        return of_link(&shown, &String::from_utf8_lossy(&bytes));
    }
    let path = path.to_owned();
    if bytes.first() == Some(&b'd') {
        let torrent = STANDARD.encode(&bytes);
        Torrent::parse(&bytes.into()).map_err(|source| CliError::Torrent { path, source })?;
        return Ok(AddSwarm {
            torrent: Some(torrent),
            ..AddSwarm::default()
        });
    }
    match TorrentConf::parse(&bytes) {
        Ok(conf) if conf.info.is_none() => return Err(CliError::DescribesNothing(path)),
        Ok(_) => {}
        Err(source) => return Err(CliError::Config { path, source }),
    }
    let conf = serde_json::from_slice(&bytes);
    let conf = conf.map_err(|error| CliError::read(&path)(error.into()))?;
    Ok(AddSwarm {
        conf: Some(conf),
        ..AddSwarm::default()
    })
}

fn of_link(shown: &str, text: &str) -> Result<AddSwarm, CliError> {
    let parsed = text.parse::<Magnet>();
    parsed.map_err(|source| CliError::Magnet {
        shown: shown.to_owned(),
        source,
    })?;
    Ok(AddSwarm {
        magnet: Some(text.trim().to_owned()),
        ..AddSwarm::default()
    })
}

/// A relative path begins where this command was typed, if the node is on the same machine.
fn absolute(to: &Path, is_here: bool) -> Result<String, CliError> {
    if !to.is_absolute() && !is_here {
        return Err(ClientError::RelativePlace(to.to_owned()).into());
    }
    let path = std::path::absolute(to).map_err(CliError::read(to))?;
    let path = path.into_os_string().into_string();
    Ok(path.map_err(|path| ClientError::OddPlace(path.into()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_place_is_one_of_this_machine() {
        let here = std::env::current_dir().unwrap().join("a/b");
        let place = absolute(Path::new("a/b"), true).unwrap();
        assert_eq!(Path::new(&place), here);
        assert_eq!(absolute(Path::new("/x"), false).unwrap(), "/x");
        let refused = absolute(Path::new("a/b"), false).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "--to a/b is not absolute, and the node is on another machine"
        );
    }

    #[test]
    fn what_is_added_is_told_by_how_it_begins() {
        let word = |text: &str| of_bytes(text.as_bytes().to_vec(), Path::new("x"));
        let hash = "2b7e151628aed2a6abf7158809cf4f3c762e7160";
        let link = format!(" magnet:?xt=urn:btih:{hash}\n");
        assert_eq!(word(&link).unwrap().magnet.unwrap(), link.trim());
        let conf = r#"{"FileInfo": {"Size": 0, "PartSize": 1, "Parts": []}}"#;
        assert!(word(conf).unwrap().conf.unwrap().is_object());
        for wrong in ["d3:fooe", "{}", "", "nonsense"] {
            assert!(word(wrong).is_err(), "{wrong}");
        }
    }
}
