//! Which contents a node is to keep, as the command line names them.
//!
//! One config and one file, as in a container; several pairs of both; or a directory of pairs.

use std::path::{Path, PathBuf};

use swarmlet::{Place, Share, Topic};
use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::tracker::TrackerUrl;
use swarmlet_protocol::web_seed::SourceUrl;

use super::args::DEFAULT_DATA;
use super::config::{self, Description};
use super::error::CliError;

/// What descriptions in a directory end with.
const ENDINGS: [&str; 2] = ["conf", "torrent"];

/// What a node is to keep.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Where the content goes that is to be learned.
    pub(crate) learned: Option<PathBuf>,
    /// Contents that are known, each with its place.
    pub(crate) shares: Vec<Share>,
    /// Peers that a single config names.
    pub(crate) peers: Vec<PeerAddress>,
    /// Trackers that a single config names.
    pub(crate) trackers: Vec<TrackerUrl>,
    /// Sources that a single config names.
    pub(crate) sources: Vec<SourceUrl>,
}

impl Contents {
    /// How many contents there are, one that is to be learned among them.
    pub(crate) fn count(&self) -> usize {
        self.shares.len() + usize::from(self.learned.is_some())
    }

    /// Where they are kept.
    pub(crate) fn places(&self) -> impl Iterator<Item = &Path> {
        let known = self.shares.iter().map(|share| share.place.given());
        known.chain(self.learned.as_deref())
    }
}

/// Reads what the command line names.
///
/// # Errors
/// A config cannot be read, or lacks what it needs; configs and files are not as many.
pub(crate) fn gather(
    confs: &[PathBuf],
    data: &[PathBuf],
    directory: Option<&Path>,
) -> Result<Contents, CliError> {
    let mut contents = Contents::default();
    if confs.len() < 2 && data.len() < 2 {
        // With a directory and nothing else, the defaults are not meant.
        if directory.is_none() || !confs.is_empty() || !data.is_empty() {
            let described = config::read_or_default(confs.first().map(PathBuf::as_path))?;
            let data = data.first().map(PathBuf::as_path);
            let data = data.map_or_else(|| PathBuf::from(DEFAULT_DATA), Path::to_owned);
            contents.peers = described.conf.peers.clone();
            contents.trackers = described.conf.trackers.clone();
            contents.sources = described.conf.sources.clone();
            match topic(&described) {
                Some(topic) => contents.shares.push(Share {
                    trackers: described.tiers,
                    choice: described.choice,
                    dht_nodes: described.dht_nodes,
                    web_seeds: described.web_seeds,
                    ..Share::of(topic, Place::At(data))
                }),
                None => contents.learned = Some(data),
            }
        }
    } else if confs.len() == data.len() {
        for (conf, data) in confs.iter().zip(data) {
            contents.shares.push(share(conf, data.clone())?);
        }
    } else {
        return Err(CliError::Pairs {
            confs: confs.len(),
            data: data.len(),
        });
    }
    if let Some(directory) = directory {
        contents.shares.extend(of_directory(directory)?);
    }
    for place in contents.places() {
        if let Some(conf) = confs.iter().find(|conf| is_same(conf, place)) {
            return Err(CliError::DataIsConf(conf.clone()));
        }
    }
    Ok(contents)
}

/// Do both name one file that is there?
fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    real(one).is_some_and(|path| Some(path) == real(other))
}

fn share(conf: &Path, data: PathBuf) -> Result<Share, CliError> {
    let described = config::read(conf)?;
    let topic = topic(&described).ok_or_else(|| CliError::NotDescribed(conf.to_owned()))?;
    Ok(of_description(described, topic, Place::At(data)))
}

/// What a description is of, if it says so.
pub(crate) fn topic(described: &Description) -> Option<Topic> {
    let known = described.conf.info.clone().map(Topic::Known);
    known.or_else(|| described.named.map(Topic::Named))
}

/// A content with all that its description says of it.
pub(crate) fn of_description(described: Description, topic: Topic, place: Place) -> Share {
    let Description {
        conf: said,
        choice,
        tiers,
        web_seeds,
        dht_nodes,
        ..
    } = described;
    // Those of a config are asked one after the other.
    let one_by_one = said.trackers.into_iter().map(|url| vec![url]);
    Share {
        peers: said.peers,
        trackers: one_by_one.chain(tiers).collect(),
        choice,
        sources: said.sources,
        web_seeds,
        dht_nodes,
        ..Share::of(topic, place)
    }
}

