use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// A choker, its clock, and what its links were told.
struct Rig {
    choker: Choker,
    now: Timestamp,
    unchoked: BTreeSet<u64>,
}

impl Rig {
    fn new(slots: usize) -> Self {
        Self {
            choker: Choker::new(slots, 7),
            now: Timestamp::from_millis(1_000),
            unchoked: BTreeSet::new(),
        }
    }

    fn handle(&mut self, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        self.choker.handle(input, self.now, &mut out);
        for output in &out {
            match *output {
                Output::Unchoke { link } => assert!(self.unchoked.insert(link.0), "told twice"),
                Output::Choke { link } => assert!(self.unchoked.remove(&link.0), "told twice"),
            }
            let held = self.choker.links.values().filter(|link| link.holds());
            assert!(held.count() <= self.choker.slots, "after all words");
        }
        if let Input::LinkClosed { link } = input {
            self.unchoked.remove(&link.0);
        }
        self.check();
        out
    }

    fn check(&self) {
        self.choker.audit(&self.unchoked);
    }

    fn open(&mut self, link: u64, fleet: bool) -> Vec<Output> {
        let link = LinkId(link);
        let mut out = self.handle(Input::LinkOpened { link, fleet });
        out.extend(self.handle(Input::Ready { link, fleet }));
        out
    }

    fn interest(&mut self, link: u64, interested: bool) -> Vec<Output> {
        self.handle(Input::Interest {
            link: LinkId(link),
            interested,
            done: false,
        })
    }

    /// Foreign peers that want something, numbered from 1.
    fn takers(&mut self, count: u64) {
        for link in 1..=count {
            self.open(link, false);
            self.interest(link, true);
        }
    }

    /// `count` beats, in each of which every unchoked link takes, and every link gives, so much.
    fn beats(&mut self, count: u32, gives: impl Fn(u64) -> u64, takes: impl Fn(u64) -> u64) {
        for _ in 0..count {
            let links: Vec<_> = self.choker.links.iter().collect();
            let traffic: Vec<_> = links
                .into_iter()
                .map(|(&link, state)| Input::Traffic {
                    link,
                    given: state.given + gives(link.0),
                    taken: state.taken + takes(link.0) * u64::from(state.unchoked),
                })
                .collect();
            for input in traffic {
                self.handle(input);
            }
            self.now = self.choker.next_timeout().unwrap_or(self.now + BEAT);
            self.handle(Input::Tick);
        }
    }
}

const fn unchoke(link: u64) -> Output {
    Output::Unchoke { link: LinkId(link) }
}

const fn choke(link: u64) -> Output {
    Output::Choke { link: LinkId(link) }
}

#[test]
fn a_lone_foreign_peer_is_unchoked_before_it_has_said_a_word() {
    let mut rig = Rig::new(8);
    let link = LinkId(1);
    let out = rig.handle(Input::LinkOpened { link, fleet: false });
    assert_eq!(out, [unchoke(1)]);
    assert_eq!(rig.choker.next_timeout(), None);
}

#[test]
fn members_of_the_fleet_are_unchoked_and_take_no_slot() {
    let mut rig = Rig::new(2);
    rig.takers(3);
    assert_eq!(rig.unchoked, BTreeSet::from([1, 2]));
    for link in 10..40 {
        assert_eq!(rig.open(link, true), [unchoke(link)]);
    }
    // One that did not look like a member and is one gives its slot to whoever waits.
    let link = LinkId(1);
    let out = rig.handle(Input::Ready { link, fleet: true });
    assert_eq!(out, [unchoke(3)]);
    // And one that looked like a member and is none gets no slot that is not free.
    let link = LinkId(41);
    rig.handle(Input::LinkOpened { link, fleet: true });
    let out = rig.handle(Input::Ready { link, fleet: false });
    assert_eq!(out, [choke(41)]);
}

