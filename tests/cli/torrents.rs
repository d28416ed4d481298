//! `.torrent` files and folders: `create`, `show` and `verify`.

use std::fs;
use std::os::unix::fs::symlink;

use sha1::{Digest, Sha1};

use crate::{Folder, assert_fails, bytes, command, stderr, stdout, swarmlet};

/// A folder `photos` of four files, one of them empty.
fn photos() -> Folder {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("photos/b/c")).unwrap();
    folder.write("photos/b/c/deep", bytes(40_000));
    folder.write("photos/b.txt", bytes(5));
    folder.write("photos/a", bytes(1));
    folder.write("photos/empty", "");
    folder
}

/// Runs it in that folder.
fn within(folder: &Folder, arguments: &[&str]) -> std::process::Output {
    command(arguments)
        .current_dir(folder.path(""))
        .output()
        .unwrap()
}

#[track_caller]
fn lines(output: &std::process::Output) -> Vec<String> {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    stdout(output).lines().map(str::to_owned).collect()
}

#[test]
fn a_folder_becomes_a_torrent_to_the_byte() {
    let folder = photos();
    let said = lines(&within(&folder, &["create", "photos"]));
    // Sorted name by name, and nothing but what it takes.
    let content = [bytes(1), bytes(40_000), bytes(5)].concat();
    let hashes: Vec<u8> = content
        .chunks(16 * 1024)
        .flat_map(|part| Sha1::digest(part).to_vec())
        .collect();
    let mut info = b"d5:filesld6:lengthi1e4:pathl1:aee\
        d6:lengthi40000e4:pathl1:b1:c4:deepee\
        d6:lengthi5e4:pathl5:b.txtee\
        d6:lengthi0e4:pathl5:emptyeee\
        4:name6:photos12:piece lengthi16384e6:pieces60:"
        .to_vec();
    info.extend(hashes);
    info.push(b'e');
    let torrent = [b"d4:info".as_slice(), &info, b"e"].concat();
    assert!(folder.read("photos.torrent") == torrent);
    let infohash: String = Sha1::digest(&info)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        said,
        [
            "photos: 4 files, 39.0 KiB in 3 parts of 16 KiB".to_owned(),
            format!("infohash: {infohash}"),
            format!("magnet: magnet:?xt=urn:btih:{infohash}&dn=photos"),
            "written: photos.torrent".to_owned(),
        ]
    );
    let again = within(&folder, &["create", "photos/", "-o", "-"]);
    assert!(
        again.stdout == torrent,
        "the same, whatever the path looks like"
    );
    assert!(stderr(&again).contains(&infohash));
}

#[test]
fn a_file_has_one_infohash_in_a_torrent_and_in_a_config() {
    let folder = Folder::new();
    folder.write("image.iso", bytes(100_000));
    let conf = lines(&within(&folder, &["create", "image.iso"]));
    let arguments = [
        "create",
        "image.iso",
        "--name",
        "data.bin",
        "-o",
        "image.torrent",
    ];
    let torrent = lines(&within(&folder, &arguments));
    assert_eq!(conf[1], torrent[1]);
    let named = lines(&within(
        &folder,
        &["create", "image.iso", "-o", "image.torrent"],
    ));
    assert_ne!(conf[1], named[1]);
    for description in ["torrent.conf", "image.torrent"] {
        let arguments = ["verify", "--conf", description, "--data", "image.iso"];
        let said = lines(&within(&folder, &arguments));
        assert_eq!(said, ["image.iso: all right: 7 parts, 97.6 KiB"]);
    }
}

#[test]
fn sources_go_into_a_config_that_is_named_and_are_shown() {
    let folder = photos();
    let create = |more: &[&str]| {
        let arguments = ["create", "photos/a", "-o", "torrent.conf"];
        within(&folder, &[&arguments, more].concat())
    };
    let urls = [
        "--source",
        "http://o.example/a",
        "--web-seed=https://p.example/",
    ];
    assert_eq!(create(&urls).status.code(), Some(0));
    let shown = lines(&within(&folder, &["show", "torrent.conf"]));
    let at = shown.iter().position(|line| line.starts_with("web seeds"));
    let shown = &shown[at.expect("web seeds are shown")..];
    assert_eq!(shown[0].trim_end(), "web seeds  http://o.example/a");
    assert_eq!(shown[1].trim(), "https://p.example/");
    let refused = create(&["--web-seed", "ftp://o.example/"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).starts_with("error: 'ftp://o.example/' is not a source's URL"));
}

