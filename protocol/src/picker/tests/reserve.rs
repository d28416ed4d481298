//! Sources that are no peers: rules one at a time, and the one that matters under any inputs.

use std::time::Duration;

use proptest::prelude::*;

use crate::id::LinkId;
use crate::layout::{Layout, PieceIndex};
use crate::picker::link::Link;
use crate::picker::reserve::is_of_use;
use crate::picker::{
    Input, Output, Picker, PickerLimits, PieceState, RESERVE_GRACE, RESERVE_PATIENCE,
};
use crate::time::Timestamp;

const ORIGIN: LinkId = LinkId(100);
const A: LinkId = LinkId(1);
const B: LinkId = LinkId(2);

fn pieces(numbers: impl IntoIterator<Item = u32>) -> Vec<PieceIndex> {
    numbers.into_iter().map(PieceIndex::new).collect()
}

struct Story {
    picker: Picker,
    now: Timestamp,
}

impl Story {
    /// Ten pieces of 100 KB, all missing, and one source that could take all.
    fn new() -> Self {
        let layout = Layout::new(1_000_000, 100_000).unwrap();
        let mut story = Self {
            picker: Picker::new(layout, PickerLimits::default(), 1),
            now: Timestamp::ZERO,
        };
        let bad = layout.all_pieces().collect();
        story.tell(Input::Checked { good: vec![], bad });
        story.tell(Input::SourceOpened { link: ORIGIN });
        story
    }

    fn tell(&mut self, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        self.picker.handle(input, self.now, &mut out);
        self.picker.audit();
        self.judge(&out);
        out
    }

    /// The invariant: no source gets a lease of what a peer of use has.
    fn judge(&self, out: &[Output]) {
        let state = &self.picker.state;
        for output in out {
            match output {
                Output::Grant { link, pieces } if state.sources.contains_key(link) => {
                    for (id, peer) in &state.links {
                        let held = pieces.iter().any(|&piece| peer.has.contains(piece));
                        assert!(!(held && is_of_use(peer, self.now)), "{id} has it");
                    }
                }
                Output::Announce { link, .. }
                | Output::Interest { link, .. }
                | Output::Suggest { link, .. } => {
                    assert!(!state.sources.contains_key(link), "{output:?}");
                }
                _ => {}
            }
        }
        // What is demanded, and kept from a source that could send it, is not forgotten.
        let full = state.paused || state.is_full_for_demand();
        let able = |source: &&Link| source.want > 0 && source.queued == 0;
        for source in state.sources.values().filter(able) {
            let offered = state.open_demand().any(|piece| source.offers(piece));
            assert!(full || !offered || self.picker.next_timeout().is_some());
        }
    }

    fn want(&mut self, link: LinkId, bytes: u64) -> Vec<Output> {
        self.tell(Input::Want {
            link,
            bytes,
            rtt: Duration::from_millis(1),
            rate: 0,
        })
    }

    /// Sleeps as long as the picker says, until the source gets something; how long that took.
    fn until_asked(&mut self) -> (Duration, Vec<PieceIndex>) {
        let since = self.now;
        for _ in 0..100 {
            self.now = self.picker.next_timeout().expect("nothing is timed");
            let out = self.tell(Input::Tick);
            let got = granted(&out, ORIGIN);
            if !got.is_empty() {
                return (self.now.since(since), got);
            }
        }
        panic!("the source was never asked");
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
    }
}

fn granted(out: &[Output], to: LinkId) -> Vec<PieceIndex> {
    let grants = out.iter().filter_map(|output| match output {
        Output::Grant { link, pieces } if *link == to => Some(pieces.clone()),
        _ => None,
    });
    grants.flatten().collect()
}

fn cancelled(out: &[Output], of: LinkId) -> Vec<PieceIndex> {
    let cancels = out.iter().filter_map(|output| match output {
        Output::Cancel { link, pieces } if *link == of => Some(pieces.clone()),
        _ => None,
    });
    cancels.flatten().collect()
}

#[test]
fn a_node_without_peers_gets_all_from_the_source_after_the_grace_and_in_neighbours() {
    let mut story = Story::new();
    assert_eq!(granted(&story.want(ORIGIN, 8 << 20), ORIGIN), []);
    assert_eq!(story.picker.unavailable(), 0, "the source can send them");
    let (time, got) = story.until_asked();
    assert_eq!(time, RESERVE_GRACE);
    assert_eq!(got.len(), 10);
    let breaks = got
        .windows(2)
        .filter(|two| two[1].get() != two[0].get() + 1);
    assert!(breaks.count() <= 1, "{got:?}");
    assert_eq!(story.picker.next_timeout(), None, "nothing is polled");
}

