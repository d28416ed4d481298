//! Runs a node until it is told to stop or has done its work, with a command beside it if there is
//! one, and shows how it does.
//!
//! What ends a run is decided in `ending`; here it is performed.

mod completion;
mod console;
mod ending;
mod signals;
mod standstill;
mod system;
#[cfg(test)]
mod tests;

use std::future::pending;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix::{Actor, Addr};
use log::{info, warn};
use rustix::process::Signal;
use swarmlet::{Event, Node, NodeBuilder};
use swarmlet_actors::descriptors::Descriptors;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use self::completion::Completion;
pub(crate) use self::console::Console;
pub(crate) use self::ending::{Aim, by_signal};
use self::ending::{End, Ending, Input, Order};
use self::signals::{RELOAD, Signals};
pub(crate) use self::system::on_system;
use super::SUCCESS;
use super::args::ScrubArgs;
use super::command::{self, Fate, Program, Running};
use super::error::CliError;
use super::face::{Prepared, Running as Shown};
use super::get::time as shown_time;
use super::logging::Switch;
use super::network::Network;
use super::notify::{Notifier, Watch, Watched};
use super::progress::{NodeBar, Progress};
use super::shares::Contents;

/// How often a bar on a terminal moves.
const BAR_PERIOD: Duration = Duration::from_millis(200);

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
    /// How often all that is here is hashed again.
    pub(crate) scrub: ScrubArgs,
    /// How long its threads may stand still; for ever if `None`.
    pub(crate) standstill: Option<Duration>,
    /// What it is there for.
    pub(crate) aim: Aim,
}

/// Runs the node, and the command beside or after it, if there is one; the exit status.
///
/// # Errors
/// The node cannot start or cannot go on, or the command cannot be run.
pub(crate) fn run(
    config: NodeConfig,
    program: Option<&Program>,
    bar: NodeBar,
    log: Arc<Switch>,
) -> Result<u8, CliError> {
    // A command inherits the limit, and may take it for what select(2) can do.
    if program.is_none() {
        Descriptors::raise();
    }
    match on_system(serve(config, program, bar, log))? {
        End::Status(status) => Ok(status),
        End::Become => match program {
            Some(program) => Err(program.become_it()),
            None => Ok(SUCCESS),
        },
    }
}

async fn serve(
    mut config: NodeConfig,
    program: Option<&Program>,
    bar: NodeBar,
    log: Arc<Switch>,
) -> Result<End, CliError> {
    let mut signals = Signals::listen().map_err(CliError::Start)?;
    let reloads = config.network.admission.has_files();
    if reloads {
        signals.listen_for_reload().map_err(CliError::Start)?;
    }
    let (events, heard) = mpsc::unbounded_channel();
    let console = Console(events).start();
    let (aim, count) = (config.aim, config.contents.count());
    let http = config.http.take();
    let runs_command = Arc::<AtomicBool>::default();
    let standstill = config.standstill;
    let mut node = build(config, bar.is_visible()).listener(console.clone().recipient());
    if let Some(limit) = standstill {
        let remedy = standstill::remedy(Arc::clone(&runs_command));
        node = node.sentinel(limit, Some(remedy));
    }
    let node = node.start();
    let node = match node {
        Ok(node) => node,
        Err(error) => {
            bar.clear();
            return Err(CliError::Node(error.to_string()));
        }
    };
    let face = http.map(|http| http.serve(&node, log));
    let face = face.transpose().map_err(CliError::Start)?;
    let notifier = Notifier::from_environment();
    notifier.run();
    let mut run = Run {
        ending: Ending::new(aim),
        contents: Completion::of(count),
        heard,
        _console: console,
        signals,
        bar,
        watch: notifier.watch(Watched::Node(node.clone())),
        notifier,
        node,
        reloads,
        deadline: None,
        program,
        command: None,
        runs_command,
    };
    let outcome = run.until_end().await;
    run.bar.clear();
    let is_replaced = matches!(outcome, Ok(End::Become));
    if !is_replaced {
        run.notifier.stopping();
    }
    tokio::select! {
        // It is looked at first: once the command is here, nobody would hear it.
        biased;
        // Whoever asks twice does not want to wait, and whoever asks now does not want a command.
        signal = run.signals.next_stop() => if is_replaced {
            return Ok(End::Status(by_signal(signal.as_raw())));
        },
        () = stop(&run.node, face.as_ref()) => {}
    }
    outcome
}

/// Stops the node and its HTTP face side by side.
async fn stop(node: &Node, face: Option<&Shown>) {
    let hide = async {
        if let Some(face) = face {
            face.stop().await;
        }
    };
    tokio::join!(node.shutdown(), hide);
}

