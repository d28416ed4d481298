//! A complete node hands its pieces out, and its peers take what they are handed.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::id::LinkId;
use crate::layout::{Layout, PieceIndex};
use crate::picker::{Input, Output, Picker, PickerLimits, SUGGESTED_ONLY};
use crate::time::Timestamp;

const PIECES: u32 = 64;

struct Node {
    picker: Picker,
    now: Timestamp,
}

fn link(number: u64) -> LinkId {
    LinkId(number)
}

fn pieces(numbers: impl IntoIterator<Item = u32>) -> Vec<PieceIndex> {
    numbers.into_iter().map(PieceIndex::new).collect()
}

impl Node {
    fn new(has: impl Fn(u32) -> bool) -> Self {
        let layout = Layout::new(u64::from(PIECES) << 18, 1 << 18).unwrap();
        let mut node = Self {
            picker: Picker::new(layout, PickerLimits::default(), 7),
            now: Timestamp::from_millis(1),
        };
        let (good, bad) = layout.all_pieces().partition(|piece| has(piece.get()));
        node.tell(Input::Checked { good, bad });
        node
    }

    fn tell(&mut self, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        self.picker.handle(input, self.now, &mut out);
        self.picker.audit();
        out
    }

    fn want(&mut self, number: u64) -> Vec<PieceIndex> {
        let out = self.tell(Input::Want {
            link: link(number),
            bytes: 1 << 18,
            rtt: Duration::from_millis(1),
            rate: 0,
        });
        let granted = out.into_iter().find_map(|output| match output {
            Output::Grant { link: to, pieces } if to == link(number) => Some(pieces),
            _ => None,
        });
        granted.unwrap_or_default()
    }
}

fn suggested(out: &[Output]) -> Vec<(LinkId, PieceIndex)> {
    let words = out.iter().filter_map(|output| match output {
        Output::Suggest { link, pieces } => Some(pieces.iter().map(|&piece| (*link, piece))),
        _ => None,
    });
    words.flatten().collect()
}

#[test]
fn each_piece_is_handed_to_one_peer_and_the_next_when_it_has_that() {
    let mut seed = Node::new(|_| true);
    let mut lists: Vec<Vec<PieceIndex>> = vec![Vec::new(); 5];
    let mut all = BTreeSet::new();
    let mut words = Vec::new();
    for number in 0..5 {
        words.extend(suggested(
            &seed.tell(Input::LinkOpened { link: link(number) }),
        ));
    }
    // Peers take one after the other, and say so.
    for round in 0..1_000 {
        for (to, piece) in words.drain(..) {
            assert!(all.insert(piece), "{piece:?} was handed out twice");
            lists[to.0 as usize].push(piece);
        }
        let number = round % 5;
        seed.now = seed.now + Duration::from_millis(2);
        if let Some(piece) = lists[number].pop() {
            let (link, pieces) = (link(number as u64), vec![piece]);
            words = suggested(&seed.tell(Input::PeerHas { link, pieces }));
        }
    }
    assert_eq!(all.len(), PIECES as usize);
}

#[test]
fn what_a_lost_peer_was_to_pass_on_is_handed_to_others() {
    let mut seed = Node::new(|_| true);
    let mut handed = BTreeSet::new();
    for number in 0..3 {
        let out = seed.tell(Input::LinkOpened { link: link(number) });
        handed.extend(suggested(&out));
    }
    let of = |number: u64| {
        let list = handed.iter().filter(move |(to, _)| *to == link(number));
        list.map(|&(_, piece)| piece).collect::<BTreeSet<_>>()
    };
    let lost = of(0);
    assert!(!lost.is_empty());
    let out = seed.tell(Input::LinkClosed { link: link(0) });
    let mut again: BTreeSet<_> = suggested(&out)
        .into_iter()
        .map(|(_, piece)| piece)
        .collect();
    let mut todo: Vec<_> = [1, 2]
        .into_iter()
        .flat_map(|number| {
            of(number)
                .into_iter()
                .map(move |piece| (link(number), piece))
        })
        .collect();
    todo.extend(suggested(&out));
    while let Some((link, piece)) = todo.pop() {
        let out = seed.tell(Input::PeerHas {
            link,
            pieces: vec![piece],
        });
        for (to, piece) in suggested(&out) {
            again.insert(piece);
            todo.push((to, piece));
        }
    }
    assert!(lost.is_subset(&again));
}

