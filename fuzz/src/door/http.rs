//! What is asked by HTTP: words as JSON, queries, paths; and what is answered when they mean nothing.

#[allow(dead_code, reason = "the program uses all of it")]
#[path = "../../../src/http/meaning.rs"]
mod meaning;
#[allow(dead_code, reason = "the program uses all of it")]
#[path = "../../../src/http/content/names.rs"]
mod names;
#[allow(dead_code, reason = "the program uses all of it")]
#[allow(unreachable_pub, reason = "it is where it comes from")]
#[path = "../../../src/http/problem.rs"]
mod problem;
#[allow(unreachable_pub, reason = "it is where it comes from")]
#[path = "../../../src/http/model/word.rs"]
mod word;

/// As in the HTTP face.
mod model {
    pub(super) use super::word::{AddPeer, AddSwarm, BanWord};
}

use std::fmt::Debug;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use actix_web::body::MessageBody;
use actix_web::dev::ResourceDef;
use actix_web::error::JsonPayloadError;
use actix_web::http::{StatusCode, Uri};
use actix_web::test::TestRequest;
use actix_web::web::{self, Query};
use actix_web::{FromRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use swarmlet_protocol::id::{InfoHash, PieceHash};
use swarmlet_protocol::metainfo::{Info, NewFile, Torrent};

use self::meaning::{Unusable, Which};
use self::names::{ROUTE, url_of};
use self::problem::Problem;
use self::word::{AddPeer, AddSwarm, BanWord, LogFilter};
use super::state;
use crate::{Hand, Place, Share, oracle};

/// Where contents are kept of which nothing else is said.
const FOLDER: &str = "/srv/shares";

/// The longest ban that ends by itself.
const SECONDS_OF_A_YEAR: u64 = 31_536_000;

/// Words as JSON: any text at all, and whole ones in which a little is wrong.
pub fn check_words(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    match hand.below(8) {
        0 => check_peer(hand.rest()),
        1 => check_ban(hand.rest()),
        2 => drop(read::<LogFilter>(hand.rest())),
        3 => {
            let folder = hand.coin();
            if let Some(word) = read(hand.rest()) {
                check_content(word, folder);
            }
        }
        4 => {
            let peer = json!({ "address": text(&mut hand) });
            check_peer(peer.to_string().as_bytes());
        }
        5 => {
            let ban = match hand.below(3) {
                0 => json!({ "ip": text(&mut hand) }),
                1 => json!({ "ip": text(&mut hand), "seconds": hand.word() }),
                _ => json!({ "ip": "10.0.0.7", "seconds": hand.magnitude() << 10 }),
            };
            check_ban(ban.to_string().as_bytes());
        }
        _ => {
            let (word, is_fine) = content(&mut hand);
            let folder = hand.coin();
            let has_place = word.place.is_some() || folder;
            let shared = check_content(word, folder);
            assert!(!(is_fine && has_place) || shared, "a good word was refused");
        }
    }
}

/// What stands in paths and queries: every file of a content is found by its URL, and nothing else by
/// any other.
pub fn check_paths(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    match hand.below(4) {
        0 => check_own_path(&String::from_utf8_lossy(hand.rest())),
        1 => check_foreign_path(&String::from_utf8_lossy(hand.rest())),
        2 => check_tags(&mut hand),
        _ => match Query::<Which>::from_query(&String::from_utf8_lossy(hand.rest())) {
            Ok(which) => {
                let infohash = which.into_inner().infohash;
                let parsed = infohash.and_then(|text| text.parse::<InfoHash>().ok());
                parsed.inspect(|info_hash| assert_eq!(info_hash.to_string().len(), 40));
            }
            Err(error) => check_problem(&error.into()),
        },
    }
}

/// A word, as the HTTP face reads bodies.
fn read<T: DeserializeOwned + Serialize + PartialEq + Debug>(body: &[u8]) -> Option<T> {
    match serde_json::from_slice::<T>(body) {
        Ok(word) => {
            let again = serde_json::to_value(&word).expect("a word is JSON");
            // A fraction may lose its last digit. There is none in any word of ours.
            if !has_fraction(&again) {
                let again = serde_json::from_slice::<T>(again.to_string().as_bytes());
                assert_eq!(again.ok().as_ref(), Some(&word));
            }
            Some(word)
        }
        Err(error) => {
            check_problem(&JsonPayloadError::Deserialize(error).into());
            None
        }
    }
}

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(values) => values.iter().any(has_fraction),
        Value::Object(fields) => fields.values().any(has_fraction),
        _ => false,
    }
}

/// What is answered is a problem document: in one line, whatever it quotes.
fn check_problem(problem: &Problem) {
    check_answer(problem.response());
    assert_eq!(problem.status, 400);
}

fn check_unusable(unusable: Unusable) {
    oracle::is_short(&unusable);
    let problem = Problem::from(unusable);
    assert_eq!(problem.status, 422);
    check_answer(problem.response());
}

