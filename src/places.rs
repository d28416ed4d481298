//! Where contents are kept: whether they can be, and that none is in another's way.

use std::collections::{HashMap, HashSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use swarmlet_actors::supervisor::Share;

use crate::Error;

/// 64 contents of one node: all that a node can name to others at the rendezvous, and with a
/// descriptor, a request to a tracker and a few links each they stay far below what a process may
/// have.
pub(crate) const MAX_CONTENTS: usize = 64;

/// Can each content be kept where it is said to be, and no two in one place?
pub(crate) fn check(shares: &[Share], place: Option<&Path>) -> Result<(), Error> {
    if shares.len() > MAX_CONTENTS {
        let count = shares.len();
        return Err(Error::TooMany {
            count,
            limit: MAX_CONTENTS,
        });
    }
    let mut contents = HashMap::new();
    let (mut places, mut files) = (HashSet::new(), HashSet::new());
    let known = |share: &'_ Share| (share.data.clone(), Some(share.info.is_folder()));
    let learned = place.map(|place| (place.to_owned(), None));
    for (path, is_folder) in shares.iter().map(known).chain(learned) {
        if let Some(reason) = no_data_path(&path, is_folder) {
            return Err(Error::Data {
                path,
                reason: reason.to_owned(),
            });
        }
        let file = std::fs::metadata(&path).ok();
        let file = file.filter(std::fs::Metadata::is_file);
        let linked = file.is_some_and(|file| !files.insert((file.dev(), file.ino())));
        if linked || !places.insert(absolute(&path)) {
            return Err(Error::Data {
                path,
                reason: "two contents cannot be kept in one place".to_owned(),
            });
        }
    }
    for folder in shares.iter().filter(|share| share.info.is_folder()) {
        let root = absolute(&folder.data);
        let within = |place: &&PathBuf| place.starts_with(&root) && **place != root;
        if let Some(inner) = places.iter().find(within) {
            return Err(Error::Data {
                path: inner.clone(),
                reason: format!("it is in the folder of another content, {}", root.display()),
            });
        }
    }
    for Share { info, data, .. } in shares {
        if let Some(other) = contents.insert(info.info_hash(), data) {
            return Err(Error::Data {
                path: data.clone(),
                reason: format!("the same content is kept in {} already", other.display()),
            });
        }
    }
    Ok(())
}

/// The path from the root, as far as it exists: two ways to name one file are the same.
fn absolute(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = std::fs::canonicalize(folder.unwrap_or_else(|| Path::new(".")));
        match (folder, path.file_name()) {
            (Ok(folder), Some(name)) => folder.join(name),
            _ => path.to_owned(),
        }
    })
}

/// Why content cannot be kept at this path, ever: a folder of files if `is_folder`, else a single
/// file; while nothing is known of the content it may become either. What is missing can be
/// created, and what cannot be looked at now may be all right later. Opening a pipe or a device is
/// not tried: it could block.
fn no_data_path(path: &Path, is_folder: Option<bool>) -> Option<&'static str> {
    let kind = std::fs::metadata(path).ok()?.file_type();
    match is_folder {
        Some(false) if kind.is_dir() => Some("is a directory"),
        Some(true) if kind.is_file() => Some("is a file; the content is a folder"),
        _ if kind.is_dir() || kind.is_file() => None,
        _ => Some("not a regular file"),
    }
}

#[cfg(test)]
mod tests {
    use swarmlet_protocol::metainfo::{Info, TorrentConf};

    use super::*;
    use crate::Node;

    #[test]
    fn a_node_needs_something_to_keep_and_a_place_for_it() {
        let system = actix_rt::System::new();
        let info = Info::single_file("x", 0, 1, &[]).unwrap();
        let conf = TorrentConf::from_info(&info, Vec::new());
        system.block_on(async {
            let nothing = Node::sharing([]).start().unwrap_err();
            assert!(matches!(nothing, Error::NothingToKeep), "{nothing}");
            let nowhere = Node::sharing([]).torrent_conf(conf).start().unwrap_err();
            assert!(matches!(nowhere, Error::NoPlace { .. }), "{nowhere}");
            let raw = b"d5:filesld6:lengthi0e4:pathl1:aeee4:name1:x12:piece lengthi1e6:pieces0:e";
            let folder = Info::parse(raw.to_vec().into()).unwrap();
            let nested = [
                Share::new(info.clone(), "/tmp/nested/deep/file"),
                Share::new(folder, "/tmp/nested"),
            ];
            let nested = Node::sharing(nested).start().unwrap_err().to_string();
            assert!(
                nested.contains("in the folder of another content"),
                "{nested}"
            );
            let folder = tempfile::tempdir().unwrap();
            let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
            std::fs::write(&one, "x").unwrap();
            std::fs::hard_link(&one, &other).unwrap();
            let linked = [
                Share::new(info.clone(), one),
                Share::new(info.clone(), other),
            ];
            let linked = Node::sharing(linked).start().unwrap_err().to_string();
            assert!(linked.contains("cannot be kept in one place"), "{linked}");
            let many = (0..65).map(|number| Share::new(info.clone(), format!("/tmp/{number}")));
            let many = Node::sharing(many).start().unwrap_err().to_string();
            assert!(many.starts_with("65 contents; the limit is 64"), "{many}");
            let share = |place: &str| Share::new(info.clone(), place);
            let twice = Node::sharing([share("/tmp/a"), share("/tmp/b")]).start();
            assert!(twice.unwrap_err().to_string().contains("the same content"));
        });
    }

    #[test]
    fn a_path_is_refused_only_if_it_can_never_be_right() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let missing = folder.path().join("missing");
        for (path, is_folder, reason) in [
            (folder.path(), None, None),
            (folder.path(), Some(true), None),
            (folder.path(), Some(false), Some("is a directory")),
            (&file, None, None),
            (&file, Some(false), None),
            (
                &file,
                Some(true),
                Some("is a file; the content is a folder"),
            ),
            (&missing, Some(true), None),
            (&missing, None, None),
            (Path::new("/dev/null"), None, Some("not a regular file")),
            (
                Path::new("/dev/null"),
                Some(true),
                Some("not a regular file"),
            ),
        ] {
            assert_eq!(
                no_data_path(path, is_folder),
                reason,
                "{path:?} {is_folder:?}"
            );
        }
    }
}
