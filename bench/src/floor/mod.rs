//! The floor: the least that any engine must do with these bytes, and no protocol around it.
//!
//! A seed hands its file to the kernel (`sendfile`), once for each connection. A leecher receives a
//! piece, compares its SHA-1 and writes it, in one thread and with the same SHA-1 that swarmlet
//! uses. The stream has neither lengths nor requests: both sides know the file's length.
//! What an engine takes beyond this is what its protocol, its actors and its threads cost.

mod get;
mod seed;

use std::io;
use std::net::SocketAddrV4;
use std::path::PathBuf;

pub(crate) use get::get;
pub(crate) use seed::seed;

/// What a leecher has to know.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct GetArgs {
    /// Where the seed listens.
    pub(crate) seed: SocketAddrV4,
    /// The file to write; what is there is overwritten in place.
    pub(crate) file: PathBuf,
    /// The SHA-1 of each piece, 20 bytes each.
    pub(crate) hashes: PathBuf,
    /// Bytes of the file.
    pub(crate) size: u64,
    /// Bytes of a piece.
    pub(crate) piece: usize,
}

/// Stays until standard input ends: what this process used is read while it lives.
fn linger() -> io::Result<()> {
    io::copy(&mut io::stdin(), &mut io::sink()).map(drop)
}