fn check_answer(answer: HttpResponse) {
    let status = answer.status();
    let body = answer
        .into_body()
        .try_into_bytes()
        .expect("all of it at once");
    let problem: Problem = serde_json::from_slice(&body).expect("a problem document");
    assert_eq!(problem.status, status.as_u16());
    assert!(problem.kind.starts_with("urn:swarmlet:"));
    oracle::is_short(&problem);
}

fn check_peer(body: &[u8]) {
    let Some(word) = read::<AddPeer>(body) else {
        return;
    };
    match meaning::peer(&word) {
        Ok(peer) => {
            assert_ne!(peer.port(), 0);
            assert_eq!(peer.to_string().parse().as_ref(), Ok(&peer));
        }
        Err(unusable) => check_unusable(unusable),
    }
}

fn check_ban(body: &[u8]) {
    let Some(word) = read::<BanWord>(body) else {
        return;
    };
    match meaning::ban(&word) {
        Ok((ip, time)) => {
            // One host has one name, else it is banned by one and comes by the other.
            assert_eq!(ip, ip.to_canonical());
            let seconds = time.map(|time| time.as_secs());
            assert_eq!(seconds, word.seconds.map(u64::from));
            assert!(seconds.is_none_or(|it| (1..=SECONDS_OF_A_YEAR).contains(&it)));
            assert_eq!(meaning::host(&ip.to_string()).ok(), Some(ip));
        }
        Err(unusable) => check_unusable(unusable),
    }
}

/// What comes of it is all that was said and nothing else, and is the same in the node's next life. Says
/// whether it can be kept.
fn check_content(word: AddSwarm, has_folder: bool) -> bool {
    let folder = has_folder.then_some(Path::new(FOLDER));
    let said = word.clone();
    let share = match meaning::content(word, folder) {
        Ok(share) => share,
        Err(unusable) => {
            check_unusable(unusable);
            return false;
        }
    };
    let kinds = [
        said.magnet.is_some(),
        said.torrent.is_some(),
        said.conf.is_some(),
    ];
    assert_eq!(kinds.iter().filter(|&&kind| kind).count(), 1);
    match (&share.place, &said.place) {
        (Place::At(path), Some(place)) => {
            assert!(path.is_absolute() && path == Path::new(place) && !place.contains('\0'));
        }
        (Place::Under(path), None) => assert_eq!(Some(path.as_path()), folder),
        other => panic!("kept elsewhere: {other:?}"),
    }
    assert!(said.peers.len() <= share.peers.len());
    assert!(share.peers.iter().all(|peer| peer.port() != 0));
    if let Some(conf) = &said.conf {
        assert_eq!(conf["FileInfo"]["Size"].as_u64(), size(&share));
    }
    state::check_remembered(&share);
    true
}

fn size(share: &Share) -> Option<u64> {
    match &share.topic {
        crate::Topic::Known(info) => Some(info.layout().size()),
        crate::Topic::Named(_) => None,
    }
}

/// A content to keep, and whether all of it is as it should be.
fn content(hand: &mut Hand<'_>) -> (AddSwarm, bool) {
    let mut is_fine = true;
    let flags = hand.byte();
    let mut word = AddSwarm::default();
    match flags & 7 {
        0 => {}
        1 | 2 => {
            let more = hand.coin().then(|| text(hand));
            is_fine &= more.is_none();
            let more = more.unwrap_or_default();
            let name = InfoHash([7; 20]);
            word.magnet = Some(format!("magnet:?xt=urn:btih:{name}{more}"));
        }
        3 | 4 => {
            let mut bytes = torrent(hand);
            if hand.coin() {
                is_fine = false;
                let at = usize::from(hand.byte()) % bytes.len();
                bytes[at] = hand.byte();
            }
            word.torrent = Some(STANDARD.encode(bytes));
        }
        5 => word.torrent = Some(text(hand)),
        _ => {
            let (conf, is_good) = conf(hand);
            is_fine &= is_good;
            word.conf = Some(conf);
        }
    }
    is_fine &= !matches!(flags & 7, 0 | 5);
    if flags & 8 == 8 && hand.coin() {
        word.conf = Some(conf(hand).0);
        is_fine = false;
    }
    if flags & 16 == 0 {
        let places = ["/srv/x", "/", "srv", "", "/srv/\0", "../x", "//srv/../x/"];
        let place = hand.one_of(&places);
        is_fine &= place.starts_with('/') && !place.contains('\0');
        word.place = Some(place.to_owned());
    }
    for _ in 0..flags >> 6 {
        let peer = match hand.below(4) {
            0 => {
                is_fine = false;
                text(hand)
            }
            1 => "node.example".to_owned(),
            2 => "[::1]:7".to_owned(),
            _ => format!("10.0.0.{}:{}", hand.byte(), 1 + hand.below(99)),
        };
        word.peers.push(peer);
    }
    (word, is_fine)
}

fn torrent(hand: &mut Hand<'_>) -> Vec<u8> {
    let hash = PieceHash([hand.byte(); 20]);
    let info = Info::single_file("data.bin", 3, 4, &[hash]).expect("a good content");
    let mut torrent = Torrent::new(info);
    for _ in 0..hand.below(3) {
        torrent.trackers.push(vec![url(hand), url(hand)]);
    }
    for _ in 0..hand.below(3) {
        torrent.web_seeds.push(url(hand));
    }
    torrent.encode()
}

