//! File systems that only some processes see: full ones, and read-only ones.
//!
//! Needs root, since it mounts; everything mounted is gone with the process that holds the
//! mount namespace.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A mount namespace, held by a process that only sleeps.
#[derive(Debug)]
pub struct Mounts {
    holder: Child,
}

impl Mounts {
    /// Makes a namespace and runs a shell script in it, which mounts. `$1` is `directory`.
    /// `None` if this user must not or there is no `unshare`.
    pub fn new(script: &str, directory: &Path) -> Option<Self> {
        let mut holder = Command::new("unshare")
            .args(["--mount", "sh", "-c"])
            .arg(format!("set -e; {script}; echo mounted; exec sleep 3600"))
            .arg("sh")
            .arg(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        if let Some(output) = holder.stdout.take() {
            let _ = BufReader::new(output).read_line(&mut line);
        }
        let mounts = Self { holder };
        (line == "mounted\n").then_some(mounts)
    }

    /// The words that start a program inside.
    pub fn launcher(&self) -> Vec<String> {
        let target = format!("--target={}", self.holder.id());
        vec!["nsenter".into(), target, "--mount".into(), "--".into()]
    }

    /// Runs a shell script inside; `$1` is `directory`.
    ///
    /// # Panics
    /// If it fails.
    pub fn run(&self, script: &str, directory: &Path) {
        let launcher = self.launcher();
        let status = Command::new(&launcher[0])
            .args(&launcher[1..])
            .args(["sh", "-c", script, "sh"])
            .arg(directory)
            .status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "{script} failed"
        );
    }

    /// How a path inside is reached from outside.
    pub fn seen_from_outside(&self, path: &Path) -> PathBuf {
        let path = path.strip_prefix("/").expect("an absolute path");
        PathBuf::from(format!("/proc/{}/root", self.holder.id())).join(path)
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
