//! A command beside a node, and in its place.

use std::fs;
use std::process::{Command, Stdio};

use sha1::{Digest, Sha1};

use crate::support;
use crate::support::handful::Has;
use crate::{BLOCKING, Scene, WAIT};

#[test]
fn a_command_is_started_when_the_data_is_right_and_not_before() {
    let _turn = support::take_turn();
    let mut scene = Scene::new("right data");
    let seed = scene.add(Has::File, &[]);
    for arguments in [&[][..], &["--before-exec"]] {
        let leecher = scene.add(Has::Config, arguments);
        let (whole, ours) = (
            scene.node(seed).files.data.clone(),
            scene.node(leecher).files.data.clone(),
        );
        let sum = Command::new("sha256sum")
            .stdin(fs::File::open(&whole).unwrap())
            .output()
            .unwrap();
        let sum = String::from_utf8(sum.stdout).unwrap();
        let sum = sum.split(' ').next().unwrap();
        let script = format!(
            "touch started; echo '{sum}  {}' | sha256sum -c -",
            ours.display()
        );
        scene.set_script(leecher, &script);
        scene.start(leecher);
        scene.handful.wait_for_log(leecher, "listening on");
        assert!(!scene.path("started").exists());
        scene.start(seed);
        scene.ends_with(leecher, 0);
        assert!(scene.path("started").exists());
        fs::remove_file(scene.path("started")).unwrap();
        scene.node(seed).stop().unwrap();
    }
}

#[test]
fn the_status_of_a_command_is_that_of_the_node() {
    for (script, code) in [
        ("exit 0", 0),
        ("exit 3", 3),
        ("exit 255", 255),
        ("kill -KILL $$", 137),
        ("kill -TERM $$", 143),
    ] {
        let mut scene = Scene::new("status");
        let node = scene.add_with_script(script);
        scene.start(node);
        scene.ends_with(node, code);
        assert_eq!(scene.handful.lines_with(node, "supervisor: stopped"), 1);
    }
}

#[test]
fn a_node_goes_on_seeding_and_healing_beside_its_command() {
    let _turn = support::take_turn();
    let mut scene = Scene::new("beside");
    let seed = scene.add_with_script(&format!("echo ready > out; {WAIT} echo $$ >> out; exit 3"));
    let leecher = scene.add(Has::Nothing, &[]);
    scene.start(seed);
    scene.wait_for("out", "ready");
    scene.start(leecher);
    let content = scene.content.clone();
    scene.handful.wait_for_file(&[leecher], &content);
    // What the node loses now it gets back, and the command does not hear of it.
    let data = fs::File::options()
        .write(true)
        .open(&scene.node(seed).files.data)
        .unwrap();
    data.set_len(100).unwrap();
    scene.handful.wait_for_log(seed, "no longer complete");
    scene.handful.wait_for_file(&[seed], &content);
    assert_eq!(scene.read("out"), "ready\n");
    assert_eq!(scene.handful.lines_with(seed, "complete; starting sh"), 1);
    scene.write("stop");
    scene.ends_with(seed, 3);
}

#[test]
fn a_command_that_comes_with_the_content_can_take_the_place_of_the_node() {
    let _turn = support::take_turn();
    for (arguments, code) in [(&["--before-exec"][..], 6), (&[], 126)] {
        let mut scene = Scene::new("from the content");
        let script = "#!/bin/sh\nexit \"$1\"\n";
        // A torrent of a folder with one file, which it marks as a program (BEP 47).
        let mut torrent = format!(
            "d4:infod5:filesld4:attr1:x6:lengthi{}e4:pathl3:runeee4:name3:app\
             12:piece lengthi16384e6:pieces20:",
            script.len()
        )
        .into_bytes();
        torrent.extend(Sha1::digest(script));
        torrent.extend(b"ee");
        let [conf, app, copy] = ["app.torrent", "app", "copy"].map(|name| scene.path(name));
        fs::create_dir(&app).unwrap();
        fs::write(app.join("run"), script).unwrap();
        fs::write(&conf, torrent).unwrap();
        let seed = scene.add(Has::Nothing, &[]);
        let leecher = scene.add(Has::Nothing, arguments);
        let program = copy.join("run").display().to_string();
        for (node, data) in [(seed, app), (leecher, copy)] {
            let files = &mut scene.node(node).files;
            (files.conf, files.data) = (conf.clone(), data);
        }
        let peer = scene.subnet.ip(seed).to_string();
        for word in ["--peer", &peer, "--", &program, "6"] {
            scene.node(leecher).add_argument(word);
        }
        scene.handful.start_all();
        // The system does not run what somebody has open for writing.
        scene.ends_with(leecher, code);
        let warnings = scene
            .handful
            .lines_with(leecher, "is kept by the node, which has it open");
        assert_eq!(warnings, usize::from(code == 126));
    }
}

#[test]
fn a_command_takes_the_place_of_the_node_with_its_process_id() {
    let mut scene = Scene::new("in place");
    let node = scene.add(Has::File, &["--before-exec"]);
    scene.set_script(node, "echo $$ > pid; exit 4");
    scene.start(node);
    let pid = scene.node(node).pid().unwrap();
    scene.ends_with(node, 4);
    assert_eq!(scene.read("pid"), format!("{pid}\n"));
    // It was stopped in order before.
    assert_eq!(scene.handful.lines_with(node, "supervisor: stopped"), 1);
}

#[test]
fn a_command_has_none_of_our_descriptors_signals_and_masks() {
    let script = "ls /proc/$$/fd > fds; grep -E 'Sig(Blk|Ign)' /proc/self/status > signals";
    // What it has without a node: whoever runs the tests may have left something open.
    let folder = tempfile::tempdir().unwrap();
    let mut bare = Command::new("sh");
    bare.args(["-c", script])
        .current_dir(folder.path())
        .stdin(Stdio::null());
    assert!(bare.status().unwrap().success());
    let expected = fs::read_to_string(folder.path().join("fds")).unwrap();
    for arguments in [&[][..], &["--before-exec"]] {
        let mut scene = Scene::new("inherited");
        // A link, so that sockets of sessions are open.
        let other = scene.add(Has::Config, &[]);
        scene.start(other);
        let node = scene.add_launched(Has::File, arguments, &BLOCKING);
        scene.set_script(node, script);
        scene.start(node);
        scene.ends_with(node, 0);
        assert_eq!(scene.read("fds"), expected, "{arguments:?}");
        for line in scene.read("signals").lines() {
            let (_, digits) = line.split_once(':').unwrap();
            let signals = u64::from_str_radix(digits.trim(), 16).unwrap();
            // 32 and 33 are the C library's own, and it says of them what it likes.
            assert_eq!(signals & !(0b11 << 31), 0, "{arguments:?} {line}");
        }
    }
}

#[test]
fn a_command_sees_the_environment_of_the_node_and_its_directory() {
    let mut scene = Scene::new("environment");
    let launcher = ["env", "SWARMLET_FLEET=north", "OTHER=thing"];
    let node = scene.add_launched(Has::File, &[], &launcher);
    let here = std::env::current_dir().unwrap();
    let out = scene.path("out").display().to_string();
    let script = format!("(env; pwd) > '{out}'");
    for word in ["--", "sh", "-c", &script] {
        scene.node(node).add_argument(word);
    }
    scene.start(node);
    scene.ends_with(node, 0);
    let seen = scene.read("out");
    let here = here.display().to_string();
    for line in ["SWARMLET_FLEET=north", "OTHER=thing", &here] {
        assert!(seen.lines().any(|one| one == line), "{line}: {seen}");
    }
}
