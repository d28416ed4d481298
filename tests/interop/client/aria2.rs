//! aria2: `aria2c`, which ends with the test.

use std::process::Command;

use super::{Encryption, Site};

pub(super) fn command(site: &Site) -> Command {
    let wishes = &site.wishes;
    let mut command = Command::new("aria2c");
    command.args([
        "--no-conf",
        "--no-netrc",
        "--enable-dht=false",
        "--enable-dht6=false",
        "--bt-enable-lpd=false",
        "--disable-ipv6=true",
        "--seed-ratio=0.0",
        // What is there is looked at, and what is wrong is fetched.
        "--allow-overwrite=true",
        "--check-integrity=true",
        "--bt-hash-check-seed=true",
        "--file-allocation=none",
        "--show-console-readout=false",
        "--console-log-level=info",
    ]);
    command.arg(format!("--enable-peer-exchange={}", wishes.exchange));
    if let Some(limit) = wishes.upload_limit {
        command.arg(format!("--max-overall-upload-limit={limit}"));
    }
    match wishes.encryption {
        Encryption::Usual => {}
        Encryption::Never => {
            command.arg("--bt-require-crypto=false");
        }
        Encryption::HandshakeOnly => {
            command.args(["--bt-require-crypto=true", "--bt-min-crypto-level=plain"]);
        }
        Encryption::Required => {
            command.args(["--bt-require-crypto=true", "--bt-min-crypto-level=arc4"]);
        }
    }
    command.arg(format!("--stop-with-process={}", std::process::id()));
    command.arg(format!("--interface={}", site.address.ip()));
    command.arg(format!("--listen-port={}", site.address.port()));
    command.arg(format!("--dir={}", site.downloads().display()));
    match &wishes.magnet {
        Some(magnet) => command.arg(magnet),
        None => command.arg(&site.torrent),
    };
    command
}
