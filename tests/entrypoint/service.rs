//! What a service manager such as systemd hears.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use crate::support;
use crate::support::handful::Has;
use crate::{Scene, WAIT};

/// The socket of a service manager, and what came to it.
struct Manager {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Manager {
    fn new(scene: &Scene) -> Self {
        let socket = UnixDatagram::bind(scene.path("notify")).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        let heard = Vec::new();
        Self { socket, heard }
    }

    /// The variables that a manager sets, with a watchdog that bites after so many microseconds.
    fn launcher(scene: &Scene, watchdog: u32) -> [String; 3] {
        let socket = scene.path("notify");
        [
            "env".to_owned(),
            format!("NOTIFY_SOCKET={}", socket.display()),
            format!("WATCHDOG_USEC={watchdog}"),
        ]
    }

    fn listen(&mut self) {
        let mut buffer = [0; 1_000];
        if let Ok(length) = self.socket.recv(&mut buffer) {
            let words = String::from_utf8(buffer[..length].to_vec()).unwrap();
            self.heard.extend(words.lines().map(str::to_owned));
        }
    }

    /// Waits for something that begins so, and was not heard by the last wait.
    fn wait_for(&mut self, begin: &str, scene: &Scene) -> String {
        let start = self.heard.len();
        let limit = Duration::from_secs(60).mul_f64(support::patience());
        let since = Instant::now();
        loop {
            let mut news = self.heard[start..].iter();
            if let Some(words) = news.find(|words| words.starts_with(begin)) {
                return words.clone();
            }
            let complaint = || format!("no {begin}: {:?}\n{}", self.heard, scene.logs());
            assert!(since.elapsed() < limit, "{}", complaint());
            self.listen();
        }
    }

    fn has_heard(&self, words: &str) -> bool {
        self.heard.iter().any(|one| one == words)
    }
}

#[test]
fn a_service_manager_hears_that_a_node_is_ready_lives_and_stops() {
    let mut scene = Scene::new("manager");
    let mut manager = Manager::new(&scene);
    let launcher = Manager::launcher(&scene, 40_000);
    let launcher = launcher.each_ref().map(String::as_str);
    let node = scene.add_launched(Has::File, &[], &launcher);
    scene.set_script(node, &format!("env > seen; {WAIT}"));
    scene.start(node);
    manager.wait_for("READY=1", &scene);
    let status = manager.wait_for("STATUS=", &scene);
    assert!(
        status.contains("parts") && status.contains("0 peers"),
        "{status}"
    );
    for _ in 0..3 {
        manager.wait_for("WATCHDOG=1", &scene);
    }
    assert!(!manager.has_heard("STOPPING=1"));
    // They are for the node, and a word of the command would be taken for ours.
    scene.wait_for("seen", "PATH=");
    let seen = scene.read("seen");
    assert!(
        !seen.contains("NOTIFY_SOCKET") && !seen.contains("WATCHDOG"),
        "{seen}"
    );
    scene.write("stop");
    manager.wait_for("STOPPING=1", &scene);
    scene.ends_with(node, 0);
    let statuses = manager
        .heard
        .iter()
        .filter(|words| words.starts_with("STATUS="));
    let mut statuses: Vec<_> = statuses.collect();
    let all = statuses.len();
    statuses.dedup();
    assert_eq!(
        statuses.len(),
        all,
        "only what changed: {:?}",
        manager.heard
    );
    assert_eq!(
        manager
            .heard
            .iter()
            .filter(|words| *words == "READY=1")
            .count(),
        1
    );
}

#[test]
fn a_command_in_the_place_of_the_node_speaks_for_itself() {
    let mut scene = Scene::new("heir");
    let mut manager = Manager::new(&scene);
    let launcher = Manager::launcher(&scene, 40_000);
    let launcher = launcher.each_ref().map(String::as_str);
    let node = scene.add_launched(Has::File, &["--before-exec"], &launcher);
    scene.set_script(node, &format!("env > seen; {WAIT}"));
    scene.start(node);
    manager.wait_for("READY=1", &scene);
    manager.wait_for("STATUS=sh runs", &scene);
    scene.wait_for("seen", "NOTIFY_SOCKET=");
    scene.wait_for("seen", "WATCHDOG_USEC=");
    scene.write("stop");
    scene.ends_with(node, 0);
    manager.listen();
    assert!(!manager.has_heard("STOPPING=1"), "the service goes on");
}

#[test]
fn a_service_manager_that_is_not_there_is_no_error() {
    let mut scene = Scene::new("no manager");
    let launcher = Manager::launcher(&scene, 40_000);
    let launcher = launcher.each_ref().map(String::as_str);
    let node = scene.add_launched(Has::File, &["--exit-when-complete"], &launcher);
    scene.start(node);
    scene.ends_with(node, 0);
    let warnings = scene
        .handful
        .lines_with(node, "cannot speak to the service manager at");
    assert_eq!(warnings, 1);
}
