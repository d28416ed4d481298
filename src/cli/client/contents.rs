//! Which content somebody means, and what to call one.

use std::path::Path;

use swarmlet::http::model::{Swarm, Swarms};
use swarmlet_protocol::metainfo::CONTENT_NAME;
use swarmlet_protocol::text::escaped;

use super::connect::Connection;
use super::error::ClientError;

/// 4 digits: fewer are more likely a slip than the beginning of an infohash.
const SHORTEST: usize = 4;

/// 8 digits of an infohash stand for a content that has no name yet: no two of 64 have the same but
/// by one chance in two million.
const SHORT: usize = 8;

/// The content that is meant.
///
/// # Errors
/// The node cannot be asked; nothing, or more than one, is called so.
pub(crate) async fn find(
    connection: &Connection,
    named: Option<&str>,
) -> Result<Swarm, ClientError> {
    let swarms = connection.look::<Swarms>("/api/v1/swarms").await?;
    choose(swarms.read.swarms, named)
}

/// What people call it, fit to be shown: its name. What a torrent.conf describes has none of its
/// own, and is called as its file is.
pub(crate) fn called(swarm: &Swarm) -> String {
    let name = swarm.name.as_deref().filter(|&name| name != CONTENT_NAME);
    let name = name.or_else(|| file_name(swarm)).or(swarm.name.as_deref());
    match name {
        Some(name) => escaped(name),
        None => short(swarm),
    }
}

fn choose(mut swarms: Vec<Swarm>, named: Option<&str>) -> Result<Swarm, ClientError> {
    let found: Vec<_> = match named {
        None => (0..swarms.len()).collect(),
        Some(named) => places(&swarms, named),
    };
    match (found.as_slice(), named) {
        (&[place], _) => Ok(swarms.swap_remove(place)),
        _ if swarms.is_empty() => Err(ClientError::NoContent),
        (_, None) => Err(ClientError::WhichContent(all(&swarms, &found))),
        ([], Some(named)) => Err(ClientError::UnknownContent {
            called: named.to_owned(),
            there: swarms.iter().map(distinct).collect(),
        }),
        (_, Some(named)) => Err(ClientError::Ambiguous {
            called: named.to_owned(),
            several: all(&swarms, &found),
        }),
    }
}

/// The places of those that may be meant: the one with that infohash, or all of which it is the
/// beginning of the infohash, the name or the path.
fn places(swarms: &[Swarm], named: &str) -> Vec<usize> {
    let digits = named.to_ascii_lowercase();
    if let Some(place) = swarms.iter().position(|swarm| swarm.infohash == digits) {
        return vec![place];
    }
    let is_meant = |swarm: &Swarm| {
        (digits.len() >= SHORTEST && swarm.infohash.starts_with(&digits))
            || swarm.name.as_deref() == Some(named)
            || swarm.place.as_deref() == Some(named)
            || file_name(swarm) == Some(named)
    };
    let all = swarms.iter().enumerate();
    all.filter(|(_, swarm)| is_meant(swarm))
        .map(|(place, _)| place)
        .collect()
}

fn all(swarms: &[Swarm], places: &[usize]) -> Vec<String> {
    let there = places.iter().filter_map(|&place| swarms.get(place));
    there.map(distinct).collect()
}

/// What to call it where several might be called so.
fn distinct(swarm: &Swarm) -> String {
    let (called, short) = (called(swarm), short(swarm));
    match called == short {
        true => short,
        false => format!("{called} ({short})"),
    }
}

fn short(swarm: &Swarm) -> String {
    escaped(swarm.infohash.get(..SHORT).unwrap_or(&swarm.infohash))
}

fn file_name(swarm: &Swarm) -> Option<&str> {
    Path::new(swarm.place.as_deref()?).file_name()?.to_str()
}

#[cfg(test)]
pub(crate) mod tests {
    use swarmlet::http::model::{Cells, SwarmState};

    use super::*;

    /// A content that is complete.
    pub(crate) fn content(infohash: &str, name: Option<&str>, place: Option<&str>) -> Swarm {
        Swarm {
            infohash: format!("{infohash:0<40}"),
            name: name.map(str::to_owned),
            place: place.map(str::to_owned),
            state: SwarmState::Complete,
            complete: true,
            paused: false,
            private: false,
            configured: true,
            error: None,
            size_bytes: 1_000,
            verified_bytes: 1_000,
            pieces: 10,
            verified_pieces: 10,
            unchecked_pieces: 0,
            pieces_without_holder: 0,
            piece_length: 100,
            received_bytes: 0,
            sent_bytes: 0,
            from_sources_bytes: 0,
            down_rate: 0,
            up_rate: 0,
            eta_seconds: None,
            links: 3,
            magnet: String::new(),
            waits: Vec::new(),
            map: Cells::default(),
        }
    }

    fn several() -> Vec<Swarm> {
        vec![
            content("aabbcc", Some("photos"), Some("/srv/pictures")),
            content("aabbdd", Some(CONTENT_NAME), Some("/srv/a.iso")),
            content("ccdd", Some(CONTENT_NAME), Some("/srv/b.iso")),
            content("beef", None, None),
        ]
    }

    #[test]
    fn a_content_is_meant_by_its_infohash_its_name_or_its_path() {
        let whole = format!("{:0<40}", "AABBDD");
        for (named, infohash) in [
            (whole.as_str(), "aabbdd"),
            ("AABBc", "aabbcc"),
            ("ccdd", "ccdd"),
            ("photos", "aabbcc"),
            ("pictures", "aabbcc"),
            ("b.iso", "ccdd"),
            ("/srv/a.iso", "aabbdd"),
            ("beef", "beef"),
        ] {
            let chosen = choose(several(), Some(named)).unwrap();
            assert_eq!(chosen.infohash, format!("{infohash:0<40}"), "{named}");
        }
    }

    #[test]
    fn what_may_be_several_or_none_is_refused_and_says_what_there_is() {
        let refused = |named| choose(several(), named).unwrap_err().to_string();
        let all = "photos (aabbcc00), a.iso (aabbdd00), b.iso (ccdd0000), beef0000";
        assert_eq!(
            refused(Some("aabb")),
            "'aabb' may be photos (aabbcc00), a.iso (aabbdd00)"
        );
        assert_eq!(
            refused(Some("data.bin")),
            "'data.bin' may be a.iso (aabbdd00), b.iso (ccdd0000)"
        );
        assert_eq!(
            refused(Some("aab")),
            format!("no content of this node is called 'aab'; it has {all}")
        );
        assert_eq!(
            refused(None),
            format!("this node has 4 contents; say which one is meant: {all}")
        );
        let nothing = choose(Vec::new(), Some("x")).unwrap_err();
        assert_eq!(nothing.to_string(), "this node has no content");
    }

    #[test]
    fn a_name_that_is_the_beginning_of_another_infohash_is_not_guessed_about() {
        let mut swarms = several();
        swarms.push(content("11", Some("beef"), None));
        assert!(choose(swarms, Some("beef")).is_err());
    }

    #[test]
    fn the_only_content_need_not_be_named() {
        let only = choose(several().split_off(3), None).unwrap();
        assert_eq!(called(&only), "beef0000");
    }

    #[test]
    fn names_of_strangers_are_made_fit_to_be_shown() {
        let odd = content("aa", Some("a\x1b[2J\tb"), None);
        assert_eq!(called(&odd), "a\\u{1b}[2J\\tb");
    }
}