#[test]
fn whoever_waits_gets_a_slot_as_soon_as_one_is_free() {
    let mut rig = Rig::new(2);
    rig.takers(4);
    assert_eq!(rig.unchoked, BTreeSet::from([1, 2]));
    let out = rig.handle(Input::LinkClosed { link: LinkId(1) });
    assert_eq!(out, [unchoke(3)], "who waits longest");
    assert_eq!(rig.interest(2, false), [choke(2), unchoke(4)]);
    // It wants again, and waits like others.
    assert_eq!(rig.interest(2, true), []);
    assert_eq!(rig.choker.next_timeout(), Some(rig.now + BEAT));
}

#[test]
fn a_slot_that_nobody_wants_stays_with_its_holder() {
    let mut rig = Rig::new(2);
    rig.takers(2);
    assert_eq!(rig.interest(1, false), []);
    assert_eq!(rig.interest(1, true), []);
    assert_eq!(rig.choker.next_timeout(), None);
}

#[test]
fn a_peer_that_blinks_is_choked_once_a_beat_and_not_more() {
    let mut rig = Rig::new(1);
    rig.takers(2);
    let mut words = 0;
    for step in 0..1_000 {
        words += rig.interest(1 + step % 2, step / 2 % 2 == 0).len();
    }
    assert!(words <= 8, "{words}");
}

#[test]
fn peers_that_want_nothing_more_get_no_slot() {
    let mut rig = Rig::new(1);
    rig.open(1, false);
    let done = |link| Input::Interest {
        link: LinkId(link),
        interested: true,
        done: true,
    };
    assert_eq!(rig.handle(done(1)), [choke(1)]);
    rig.open(2, false);
    assert_eq!(rig.unchoked, BTreeSet::from([2]));
    assert_eq!(rig.interest(1, true), [choke(2), unchoke(1)], "2 is idle");
}

#[test]
fn while_we_fetch_the_slots_go_to_those_that_give_most() {
    let mut rig = Rig::new(5);
    rig.takers(12);
    // 9 to 12 give, the more the higher; four slots are regular and one is optimistic.
    rig.beats(3, |link| link.saturating_sub(8) * 1_000, |_| 1);
    assert!(rig.unchoked.is_superset(&BTreeSet::from([9, 10, 11, 12])));
    assert_eq!(rig.unchoked.len(), 5);
    // One of them snubs us: its regular slot is gone with the next beat, unless it draws the lot.
    let link = LinkId(12);
    rig.handle(Input::Snubs { link, snubs: true });
    rig.beats(1, |link| link.saturating_sub(8) * 1_000, |_| 1);
    let state = &rig.choker.links[&link];
    assert!(!state.unchoked || state.optimistic);
    rig.handle(Input::Snubs { link, snubs: false });
    rig.beats(1, |link| link.saturating_sub(8) * 1_000, |_| 1);
    assert!(rig.unchoked.contains(&12));
}

#[test]
fn the_optimistic_slot_goes_round_so_that_everybody_is_served_once() {
    let mut rig = Rig::new(5);
    rig.takers(12);
    let mut served = BTreeSet::new();
    for _ in 0..60 {
        rig.beats(1, |link| u64::from(link <= 4) * 1_000, |_| 1);
        let lucky = rig.choker.links.iter().filter(|(_, link)| link.optimistic);
        let lucky: Vec<_> = lucky.map(|(link, _)| link.0).collect();
        assert_eq!(lucky.len(), 1);
        served.extend(lucky);
    }
    assert_eq!(served, (5..=12).collect());
}

#[test]
fn the_optimistic_slot_stays_for_a_rotation() {
    let mut rig = Rig::new(5);
    rig.takers(12);
    let mut changes = 0;
    let mut before = None;
    for _ in 0..30 {
        rig.beats(1, |link| u64::from(link <= 4) * 1_000, |_| 1);
        let lucky = rig.choker.links.iter().find(|(_, link)| link.optimistic);
        let lucky = lucky.map(|(&link, _)| link);
        changes += u32::from(lucky != before);
        before = lucky;
    }
    assert!((8..=10).contains(&changes), "{changes} in 300 s");
}

