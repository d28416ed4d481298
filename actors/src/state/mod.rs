//! What a node remembers between two lives: the swarm it learned and the peers it met.
//!
//! Everything here is a hint and is checked when it is used: the metadata against its infohash,
//! the peers by dialing them. Files are written beside their name and renamed, so a node that is
//! killed while it writes leaves the old ones. A file of another version is not read. All of them are
//! for their owner alone: they say who is in the fleet and what it has.

mod node_file;
mod operator;
mod table_file;
mod words;

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use log::{debug, warn};
use serde_json::json;
use swarmlet_protocol::dht::MAX_REMEMBERED;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::metainfo::{Info, MAX_METADATA_LENGTH};

pub use self::node_file::Addresses;
use self::node_file::{NodeFile, Unread};
use self::table_file::read_table;
pub use self::words::{Added, Words};
use crate::private;
use crate::reason::reason;

/// The version of the format. Another one is not read.
const VERSION: u64 = 2;

/// 64 MiB: a file of state in JSON. What many thousand contents need; what is longer is not ours.
const MAX_JSON: usize = 64 * 1024 * 1024;

/// A folder in which one node keeps its state.
#[derive(Clone, Debug)]
pub struct StateFolder {
    folder: PathBuf,
    fleet: String,
    /// The swarm that this life has learned. Held while the file is written that names it, so that
    /// neither writer takes back what the other knows.
    learned: Arc<Mutex<Option<InfoHash>>>,
    /// The number of the latest words that were written. Held while they are.
    written: Arc<Mutex<u64>>,
}

/// What was remembered.
#[derive(Debug, Default)]
pub struct Remembered {
    /// Addresses that answered in an earlier life.
    pub peers: Addresses,
    /// Addresses that fleet members named and that had not answered yet.
    pub hearsay: Addresses,
    /// The content that was learned from peers.
    pub info: Option<Info>,
}

impl StateFolder {
    /// The folder of a node; it is made when it is missing. What was remembered for another fleet
    /// is not used.
    ///
    /// # Errors
    /// The folder cannot be made or written.
    pub fn open(folder: PathBuf, fleet: &str) -> io::Result<Self> {
        private::folder(&folder)?;
        let probe = folder.join(format!(".probe-{}", std::process::id()));
        private::create(&probe)?;
        fs::remove_file(&probe)?;
        if private::is_folder_open(&folder) {
            warn!(
                "others on this machine can change what is in the state directory {0}: chmod go-w {0}",
                folder.display()
            );
        }
        take_back(&folder);
        Ok(Self {
            folder,
            fleet: fleet.to_owned(),
            learned: Arc::default(),
            written: Arc::default(),
        })
    }

    /// Reads what an earlier life left. What cannot be read counts as nothing.
    #[must_use]
    pub fn load(&self) -> Remembered {
        let path = self.node_file();
        let Some(text) = read(&path, MAX_JSON) else {
            return Remembered::default();
        };
        match NodeFile::parse(&text, &self.fleet) {
            Ok(node) => Remembered {
                info: node.swarm.and_then(|swarm| self.load_info(swarm)),
                peers: node.peers,
                hearsay: node.hearsay,
            },
            Err(Unread::Meaningless) => {
                warn!("{} cannot be read; starting without it", path.display());
                Remembered::default()
            }
            Err(Unread::NotOurs) => {
                debug!("{} is of another version or fleet", path.display());
                Remembered::default()
            }
        }
    }

    /// Reads the description of a swarm that an earlier life has learned, if there is one.
    #[must_use]
    pub fn load_info(&self, info_hash: InfoHash) -> Option<Info> {
        let bytes = read(&self.info_file(info_hash), MAX_METADATA_LENGTH)?;
        let info = Info::parse(Bytes::from(bytes)).ok()?;
        (info.info_hash() == info_hash).then_some(info)
    }

    /// Remembers peers and hearsay, and the swarm if it was learned: the one that is named here, or
    /// else the one of [`Self::save_learned`].
    ///
    /// # Errors
    /// The disk refuses.
    pub fn save_node(
        &self,
        swarm: Option<InfoHash>,
        peers: Addresses,
        hearsay: Addresses,
    ) -> io::Result<()> {
        let learned = self.learned();
        let node = NodeFile {
            swarm: swarm.or(*learned),
            peers,
            hearsay,
        };
        replace(&self.node_file(), node.to_json(&self.fleet).as_bytes())
    }

