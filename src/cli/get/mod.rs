//! `get`: fetches what a .torrent, a magnet link or a torrent.conf describes, verifies it, and ends.

mod jobs;
mod sources;
mod view;

use std::io::{self, Write};
use std::time::{Duration, Instant};

use actix::Actor;
use swarmlet::{Error, Event, Node};
use swarmlet_actors::descriptors::Descriptors;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Interval, interval, sleep_until};

use self::jobs::Jobs;
use self::sources::Wanted;
pub(crate) use self::sources::{is_url, without_query};
use self::view::View;
pub(crate) use self::view::{peers, time};
use super::args::GetArgs;
use super::error::CliError;
use super::network::Network;
use super::progress::NodeBar;
use super::running::Console;
use super::size::Size;
use super::values::GoOn;
use super::{SUCCESS, logging, running, state_dir};

/// Ended by Ctrl-C, as shells count: 128 and the number of the signal.
const INTERRUPTED: u8 = 130;

/// The same by SIGTERM.
const TERMINATED: u8 = 143;

/// How often it is looked whether there is something to say.
const BEAT: Duration = Duration::from_millis(500);

/// The figures of the end come within this time, or are not worth waiting for.
const SETTLED: Duration = Duration::from_secs(1);

/// How often the node tells how far it is.
const PERIOD: Duration = Duration::from_millis(200);

/// Fetches everything; the exit status.
///
/// # Errors
/// A source cannot be read or used, the node cannot start, or what comes cannot be written.
pub(crate) fn get(args: GetArgs) -> Result<u8, CliError> {
    let bar = NodeBar::new();
    logging::start(&bar, &quiet());
    let view = View::new(bar.clone());
    Descriptors::raise();
    running::on_system(async move {
        let outcome = fetch(args, view).await;
        bar.clear();
        outcome
    })
}

/// What cannot be written is the error that ends it, and is said as that.
fn quiet() -> String {
    format!(
        "{},{}=off",
        logging::QUIET,
        swarmlet_actors::storage::PAUSES
    )
}

/// What came to an end.
enum End {
    /// Everything is here, or so much was given back as was asked for.
    Done,
    /// By a signal.
    Stopped(u8),
}

async fn fetch(args: GetArgs, view: View) -> Result<u8, CliError> {
    let mut signals = Signals::new()?;
    let wanted = tokio::select! {
        wanted = sources::gather(&args) => wanted?,
        status = signals.next() => return Ok(status),
    };
    sources::make_directory(&args.out)?;
    let go_on = args.go_on;
    let state = match args.network.state.as_deref() {
        Some(named) => state_dir::choose(Some(named))?,
        // What a node of this machine knows is its own.
        None => state_dir::usual_for("get"),
    };
    let network = Network::new(args.network).with_sources(args.origins);
    let (ends, events) = mpsc::unbounded_channel();
    let console = Console(ends).start();
    let hint = hint(&wanted, &network);
    let mut jobs = Jobs::new(&wanted);
    let build = |network: Network| {
        let shares = wanted.iter().map(|one| one.share.clone());
        let mut node = network
            .apply(Node::sharing(shares))
            .progress_period(PERIOD)
            .listener(console.clone().recipient());
        if let Some(state) = &state {
            node = node.state(state);
        }
        node.start()
    };
    let node = match build(network.clone()) {
        // Several may run at once, and nobody said which port it must be.
        Err(Error::Listen(error)) if network.listen.is_none() => {
            let other = build(network.on_any_port());
            if let Ok(node) = &other {
                view.say(&format!(
                    "{error}; listening on port {}",
                    node.listen_address().port()
                ));
            }
            other
        }
        other => other,
    };
    let node = node.map_err(|error| CliError::Node(error.to_string()))?;
    let run = Run {
        events,
        signals,
        beat: interval(BEAT),
        view,
        hint,
    };
    let outcome = run.until_end(&mut jobs, go_on).await;
    node.shutdown().await;
    let status = match outcome? {
        End::Stopped(status) => status,
        End::Done if jobs.is_any_refused() => return Err(CliError::Incomplete),
        End::Done => SUCCESS,
    };
    Ok(status)
}

/// The signals that end it.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// A limit on the size of files is an error of one write, not the end of the process.
    #[cfg(target_os = "linux")]
    _file_size: Signal,
}

impl Signals {
    fn new() -> Result<Self, CliError> {
        let listen = |kind| signal(kind).map_err(CliError::Start);
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            #[cfg(target_os = "linux")]
            _file_size: listen(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }

    /// The status that the next one asks for.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPTED,
            _ = self.terminate.recv() => TERMINATED,
        }
    }
}

/// The loop of a running node.
struct Run {
    events: mpsc::UnboundedReceiver<Event>,
    signals: Signals,
    beat: Interval,
    view: View,
    hint: String,
}

