"""One libtorrent session for one torrent, for the benchmark and for the tests.

usage: libtorrent_node.py [OPTION]... seed|leech IP:PORT TORRENT|MAGNET DIRECTORY [PEER_IP:PORT]...

Listens on IP:PORT and keeps the content in DIRECTORY.  Prints "ready" when a seed serves or a
leecher could begin, and "complete" when a leecher has all.  It ends with its standard input.

Settings are libtorrent's defaults but for discovery, which is off, for several connections per
address, which loopback needs, and for uTP, which is off: it is slow and costly on a local network,
and all others use TCP.
"""

import argparse
import json
import os
import sys
import threading

import libtorrent as lt

# Milliseconds: as long as one wait for an alert takes at most, then it is waited again.
BEAT = 1000


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["seed", "leech"])
    parser.add_argument("address", type=parse_address)
    parser.add_argument("torrent", help="a .torrent or a magnet link")
    parser.add_argument("directory")
    parser.add_argument("peers", nargs="*", type=parse_address)
    parser.add_argument(
        "--wait", action="store_true", help="begin with the first line of standard input"
    )
    parser.add_argument(
        "--redial", type=int, metavar="MS", help="dial the peers again, so many milliseconds apart"
    )
    parser.add_argument(
        "--strangers",
        action="store_true",
        help="treat local peers as any others: limits and upload slots hold for them",
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the session"
    )
    parser.add_argument("--talk", action="store_true", help="say what happens to each link")
    return parser.parse_args()


def parse_address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def open_session(options):
    host, port = options.address
    category = lt.alert.category_t
    mask = category.status_notification | category.error_notification
    if options.talk:
        mask |= category.peer_notification | category.connect_notification
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
        "alert_mask": mask,
    }
    for setting in options.set:
        name, value = setting.split("=", 1)
        settings[name] = json.loads(value)
    session = lt.session(settings)
    if options.strangers:
        session.set_peer_class_filter(lt.ip_filter())
    return session


def parameters(options):
    if options.torrent.startswith("magnet:"):
        params = lt.parse_magnet_uri(options.torrent)
    else:
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(options.torrent)
    params.save_path = options.directory
    # The session is not to queue or to pause a torrent by itself.
    params.flags &= ~lt.torrent_flags.auto_managed
    params.flags &= ~lt.torrent_flags.paused
    if options.role == "seed":
        # The seed's file is known to be right: it is not hashed again.
        params.flags |= lt.torrent_flags.seed_mode
    return params


def heard(session, kind, beat, talks):
    """Sleeps until an alert, and says whether one of that kind came; what matters goes to the log."""
    if session.wait_for_alert(beat) is None:
        return False
    found = False
    for alert in session.pop_alerts():
        found |= isinstance(alert, kind)
        if talks or alert.category() & lt.alert.category_t.error_notification:
            print(alert, file=sys.stderr, flush=True)
    return found


def say(line):
    print(line, flush=True)


def end_with_input():
    while os.read(0, 4096):
        pass
    os._exit(0)


def main():
    options = parse_arguments()
    session = open_session(options)
    while not heard(session, lt.listen_succeeded_alert, BEAT, options.talk):
        pass
    params = parameters(options)
    is_seed = options.role == "seed"
    if not is_seed:
        say("ready")
        if options.wait and not sys.stdin.readline():
            return
    threading.Thread(target=end_with_input, daemon=True).start()
    handle = session.add_torrent(params)
    for peer in options.peers:
        handle.connect_peer(peer)
    beat = options.redial or BEAT
    while True:
        if heard(session, lt.torrent_finished_alert, beat, options.talk):
            say("ready" if is_seed else "complete")
        if options.redial:
            for peer in options.peers:
                handle.connect_peer(peer)


main()
