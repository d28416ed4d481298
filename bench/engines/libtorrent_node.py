"""One libtorrent session for one torrent, for the benchmark.

usage: libtorrent_node.py seed|leech IP:PORT TORRENT DIRECTORY [PEER_IP:PORT ...]

Listens on IP:PORT and uses DIRECTORY/data.bin.  Prints "ready" when a seed serves or a leecher
could begin; a leecher then begins with the first line of its standard input, dials the peers, and
prints "complete" when it has all.  Both stay until standard input ends.

Settings are libtorrent's defaults but for discovery, which is off, for several connections per
address, which loopback needs, and for uTP, which is off: it is slow and costly on a local network,
and all others use TCP.
"""

import sys

import libtorrent as lt

# Milliseconds: as long as one wait for an alert takes at most, then it is waited again.
BEAT = 1000


def parse_address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def open_session(address):
    host, port = address
    return lt.session(
        {
            "listen_interfaces": f"{host}:{port}",
            "outgoing_interfaces": host,
            "enable_dht": False,
            "enable_lsd": False,
            "enable_upnp": False,
            "enable_natpmp": False,
            "allow_multiple_connections_per_ip": True,
            "enable_outgoing_utp": False,
            "enable_incoming_utp": False,
            "alert_mask": lt.alert.category_t.status_notification
            | lt.alert.category_t.error_notification,
        }
    )


def parameters(torrent, directory, is_seed):
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(torrent)
    params.save_path = directory
    # The session is not to queue or to pause a torrent by itself.
    params.flags &= ~lt.torrent_flags.auto_managed
    params.flags &= ~lt.torrent_flags.paused
    if is_seed:
        # The seed's file is known to be right: it is not hashed again.
        params.flags |= lt.torrent_flags.seed_mode
    return params


def wait_for(session, kind):
    """Sleeps until an alert of that kind; errors go to the log."""
    while True:
        if session.wait_for_alert(BEAT) is None:
            continue
        for alert in session.pop_alerts():
            if isinstance(alert, kind):
                return
            if alert.category() & lt.alert.category_t.error_notification:
                print(alert, file=sys.stderr, flush=True)


def say(line):
    print(line, flush=True)


def main():
    role, address, torrent, directory = sys.argv[1:5]
    peers = [parse_address(peer) for peer in sys.argv[5:]]
    is_seed = role == "seed"
    session = open_session(parse_address(address))
    wait_for(session, lt.listen_succeeded_alert)
    if is_seed:
        session.add_torrent(parameters(torrent, directory, is_seed))
        wait_for(session, lt.torrent_finished_alert)
        say("ready")
    else:
        params = parameters(torrent, directory, is_seed)
        say("ready")
        if not sys.stdin.readline():
            return
        handle = session.add_torrent(params)
        for peer in peers:
            handle.connect_peer(peer)
        wait_for(session, lt.torrent_finished_alert)
        say("complete")
    sys.stdin.read()


main()
