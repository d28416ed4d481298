//! One node process: its files, its command line, its start and its end.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a node may take to stop when it is asked to, before it is killed.
pub const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// As much of a log is shown when something went wrong, in bytes.
const LOG_TAIL: u64 = 3000;

/// Where a node's files are.
#[derive(Clone, Debug)]
pub struct Files {
    /// The torrent.conf.
    pub conf: PathBuf,
    /// The data file.
    pub data: PathBuf,
    /// The state directory.
    pub state: PathBuf,
    /// What the node printed, of all its lives.
    pub log: PathBuf,
}

impl Files {
    /// Names the files of a node and makes the directories.
    pub fn below(directory: &Path) -> io::Result<Self> {
        let state = directory.join("state");
        fs::create_dir_all(&state)?;
        Ok(Self {
            conf: directory.join("torrent.conf"),
            data: directory.join("data.bin"),
            state,
            log: directory.join("log"),
        })
    }
}

/// A node that can be started and stopped any number of times.
#[derive(Debug)]
pub struct Node {
    binary: PathBuf,
    /// A program and its arguments that starts the node in its turn, by exec; empty for none.
    launcher: Vec<String>,
    arguments: Vec<String>,
    /// Its files.
    pub files: Files,
    /// Where it listens.
    pub address: SocketAddr,
    child: Option<Child>,
    /// Since when it has been asked to stop, in order to be started again.
    restarting_since: Option<Instant>,
    /// How often it had to be killed since it did not stop when asked.
    pub slow_stops: usize,
}

impl Node {
    /// A node that does not run yet. Discovery is off unless `arguments` say more.
    pub fn new(binary: PathBuf, files: Files, address: SocketAddr, arguments: &[&str]) -> Self {
        let arguments = arguments
            .iter()
            .map(|&argument| argument.to_owned())
            .collect();
        Self {
            binary,
            launcher: Vec::new(),
            arguments,
            files,
            address,
            child: None,
            restarting_since: None,
            slow_stops: 0,
        }
    }

    /// The same, started by another program that executes it, such as `nsenter`.
    #[must_use]
    pub fn launched_by(mut self, launcher: &[&str]) -> Self {
        self.launcher = launcher.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Adds an argument to its command line, for the next start.
    pub fn add_argument(&mut self, argument: &str) {
        self.arguments.push(argument.to_owned());
    }

    /// Has it that argument?
    pub fn has_argument(&self, argument: &str) -> bool {
        self.arguments.iter().any(|one| one == argument)
    }

    /// The command that starts it, with output to nowhere yet.
    pub fn command(&self) -> Command {
        let mut command = match self.launcher.split_first() {
            None => Command::new(&self.binary),
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(&self.binary);
                command
            }
        };
        // What is set for the tests, or by an operator, must not change the command line.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SWARMLET_") {
                command.env_remove(name);
            }
        }
        command.arg("node");
        command.arg("--conf").arg(&self.files.conf);
        command.arg("--data").arg(&self.files.data);
        command.arg("--state").arg(&self.files.state);
        command.arg("--listen").arg(self.address.to_string());
        if !self.arguments.iter().any(|argument| argument == "--lan") {
            command.args(["--lan", "off"]);
        }
        // One port for all nodes of a machine: those that are to have a face name their own.
        if !self.arguments.iter().any(|argument| argument == "--http") {
            command.args(["--http", "off"]);
        }
        command.args(&self.arguments);
        command.stdin(Stdio::null());
        command
    }

    /// Starts it, if it does not run.
    ///
    /// # Panics
    /// If the program cannot be started.
    pub fn start(&mut self) {
        if self.child.is_some() {
            return;
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.files.log);
        let log = log.expect("open a node's log");
        let output = log.try_clone().expect("share a node's log");
        let child = self.command().stdout(output).stderr(log).spawn();
        self.child = Some(child.unwrap_or_else(|error| {
            panic!("cannot start {}: {error}", self.binary.display());
        }));
    }

    /// Asks it to stop, and has it started again by [`Node::poll`] once it has stopped.
    pub fn restart(&mut self) {
        if self.restarting_since.is_some() {
            return;
        }
        match &self.child {
            None => self.start(),
            Some(child) => {
                signal(child, Signal::TERM);
                self.restarting_since = Some(Instant::now());
            }
        }
    }

    /// Moves a restart on.
    ///
    /// # Errors
    /// If the node ended without being asked to.
    pub fn poll(&mut self) -> Result<(), ExitStatus> {
        let Some(child) = &mut self.child else {
            return Ok(());
        };
        let ended = child.try_wait().expect("wait for a node");
        match (ended, self.restarting_since) {
            (None, None) => {}
            (None, Some(since)) if since.elapsed() < STOP_PATIENCE => {}
            (None, Some(_)) => {
                self.slow_stops += 1;
                self.kill();
                self.start();
            }
            (Some(status), None) => {
                self.child = None;
                return Err(status);
            }
            (Some(_), Some(_)) => {
                self.child = None;
                self.restarting_since = None;
                self.start();
            }
        }
        Ok(())
    }

    /// Kills it at once, if it runs.
    pub fn kill(&mut self) {
        self.restarting_since = None;
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks it to stop and waits for it.
    ///
    /// # Errors
    /// If it did not stop within [`STOP_PATIENCE`] and was killed.
    ///
    /// # Panics
    /// If it does not run.
    pub fn stop(&mut self) -> Result<ExitStatus, &'static str> {
        signal(self.child.as_ref().expect("the node runs"), Signal::TERM);
        self.wait(STOP_PATIENCE)
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// If it did not within `patience` and was killed.
    ///
    /// # Panics
    /// If it does not run.
    pub fn wait(&mut self, patience: Duration) -> Result<ExitStatus, &'static str> {
        let since = Instant::now();
        let child = self.child.as_mut().expect("the node runs");
        loop {
            if let Some(status) = child.try_wait().expect("wait for a node") {
                self.child = None;
                return Ok(status);
            }
            if since.elapsed() > patience {
                self.kill();
                return Err("had to be killed");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// All that it printed, in all its lives.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.files.log).unwrap_or_default()).into_owned()
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        tail(&self.files.log).unwrap_or_else(|error| format!("(no log: {error})"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // The child is not waited for yet, so the id cannot have become another's.
    let _ = kill_process(pid.expect("a child has a process id"), signal);
}

fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