#[test]
fn whatever_is_said_of_a_torrent_is_shown() {
    let folder = photos();
    let arguments = [
        "create",
        "photos",
        "--tracker",
        "http://t.example/announce",
        "--tracker=udp://u.example:1",
        "--web-seed",
        "http://w.example/photos/",
        "--private",
        "--comment",
        "a\nb",
        "--peer",
        "10.0.0.1",
        "--part-size",
        "32KiB",
    ];
    let said = lines(&within(&folder, &arguments));
    let infohash = said[1].strip_prefix("infohash: ").unwrap();
    let magnet = said[2].strip_prefix("magnet: ").unwrap();
    assert_eq!(
        magnet,
        format!(
            "magnet:?xt=urn:btih:{infohash}&dn=photos&tr=http%3A%2F%2Ft.example%2Fannounce\
             &tr=udp%3A%2F%2Fu.example%3A1&ws=http%3A%2F%2Fw.example%2Fphotos%2F&x.pe=10.0.0.1:6881"
        )
    );
    let shown = format!(
        "form       .torrent\n\
         name       photos\n\
         infohash   {infohash}\n\
         size       39.0 KiB (40,006 bytes)\n\
         parts      2 parts of 32 KiB\n\
         private    yes: peers from its trackers only\n\
         trackers   1. http://t.example/announce\n\
         {blank}2. udp://u.example:1\n\
         web seeds  http://w.example/photos/\n\
         comment    a\\nb\n\
         files      4 files\n\
         \x20   1 byte  a\n\
         \x20 39.0 KiB  b/c/deep\n\
         \x20  5 bytes  b.txt\n\
         \x20  0 bytes  empty\n",
        blank = " ".repeat(11)
    );
    assert_eq!(stdout(&within(&folder, &["show", "photos.torrent"])), shown);
    let shown = format!(
        "form       magnet link\n\
         name       photos\n\
         infohash   {infohash}\n\
         trackers   1. http://t.example/announce\n\
         {blank}2. udp://u.example:1\n\
         web seeds  http://w.example/photos/\n\
         peers      10.0.0.1:6881\n",
        blank = " ".repeat(11)
    );
    assert_eq!(stdout(&within(&folder, &["show", magnet])), shown);
    folder.write("link", format!("{magnet}\n"));
    assert_eq!(stdout(&within(&folder, &["show", "link"])), shown);
}

#[test]
fn a_config_is_shown_too() {
    let folder = Folder::new();
    folder.write("data", "content");
    let created = lines(&within(&folder, &["create", "data", "--peer", "node:7"]));
    let hash = created[1].strip_prefix("infohash: ").unwrap();
    assert_eq!(
        stdout(&within(&folder, &["show", "torrent.conf"])),
        format!(
            "form       torrent.conf\n\
             name       data.bin\n\
             infohash   {hash}\n\
             size       7 bytes\n\
             parts      1 part of 16 KiB\n\
             peers      node:7\n"
        )
    );
    folder.write("empty.conf", "{}");
    assert_eq!(
        stdout(&within(&folder, &["show", "empty.conf"])),
        "form       torrent.conf\n\
         content    not said: a node is to learn it from its peers\n"
    );
}

#[test]
fn long_lists_are_cut_unless_all_is_asked_for() {
    let folder = Folder::new();
    fs::create_dir(folder.path("many")).unwrap();
    for number in 0..45 {
        folder.write(&format!("many/{number:02}"), "x");
    }
    lines(&within(&folder, &["create", "many"]));
    let some = lines(&within(&folder, &["show", "many.torrent"]));
    assert_eq!(
        some.last().unwrap(),
        "  ... and 15 more: see them with --all"
    );
    let all = lines(&within(&folder, &["show", "--all", "many.torrent"]));
    assert_eq!(all.len(), some.len() + 14);
    assert_eq!(all.last().unwrap(), "  1 byte  44");
}

