//! One rule at a time, as it looks from outside.

use std::time::Duration;

use crate::bitfield::Bitfield;
use crate::id::LinkId;
use crate::layout::{Layout, PieceIndex};
use crate::picker::{
    IN_FLIGHT_BYTES, Input, MAX_LEASE, Output, Picker, PickerLimits, PieceState, REJECT_PAUSE,
    SPILL_CHARGE,
};
use crate::time::Timestamp;

pub(super) const A: LinkId = LinkId(1);
pub(super) const B: LinkId = LinkId(2);

pub(super) fn pieces(numbers: impl IntoIterator<Item = u32>) -> Vec<PieceIndex> {
    numbers.into_iter().map(PieceIndex::new).collect()
}

/// A picker, and what time it is.
pub(super) struct Story {
    pub(super) picker: Picker,
    pub(super) now: Timestamp,
}

impl Story {
    /// All pieces are missing.
    pub(super) fn new(size: u64, piece_length: u64) -> Self {
        let mut story = Self::unchecked(size, piece_length);
        let all = Layout::new(size, piece_length).unwrap().all_pieces();
        let bad = all.collect();
        story.tell(Input::Checked { good: vec![], bad });
        story
    }

    pub(super) fn unchecked(size: u64, piece_length: u64) -> Self {
        let layout = Layout::new(size, piece_length).unwrap();
        Self {
            picker: Picker::new(layout, PickerLimits::default(), 1),
            now: Timestamp::ZERO,
        }
    }

    pub(super) fn tell(&mut self, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        self.picker.handle(input, self.now, &mut out);
        self.picker.audit();
        out
    }

    pub(super) fn peer(&mut self, link: LinkId, has: impl IntoIterator<Item = u32>) {
        self.tell(Input::LinkOpened { link });
        self.tell(Input::PeerHas {
            link,
            pieces: pieces(has),
        });
    }

    pub(super) fn want(&mut self, link: LinkId, bytes: u64) -> Vec<PieceIndex> {
        let rtt = Duration::from_millis(1);
        let out = self.tell(Input::Want {
            link,
            bytes,
            rtt,
            rate: 1 << 20,
        });
        granted(&out, link)
    }

    pub(super) fn receive(&mut self, link: LinkId, some: &[PieceIndex]) -> Vec<Output> {
        self.tell(Input::Received {
            link,
            pieces: some.to_vec(),
        })
    }

    /// Lets time go on, tick by tick, until something is granted to the link.
    pub(super) fn until_granted(&mut self, link: LinkId) -> Vec<PieceIndex> {
        for _ in 0..100 {
            self.now = self.picker.next_timeout().expect("nothing is timed");
            let out = self.tell(Input::Tick);
            if !granted(&out, link).is_empty() {
                return granted(&out, link);
            }
        }
        panic!("nothing was granted");
    }
}

pub(super) fn granted(out: &[Output], to: LinkId) -> Vec<PieceIndex> {
    let grants = out.iter().filter_map(|output| match output {
        Output::Grant { link, pieces } if *link == to => Some(pieces.clone()),
        _ => None,
    });
    grants.flatten().collect()
}

#[test]
fn what_a_lost_link_was_to_fetch_goes_to_a_hungry_one_in_the_same_call() {
    let mut story = Story::new(100_000, 50_000);
    story.peer(A, [0, 1]);
    story.peer(B, [0]);
    assert_eq!(story.want(A, 100_000).len(), 2);
    assert_eq!(story.want(B, 100_000), []);
    let out = story.tell(Input::LinkClosed { link: A });
    assert_eq!(granted(&out, B), pieces([0]));
    assert_eq!(story.picker.state(PieceIndex::new(1)), PieceState::Wanted);
    assert_eq!(story.picker.unavailable(), 1);
}

#[test]
fn a_piece_that_nobody_has_costs_nothing_and_wakes_on_a_have() {
    let mut story = Story::new(200, 100);
    story.peer(A, [0]);
    let first = story.want(A, 1_000);
    story.receive(A, &first);
    story.tell(Input::Stored(first));
    assert_eq!(story.picker.next_timeout(), None);
    assert_eq!(story.tell(Input::Tick), []);
    let out = story.tell(Input::PeerHas {
        link: A,
        pieces: pieces([1]),
    });
    let interest = Output::Interest {
        link: A,
        interested: true,
    };
    let grant = Output::Grant {
        link: A,
        pieces: pieces([1]),
    };
    assert_eq!(out, [interest, grant]);
}

