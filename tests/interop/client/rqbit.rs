//! rqbit: `rqbit download`.

use std::process::Command;

use super::Site;

pub(super) fn command(site: &Site) -> Command {
    let wishes = &site.wishes;
    let mut command = Command::new("rqbit");
    // What an operator has set must not change the command line.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RQBIT_") {
            command.env_remove(name);
        }
    }
    command.env("NO_COLOR", "1").env("HOME", &site.home);
    command.args(["--disable-dht", "--disable-lsd", "--ipv4-only"]);
    command.arg("--disable-upnp-port-forward");
    command.args(["--listen-ip", &site.address.ip().to_string()]);
    command.args(["--listen-port", &site.address.port().to_string()]);
    if let Some(limit) = wishes.upload_limit {
        command.args(["--ratelimit-upload", &limit.to_string()]);
    }
    command.args(["download", "--disable-http-api", "--overwrite"]);
    let peers: Vec<_> = wishes.peers.iter().map(ToString::to_string).collect();
    if !peers.is_empty() {
        command.args(["--initial-peers", &peers.join(",")]);
    }
    command.arg("--output-folder").arg(site.downloads());
    match &wishes.magnet {
        Some(magnet) => command.arg(magnet),
        None => command.arg(&site.torrent),
    };
    command
}
