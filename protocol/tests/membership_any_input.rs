//! What holds of `Membership` whatever the network does.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use swarmlet_protocol::id::{LinkId, PeerId};
use swarmlet_protocol::membership::*;
use swarmlet_protocol::time::Timestamp;

const MAX_LINKS: usize = 6;
const OWN: u8 = 0;

fn addr(number: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1 + number % 24], 6881))
}

proptest! {
    #[test]
    fn limits_hold_and_nothing_spins(
        seed: u64,
        steps in prop::collection::vec((0_u8..14, any::<u8>(), any::<u8>(), 0_u64..400), 1..300),
    ) {
        let mut machine = Membership::new(
            MembershipConfig {
                max_links: MAX_LINKS,
                target_links: 4,
                max_half_open: 3,
                own_addresses: vec![addr(OWN)],
                peer_id: PeerId([100; 20]),
                ipv6: false,
                loopback: false,
            },
            seed,
        );
        let mut now = Timestamp::from_millis(1);
        let mut dialing = BTreeSet::new();
        let mut links: BTreeMap<LinkId, Option<PeerId>> = BTreeMap::new();
        let mut own = BTreeSet::from([addr(OWN)]);
        let mut out = Vec::new();
        for (step, (kind, one, two, wait)) in steps.into_iter().enumerate() {
            now = now + Duration::from_millis(wait);
            let link = links.keys().nth(usize::from(one) % links.len().max(1)).copied();
            let link = link.unwrap_or(LinkId(u64::MAX));
            let new = LinkId(step as u64);
            let dialed = dialing.iter().nth(usize::from(one) % dialing.len().max(1)).copied();
            let sources = [Source::Listed, Source::State, Source::Lan, Source::Rendezvous];
            let input = match kind {
                0 => Input::AddressLearned { addr: addr(one), source: sources[usize::from(two % 4)] },
                1 if two < 40 => {
                    let until = now + Duration::from_millis(wait * 10);
                    Input::Ban { ip: addr(one).ip(), until, spared: vec![link] }
                }
                2 => Input::DialOnce { addr: addr(one) },
                3 if dialed.is_some() => {
                    let addr = dialed.unwrap();
                    dialing.remove(&addr);
                    Input::DialFailed { addr, reason: DialFailure::Refused }
                }
                4 | 5 if dialed.is_some() => {
                    let addr = dialed.unwrap();
                    dialing.remove(&addr);
                    links.insert(new, None);
                    Input::LinkOpened { link: new, remote: addr.ip(), dialed }
                }
                6 | 7 => {
                    if machine.admit(addr(one).ip(), now, &mut out) {
                        links.insert(new, None);
                        Input::LinkOpened { link: new, remote: addr(one).ip(), dialed: None }
                    } else {
                        Input::Tick
                    }
                }
                8 | 9 => {
                    let peer_id = PeerId([90 + two % 20; 20]);
                    if let Some(peer @ None) = links.get_mut(&link) {
                        *peer = Some(peer_id);
                    }
                    let (fleet, pex) = (two & 32 == 0, two & 64 == 0);
                    Input::LinkReady { link, peer_id, listen: Some(addr(one)), fleet, pex }
                }
                10 => Input::PeerComplete { link, complete: two & 1 == 0 },
                11 => Input::PexReceived {
                    link,
                    added: vec![(addr(one), two & 1 == 0)],
                    dropped: vec![addr(two)],
                },
                12 if two < 50 => Input::SelfComplete(two & 1 == 0),
                12 if two >= 200 => Input::SetMaxLinks(usize::from(two) % (MAX_LINKS + 1)),
                12 if two < 80 => Input::SetTarget(usize::from(two % 8)),
                13 => {
                    links.remove(&link);
                    Input::LinkClosed { link, reason: LinkEnd::Lost }
                }
                _ => Input::Tick,
            };
            machine.handle(input, now, &mut out);
            for output in out.drain(..) {
                match output {
                    Output::Close { link, .. } => {
                        prop_assert!(links.remove(&link).is_some(), "closed twice");
                    }
                    Output::Dial { addr } => {
                        prop_assert!(!own.contains(&addr), "dialed itself");
                        prop_assert!(!machine.is_linked(addr), "dialed a linked peer");
                        prop_assert!(dialing.insert(addr), "dialed twice at once");
                        prop_assert!(dialing.len() <= 3);
                    }
                    Output::SelfDetected { addr } => {
                        dialing.remove(&addr);
                        own.insert(addr);
                    }
                    Output::Pex { link, added, dropped } => {
                        prop_assert!(links.contains_key(&link));
                        prop_assert!(!added.is_empty() || !dropped.is_empty());
                        prop_assert!(added.iter().all(|peer| !dropped.contains(&peer.addr)));
                        prop_assert!(added.iter().all(|peer| !own.contains(&peer.addr)));
                    }
                    _ => {}
                }
            }
            prop_assert!(machine.link_count() <= MAX_LINKS);
            // The rest are visitors, who are told whom else to try.
            let visitors = links.len() - machine.link_count();
            prop_assert!(visitors <= MAX_VISITORS, "{} visitors", visitors);
            let peers: Vec<_> = links.values().flatten().collect();
            let distinct: BTreeSet<_> = peers.iter().collect();
            prop_assert_eq!(peers.len(), distinct.len(), "two links with one peer");
            prop_assert!(!peers.contains(&&PeerId([100; 20])), "a link with itself");
            prop_assert!(machine.known().all(|addr| !own.contains(&addr)));
            prop_assert!(machine.next_timeout().is_none_or(|at| at > now), "it spins");
        }
    }
}