#[test]
fn a_rejected_piece_goes_to_another_link_and_back_only_after_a_pause() {
    let mut story = Story::new(100, 100);
    story.peer(A, [0]);
    let piece = PieceIndex::new(0);
    assert_eq!(story.want(A, 100), [piece]);
    story.receive(A, &[piece]);
    assert_eq!(story.want(A, 100), []);
    let out = story.tell(Input::Rejected { piece, link: A });
    assert_eq!(out, []);
    assert_eq!(story.until_granted(A), [piece]);
    assert_eq!(story.now, Timestamp::ZERO + REJECT_PAUSE);
    story.receive(A, &[piece]);
    story.peer(B, [0]);
    assert_eq!(story.want(B, 100), []);
    let out = story.tell(Input::Rejected { piece, link: A });
    assert_eq!(granted(&out, B), [piece]);
}

#[test]
fn a_peer_that_gives_everything_back_is_asked_less_and_less() {
    let mut story = Story::new(100, 100);
    story.peer(A, [0]);
    let mut grants = story.want(A, 100).len();
    while story.now < Timestamp::from_millis(60_000) {
        story.tell(Input::Returned {
            link: A,
            pieces: pieces([0]),
        });
        grants += story.want(A, 100).len();
        grants += story.until_granted(A).len();
    }
    assert!((10..20).contains(&grants), "{grants} in a minute");
}

#[test]
fn nothing_is_granted_while_storage_cannot_write() {
    let mut story = Story::new(200, 100);
    story.peer(A, [0, 1]);
    story.tell(Input::Pause);
    assert_eq!(story.want(A, 200), []);
    assert_eq!(story.picker.next_timeout(), None);
    let out = story.tell(Input::Resume);
    assert_eq!(granted(&out, A).len(), 2);
}

#[test]
fn tiny_pieces_come_in_one_batch_and_in_runs() {
    let mut story = Story::new(8 << 20, 256);
    story.tell(Input::LinkOpened { link: A });
    story.tell(Input::PeerHasAll { link: A });
    let run = story.want(A, 256 * 1_000);
    assert_eq!(run.len(), 1_000);
    let pairs = run.windows(2);
    let breaks = pairs
        .filter(|pair| pair[1].get() != pair[0].get() + 1)
        .count();
    assert!(breaks <= 1, "only where it goes round");
}

#[test]
fn a_piece_larger_than_every_limit_is_still_fetched() {
    let mut story = Story::new(100 << 20, 64 << 20);
    story.peer(A, [0, 1]);
    let first = story.want(A, 2 << 20);
    assert_eq!(first.len(), 1);
    assert_eq!(story.want(A, 2 << 20), []);
    // While storage has the first, the second may come.
    let out = story.receive(A, &first);
    assert_eq!(granted(&out, A).len(), 1);
}

#[test]
fn as_many_long_pieces_are_fetched_at_once_as_their_parts_fit_in_memory() {
    let mut story = Story::new(20 * (40 << 20), 40 << 20);
    let mut leased = 0;
    for number in 0..20 {
        let link = LinkId(100 + number);
        story.peer(link, 0..20);
        leased += story.want(link, 40 << 20).len() as u64;
    }
    assert_eq!(leased, IN_FLIGHT_BYTES / SPILL_CHARGE);
}

#[test]
fn complete_is_said_once_and_again_after_a_repair() {
    let mut nothing = Story::unchecked(0, 1);
    assert_eq!(nothing.tell(Input::Tick), [Output::Complete]);
    assert_eq!(nothing.tell(Input::Tick), []);

    let mut story = Story::unchecked(100, 100);
    let one = pieces([0]);
    let good = Input::Checked {
        good: one.clone(),
        bad: vec![],
    };
    assert_eq!(story.tell(good.clone()), [Output::Complete]);
    assert_eq!(story.tell(good), []);
    let loss = Input::Checked {
        good: vec![],
        bad: one.clone(),
    };
    assert_eq!(
        story.tell(loss),
        [Output::Withdraw {
            pieces: one.clone()
        }]
    );
    assert_eq!(story.tell(Input::Stored(one)), [Output::Complete]);
}

