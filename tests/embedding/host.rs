//! The host's process stays the host's: its logger, its signals, its panics, its life.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix::{Actor, Context, Handler};
use log::{LevelFilter, Log, Metadata, Record};
use swarmlet::{ActorKind, Event};

use crate::inprocess::{Content, Member, Network, until};
use crate::{Scene, is_by_itself, on_system};

/// The host's logger.
struct Lines(Mutex<Vec<(log::Level, String)>>);

static LINES: Lines = Lines(Mutex::new(Vec::new()));

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if record.target().starts_with("swarmlet") {
            let line = (record.level(), record.args().to_string());
            self.0.lock().unwrap().push(line);
        }
    }

    fn flush(&self) {}
}

impl Lines {
    fn take(&self) -> Vec<(log::Level, String)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Starts a node, lets it look around, and stops it.
fn run_a_node() -> std::net::SocketAddr {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (at, content) = (Network::any().host(10), Content::pieces(3));
        let member = Member::start(folder.path(), at, &content.conf(&[]));
        let known = |event: &Event| matches!(event, Event::ContentKnown { .. });
        member.journal.wait("the node runs", known).await;
        member.node.shutdown().await;
        at
    })
}

#[test]
fn the_hosts_logger_gets_the_lines_and_nobody_else_sets_one() {
    if !is_by_itself("host::the_hosts_logger_gets_the_lines_and_nobody_else_sets_one") {
        return;
    }
    // One before there is a logger: if it brought its own, the host could have none.
    run_a_node();
    log::set_logger(&LINES).expect("nobody has set a logger");
    assert_eq!(log::max_level(), LevelFilter::Off);
    run_a_node();
    assert_eq!(
        (log::max_level(), LINES.take()),
        (LevelFilter::Off, Vec::new())
    );
    log::set_max_level(LevelFilter::Info);
    let at = run_a_node();
    assert_eq!(log::max_level(), LevelFilter::Info);
    log::set_max_level(LevelFilter::Off);
    let lines = LINES.take();
    let told = format!("listening on {at}");
    assert!(
        lines.iter().any(|(_, line)| line.starts_with(&told)),
        "{lines:?}"
    );
    assert!(
        lines.iter().all(|(level, _)| *level <= log::Level::Info),
        "{lines:?}"
    );
}

/// The signals that this process handles and ignores, and that this thread blocks.
#[cfg(target_os = "linux")]
fn signals() -> Vec<String> {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let lines = status.lines().filter(|line| line.starts_with("Sig"));
    // Those that wait to be delivered come and go.
    let stays = |line: &&str| {
        ["SigBlk", "SigIgn", "SigCgt"]
            .iter()
            .any(|it| line.starts_with(it))
    };
    let found: Vec<_> = lines.filter(stays).map(str::to_owned).collect();
    assert_eq!(found.len(), 3);
    found
}

#[test]
#[cfg(target_os = "linux")]
fn no_signal_is_handled_ignored_or_blocked() {
    if !is_by_itself("host::no_signal_is_handled_ignored_or_blocked") {
        return;
    }
    let before = signals();
    on_system(async {
        let scene = Scene::new(64).await;
        let leecher = scene.leecher(11, |node| node);
        #[cfg(feature = "http")]
        let server = {
            let listener = std::net::TcpListener::bind((scene.network.host(11).ip(), 0)).unwrap();
            let at = listener.local_addr().unwrap();
            let face = swarmlet::http::Face::builder().build(&leecher.node);
            let server = face.serve(Some(listener), None).unwrap();
            let ask = move || crate::request::get("/healthz").send(at).status;
            assert_eq!(actix_rt::task::spawn_blocking(ask).await.unwrap(), 200);
            server
        };
        leecher.completes(&scene.content).await;
        assert_eq!(signals(), before);
        #[cfg(feature = "http")]
        server.stop().await;
        leecher.node.shutdown().await;
        scene.seed.node.shutdown().await;
    });
    assert_eq!(signals(), before);
}

#[test]
fn the_hosts_hook_hears_of_panics_of_actors() {
    if !is_by_itself("host::the_hosts_hook_hears_of_panics_of_actors") {
        return;
    }
    static HEARD: AtomicUsize = AtomicUsize::new(0);
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        HEARD.fetch_add(1, Ordering::Relaxed);
        usual(panic);
    }));
    on_system(async {
        let scene = Scene::new(3).await;
        assert!(scene.seed.node.crash(ActorKind::Watchdog).await);
        let told = || scene.seed.journal.panicked() == ["watchdog"];
        until("the panic is told", told, String::new).await;
        scene.seed.node.shutdown().await;
    });
    assert_eq!(HEARD.load(Ordering::Relaxed), 1);
}

#[test]
fn a_node_that_fails_says_so_and_the_program_goes_on_and_starts_another_one_there() {
    on_system(async {
        let scene = Scene::new(256).await;
        let failing = scene.leecher(11, |node| node);
        for _ in 0..6 {
            while !failing.node.crash(ActorKind::Storage).await {
                actix_rt::task::yield_now().await;
            }
        }
        let waited = failing.node.completed().await;
        let failed = |event: &Event| matches!(event, Event::Failed { .. });
        failing.journal.wait("the node fails", failed).await;
        drop(waited);
        failing.node.shutdown().await;
        assert!(!failing.node.is_running());
        assert!(failing.node.report().await.is_none());
        // The other one has not noticed, and the address is free.
        let another = scene.leecher(11, |node| node);
        another.completes(&scene.content).await;
        assert!(scene.seed.journal.panicked().is_empty());
        another.node.shutdown().await;
        scene.seed.node.shutdown().await;
    });
}

/// Panics at whatever it hears.
struct Hysteric;

impl Actor for Hysteric {
    type Context = Context<Self>;
}

impl Handler<Event> for Hysteric {
    type Result = ();

    #[allow(clippy::panic, reason = "that is what it is for")]
    fn handle(&mut self, event: Event, _: &mut Self::Context) {
        panic!("oh no: {event:?}");
    }
}

#[test]
fn a_listener_that_panics_is_forgotten_and_the_node_goes_on() {
    on_system(async {
        let scene = Scene::new(256).await;
        let (here, elsewhere) = (Hysteric.start(), actix_rt::Arbiter::new());
        let there = Hysteric::start_in_arbiter(&elsewhere.handle(), |_| Hysteric);
        let leecher = scene.leecher(11, |node| {
            let node = node.listener(here.clone().recipient());
            node.listener(there.clone().recipient())
        });
        leecher.completes(&scene.content).await;
        assert!(!here.connected() && !there.connected());
        // One that comes later as well.
        let late = Hysteric.start();
        scene.seed.node.listen(late.clone().recipient());
        let another = scene.leecher(12, |node| node);
        another.completes(&scene.content).await;
        until("it has heard something", || !late.connected(), String::new).await;
        for member in [&leecher, &another, &scene.seed] {
            assert!(member.journal.panicked().is_empty());
            assert!(member.node.is_responsive().await);
            member.node.shutdown().await;
        }
        elsewhere.stop();
    });
}