    /// Remembers the content of a swarm that was learned, and that it was: whoever is killed a moment
    /// later need not ask again.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn save_learned(&self, info: &Info) -> io::Result<()> {
        self.save_info(info)?;
        let mut learned = self.learned();
        *learned = Some(info.info_hash());
        let text = read(&self.node_file(), MAX_JSON).unwrap_or_default();
        let mut node = NodeFile::parse(&text, &self.fleet).unwrap_or_default();
        node.swarm = *learned;
        replace(&self.node_file(), node.to_json(&self.fleet).as_bytes())
    }

    /// Remembers the description of a swarm that the node was told to join: its next life need not
    /// ask for it again.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn save_info(&self, info: &Info) -> io::Result<()> {
        replace(&self.info_file(info.info_hash()), info.bytes())
    }

    /// The nodes of the distributed hash table that answered in an earlier life, and those that the
    /// operator had named then. What cannot be read counts as nothing.
    #[must_use]
    pub fn load_table(&self) -> (Vec<SocketAddrV4>, Vec<String>) {
        read_table(&read(&self.table_file(), MAX_JSON).unwrap_or_default())
    }

    /// Remembers nodes of the distributed hash table, and those that the operator named.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn save_table(&self, nodes: &[SocketAddrV4], named: &[String]) -> io::Result<()> {
        let nodes = nodes.iter().take(MAX_REMEMBERED);
        let table = json!({
            "version": VERSION,
            "named": named,
            "nodes": nodes.map(SocketAddrV4::to_string).collect::<Vec<_>>(),
        });
        replace(&self.table_file(), format!("{table:#}\n").as_bytes())
    }

    /// Says in the log what went wrong with a state file: state is never worth a failure.
    pub fn or_warn(&self, outcome: io::Result<()>) {
        if let Err(error) = outcome {
            let folder = self.folder.display();
            warn!("cannot save state in {folder}: {}", reason(&error));
        }
    }

    fn learned(&self) -> MutexGuard<'_, Option<InfoHash>> {
        // One value: a panic while it was held cannot have broken it.
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn node_file(&self) -> PathBuf {
        self.folder.join("node.json")
    }

    fn table_file(&self) -> PathBuf {
        self.folder.join("dht.json")
    }

    fn info_file(&self, info_hash: InfoHash) -> PathBuf {
        self.folder.join(format!("{info_hash}.info"))
    }
}

/// Reads a state file, if there is one. What cannot be read counts as nothing, and the log says so: it
/// may be a pipe, a device, or longer than any of ours.
fn read(path: &Path, limit: usize) -> Option<Vec<u8>> {
    match private::read(path, limit) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                let (shown, reason) = (path.display(), reason(&error));
                warn!("{shown} cannot be read; starting without it: {reason}");
            }
            None
        }
    }
}

/// Takes the state files of an earlier life from others: an earlier version left them to the umask.
fn take_back(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let is_ours = |path: &PathBuf| {
        let is_json = path.extension().is_some_and(|end| end == "json");
        is_json || path.extension().is_some_and(|end| end == "info")
    };
    let ours = entries.filter_map(|entry| Some(entry.ok()?.path()));
    for path in ours.filter(is_ours) {
        if let Ok(true) = private::tighten(&path) {
            debug!("{} is its owner's alone from now on", path.display());
        }
    }
}

/// Puts a file in the place of another in one step.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    let written = private::create(&draft).and_then(|mut file| file.write_all(bytes));
    let replaced = written.and_then(|()| fs::rename(&draft, path));
    if replaced.is_err() {
        let _ = fs::remove_file(&draft);
    }
    replaced
}

