//! What a torrent.conf may look like, and the exact words for what it may not.

use proptest::prelude::*;

use super::*;

/// The example of `docs/wire-protocol.md`: "hello swarm\n" in parts of 8 bytes.
const EXAMPLE: &str = r#"{
  "Peers": [
    "172.31.111.42",
    "node-7:7000"
  ],
  "FileInfo": {
    "Size": 12,
    "PartSize": 8,
    "Parts": [
      "e8d8832c82fbb5521029c49b39ed3371d8cfe19c",
      "d7155a812e3b089ea1d6c4fd43e8bc08ad5979b4"
    ]
  }
}
"#;

fn parse(text: &str) -> Result<TorrentConf, String> {
    TorrentConf::parse(text.as_bytes()).map_err(|error| error.to_string())
}

fn with_parts(size: &str, part_size: &str, parts: &str) -> String {
    format!(r#"{{"FileInfo": {{"Size": {size}, "PartSize": {part_size}, "Parts": {parts}}}}}"#)
}

#[test]
fn the_example_in_the_documentation_is_right_to_the_last_digit() {
    let conf = parse(EXAMPLE).unwrap();
    let info = conf.info.clone().unwrap();
    let content = b"hello swarm\n";
    assert!(info.hashes().eq(content.chunks(8).map(PieceHash::of)));
    let start = b"d6:lengthi12e4:name8:data.bin12:piece lengthi8e6:pieces40:";
    assert!(info.bytes().starts_with(start) && info.bytes().ends_with(b"e"));
    assert_eq!(info.bytes().len(), start.len() + 40 + 1);
    assert_eq!(
        info.info_hash().to_string(),
        "8f61aca5c62ae7fbd9c84b9aedaba67fc91ebc54"
    );
    assert_eq!(conf.to_json(), EXAMPLE);
    assert_eq!(TorrentConf::from_info(&info, conf.peers.clone()), conf);
}

#[test]
fn absent_null_and_empty_all_mean_unknown() {
    for text in [
        "",
        " \n\t",
        "\u{feff}\n",
        "{}",
        r#"{"Peers": null, "FileInfo": null}"#,
        r#"{"Peers": [], "FileInfo": {}}"#,
        r#"{"FileInfo": {"Size": 0, "PartSize": 0, "Parts": null}}"#,
        r#"{"FileInfo": {"Size": 0, "PartSize": 0, "Parts": []}}"#,
        r#"{"FileInfo": {"Size": null, "Parts": null}}"#,
    ] {
        assert_eq!(parse(text), Ok(TorrentConf::default()), "{text}");
    }
}

#[test]
fn what_is_no_field_is_ignored_and_reported_with_the_field_that_was_meant() {
    let conf = parse(
        r#"{"peers": ["x"], "Peers": [], "fileinfo": 5, "Comment\n": 7,
            "FileInfo": {"parts": null, "Size": null, "Peers": 1}}"#,
    );
    let conf = conf.unwrap();
    assert!(conf.peers.is_empty() && conf.info.is_none());
    let said: Vec<_> = conf.unknown.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            r"unknown field 'Comment\n' is ignored",
            "unknown field 'fileinfo' is ignored; did you mean FileInfo?",
            "unknown field 'peers' is ignored; did you mean Peers?",
            "unknown field 'FileInfo.Peers' is ignored",
            "unknown field 'FileInfo.parts' is ignored; did you mean Parts?",
        ]
    );
    let many: Vec<_> = (0..99).map(|n| format!("\"{n}\": 0")).collect();
    let conf = parse(&format!("{{{}}}", many.join(", "))).unwrap();
    assert_eq!(conf.unknown.len(), MAX_UNKNOWN);
}

#[test]
fn a_size_of_zero_with_a_part_size_is_an_empty_file() {
    for parts in ["null", "[]"] {
        let info = parse(&with_parts("0", "1", parts)).unwrap().info.unwrap();
        assert_eq!((info.layout().size(), info.layout().pieces()), (0, 0));
    }
}