#[test]
fn an_unchecked_piece_is_neither_fetched_nor_of_interest() {
    let mut story = Story::unchecked(200, 100);
    story.tell(Input::LinkOpened { link: A });
    assert_eq!(story.tell(Input::PeerHasAll { link: A }), []);
    assert_eq!(story.want(A, 200), []);
    let out = story.tell(Input::Checked {
        good: pieces([0]),
        bad: pieces([1]),
    });
    let interest = Output::Interest {
        link: A,
        interested: true,
    };
    let grant = Output::Grant {
        link: A,
        pieces: pieces([1]),
    };
    assert_eq!(out, [interest, grant]);
}

#[test]
fn a_silent_holder_keeps_its_lease_until_another_has_delivered() {
    let mut story = Story::new(100_000, 100_000);
    story.peer(A, [0]);
    story.peer(B, [0]);
    let piece = PieceIndex::new(0);
    assert_eq!(story.want(A, 100_000), [piece]);
    assert_eq!(story.want(B, 100_000), []);
    assert_eq!(story.until_granted(B), [piece]);
    assert!(story.now < Timestamp::from_millis(2_000));
    let out = story.receive(B, &[piece]);
    assert_eq!(
        out,
        [Output::Cancel {
            link: A,
            pieces: vec![piece]
        }]
    );
}

#[test]
fn the_lease_of_a_sole_silent_holder_is_extended_and_seldom_looked_at() {
    let mut story = Story::new(100_000, 100_000);
    story.peer(A, [0]);
    assert_eq!(story.want(A, 200_000).len(), 1);
    let mut ticks = 0;
    while story.now < Timestamp::ZERO + MAX_LEASE * 60 {
        story.now = story.picker.next_timeout().unwrap();
        assert_eq!(story.tell(Input::Tick), []);
        ticks += 1;
    }
    assert!(ticks < 30, "{ticks} ticks in ten minutes");
    assert_eq!(story.receive(A, &pieces([0])), []);
    assert_eq!(story.picker.next_timeout(), None);
}

#[test]
fn a_complete_peer_is_spared_what_a_helper_can_send() {
    let mut story = Story::new(40 << 20, 1 << 20);
    story.peer(A, 0..20);
    assert!(!story.want(A, 4 << 20).is_empty());
    story.tell(Input::LinkOpened { link: B });
    story.tell(Input::PeerHasAll { link: B });
    let mut asked = story.want(B, 64 << 20);
    while !asked.is_empty() {
        assert!(asked.iter().all(|piece| piece.get() >= 20), "{asked:?}");
        let mut out = story.receive(B, &asked);
        out.extend(story.tell(Input::Stored(asked)));
        asked = granted(&out, B);
    }
    assert_eq!(story.picker.have().count(), 20);
    let out = story.tell(Input::LinkClosed { link: A });
    assert!(!granted(&out, B).is_empty());
}

#[test]
fn a_peer_that_is_not_complete_any_more_is_not_spared_any_more() {
    let mut story = Story::new(40 << 20, 1 << 20);
    story.peer(A, 0..20);
    assert!(!story.want(A, 4 << 20).is_empty());
    story.tell(Input::LinkOpened { link: B });
    story.tell(Input::PeerHasAll { link: B });
    let mut asked = story.want(B, 64 << 20);
    while !asked.is_empty() {
        let mut out = story.receive(B, &asked);
        out.extend(story.tell(Input::Stored(asked)));
        asked = granted(&out, B);
    }
    let out = story.tell(Input::PeerLacks {
        link: B,
        pieces: pieces([39]),
    });
    assert!(!granted(&out, B).is_empty());
}

