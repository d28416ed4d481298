//! The signals that a run hears, as one stream.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use nix::sys::signal::SigSet;
use rustix::process::Signal;
use tokio::signal::unix::{self, SignalKind, signal};

/// What stops a node.
const STOP: [Signal; 2] = [Signal::TERM, Signal::INT];

/// What has the fleet secret and the access list read anew.
pub(super) const RELOAD: Signal = Signal::HUP;

/// What a command hears besides. Until it runs, the system does with them what it does with every
/// program that has no use for them.
const FURTHER: [Signal; 5] = [
    Signal::HUP,
    Signal::QUIT,
    Signal::USR1,
    Signal::USR2,
    Signal::WINCH,
];

/// The signals that are listened to.
#[derive(Debug)]
pub(super) struct Signals {
    streams: Vec<(Signal, unix::Signal)>,
    /// A limit on the size of files is an error of one write and a pause, not the end of the node.
    #[cfg(target_os = "linux")]
    _file_size: unix::Signal,
}

impl Signals {
    /// Hears of what stops a node, and of children that end. As PID 1 of a container a process has
    /// no reaction of its own to the former.
    ///
    /// # Errors
    /// The system allows no handlers.
    pub(super) fn listen() -> io::Result<Self> {
        // What started us may have blocked some, and neither we nor a command would hear of them.
        SigSet::empty().thread_set_mask()?;
        let mut signals = Self {
            streams: Vec::new(),
            #[cfg(target_os = "linux")]
            _file_size: stream(Signal::XFSZ)?,
        };
        signals.add(&STOP)?;
        signals.add(&[Signal::CHILD])?;
        Ok(signals)
    }

    /// Hears of what is for a command, too. What whoever started us has ignored, as `nohup` does,
    /// stays ignored: then a command inherits that.
    ///
    /// # Errors
    /// The system allows no handlers.
    pub(super) fn listen_for_command(&mut self) -> io::Result<()> {
        let ignored = ignored();
        let further = FURTHER.into_iter().filter(|one| !ignored.contains(*one));
        self.add(&further.collect::<Vec<_>>())
    }

    /// Hears of what has files read anew, unless that is ignored here.
    ///
    /// # Errors
    /// The system allows no handlers.
    pub(super) fn listen_for_reload(&mut self) -> io::Result<()> {
        match ignored().contains(RELOAD) {
            true => Ok(()),
            false => self.add(&[RELOAD]),
        }
    }

    /// The next one. It may stand for several of its kind that came at once.
    pub(super) async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            let mut streams = self.streams.iter_mut();
            let came = streams.find_map(|(signal, stream)| {
                let has_come = stream.poll_recv(context).is_ready();
                has_come.then_some(*signal)
            });
            came.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// The next one that stops a node; children are reaped meanwhile.
    pub(super) async fn next_stop(&mut self) -> Signal {
        loop {
            match self.next().await {
                Signal::CHILD => crate::cli::command::reap(|_, _| {}),
                signal if STOP.contains(&signal) => return signal,
                _ => {}
            }
        }
    }

    fn add(&mut self, signals: &[Signal]) -> io::Result<()> {
        for &signal in signals {
            if self.streams.iter().all(|(other, _)| *other != signal) {
                self.streams.push((signal, stream(signal)?));
            }
        }
        Ok(())
    }
}

fn stream(kind: Signal) -> io::Result<unix::Signal> {
    signal(SignalKind::from_raw(kind.as_raw()))
}

/// Signals by their numbers.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
struct Ignored(u64);

impl Ignored {
    const fn contains(self, signal: Signal) -> bool {
        self.0 >> (signal.as_raw() - 1) & 1 == 1
    }

    /// Reads what Linux says of a process.
    fn read(status: &str) -> Option<Self> {
        let mut lines = status.lines();
        let digits = lines.find_map(|line| line.strip_prefix("SigIgn:"))?;
        u64::from_str_radix(digits.trim(), 16).ok().map(Self)
    }
}

/// What is ignored in this process. None, where the system does not tell.
fn ignored() -> Ignored {
    let status = std::fs::read_to_string("/proc/self/status").ok();
    let ignored = status.and_then(|status| Ignored::read(&status));
    ignored.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_status_of_a_process() {
        let ignored = Ignored::read("SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n");
        let ignored = ignored.unwrap();
        assert!(ignored.contains(Signal::HUP) && ignored.contains(Signal::PIPE));
        assert!(!ignored.contains(Signal::INT) && !ignored.contains(Signal::QUIT));
        assert_eq!(Ignored::read("SigIgn:\tno number"), None);
        assert_eq!(Ignored::read(""), None);
    }
}
