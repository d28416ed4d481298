//! The invariants, under random inputs.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::steps::{demand, steps};
use crate::id::LinkId;
use crate::layout::{Layout, PieceIndex};
use crate::picker::judge::{Step, World};
use crate::picker::{Input, Output, Picker, PickerLimits};
use crate::time::Timestamp;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_picker_keeps_its_invariants_under_any_inputs(
        steps in steps(70),
        in_flight_bytes in prop_oneof![Just(50_u64), 100_u64..3_000, Just(1 << 20)],
        demanded_bytes in prop_oneof![Just(0_u64), Just(200), Just(1 << 20)],
        leases in prop_oneof![Just(5_usize), Just(1_000)],
        seed in any::<u64>(),
    ) {
        let layout = Layout::new(6_950, 100).unwrap();
        let limits = PickerLimits { in_flight_bytes, demanded_bytes, leases };
        let mut world = World::new(layout, limits, seed);
        for step in steps {
            world.step(step);
        }
    }

    #[test]
    fn a_swarm_with_one_honest_complete_peer_completes_after_any_inputs(
        steps in steps(70),
        demands in prop::collection::vec(demand(70), 1..40),
        seed in any::<u64>(),
    ) {
        let layout = Layout::new(6_950, 100).unwrap();
        let limits = PickerLimits { in_flight_bytes: 2_000, demanded_bytes: 400, leases: 30 };
        let mut world = World::new(layout, limits, seed);
        for step in steps {
            world.step(step);
        }
        // Storage answers for all that it had, and one peer serves whatever it is asked; the
        // others stay, and are silent.
        world.handle(Input::Resume);
        let bad = layout.all_pieces().filter(|piece| world.model.unchecked.contains(piece));
        let bad = bad.collect();
        world.handle(Input::Checked { good: vec![], bad });
        let lost = world.model.storing.keys().copied().collect();
        world.handle(Input::Unstored(lost));
        let link = LinkId(99);
        world.handle(Input::LinkOpened { link });
        world.handle(Input::PeerHasAll { link });
        for round in 0..200 {
            let demand = demands[round % demands.len()].clone();
            world.handle(Input::Demand(demand));
            let rtt = Duration::from_millis(1);
            world.handle(Input::Want { link, bytes: 1_000, rtt, rate: 100_000 });
            let pieces: Vec<_> = world.model.peers[&link].fetching.iter().copied().collect();
            if pieces.is_empty() {
                world.step(Step::Wait);
            } else {
                world.now = world.now + Duration::from_millis(5);
                world.handle(Input::Received { link, pieces: pieces.clone() });
                world.handle(Input::Stored(pieces));
            }
        }
        prop_assert!(world.picker.is_complete(), "{} missing", 70 - world.picker.have().count());
    }

    #[test]
    fn what_a_partial_peer_is_asked_for_is_the_rarest_that_it_has(
        fields in prop::collection::vec(prop::collection::btree_set(0_u32..64, 0..50), 2..7),
        want in 1_u64..40,
        seed in any::<u64>(),
    ) {
        let layout = Layout::new(64 * 20_000, 20_000).unwrap();
        let mut picker = Picker::new(layout, PickerLimits::default(), seed);
        let mut out = Vec::new();
        let bad = layout.all_pieces().collect();
        picker.handle(Input::Checked { good: vec![], bad }, Timestamp::ZERO, &mut out);
        for (number, field) in fields.iter().enumerate() {
            let link = LinkId(number as u64);
            let pieces = field.iter().map(|&piece| PieceIndex::new(piece)).collect();
            picker.handle(Input::LinkOpened { link }, Timestamp::ZERO, &mut out);
            picker.handle(Input::PeerHas { link, pieces }, Timestamp::ZERO, &mut out);
        }
        out.clear();
        let link = LinkId(0);
        let input = Input::Want { link, bytes: want * 20_000, rtt: Duration::ZERO, rate: 0 };
        picker.handle(input, Timestamp::ZERO, &mut out);
        let rarity = |piece: u32| fields.iter().filter(|field| field.contains(&piece)).count();
        let granted: BTreeSet<_> = out.iter().flat_map(|output| match output {
            Output::Grant { pieces, .. } => pieces.iter().map(|piece| piece.get()).collect(),
            _ => vec![],
        }).collect();
        prop_assert_eq!(granted.len(), fields[0].len().min(want as usize));
        let commonest = granted.iter().map(|&piece| rarity(piece)).max();
        let rarest_left = (&fields[0] - &granted).into_iter().map(rarity).min();
        if let (Some(commonest), Some(rarest_left)) = (commonest, rarest_left) {
            prop_assert!(commonest <= rarest_left);
        }
    }
}