#[test]
fn a_peer_that_flips_between_all_and_almost_all_counts_as_partial() {
    let mut story = Story::new(6_400, 100);
    story.tell(Input::LinkOpened { link: A });
    for _ in 0..3 {
        story.tell(Input::PeerHasAll { link: A });
        story.tell(Input::PeerLacks {
            link: A,
            pieces: pieces([5]),
        });
    }
    story.tell(Input::PeerHas {
        link: A,
        pieces: pieces([5]),
    });
    assert!(!story.picker.state.links[&A].complete);
}

#[test]
fn the_end_game_waits_four_round_trips_as_they_were_measured() {
    let waited = |millis: u64| {
        let mut story = Story::new(64 * 1024, 64 * 1024);
        let want = |link, millis, rate| Input::Want {
            link,
            bytes: 64 * 1024,
            rtt: Duration::from_millis(millis),
            rate,
        };
        for link in [A, B] {
            story.peer(link, [0]);
        }
        // A would take half a minute; B is fast, however far away.
        assert_eq!(granted(&story.tell(want(A, 1, 2_000)), A), pieces([0]));
        story.tell(want(B, millis, 100_000_000));
        let begun = story.now;
        // A sends a little all the time: it is slow, not dead.
        for _ in 0..200 {
            story.now = story.now + Duration::from_millis(10);
            let out = story.tell(Input::Progress { link: A });
            if granted(&out, B) == pieces([0]) {
                let out = story.receive(B, &pieces([0]));
                let cancel = Output::Cancel {
                    link: A,
                    pieces: pieces([0]),
                };
                assert!(out.contains(&cancel), "the slow one goes on");
                return story.now.since(begun);
            }
        }
        panic!("nobody helps");
    };
    let near = waited(1);
    assert!(near < Duration::from_millis(400), "{near:?}");
    let far = waited(200);
    assert!(far >= Duration::from_millis(800), "{far:?}");
    assert!(far < Duration::from_millis(1_200), "{far:?}");
}

#[test]
fn a_crowd_of_silent_holders_does_not_stall_an_honest_one() {
    const PIECE: u64 = 64 << 10;
    // 1 MB/s: a piece in 66 ms.
    let each = Duration::from_millis(66);
    for crowd in [1, 3, 8, 20, 28] {
        let mut story = Story::new(4 << 20, PIECE);
        for number in 0..crowd {
            let link = LinkId(100 + number);
            story.tell(Input::LinkOpened { link });
            story.tell(Input::PeerHasAll { link });
            story.tell(silent_want(link));
        }
        story.tell(Input::LinkOpened { link: A });
        story.tell(Input::PeerHasAll { link: A });
        let mut owed = Vec::new();
        let mut last = story.now;
        let mut longest = Duration::ZERO;
        let note = |out: Vec<Output>, owed: &mut Vec<PieceIndex>| {
            for output in out {
                match output {
                    Output::Grant { link: A, pieces } => owed.extend(pieces),
                    Output::Cancel { link: A, pieces } => {
                        owed.retain(|piece| !pieces.contains(piece))
                    }
                    _ => {}
                }
            }
        };
        while !story.picker.is_complete() {
            assert!(
                story.now < Timestamp::from_millis(60_000),
                "{crowd} silent: no end"
            );
            let want = Input::Want {
                link: A,
                bytes: (6 * PIECE).saturating_sub(owed.len() as u64 * PIECE),
                rtt: Duration::from_millis(1),
                rate: 1_000_000,
            };
            note(story.tell(want), &mut owed);
            for number in 0..crowd {
                note(story.tell(silent_want(LinkId(100 + number))), &mut owed);
            }
            story.now = story.now + each;
            note(story.tell(Input::Tick), &mut owed);
            if owed.is_empty() {
                continue;
            }
            let piece = owed.remove(0);
            longest = longest.max(story.now.since(last));
            last = story.now;
            let pieces = vec![piece];
            note(
                story.tell(Input::Received {
                    link: A,
                    pieces: pieces.clone(),
                }),
                &mut owed,
            );
            note(story.tell(Input::Stored(pieces)), &mut owed);
        }
        // The invariant of the design: no stall over two seconds while a holder is there.
        assert!(
            longest < Duration::from_secs(2),
            "{crowd} silent: {longest:?}"
        );
    }
}

