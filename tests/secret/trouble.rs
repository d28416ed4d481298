//! What is refused at the start, each with a line that says the remedy.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::stage::{NEW, OLD, OTHER, Stage};
use crate::support::handful::Has;

/// What a node says that does not start.
fn complaint(stage: &mut Stage, arguments: &[&str]) -> String {
    let node = stage.add_knowing(Has::File, &[], &[], arguments);
    let node = &mut stage.handful.nodes[node];
    node.start();
    let status = node.wait(std::time::Duration::from_secs(60)).unwrap();
    assert_eq!(status.code(), Some(1), "{}", node.log());
    node.log()
}

#[test]
fn a_secret_that_cannot_be_used_ends_the_start_with_the_remedy() {
    let mut stage = Stage::new("a_secret_that_cannot_be_used", 100);
    for (text, expected) in [
        ("", "holds no secret: `openssl rand -base64 32` makes one"),
        (
            "swordfish\n",
            "line 1 has 9 characters; a secret has 32 at least",
        ),
        (&"ab".repeat(20), "line 1 has only 2 different characters"),
        (
            &[OLD, NEW, OTHER].join("\n"),
            "holds 3 secrets, each on its line; the limit is 2",
        ),
    ] {
        let file = stage.write("broken", text);
        let said = complaint(&mut stage, &["--fleet-secret-file", file.to_str().unwrap()]);
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains("swordfish"), "{said}");
    }
    let missing = stage.path("missing");
    let said = complaint(
        &mut stage,
        &["--fleet-secret-file", missing.to_str().unwrap()],
    );
    assert!(said.contains("cannot read the fleet secret"), "{said}");
    // It would wait for a writer, and no change would be seen any more.
    let pipe = stage.path("pipe");
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::Mode::from_raw_mode(0o600),
    )
    .unwrap();
    let pipe = pipe.to_str().unwrap();
    for flag in ["--fleet-secret-file", "--access-file"] {
        let said = complaint(&mut stage, &[flag, pipe]);
        assert!(said.contains("it is no regular file"), "{said}");
    }
    let file = stage.write("open", OLD);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let said = complaint(&mut stage, &["--fleet-secret-file", file.to_str().unwrap()]);
    assert!(said.contains("can be written by every user"), "{said}");
}

#[test]
fn flags_that_contradict_a_secret_are_refused() {
    let mut stage = Stage::new("flags_that_contradict", 100);
    let file = stage.write("good", OLD);
    let file = file.to_str().unwrap().to_owned();
    let said = complaint(&mut stage, &["--fleet-secret-file", &file, "--dht", "on"]);
    assert!(said.contains("cannot use the DHT"), "{said}");
    let list = stage.write("nodes", "deny node 4f1c0c5a7d0e4b6f8a9b0c1d2e3f4a5b\n");
    let list = list.to_str().unwrap().to_owned();
    let said = complaint(&mut stage, &["--access-file", &list]);
    assert!(
        said.contains("without a fleet secret nobody proves"),
        "{said}"
    );
    let list = stage.write("networks", "\nallow 10.1.2.3/8\n");
    let said = complaint(&mut stage, &["--access-file", list.to_str().unwrap()]);
    assert!(
        said.contains("line 2: '10.1.2.3/8' has bits beyond its prefix"),
        "{said}"
    );
}

#[test]
fn a_secret_that_others_can_read_is_used_with_a_warning() {
    let mut stage = Stage::new("a_secret_that_others_can_read", 100);
    stage.add(Has::File, &[OLD], &[]);
    let file = stage.secrets_of(0);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    stage.handful.start_all();
    stage
        .handful
        .wait_for_log(0, "every user of this machine can read the fleet secret");
    stage
        .handful
        .wait_for_log(0, "complete, every piece is verified");
}

#[test]
fn what_was_learned_without_a_secret_is_not_believed_with_one() {
    let mut stage = Stage::new("what_was_learned", 100);
    stage.add(Has::File, &[], &[]);
    stage.add(Has::Nothing, &[], &[]);
    stage.handful.start_all();
    stage.wait_for_file(&[1]);
    stage.handful.nodes[0].stop().unwrap();
    stage.handful.nodes[1].stop().unwrap();
    let file = stage.write("secret", OLD);
    stage.handful.nodes[1].add_argument("--fleet-secret-file");
    stage.handful.nodes[1].add_argument(file.to_str().unwrap());
    stage.handful.nodes[1].start();
    stage.wait_for_lines(1, "nothing is known of the content yet", 2);
}