/// A node that runs, and what it runs for.
struct Run<'a> {
    ending: Ending,
    contents: Completion,
    heard: mpsc::UnboundedReceiver<Event>,
    /// Listens even when no node is left that says something.
    _console: Addr<Console>,
    signals: Signals,
    bar: NodeBar,
    notifier: Rc<Notifier>,
    /// Signs of life for the service manager.
    watch: Option<Watch>,
    node: Node,
    /// It has files that a signal has it read anew.
    reloads: bool,
    /// When the time is up that the machine asked for.
    deadline: Option<Instant>,
    program: Option<&'a Program>,
    /// The command while it runs.
    command: Option<Running>,
    /// It does: for whoever looks from another thread.
    runs_command: Arc<AtomicBool>,
}

impl Run<'_> {
    /// Goes on until it is decided how the run ends. A command has ended then.
    async fn until_end(&mut self) -> Result<End, CliError> {
        loop {
            let input = tokio::select! {
                signal = self.signals.next() => self.signalled(signal),
                event = self.heard.recv() => match event {
                    Some(event) => self.told(event),
                    None => return Err(CliError::Start(io::Error::other("the console is gone"))),
                },
                () = reached(self.deadline) => Some(Input::TimeUp),
            };
            let order = input.and_then(|input| self.ending.take(input));
            if let Some(end) = self.obey(order)? {
                return Ok(end);
            }
        }
    }

    /// What a signal means for the run.
    fn signalled(&mut self, signal: Signal) -> Option<Input> {
        if signal == RELOAD && self.reloads {
            self.node.reload();
            // A command may have something to read anew as well.
            return self.command.is_some().then_some(Input::Signal(signal));
        }
        if signal != Signal::CHILD {
            return Some(Input::Signal(signal));
        }
        let Some(command) = &self.command else {
            command::reap(|_, _| {});
            return None;
        };
        match command.reap()? {
            Fate::Ended(status) => {
                command.give_up_terminal();
                self.command = None;
                info!("the command ended with status {status}");
                Some(Input::Ended(status))
            }
            Fate::Stopped(number) => {
                command.stopped_by(number);
                None
            }
        }
    }

    /// What the node said, and what that means for the run.
    fn told(&mut self, event: Event) -> Option<Input> {
        if let Event::Listening(_) = event {
            self.notifier.ready();
        }
        if let Event::Progress {
            progress, down, up, ..
        } = &event
        {
            let is_known = progress.known;
            let progress = Progress {
                have: progress.have,
                pieces: progress.pieces,
                bytes_have: progress.bytes,
                size: progress.size,
                peers: progress.links as usize,
                down_rate: *down,
                up_rate: *up,
            };
            self.notifier.status(&match is_known {
                true => progress.line(),
                false => "looking for peers that know what to sync".to_owned(),
            });
            // A command has the terminal for itself.
            match self.command {
                Some(_) => {}
                None if is_known => self.bar.update(progress),
                None => self
                    .bar
                    .show(0, 0, "looking for peers that know what to sync".to_owned()),
            }
        }
        self.contents.take(event)
    }

    /// Does what was decided; the end, if that was it.
    fn obey(&mut self, order: Option<Order>) -> Result<Option<End>, CliError> {
        match order {
            None => {}
            Some(Order::Start) => self.start()?,
            Some(Order::Forward(signal)) => {
                if let Some(command) = &self.command {
                    command.forward(signal);
                }
            }
            Some(Order::Wait(time)) => {
                info!("complete; serving for {}", shown_time(time));
                self.deadline = Some(Instant::now() + time);
            }
            Some(Order::Forget) => self.deadline = None,
            Some(Order::Abandon) => self.abandon(),
            Some(Order::Fail(error)) => return Err(CliError::Node(error)),
            Some(Order::Stop(end)) => {
                if end == End::Become {
                    self.hand_over();
                }
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    fn start(&mut self) -> Result<(), CliError> {
        let Some(program) = self.program else {
            return Ok(());
        };
        self.bar.clear();
        info!("complete; starting {}", program.shown());
        self.signals.listen_for_command().map_err(CliError::Start)?;
        self.command = Some(program.start()?);
        self.runs_command.store(true, Ordering::Release);
        Ok(())
    }

    /// Ends what is left of a node that failed. The error stands in the log already.
    fn abandon(&mut self) {
        warn!("the command goes on without a node that serves");
        self.watch = self.notifier.watch(Watched::Process);
        let node = self.node.clone();
        actix_rt::spawn(async move { node.shutdown().await });
    }

    /// Says what becomes of this process.
    fn hand_over(&self) {
        let Some(program) = self.program else {
            return;
        };
        let name = program.shown();
        info!("complete; {name} takes the place of the node");
        self.notifier.status(&format!("{name} runs"));
        self.notifier.tell();
    }
}

async fn reached(deadline: Option<Instant>) {
    match deadline {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
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
    node = config.scrub.apply(node);
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
