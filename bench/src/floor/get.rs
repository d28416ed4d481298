//! Fetches a file from the floor's seed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::TcpStream;
use std::os::unix::fs::FileExt;

use sha1::{Digest, Sha1};

use super::GetArgs;

/// Fetches the file, says so, and stays until standard input ends.
///
/// # Errors
/// The seed is not there, a piece is wrong, or the file cannot be written.
pub(crate) fn get(args: &GetArgs) -> io::Result<()> {
    let hashes = fs::read(&args.hashes)?;
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&args.file)?;
    let mut stream = TcpStream::connect(args.seed)?;
    let mut buffer = vec![0; args.piece];
    let mut offset = 0;
    for hash in hashes.chunks(20) {
        let length = (args.size - offset).min(args.piece as u64) as usize;
        let piece = &mut buffer[..length];
        stream.read_exact(piece)?;
        if Sha1::digest(&*piece).as_slice() != hash {
            return Err(io::Error::other(format!(
                "the piece at {offset} has another hash"
            )));
        }
        file.write_all_at(piece, offset)?;
        offset += length as u64;
    }
    println!("complete");
    super::linger()
}
