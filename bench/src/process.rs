//! One process of a run: it is started, its lines are watched, and it is ended when dropped.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, PipeReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::measure::Usage;
use crate::network::Network;

/// As many lines of a process are remembered, for whoever asks why it failed.
const REMEMBERED_LINES: usize = 12;

/// What a process or a tracker tells of a node.
#[derive(Copy, Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Mark {
    /// It is up: a seed can serve, a leecher waits for the word to begin.
    Ready,
    /// It says that it has the whole file.
    Complete,
    /// It has ended, which none of them should.
    Ended,
}

/// A mark of a node.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Report {
    pub(crate) node: usize,
    pub(crate) mark: Mark,
}

/// Words in a line of output that mean a mark.
pub(crate) type Sign = (&'static str, Mark);

/// A running process.
#[derive(Debug)]
pub(crate) struct Process {
    node: usize,
    child: Child,
    lines: Arc<Mutex<VecDeque<String>>>,
}

impl Process {
    /// Starts it as a node of the network, and reports the signs that it gives.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start(
        network: &Network,
        node: usize,
        mut command: Command,
        signs: &'static [Sign],
        reports: Sender<Report>,
    ) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        command.stdin(Stdio::piped());
        command.stdout(writer.try_clone()?).stderr(writer);
        // The command is dropped with our end of the pipe, so that it closes with the process.
        let child = network.spawn(node, command)?;
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        let memory = Arc::clone(&lines);
        thread::spawn(move || watch(reader, node, signs, &reports, &memory));
        Ok(Self { node, child, lines })
    }

    /// Which node it is; 0 is the seed.
    pub(crate) const fn node(&self) -> usize {
        self.node
    }

    /// Gives the word to begin.
    ///
    /// # Errors
    /// The process does not listen any more.
    pub(crate) fn go(&mut self) -> io::Result<()> {
        match &mut self.child.stdin {
            Some(input) => input.write_all(b"go\n"),
            None => Ok(()),
        }
    }

    /// What it has used so far.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn usage(&self) -> io::Result<Usage> {
        Usage::of(self.child.id())
    }

    /// Its last lines.
    pub(crate) fn last_lines(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        lines.join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads what a process prints until it ends. Costs nothing while nothing is printed.
fn watch(
    reader: PipeReader,
    node: usize,
    signs: &[Sign],
    reports: &Sender<Report>,
    memory: &Mutex<VecDeque<String>>,
) {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    // Rubbish on the pipe is no reason to stop reading; an error is the end like any other.
    while reader
        .read_until(b'\n', &mut line)
        .is_ok_and(|read| read > 0)
    {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        line.clear();
        for (_, mark) in signs.iter().filter(|(words, _)| text.contains(words)) {
            // Nobody may be waiting any more.
            let _ = reports.send(Report { node, mark: *mark });
        }
        let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.len() == REMEMBERED_LINES {
            memory.pop_front();
        }
        memory.push_back(text);
    }
    let mark = Mark::Ended;
    let _ = reports.send(Report { node, mark });
}
