//! Runs a node until it is told to stop, and shows how it does.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, Context, Handler};
use swarmlet::{Event, Node, NodeBuilder};
use swarmlet_protocol::id::InfoHash;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::SUCCESS;
use super::error::CliError;
use super::face::{Prepared, Running};
use super::logging::Switch;
use super::network::Network;
use super::progress::{NodeBar, Progress};
use super::shares::Contents;

/// How often a bar on a terminal moves.
const BAR_PERIOD: std::time::Duration = std::time::Duration::from_millis(200);

/// Everything that a node is told at its start.
pub(crate) struct NodeConfig {
    /// What to keep in sync.
    pub(crate) contents: Contents,
    /// How to find others, and how to treat them.
    pub(crate) network: Network,
    /// Where to keep what was learned; nowhere if `None`.
    pub(crate) state: Option<PathBuf>,
    /// The fleet's name.
    pub(crate) fleet: String,
    /// Which content to join, where the fleet has several.
    pub(crate) swarm: Option<String>,
    /// How to show it over HTTP, if at all.
    pub(crate) http: Option<Prepared>,
    /// Whether to end when the file is complete.
    pub(crate) exit_when_complete: bool,
}

/// What ends a run.
#[derive(Debug)]
enum End {
    /// Every part of every content is right.
    Complete,
    /// The file cannot be written.
    Paused(String),
    /// The node cannot go on.
    Failed(String),
}

/// Shows events on the terminal, and passes on those that may end the run.
struct Console {
    bar: Rc<NodeBar>,
    /// How many contents there are, or will be once one is learned, and which are complete.
    contents: usize,
    complete: HashSet<InfoHash>,
    ends: mpsc::UnboundedSender<End>,
}

impl Actor for Console {
    type Context = Context<Self>;
}

impl Handler<Event> for Console {
    type Result = ();

    fn handle(&mut self, event: Event, _: &mut Self::Context) {
        let end = match event {
            Event::Progress {
                progress, down, up, ..
            } => {
                self.bar.update(Progress {
                    have: progress.have,
                    pieces: progress.pieces,
                    bytes_have: progress.bytes,
                    size: progress.size,
                    peers: progress.links as usize,
                    down_rate: down,
                    up_rate: up,
                });
                return;
            }
            Event::Completed { info_hash } => {
                self.complete.insert(info_hash);
                if self.complete.len() < self.contents {
                    return;
                }
                End::Complete
            }
            Event::Incomplete { info_hash } => {
                self.complete.remove(&info_hash);
                return;
            }
            Event::StoragePaused { error, .. } => End::Paused(error),
            Event::Failed { error } => End::Failed(error),
            _ => return,
        };
        // The run is over if nobody listens any more.
        let _ = self.ends.send(end);
    }
}

/// Runs the node; the exit status.
pub(crate) fn run(config: NodeConfig, bar: NodeBar, log: Arc<Switch>) -> Result<u8, CliError> {
    on_system(serve(config, bar, log))
}

/// Runs something on an actix system, in which a node can be started.
pub(crate) fn on_system<T>(task: impl Future<Output = T>) -> T {
    swarmlet_actors::guard::quiet_panics();
    let system = actix_rt::System::with_tokio_rt(|| {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS)
            .build()
            .unwrap_or_else(|error| {
                // Without threads or descriptors nothing can be run, and nothing was begun.
                eprintln!("error: cannot start: {error}");
                std::process::exit(1);
            })
    });
    let outcome = system.block_on(task);
    // Dropping the system waits for the disk jobs that still run. The process ends instead: what
    // they write is verified, and what they do not write is fetched again.
    std::mem::forget(system);
    outcome
}

/// 8: disk jobs that run at once, more than storage starts; each is a thread with its stack.
const BLOCKING_THREADS: usize = 8;

async fn serve(mut config: NodeConfig, bar: NodeBar, log: Arc<Switch>) -> Result<u8, CliError> {
    // A limit on the size of files is an error of one write and a pause, not the end of the node.
    #[cfg(target_os = "linux")]
    let _file_size = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))
        .map_err(CliError::Start)?;
    // As PID 1 of a container a process has no default reaction to signals.
    let mut terminate = signal(SignalKind::terminate()).map_err(CliError::Start)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::Start)?;
    let exit_when_complete = config.exit_when_complete;
    let visible = bar.is_visible();
    let bar = Rc::new(bar);
    let (ends, mut ended) = mpsc::unbounded_channel();
    let console = Console {
        bar: Rc::clone(&bar),
        contents: config.contents.count(),
        complete: HashSet::new(),
        ends,
    }
    .start();
    let http = config.http.take();
    let node = build(config, visible)
        .listener(console.recipient())
        .start()
        .map_err(|error| CliError::Node(error.to_string()));
    let node = match node {
        Ok(node) => node,
        Err(error) => {
            bar.clear();
            return Err(error);
        }
    };
    let http = http
        .map(|http| http.serve(&node, log))
        .transpose()
        .map_err(CliError::Start)?;
    let outcome = loop {
        let end = tokio::select! {
            _ = terminate.recv() => break Ok(SUCCESS),
            _ = interrupt.recv() => break Ok(SUCCESS),
            end = ended.recv() => end,
        };
        match end {
            Some(End::Complete) if exit_when_complete => break Ok(SUCCESS),
            Some(End::Paused(error)) if exit_when_complete => break Err(CliError::Node(error)),
            Some(End::Failed(error)) => break Err(CliError::Node(error)),
            Some(_) => {}
            None => break Err(CliError::Start(io::Error::other("the console is gone"))),
        }
    };
    bar.clear();
    tokio::select! {
        () = stop(&node, http.as_ref()) => {}
        // Whoever asks twice does not want to wait.
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    outcome
}

/// Stops the node and its HTTP face side by side.
async fn stop(node: &Node, http: Option<&Running>) {
    let face = async {
        if let Some(http) = http {
            http.stop().await;
        }
    };
    tokio::join!(node.shutdown(), face);
}

fn build(config: NodeConfig, visible: bool) -> NodeBuilder {
    let Contents {
        learned,
        shares,
        peers,
        trackers,
        sources,
    } = config.contents;
    let mut node = match learned {
        None => Node::sharing(shares),
        Some(data) => shares
            .into_iter()
            .fold(Node::builder(data), NodeBuilder::share),
    };
    // Those of the config are asked first.
    for peer in peers {
        node = node.peer(peer);
    }
    for tracker in trackers {
        node = node.tracker(tracker);
    }
    for source in sources {
        node = node.source(source);
    }
    node = config.network.apply(node).fleet(config.fleet);
    if let Some(state) = config.state {
        node = node.state(state);
    }
    if let Some(swarm) = config.swarm {
        node = node.swarm(swarm);
    }
    if visible {
        node = node.progress_period(BAR_PERIOD);
    }
    node
}
