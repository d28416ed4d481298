//! `seed`: shares files and folders as they are, and says under which links.
//!
//! They are only read. What changes under the node is not shared any more, and never put right: that
//! is what `node` is for.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use actix::Actor;
use swarmlet::{Choice, Error, Event, Node, Share};
use swarmlet_actors::descriptors::Descriptors;
use swarmlet_actors::own_addresses::OwnAddresses;
use swarmlet_actors::supervisor::Sweep;
use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::metainfo::{Info, Magnet, Torrent};
use swarmlet_protocol::text::escaped;
use swarmlet_protocol::tracker::usable;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::args::SeedArgs;
use super::create::{describe, parts, refuse_within};
use super::error::CliError;
use super::network::Network;
use super::output::write_whole;
use super::progress::NodeBar;
use super::running::Console;
use super::size::Size;
use super::{SUCCESS, logging, running, state_dir};

/// 4: addresses of this machine that a link names, if it has many.
const MAX_OWN: usize = 4;

/// How often a bar on a terminal moves.
const BAR_PERIOD: std::time::Duration = std::time::Duration::from_millis(200);

/// Something to share.
struct Shared {
    path: PathBuf,
    info: Info,
    /// What it is in words.
    what: String,
}

/// Shares everything until it is told to stop; the exit status.
///
/// # Errors
/// A path cannot be read, or the node cannot start.
pub(crate) fn seed(args: SeedArgs) -> Result<u8, CliError> {
    let single = [
        (args.describe.name.is_some(), "--name"),
        (args.torrent.is_some(), "--torrent"),
    ];
    for (is_said, flag) in single {
        if is_said && args.paths.len() > 1 {
            return Err(CliError::SinglePath(flag));
        }
    }
    let bar = NodeBar::new();
    logging::start(&bar, logging::QUIET);
    let mut shared: Vec<Shared> = Vec::new();
    for path in &args.paths {
        if let Some(out) = &args.torrent {
            refuse_within(out, path)?;
        }
        let (info, what) = describe(path, &args.describe)?;
        let is_known = |one: &Shared| one.info.info_hash() == info.info_hash();
        if !shared.iter().any(is_known) {
            let path = path.clone();
            shared.push(Shared { path, info, what });
        }
    }
    if let (Some(out), [one]) = (&args.torrent, shared.as_slice()) {
        write_torrent(out, one, &args)?;
    }
    Descriptors::raise();
    running::on_system(async move {
        let outcome = serve(&shared, args, &bar).await;
        bar.clear();
        outcome
    })
}

fn write_torrent(out: &Path, shared: &Shared, args: &SeedArgs) -> Result<(), CliError> {
    if out.exists() && is_same(out, &shared.path) {
        return Err(CliError::OverItself(out.to_owned()));
    }
    let trackers = args.network.trackers.iter();
    let torrent = Torrent {
        trackers: trackers.map(|url| vec![url.as_str().to_owned()]).collect(),
        web_seeds: args.describe.web_seeds.clone(),
        comment: args.describe.comment.clone(),
        ..Torrent::new(shared.info.clone())
    };
    write_whole(out, &torrent.encode()).map_err(CliError::write(out))
}

/// Where others may dial us: where we listen, or if that is everywhere, the addresses of this machine
/// but those that mean something else elsewhere.
fn reachable(listen: SocketAddr) -> Vec<PeerAddress> {
    let is_told = |address: &SocketAddr| match address.ip() {
        _ if !listen.ip().is_unspecified() => true,
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local(),
    };
    let own = OwnAddresses::machine(listen, Sweep::Off).own().into_iter();
    let told = own.filter(is_told).take(MAX_OWN);
    told.filter_map(|address| address.to_string().parse().ok())
        .collect()
}

fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    real(one) == real(other)
}

async fn serve(shared: &[Shared], args: SeedArgs, bar: &NodeBar) -> Result<u8, CliError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(CliError::Start)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::Start)?;
    let state = match args.network.state.as_deref() {
        Some(named) => state_dir::choose(Some(named))?,
        None => state_dir::usual_for("seed"),
    };
    let tiers = args.network.trackers.iter();
    let tiers: Vec<_> = tiers.map(|url| vec![url.as_str().to_owned()]).collect();
    let scrub = args.scrub;
    let mut network = Network::new(args.network);
    // They are those of the contents, private ones too.
    let trackers = std::mem::take(&mut network.trackers);
    let (ends, mut events) = mpsc::unbounded_channel();
    let console = Console(ends).start();
    let build = |network: Network| {
        let shares = shared.iter().map(|one| Share {
            // What nobody selected is only read.
            choice: Choice::none(),
            trackers: usable(&tiers),
            ..Share::new(one.info.clone(), &one.path)
        });
        let mut node = network
            .apply(Node::sharing(shares))
            .listener(console.clone().recipient());
        node = scrub.apply(node);
        if bar.is_visible() {
            node = node.progress_period(BAR_PERIOD);
        }
        if let Some(state) = &state {
            node = node.state(state);
        }
        node.start()
    };
    let node = match build(network.clone()) {
        // Nobody said which port it must be.
        Err(Error::Listen(_)) if network.listen.is_none() => build(network.on_any_port()),
        other => other,
    };
    let node = node.map_err(|error| CliError::Node(error.to_string()))?;
    let listen = node.listen_address();
    let own = reachable(listen);
    if own.is_empty() && tiers.is_empty() {
        let note = "the links name nobody to ask: name an address of this machine with --listen, or a tracker with --tracker";
        // They may be of use all the same; a stderr that is gone takes nothing away from them.
        let _ = writeln!(io::stderr(), "note: {note}");
    }
    let mut lines = String::new();
    for one in shared {
        let magnet = Magnet {
            info_hash: one.info.info_hash(),
            name: Some(one.info.name().to_owned()),
            trackers: trackers.iter().map(|url| url.as_str().to_owned()).collect(),
            web_seeds: args.describe.web_seeds.clone(),
            peers: own.clone(),
            select: Vec::new(),
        };
        let layout = one.info.layout();
        lines.push_str(&format!(
            "{}: {} in {} of {}\ninfohash: {}\nmagnet: {magnet}\n",
            escaped(&one.path.to_string_lossy()),
            one.what,
            parts(layout.pieces()),
            Size(u64::from(layout.piece_length())),
            one.info.info_hash(),
        ));
    }
    let said = writeln!(
        io::stdout(),
        "{lines}listening on {listen}; serving until it is stopped"
    );
    let outcome = match said.map_err(CliError::Output) {
        Err(error) => Err(error),
        Ok(()) => loop {
            let event = tokio::select! {
                _ = terminate.recv() => break Ok(SUCCESS),
                _ = interrupt.recv() => break Ok(SUCCESS),
                event = events.recv() => event,
            };
            match event {
                Some(Event::Progress { progress, up, .. }) => {
                    let peers = super::get::peers(progress.links);
                    let line = format!("gave {}  up {}/s  {peers}", Size(progress.sent), Size(up));
                    bar.show(progress.bytes, progress.size, line);
                }
                Some(Event::Failed { error }) => break Err(CliError::Node(error)),
                Some(_) => {}
                None => break Err(CliError::Start(io::Error::other("the console is gone"))),
            }
        },
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
