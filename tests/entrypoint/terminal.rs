//! A command that has a terminal: its keys reach it once, and the shell gets its jobs as it
//! expects them.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::Scene;
use crate::support;
use crate::support::handful::Has;
use crate::support::node::Node;

/// Makes the standard input the terminal of a new session.
const LAUNCHER: [&str; 2] = ["setsid", "--ctty"];

/// A terminal with whoever sits at it: a program is started there.
struct Terminal {
    keyboard: File,
    screen: Arc<Mutex<String>>,
    program: Child,
}

impl Terminal {
    /// Starts a node's command line there.
    fn start(node: &Node) -> Self {
        let keyboard =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let side: OwnedFd = open(name, flags, Mode::empty()).unwrap();
        let side = File::from(side);
        let mut command = node.command();
        command.env("PS1", "prompt: ").env_remove("PROMPT_COMMAND");
        command.stdin(side.try_clone().unwrap());
        command.stdout(side.try_clone().unwrap());
        command.stderr(side);
        let program = command.spawn().unwrap();
        drop(command);
        let keyboard = File::from(keyboard);
        let screen = Arc::new(Mutex::new(String::new()));
        let (mut output, shown) = (keyboard.try_clone().unwrap(), Arc::clone(&screen));
        thread::spawn(move || {
            let mut buffer = [0; 1_000];
            // It ends with an error when nobody has the other side any more.
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]);
                shown.lock().unwrap().push_str(&text);
            }
        });
        Self {
            keyboard,
            screen,
            program,
        }
    }

    fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    fn shows(&self, text: &str) {
        support::wait_for(
            &format!("the screen shows '{text}'"),
            || self.screen.lock().unwrap().contains(text),
            || self.screen.lock().unwrap().clone(),
        );
    }

    fn ends(&mut self) -> ExitStatus {
        let mut status = None;
        support::wait_for(
            "the program at the terminal ends",
            || {
                status = self.program.try_wait().unwrap();
                status.is_some()
            },
            || self.screen.lock().unwrap().clone(),
        );
        status.unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Writes down what it hears and reads, until it reads `end`.
const READING: &str = "trap 'echo INT >> out' INT\ntrap 'echo TERM >> out' TERM\n\
                       echo ready >> out\n\
                       while true; do\n\
                         if read line; then echo \"read $line\" >> out; fi\n\
                         if [ \"$line\" = end ] || ! [ -e \"$PWD\" ]; then exit 5; fi\n\
                       done";

#[test]
fn a_command_reads_from_the_terminal_and_hears_its_keys_once() {
    let mut scene = Scene::new("keys");
    let node = scene.add_launched(Has::File, &[], &LAUNCHER);
    scene.set_script(node, READING);
    let mut terminal = Terminal::start(scene.node(node));
    scene.wait_for("out", "ready\n");
    terminal.type_in("hello\n");
    scene.wait_for("out", "ready\nread hello\n");
    terminal.type_in("\x03");
    scene.wait_for("out", "INT\n");
    // A second one from the node would be here before this.
    terminal.type_in("end\n");
    assert_eq!(terminal.ends().code(), Some(5));
    assert_eq!(scene.read("out"), "ready\nread hello\nINT\nread end\n");
}

#[test]
fn a_script_has_the_terminal_again_after_the_node() {
    let mut scene = Scene::new("afterwards");
    let script = "\"$@\"; echo \"status $?\"; read line; echo \"then $line\"";
    let launcher = [&LAUNCHER[..], &["sh", "-c", script, "sh"]].concat();
    let node = scene.add_launched(Has::File, &[], &launcher);
    scene.set_script(node, READING);
    let mut terminal = Terminal::start(scene.node(node));
    scene.wait_for("out", "ready\n");
    terminal.type_in("end\n");
    terminal.shows("status 5");
    terminal.type_in("more\n");
    terminal.shows("then more");
    assert_eq!(terminal.ends().code(), Some(0));
}

#[test]
fn a_command_that_is_stopped_by_a_key_goes_on_when_the_shell_says_so() {
    let mut scene = Scene::new("jobs");
    // The shell has the command line in its arguments, and is told by keys when to run it.
    let launcher = [
        &LAUNCHER[..],
        &["bash", "--norc", "--noprofile", "-i", "-c"],
    ]
    .concat();
    let interactive = "set -m; \"$@\"; echo \"first $?\"; fg; echo \"then $?\"";
    let launcher = [&launcher[..], &[interactive, "bash"]].concat();
    let node = scene.add_launched(Has::File, &[], &launcher);
    scene.set_script(node, READING);
    let mut terminal = Terminal::start(scene.node(node));
    scene.wait_for("out", "ready\n");
    terminal.type_in("\x1a");
    // 128 and the number of the signal that stopped it: the shell noticed, and brings it back.
    terminal.shows("first 148");
    terminal.type_in("again\n");
    scene.wait_for("out", "read again\n");
    terminal.type_in("\x03");
    scene.wait_for("out", "INT\n");
    terminal.type_in("end\n");
    terminal.shows("then 5");
    terminal.ends();
    assert_eq!(scene.read("out"), "ready\nread again\nINT\nread end\n");
}

#[test]
fn a_key_that_nobody_could_undo_does_not_stop_a_command() {
    // The node leads the session: no shell is above it, as in a container.
    let mut scene = Scene::new("no shell");
    let node = scene.add_launched(Has::File, &[], &LAUNCHER);
    scene.set_script(node, READING);
    let mut terminal = Terminal::start(scene.node(node));
    scene.wait_for("out", "ready\n");
    terminal.type_in("\x1a");
    terminal.type_in("end\n");
    assert_eq!(terminal.ends().code(), Some(5));
}
