//! Swarms of all kinds at once.

use crate::client::{Kind, Wishes};
use crate::payload::{Has, Payload};
use crate::support;
use crate::swarm::Swarm;

/// One libtorrent has all; two nodes, aria2 and Transmission have nothing.
fn all_complete(payload: Payload) {
    let mut swarm = Swarm::new(payload);
    let others: Vec<_> = (1..=4).map(|number| swarm.address(number)).collect();
    let seed = swarm.address(0);
    // The node that comes first knows the seed only, the second one all, and who does not dial is
    // dialled.
    swarm.add_client(
        Kind::Libtorrent,
        Has::All,
        Wishes {
            peers: others[..1].to_vec(),
            ..Wishes::default()
        },
    );
    swarm.add_node(Has::Nothing, &[seed], &[]);
    swarm.add_node(Has::Nothing, &[seed, others[0], others[2], others[3]], &[]);
    swarm.add_client(
        Kind::Aria2,
        Has::Nothing,
        Wishes {
            exchange: true,
            ..Wishes::default()
        },
    );
    swarm.add_client(
        Kind::Transmission,
        Has::Nothing,
        Wishes {
            exchange: true,
            ..Wishes::default()
        },
    );
    swarm.completes();
}

#[test]
fn a_swarm_of_nodes_libtorrent_aria2_and_transmission_completes() {
    let test = "a_swarm_of_nodes_libtorrent_aria2_and_transmission_completes";
    let kinds = [Kind::Libtorrent, Kind::Aria2, Kind::Transmission];
    if !kinds.into_iter().all(|kind| kind.is_here(test)) {
        return;
    }
    let mut rng = support::seeded(test);
    all_complete(Payload::file(&mut rng));
    all_complete(Payload::folder(&mut rng));
}