#[test]
fn newcomers_are_drawn_three_times_as_often() {
    let mut newcomers = 0;
    for seed in 0..2_000 {
        let mut rig = Rig::new(1);
        rig.choker = Choker::new(1, seed);
        rig.takers(9);
        // 2 to 5 had a slot before; 6 to 9 did not.
        for link in 2..=5 {
            rig.choker.links.get_mut(&LinkId(link)).unwrap().served = true;
        }
        rig.beats(1, |_| 0, |_| 0);
        let lucky = *rig.unchoked.first().unwrap();
        assert_ne!(lucky, 1, "who had it waits for once");
        newcomers += u32::from(lucky >= 6);
    }
    // 12 of 16 tickets.
    assert!((1_400..1_600).contains(&newcomers), "{newcomers} of 2,000");
}

#[test]
fn a_complete_node_serves_in_turns() {
    let mut rig = Rig::new(5);
    rig.handle(Input::Complete(true));
    rig.takers(12);
    let mut turns = [0_u32; 13];
    for _ in 0..120 {
        rig.beats(1, |_| 0, |link| (8 + link) << 20);
        for &link in &rig.unchoked {
            turns[link as usize] += 1;
        }
    }
    let (least, most) = (turns[1..].iter().min(), turns[1..].iter().max());
    assert!(*least.unwrap() >= 20, "{turns:?}");
    assert!(*most.unwrap() <= 120, "{turns:?}");
}

#[test]
fn at_a_complete_node_who_takes_nothing_loses_its_slot() {
    let mut rig = Rig::new(5);
    rig.handle(Input::Complete(true));
    rig.takers(12);
    rig.beats(30, |_| 0, |link| u64::from(link > 6) << 20);
    let regular = rig.choker.links.iter().filter(|(_, link)| link.holds());
    let idle = regular.filter(|(id, link)| id.0 <= 6 && !link.optimistic);
    // Whoever has just got its turn may not have taken anything yet.
    assert!(idle.count() <= 4);
    assert!(rig.unchoked.iter().any(|&link| link > 6));
}

#[test]
fn while_it_holds_nobody_is_served_and_afterwards_everybody_is_as_before() {
    let mut rig = Rig::new(2);
    rig.takers(3);
    rig.open(10, true);
    assert_eq!(rig.unchoked, BTreeSet::from([1, 2, 10]));
    rig.handle(Input::Hold(true));
    rig.open(11, true);
    rig.open(4, false);
    assert!(rig.unchoked.is_empty());
    rig.handle(Input::Hold(false));
    assert!(rig.unchoked.is_superset(&BTreeSet::from([10, 11])));
    assert_eq!(rig.unchoked.len(), 4, "both slots are taken as well");
}

#[derive(Clone, Debug)]
enum Step {
    Input(Input),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let link = (0_u64..12).prop_map(LinkId);
    let two = (link, any::<bool>(), any::<bool>(), 0_u64..1 << 26);
    (0..9_u8, two, 0_u64..15_000).prop_map(|(kind, (link, one, other, bytes), wait)| match kind {
        0 => Step::Input(Input::LinkOpened { link, fleet: one }),
        1 => Step::Input(Input::Ready { link, fleet: one }),
        2 => Step::Input(Input::LinkClosed { link }),
        3 => Step::Input(Input::Interest {
            link,
            interested: one || other,
            done: one && other,
        }),
        4 => Step::Input(Input::Traffic {
            link,
            given: bytes,
            taken: bytes / 2,
        }),
        5 => Step::Input(Input::Snubs { link, snubs: one }),
        6 => Step::Input(Input::Complete(one)),
        7 => Step::Input(Input::Hold(one && other)),
        _ => Step::Wait(wait),
    })
}

proptest! {
    #[test]
    fn whatever_happens_the_invariants_hold(
        slots in 1_usize..6,
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let mut rig = Rig::new(slots);
        for step in steps {
            match step {
                // A link begins once.
                Step::Input(Input::LinkOpened { link, .. })
                    if rig.choker.links.contains_key(&link) => {}
                Step::Input(input) => {
                    rig.handle(input);
                }
                Step::Wait(millis) => {
                    rig.now = rig.now + Duration::from_millis(millis);
                    rig.handle(Input::Tick);
                }
            }
        }
    }
}
