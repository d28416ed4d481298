//! What `create` writes, in the eyes of programs that are not ours.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::client::{Kind, PYTHON, has};
use crate::support::binary;

/// A folder and a file, described with all that can be said; the infohash of each.
fn described(place: &Path) -> [(String, String); 2] {
    fs::create_dir_all(place.join("photos/2024")).unwrap();
    fs::write(place.join("photos/2024/ä b.jpg"), vec![7; 100_000]).unwrap();
    fs::write(place.join("photos/empty"), "").unwrap();
    fs::write(place.join("photos/read me"), "hello").unwrap();
    fs::write(place.join("image.iso"), vec![9; 50_000]).unwrap();
    [
        ("photos", "photos.torrent"),
        ("image.iso", "image.iso.torrent"),
    ]
    .map(|(path, out)| {
        let mut command = Command::new(binary());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SWARMLET_") {
                command.env_remove(name);
            }
        }
        let arguments = [
            "--tracker=http://127.0.0.1:1/announce",
            "--tracker=udp://127.0.0.1:2",
            "--web-seed=http://127.0.0.1:3/",
            "--comment=a comment",
            "--private",
        ];
        let output = command
            .args(["create", path])
            .args(arguments)
            .current_dir(place)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let infohash = text
            .lines()
            .find_map(|line| line.strip_prefix("infohash: "));
        (out.to_owned(), infohash.expect("an infohash").to_owned())
    })
}

/// What a program prints of a torrent.
fn printed(command: &mut Command, place: &Path) -> String {
    let output = command.current_dir(place).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

#[track_caller]
fn assert_names(text: &str, all: &[&str]) {
    for one in all {
        assert!(text.contains(one), "no '{one}' in:\n{text}");
    }
}

#[test]
fn transmission_shows_what_create_wrote() {
    let test = "transmission_shows_what_create_wrote";
    let mut check = Command::new("transmission-show");
    if !has("transmission-show", check.arg("--version"), test) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    for (torrent, infohash) in described(place.path()) {
        let text = printed(
            Command::new("transmission-show").arg(&torrent),
            place.path(),
        );
        let said = [
            "a comment",
            "Private torrent",
            "127.0.0.1:1/announce",
            "udp://127.0.0.1:2",
        ];
        assert_names(&text, &said);
        assert_names(&text, &[&infohash, "http://127.0.0.1:3/"]);
        if torrent == "photos.torrent" {
            assert_names(
                &text,
                &["photos/2024/ä b.jpg", "photos/empty", "photos/read me"],
            );
        }
    }
}

#[test]
fn aria2c_shows_what_create_wrote() {
    let test = "aria2c_shows_what_create_wrote";
    if !Kind::Aria2.is_here(test) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    for (torrent, infohash) in described(place.path()) {
        let mut command = Command::new("aria2c");
        let text = printed(command.args(["--no-conf", "-S", &torrent]), place.path());
        assert_names(&text, &[&infohash, "a comment", "127.0.0.1:1/announce"]);
        if torrent == "photos.torrent" {
            assert_names(&text, &["photos/2024/ä b.jpg", "photos/read me"]);
        }
    }
}

#[test]
fn libtorrent_loads_what_create_wrote() {
    let test = "libtorrent_loads_what_create_wrote";
    if !Kind::Libtorrent.is_here(test) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let code = "\
import libtorrent, sys
info = libtorrent.torrent_info(sys.argv[1])
files = info.files()
print(info.info_hash(), info.name(), info.priv(), info.comment())
print(*(tracker.url for tracker in info.trackers()))
print(*(seed['url'] for seed in info.web_seeds()))
for number in range(files.num_files()):
    print(files.file_path(number), files.file_size(number))
";
    for (torrent, infohash) in described(place.path()) {
        let mut command = Command::new(PYTHON);
        let text = printed(command.args(["-c", code]).arg(&torrent), place.path());
        let (name, files) = match torrent.as_str() {
            "photos.torrent" => (
                "photos",
                "photos/2024/ä b.jpg 100000\nphotos/empty 0\nphotos/read me 5\n",
            ),
            _ => ("image.iso", "image.iso 50000\n"),
        };
        let expected = format!(
            "{infohash} {name} True a comment\n\
             http://127.0.0.1:1/announce udp://127.0.0.1:2\n\
             http://127.0.0.1:3/\n{files}"
        );
        // A web seed of a folder must end in a slash; of a file it may.
        assert_eq!(text, expected);
    }
}

#[test]
fn hybrids_of_libtorrent_are_used_and_its_version_two_torrents_refused() {
    let test = "hybrids_of_libtorrent_are_used_and_its_version_two_torrents_refused";
    if !Kind::Libtorrent.is_here(test) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    described(place.path());
    let code = "\
import libtorrent as lt
files = lt.file_storage()
lt.add_files(files, 'photos')
for name, flags in (('hybrid', 0), ('two', lt.create_torrent.v2_only)):
    made = lt.create_torrent(files, 16 * 1024, flags)
    lt.set_piece_hashes(made, '.')
    bytes = lt.bencode(made.generate())
    open(name + '.torrent', 'wb').write(bytes)
    print(lt.torrent_info(bytes).info_hashes().v1)
";
    let text = printed(Command::new(PYTHON).args(["-c", code]), place.path());
    let infohash = text.lines().next().unwrap();
    let show = printed(
        Command::new(binary()).args(["show", "hybrid.torrent"]),
        place.path(),
    );
    assert_names(
        &show,
        &[
            infohash,
            "3 files",
            "(100,005 bytes)",
            "30.3 KiB, in no file",
            "2024/ä b.jpg",
            "read me",
        ],
    );
    assert!(!show.contains(".pad"), "{show}");
    let arguments = ["verify", "--conf", "hybrid.torrent", "--data", "photos"];
    let verified = printed(Command::new(binary()).args(arguments), place.path());
    assert_names(&verified, &["photos: all right: ", "3 files"]);
    let refused = Command::new(binary())
        .args(["show", "two.torrent"])
        .current_dir(place.path())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&refused.stderr),
        "error: two.torrent: version 2 torrents without version 1 hashes are not supported yet; \
         make a hybrid or a version 1 torrent\n"
    );
}