#[test]
fn a_peer_that_has_everything_spares_the_source_until_it_leaves() {
    let mut story = Story::new();
    story.want(ORIGIN, 8 << 20);
    story.tell(Input::LinkOpened { link: A });
    story.tell(Input::PeerHasAll { link: A });
    story.want(A, 100_000);
    for _ in 0..20 {
        story.pass(Duration::from_secs(1));
        let out = story.tell(Input::Progress { link: A });
        assert_eq!(granted(&out, ORIGIN), []);
    }
    assert_eq!(
        granted(&story.tell(Input::LinkClosed { link: A }), ORIGIN),
        []
    );
    let (time, got) = story.until_asked();
    assert_eq!(time, RESERVE_GRACE, "it may come back at once");
    assert_eq!(got.len(), 10);
}

#[test]
fn a_peer_that_gives_nothing_for_long_spares_nobody() {
    for choked in [true, false] {
        let mut story = Story::new();
        story.want(ORIGIN, 8 << 20);
        story.tell(Input::LinkOpened { link: A });
        story.tell(Input::PeerHasAll { link: A });
        if !choked {
            // It takes requests and answers none.
            assert_eq!(granted(&story.want(A, 50_000), A).len(), 1);
        }
        let (time, got) = story.until_asked();
        assert_eq!(time, RESERVE_PATIENCE);
        let all = if choked { 10 } else { 9 };
        assert!(got.len() >= all, "{got:?}");
    }
}

#[test]
fn a_peer_with_nothing_for_us_is_not_held_to_be_useless_later() {
    let mut story = Story::new();
    story.tell(Input::LinkOpened { link: A });
    story.want(ORIGIN, 8 << 20);
    story.tell(Input::Pause);
    story.pass(RESERVE_PATIENCE * 3);
    story.tell(Input::PeerHasAll { link: A });
    story.tell(Input::Resume);
    let (time, _) = story.until_asked();
    assert_eq!(time, RESERVE_PATIENCE);
}

#[test]
fn only_what_no_peer_has_is_asked_of_the_source() {
    let mut story = Story::new();
    story.want(ORIGIN, 8 << 20);
    story.tell(Input::LinkOpened { link: A });
    let has = pieces(0..7);
    story.tell(Input::PeerHas {
        link: A,
        pieces: has,
    });
    let mut asked = Vec::new();
    let (_, mut got) = story.until_asked();
    while !got.is_empty() {
        asked.extend(got.clone());
        let out = story.tell(Input::Received {
            link: ORIGIN,
            pieces: got.clone(),
        });
        story.tell(Input::Stored(got));
        got = granted(&out, ORIGIN);
    }
    assert!(story.now < Timestamp::ZERO + RESERVE_PATIENCE);
    asked.sort_unstable();
    assert_eq!(asked, pieces(7..10));
}

#[test]
fn a_peer_that_gets_a_piece_takes_it_from_the_source() {
    let mut story = Story::new();
    story.want(ORIGIN, 8 << 20);
    story.tell(Input::LinkOpened { link: A });
    story.want(A, 1 << 20);
    let (_, got) = story.until_asked();
    let out = story.tell(Input::PeerHas {
        link: A,
        pieces: got.clone(),
    });
    assert_eq!(cancelled(&out, ORIGIN), got);
    assert_eq!(granted(&out, A), got);
    // One that cannot send it now leaves it where it is.
    let mut story = Story::new();
    story.want(ORIGIN, 8 << 20);
    story.tell(Input::LinkOpened { link: B });
    let (_, got) = story.until_asked();
    let out = story.tell(Input::PeerHas {
        link: B,
        pieces: got.clone(),
    });
    assert_eq!(cancelled(&out, ORIGIN), []);
    let out = story.want(B, 1 << 20);
    assert_eq!(cancelled(&out, ORIGIN), got, "it is unchoked");
}

#[test]
fn where_others_may_ask_too_a_source_is_asked_for_a_small_share_at_a_time() {
    let mut story = Story::new();
    story.want(ORIGIN, 8 << 20);
    for link in 1..=7 {
        story.tell(Input::LinkOpened { link: LinkId(link) });
    }
    let (_, got) = story.until_asked();
    assert_eq!(got.len(), 1, "a piece at a time, for there are few");
}

