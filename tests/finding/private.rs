//! A private content (BEP 27) never comes to the table.

use swarmlet::Share;
use swarmlet::protocol::metainfo::Torrent;

use sha1::{Digest, Sha1};

use crate::Table;
use crate::inprocess::{Content, Network, PIECE, on_system};

/// The `.torrent` of a content, made by hand.
fn torrent(content: &Content, is_private: bool) -> Torrent {
    let hashes: Vec<u8> = content.bytes.chunks(PIECE).flat_map(Sha1::digest).collect();
    let (size, length) = (content.bytes.len(), hashes.len());
    let mut file = format!(
        "d4:infod6:lengthi{size}e4:name8:data.bin12:piece lengthi{PIECE}e6:pieces{length}:"
    )
    .into_bytes();
    file.extend(hashes);
    file.extend_from_slice(if is_private { b"7:privatei1eee" } else { b"ee" });
    Torrent::parse(&file.into()).unwrap()
}

#[test]
fn the_table_hears_of_a_public_content_and_not_of_a_private_one_of_the_same_node() {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (network, table) = (Network::any(), Table::any());
        let contents = [Content::pieces(3), Content::pieces(4)];
        let torrents = [torrent(&contents[0], true), torrent(&contents[1], false)];
        let shares = torrents.iter().zip(["private", "public"]);
        let shares = shares
            .map(|(torrent, name)| Share::new(torrent.info.clone(), folder.path().join(name)));
        let node = swarmlet::Node::sharing(shares).listen(network.host(10));
        let node = table.known_to(node).start().unwrap();
        let [private, public] = torrents.map(|torrent| torrent.info.info_hash().0);
        while table.peers_of(public).await.is_empty() {}
        // Both would have been looked up at the same time, and again 5 s later.
        let begin = std::time::Instant::now();
        while begin.elapsed() < std::time::Duration::from_secs(7) {
            assert_eq!(table.peers_of(private).await, []);
        }
        node.shutdown().await;
    });
}