fn url(hand: &mut Hand<'_>) -> String {
    let scheme = hand.one_of(&["http", "https", "udp", "ftp", "HTTP"]);
    let rest = match hand.below(4) {
        0 => format!("{scheme}://h:1/{}", text(hand)),
        1 => format!("{scheme}://{}", text(hand)),
        2 => format!("{scheme}://me:word@h/PASSKEY?k=1"),
        _ => format!("{scheme}://[::1]:7/"),
    };
    rest.replace('\0', "0")
}

/// A torrent.conf, and whether it is a good one.
fn conf(hand: &mut Hand<'_>) -> (Value, bool) {
    let flags = hand.byte();
    let mut is_good = true;
    let size = u64::from(hand.byte());
    let parts = vec!["07".repeat(20); size.div_ceil(16) as usize];
    let mut conf = json!({ "FileInfo": { "Size": size, "PartSize": 16, "Parts": parts } });
    if flags & 1 == 1 {
        is_good = false;
        let key = hand.one_of(&["Size", "PartSize", "Parts"]);
        conf["FileInfo"][key] = hand.one_of(&[0, 1, 16, u64::MAX]).into();
    }
    if flags & 2 == 2 {
        is_good = false;
        let key = hand.one_of(&["Peers", "Trackers", "Sources", "FileInfo", "peers"]);
        conf[key] = match hand.below(3) {
            0 => json!([text(hand)]),
            1 => json!([url(hand), url(hand)]),
            _ => Value::Null,
        };
    }
    (conf, is_good)
}

fn text(hand: &mut Hand<'_>) -> String {
    String::from_utf8_lossy(hand.some_bytes()).into_owned()
}

/// The path of a URL, as the HTTP face takes it apart.
fn route(uri: &str) -> Option<(String, String)> {
    static CONTENT: LazyLock<ResourceDef> = LazyLock::new(|| ResourceDef::new(ROUTE));
    let mut request = TestRequest::with_uri(uri).to_srv_request();
    if !CONTENT.capture_match_info(request.match_info_mut()) {
        return None;
    }
    let path = web::Path::<(String, String)>::extract(request.request()).into_inner();
    Some(path.expect("two texts").into_inner())
}

/// The file of a content, whatever it is called, is where we say that it is.
fn check_own_path(path: &str) {
    let file = NewFile {
        path,
        length: 1,
        is_executable: false,
    };
    let Ok(info) = Info::folder("tree", &[file], 1, &[PieceHash([0; 20])]) else {
        return;
    };
    let url = url_of(info.info_hash(), path);
    assert!(url.bytes().all(|byte| byte.is_ascii_graphic()));
    let (hash, found) = route(&url).expect("a URL of ours");
    assert_eq!(hash.parse(), Ok(info.info_hash()));
    assert_eq!(found, path);
    let (number, file) = names::find(&info, &found).expect("the file");
    assert_eq!((number, file.path), (0, path));
}

/// Any other URL leads to the file that it names letter by letter, or to none, and that is said in a line.
fn check_foreign_path(rest: &str) {
    static TREE: LazyLock<Info> = LazyLock::new(|| {
        let file = |path| NewFile {
            path,
            length: 1,
            is_executable: false,
        };
        let files = ["a", "a b", "b/c", "d%20e", "x+y", "ä"].map(file);
        Info::folder("tree", &files, 6, &[PieceHash([0; 20])]).expect("a good content")
    });
    let uri = format!("/content/{}/{rest}", TREE.info_hash());
    if uri.parse::<Uri>().is_err() {
        return;
    }
    let request = TestRequest::with_uri(&uri).to_http_request();
    let Poll::Ready(answer) = poll(problem::no_such_path(request.clone())) else {
        panic!("it waits for something");
    };
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    check_answer(answer);
    let Poll::Ready(answer) = poll(problem::no_such_method("GET")(request)) else {
        panic!("it waits for something");
    };
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    check_answer(answer);
    let Some((hash, path)) = route(&uri) else {
        return;
    };
    assert_eq!(hash.parse(), Ok(TREE.info_hash()));
    match names::find(&TREE, &path) {
        Some((number, file)) => {
            assert_eq!(file.path, path);
            let same = TREE.files().get(number).map(|file| file.path);
            assert_eq!(same, Some(path.as_str()));
        }
        None => {
            assert!(TREE.files().iter().all(|file| file.path != path));
            check_answer(Problem::not_found(format!("{hash} has no file '{path}'")).response());
        }
    }
}

fn poll<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// What somebody has already: one of the tags, or any.
fn check_tags(hand: &mut Hand<'_>) {
    let etag = format!("\"{}-{}\"", InfoHash([7; 20]), hand.below(3));
    let others = text(hand);
    let matched = names::matches(&others, &etag);
    assert!(!matched || others.contains('*') || others.contains(&etag));
    for with in [format!("{others},{etag}"), format!("W/{etag} , {others}")] {
        assert!(names::matches(&with, &etag), "{with:?}");
    }
}
