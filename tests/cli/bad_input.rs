//! Configs and directories that cannot be used: each is one exact line, and a status of 1.

use crate::{Folder, assert_fails, command, stderr, swarmlet};

#[test]
fn a_named_config_that_is_missing_is_an_error() {
    let folder = Folder::new();
    let missing = folder.path("torrent.conf");
    let complaint = format!("error: cannot read {missing}: no such file or directory\n");
    for name in ["node", "verify"] {
        assert_fails(&swarmlet([name, "--conf", &missing]), &complaint);
        let output = command([name])
            .env("SWARMLET_CONF", &missing)
            .output()
            .unwrap();
        assert_fails(&output, &complaint);
    }
    let root = folder.path("");
    assert_fails(
        &swarmlet(["node", "--conf", &root]),
        &format!("error: cannot read {root}: is a directory\n"),
    );
}

#[test]
fn a_misspelt_field_of_a_config_is_said_with_the_one_that_was_meant() {
    let folder = Folder::new();
    folder.write("torrent.conf", r#"{"peers": ["10.0.0.1"], "Comment": 7}"#);
    let conf = folder.path("torrent.conf");
    // A data path that cannot be used ends it.
    let output = swarmlet(["node", "--conf", &conf, "--data", "/dev/null"]);
    assert_eq!(output.status.code(), Some(1));
    let log = stderr(&output);
    for words in [
        "unknown field 'peers' is ignored; did you mean Peers?",
        "unknown field 'Comment' is ignored",
    ] {
        let line = format!(" WARN  config: {conf}: {words}\n");
        assert_eq!(log.matches(&line).count(), 1, "{log}");
    }
}

#[test]
fn a_config_as_large_as_data_is_refused_unread() {
    let folder = Folder::new();
    let conf = folder.path("torrent.conf");
    let file = std::fs::File::create(&conf).unwrap();
    file.set_len(1 << 40).unwrap();
    assert_fails(
        &swarmlet(["node", "--conf", &conf]),
        &format!("error: cannot read {conf}: more than 64 MiB cannot be a config\n"),
    );
}

#[test]
fn a_state_directory_that_was_named_must_be_usable() {
    let folder = Folder::new();
    folder.write("file", "");
    folder.write("torrent.conf", "{}");
    let (conf, state) = (folder.path("torrent.conf"), folder.path("file/state"));
    assert_fails(
        &swarmlet(["node", "--conf", &conf, "--state", &state]),
        &format!("error: cannot use the state directory {state}: not a directory\n"),
    );
}

#[test]
fn a_config_that_says_something_impossible_is_refused_by_name() {
    let hash = "a9993e364706816aba3e25717850c26c9cd0d89d";
    let content = |size: &str, part_size: &str, parts: &str| {
        format!(r#"{{"FileInfo": {{"Size": {size}, "PartSize": {part_size}, "Parts": {parts}}}}}"#)
    };
    let number = "a whole number from 0 to 9223372036854775807";
    for (conf, complaint) in [
        (
            "Peers: 10.0.0.1".to_owned(),
            "not JSON: line 1, column 1: expected value\n  \
             hint: this is no torrent.conf, which begins with {, no .torrent and no magnet link"
                .to_owned(),
        ),
        (
            r#"{"Peers": ["10.0.0.1"]"#.to_owned(),
            "not JSON: line 1, column 22: EOF while parsing an object".to_owned(),
        ),
        (
            "[]".to_owned(),
            "the config must be an object, not a list".to_owned(),
        ),
        (
            r#"{"Peers": "10.0.0.1"}"#.to_owned(),
            "Peers must be a list of addresses, not '10.0.0.1'".to_owned(),
        ),
        (
            r#"{"Peers": ["10.0.0.1", 7]}"#.to_owned(),
            "Peers[1] must be an address in quotes, not 7".to_owned(),
        ),
        (
            r#"{"Peers": ["10.0.0.1:0"]}"#.to_owned(),
            "Peers[0]: '10.0.0.1:0' is not an address: \
             the port '0' is not a number from 1 to 65535"
                .to_owned(),
        ),
        (
            r#"{"FileInfo": 3}"#.to_owned(),
            "FileInfo must be an object, not 3".to_owned(),
        ),
        (
            content("\"1\"", "1", "[]"),
            format!("FileInfo.Size must be {number}, not '1'"),
        ),
        (
            content("-1", "1", "[]"),
            format!("FileInfo.Size must be {number}, not -1"),
        ),
        (
            content("1.5", "1", "[]"),
            format!("FileInfo.Size must be {number}, not 1.5"),
        ),
        (
            content("99999999999999999999", "1", "[]"),
            format!("FileInfo.Size must be {number}, not 1e+20"),
        ),
        (
            content("9223372036854775807", "256", "[]"),
            "FileInfo.Size 9223372036854775807 in parts of 256 makes 36028797018963968 parts; \
             the limit is 800000: use a larger PartSize"
                .to_owned(),
        ),
        (
            content("1", "0", "[]"),
            "FileInfo.PartSize is 0; it must be at least 1".to_owned(),
        ),
        (
            content("1", "-7", "[]"),
            format!("FileInfo.PartSize must be {number}, not -7"),
        ),
        (
            content("1", "1099511627776", "[]"),
            "FileInfo.PartSize is 1099511627776; the limit is 268435456".to_owned(),
        ),
        (
            content("3", "3", "[\"abc\"]"),
            "FileInfo.Parts[0] is 'abc'; it must be a SHA-1 hash of 40 hex digits".to_owned(),
        ),
        (
            content("3", "3", &format!("[\"{hash}\", 7]")),
            "FileInfo.Parts[1] must be a SHA-1 hash of 40 hex digits in quotes, not 7".to_owned(),
        ),
        (
            content("30", "3", &format!("[\"{hash}\"]")),
            "FileInfo.Parts has 1 hash, but 30 bytes in parts of 3 make 10".to_owned(),
        ),
        (
            content("0", "3", &format!("[\"{hash}\"]")),
            "FileInfo.Parts has 1 hash, but 0 bytes in parts of 3 make 0".to_owned(),
        ),
    ] {
        let folder = Folder::new();
        folder.write("torrent.conf", &conf);
        folder.write("data", "unharmed");
        let (path, data) = (folder.path("torrent.conf"), folder.path("data"));
        for name in ["node", "verify"] {
            let output = swarmlet([name, "--conf", &path, "--data", &data]);
            assert_fails(&output, &format!("error: {path}: {complaint}\n"));
        }
        assert_eq!(folder.read("data"), b"unharmed");
    }
}