#[test]
fn peers_that_take_nothing_narrow_nobody_who_does() {
    const STRANGERS: u64 = 30;
    let mut seed = Node::new(|_| true);
    let taker = link(STRANGERS);
    let mut words = Vec::new();
    for number in 0..STRANGERS {
        seed.tell(Input::LinkOpened { link: link(number) });
    }
    words.extend(suggested(&seed.tell(Input::LinkOpened { link: taker })));
    let mut has = BTreeSet::<PieceIndex>::new();
    let mut rounds = 0;
    while has.len() < PIECES as usize {
        rounds += 1;
        assert!(rounds < 30, "{} of {PIECES} pieces", has.len());
        seed.now = seed.now + Duration::from_millis(50);
        // Its lists are taken as a whole, as one that asks ahead takes them.
        let list = words.drain(..).filter(|&(to, _)| to == taker);
        let mut pieces: Vec<_> = list.map(|(_, piece)| piece).collect();
        if pieces.is_empty() {
            // After some time without a word it asks for what it likes.
            let all = PieceIndex::new(0).get()..PIECES;
            let lacking = all.map(PieceIndex::new).find(|piece| !has.contains(piece));
            pieces.extend(lacking);
            seed.now = seed.now + SUGGESTED_ONLY;
        }
        has.extend(&pieces);
        words = suggested(&seed.tell(Input::PeerHas {
            link: taker,
            pieces,
        }));
    }
}

#[test]
fn a_slow_peer_keeps_no_piece_from_the_others() {
    let mut seed = Node::new(|_| true);
    let mut words = VecDeque::new();
    for number in 0..3 {
        words.extend(suggested(
            &seed.tell(Input::LinkOpened { link: link(number) }),
        ));
    }
    let slow: BTreeSet<_> = words
        .iter()
        .filter(|(to, _)| *to == link(0))
        .map(|&(_, piece)| piece)
        .collect();
    let mut others = BTreeSet::new();
    // The others get all that they are handed; the slow one gets nothing.
    while let Some((to, piece)) = words.pop_front() {
        if to == link(0) {
            continue;
        }
        others.insert(piece);
        seed.now = seed.now + Duration::from_millis(20);
        words.extend(suggested(&seed.tell(Input::PeerHas {
            link: to,
            pieces: vec![piece],
        })));
    }
    assert!(slow.is_subset(&others), "{slow:?} stays with the slow one");
}

#[test]
fn one_peer_alone_and_tiny_pieces_are_not_told_what_to_take() {
    let mut seed = Node::new(|_| true);
    assert!(suggested(&seed.tell(Input::LinkOpened { link: link(0) })).is_empty());
    let layout = Layout::new(64 << 10, 1 << 10).unwrap();
    let mut tiny = Picker::new(layout, PickerLimits::default(), 7);
    let mut out = Vec::new();
    let good = layout.all_pieces().collect();
    tiny.handle(
        Input::Checked { good, bad: vec![] },
        Timestamp::ZERO,
        &mut out,
    );
    for number in 0..3 {
        tiny.handle(
            Input::LinkOpened { link: link(number) },
            Timestamp::ZERO,
            &mut out,
        );
    }
    assert!(suggested(&out).is_empty());
}

/// A node without pieces: a complete peer on link 0, partial ones on 1 to 3.
fn leecher() -> Node {
    let mut node = Node::new(|_| false);
    for number in 0..4 {
        node.tell(Input::LinkOpened { link: link(number) });
    }
    node.tell(Input::PeerHasAll { link: link(0) });
    node
}

#[test]
fn of_what_only_a_complete_peer_has_it_is_asked_for_what_it_suggested() {
    let mut node = leecher();
    node.tell(Input::PeerSuggests {
        link: link(0),
        pieces: pieces([40, 9, 9, PIECES + 3]),
    });
    let mut got = Vec::new();
    for _ in 0..6 {
        let some = node.want(0);
        node.tell(Input::Received {
            link: link(0),
            pieces: some.clone(),
        });
        let out = node.tell(Input::Stored(some.clone()));
        // Whoever suggests hears what became of it, although it has everything.
        let told = out
            .iter()
            .any(|output| matches!(output, Output::Announce { link: to, .. } if *to == link(0)));
        assert_eq!(told, !some.is_empty());
        got.extend(some);
    }
    assert_eq!(got, pieces([40, 9]));
    // It may have forgotten us: after a while it is asked for anything.
    assert!(node.want(0).is_empty());
    node.now = node.now + SUGGESTED_ONLY;
    assert!(node.picker.next_timeout().is_some_and(|at| at <= node.now));
    let out = node.tell(Input::Tick);
    assert!(
        out.iter()
            .any(|output| matches!(output, Output::Grant { .. })),
        "{out:?}"
    );
}

#[test]
fn a_peer_that_suggests_what_we_have_or_fetch_binds_nobody() {
    let mut node = leecher();
    node.tell(Input::Stored(pieces([5])));
    node.tell(Input::PeerSuggests {
        link: link(0),
        pieces: pieces([5]),
    });
    assert_eq!(node.want(0).len(), 1);
}
