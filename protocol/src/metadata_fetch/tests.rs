//! Honest peers, liars and the dead.

use proptest::prelude::*;

use super::*;

const SIZE: u32 = 40_000;

fn info(size: u32) -> Vec<u8> {
    (0..size).map(|index| (index * 7 % 251) as u8).collect()
}

#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Manner {
    Honest,
    Wrong,
    Short,
    Changing,
    Dead,
    Rejecting,
}

struct World {
    fetch: MetadataFetch,
    info: Vec<u8>,
    manners: Vec<Manner>,
    now: Timestamp,
    strikes: Vec<(LinkId, MetadataFault)>,
    requests: usize,
    done: Vec<Bytes>,
}

impl World {
    fn new(size: u32, manners: &[Manner], seed: u64) -> Self {
        let info = info(size);
        Self {
            fetch: MetadataFetch::new(InfoHash::of(&info), seed),
            info,
            manners: manners.to_vec(),
            now: Timestamp::from_millis(1),
            strikes: Vec::new(),
            requests: 0,
            done: Vec::new(),
        }
    }

    /// Everybody offers; answers come in a random order until nothing moves any more.
    fn run(&mut self, seed: u64) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut inputs: Vec<_> = (0..self.manners.len() as u64)
            .map(|link| Input::LinkOffers {
                link: LinkId(link),
                size: self.info.len() as u64,
            })
            .collect();
        for _ in 0..2_000 {
            let input = if inputs.is_empty() {
                let Some(next) = self.fetch.next_timeout() else {
                    return;
                };
                assert!(next > self.now, "a timeout that is over");
                self.now = next;
                Input::Tick
            } else {
                inputs.swap_remove(rng.usize(..inputs.len()))
            };
            let mut out = Vec::new();
            self.fetch.handle(input, self.now, &mut out);
            for output in out {
                match output {
                    Output::Request { link, piece } => {
                        self.requests += 1;
                        inputs.extend(self.answer(link, piece));
                    }
                    Output::Strike { link, reason } => self.strikes.push((link, reason)),
                    Output::Done(bytes) => self.done.push(bytes),
                }
            }
            let live = |source: &Source| source.live().count();
            assert!(
                self.fetch
                    .sources
                    .values()
                    .all(|source| live(source) <= WINDOW)
            );
        }
    }

    fn answer(&self, link: LinkId, piece: u32) -> Option<Input> {
        let total_size = self.info.len() as u64;
        let begin = (piece * METADATA_PIECE_LENGTH) as usize;
        let mut bytes: Vec<_> = self.info[begin..].to_vec();
        bytes.truncate(METADATA_PIECE_LENGTH as usize);
        let (mut total_size, bytes) = (total_size, &mut bytes);
        match self.manners[link.0 as usize] {
            Manner::Honest => {}
            Manner::Wrong => bytes[0] ^= 1,
            Manner::Short => {
                bytes.pop();
            }
            Manner::Changing => total_size += 1,
            Manner::Dead => return None,
            Manner::Rejecting => return Some(Input::Reject { link, piece }),
        }
        let bytes = Bytes::from(bytes.clone());
        Some(Input::Data {
            link,
            piece,
            total_size,
            bytes,
        })
    }
}

#[test]
fn several_links_share_the_pieces() {
    let mut world = World::new(SIZE, &[Manner::Honest; 3], 1);
    world.run(1);
    assert_eq!(world.done, [Bytes::from(info(SIZE))]);
    assert_eq!(world.requests, 3);
    assert_eq!(world.strikes, []);
    assert_eq!(world.fetch.next_timeout(), None);
}

#[test]
fn a_lone_liar_is_struck_by_name_and_not_asked_again() {
    let mut world = World::new(100, &[Manner::Wrong], 1);
    world.run(1);
    let fault = MetadataFault::Wrong(InfoHash::of(&info(100)));
    assert_eq!(world.strikes, [(LinkId(0), fault)]);
    assert_eq!((world.requests, world.fetch.next_timeout()), (1, None));
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let mut fetch = MetadataFetch::new(InfoHash([0; 20]), 0);
    for (size, strikes) in [(0, 0), (16 * 1024 * 1024 + 1, 1), (u64::MAX, 1)] {
        let mut out = Vec::new();
        fetch.handle(
            Input::LinkOffers {
                link: LinkId(1),
                size,
            },
            Timestamp::ZERO,
            &mut out,
        );
        assert_eq!(out.len(), strikes, "{out:?}");
        assert_eq!(fetch.next_timeout(), None);
    }
    let fault = MetadataFault::TooLong(20_000_000).to_string();
    assert_eq!(
        fault,
        "the peer offers 20000000 bytes of metadata; the limit is 16777216"
    );
}