/// What somebody may put in the place of a state file: a pipe, a link to a device that never ends, a
/// folder, a file that is longer than memory.
#[cfg(test)]
pub(crate) fn hostile_places(root: &Path) -> Vec<PathBuf> {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let place = |name: &str| root.join(name);
    mknodat(
        CWD,
        place("pipe"),
        FileType::Fifo,
        Mode::RUSR | Mode::WUSR,
        0,
    )
    .unwrap();
    std::os::unix::fs::symlink("/dev/zero", place("device")).unwrap();
    fs::create_dir(place("folder")).unwrap();
    let sparse = fs::File::create(place("sparse")).unwrap();
    sparse.set_len(3 << 30).unwrap();
    ["pipe", "device", "folder", "sparse"].map(place).to_vec()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use swarmlet_protocol::id::PieceHash;

    use super::*;

    #[test]
    fn a_later_life_knows_what_an_earlier_one_learned() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::open(folder.path().join("deep/er"), "blue").unwrap();
        assert!(state.load().peers.is_empty());
        let info = Info::single_file("data.bin", 3, 4, &[PieceHash::of(b"abc")]).unwrap();
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let peers = Addresses::from([
            (info.info_hash(), addresses(&["127.0.0.9:6881", "[::1]:7"])),
            (InfoHash([7; 20]), addresses(&["127.0.0.3:1"])),
        ]);
        let hearsay = Addresses::from([(InfoHash([7; 20]), addresses(&["127.0.0.4:1"]))]);
        state
            .save_node(None, peers.clone(), hearsay.clone())
            .unwrap();
        state.save_learned(&info).unwrap();
        let remembered = state.load();
        assert_eq!(remembered.peers, peers, "the peers are kept");
        assert!(remembered.info.is_some(), "known at once");
        // Whoever has not heard of the swarm yet does not take it back.
        state
            .save_node(None, peers.clone(), hearsay.clone())
            .unwrap();
        let remembered = state.load();
        assert_eq!(remembered.peers, peers);
        assert_eq!(remembered.hearsay, hearsay);
        assert_eq!(remembered.info.unwrap().info_hash(), info.info_hash());
        let other = StateFolder::open(folder.path().join("deep/er"), "green").unwrap();
        assert!(other.load().peers.is_empty() && other.load().info.is_none());
    }

    #[test]
    fn state_is_its_owners_alone_also_what_an_earlier_version_left() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("state");
        let info = Info::single_file("data.bin", 3, 4, &[PieceHash::of(b"abc")]).unwrap();
        let open = |folder: &Path| StateFolder::open(folder.to_owned(), "").unwrap();
        let write = |state: &StateFolder| {
            state.save_learned(&info).unwrap();
            state.save_table(&[], &[]).unwrap();
            state.save_words(1, &Words::default()).unwrap();
        };
        let modes = || -> Vec<(String, u32)> {
            let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap());
            let mode = |entry: &fs::DirEntry| entry.metadata().unwrap().mode() & 0o777;
            entries
                .map(|entry| (entry.file_name().into_string().unwrap(), mode(&entry)))
                .collect()
        };
        write(&open(&folder));
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        assert_eq!(modes().len(), 4, "{:?}", modes());
        assert!(
            modes().iter().all(|(_, mode)| *mode == 0o600),
            "{:?}",
            modes()
        );
        for (name, _) in modes() {
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o666)).unwrap();
        }
        // What is not ours is not touched.
        fs::write(folder.join("notes.txt"), "").unwrap();
        fs::set_permissions(folder.join("notes.txt"), fs::Permissions::from_mode(0o644)).unwrap();
        open(&folder);
        let expected = |name: &str| if name == "notes.txt" { 0o644 } else { 0o600 };
        for (name, mode) in modes() {
            assert_eq!(mode, expected(&name), "{name}");
        }
    }

    #[test]
    fn nodes_of_the_table_are_remembered_with_what_the_operator_named() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::open(folder.path().to_owned(), "").unwrap();
        assert_eq!(state.load_table(), Default::default());
        let nodes: Vec<SocketAddrV4> = (0..200)
            .map(|host| SocketAddrV4::new([10, 0, 0, host].into(), 6881))
            .collect();
        let named = vec!["node.example:6881".to_owned()];
        state.save_table(&nodes, &named).unwrap();
        assert_eq!(
            state.load_table(),
            (nodes[..MAX_REMEMBERED].to_vec(), named)
        );
        fs::write(
            state.table_file(),
            b"{\"version\": 2, \"nodes\": [7, \"x\"]}",
        )
        .unwrap();
        assert_eq!(state.load_table(), Default::default());
        fs::write(state.table_file(), b"\xff").unwrap();
        assert_eq!(state.load_table(), Default::default());
    }

    #[test]
    fn damaged_state_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::open(folder.path().to_owned(), "").unwrap();
        let info = Info::single_file("data.bin", 3, 4, &[PieceHash::of(b"abc")]).unwrap();
        state.save_learned(&info).unwrap();
        state
            .save_node(Some(info.info_hash()), Addresses::new(), Addresses::new())
            .unwrap();
        fs::write(
            state.info_file(info.info_hash()),
            b"d6:lengthi4e4:name8:data.bine",
        )
        .unwrap();
        assert!(state.load().info.is_none());
        fs::write(
            state.node_file(),
            format!(
                "{{\"version\": 1, \"peers\": {{\"{}\": [\"127.0.0.1:1\"]}}}}",
                info.info_hash()
            ),
        )
        .unwrap();
        assert!(state.load().peers.is_empty());
        fs::write(state.node_file(), b"\x00\xff").unwrap();
        assert!(state.load().peers.is_empty());
    }

    #[test]
    fn what_is_no_state_file_counts_as_none_and_holds_up_nothing() {
        let root = tempfile::tempdir().unwrap();
        let info = Info::single_file("data.bin", 3, 4, &[PieceHash::of(b"abc")]).unwrap();
        for place in hostile_places(root.path()) {
            let folder = tempfile::tempdir().unwrap();
            let open = || StateFolder::open(folder.path().to_owned(), "").unwrap();
            let state = open();
            let names = [
                state.node_file(),
                state.table_file(),
                state.words_file(),
                state.info_file(info.info_hash()),
            ];
            for name in &names {
                fs::rename(&place, name).unwrap();
                open();
                assert!(state.load().peers.is_empty());
                assert_eq!(state.load_table(), Default::default());
                assert_eq!(state.load_words(), Words::default());
                assert!(state.load_info(info.info_hash()).is_none());
                fs::rename(name, &place).unwrap();
            }
            // All but a folder is replaced by what is remembered next.
            if !place.is_dir() {
                fs::rename(&place, state.node_file()).unwrap();
                state.save_learned(&info).unwrap();
                assert!(state.load().info.is_some());
            }
        }
    }
}
