//! chromedriver, and with it the browsers that it starts.
//!
//! Invariant: all of them are in one process group, which ends with the value, also when a test
//! panics.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::support::{skip, wait_for};

const REQUIRED_BY: &str = "SWARMLET_REQUIRE_FOREIGN";

const DRIVER: &str = "chromedriver";

const BROWSER: &str = "chromium";

/// What it says before the number of its port, which is not to be found by guessing.
const PORT_IS: &str = "successfully on port ";

/// Are the programs here? Says so if not.
pub fn is_here(test: &str) -> bool {
    for program in [BROWSER, DRIVER] {
        if path_of(program).is_none() {
            skip(test, &format!("there is no {program}"), REQUIRED_BY);
            return false;
        }
    }
    true
}

/// The browser's program.
pub fn browser() -> PathBuf {
    path_of(BROWSER).expect("somebody asked whether it is here")
}

fn path_of(program: &str) -> Option<PathBuf> {
    let found = Command::new("which").arg(program).output().ok()?;
    let path = String::from_utf8(found.stdout).ok()?;
    found.status.success().then(|| path.trim().into())
}

/// A running chromedriver.
#[derive(Debug)]
pub struct Driver {
    child: Child,
    pub address: SocketAddr,
    folder: TempDir,
}

impl Driver {
    /// Starts it at a free port of loopback, which is all that it serves.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("swarmlet-browser-")
            .tempdir();
        let folder = folder.expect("make a directory for the browser");
        let log = folder.path().join("driver.log");
        let output = File::create(&log).expect("make the driver's log");
        let mut command = Command::new(DRIVER);
        command.arg("--port=0").process_group(0);
        // What a browser leaves behind goes with the directory.
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "TMPDIR"] {
            command.env(name, folder.path());
        }
        let error = output.try_clone().expect("share the driver's log");
        command.stdin(Stdio::null()).stdout(output).stderr(error);
        let mut driver = Self {
            child: command.spawn().expect("start chromedriver"),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            folder,
        };
        let mut port = None;
        wait_for(
            "chromedriver says where it listens",
            || {
                port = port_of(&log);
                port.is_some()
            },
            || fs::read_to_string(&log).unwrap_or_default(),
        );
        driver.address.set_port(port.expect("it was waited for"));
        driver
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the browser keeps what it wants to keep.
    pub fn profile(&self) -> PathBuf {
        self.folder.path().join("profile")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The child leads its group, and is not waited for yet: the number is no one else's.
        let group = i32::try_from(self.child.id()).expect("a process id");
        let leader = Pid::from_raw(group).expect("a process id");
        let _ = kill_process_group(leader, Signal::KILL);
        let _ = self.child.wait();
        // Whoever still writes would keep the directory from being removed.
        for _ in 0..500 {
            if !is_anybody_in(group) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn port_of(log: &Path) -> Option<u16> {
    let text = fs::read_to_string(log).ok()?;
    let (port, _) = text.split_once(PORT_IS)?.1.split_once('.')?;
    port.parse().ok()
}

/// Whether a process of that group runs; one that has ended and is only not waited for does not.
fn is_anybody_in(group: i32) -> bool {
    let is_in = |stat: &str| {
        // The name, in brackets, may hold anything; behind it are state, parent and group.
        let mut rest = stat.rsplit_once(')')?.1.split_whitespace();
        let (state, _, its_group) = (rest.next()?, rest.next()?, rest.next()?);
        Some(state != "Z" && its_group.parse() == Ok(group))
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok())
        .any(|stat| is_in(&stat) == Some(true))
}
