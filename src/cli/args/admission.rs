//! The flags that say who gets in: for every command that runs a node.

use std::path::PathBuf;

use clap::Args;
use swarmlet::NodeBuilder;

/// The fleet secret and the access list. Both are files: what stands on a command line, everybody reads.
#[derive(Clone, Debug, Args)]
pub(crate) struct AdmissionArgs {
    /// File with the secret of the fleet, by which every link is encrypted and authenticated [default: none]
    ///
    /// One line, such as `openssl rand -base64 32` prints, the same on every node; who does not have it is
    /// not let in, other clients included. Two lines are two secrets: both are accepted, and the first is
    /// preferred, so that one can take the place of the other while the fleet runs. Read again within a
    /// second when it changes. Not together with --dht.
    #[arg(
        long = "fleet-secret-file",
        value_name = "FILE",
        env = "SWARMLET_FLEET_SECRET_FILE",
        hide_env_values = true
    )]
    fleet_secret_file: Option<PathBuf>,

    /// File that says who may have links: lines such as `allow 10.0.0.0/8` or `deny node ID` [default: everybody]
    ///
    /// A deny wins. Where networks are allowed all others are denied, and the same goes for nodes, whose
    /// ids need a fleet secret. Read again within a second when it changes: links that it denies are
    /// closed. The HTTP face is not concerned.
    #[arg(
        long = "access-file",
        value_name = "FILE",
        env = "SWARMLET_ACCESS_FILE",
        hide_env_values = true
    )]
    access_file: Option<PathBuf>,
}

impl AdmissionArgs {
    /// Are there files that can be read anew?
    pub(crate) const fn has_files(&self) -> bool {
        self.fleet_secret_file.is_some() || self.access_file.is_some()
    }

    /// Are links secured by a fleet secret?
    pub(crate) const fn has_secret(&self) -> bool {
        self.fleet_secret_file.is_some()
    }

    /// Tells it to a node that is about to be started.
    pub(crate) fn apply(self, mut node: NodeBuilder) -> NodeBuilder {
        if let Some(path) = self.fleet_secret_file {
            node = node.fleet_secret_file(path);
        }
        if let Some(path) = self.access_file {
            node = node.access_file(path);
        }
        node
    }
}
