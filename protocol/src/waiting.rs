//! Why a swarm waits, in a word for programs and a line for people.
//!
//! Decides nothing and keeps nothing: from facts that the host gathers follows what an operator must
//! know, the most important first. A swarm in which bytes arrive waits for nothing but what would stop
//! it later.
//!
//! Invariants: what is complete waits for nothing, unless it was paused or refused or its disk has
//! trouble; where something is missing and nothing arrives, there is a reason; no code stands twice;
//! every detail is one line.

use std::fmt;

use crate::text::escaped;

/// How a swarm stands. Numbers that contradict each other make no sense and no harm.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Situation {
    /// The operator paused it.
    pub paused: bool,
    /// The content was refused, and why: it cannot be kept where it is to be kept.
    pub refused: Option<String>,
    /// It is known what the content is.
    pub known: bool,
    /// Pieces that were not checked yet.
    pub unchecked: u32,
    /// Pieces in all.
    pub pieces: u32,
    /// Pieces that are selected and known to be missing, on their way or not.
    pub missing: u32,
    /// Why the disk does not do what it should, in its own words.
    pub trouble: Option<String>,
    /// Other contents of the node are fetched, and this one after them.
    pub waits_for_turn: bool,
    /// Links to peers.
    pub links: u32,
    /// Those of them whose peers have something that is missing here.
    pub useful: u32,
    /// Those of these that choke us.
    pub choking: u32,
    /// Missing pieces that no linked peer has, nor a source that can be asked.
    pub without_holder: u32,
    /// The first of them.
    pub first_without_holder: Option<u32>,
    /// Pieces that are asked for or being written.
    pub leased: u32,
    /// Bytes per second that arrive.
    pub down_rate: u64,
    /// Sources that are no peers and can be asked.
    pub sources: u32,
}

/// What it is that a swarm waits for. Its text never changes: programs go by it.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
#[non_exhaustive]
pub enum WaitCode {
    /// The operator, who paused it.
    Paused,
    /// The operator, who must change something: the content was refused.
    Refused,
    /// The disk.
    Disk,
    /// A peer that knows what the content is.
    NoDescription,
    /// The check of what is here.
    Checking,
    /// Its turn.
    Turn,
    /// A peer.
    NoPeers,
    /// A peer that does not choke us.
    AllChoking,
    /// A peer that has what is missing.
    NoHolder,
    /// An answer to what was asked.
    NoAnswer,
}

impl WaitCode {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 10] = [
        Self::Paused,
        Self::Refused,
        Self::Disk,
        Self::NoDescription,
        Self::Checking,
        Self::Turn,
        Self::NoPeers,
        Self::AllChoking,
        Self::NoHolder,
        Self::NoAnswer,
    ];

    /// The code as text: words with hyphens.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Refused => "refused",
            Self::Disk => "disk",
            Self::NoDescription => "no-description",
            Self::Checking => "checking",
            Self::Turn => "turn",
            Self::NoPeers => "no-peers",
            Self::AllChoking => "all-choking",
            Self::NoHolder => "no-holder",
            Self::NoAnswer => "no-answer",
        }
    }
}

impl fmt::Display for WaitCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// One thing that a swarm waits for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wait {
    /// For programs.
    pub code: WaitCode,
    /// For people, in one line.
    pub detail: String,
}

/// Why the swarm waits, what an operator must see first at the front; empty if it does not.
#[must_use]
pub fn reasons(situation: &Situation) -> Vec<Wait> {
    let mut waits = Vec::new();
    let mut say = |code, detail: String| waits.push(Wait { code, detail });
    if situation.paused {
        say(WaitCode::Paused, "paused by the operator".to_owned());
    }
    if let Some(why) = &situation.refused {
        say(WaitCode::Refused, escaped(why));
    }
    if let Some(trouble) = &situation.trouble {
        say(WaitCode::Disk, escaped(trouble));
    }
    if situation.paused || situation.refused.is_some() {
        // Nobody is asked for anything, so the rest is no reason.
        return waits;
    }
    if !situation.known {
        let detail = "nobody linked has the description of the content yet";
        say(WaitCode::NoDescription, detail.to_owned());
    } else if situation.unchecked > 0 {
        say(WaitCode::Checking, checking(situation));
    }
    if situation.waits_for_turn && situation.lacks_something() {
        say(WaitCode::Turn, "others are fetched first".to_owned());
    }
    if situation.lacks_something() {
        add_network(situation, &mut waits);
    }
    waits
}

impl Situation {
    const fn lacks_something(&self) -> bool {
        !self.known || self.missing > 0
    }

    const fn moves(&self) -> bool {
        self.down_rate > 0
    }

    /// Can somebody be asked that is no peer?
    const fn has_sources(&self) -> bool {
        self.known && self.sources > 0
    }
}

