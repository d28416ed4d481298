//! A content that a node is to keep: what it is, as far as that is known, where it goes, and which
//! of its files are wanted.

use std::fmt;
use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::metainfo::{Info, Magnet, Selection, Torrent};
use swarmlet_protocol::tracker::{TrackerUrl, usable};
use swarmlet_protocol::web_seed::{SourceUrl, usable_sources};

/// One content of a node.
///
/// Made by one of its functions, and changed field by field, or with what it leaves as it is:
/// `Share { peers, ..Share::new(info, data) }`. Later versions may have further fields.
#[derive(Clone, Debug)]
pub struct Share {
    /// What it is.
    pub topic: Topic,
    /// Where it is kept.
    pub place: Place,
    /// Which of its files are wanted.
    pub choice: Choice,
    /// Peers that have it.
    pub peers: Vec<PeerAddress>,
    /// Bytes per second from peers, beside the node's limit; `None` is no limit.
    pub download_limit: Option<NonZeroU64>,
    /// Bytes of blocks per second to peers, beside the node's limit; `None` is no limit.
    pub upload_limit: Option<NonZeroU64>,
    /// Trackers of the content, in tiers (BEP 12).
    pub trackers: Vec<Vec<TrackerUrl>>,
    /// Nodes of the distributed hash table that its `.torrent` names (BEP 5).
    pub dht_nodes: Vec<PeerAddress>,
    /// HTTP servers that the operator named, which are asked for what no peer has (BEP 19).
    pub sources: Vec<SourceUrl>,
    /// The same, of a `.torrent` or a magnet link: named by a stranger, they may not lead to
    /// everywhere (see [`may_follow`](swarmlet_protocol::web_seed::may_follow)).
    pub web_seeds: Vec<SourceUrl>,
}

/// What a content is.
#[derive(Clone, Debug)]
pub enum Topic {
    /// It is described.
    Known(Info),
    /// Only its name is known (a magnet link); the description is learned from peers (BEP 9).
    Named(InfoHash),
}

/// Where a content is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// There: the content's file, or the folder in which its files lie.
    At(PathBuf),
    /// In this folder, under the content's own name.
    Under(PathBuf),
}

/// Which files of a content are wanted. It is asked when the content is known.
#[derive(Clone)]
pub struct Choice(Arc<Choose>);

type Choose = dyn Fn(&Info) -> Result<Selection, String> + Send + Sync;

impl Share {
    /// A content that is kept there, all of it, of which no peers are known, as fast as can be.
    #[must_use]
    pub fn new(info: Info, data: impl Into<PathBuf>) -> Self {
        Self::of(Topic::Known(info), Place::At(data.into()))
    }

    /// The same of a content of which no more is known than its name.
    #[must_use]
    pub fn named(info_hash: InfoHash, place: Place) -> Self {
        Self::of(Topic::Named(info_hash), place)
    }

    /// What a `.torrent` describes, with its trackers and web seeds; those whose URLs we cannot use
    /// are left out.
    #[must_use]
    pub fn torrent(torrent: Torrent, place: Place) -> Self {
        Self {
            trackers: usable(&torrent.trackers),
            web_seeds: usable_sources(&torrent.web_seeds),
            dht_nodes: torrent.nodes,
            ..Self::of(Topic::Known(torrent.info), place)
        }
    }

    /// What a magnet link names (BEP 9), with its peers, trackers and web seeds, and of its files those
    /// that the link selects (BEP 53), or all.
    #[must_use]
    pub fn magnet(magnet: Magnet, place: Place) -> Self {
        let tiers: Vec<_> = magnet.trackers.into_iter().map(|url| vec![url]).collect();
        Self {
            peers: magnet.peers,
            trackers: usable(&tiers),
            web_seeds: usable_sources(&magnet.web_seeds),
            choice: match magnet.select.is_empty() {
                true => Choice::all(),
                false => Choice::numbers(magnet.select),
            },
            ..Self::named(magnet.info_hash, place)
        }
    }

    /// The same, whatever is known.
    #[must_use]
    pub fn of(topic: Topic, place: Place) -> Self {
        Self {
            topic,
            place,
            choice: Choice::all(),
            peers: Vec::new(),
            download_limit: None,
            upload_limit: None,
            trackers: Vec::new(),
            dht_nodes: Vec::new(),
            sources: Vec::new(),
            web_seeds: Vec::new(),
        }
    }

