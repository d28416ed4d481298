//! What is typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::case::{Case, DEFAULT_CASES};
use crate::engine::USUAL;
use crate::floor::GetArgs;
use crate::lineup::LineUp;
use crate::results::{FLOOR, REFERENCE};

/// Measures how much processor and time swarmlet takes to bring a file from a seed to leechers,
/// beside a floor that does nothing but move and check the bytes, and other BitTorrent engines.
///
/// As root every process gets a network namespace; else all are on addresses of 127.0.0.0/8.
#[derive(Debug, Parser)]
#[command(name = "swarmlet-bench", version)]
pub(crate) struct CommandLine {
    /// Parts of the benchmark that it starts itself.
    #[command(subcommand)]
    pub(crate) part: Option<Part>,
    /// What to measure.
    #[command(flatten)]
    pub(crate) options: Options,
}

/// The two sides of the floor.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Part {
    /// Serves a file to whoever connects.
    #[command(hide = true)]
    FloorSeed {
        /// Where to listen.
        listen: std::net::SocketAddrV4,
        /// The file to serve.
        file: PathBuf,
    },
    /// Fetches a file.
    #[command(hide = true)]
    FloorGet(GetArgs),
}

/// What to measure, and where to.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// How often each engine runs each case; the table has the medians.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) rounds: u16,
    /// The engines, with commas between: floor, swarmlet, libtorrent, aria2, transmission, rqbit; and
    /// swarmlet-secret, which is swarmlet with a fleet secret: all that travels is under TLS.
    /// SEED+LEECHER... is a swarm of several, as in swarmlet+aria2 or libtorrent+2*swarmlet+aria2;
    /// with more leechers than are named it goes on from the first. mixed is, with nine leechers,
    /// five swarmlets, three libtorrents and two aria2, one libtorrent being the seed.
    #[arg(long, value_delimiter = ',', default_values = USUAL)]
    pub(crate) engines: Vec<LineUp>,
    /// The engines that the others are compared with, with commas between.
    #[arg(long, value_delimiter = ',', default_values = [FLOOR, REFERENCE])]
    pub(crate) compare: Vec<LineUp>,
    /// The cases, with commas between: 1-to-1 (1 GiB), 1-to-4 (256 MiB), 1-to-16 (64 MiB), or
    /// LEECHERS:SIZE:PIECE, as in 2:64MiB:64KiB.
    #[arg(long, value_delimiter = ',', default_values = DEFAULT_CASES)]
    pub(crate) cases: Vec<Case>,
    /// Writes the table and a chart into this page, between its markers.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Keeps the leechers' files between rounds and has them overwritten: memory is not allocated
    /// while the clock runs, but engines that look at what is there pay for that. Without this
    /// every file is new.
    #[arg(long)]
    pub(crate) warm: bool,
    /// Uses addresses of 127.0.0.0/8 also when we are root.
    #[arg(long)]
    pub(crate) loopback: bool,
    /// A folder on tmpfs for all files.
    #[arg(long, value_name = "DIR", default_value = "/dev/shm")]
    pub(crate) scratch: PathBuf,
    /// Measures this program instead of the release build of this checkout.
    #[arg(long, value_name = "FILE")]
    pub(crate) swarmlet: Option<PathBuf>,
    /// Allows a debug build, whose figures mean nothing: for tests of the benchmark itself.
    #[arg(long, hide = true)]
    pub(crate) debug_build: bool,
}
