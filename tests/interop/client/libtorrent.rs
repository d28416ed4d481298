//! libtorrent, by the script of the benchmark.

use std::path::Path;
use std::process::Command;

use super::{Encryption, PYTHON, Site};

/// Milliseconds between two attempts to reach a peer.
const REDIAL: &str = "200";

pub(super) fn command(site: &Site) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/engines/libtorrent_node.py");
    let wishes = &site.wishes;
    let mut command = Command::new(PYTHON);
    command.arg(script).args(["--redial", REDIAL, "--talk"]);
    let mut set = |name: &str, value: &str| {
        command.args(["--set", &format!("{name}={value}")]);
    };
    set("min_reconnect_time", "1");
    if let Some(limit) = wishes.upload_limit {
        set("upload_rate_limit", &limit.to_string());
    }
    if let Some(slots) = wishes.slots {
        set("unchoke_slots_limit", &slots.to_string());
        // Seconds: its own 15 are long for a test.
        set("unchoke_interval", "1");
    }
    // Policies: 0 forced, 1 enabled, 2 disabled. Levels: 1 plain, 2 RC4, 3 both.
    let (policy, level) = match wishes.encryption {
        Encryption::Usual => ("1", "3"),
        Encryption::Never => ("2", "3"),
        Encryption::Required => ("0", "2"),
        Encryption::HandshakeOnly => ("0", "1"),
    };
    set("in_enc_policy", policy);
    set("out_enc_policy", policy);
    set("allowed_enc_level", level);
    if wishes.encryption == Encryption::Required {
        set("prefer_rc4", "true");
    }
    if wishes.upload_limit.is_some() || wishes.slots.is_some() {
        command.arg("--strangers");
    }
    command.arg(if site.is_seed { "seed" } else { "leech" });
    command.arg(site.address.to_string());
    match &wishes.magnet {
        Some(magnet) => command.arg(magnet),
        None => command.arg(&site.torrent),
    };
    command.arg(site.downloads());
    command.args(wishes.peers.iter().map(ToString::to_string));
    command
}
