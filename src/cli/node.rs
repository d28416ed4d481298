//! `node`: gathers what a node needs to know, and runs it.

use super::args::NodeArgs;
use super::error::CliError;
use super::face::Prepared;
use super::logging;
use super::network::Network;
use super::progress::NodeBar;
use super::running::{self, NodeConfig};
use super::shares;
use super::state_dir;

/// Runs a node until it is told to stop; the exit status.
///
/// # Errors
/// The config cannot be used, or the node cannot start.
pub(crate) fn node(args: NodeArgs) -> Result<u8, CliError> {
    if args.die_with_parent {
        die_with_parent().map_err(CliError::Start)?;
    }
    let bar = NodeBar::new();
    let log = logging::start(&bar, logging::DEFAULT);
    let config = gather(args)?;
    running::run(config, bar, log)
}

/// Reads what the arguments name.
fn gather(args: NodeArgs) -> Result<NodeConfig, CliError> {
    let contents = shares::gather(&args.confs, &args.data, args.shares.as_deref())?;
    let state = state_dir::choose(args.network.state.as_deref())?;
    Ok(NodeConfig {
        contents,
        http: Prepared::new(&args.http, state.as_deref(), args.shares)?,
        state,
        network: Network::new(args.network).with_sources(args.origins),
        fleet: args.fleet,
        swarm: args.swarm,
        exit_when_complete: args.exit_when_complete,
    })
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
