//! Serves a file to whoever connects.

use std::fs::File;
use std::io;
use std::net::{SocketAddrV4, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use nix::sys::sendfile::sendfile;

/// 1 GiB: more than any socket takes in one call.
const LONGEST: u64 = 1 << 30;

/// Serves the file at that address until standard input ends.
///
/// # Errors
/// The file cannot be read, or the address is not ours.
pub(crate) fn seed(listen: SocketAddrV4, file: PathBuf) -> io::Result<()> {
    let file = Arc::new(File::open(file)?);
    let listener = TcpListener::bind(listen)?;
    println!("ready");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let file = Arc::clone(&file);
            thread::spawn(move || {
                if let Err(error) = stream.and_then(|stream| send(&stream, &file)) {
                    eprintln!("error: cannot serve: {error}");
                }
            });
        }
    });
    super::linger()
}

fn send(stream: &TcpStream, file: &File) -> io::Result<()> {
    let size = file.metadata()?.len();
    let mut offset = 0;
    while (offset as u64) < size {
        let length = (size - offset as u64).min(LONGEST) as usize;
        if sendfile(stream, file, Some(&mut offset), length)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}
