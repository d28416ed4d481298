//! `create` and `verify` on real files.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::{Folder, assert_fails, bytes, command, stderr, stdout, swarmlet};

#[test]
fn what_was_created_is_verified() {
    for (size, part_size) in [
        (0, "1"),
        (0, "16KiB"),
        (1, "1"),
        (1_000, "7"),
        (1_000, "1000"),
        (1_000, "1MiB"),
        (4_096, "256"),
        (3_000_000, "64KiB"),
        (3_000_000, "2500000"),
    ] {
        let folder = Folder::new();
        folder.write("data", bytes(size));
        let (data, conf) = (folder.path("data"), folder.path("torrent.conf"));
        let output = swarmlet(["create", &data, "--part-size", part_size, "-o", &conf]);
        assert_eq!(stderr(&output), "");
        assert_eq!(output.status.code(), Some(0));
        let output = swarmlet(["verify", "--conf", &conf, "--data", &data]);
        let text = stdout(&output);
        assert!(text.starts_with(&format!("{data}: all right: ")), "{text}");
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(folder.read("data"), bytes(size), "both must only read");
    }
}

#[test]
fn create_says_what_it_described() {
    let folder = Folder::new();
    folder.write("data", bytes(100_000));
    let (data, conf) = (folder.path("data"), folder.path("torrent.conf"));
    let peers = ["--peer=10.0.0.1", "--peer", "[::1]:7000"];
    let output = command(["create", &data, "-o", &conf])
        .args(peers)
        .output()
        .unwrap();
    let text = stdout(&output);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], format!("{data}: 97.6 KiB in 7 parts of 16 KiB"));
    let (label, hash) = lines[1].split_once(": ").unwrap();
    assert_eq!((label, hash.len()), ("infohash", 40));
    assert_eq!(lines[2], format!("written: {conf}"));

    let json: serde_json::Value = serde_json::from_slice(&folder.read("torrent.conf")).unwrap();
    assert_eq!(json["FileInfo"]["Size"], 100_000);
    assert_eq!(json["FileInfo"]["PartSize"], 16_384);
    assert_eq!(json["FileInfo"]["Parts"].as_array().unwrap().len(), 7);
    assert_eq!(json["Peers"].as_array().unwrap().len(), 2);
}

#[test]
fn a_config_is_a_plain_file_and_nothing_else_is_left_behind() {
    let folder = Folder::new();
    folder.write("data", b"content");
    folder.write("torrent.conf", "an older one");
    folder.write("new", "");
    let output = command(["create", "data"])
        .current_dir(folder.path(""))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let json: serde_json::Value = serde_json::from_slice(&folder.read("torrent.conf")).unwrap();
    assert_eq!(json["FileInfo"]["Size"], 7);
    let mode = |name: &str| {
        fs::metadata(folder.path(name))
            .unwrap()
            .permissions()
            .mode()
    };
    assert_eq!(mode("torrent.conf"), mode("new"), "the umask decides");
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 3);
}

