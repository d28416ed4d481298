//! The COMMAND of a node: started or become, told of signals, and waited for.
//!
//! This is the only place in which the program has child processes, and the only one that waits
//! for any. When to do what is for [`running`](super::running) to decide.
//!
//! Invariant: no signal is sent to a process that was waited for, since its number may be
//! another's by then.

mod lookup;
mod terminal;

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process;

use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, kill_process, kill_process_group, wait,
};

use self::lookup::Found;
use self::terminal::Terminal;
use super::error::CliError;
use super::notify::{self, Heir};
use super::running::by_signal;

/// A program and its arguments.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Program {
    name: OsString,
    arguments: Vec<OsString>,
}

impl Program {
    /// What the words of a command line say, the program first; `None` if they say nothing.
    pub(crate) fn new(words: Vec<OsString>) -> Option<Self> {
        let mut words = words.into_iter();
        Some(Self {
            name: words.next()?,
            arguments: words.collect(),
        })
    }

    /// Looks whether it could be started, before anybody waits for it. What may come with one of the
    /// contents, which are kept at `places`, is not looked for yet.
    ///
    /// # Errors
    /// There is no such program, or it is none.
    pub(crate) fn check<'a>(
        &self,
        places: impl IntoIterator<Item = &'a Path>,
    ) -> Result<(), CliError> {
        let search = lookup::search_path();
        match lookup::look(&self.name, &search) {
            Found::Program => Ok(()),
            _ if lookup::may_come(&self.name, &search, places) => Ok(()),
            Found::Nothing => Err(self.missing()),
            Found::Other(reason) => Err(self.unusable(reason, false)),
        }
    }

    /// Is it the path of something that one of the contents brings?
    pub(crate) fn is_among<'a>(&self, places: impl IntoIterator<Item = &'a Path>) -> bool {
        lookup::is_path(&self.name) && lookup::may_come(&self.name, OsStr::new(""), places)
    }

    /// Starts it in a process group of its own, so that what a terminal or a shell sends to our
    /// group comes to it from us and once. It has our streams, directory and environment. If we
    /// have the terminal it gets that.
    ///
    /// # Errors
    /// It cannot be run.
    pub(crate) fn start(&self) -> Result<Running, CliError> {
        let terminal = Terminal::open().filter(Terminal::is_ours);
        let mut command = self.command(Heir::Node);
        let child = command.process_group(0).spawn();
        let child = child.map_err(|error| self.failed(&error))?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| CliError::Start(io::Error::other("no process id")))?;
        let running = Running { pid };
        if let Some(terminal) = terminal {
            terminal.give_to(pid);
            // It may have asked for the terminal before it had it, and was stopped for that.
            running.go_on();
        }
        Ok(running)
    }

    /// Becomes it. Comes back only if that is not possible.
    pub(crate) fn become_it(&self) -> CliError {
        let error = self.command(Heir::Command).exec();
        self.failed(&error)
    }

    /// Its name, fit to be shown.
    pub(crate) fn shown(&self) -> String {
        swarmlet_protocol::text::escaped(&self.name.to_string_lossy())
    }

    /// Descriptors of ours close by themselves; handlers of signals end with us.
    fn command(&self, heir: Heir) -> process::Command {
        let mut command = process::Command::new(&self.name);
        command.args(&self.arguments);
        for variable in notify::variables_of(heir) {
            command.env_remove(variable);
        }
        command
    }

    /// What the system's refusal means: that a file is missing may be said of another one.
    fn failed(&self, error: &io::Error) -> CliError {
        let is_missing = error.kind() == io::ErrorKind::NotFound;
        match lookup::look(&self.name, &lookup::search_path()) {
            Found::Nothing if is_missing => self.missing(),
            _ if is_missing => {
                self.unusable("what it names as its interpreter is not there", false)
            }
            _ => {
                let is_open = error.kind() == io::ErrorKind::ExecutableFileBusy;
                self.unusable(super::error::reason(error), is_open)
            }
        }
    }

    fn missing(&self) -> CliError {
        CliError::NoCommand {
            name: self.shown(),
            is_path: lookup::is_path(&self.name),
        }
    }

    fn unusable(&self, reason: impl Into<String>, is_open: bool) -> CliError {
        CliError::NotExecutable {
            name: self.shown(),
            reason: reason.into(),
            is_open,
        }
    }
}

/// A command that runs. Dropping it does not end it.
#[derive(Debug)]
pub(crate) struct Running {
    pid: Pid,
}

/// What became of a command.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// It ended with this status.
    Ended(u8),
    /// It was stopped, and may go on, by the signal of this number.
    Stopped(i32),
}

impl Running {
    /// Passes a signal on to it.
    pub(crate) fn forward(&self, signal: Signal) {
        // It may have ended and not be waited for yet: then nobody is there to hear it.
        let _ = kill_process(self.pid, signal);
    }

    /// Waits for every child of ours that ended, whoever's it was before: as PID 1, or in the place
    /// of a shell that replaced itself, we have some that we did not start. Says what became of the
    /// command, if something did.
    pub(crate) fn reap(&self) -> Option<Fate> {
        let mut fate = None;
        reap(|pid, status| {
            if pid == self.pid {
                fate = fate_of(status).or(fate);
            }
        });
        fate
    }

    /// Takes the terminal back from a command that ended.
    pub(crate) fn give_up_terminal(&self) {
        if let Some(terminal) = Terminal::open().filter(|it| it.is_of(self.pid)) {
            terminal.take();
        }
    }

    /// Does for a command that was stopped what a shell expects of its jobs: what stops at the
    /// terminal stops as a whole, and whoever brings us back to the foreground means the command.
    pub(crate) fn stopped_by(&self, number: i32) {
        let is_by = |signal: Signal| signal.as_raw() == number;
        let wants_terminal = is_by(Signal::TTIN) || is_by(Signal::TTOU);
        // Who sends SIGSTOP means it. Without a terminal nobody would bring us back.
        let Some(terminal) = Terminal::open().filter(|_| wants_terminal || is_by(Signal::TSTP))
        else {
            return;
        };
        if !wants_terminal || !terminal.is_ours() {
            if terminal.is_of(self.pid) {
                terminal.take();
            }
            // Does not come back before we are continued; at once, where nobody could do that.
            terminal::suspend();
        }
        if terminal.is_ours() {
            terminal.give_to(self.pid);
        }
        self.go_on();
    }

    fn go_on(&self) {
        let _ = kill_process_group(self.pid, Signal::CONT);
    }
}

/// Waits for every child that ended, or was stopped, and tells of each.
pub(crate) fn reap(mut tell: impl FnMut(Pid, WaitStatus)) {
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG | WaitOptions::UNTRACED) {
        tell(pid, status);
    }
}

fn fate_of(status: WaitStatus) -> Option<Fate> {
    let exited = status.exit_status();
    let exited = exited.map(|code| Fate::Ended(u8::try_from(code).unwrap_or(u8::MAX)));
    let killed = || Some(Fate::Ended(by_signal(status.terminating_signal()?)));
    let stopped = || status.stopping_signal().map(Fate::Stopped);
    exited.or_else(killed).or_else(stopped)
}
