//! Nothing outlives a node, and a node outlives neither its system nor its arbiter.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix::{Actor, Context, Handler};
use actix_rt::{Arbiter, System};
use swarmlet::{Choice, Error, Event, Node, NodeBuilder, Place, Share, Topic};

use crate::inprocess::{Content, Network, until};
use crate::{Scene, is_by_itself, on_system};

/// How long a thread may take to end before that is a hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// What this process holds: names of threads and kinds of descriptors, and how many of each.
#[cfg(target_os = "linux")]
fn holdings() -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    // One may end while it is looked at.
    let name = |path: std::path::PathBuf| std::fs::read_to_string(path.join("comm")).ok();
    let threads = threads.filter_map(|task| Some(format!("thread {}", name(task.ok()?.path())?)));
    let files = std::fs::read_dir("/proc/self/fd").unwrap();
    let files = files.filter_map(|link| {
        let file = std::fs::read_link(link.ok()?.path()).ok()?;
        let file = file.display().to_string();
        Some(format!("file {}", file.split(":[").next()?))
    });
    for name in threads.chain(files) {
        *found.entry(name.trim_end().to_owned()).or_default() += 1;
    }
    // The directory that is being read.
    found.retain(|name, _| !name.starts_with("file /proc/"));
    found
}

#[cfg(not(target_os = "linux"))]
fn holdings() -> BTreeMap<String, usize> {
    BTreeMap::new()
}

/// A system whose workers for blocking jobs end soon, so that they can be counted.
fn system() -> actix_rt::SystemRunner {
    System::with_tokio_rt(|| {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .thread_keep_alive(Duration::from_millis(20))
            .build()
            .unwrap()
    })
}

/// A listener that says when it is gone: when nobody holds its address any more.
struct Canary(Arc<AtomicBool>);

impl Actor for Canary {
    type Context = Context<Self>;
}

impl Handler<Event> for Canary {
    type Result = ();

    fn handle(&mut self, _: Event, _: &mut Self::Context) {}
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn nothing_is_left_of_a_node_that_was_shut_down() {
    if !is_by_itself("ends::nothing_is_left_of_a_node_that_was_shut_down") {
        return;
    }
    system().block_on(async {
        let before = holdings();
        for round in 0..3 {
            let (gone, info) = bring_up_and_down().await;
            let is_left = || holdings() != before || !gone.load(Ordering::Relaxed);
            let complaint = || {
                let canary = gone.load(Ordering::Relaxed);
                format!(
                    "round {round}, {canary}\nbefore {before:?}\nafter  {:?}",
                    holdings()
                )
            };
            until("nothing is left", || !is_left(), complaint).await;
            // No actor holds what the content is.
            until("all is dropped", || info.strong_count() == 0, String::new).await;
        }
    });
}

/// A transfer with all that a node may have, and its end.
async fn bring_up_and_down() -> (
    Arc<AtomicBool>,
    std::sync::Weak<swarmlet::protocol::metainfo::Info>,
) {
    let scene = Scene::new(512).await;
    let gone = Arc::new(AtomicBool::new(false));
    let canary = Canary(Arc::clone(&gone)).start().recipient();
    let nobody = scene.network.host(99);
    let leecher = scene.leecher(11, |node| {
        node.listener(canary)
            .state(scene.folder.path().join("state"))
            .sweep(swarmlet::Sweep::Auto)
            .dht(true)
            .dht_bootstrap(nobody.into())
            .tracker(format!("http://{nobody}/announce").parse().unwrap())
            .source(format!("http://{nobody}/").parse().unwrap())
    });
    #[cfg(feature = "http")]
    let server = {
        let listener = TcpListener::bind((scene.network.host(11).ip(), 0)).unwrap();
        let at = listener.local_addr().unwrap();
        let face = swarmlet::http::Face::builder().build(&leecher.node);
        let server = face.serve(Some(listener), None).unwrap();
        let ask = move || crate::request::get("/metrics").send(at).status;
        assert_eq!(actix_rt::task::spawn_blocking(ask).await.unwrap(), 200);
        server
    };
    let report = leecher.node.report().await.unwrap();
    let info_hash = report.swarms[0].info_hash;
    let mut reader = leecher.node.read(info_hash, 1_000..).await.unwrap();
    assert!(reader.next().await.unwrap().is_some());
    leecher.completes(&scene.content).await;
    let info = report.swarms[0].info.as_ref().map(Arc::downgrade).unwrap();
    drop((reader, report));
    #[cfg(feature = "http")]
    server.stop().await;
    // Twice at once is as good as once.
    tokio::join!(leecher.node.shutdown(), leecher.node.shutdown());
    leecher.node.shutdown().await;
    assert!(!leecher.node.is_running());
    scene.seed.node.shutdown().await;
    TcpListener::bind(scene.network.host(11)).expect("the address is free");
    (gone, info)
}

/// Counts panics of the whole process while something runs.
fn panics_of(run: impl FnOnce()) -> usize {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let usual = std::panic::take_hook();
    PANICS.store(0, Ordering::Relaxed);
    std::panic::set_hook(Box::new(|panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        eprintln!("{panic}");
    }));
    run();
    std::panic::set_hook(usual);
    PANICS.load(Ordering::Relaxed)
}