#[test]
fn a_config_for_stdout_has_its_summary_on_stderr() {
    let folder = Folder::new();
    folder.write("data", b"content");
    let output = swarmlet(["create", &folder.path("data"), "-o", "-"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["FileInfo"]["Size"], 7);
    assert!(stderr(&output).contains("\ninfohash: "));
}

#[test]
fn create_never_overwrites_what_it_describes() {
    let folder = Folder::new();
    folder.write("data", b"content");
    let (data, link) = (folder.path("data"), folder.path("link"));
    symlink(&data, &link).unwrap();
    for out in [&data, &link] {
        let complaint = format!(
            "error: {out} is the file that is to be described; it will not be overwritten\n  \
             hint: name another file with -o\n"
        );
        assert_fails(&swarmlet(["create", &data, "-o", out]), &complaint);
    }
    assert_eq!(folder.read("data"), b"content");
}

#[test]
fn what_cannot_be_described_or_written_is_named() {
    let folder = Folder::new();
    folder.write("data", bytes(1_000_000));
    let (data, root) = (folder.path("data"), folder.path(""));
    let cut = |why: &str| {
        format!(
            "cannot cut {data} into parts: {why}\n  \
             hint: leave --part-size out to have it chosen"
        )
    };
    for (arguments, complaint) in [
        (
            &["/nowhere/data"][..],
            "cannot read /nowhere/data: no such file or directory".to_owned(),
        ),
        (
            &[&root, "-o", "x.conf"],
            "a folder does not fit into a torrent.conf\n  \
             hint: write a .torrent: name one with -o"
                .to_owned(),
        ),
        (
            &["/dev/null"],
            "cannot read /dev/null: not a regular file".to_owned(),
        ),
        (
            &[&data, "--part-size=0"],
            cut("the piece length is 0; it must be at least 1"),
        ),
        (
            &[&data, "--part-size=1"],
            cut("1000000 pieces exceed the limit of 800000; use a larger piece length"),
        ),
        (
            &[&data, "--part-size=1TiB"],
            cut("the piece length 1099511627776 exceeds the limit of 268435456 bytes"),
        ),
        (
            &[&data, "-o", "/nowhere/torrent.conf"],
            "cannot write /nowhere/torrent.conf: no such file or directory".to_owned(),
        ),
        (
            &[&data, "-o", &root],
            format!("cannot write {root}: is a directory"),
        ),
    ] {
        let output = command(["create"]).args(arguments).output().unwrap();
        assert_fails(&output, &format!("error: {complaint}\n"));
    }
}

#[test]
fn verify_names_the_wrong_parts_and_the_wrong_length() {
    let folder = Folder::new();
    let good = bytes(1_050);
    folder.write("data", &good);
    let (data, conf) = (folder.path("data"), folder.path("torrent.conf"));
    let created = swarmlet(["create", &data, "--part-size", "100", "-o", &conf]);
    assert_eq!(created.status.code(), Some(0));

    let damaged = |places: &[usize], length: usize| {
        let mut bytes = good.clone();
        places.iter().for_each(|&place| bytes[place] ^= 1);
        bytes.resize(length, 0);
        bytes
    };
    for (bytes, report) in [
        (damaged(&[], 1_050), "all right: 11 parts, 1.0 KiB\n"),
        (
            damaged(&[0], 1_050),
            "10 of 11 parts right\nwrong: part number 0\n",
        ),
        (
            damaged(&[399, 500, 699, 700, 1_049], 1_050),
            "6 of 11 parts right\nwrong: part numbers 3, 5-7, 10\n",
        ),
        (
            damaged(&[], 1_062),
            "11 of 11 parts right\n\
             length: 1062 bytes, 12 longer than the 1050 it should have\n",
        ),
        (
            damaged(&[5], 850),
            "7 of 11 parts right\nwrong: part numbers 0, 8-10\n\
             length: 850 bytes, 200 shorter than the 1050 it should have\n",
        ),
        (
            Vec::new(),
            "0 of 11 parts right\nwrong: part numbers 0-10\n\
             length: 0 bytes, 1050 shorter than the 1050 it should have\n",
        ),
    ] {
        folder.write("data", &bytes);
        let output = swarmlet(["verify", "--conf", &conf, "--data", &data]);
        assert_eq!(stdout(&output), format!("{data}: {report}"));
        assert_eq!(stderr(&output), "");
        let right = report.starts_with("all right");
        assert_eq!(output.status.code(), Some(i32::from(!right)));
        assert_eq!(folder.read("data"), bytes, "verify must only read");
    }
}

#[test]
fn verify_names_what_it_cannot_compare() {
    let folder = Folder::new();
    folder.write("data", b"content");
    folder.write("empty.conf", "{}");
    let path = |name: &str| folder.path(name);
    let created = swarmlet(["create", &path("data"), "-o", &path("torrent.conf")]);
    assert_eq!(created.status.code(), Some(0));
    for (conf, data, complaint) in [
        (
            path("torrent.conf"),
            path("missing"),
            format!("cannot read {}: no such file or directory", path("missing")),
        ),
        (
            path("torrent.conf"),
            path(""),
            format!("cannot read {}: is a directory", path("")),
        ),
        (
            path("empty.conf"),
            path("data"),
            format!(
                "{} has no FileInfo, so there is nothing to compare with",
                path("empty.conf")
            ),
        ),
    ] {
        let output = swarmlet(["verify", "--conf", &conf, "--data", &data]);
        assert_fails(&output, &format!("error: {complaint}\n"));
    }
}