#[test]
fn what_cannot_be_shown_is_one_line_and_a_hint_where_there_is_one() {
    let folder = Folder::new();
    folder.write("damaged", "d4:info");
    folder.write("text", "hello");
    for (what, complaint) in [
        ("missing", "cannot read missing: no such file or directory"),
        (
            "damaged",
            "damaged: not a .torrent file: bencode ends at byte 7 within a value",
        ),
        (
            "text",
            "text: not JSON: line 1, column 1: expected value\n  \
             hint: this is no torrent.conf, which begins with {, no .torrent and no magnet link",
        ),
        (
            "magnet:?dn=x",
            "the magnet link: the magnet link has no 'xt=urn:btih:' with an infohash",
        ),
    ] {
        let output = within(&folder, &["show", what]);
        assert_fails(&output, &format!("error: {complaint}\n"));
    }
}

#[test]
fn create_refuses_what_cannot_be_and_names_what_it_leaves_out() {
    let folder = photos();
    let inside = "error: photos/x.torrent lies in the folder that is to be described\n  \
                  hint: name a place outside of it with -o\n";
    assert_fails(
        &within(&folder, &["create", "photos", "-o", "photos/x.torrent"]),
        inside,
    );
    let arguments = ["create", "photos/a", "--private", "-o", "x.conf"];
    let no_room = "error: --private does not fit into a torrent.conf\n  \
                   hint: write a .torrent: name one with -o\n";
    assert_fails(&within(&folder, &arguments), no_room);
    let output = within(
        &folder,
        &["create", "photos", "--name", "../x", "-o", "x.torrent"],
    );
    let bad = "error: cannot describe photos: the name '../x' is not the name of a file: it has a path separator\n";
    assert_fails(&output, bad);
    fs::create_dir(folder.path("none")).unwrap();
    let none =
        "error: cannot describe none: the list of files is empty; it must have at least one\n";
    assert_fails(&within(&folder, &["create", "none"]), none);
    let output = within(&folder, &["create", "photos", "--tracker", "t.example"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "error: invalid value 't.example' for '--tracker <URL>': expected a URL that begins with http://, https:// or udp://\n  \
         hint: try 'swarmlet create --help'\n"
    );
    assert!(!fs::exists(folder.path("photos.torrent")).unwrap());
    symlink("/etc", folder.path("photos/link")).unwrap();
    let output = within(&folder, &["create", "photos"]);
    assert_eq!(
        stderr(&output),
        "left out: photos/link (not a regular file)\n"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_folder_is_verified_file_by_file_and_part_by_part() {
    let folder = photos();
    lines(&within(&folder, &["create", "photos"]));
    let verify = |data: &str| {
        within(
            &folder,
            &["verify", "--conf", "photos.torrent", "--data", data],
        )
    };
    folder.write("photos/other", "left alone");
    assert_eq!(
        lines(&verify("photos")),
        ["photos: all right: 3 parts, 4 files, 39.0 KiB"]
    );
    folder.write("photos/a", "!");
    folder.write("photos/b.txt", [bytes(5), bytes(2)].concat());
    fs::remove_file(folder.path("photos/empty")).unwrap();
    let output = verify("photos");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stdout(&output),
        "photos: 2 of 3 parts right, in 4 files\n\
         wrong: part number 0\n\
         b.txt: 7 bytes, 2 longer than the 5 it should have\n\
         empty: missing\n"
    );
    fs::remove_dir_all(folder.path("photos/b")).unwrap();
    symlink("a", folder.path("photos/empty")).unwrap();
    assert_eq!(
        stdout(&verify("photos")),
        "photos: 0 of 3 parts right, in 4 files\n\
         wrong: part numbers 0-2\n\
         b/c/deep: missing\n\
         b.txt: 7 bytes, 2 longer than the 5 it should have\n\
         empty: not a regular file\n"
    );
    let complaint = "error: cannot read photos/a: is a file; the content is a folder\n";
    assert_fails(&verify("photos/a"), complaint);
    let output = swarmlet([
        "verify",
        "--conf",
        &folder.path("photos.torrent"),
        "--data",
        "/nowhere",
    ]);
    assert_fails(
        &output,
        "error: cannot read /nowhere: no such file or directory\n",
    );
}
