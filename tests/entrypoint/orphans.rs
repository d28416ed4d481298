//! A node as PID 1 of a container: it reaps what nobody else does.

use std::fs;
use std::process::{Command, Stdio};

use crate::Scene;
use crate::support;
use crate::support::handful::Has;
use crate::support::network::REQUIRED_BY;

/// Starts what follows as PID 1 of a namespace that ends with it.
const LAUNCHER: [&str; 5] = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// Leaves a thousand children to whoever takes them.
const THOUSAND: &str = "i=0; while [ $i -lt 1000 ]; do (true &); i=$((i + 1)); done\n";

/// Waits until no process in the namespace is a zombie; not for ever.
const NONE_LEFT: &str = "n=0\n\
                         while grep -qs '^State:.*Z' /proc/[0-9]*/status; do\n\
                         n=$((n + 1)); [ $n -lt 1000 ] || exit 98; sleep 0.02; done\n";

fn can_unshare(test: &str) -> bool {
    let mut command = Command::new(LAUNCHER[0]);
    command
        .args(&LAUNCHER[1..])
        .arg("true")
        .stderr(Stdio::null());
    let can = command.status().is_ok_and(|status| status.success());
    if !can {
        support::skip(
            test,
            "namespaces of processes cannot be made here",
            REQUIRED_BY,
        );
    }
    can
}

#[test]
fn a_thousand_orphans_of_a_command_leave_no_zombie() {
    if !can_unshare("a_thousand_orphans_of_a_command_leave_no_zombie") {
        return;
    }
    let mut scene = Scene::new("orphans");
    let node = scene.add_launched(Has::File, &[], &LAUNCHER);
    // One that lives shows whose child it is.
    let script = format!(
        "(sleep 1000 & echo $! > orphan)\n\
         until grep -q '^PPid:.1$' /proc/$(cat orphan)/status; do sleep 0.02; done\n\
         cat /proc/1/comm > first\n\
         {THOUSAND}{NONE_LEFT}exit 7"
    );
    scene.set_script(node, &script);
    scene.start(node);
    // The status is that of the command, whoever else was reaped before it.
    scene.ends_with(node, 7);
    assert_eq!(scene.read("first"), "swarmlet\n");
}

#[test]
fn a_node_without_a_command_reaps_orphans_too() {
    if !can_unshare("a_node_without_a_command_reaps_orphans_too") {
        return;
    }
    let mut scene = Scene::new("orphans of others");
    let node = scene.add_launched(Has::Config, &[], &LAUNCHER);
    scene.start(node);
    scene.handful.wait_for_log(node, "listening on");
    let launcher = scene.node(node).pid().unwrap();
    let children =
        fs::read_to_string(format!("/proc/{launcher}/task/{launcher}/children")).unwrap();
    // As an engine enters a container; who is started there belongs to its PID 1 when its parent ends.
    let entered = Command::new("nsenter")
        .args(["--target", children.trim(), "--pid", "--mount", "sh", "-c"])
        .arg(format!("{THOUSAND}{NONE_LEFT}cat /proc/1/comm"))
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&entered.stdout),
        "swarmlet\n",
        "{entered:?}"
    );
}
