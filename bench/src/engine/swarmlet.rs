//! swarmlet: `swarmlet node` with its defaults, or with a fleet secret besides.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Engine, Site, first_line};
use crate::process::{Mark, Sign};

/// The secret of fleets that exist for a run.
const SECRET: &str = "ZmxlZXRzIHRoYXQgYXJlIG1lYXN1cmVkLCAzMiBieXRlcw==\n";

#[derive(Debug)]
pub(super) struct Swarmlet {
    program: PathBuf,
    is_secured: bool,
}

impl Swarmlet {
    pub(super) fn new(program: &Path) -> Self {
        let program = program.to_owned();
        Self {
            program,
            is_secured: false,
        }
    }

    /// The same with a fleet secret: all that travels is under TLS.
    pub(super) fn secured(program: &Path) -> Self {
        Self {
            is_secured: true,
            ..Self::new(program)
        }
    }
}

impl Engine for Swarmlet {
    fn name(&self) -> &'static str {
        match self.is_secured {
            true => super::SECURED,
            false => "swarmlet",
        }
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
        if self.is_secured {
            let path = site.folders[node].join("secret");
            std::fs::write(&path, SECRET)?;
            command.arg("--fleet-secret-file").arg(path);
        }
        for peer in site.peers(node) {
            command.arg("--peer").arg(peer.to_string());
        }
        Ok(command)
    }
}
