//! The terminal that a command may need: who has its foreground.
//!
//! A process group that is not in the foreground is stopped when it reads from its terminal, and
//! hears nothing of its keys. A command is a group of its own, so it gets the foreground from us,
//! and we take it back.

use std::fs::File;

use nix::sys::signal::{SigSet, Signal as Number};
use rustix::process::{Pid, Signal, getpgrp, kill_current_process_group};
use rustix::termios::{tcgetpgrp, tcsetpgrp};

/// The terminal that controls our session.
#[derive(Debug)]
pub(super) struct Terminal(File);

impl Terminal {
    /// `None` if there is none, as in most containers.
    pub(super) fn open() -> Option<Self> {
        let file = File::options().read(true).write(true).open("/dev/tty");
        file.ok().map(Self)
    }

    /// Is our group in the foreground?
    pub(super) fn is_ours(&self) -> bool {
        self.is_of(getpgrp())
    }

    /// Is that group?
    pub(super) fn is_of(&self, group: Pid) -> bool {
        tcgetpgrp(&self.0) == Ok(group)
    }

    /// Brings a group to the foreground, where ours is.
    pub(super) fn give_to(&self, group: Pid) {
        // A group that is gone needs no terminal.
        let _ = tcsetpgrp(&self.0, group);
    }

    /// Brings our group to the foreground, where another is.
    pub(super) fn take(&self) {
        // Who does that from the background is stopped, unless the signal for that is blocked.
        let stop = SigSet::from(Number::SIGTTOU);
        let is_blocked = stop.thread_block().is_ok();
        if is_blocked {
            self.give_to(getpgrp());
            let _ = stop.thread_unblock();
        }
    }
}

/// Stops our group as Ctrl-Z does, and comes back when we are continued. Where no shell is there to
/// do that (the group is orphaned, or we are PID 1) the system ignores it.
pub(super) fn suspend() {
    let _ = kill_current_process_group(Signal::TSTP);
}
