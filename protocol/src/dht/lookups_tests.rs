use super::*;

const ONE: InfoHash = InfoHash([1; 20]);

/// A node whose swarm has so many links; counts look-ups.
struct Rig {
    lookups: Lookups,
    now: Timestamp,
    looked_up: Vec<Timestamp>,
    takes: bool,
}

impl Rig {
    fn new() -> Self {
        let mut lookups = Lookups::new(7);
        lookups.handle(Input::Join(ONE), Timestamp::ZERO);
        lookups.handle(Input::Table(true), Timestamp::ZERO);
        Self {
            lookups,
            now: Timestamp::ZERO,
            looked_up: Vec::new(),
            takes: true,
        }
    }

    /// Goes from deadline to deadline for that long; a look-up takes 2 s.
    fn run(&mut self, time: Duration, links: u32) {
        let end = self.now + time;
        while let Some(deadline) = self.lookups.deadline().filter(|&at| at <= end) {
            assert!(
                deadline >= self.now || self.lookups.due(self.now) == [ONE],
                "no busy loop"
            );
            self.now = self.now.max(deadline);
            for info_hash in self.lookups.due(self.now) {
                let measured = Input::Measured { info_hash, links };
                if self.lookups.handle(measured, self.now) == Some(Output::LookUp(info_hash)) {
                    self.looked_up.push(self.now);
                    self.now = self.now + Duration::from_secs(2);
                    let announced = self.takes;
                    let done = Input::Done {
                        info_hash,
                        announced,
                    };
                    self.lookups.handle(done, self.now);
                }
            }
        }
        self.now = end;
    }
}

#[test]
fn a_swarm_without_links_is_looked_up_at_once_and_then_ever_more_rarely() {
    let mut rig = Rig::new();
    rig.run(Duration::from_secs(60), 0);
    let first: Vec<_> = rig.looked_up.clone();
    assert_eq!(first[0], Timestamp::ZERO);
    // 0, 5, 10, 20, 40 s of rest, and 2 s of work each.
    assert!((4..=5).contains(&first.len()), "{first:?}");
    rig.looked_up.clear();
    rig.run(Duration::from_secs(3_600), 0);
    // Not more than every 5 min once the rests have grown; the first of them are shorter.
    let later = rig.looked_up.len();
    assert!((10..=15).contains(&later), "{later}");
}

#[test]
fn enough_links_leave_nothing_but_the_announces() {
    let mut rig = Rig::new();
    rig.run(Duration::from_secs(1), 0);
    rig.looked_up.clear();
    rig.run(Duration::from_secs(4 * 3_600), ENOUGH_LINKS);
    let announces = rig.looked_up.len();
    assert!((14..=16).contains(&announces), "{announces}");
}

#[test]
fn a_few_links_are_a_look_up_every_five_minutes() {
    let mut rig = Rig::new();
    rig.run(Duration::from_secs(1), 0);
    rig.looked_up.clear();
    rig.run(Duration::from_secs(3_600), ENOUGH_LINKS - 1);
    let looked_up = rig.looked_up.len();
    assert!((10..=12).contains(&looked_up), "{looked_up}");
}

#[test]
fn a_swarm_that_loses_its_links_is_looked_up_within_a_minute() {
    let mut rig = Rig::new();
    rig.run(Duration::from_secs(600), ENOUGH_LINKS);
    rig.looked_up.clear();
    rig.run(Duration::from_secs(60), 0);
    assert!(rig.looked_up.len() >= 2, "soon, and again");
}

#[test]
fn a_table_that_takes_no_announce_is_not_asked_all_the_time() {
    let mut rig = Rig::new();
    rig.takes = false;
    rig.run(Duration::from_secs(1), 0);
    rig.looked_up.clear();
    rig.run(Duration::from_secs(3_600), ENOUGH_LINKS);
    let tries = rig.looked_up.len();
    assert!((9..=12).contains(&tries), "{tries}");
}

#[test]
fn a_swarm_that_left_or_a_table_that_is_gone_is_asked_for_nothing() {
    let now = Timestamp::ZERO;
    let mut rig = Rig::new();
    rig.lookups.handle(Input::Table(false), now);
    assert_eq!(rig.lookups.deadline(), None);
    assert!(rig.lookups.due(now).is_empty());
    let measured = Input::Measured {
        info_hash: ONE,
        links: 0,
    };
    assert_eq!(rig.lookups.handle(measured, now), None);
    rig.lookups.handle(Input::Table(true), now);
    assert_eq!(rig.lookups.due(now), [ONE]);
    rig.lookups.handle(Input::Leave(ONE), now);
    assert_eq!(rig.lookups.deadline(), None);
    assert_eq!(rig.lookups.handle(measured, now), None);
    // What was under way ends without a trace.
    let done = Input::Done {
        info_hash: ONE,
        announced: true,
    };
    assert_eq!(rig.lookups.handle(done, now), None);
}

#[test]
fn a_new_table_ends_every_rest() {
    let mut rig = Rig::new();
    rig.run(Duration::from_secs(3_600), 0);
    rig.lookups.handle(Input::Table(false), rig.now);
    rig.lookups.handle(Input::Table(true), rig.now);
    assert_eq!(rig.lookups.due(rig.now), [ONE]);
    // Being told again changes nothing.
    let measured = Input::Measured {
        info_hash: ONE,
        links: 0,
    };
    assert!(rig.lookups.handle(measured, rig.now).is_some());
    rig.lookups.handle(Input::Table(true), rig.now);
    assert!(rig.lookups.due(rig.now).is_empty());
}

#[test]
fn only_a_few_are_looked_up_at_once_and_all_have_their_turn() {
    let mut lookups = Lookups::new(1);
    let now = Timestamp::ZERO;
    lookups.handle(Input::Table(true), now);
    for number in 0..64 {
        lookups.handle(Input::Join(InfoHash([number; 20])), now);
    }
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 64 {
        let due = lookups.due(now);
        assert_eq!(due.len(), MAX_LOOKUPS);
        for &info_hash in &due {
            let links = 0;
            let input = Input::Measured { info_hash, links };
            assert!(lookups.handle(input, now).is_some());
            assert!(seen.insert(info_hash), "each once");
        }
        assert_eq!(lookups.deadline(), None, "all places are taken");
        assert!(lookups.due(now).is_empty());
        for info_hash in due {
            let announced = true;
            let done = Input::Done {
                info_hash,
                announced,
            };
            lookups.handle(done, now);
        }
    }
}

#[test]
fn a_node_that_moves_is_announced_anew_and_one_that_moves_all_the_time_asks_no_more_for_it() {
    let mut rig = Rig::new();
    rig.run(Duration::from_secs(1), ENOUGH_LINKS);
    rig.run(FEW_PERIOD, ENOUGH_LINKS);
    rig.looked_up.clear();
    rig.lookups.handle(Input::Moved, rig.now);
    rig.run(FIRST_REST * 2, ENOUGH_LINKS);
    assert_eq!(rig.looked_up.len(), 1, "announced anew");
    for links in [ENOUGH_LINKS, 0] {
        rig.looked_up.clear();
        for _ in 0..150 {
            rig.lookups.handle(Input::Moved, rig.now);
            rig.run(Duration::from_secs(2), links);
        }
        let most = if links > 0 { 1 } else { 11 };
        let times = rig.looked_up.len();
        assert!(times <= most, "{times} in five minutes with {links} links");
    }
}
