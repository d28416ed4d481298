//! What requests mean: texts of a body, a query or a path become types that cannot be wrong. Pure.
//!
//! The texts are those of whoever may change the node; no text makes it panic or answer with more than a line.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use swarmlet_protocol::address::{ParseAddressError, PeerAddress};
use swarmlet_protocol::metainfo::{ConfError, Magnet, MagnetError};
use swarmlet_protocol::metainfo::{Torrent, TorrentConf, TorrentError};
use thiserror::Error;
use utoipa::IntoParams;

use super::model::{AddPeer, AddSwarm, BanWord};
use crate::{Place, Share, Topic};

/// Which links to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Those of this content only.
    pub(super) infohash: Option<String>,
}

/// A word that is understood, and cannot be followed.
#[derive(Debug, Error)]
pub(super) enum Unusable {
    /// It neither says where, nor is there a usual place.
    #[error(
        "say where to keep it, with \"place\": this node has no directory of contents (--shares)"
    )]
    NoPlace,
    /// Where the node runs is nobody else's business, and may be anywhere.
    #[error("\"place\" must be an absolute path")]
    Place,
    /// It says several times what it is, or not at all.
    #[error("say what it is with exactly one of \"magnet\", \"torrent\" and \"conf\"")]
    Kinds,
    /// No magnet link.
    #[error(transparent)]
    Magnet(#[from] MagnetError),
    /// A choice is not remembered for the node's next life, so there is none in this one.
    #[error(
        "the link chooses files (so=), and a content that is added is kept as a whole: leave that out"
    )]
    Choice,
    /// A `.torrent` that is not base64.
    #[error("\"torrent\" is no base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// No `.torrent`.
    #[error(transparent)]
    Torrent(#[from] TorrentError),
    /// No torrent.conf.
    #[error(transparent)]
    Conf(#[from] ConfError),
    /// A torrent.conf of a node that learns what it keeps.
    #[error("\"conf\" has no FileInfo: it describes nothing")]
    NoFileInfo,
    /// No peer.
    #[error(transparent)]
    Peer(#[from] ParseAddressError),
    /// No host.
    #[error("a host is an IPv4 or IPv6 address, without a port")]
    Host,
    /// A time that is none, or too long.
    #[error("seconds must be 1 to {LONGEST}, a year")]
    Seconds,
}

/// A year: whoever is not to be spoken to for longer is banned until that is lifted.
const LONGEST: u32 = 31_536_000;

/// What a word describes, and where it is to be kept.
pub(super) fn content(word: AddSwarm, folder: Option<&Path>) -> Result<Share, Unusable> {
    let place = match (word.place, folder) {
        (Some(place), _) => Place::At(absolute(place)?),
        (None, Some(folder)) => Place::Under(folder.to_owned()),
        (None, None) => return Err(Unusable::NoPlace),
    };
    let peers = word.peers.iter().map(|peer| peer.parse());
    let peers = peers.collect::<Result<Vec<PeerAddress>, _>>()?;
    let mut share = match (word.magnet, word.torrent, word.conf) {
        (Some(magnet), None, None) => of_magnet(&magnet, place)?,
        (None, Some(torrent), None) => of_torrent(&torrent, place)?,
        (None, None, Some(conf)) => of_conf(&conf, place)?,
        _ => return Err(Unusable::Kinds),
    };
    share.peers.extend(peers);
    Ok(share)
}

/// Who may be a peer.
pub(super) fn peer(word: &AddPeer) -> Result<PeerAddress, Unusable> {
    Ok(word.address.parse()?)
}

/// Whom not to speak to, and for how long.
pub(super) fn ban(word: &BanWord) -> Result<(IpAddr, Option<Duration>), Unusable> {
    let ip = host(&word.ip)?;
    let fits = |seconds: u32| (1..=LONGEST).contains(&seconds);
    if word.seconds.is_some_and(|seconds| !fits(seconds)) {
        return Err(Unusable::Seconds);
    }
    let seconds = word.seconds.map(u64::from);
    Ok((ip, seconds.map(Duration::from_secs)))
}

/// A host. One that is reached by IPv4 has one name.
pub(super) fn host(text: &str) -> Result<IpAddr, Unusable> {
    let ip: Result<IpAddr, _> = text.parse();
    ip.map(|ip| ip.to_canonical()).map_err(|_| Unusable::Host)
}

fn absolute(place: String) -> Result<PathBuf, Unusable> {
    let place = PathBuf::from(place);
    let is_plain = place.is_absolute() && !place.as_os_str().as_encoded_bytes().contains(&0);
    is_plain.then_some(place).ok_or(Unusable::Place)
}

fn of_magnet(magnet: &str, place: Place) -> Result<Share, Unusable> {
    let magnet: Magnet = magnet.parse()?;
    match magnet.select.is_empty() {
        true => Ok(Share::magnet(magnet, place)),
        false => Err(Unusable::Choice),
    }
}

fn of_torrent(torrent: &str, place: Place) -> Result<Share, Unusable> {
    let bytes = STANDARD.decode(torrent.trim())?;
    Ok(Share::torrent(Torrent::parse(&bytes.into())?, place))
}

fn of_conf(conf: &serde_json::Value, place: Place) -> Result<Share, Unusable> {
    let conf = TorrentConf::parse(conf.to_string().as_bytes())?;
    let info = conf.info.ok_or(Unusable::NoFileInfo)?;
    Ok(Share {
        peers: conf.peers,
        trackers: vec![conf.trackers],
        sources: conf.sources,
        ..Share::of(Topic::Known(info), place)
    })
}