impl Run {
    /// Fetches, and serves as long as that was asked for.
    async fn until_end(mut self, jobs: &mut Jobs, go_on: Option<GoOn>) -> Result<End, CliError> {
        let started = Instant::now();
        let mut said_hint = false;
        while !jobs.are_done() {
            tokio::select! {
                status = self.signals.next() => {
                    self.view.clear();
                    print(&jobs.stopped())?;
                    return Ok(End::Stopped(status));
                }
                event = self.events.recv() => match event {
                    Some(event) => {
                        jobs.hear(event, &self.view)?;
                        for line in jobs.arrived(false) {
                            self.view.print(&line)?;
                        }
                    }
                    None => return Err(gone()),
                },
                _ = self.beat.tick() => {
                    self.view.show(jobs);
                    if !said_hint && jobs.is_alone() && started.elapsed() >= view::LONELY {
                        said_hint = true;
                        self.view.say(&self.hint);
                    }
                }
            }
        }
        self.settle(jobs).await?;
        self.view.clear();
        for line in jobs.arrived(true) {
            print(&line)?;
        }
        let Some(go_on) = go_on.filter(|_| jobs.is_any_complete()) else {
            return Ok(End::Done);
        };
        let end = self.serve(jobs, go_on).await?;
        self.view.clear();
        print(&jobs.given())?;
        Ok(end)
    }

    /// Waits for the figures of the end, which come a moment after it.
    async fn settle(&mut self, jobs: &mut Jobs) -> Result<(), CliError> {
        let end = tokio::time::Instant::now() + SETTLED;
        while !jobs.are_figures_final() {
            tokio::select! {
                () = sleep_until(end) => break,
                event = self.events.recv() => match event {
                    Some(event) => jobs.hear(event, &self.view)?,
                    None => return Err(gone()),
                },
            }
        }
        Ok(())
    }

    /// Goes on serving what is here.
    async fn serve(&mut self, jobs: &mut Jobs, go_on: GoOn) -> Result<End, CliError> {
        let far = Duration::from_secs(100 * 366 * 86_400);
        let (time, ratio, words) = match go_on {
            GoOn::Forever => (far, f64::INFINITY, "until it is stopped".to_owned()),
            GoOn::For(time) => (time, f64::INFINITY, format!("for {}", view::time(time))),
            GoOn::Ratio(ratio) => (far, ratio, format!("until ratio {ratio}")),
        };
        self.view.say(&format!("serving {words}"));
        let end = tokio::time::Instant::now() + time;
        while jobs.ratio() < ratio {
            tokio::select! {
                // It is complete: nothing is left to be done.
                status = self.signals.next() => return Ok(match status {
                    INTERRUPTED => End::Done,
                    status => End::Stopped(status),
                }),
                () = sleep_until(end) => break,
                event = self.events.recv() => match event {
                    Some(event) => jobs.hear(event, &self.view)?,
                    None => return Err(gone()),
                },
                _ = self.beat.tick() => self.view.show(jobs),
            }
        }
        Ok(End::Done)
    }
}

fn gone() -> CliError {
    CliError::Start(io::Error::other("the console is gone"))
}

fn print(line: &str) -> Result<(), CliError> {
    writeln!(io::stdout(), "{line}").map_err(CliError::Output)
}

/// What would help where nobody is found.
fn hint(wanted: &[Wanted], network: &Network) -> String {
    let has_peers = !network.peers.is_empty();
    let has_peers = has_peers || wanted.iter().any(|one| !one.share.peers.is_empty());
    let has_trackers = !network.trackers.is_empty();
    let has_trackers = has_trackers || wanted.iter().any(|one| !one.share.trackers.is_empty());
    let mut ways = Vec::new();
    if !has_peers {
        ways.push("a peer with --peer");
    }
    if !has_trackers {
        ways.push("a tracker with --tracker");
    }
    if !network.lan {
        ways.push("the local network with --lan on");
    }
    if !network.uses_dht() && !network.has_secret() {
        ways.push("the DHT with --dht on");
    }
    if has_peers && !network.has_secret() {
        ways.push("the secret of their fleet, if it has one, with --fleet-secret-file");
    }
    let found = match (has_peers, has_trackers) {
        (true, _) => "no peer that is known answers and has it",
        (false, true) => "no tracker has named a peer that answers",
        (false, false) => "no peer and no tracker is known",
    };
    match ways.as_slice() {
        [] => format!("still nobody to fetch from: {found}; trying on"),
        ways => format!(
            "still nobody to fetch from: {found}; trying on. It may help to name {}",
            ways.join(", or ")
        ),
    }
}

/// The size that a ratio is of.
fn shown_ratio(sent: u64, ratio: f64) -> String {
    match ratio.is_finite() {
        true => format!("gave {}, ratio {ratio:.2}", Size(sent)),
        false => format!("gave {}", Size(sent)),
    }
}