#[test]
fn a_source_that_lacks_pieces_or_is_gone_leaves_them_to_others() {
    let mut story = Story::new();
    story.want(ORIGIN, 8 << 20);
    story.until_asked();
    let out = story.tell(Input::PeerLacks {
        link: ORIGIN,
        pieces: pieces(0..4),
    });
    assert_eq!(cancelled(&out, ORIGIN), pieces(0..4));
    assert_eq!(story.picker.wanted(), 4);
    assert_eq!(story.picker.unavailable(), 4);
    let out = story.tell(Input::PeerHas {
        link: ORIGIN,
        pieces: pieces(0..2),
    });
    assert_eq!(granted(&out, ORIGIN).len(), 2);
    story.tell(Input::LinkClosed { link: ORIGIN });
    assert_eq!(story.picker.wanted(), 10);
    assert_eq!(story.picker.unavailable(), 10);
    assert_eq!(story.picker.next_timeout(), None);
}

#[test]
fn a_piece_with_another_hash_is_not_asked_of_the_source_again_at_once() {
    let mut story = Story::new();
    story.want(ORIGIN, 8 << 20);
    let (_, got) = story.until_asked();
    story.tell(Input::Received {
        link: ORIGIN,
        pieces: got.clone(),
    });
    let out = story.tell(Input::Rejected {
        piece: got[0],
        link: ORIGIN,
    });
    assert_eq!(granted(&out, ORIGIN), []);
    assert_eq!(story.picker.state(got[0]), PieceState::Wanted);
    let (time, again) = story.until_asked();
    assert_eq!((time, again), (crate::picker::REJECT_PAUSE, vec![got[0]]));
}

fn input(pieces_in_all: u32) -> impl Strategy<Value = (Input, u64)> {
    let link = prop_oneof![(1_u64..5).prop_map(LinkId), (100_u64..102).prop_map(LinkId)];
    let some = prop::collection::vec((0..pieces_in_all).prop_map(PieceIndex::new), 0..6);
    let what = prop_oneof![
        link.clone().prop_map(|link| match link.0 {
            100.. => Input::SourceOpened { link },
            _ => Input::LinkOpened { link },
        }),
        link.clone().prop_map(|link| Input::LinkClosed { link }),
        (link.clone(), some.clone()).prop_map(|(link, pieces)| Input::PeerHas { link, pieces }),
        (link.clone(), some.clone()).prop_map(|(link, pieces)| Input::PeerLacks { link, pieces }),
        link.clone().prop_map(|link| Input::PeerHasAll { link }),
        (link.clone(), 0_u64..400_000, 0_u64..1_000_000).prop_map(|(link, bytes, rate)| {
            let rtt = Duration::from_millis(3);
            Input::Want {
                link,
                bytes: bytes.saturating_sub(100_000),
                rtt,
                rate,
            }
        }),
        (link.clone(), some.clone()).prop_map(|(link, pieces)| Input::Received { link, pieces }),
        (link.clone(), some.clone()).prop_map(|(link, pieces)| Input::Returned { link, pieces }),
        link.clone().prop_map(|link| Input::Progress { link }),
        some.clone().prop_map(Input::Stored),
        some.clone()
            .prop_map(|bad| Input::Checked { good: vec![], bad }),
        (link, 0..pieces_in_all).prop_map(|(link, piece)| Input::Rejected {
            piece: PieceIndex::new(piece),
            link
        }),
        some.clone().prop_map(Input::Demand),
        Just(Input::Pause),
        Just(Input::Resume),
        Just(Input::Resume),
        Just(Input::Tick),
    ];
    (what, 0_u64..3_000)
}

proptest! {
    #[test]
    fn whatever_happens_no_source_is_asked_for_what_a_peer_of_use_has(
        inputs in prop::collection::vec(input(12), 1..120)
    ) {
        let layout = Layout::new(12 * 50_000 - 7, 50_000).unwrap();
        let mut story = Story {
            picker: Picker::new(layout, PickerLimits::default(), 7),
            now: Timestamp::ZERO,
        };
        let bad = layout.all_pieces().collect();
        story.tell(Input::Checked { good: vec![], bad });
        for (input, pause) in inputs {
            story.pass(Duration::from_millis(pause));
            story.tell(input);
            // No timer spins.
            prop_assert!(story.picker.next_timeout().is_none_or(|at| at > story.now));
        }
        // In the end, a source that can take everything brings everything.
        story.tell(Input::Resume);
        for link in (1..5).chain(100..102).map(LinkId) {
            story.tell(Input::LinkClosed { link });
        }
        let all: Vec<_> = layout.all_pieces().collect();
        story.tell(Input::Unstored(all));
        story.tell(Input::SourceOpened { link: ORIGIN });
        for _ in 0..100 {
            let out = story.want(ORIGIN, 8 << 20);
            let mut got = granted(&out, ORIGIN);
            if got.is_empty() && !story.picker.is_complete() {
                (_, got) = story.until_asked();
            }
            story.tell(Input::Received { link: ORIGIN, pieces: got.clone() });
            story.tell(Input::Stored(got));
        }
        prop_assert!(story.picker.is_complete());
    }
}
