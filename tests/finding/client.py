"""libtorrent for one torrent, told by words how it may find peers.

usage: client.py IP:PORT TORRENT|MAGNET|none DIRECTORY [lan] [dht NODE_IP:PORT]

With "none" it is nothing but a node of the table. Prints "ready", and "done" once it has everything. It ends with its standard input.
"""

import os
import select
import sys

import libtorrent as lt

# How often the table is told again, and the state looked at, in seconds: a test has no patience.
BEAT = 1


def main():
    address, torrent, directory = sys.argv[1:4]
    words = sys.argv[4:]
    node = words[words.index("dht") + 1] if "dht" in words else ""
    client = lt.session({
        "listen_interfaces": address,
        "outgoing_interfaces": address.rsplit(":", 1)[0],
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_lsd": "lan" in words,
        "enable_dht": bool(node),
        "dht_bootstrap_nodes": node,
        # The nodes of a test are on one host, on addresses that nobody routes.
        "dht_restrict_routing_ips": False,
        "dht_restrict_search_ips": False,
        "dht_ignore_dark_internet": False,
        "dht_enforce_node_id": False,
        "allow_multiple_connections_per_ip": True,
        "enable_outgoing_utp": False,
        "enable_incoming_utp": False,
        "min_reconnect_time": 1,
        "alert_mask": lt.alert.category_t.status_notification
        | lt.alert.category_t.error_notification
        | lt.alert.category_t.dht_notification,
    })
    if torrent.startswith("magnet:"):
        params = lt.parse_magnet_uri(torrent)
    else:
        params = lt.add_torrent_params()
        if torrent != "none":
            params.ti = lt.torrent_info(torrent)
    params.save_path = directory
    params.flags &= ~lt.torrent_flags.auto_managed
    params.flags &= ~lt.torrent_flags.paused
    handle = client.add_torrent(params) if torrent != "none" else None
    print("ready", flush=True)
    is_done = False
    while True:
        for alert in client.pop_alerts():
            print(alert, file=sys.stderr, flush=True)
        if handle and handle.status().is_seeding and not is_done:
            is_done = True
            print("done", flush=True)
        if node and handle:
            handle.force_dht_announce()
        if select.select([sys.stdin], [], [], BEAT)[0] and not os.read(0, 1):
            return


main()
