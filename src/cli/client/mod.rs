//! Commands that talk to a running node, by its HTTP face: they look at it, or tell it something.
//!
//! What the node says is a stranger's text until it was made fit to be shown. Nothing here decides
//! anything about a node; it refuses what cannot be.

mod add;
mod connect;
mod contents;
mod error;
mod events;
mod page;
mod peers;
mod sse;
mod status;
mod stream;
mod table;
mod target;
mod watch;
mod words;

pub(crate) use self::error::ClientError;
pub(crate) use self::target::Target;
use self::words::Word;
use super::SUCCESS;
use super::args::ClientCommand;
use super::error::CliError;

/// Does it; the exit status.
///
/// # Errors
/// The node cannot be reached, or refuses; nobody reads what is printed.
pub(crate) fn run(command: ClientCommand) -> Result<u8, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CliError::Start)?;
    let outcome = runtime.block_on(perform(command));
    // A name that is still being looked up keeps nobody.
    runtime.shutdown_background();
    outcome
}

async fn perform(command: ClientCommand) -> Result<u8, CliError> {
    match command {
        ClientCommand::Status(args) => return status::status(&args).await,
        ClientCommand::Events(args) => return events::events(&args).await,
        ClientCommand::Peers(args) => peers::peers(&args).await,
        ClientCommand::Add(args) => add::add(&args).await,
        ClientCommand::Remove(args) => words::remove(&args).await,
        ClientCommand::Pause(args) => words::say(Word::Pause, &args).await,
        ClientCommand::Resume(args) => words::say(Word::Resume, &args).await,
        ClientCommand::Recheck(args) => words::say(Word::Recheck, &args).await,
        ClientCommand::Ban(args) => words::ban(&args).await,
        ClientCommand::Unban(args) => words::unban(&args).await,
        ClientCommand::Bans(args) => peers::bans(&args).await,
        ClientCommand::Log(args) => words::log(&args).await,
    }?;
    Ok(SUCCESS)
}