    /// The name of the swarm.
    #[must_use]
    pub fn info_hash(&self) -> InfoHash {
        match &self.topic {
            Topic::Known(info) => info.info_hash(),
            Topic::Named(info_hash) => *info_hash,
        }
    }

    /// Where it will be; `None` while that depends on a name that is not known.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        match (&self.topic, &self.place) {
            (Topic::Known(info), place) => Some(place.of(info)),
            (Topic::Named(_), Place::At(path)) => Some(path.clone()),
            (Topic::Named(_), Place::Under(_)) => None,
        }
    }

    /// Is it a folder of files? `None` while that is not known.
    #[must_use]
    pub const fn is_folder(&self) -> Option<bool> {
        match &self.topic {
            Topic::Known(info) => Some(info.is_folder()),
            Topic::Named(_) => None,
        }
    }
}

impl Place {
    /// The path of that content. A content's name is that of a file or folder and leads nowhere
    /// else.
    #[must_use]
    pub fn of(&self, info: &Info) -> PathBuf {
        match self {
            Self::At(path) => path.clone(),
            Self::Under(folder) => folder.join(info.name()),
        }
    }

    /// The path as it was given.
    #[must_use]
    pub fn given(&self) -> &Path {
        match self {
            Self::At(path) | Self::Under(path) => path,
        }
    }
}

impl Choice {
    /// The files that this says; an error says in one line why the content cannot be used.
    pub fn new(
        choose: impl Fn(&Info) -> Result<Selection, String> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(choose))
    }

    /// All files.
    #[must_use]
    pub fn all() -> Self {
        Self::new(|info| Ok(Selection::all(info)))
    }

    /// No file: what is there is served, and nothing is fetched, written or created.
    #[must_use]
    pub fn none() -> Self {
        Self::new(|info| Ok(Selection::none(info)))
    }

    /// The files of these numbers in the list. A content that has none of them cannot be used.
    #[must_use]
    pub fn numbers(numbers: Vec<RangeInclusive<u32>>) -> Self {
        Self::new(move |info| {
            let is_named = |number| numbers.iter().any(|some| some.contains(&number));
            let wants = |number| u32::try_from(number).is_ok_and(is_named);
            let selection = Selection::of(info, |number, _| wants(number));
            match selection.is_none() {
                true => Err("it has none of the files that were selected by number".to_owned()),
                false => Ok(selection),
            }
        })
    }

    /// What is wanted of this content.
    ///
    /// # Errors
    /// Why it cannot be used, in one line.
    pub fn of(&self, info: &Info) -> Result<Selection, String> {
        (self.0)(info)
    }
}

impl Default for Choice {
    fn default() -> Self {
        Self::all()
    }
}

impl fmt::Debug for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Choice(..)")
    }
}

#[cfg(test)]
mod tests {
    use swarmlet_protocol::id::PieceHash;
    use swarmlet_protocol::metainfo::NewFile;

    use super::*;

    fn photos() -> Info {
        let file = |path| NewFile {
            path,
            length: 1,
            is_executable: false,
        };
        let files = ["a", "b", "c"].map(file);
        Info::folder("photos", &files, 1, &[PieceHash([0; 20]); 3]).unwrap()
    }

    #[test]
    fn a_magnet_link_wants_the_files_that_it_names_by_number() {
        let info = photos();
        let wanted = |so: &str| {
            let link = format!("magnet:?xt=urn:btih:{}{so}", info.info_hash());
            let share = Share::magnet(link.parse().unwrap(), Place::Under("/srv".into()));
            let selection = share.choice.of(&info);
            selection.map(|selection| [0, 1, 2].map(|number| selection.has_file(number)))
        };
        assert_eq!(wanted(""), Ok([true; 3]));
        assert_eq!(wanted("&so=0,2-9"), Ok([true, false, true]));
        assert!(wanted("&so=3").is_err());
    }

    #[test]
    fn a_torrent_brings_what_can_be_used_of_its_trackers_and_web_seeds() {
        let mut torrent = Torrent::new(photos());
        let texts = |texts: [&str; 2]| texts.map(str::to_owned).to_vec();
        torrent.trackers = vec![texts([
            "udp://tracker.example:1",
            "wss://elsewhere.example",
        ])];
        torrent.web_seeds = texts(["http://seed.example/", "ftp://seed.example/"]);
        let share = Share::torrent(torrent, Place::Under("/srv".into()));
        assert_eq!(share.path(), Some("/srv/photos".into()));
        assert_eq!(share.trackers.len(), 1);
        assert_eq!((share.trackers[0].len(), share.web_seeds.len()), (1, 1));
    }
}
