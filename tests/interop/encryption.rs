//! Encrypted links (MSE) with clients that insist on them, and plain ones with those that refuse.

use crate::client::{Encryption, KINDS, Kind, Wishes};
use crate::payload::{Has, Payload};
use crate::support;
use crate::swarm::Swarm;

/// A node dials a client that treats encryption in this manner, and is dialled by it if it does so.
fn both_ways(test: &str, kind: Kind, encryption: Encryption, more: &[&str]) {
    if !kind.is_here(test) {
        return;
    }
    let mut rng = support::seeded(test);
    for (ours, theirs) in [(Has::All, Has::Nothing), (Has::Nothing, Has::All)] {
        println!("{kind:?} with {encryption:?} has {theirs:?}");
        let wishes = |peers| Wishes {
            peers,
            encryption,
            ..Wishes::default()
        };
        let mut swarm = Swarm::new(Payload::file(&mut rng));
        let client = swarm.address(0);
        swarm.add_client(kind, theirs, wishes(Vec::new()));
        swarm.add_node(ours, &[client], more);
        swarm.completes();
        if kind.dials() {
            let mut swarm = Swarm::new(Payload::file(&mut rng));
            let node = swarm.address(0);
            swarm.add_node(ours, &[], more);
            swarm.add_client(kind, theirs, wishes(vec![node]));
            swarm.completes();
        }
    }
}

/// Kinds that can be told what to do; rqbit knows no encryption.
fn choosy() -> impl Iterator<Item = Kind> {
    KINDS.into_iter().filter(|kind| *kind != Kind::Rqbit)
}

#[test]
fn clients_that_refuse_encryption_get_plain_links() {
    let test = "clients_that_refuse_encryption_get_plain_links";
    choosy().for_each(|kind| both_ways(test, kind, Encryption::Never, &[]));
}

#[test]
fn clients_that_insist_on_encryption_get_it() {
    let test = "clients_that_insist_on_encryption_get_it";
    choosy().for_each(|kind| both_ways(test, kind, Encryption::Required, &[]));
}

#[test]
fn clients_that_insist_on_an_encrypted_handshake_get_it() {
    let test = "clients_that_insist_on_an_encrypted_handshake_get_it";
    choosy().for_each(|kind| both_ways(test, kind, Encryption::HandshakeOnly, &[]));
}
