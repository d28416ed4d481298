//! Runs a node until it is told to stop, and shows how it does.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;

use actix::{Actor, Context, Handler};
use swarmlet::{Event, Node};
use swarmlet_protocol::metainfo::TorrentConf;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::SUCCESS;
use super::error::CliError;
use super::progress::{NodeBar, Progress};
use super::values::Sweep;

/// How often a bar on a terminal moves.
const BAR_PERIOD: std::time::Duration = std::time::Duration::from_millis(200);

/// Everything that a node is told at its start.
#[derive(Debug)]
pub(crate) struct NodeConfig {
    /// What is known: the config's peers and those of the command line, and the content, if known.
    pub(crate) conf: TorrentConf,
    /// Trackers of the content, in tiers.
    pub(crate) tiers: Vec<Vec<String>>,
    /// The file to keep in sync.
    pub(crate) data: PathBuf,
    /// Where to listen, and from which address to dial.
    pub(crate) listen: SocketAddr,
    /// Where to keep what was learned; nowhere if `None`.
    pub(crate) state: Option<PathBuf>,
    /// The fleet's name.
    pub(crate) fleet: String,
    /// Which content to join, where the fleet has several.
    pub(crate) swarm: Option<String>,
    /// Which addresses to try unasked.
    pub(crate) sweep: Sweep,
    /// Whether to use local multicast.
    pub(crate) lan: bool,
    /// Whether to end when the file is complete.
    pub(crate) exit_when_complete: bool,
}

/// What ends a run.
#[derive(Debug)]
enum End {
    /// Every part is right.
    Complete,
    /// The file cannot be written.
    Paused(String),
    /// The node cannot go on.
    Failed(String),
}

/// Shows events on the terminal, and passes on those that may end the run.
struct Console {
    bar: Rc<NodeBar>,
    ends: mpsc::UnboundedSender<End>,
}

impl Actor for Console {
    type Context = Context<Self>;
}

impl Handler<Event> for Console {
    type Result = ();

    fn handle(&mut self, event: Event, _: &mut Self::Context) {
        let end = match event {
            Event::Progress { progress, down, up } => {
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
            Event::Completed { .. } => End::Complete,
            Event::StoragePaused { error } => End::Paused(error),
            Event::Failed { error } => End::Failed(error),
            _ => return,
        };
        // The run is over if nobody listens any more.
        let _ = self.ends.send(end);
    }
}

/// Runs the node; the exit status.
pub(crate) fn run(config: NodeConfig, bar: NodeBar) -> Result<u8, CliError> {
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
    let status = system.block_on(serve(config, bar));
    // Dropping the system waits for the disk jobs that still run. The process ends instead: what
    // they write is verified, and what they do not write is fetched again.
    std::mem::forget(system);
    status
}

/// 8: disk jobs that run at once, more than storage starts; each is a thread with its stack.
const BLOCKING_THREADS: usize = 8;

async fn serve(config: NodeConfig, bar: NodeBar) -> Result<u8, CliError> {
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
        ends,
    }
    .start();
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
        () = node.shutdown() => {}
        // Whoever asks twice does not want to wait.
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    outcome
}

fn build(config: NodeConfig, visible: bool) -> swarmlet::NodeBuilder {
    let sweep = match config.sweep {
        Sweep::Off => swarmlet::Sweep::Off,
        Sweep::Auto => swarmlet::Sweep::Auto,
        Sweep::Range(network) => swarmlet::Sweep::Network(network),
    };
    let mut node = Node::builder(config.data)
        .torrent_conf(config.conf)
        .content_trackers(&config.tiers)
        .listen(config.listen)
        .fleet(config.fleet)
        .sweep(sweep)
        .lan(config.lan);
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
