//! What is to be fetched: descriptions from files, from servers, and in links.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use swarmlet::{Choice, Place, Share, Topic};
use swarmlet_actors::fetch::fetch;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::metainfo::{CONTENT_NAME, FileKind, Info, MAX_CONF_LENGTH, Selection};
use swarmlet_protocol::text::escaped;

use crate::cli::args::{DEFAULT_OUT, GetArgs};
use crate::cli::config::{self, Description, is_link};
use crate::cli::error::CliError;
use crate::cli::shares::{of_description, topic};
use crate::cli::values::Pattern;

/// So many names are listed when a pattern matches none.
const LISTED: usize = 8;

/// One content to fetch.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// What the node is told of it.
    pub(crate) share: Share,
    /// What to call it while no more is known, fit to be printed.
    pub(crate) shown: String,
}

/// Reads all sources. What two of them name is fetched once, from the peers of both.
///
/// # Errors
/// One of them cannot be read, or describes nothing.
pub(crate) async fn gather(args: &GetArgs) -> Result<Vec<Wanted>, CliError> {
    let mut wanted: Vec<Wanted> = Vec::new();
    for source in &args.sources {
        let one = read(source, args).await?;
        let known = wanted
            .iter_mut()
            .find(|it| it.share.info_hash() == one.share.info_hash());
        match known {
            Some(known) => merge(&mut known.share, one.share),
            None => wanted.push(one),
        }
    }
    for Wanted { share, .. } in &wanted {
        // What is known now need not be found out when the node runs.
        if let Topic::Known(info) = &share.topic {
            share.choice.of(info).map_err(CliError::Choice)?;
        }
    }
    Ok(wanted)
}

fn merge(known: &mut Share, other: Share) {
    if matches!(other.topic, Topic::Known(_)) && matches!(known.topic, Topic::Named(_)) {
        known.topic = other.topic;
        known.place = other.place;
        known.choice = other.choice;
    }
    known.peers.extend(other.peers);
    known.dht_nodes.extend(other.dht_nodes);
    known.sources.extend(other.sources);
    known.web_seeds.extend(other.web_seeds);
    for tier in other.trackers {
        if !known.trackers.contains(&tier) {
            known.trackers.push(tier);
        }
    }
}

async fn read(source: &str, args: &GetArgs) -> Result<Wanted, CliError> {
    let path = Path::new(source);
    if !is_url(source) && !path.exists() {
        if source.parse::<InfoHash>().is_ok() {
            return Err(CliError::BareHash(source.to_owned()));
        }
        if source.contains("://") {
            return Err(CliError::Scheme(escaped(without_query(source))));
        }
    }
    let described = match is_url(source) {
        true => {
            let listen = args.network.listen;
            let from = listen.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |it| it.0.ip());
            let bytes = fetch(source, from, MAX_CONF_LENGTH);
            let bytes = bytes.await.map_err(|reason| CliError::Fetch {
                url: escaped(without_query(source)),
                reason,
            })?;
            config::describe(bytes, Path::new(without_query(source)))?
        }
        false => config::read(path)?,
    };
    let topic = topic(&described).ok_or_else(|| match is_link(source.as_bytes()) {
        true => CliError::Choice("the magnet link names nothing".to_owned()),
        false => CliError::DescribesNothing(path.to_owned()),
    })?;
    let place = place_of(path, &described, &topic, &args.out);
    let shown = match (&topic, &described.shown) {
        (Topic::Known(info), _) => info.name().to_owned(),
        (Topic::Named(_), Some(name)) => name.clone(),
        (Topic::Named(info_hash), None) => info_hash.to_string(),
    };
    let mut share = of_description(described, topic, place);
    if !args.select.is_empty() {
        share.choice = choice(args.select.clone());
    }
    Ok(Wanted {
        shown: escaped(&shown),
        share,
    })
}

/// Where a content goes: under its own name. The content of a config has none, and gets that of the
/// config.
fn place_of(path: &Path, described: &Description, topic: &Topic, out: &Path) -> Place {
    let is_of_conf = match topic {
        Topic::Known(info) => !info.is_folder() && info.name() == CONTENT_NAME && described.is_conf,
        Topic::Named(_) => false,
    };
    let name = path.file_name().filter(|_| is_of_conf);
    match name {
        None => Place::Under(out.to_owned()),
        Some(name) if name == DEFAULT_OUT => Place::At(out.join(CONTENT_NAME)),
        Some(_) if path.extension().is_some_and(|end| end == "conf") => {
            Place::At(out.join(path.file_stem().unwrap_or_default()))
        }
        // A config of another name is not to be overwritten by what it describes.
        Some(_) => Place::At(out.join(CONTENT_NAME)),
    }
}

/// Is it fetched from a web server?
pub(crate) fn is_url(source: &str) -> bool {
    let scheme = source.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|it| it.eq_ignore_ascii_case("http") || it.eq_ignore_ascii_case("https"))
}