#[test]
fn the_most_named_size_is_tried_first_and_the_other_when_it_fails() {
    let info = info(100);
    let mut fetch = MetadataFetch::new(InfoHash::of(&info), 0);
    let mut out = Vec::new();
    let now = Timestamp::ZERO;
    // The first offer is asked at once; it dies, and two of another size stand against one.
    for (link, size) in [(9, 7), (1, 100), (2, 50), (3, 50)] {
        fetch.handle(
            Input::LinkOffers {
                link: LinkId(link),
                size,
            },
            now,
            &mut out,
        );
    }
    assert_eq!(
        out,
        [Output::Request {
            link: LinkId(9),
            piece: 0
        }]
    );
    out.clear();
    fetch.handle(Input::LinkClosed { link: LinkId(9) }, now, &mut out);
    let [Output::Request { link, piece: 0 }] = out[..] else {
        panic!("{out:?}");
    };
    assert!(link == LinkId(2) || link == LinkId(3));
    for link in [2, 3] {
        fetch.handle(Input::LinkClosed { link: LinkId(link) }, now, &mut out);
    }
    assert_eq!(
        out.last(),
        Some(&Output::Request {
            link: LinkId(1),
            piece: 0
        })
    );
    let bytes = Bytes::from(info);
    let data = Input::Data {
        link: LinkId(1),
        piece: 0,
        total_size: 100,
        bytes: bytes.clone(),
    };
    fetch.handle(data, now, &mut out);
    assert_eq!(out.last(), Some(&Output::Done(bytes)));
}

#[test]
fn a_dead_peer_costs_a_third_of_a_second() {
    for seed in 0..10 {
        let mut world = World::new(100, &[Manner::Dead, Manner::Honest], seed);
        world.run(seed);
        assert_eq!(world.done.len(), 1);
        assert!(world.now <= Timestamp::from_millis(301));
    }
}

#[test]
fn a_peer_that_rejects_everything_is_asked_seldom() {
    let mut world = World::new(100, &[Manner::Rejecting], 1);
    world.run(1);
    let seconds = world.now.as_micros() / 1_000_000;
    assert!(
        world.requests as u64 <= 6 + seconds / 8,
        "{} in {seconds} s",
        world.requests
    );
}

#[test]
fn what_nobody_asked_for_is_ignored() {
    let mut world = World::new(SIZE, &[Manner::Honest; 2], 1);
    let mut out = Vec::new();
    for piece in [0, 2, 3, u32::MAX] {
        let bytes = Bytes::from_static(b"x");
        let data = Input::Data {
            link: LinkId(0),
            piece,
            total_size: 1,
            bytes,
        };
        world.fetch.handle(data, world.now, &mut out);
        world.fetch.handle(
            Input::Reject {
                link: LinkId(1),
                piece,
            },
            world.now,
            &mut out,
        );
    }
    assert_eq!(out, []);
    world.run(1);
    assert_eq!(world.done.len(), 1);
}

proptest! {
    #[test]
    fn one_honest_peer_among_any_others_is_enough(
        size in prop_oneof![1_u32..200, 16_000_u32..17_000, 30_000_u32..90_000],
        others in prop::collection::vec(prop_oneof![
            Just(Manner::Honest), Just(Manner::Wrong), Just(Manner::Short),
            Just(Manner::Changing), Just(Manner::Dead), Just(Manner::Rejecting),
        ], 0..6),
        seed in any::<u64>(),
    ) {
        let mut manners = others;
        manners.push(Manner::Honest);
        let mut world = World::new(size, &manners, seed);
        world.run(seed);
        prop_assert_eq!(&world.done, &[Bytes::from(world.info.clone())]);
        for (link, fault) in &world.strikes {
            let sure = !matches!(fault, MetadataFault::PartOfWrong(_));
            let manner = world.manners[link.0 as usize];
            prop_assert!(!sure || manner != Manner::Honest, "{}: {}", link, fault);
        }
    }
}

/// Two hundred strangers offer the most that may be offered, and one peer the dictionary: what they say is
/// fetched once, and then what is cheap to refute comes first.
#[test]
fn strangers_that_offer_16_mib_of_rubbish_have_it_fetched_once() {
    let info = info(SIZE);
    let mut fetch = MetadataFetch::new(InfoHash::of(&info), 1);
    let mut now = Timestamp::from_millis(1);
    let honest = LinkId(1_000);
    let offers = (0..200).map(|link| (LinkId(link), MAX_METADATA_LENGTH as u64));
    let offers = offers.chain([(honest, u64::from(SIZE))]);
    let mut inputs: Vec<_> = offers
        .map(|(link, size)| Input::LinkOffers { link, size })
        .collect();
    let (mut fetched, mut done) = (0, false);
    while !done {
        let input = inputs.pop().unwrap_or_else(|| {
            now = fetch.next_timeout().expect("somebody can be asked");
            Input::Tick
        });
        let mut out = Vec::new();
        fetch.handle(input, now, &mut out);
        for output in out {
            match output {
                Output::Request { link, piece } => {
                    let begin = piece as usize * METADATA_PIECE_LENGTH as usize;
                    let rubbish = vec![0; METADATA_PIECE_LENGTH as usize];
                    let bytes = match link == honest {
                        true => info[begin..info.len().min(begin + rubbish.len())].to_vec(),
                        false => rubbish,
                    };
                    fetched += bytes.len();
                    let total_size = match link == honest {
                        true => u64::from(SIZE),
                        false => MAX_METADATA_LENGTH as u64,
                    };
                    inputs.push(Input::Data {
                        link,
                        piece,
                        total_size,
                        bytes: bytes.into(),
                    });
                }
                Output::Done(bytes) => done = bytes == info,
                Output::Strike { .. } => {}
            }
        }
    }
    assert!(
        fetched <= MAX_METADATA_LENGTH + 2 * SIZE as usize,
        "{fetched} bytes"
    );
}
