//! Every reason by itself, what hides what, and any numbers at all.

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
