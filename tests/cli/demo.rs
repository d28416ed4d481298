//! The demo from start to end, with few nodes and a small file.

use std::fs;

use crate::{Folder, command, stderr, stdout};

#[test]
fn the_demo_ends_well_and_leaves_nothing_behind() {
    let folder = Folder::new();
    let output = command(["demo", "--nodes", "4", "--size", "4MiB"])
        .env("TMPDIR", folder.path(""))
        .output()
        .unwrap();
    let (out, err) = (stdout(&output), stderr(&output));
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert!(out.starts_with("all 4 files are identical after "), "{out}");
    assert!(out.contains("\n  size       4 MiB\n  SHA-1      "), "{out}");
    assert!(!(out + &err).contains('\x1b'), "no terminal, no colours");
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 0);
}

#[test]
#[cfg(feature = "secret")]
fn the_demo_ends_as_well_with_a_secret() {
    let folder = Folder::new();
    let arguments = ["demo", "--secret", "--nodes", "4", "--size", "4MiB"];
    let output = command(arguments)
        .env("TMPDIR", folder.path(""))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("all 4 files are identical after "));
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 0);
}

#[test]
fn a_demo_that_a_disk_has_no_room_for_says_so_before_it_begins() {
    let folder = Folder::new();
    let output = command(["demo", "--size", "4TiB"])
        .env("TMPDIR", folder.path(""))
        .output()
        .unwrap();
    let error = stderr(&output);
    assert!(error.contains("they need 3"), "{error}");
    assert!(error.contains("are free\n  hint: "), "{error}");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 0);
}

#[test]
fn a_demo_without_a_place_for_its_files_says_so() {
    let folder = Folder::new();
    folder.write("file", "");
    let place = folder.path("file");
    let output = command(["demo"]).env("TMPDIR", &place).output().unwrap();
    assert_eq!(
        stderr(&output),
        format!(
            "error: cannot make the demo's files in {place}: not a directory\n  \
             hint: name a folder that has room with TMPDIR=/that/folder, or take a smaller --size\n"
        )
    );
    assert_eq!(output.status.code(), Some(1));
}
