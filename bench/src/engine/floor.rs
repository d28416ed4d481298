//! The floor, as an engine: this program itself, with hidden commands.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Engine, Site};
use crate::process::{Mark, Sign};

#[derive(Debug)]
pub(super) struct Floor {
    program: PathBuf,
}

impl Floor {
    pub(super) fn new(program: &Path) -> Self {
        let program = program.to_owned();
        Self { program }
    }
}

impl Engine for Floor {
    fn name(&self) -> &'static str {
        "floor"
    }

    fn package(&self) -> &'static str {
        "swarmlet-bench"
    }

    fn version(&self) -> Option<String> {
        Some("sendfile, recv, SHA-1, pwrite".to_owned())
    }

    fn signs(&self) -> &'static [Sign] {
        &[("ready", Mark::Ready), ("complete", Mark::Complete)]
    }

    fn command(&self, site: &Site<'_>, node: usize) -> io::Result<Command> {
        let mut command = Command::new(&self.program);
        let seed = site.addresses[0].to_string();
        if node == 0 {
            command.arg("floor-seed").arg(seed).arg(site.data(0));
        } else {
            command.arg("floor-get").arg(seed).arg(site.data(node));
            command.arg(site.content.hashes_file());
            command.args([site.size.to_string(), site.piece.to_string()]);
        }
        Ok(command)
    }
}