fn silent_want(link: LinkId) -> Input {
    let (bytes, rtt) = (384 << 10, Duration::ZERO);
    Input::Want {
        link,
        bytes,
        rtt,
        rate: 0,
    }
}

pub(super) fn selection(of: u32, numbers: impl IntoIterator<Item = u32>) -> Input {
    let mut field = Bitfield::new(of);
    for piece in pieces(numbers) {
        field.insert(piece);
    }
    Input::Select(field)
}

#[test]
fn what_is_not_selected_is_neither_fetched_nor_wished_for_and_is_announced_when_it_is_here() {
    let mut story = Story::unchecked(1_000, 100);
    story.tell(selection(10, [2, 3]));
    story.tell(Input::Checked {
        good: pieces([9]),
        bad: pieces(0..9),
    });
    assert_eq!(story.picker.state(PieceIndex::new(1)), PieceState::Skipped);
    assert!(!story.picker.is_complete());
    story.tell(Input::LinkOpened { link: A });
    let out = story.tell(Input::PeerHas {
        link: A,
        pieces: pieces([0, 1, 4, 9]),
    });
    assert_eq!(out, [], "nothing that is wanted");
    assert_eq!(story.want(A, 10_000), []);
    let out = story.tell(Input::PeerHas {
        link: A,
        pieces: pieces([2, 3]),
    });
    let mut fetched = granted(&out, A);
    fetched.sort();
    assert_eq!(fetched, pieces([2, 3]));
    story.receive(A, &fetched);
    let out = story.tell(Input::Stored(fetched));
    let over = Output::Interest {
        link: A,
        interested: false,
    };
    assert!(
        out.contains(&over) && out.contains(&Output::Complete),
        "{out:?}"
    );
    assert!(story.picker.is_complete() && !story.picker.have().is_full());
    // Somebody put a file there that nobody had asked for.
    story.peer(B, []);
    let out = story.tell(Input::Stored(pieces([5])));
    let told = [A, B].map(|link| Output::Announce {
        link,
        pieces: pieces([5]),
    });
    assert_eq!(out, told);
}

#[test]
fn another_selection_cancels_what_is_on_its_way_and_fetches_what_was_left_out() {
    let mut story = Story::new(1_000, 100);
    story.peer(A, 0..10);
    let mut first = story.want(A, 300);
    first.sort();
    let kept = first[0].get();
    let other = (0..10).find(|piece| !first.contains(&PieceIndex::new(*piece)));
    story.tell(Input::Received {
        link: A,
        pieces: vec![first[1]],
    });
    let out = story.tell(selection(10, [kept]));
    let cancel = Output::Cancel {
        link: A,
        pieces: vec![first[2]],
    };
    assert!(out.contains(&cancel), "{out:?}");
    assert_eq!(story.picker.state(first[2]), PieceState::Skipped);
    // Storage had it already: it is kept.
    assert_eq!(story.picker.state(first[1]), PieceState::Leased);
    story.tell(Input::Stored(vec![first[1]]));
    story.receive(A, &first[..1]);
    let out = story.tell(Input::Stored(vec![first[0]]));
    assert!(out.contains(&Output::Complete));
    let out = story.tell(selection(10, [kept, other.unwrap()]));
    assert!(!story.picker.is_complete());
    let interest = Output::Interest {
        link: A,
        interested: true,
    };
    assert!(out.contains(&interest), "{out:?}");
    let fetched = story.want(A, 300);
    assert_eq!(fetched, pieces(other));
    story.receive(A, &fetched);
    assert!(
        story
            .tell(Input::Stored(fetched))
            .contains(&Output::Complete)
    );
}

#[test]
fn where_nothing_is_selected_all_is_well_once_it_was_checked() {
    let mut story = Story::unchecked(300, 100);
    assert_eq!(story.tell(selection(3, [])), []);
    let first = story.tell(Input::Checked {
        good: pieces([0]),
        bad: pieces([1]),
    });
    assert_eq!(first, []);
    let out = story.tell(Input::Checked {
        good: pieces([2]),
        bad: Vec::new(),
    });
    assert_eq!(out, [Output::Complete]);
    assert_eq!((story.picker.skipped(), story.picker.wanted()), (1, 0));
}