/// What peers have to do with it.
fn add_network(situation: &Situation, waits: &mut Vec<Wait>) {
    let mut say = |code, detail: String| waits.push(Wait { code, detail });
    let alone = situation.links == 0 && !situation.has_sources();
    if alone && !situation.moves() {
        say(WaitCode::NoPeers, "no peer is linked".to_owned());
    }
    if !situation.known {
        return;
    }
    let choked = situation.useful > 0 && situation.choking >= situation.useful;
    if choked && situation.links > 0 && !situation.moves() {
        say(WaitCode::AllChoking, all_choking(situation));
    }
    if situation.without_holder > 0 && !alone {
        say(WaitCode::NoHolder, no_holder(situation));
    }
    if waits.is_empty() && !situation.moves() {
        waits.push(Wait {
            code: WaitCode::NoAnswer,
            detail: no_answer(situation),
        });
    }
}

fn checking(situation: &Situation) -> String {
    let checked = situation.pieces.saturating_sub(situation.unchecked);
    let pieces = counted(situation.pieces, "piece");
    format!("the file is being checked: {checked} of {pieces}")
}

fn all_choking(situation: &Situation) -> String {
    let (links, useful) = (situation.links, situation.useful);
    match useful {
        _ if useful >= links && links == 1 => "1 peer, choking".to_owned(),
        _ if useful >= links => format!("{links} peers, all choking"),
        1 => format!("1 of {links} peers has what is missing, choking"),
        _ => format!("{useful} of {links} peers have what is missing, all choking"),
    }
}

fn no_holder(situation: &Situation) -> String {
    match (situation.without_holder, situation.first_without_holder) {
        (1, Some(piece)) => format!("piece {piece} has no holder"),
        (1, None) => "1 piece has no holder".to_owned(),
        (many, Some(piece)) => format!("{many} pieces have no holder, the first is piece {piece}"),
        (many, None) => format!("{many} pieces have no holder"),
    }
}

fn no_answer(situation: &Situation) -> String {
    match situation.leased {
        0 => "nothing was asked for yet".to_owned(),
        1 => "1 piece was asked for and did not come yet".to_owned(),
        many => format!("{many} pieces were asked for and did not come yet"),
    }
}

