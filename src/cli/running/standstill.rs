//! What this program does when a thread of its node stands still: it ends, so that whoever started it
//! starts it anew. Nothing else could help: the thread cannot be taken out of the call that it is in.
//!
//! Invariant: nothing here waits for long. What holds the thread up may be the very log.

use std::io::Write;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use log::error;
use swarmlet_actors::sentinel::{Remedy, Standstill};

use crate::cli::STOOD_STILL;

/// 1 s: what the last words may take. A log that nobody reads takes none.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// 5 s: what the ordinary end may take, which runs what libraries have registered for it.
const END: Duration = Duration::from_secs(5);

/// Ends the process; while a command runs beside the node, which matters more, the log says so.
pub(super) fn remedy(runs_command: Arc<AtomicBool>) -> Remedy {
    Remedy::new(move |standstill| {
        if runs_command.load(Ordering::Acquire) {
            error!("{standstill}; the command goes on");
            return;
        }
        end(standstill);
    })
}

fn end(standstill: &Standstill) {
    let line = format!("error: {standstill}; ends, to be started anew");
    let (tell, told) = mpsc::channel();
    let say = move || {
        // Past the logger, whose lock the thread may hold.
        let written = writeln!(std::io::stderr(), "{line}");
        let _ = tell.send(written.is_ok());
    };
    if thread::Builder::new().spawn(say).is_ok() {
        let _ = told.recv_timeout(LAST_WORDS);
    }
    let _ = thread::Builder::new().spawn(|| {
        thread::sleep(END);
        process::abort();
    });
    process::exit(STOOD_STILL.into());
}