/// The configs of a directory in the order of their names.
fn of_directory(directory: &Path) -> Result<Vec<Share>, CliError> {
    let entries = std::fs::read_dir(directory).map_err(CliError::read(directory))?;
    let mut confs = Vec::new();
    for entry in entries {
        let path = entry.map_err(CliError::read(directory))?.path();
        let is_hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
        let ending = path.extension().unwrap_or_default();
        if ENDINGS.iter().any(|known| ending == *known) && !path.file_name().is_some_and(is_hidden)
        {
            confs.push(path);
        }
    }
    if confs.is_empty() {
        return Err(CliError::NoShares(directory.to_owned()));
    }
    confs.sort_unstable();
    let shares = confs
        .iter()
        .map(|conf| share(conf, conf.with_extension("")));
    shares.collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const CONF: &str = r#"{"Peers": ["10.0.0.1"], "FileInfo": {"Size": 0, "PartSize": 1}}"#;

    fn paths(directory: &Path, names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(|name| directory.join(name)).collect()
    }

    fn complaint(outcome: Result<Contents, CliError>) -> String {
        outcome.unwrap_err().to_string()
    }

    #[test]
    fn one_config_and_one_file_are_as_in_a_container() {
        let directory = tempfile::tempdir().unwrap();
        let conf = paths(directory.path(), &["a.conf"]);
        fs::write(&conf[0], CONF).unwrap();
        let contents = gather(&conf, &[], None).unwrap();
        assert_eq!(contents.shares[0].place.given(), Path::new("/data.bin"));
        assert_eq!((contents.count(), contents.peers.len()), (1, 1));
        assert_eq!(
            complaint(gather(&conf, &conf, None)),
            format!(
                "{} is the config; it cannot be the data as well",
                conf[0].display()
            )
        );
        fs::write(&conf[0], "{}").unwrap();
        let contents = gather(&conf, &[], None).unwrap();
        assert_eq!(contents.learned.as_deref(), Some(Path::new("/data.bin")));
    }

    #[test]
    fn several_go_in_pairs_and_each_must_say_what_its_file_is() {
        let directory = tempfile::tempdir().unwrap();
        let confs = paths(directory.path(), &["a.conf", "b.conf"]);
        let data = paths(directory.path(), &["x", "y"]);
        fs::write(&confs[0], CONF).unwrap();
        fs::write(&confs[1], CONF).unwrap();
        let contents = gather(&confs, &data, None).unwrap();
        let places = contents.shares.iter().map(|share| share.place.given());
        assert_eq!(places.collect::<Vec<_>>(), data);
        assert_eq!(contents.shares[0].peers.len(), 1);
        assert_eq!(
            complaint(gather(&confs, &data[..1], None)),
            "2 --conf and 1 --data: each --conf needs its --data, in the same order"
        );
        fs::write(&confs[1], "{}").unwrap();
        assert_eq!(
            complaint(gather(&confs, &data, None)),
            format!(
                "{} has no FileInfo; each of several configs needs one",
                confs[1].display()
            )
        );
    }

    #[test]
    fn a_directory_holds_configs_beside_their_files() {
        let directory = tempfile::tempdir().unwrap();
        let files = ["b.iso.conf", "a.conf", ".hidden.conf", "notes.txt", "b.iso"];
        for name in files {
            fs::write(directory.path().join(name), CONF).unwrap();
        }
        let contents = gather(&[], &[], Some(directory.path())).unwrap();
        assert!(contents.learned.is_none(), "the defaults are not meant");
        let places: Vec<_> = contents
            .shares
            .into_iter()
            .map(|share| share.place.given().to_owned())
            .collect();
        assert_eq!(places, paths(directory.path(), &["a", "b.iso"]));
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(
            complaint(gather(&[], &[], Some(empty.path()))),
            format!(
                "there is no NAME.conf and no NAME.torrent in {}",
                empty.path().display()
            )
        );
    }
}
