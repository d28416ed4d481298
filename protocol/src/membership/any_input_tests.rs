//! What holds of `Membership` whatever the network does.

use proptest::prelude::*;

use super::judge::World;

proptest! {
    #[test]
    fn limits_hold_and_nothing_spins(
        seed: u64,
        steps in prop::collection::vec((0_u8..14, any::<u8>(), any::<u8>(), 0_u64..400), 1..300),
    ) {
        let mut world = World::new(seed);
        for (kind, one, two, wait) in steps {
            world.step(kind, one, two, wait);
            world.look();
        }
    }
}
