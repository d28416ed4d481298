//! Whether the contents of a node can be kept side by side.

use std::collections::HashMap;
use std::path::Path;

use swarmlet_actors::supervisor::{Kept, Misplaced, Share, check_places};

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
    let known = shares.iter().filter_map(|share| {
        Some(Kept {
            path: share.path()?,
            is_folder: share.is_folder(),
        })
    });
    let learned = place.map(|place| Kept {
        path: place.to_owned(),
        is_folder: None,
    });
    let kept: Vec<_> = known.chain(learned).collect();
    check_places(&kept).map_err(|Misplaced { path, reason }| Error::Data { path, reason })?;
    let mut contents = HashMap::new();
    for share in shares {
        let place = share.place.given();
        if let Some(other) = contents.insert(share.info_hash(), place) {
            return Err(Error::Data {
                path: place.to_owned(),
                reason: format!("the same content is kept in {} already", other.display()),
            });
        }
    }
    Ok(())
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
}