/// Two nodes in mid-transfer, on a system in a thread of its own, which `end` ends in some way. The thread
/// ends, and the nodes are gone.
fn ends_with_its_system(test: &str, end: fn(actix_rt::SystemRunner)) {
    if !is_by_itself(test) {
        return;
    }
    // The runtime keeps a pair of sockets for the process, once there was one.
    system().block_on(async {});
    let before = holdings();
    let panics = panics_of(|| {
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let system = system();
            let nodes = system.block_on(async {
                let scene = Scene::new(2_048).await;
                let leecher = scene.leecher(11, |node| node.dht(true));
                leecher.is_under_way().await;
                (scene.seed.node, leecher.node, scene.folder)
            });
            end(system);
            tell.send(nodes).unwrap();
        });
        let (seed, leecher, folder) = told.recv_timeout(PATIENCE).expect("the system ends");
        thread.join().unwrap();
        assert!(!seed.is_running() && !leecher.is_running());
        drop(folder);
        system().block_on(async {
            assert!(leecher.report().await.is_none());
            assert!(leecher.completed().await.is_err());
            assert!(leecher.events().next().await.is_none());
            seed.shutdown().await;
        });
    });
    let begin = Instant::now();
    while holdings() != before {
        let now = holdings();
        assert!(
            begin.elapsed() < PATIENCE,
            "before {before:?}\nafter  {now:?}"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(panics, 0);
}

#[test]
fn a_node_at_work_ends_when_its_system_is_dropped() {
    let test = "ends::a_node_at_work_ends_when_its_system_is_dropped";
    ends_with_its_system(test, drop);
}

#[test]
fn a_node_at_work_ends_when_its_system_is_stopped() {
    let test = "ends::a_node_at_work_ends_when_its_system_is_stopped";
    ends_with_its_system(test, |system| {
        system.block_on(async { System::current().stop() });
        system.run().unwrap();
    });
}

#[test]
fn a_node_has_the_thread_of_the_arbiter_that_it_is_started_on_and_ends_with_it() {
    on_system(async {
        let scene = Scene::new(256).await;
        let report = scene.seed.node.report().await.unwrap();
        let info = report.swarms[0].info.as_ref().unwrap();
        let thread = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&thread);
        let share = Share {
            // Asked by the node, where it runs.
            choice: Choice::new(move |info| {
                *seen.lock().unwrap() = Some(std::thread::current().id());
                Choice::all().of(info)
            }),
            peers: vec![report.listen.into()],
            ..Share::of(
                Topic::Known(info.as_ref().clone()),
                Place::At(scene.folder.path().join("data")),
            )
        };
        let arbiter = Arbiter::new();
        let builder =
            || -> NodeBuilder { Node::sharing([share.clone()]).listen(scene.network.host(11)) };
        let node = builder().start_on(&arbiter.handle()).await.unwrap();
        node.completed().await.unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        arbiter.spawn_fn(move || tell.send(std::thread::current().id()).unwrap());
        assert_eq!(*thread.lock().unwrap(), told.recv().ok());
        // The host stops it, and with it all that runs there.
        let handle = arbiter.handle();
        arbiter.stop();
        actix_rt::task::spawn_blocking(|| arbiter.join().unwrap())
            .await
            .unwrap();
        assert!(!node.is_running());
        node.shutdown().await;
        let is_free = || TcpListener::bind(scene.network.host(11)).is_ok();
        until("the address is free", is_free, String::new).await;
        let refused = builder().start_on(&handle).await;
        assert!(matches!(refused, Err(Error::ArbiterGone)), "{refused:?}");
        // The seed has lost a link and nothing else.
        assert!(scene.seed.node.is_responsive().await);
        scene.seed.node.shutdown().await;
    });
}

#[test]
fn a_node_that_nobody_waits_for_any_more_is_stopped() {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (at, arbiter) = (Network::any().host(10), Arbiter::new());
        let conf = Content::pieces(3).conf(&[]);
        let builder = Node::builder(folder.path().join("data"))
            .conf(&conf)
            .unwrap();
        // Given up before the arbiter has come to it.
        let (go, wait) = std::sync::mpsc::channel::<()>();
        arbiter.spawn_fn(move || assert!(wait.recv().is_err()));
        let handle = arbiter.handle();
        let starting = builder.listen(at).start_on(&handle);
        assert!(
            tokio::time::timeout(Duration::from_millis(10), starting)
                .await
                .is_err()
        );
        drop(go);
        let (tell, told) = tokio::sync::oneshot::channel();
        arbiter.spawn_fn(move || tell.send(()).unwrap());
        told.await.unwrap();
        let is_free = || TcpListener::bind(at).is_ok();
        until("the address is free", is_free, String::new).await;
        arbiter.stop();
    });
}
