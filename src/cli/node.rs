//! `node`: gathers what a node needs to know, and runs it.

use log::warn;
use swarmlet_protocol::vigil::STANDSTILL;

use super::args::NodeArgs;
use super::command::Program;
use super::error::CliError;
use super::face::Prepared;
use super::logging;
use super::network::Network;
use super::progress::NodeBar;
use super::running::{self, Aim, NodeConfig};
use super::shares;
use super::state_dir;
use super::values::{Time, TimeOrOff};

/// Runs a node until it is told to stop; the exit status.
///
/// # Errors
/// The config cannot be used, the node cannot start, or the command cannot be run.
pub(crate) fn node(args: NodeArgs) -> Result<u8, CliError> {
    if args.die_with_parent {
        die_with_parent().map_err(CliError::Start)?;
    }
    let bar = NodeBar::new();
    let log = logging::start(&bar, logging::DEFAULT);
    let program = Program::new(args.command.clone());
    let config = gather(args)?;
    if let Some(program) = &program {
        program.check(config.contents.places())?;
        if config.aim == Aim::Accompany && program.is_among(config.contents.places()) {
            warn!(
                "{} is kept by the node, which has it open: with --before-exec it can be run",
                program.shown()
            );
        }
    }
    running::run(config, program.as_ref(), bar, log)
}

/// Reads what the arguments name.
fn gather(args: NodeArgs) -> Result<NodeConfig, CliError> {
    let aim = aim(&args);
    let contents = shares::gather(&args.confs, &args.data, args.shares.as_deref())?;
    let state = state_dir::choose(args.network.state.as_deref())?;
    Ok(NodeConfig {
        contents,
        http: Prepared::new(&args.http, state.as_deref(), args.shares)?,
        state,
        network: Network::new(args.network).with_sources(args.origins),
        fleet: args.fleet,
        scrub: args.scrub,
        standstill: match args.standstill_limit {
            Some(TimeOrOff(limit)) => limit,
            None => Some(STANDSTILL),
        },
        swarm: args.swarm,
        aim,
    })
}

/// What the node is there for.
fn aim(args: &NodeArgs) -> Aim {
    if args.exit_when_complete {
        let time = args.seed_for.map(|Time(time)| time);
        return Aim::Complete(time.unwrap_or_default());
    }
    match (args.command.is_empty(), args.before_exec) {
        (true, _) => Aim::Serve,
        (false, false) => Aim::Accompany,
        (false, true) => Aim::Become,
    }
}

/// Has the kernel kill this process when the demo that started it dies, even by SIGKILL.
#[cfg(target_os = "linux")]
fn die_with_parent() -> std::io::Result<()> {
    use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

    set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have died before we asked: then somebody else has become our parent.
    if getppid() == Some(Pid::INIT) {
        return Err(std::io::Error::other("the parent process is gone"));
    }
    Ok(())
}

/// Other systems have no such thing: there, a demo that was killed by SIGKILL leaves its nodes.
#[cfg(not(target_os = "linux"))]
fn die_with_parent() -> std::io::Result<()> {
    Ok(())
}