#[test]
fn the_same_file_info_names_the_same_swarm() {
    let hash = "B03F0A063A217B3E94F1F87EDC160FF1BBCE8D3E";
    let one = parse(&with_parts("5", "8", &format!("[\"{hash}\"]"))).unwrap();
    let lower = hash.to_lowercase();
    let two = parse(&format!(
        r#"{{"FileInfo": {{"Parts": ["{lower}"], "PartSize": 8, "Other": [], "Size": 5}}, "Peers": ["x"]}}"#
    ));
    let two = two.unwrap();
    assert_eq!(one.info.unwrap().info_hash(), two.info.unwrap().info_hash());
}

#[test]
fn peers_take_every_form_and_stand_once() {
    let conf =
        parse(r#"{"Peers": ["10.0.0.7", "10.0.0.7:6881", "[fd00::7]:1", "Node-7"]}"#).unwrap();
    let peers: Vec<_> = conf.peers.iter().map(PeerAddress::to_string).collect();
    assert_eq!(peers, ["10.0.0.7:6881", "[fd00::7]:1", "node-7:6881"]);
}

#[test]
fn every_error_is_one_line_with_the_field_the_value_and_the_rule() {
    let hash = "\"b03f0a063a217b3e94f1f87edc160ff1bbce8d3e\"";
    let seven = format!("[{}]", [hash; 7].join(", "));
    let natural = "a whole number from 0 to 9223372036854775807";
    for (text, error) in [
        (
            "nonsense",
            "not JSON: line 1, column 2: expected ident".to_owned(),
        ),
        (
            "{\n \"Peers\" []}",
            "not JSON: line 2, column 10: expected `:`".to_owned(),
        ),
        (
            "{\"Peers\": []",
            "not JSON: line 1, column 12: EOF while parsing an object".to_owned(),
        ),
        (
            "{} x",
            "not JSON: line 1, column 4: trailing characters".to_owned(),
        ),
        ("[]", "the config must be an object, not a list".to_owned()),
        (
            r#"{"Peers": "10.0.0.7"}"#,
            "Peers must be a list of addresses, not '10.0.0.7'".to_owned(),
        ),
        (
            r#"{"Peers": ["a", 5]}"#,
            "Peers[1] must be an address in quotes, not 5".to_owned(),
        ),
        (
            r#"{"Peers": ["a", "b", "x:y"]}"#,
            "Peers[2]: 'x:y' is not an address: the port 'y' is not a number from 1 to 65535"
                .to_owned(),
        ),
        (
            r#"{"FileInfo": true}"#,
            "FileInfo must be an object, not true".to_owned(),
        ),
        (
            r#"{"FileInfo": []}"#,
            "FileInfo must be an object, not a list".to_owned(),
        ),
        (
            &with_parts("\"5\"", "8", "[]"),
            format!("FileInfo.Size must be {natural}, not '5'"),
        ),
        (
            &with_parts("-1", "8", "[]"),
            format!("FileInfo.Size must be {natural}, not -1"),
        ),
        (
            &with_parts("1.5", "8", "[]"),
            format!("FileInfo.Size must be {natural}, not 1.5"),
        ),
        (
            &with_parts("9223372036854775808", "8", "[]"),
            format!("FileInfo.Size must be {natural}, not 9223372036854775808"),
        ),
        (
            &with_parts("1e30", "8", "[]"),
            format!("FileInfo.Size must be {natural}, not 1e+30"),
        ),
        (
            &with_parts("8", "-8", "[]"),
            format!("FileInfo.PartSize must be {natural}, not -8"),
        ),
        (
            &with_parts("8", "{}", "[]"),
            format!("FileInfo.PartSize must be {natural}, not an object"),
        ),
        (
            &with_parts("8", "0", "[]"),
            "FileInfo.PartSize is 0; it must be at least 1".to_owned(),
        ),
        (
            &with_parts("8", "1099511627776", "[]"),
            "FileInfo.PartSize is 1099511627776; the limit is 268435456".to_owned(),
        ),
        (
            &with_parts("9223372036854775807", "256", "[]"),
            "FileInfo.Size 9223372036854775807 in parts of 256 makes 36028797018963968 parts; \
             the limit is 800000: use a larger PartSize"
                .to_owned(),
        ),
        (
            &with_parts("5", "null", "[]"),
            "FileInfo.PartSize is missing, but FileInfo has other fields".to_owned(),
        ),
        (
            &with_parts("null", "8", "[]"),
            "FileInfo.Size is missing, but FileInfo has other fields".to_owned(),
        ),
        (
            &with_parts("5", "8", "7"),
            "FileInfo.Parts must be a list of hashes, not 7".to_owned(),
        ),
        (
            &with_parts("5", "8", "[null]"),
            "FileInfo.Parts[0] must be a SHA-1 hash of 40 hex digits in quotes, not null"
                .to_owned(),
        ),
        (
            &with_parts("12", "8", &format!("[{hash}, \"b03f\\n\"]")),
            "FileInfo.Parts[1] is 'b03f\\n'; it must be a SHA-1 hash of 40 hex digits".to_owned(),
        ),
        (
            &with_parts("2048", "256", &seven),
            "FileInfo.Parts has 7 hashes, but 2048 bytes in parts of 256 make 8".to_owned(),
        ),
        (
            &with_parts("0", "256", &format!("[{hash}]")),
            "FileInfo.Parts has 1 hash, but 0 bytes in parts of 256 make 0".to_owned(),
        ),
        (
            &with_parts("5", "8", "null"),
            "FileInfo.Parts has 0 hashes, but 5 bytes in parts of 8 make 1".to_owned(),
        ),
    ] {
        assert_eq!(parse(text), Err(error), "{text}");
    }
    let long = TorrentConf::parse(&vec![b' '; MAX_CONF_LENGTH + 1]).unwrap_err();
    assert_eq!(
        long.to_string(),
        "67108865 bytes of config; the limit is 67108864"
    );
    let binary = TorrentConf::parse(b"{\"Peers\": [\"\xff\"]}").unwrap_err();
    assert!(
        binary.to_string().starts_with("not JSON: line 1, column "),
        "{binary}"
    );
}

#[test]
fn deep_nesting_is_an_error() {
    assert!(
        parse(&"[".repeat(200_000))
            .unwrap_err()
            .starts_with("not JSON: line 1, column ")
    );
}

#[test]
fn trackers_are_a_list_of_urls_each_once_and_as_absent_as_peers() {
    let read = |trackers: &str| {
        let conf = format!(r#"{{"Trackers": {trackers}}}"#);
        TorrentConf::parse(conf.as_bytes()).map_err(|error| error.to_string())
    };
    let conf = read(r#"["http://t/a?k=1", "udp://[::1]:6969", "http://t/a?k=1"]"#).unwrap();
    let urls: Vec<_> = conf.trackers.iter().map(|url| url.as_str()).collect();
    assert_eq!(urls, ["http://t/a?k=1", "udp://[::1]:6969"]);
    assert!(conf.unknown.is_empty());
    for absent in ["null", "[]"] {
        assert_eq!(read(absent), Ok(TorrentConf::default()));
    }
    for (wrong, error) in [
        (
            r#""http://t/""#,
            "Trackers must be a list of URLs, not 'http://t/'",
        ),
        ("[7]", "Trackers[0] must be a URL in quotes, not 7"),
        (
            r#"["http://t/", "t:80"]"#,
            "Trackers[1]: 't:80' is not a tracker's URL: it must start with http://, https:// or udp://",
        ),
    ] {
        assert_eq!(read(wrong), Err(error.to_owned()));
    }
    // A config without trackers is written as it always was.
    assert!(!TorrentConf::default().to_json().contains("Trackers"));
}

#[test]
fn sources_are_a_list_of_urls_each_once_and_as_absent_as_peers() {
    let read = |sources: &str| {
        let conf = format!(r#"{{"Sources": {sources}}}"#);
        TorrentConf::parse(conf.as_bytes()).map_err(|error| error.to_string())
    };
    let conf = read(r#"["http://o/a b", "https://[::1]:8/?k=1", "http://o/a%20b"]"#).unwrap();
    let urls: Vec<_> = conf.sources.iter().map(|url| url.as_str()).collect();
    assert_eq!(urls, ["http://o/a%20b", "https://[::1]:8/?k=1"]);
    assert!(conf.unknown.is_empty());
    for absent in ["null", "[]"] {
        assert_eq!(read(absent), Ok(TorrentConf::default()));
    }
    let many: Vec<_> = (0..17).map(|n| format!("\"http://o/{n}\"")).collect();
    for (wrong, error) in [
        (
            r#""http://o/""#,
            "Sources must be a list of URLs, not 'http://o/'",
        ),
        ("[7]", "Sources[0] must be a URL in quotes, not 7"),
        (
            r#"["http://o/", "ftp://o/"]"#,
            "Sources[1]: 'ftp://o/' is not a source's URL: it must start with http:// or https://",
        ),
        (
            &format!("[{}]", many.join(",")),
            "Sources has 17 URLs; the limit is 16",
        ),
    ] {
        assert_eq!(read(wrong), Err(error.to_owned()));
    }
    // A config without sources is written as it always was.
    assert!(!TorrentConf::default().to_json().contains("Sources"));
}

#[test]
fn a_million_peers_are_read_and_as_many_trackers_one_by_one() {
    let list = |prefix: &str, count: u32| -> String {
        let entries: Vec<_> = (0..count)
            .map(|number| format!("\"{prefix}{number}\""))
            .collect();
        entries.join(",")
    };
    let peers = format!("{{\"Peers\": [{}]}}", list("node-", 1_000_000));
    assert_eq!(parse(&peers).unwrap().peers.len(), 1_000_000);
    // Each was once compared with all before it: a minute for so many.
    let trackers = format!("{{\"Trackers\": [{}]}}", list("http://t/", 200_000));
    assert_eq!(parse(&trackers).unwrap().trackers.len(), 200_000);
    let sources = format!("{{\"Sources\": [{}]}}", list("http://s/", 200_000));
    assert_eq!(
        parse(&sources).unwrap_err(),
        "Sources has 200000 URLs; the limit is 16"
    );
}

#[test]
fn a_config_that_would_take_gigabytes_is_refused_before_it_is_read() {
    for (part, count) in [("{},", 1_000_000), ("0,", 10_000_000), ("[],", 2_000_000)] {
        let text = format!("{{\"Other\": [{}0]}}", part.repeat(count));
        let refused = parse(&text).unwrap_err();
        assert!(refused.ends_with("; the limit is 134217728"), "{refused}");
    }
    // What stands in a text is none of it.
    let text = format!("{{\"Other\": \"\\\"{}\"}}", "{[,".repeat(1_000_000));
    assert!(parse(&text).is_ok());
}

proptest! {
    #[test]
    fn what_was_written_is_read_back(
        size in 0_u64..100_000,
        part_size in 500_u64..5_000,
        ports in prop::collection::btree_set(1_u16.., 0..5),
    ) {
        let parts = size.div_ceil(part_size);
        let hashes: Vec<_> = (0..parts).map(|n| PieceHash::of(&n.to_be_bytes())).collect();
        let info = Info::single_file(CONTENT_NAME, size, part_size, &hashes).unwrap();
        let peers = ports.iter().map(|port| format!("10.0.0.7:{port}").parse().unwrap()).collect();
        let mut conf = TorrentConf::from_info(&info, peers);
        conf.trackers = ports.iter().map(|port| format!("udp://t:{port}").parse().unwrap()).collect();
        conf.sources = ports.iter().map(|port| format!("http://s:{port}/").parse().unwrap()).collect();
        prop_assert_eq!(TorrentConf::parse(conf.to_json().as_bytes()), Ok(conf.clone()));
        let unknown = TorrentConf { info: None, ..conf };
        prop_assert_eq!(TorrentConf::parse(unknown.to_json().as_bytes()), Ok(unknown));
    }

    #[test]
    fn no_bytes_make_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..60), at in any::<prop::sample::Index>()
    ) {
        let _ = TorrentConf::parse(&bytes);
        let mut example = EXAMPLE.as_bytes().to_vec();
        let at = at.index(example.len());
        example.splice(at..at, bytes);
        let _ = TorrentConf::parse(&example);
    }
}