/// `1 piece`, `2 pieces`.
fn counted(number: u32, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Known and checked, with linked peers that have and send what is missing.
    fn fetching() -> Situation {
        Situation {
            known: true,
            pieces: 100,
            missing: 40,
            links: 3,
            useful: 3,
            leased: 6,
            down_rate: 1_000_000,
            ..Situation::default()
        }
    }

    fn said(situation: &Situation) -> Vec<String> {
        let waits = reasons(situation);
        let line = |wait: Wait| format!("{}: {}", wait.code, wait.detail);
        waits.into_iter().map(line).collect()
    }

    #[test]
    fn a_swarm_that_fetches_or_has_all_waits_for_nothing() {
        assert_eq!(said(&fetching()), [""; 0]);
        let complete = Situation {
            missing: 0,
            leased: 0,
            down_rate: 0,
            waits_for_turn: true,
            ..fetching()
        };
        assert_eq!(said(&complete), [""; 0]);
        let alone = Situation {
            links: 0,
            useful: 0,
            ..complete
        };
        assert_eq!(said(&alone), [""; 0]);
    }

    #[test]
    fn what_somebody_must_do_comes_first_and_hides_what_follows_from_it() {
        let paused = Situation {
            paused: true,
            trouble: Some("no space left on device".to_owned()),
            links: 0,
            down_rate: 0,
            ..fetching()
        };
        let words = [
            "paused: paused by the operator",
            "disk: no space left on device",
        ];
        assert_eq!(said(&paused), words);
        let refused = Situation {
            refused: Some("its name\nis \u{202e}odd".to_owned()),
            ..Situation::default()
        };
        assert_eq!(said(&refused), ["refused: its name\\nis \\u{202e}odd"]);
        let full = Situation {
            trouble: Some("cannot write /data.bin: no space left on device".to_owned()),
            missing: 0,
            ..fetching()
        };
        let words = ["disk: cannot write /data.bin: no space left on device"];
        assert_eq!(said(&full), words);
    }

    #[test]
    fn what_is_not_known_or_not_checked_is_said() {
        let mut unknown = Situation::default();
        let words = "no-description: nobody linked has the description of the content yet";
        assert_eq!(said(&unknown), [words, "no-peers: no peer is linked"]);
        unknown.links = 2;
        assert_eq!(said(&unknown), [words]);
        let checking = Situation {
            unchecked: 88,
            missing: 0,
            down_rate: 0,
            ..fetching()
        };
        let words = "checking: the file is being checked: 12 of 100 pieces";
        assert_eq!(said(&checking), [words]);
    }

    #[test]
    fn a_turn_is_waited_for_and_what_would_stop_it_then_is_said_too() {
        let waiting = Situation {
            waits_for_turn: true,
            down_rate: 0,
            leased: 0,
            without_holder: 40,
            first_without_holder: Some(2),
            ..fetching()
        };
        let words = [
            "turn: others are fetched first",
            "no-holder: 40 pieces have no holder, the first is piece 2",
        ];
        assert_eq!(said(&waiting), words);
    }

    #[test]
    fn peers_that_are_not_there_or_choke_are_said() {
        let stalled = Situation {
            down_rate: 0,
            leased: 0,
            ..fetching()
        };
        let with = |links, useful, choking| Situation {
            links,
            useful,
            choking,
            ..stalled.clone()
        };
        let cases = [
            (with(0, 0, 0), "no-peers: no peer is linked"),
            (with(1, 1, 1), "all-choking: 1 peer, choking"),
            (with(3, 3, 3), "all-choking: 3 peers, all choking"),
            (
                with(5, 1, 1),
                "all-choking: 1 of 5 peers has what is missing, choking",
            ),
            (
                with(5, 3, 3),
                "all-choking: 3 of 5 peers have what is missing, all choking",
            ),
            (with(3, 3, 2), "no-answer: nothing was asked for yet"),
        ];
        for (situation, words) in cases {
            assert_eq!(said(&situation), [words]);
        }
    }

    #[test]
    fn pieces_without_a_holder_are_counted_and_the_first_is_named_though_others_move() {
        let with = |without_holder, first_without_holder| Situation {
            without_holder,
            first_without_holder,
            ..fetching()
        };
        let cases = [
            (with(1, Some(17)), "piece 17 has no holder"),
            (
                with(12, Some(17)),
                "12 pieces have no holder, the first is piece 17",
            ),
            (with(1, None), "1 piece has no holder"),
            (with(2, None), "2 pieces have no holder"),
        ];
        for (situation, words) in cases {
            assert_eq!(said(&situation), [format!("no-holder: {words}")]);
        }
    }

    #[test]
    fn where_all_is_well_and_nothing_comes_that_is_said() {
        let asked = |leased| Situation {
            leased,
            down_rate: 0,
            ..fetching()
        };
        let words = "no-answer: 1 piece was asked for and did not come yet";
        assert_eq!(said(&asked(1)), [words]);
        let words = "no-answer: 6 pieces were asked for and did not come yet";
        assert_eq!(said(&asked(6)), [words]);
        let source = Situation {
            links: 0,
            useful: 0,
            sources: 1,
            ..asked(2)
        };
        let words = "no-answer: 2 pieces were asked for and did not come yet";
        assert_eq!(said(&source), [words]);
    }

    fn situation() -> impl Strategy<Value = Situation> {
        let number = || prop_oneof![4 => 0_u32..4, 1 => any::<u32>()];
        let words = || prop::option::weighted(0.2, ".{0,12}");
        let flags = prop::array::uniform3(prop::bool::weighted(0.2));
        let first = prop::option::of(number());
        let numbers = prop::array::uniform9(number());
        let rate = prop_oneof![Just(0_u64), any::<u64>()];
        (flags, words(), words(), numbers, first, rate).prop_map(
            |(flags, refused, trouble, numbers, first_without_holder, down_rate)| {
                let [paused, unknown, waits_for_turn] = flags;
                let [
                    unchecked,
                    pieces,
                    missing,
                    links,
                    useful,
                    choking,
                    lonely,
                    leased,
                    sources,
                ] = numbers;
                Situation {
                    paused,
                    refused,
                    known: !unknown,
                    unchecked,
                    pieces,
                    missing,
                    trouble,
                    waits_for_turn,
                    links,
                    useful,
                    choking,
                    without_holder: lonely,
                    first_without_holder,
                    leased,
                    down_rate,
                    sources,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn whatever_the_numbers_are_the_reasons_make_sense(situation in situation()) {
            let waits = reasons(&situation);
            let codes: Vec<_> = waits.iter().map(|wait| wait.code).collect();
            prop_assert!(codes.is_sorted(), "in the order of the codes: {codes:?}");
            let distinct: BTreeSet<_> = codes.iter().collect();
            prop_assert_eq!(distinct.len(), codes.len());
            for wait in &waits {
                prop_assert_eq!(wait.detail.lines().count().max(1), 1);
                prop_assert!(wait.code.as_str().chars().all(|it| it == '-' || it.is_ascii_lowercase()));
            }
            let complete = situation.known && situation.missing == 0 && situation.unchecked == 0;
            let held_up = situation.paused || situation.refused.is_some() || situation.trouble.is_some();
            if complete && !held_up {
                prop_assert_eq!(&waits, &[]);
            }
            if situation.missing > 0 && situation.down_rate == 0 {
                prop_assert!(!waits.is_empty());
            }
            if situation.paused {
                prop_assert_eq!(waits[0].code, WaitCode::Paused);
            }
        }
    }
}
