//! Commands that cannot be run, and files that cannot be written.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::Scene;
use crate::support::handful::Has;

/// A command line of one word, as an error says it before anything was synced.
fn early(program: &str, before: impl FnOnce(&Scene)) -> (i32, String) {
    let mut scene = Scene::new("no command");
    before(&scene);
    let node = scene.add(Has::Config, &[]);
    let program = program.replace("HERE", &scene.folder.path().display().to_string());
    for word in ["--", &program] {
        scene.node(node).add_argument(word);
    }
    scene.start(node);
    let code = scene.status(node).code().unwrap();
    let log = scene.node(node).log();
    assert!(
        !log.contains("listening"),
        "it is said before the start: {log}"
    );
    (
        code,
        log.replace(&scene.folder.path().display().to_string(), "HERE"),
    )
}

#[test]
fn a_command_that_is_not_there_is_an_error_before_anything_is_synced() {
    let (code, log) = early("no-such-command", |_| {});
    assert_eq!(
        log,
        "error: no-such-command: command not found\n  \
         hint: it is looked for in the directories of PATH; a path finds it, too\n"
    );
    assert_eq!(code, 127);
    let (code, log) = early("HERE/missing", |_| {});
    assert_eq!(
        log,
        "error: HERE/missing: command not found\n  \
         hint: there is no such file, and no content is kept there\n"
    );
    assert_eq!(code, 127);
}

#[test]
fn a_command_that_is_no_program_is_an_error_before_anything_is_synced() {
    let hint =
        "  hint: it must be a program, or begin with #!, and `chmod +x` must allow to run it\n";
    let plain = |scene: &Scene| scene.write("plain");
    let (code, log) = early("HERE/plain", plain);
    assert_eq!(
        log,
        format!("error: cannot run HERE/plain: permission denied\n{hint}")
    );
    assert_eq!(code, 126);
    let (code, log) = early("HERE", |_| {});
    assert_eq!(
        log,
        format!("error: cannot run HERE: is a directory\n{hint}")
    );
    assert_eq!(code, 126);
}

#[test]
fn what_only_the_start_can_show_stops_the_node_in_order() {
    let script = |text: &'static str| {
        move |scene: &Scene| {
            let path = scene.path("tool");
            fs::write(&path, text).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    };
    let interpreter = "what it names as its interpreter is not there";
    for (text, reason, arguments) in [
        ("no program", "exec format error", &[][..]),
        ("#!/no/such/shell\n", interpreter, &[]),
        ("#!/no/such/shell\n", interpreter, &["--before-exec"]),
    ] {
        let mut scene = Scene::new("late");
        script(text)(&scene);
        let node = scene.add(Has::File, arguments);
        let program = scene.path("tool").display().to_string();
        for word in ["--", &program] {
            scene.node(node).add_argument(word);
        }
        scene.start(node);
        scene.ends_with(node, 126);
        let log = scene.node(node).log();
        let error = format!("error: cannot run {program}: {reason}\n");
        assert!(log.contains(&error), "{log}");
        assert!(log.contains("supervisor: stopped"), "{log}");
    }
}

#[test]
fn a_command_that_may_come_with_the_content_is_not_missed_early() {
    // The content is the program, and is not to be run: it comes without permission for that.
    let mut scene = Scene::new("comes late");
    let seed = scene.add(Has::File, &[]);
    let leecher = scene.add(Has::Config, &[]);
    let program = scene.node(leecher).files.data.display().to_string();
    for word in ["--", &program] {
        scene.node(leecher).add_argument(word);
    }
    scene.start(seed);
    scene.start(leecher);
    scene.ends_with(leecher, 126);
    assert_eq!(scene.handful.lines_with(leecher, "complete; starting"), 1);
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_while_a_command_waits_for_it() {
    let mut scene = Scene::new("no file");
    let node = scene.add(Has::Config, &[]);
    scene.set_script(node, "touch started");
    let data = &scene.node(node).files.data.clone();
    std::os::unix::fs::symlink("/dev/full", data).unwrap();
    scene.start(node);
    scene.ends_with(node, 1);
    assert!(!scene.path("started").exists());
    let log = scene.node(node).log();
    assert_eq!(
        log.lines()
            .filter(|line| line.starts_with("error: "))
            .count(),
        1,
        "{log}"
    );
}
