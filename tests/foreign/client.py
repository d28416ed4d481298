"""One libtorrent client for one torrent, with all discovery off.

usage: client.py seed|leech IP:PORT TORRENT|MAGNET DIRECTORY [PEER_IP:PORT ...]

Listens on IP:PORT, uses DIRECTORY/data.bin, dials the given peers again and again, and prints one
line each: "ready" when it listens, "have N" when that many bytes are there, "seeding" when it
has all.  It ends with its standard input.
"""

import os
import select
import sys

import libtorrent as lt

# How often the peers are dialled and the state is looked at, in seconds.
BEAT = 0.2


def parse_address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def session(address):
    host, port = address
    settings = {
        "listen_interfaces": f"{host}:{port}",
        "outgoing_interfaces": host,
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "allow_multiple_connections_per_ip": True,
        "enable_outgoing_utp": False,
        "enable_incoming_utp": False,
        "min_reconnect_time": 1,
        "alert_mask": lt.alert.category_t.status_notification
        | lt.alert.category_t.error_notification,
    }
    return lt.session(settings)


def parameters(torrent, directory, is_seed):
    if torrent.startswith("magnet:"):
        params = lt.parse_magnet_uri(torrent)
    else:
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(torrent)
    params.save_path = directory
    params.flags &= ~lt.torrent_flags.auto_managed
    params.flags &= ~lt.torrent_flags.paused
    if is_seed:
        params.flags |= lt.torrent_flags.seed_mode
    return params


def say(line):
    print(line, flush=True)


def main():
    role, address, torrent, directory = sys.argv[1:5]
    peers = [parse_address(peer) for peer in sys.argv[5:]]
    client = session(parse_address(address))
    handle = client.add_torrent(parameters(torrent, directory, role == "seed"))
    ready = False
    said = None
    while True:
        for alert in client.pop_alerts():
            print(alert, file=sys.stderr, flush=True)
        if not ready and client.is_listening():
            ready = True
            say("ready")
        for peer in peers:
            handle.connect_peer(peer)
        status = handle.status()
        line = "seeding" if status.is_seeding else f"have {status.total_wanted_done}"
        if line != said:
            said = line
            say(line)
        if select.select([sys.stdin], [], [], BEAT)[0] and not os.read(0, 1):
            return


main()