/// A URL as it may be shown: what follows a question mark may be a secret, and so may a user and a
/// password.
pub(crate) fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// The files that match one of the patterns; each must match something.
fn choice(patterns: Vec<Pattern>) -> Choice {
    Choice::new(move |info| {
        let files = || info.files().iter();
        let regular = || files().filter(|file| file.kind == FileKind::Regular);
        for pattern in &patterns {
            if !regular().any(|file| pattern.matches(file.path)) {
                return Err(no_match(pattern, info));
            }
        }
        let matches = |path: &str| patterns.iter().any(|pattern| pattern.matches(path));
        Ok(Selection::of(info, |_, file| matches(file.path)))
    })
}

fn no_match(pattern: &Pattern, info: &Info) -> String {
    let files = info.files().iter();
    let regular = files.filter(|file| file.kind == FileKind::Regular);
    let names: Vec<_> = regular.map(|file| escaped(file.path)).collect();
    let more = match names.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let some = names.get(..LISTED).unwrap_or(&names).join(", ");
    format!(
        "--select '{}' matches no file of {}; it has {some}{more}",
        escaped(&pattern.text),
        escaped(info.name())
    )
}

/// The directory that everything goes into.
///
/// # Errors
/// It cannot be made.
pub(crate) fn make_directory(out: &Path) -> Result<(), CliError> {
    std::fs::create_dir_all(out).map_err(|source| CliError::Write {
        path: PathBuf::from(out),
        source,
    })
}

#[cfg(test)]
mod tests {
    use swarmlet_protocol::id::PieceHash;
    use swarmlet_protocol::metainfo::{NewFile, TorrentConf};

    use super::*;

    fn folder(paths: &[&str]) -> Info {
        let file = |path: &&'static str| NewFile {
            path,
            length: 1,
            is_executable: false,
        };
        let paths: Vec<&'static str> = paths.iter().map(|it| &*it.to_string().leak()).collect();
        let files: Vec<_> = paths.iter().map(file).collect();
        let hashes = vec![PieceHash([0; 20]); files.len()];
        Info::folder("photos", &files, 1, &hashes).unwrap()
    }

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn patterns_add_up_and_each_must_match() {
        let info = folder(&["a.iso", "b.txt", "docs/c.txt"]);
        let selection = choice(patterns(&["*.iso", "docs"])).of(&info).unwrap();
        let wanted: Vec<_> = (0..3).map(|number| selection.has_file(number)).collect();
        assert_eq!(wanted, [true, false, true]);
        let error = choice(patterns(&["*.iso", "*.mp3"])).of(&info).unwrap_err();
        assert_eq!(
            error,
            "--select '*.mp3' matches no file of photos; it has a.iso, b.txt, docs/c.txt"
        );
        let many: Vec<_> = (0..20).map(|number| format!("f{number:02}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        let error = choice(patterns(&["x"])).of(&folder(&many)).unwrap_err();
        assert!(error.ends_with("f06, f07 and 12 more"), "{error}");
    }

    #[test]
    fn what_a_config_describes_gets_the_name_of_the_config() {
        let info = Info::single_file(CONTENT_NAME, 0, 1, &[]).unwrap();
        let conf = TorrentConf::from_info(&info, Vec::new());
        let described = config::describe(conf.to_json().into_bytes(), Path::new("x")).unwrap();
        let torrent = swarmlet_protocol::metainfo::Torrent::new(info.clone()).encode();
        let torrent = config::describe(torrent, Path::new("x")).unwrap();
        let topic = Topic::Known(info);
        let place = |path: &str, described: &Description| {
            place_of(Path::new(path), described, &topic, Path::new("/out"))
        };
        let at = |path: &str| Place::At(path.into());
        assert_eq!(
            place("/in/image.iso.conf", &described),
            at("/out/image.iso")
        );
        assert_eq!(place("/in/torrent.conf", &described), at("/out/data.bin"));
        assert_eq!(place("/in/config.json", &described), at("/out/data.bin"));
        let under = Place::Under("/out".into());
        assert_eq!(place("/in/a.torrent", &torrent), under);
    }

    #[test]
    fn what_two_sources_name_is_one_content() {
        let info = folder(&["a"]);
        let mut known = Share::named(info.info_hash(), Place::Under("/out".into()));
        known.peers = vec!["10.0.0.1".parse().unwrap()];
        known.trackers = vec![vec!["http://t/".parse().unwrap()]];
        let mut other = Share::of(Topic::Known(info), Place::Under("/out".into()));
        other.peers = vec!["10.0.0.2".parse().unwrap()];
        other.trackers = known.trackers.clone();
        merge(&mut known, other);
        assert!(matches!(known.topic, Topic::Known(_)));
        assert_eq!((known.peers.len(), known.trackers.len()), (2, 1));
    }
}
