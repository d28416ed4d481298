//! swarmlet: `swarmlet node` with its defaults.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Engine, Site, first_line};
use crate::process::{Mark, Sign};

#[derive(Debug)]
pub(super) struct Swarmlet {
    program: PathBuf,
}

impl Swarmlet {
    pub(super) fn new(program: &Path) -> Self {
        let program = program.to_owned();
        Self { program }
    }
}

impl Engine for Swarmlet {
    fn name(&self) -> &'static str {
        "swarmlet"
    }

    fn package(&self) -> &'static str {
        "swarmlet"
    }

    fn version(&self) -> Option<String> {
        let line = first_line(&self.program, &["--version"])?;
        Some(line.trim_start_matches("swarmlet ").to_owned())
    }

    fn signs(&self) -> &'static [Sign] {
        // A seed is ready when it is complete: it listens by then.
        const COMPLETE: &str = ": complete, every piece is verified";
        &[(COMPLETE, Mark::Ready), (COMPLETE, Mark::Complete)]
    }

    fn command(&self, site: &Site<'_>, node: usize) -> io::Result<Command> {
        let mut command = Command::new(&self.program);
        // What an operator has set must not change the command line, nor what is logged.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SWARMLET_") {
                command.env_remove(name);
            }
        }
        command.env_remove("RUST_LOG");
        command.arg("node");
        command.arg("--conf").arg(site.content.conf());
        command.arg("--data").arg(site.data(node));
        command.arg("--state").arg(site.state(node));
        command
            .arg("--listen")
            .arg(site.addresses[node].to_string());
        for peer in site.peers(node) {
            command.arg("--peer").arg(peer.to_string());
        }
        Ok(command)
    }
}
