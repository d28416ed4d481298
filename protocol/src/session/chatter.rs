//! Words that change nothing, and how many of them a peer may send.
//!
//! A message of five bytes costs its sender nothing and us a step of the machine: a link on which
//! nothing else comes would take all the time of a thread from honest ones. So words are counted
//! that ask for nothing, bring nothing and tell nothing new. An honest client sends a handful a
//! minute, and some thousands at once when it withdraws its requests at the end.

use std::time::Duration;

use super::violation::Violation;
use crate::extension::{DONT_HAVE_ID, HANDSHAKE_ID, PEX_ID, SWARMS_ID};
use crate::time::Timestamp;

/// 20,000: idle words that a peer may send at once. It may have as many requests to withdraw as we
/// queue, and do so twice.
pub const CHATTER_BURST: u32 = 20_000;

/// 1 ms for each beyond, on the long run: a thousand a second cost less than a thousandth of a core.
pub const CHATTER_PERIOD: Duration = Duration::from_millis(1);

/// 64 bytes of a list count as a word: ten addresses, or a swarm, each of which is looked up.
pub const LISTED_PER_WORD: usize = 64;

/// For how many words an extension's message counts.
pub(super) const fn words_in(id: u8, length: usize) -> u32 {
    match id {
        // What is taken back is counted where it is known whether it brings something.
        DONT_HAVE_ID => 0,
        HANDSHAKE_ID | PEX_ID | SWARMS_ID => 1 + (length / LISTED_PER_WORD) as u32,
        _ => 1,
    }
}

/// What one peer has said for nothing.
#[derive(Debug)]
pub(super) struct Chatter {
    said: u32,
    since: Timestamp,
}

impl Chatter {
    pub(super) const fn new(now: Timestamp) -> Self {
        Self {
            said: 0,
            since: now,
        }
    }

    /// Counts idle words.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn count(&mut self, words: u32, now: Timestamp) -> Result<(), Violation> {
        if words == 0 {
            return Ok(());
        }
        let forgiven = now.since(self.since).as_millis() / CHATTER_PERIOD.as_millis();
        if forgiven > 0 {
            let forgiven = u32::try_from(forgiven).unwrap_or(u32::MAX);
            self.said = self.said.saturating_sub(forgiven);
            self.since = now;
        }
        self.said = self.said.saturating_add(words);
        if self.said > CHATTER_BURST {
            return Err(Violation::Chatter(CHATTER_BURST));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extension::METADATA_ID;

    #[test]
    fn a_list_counts_by_its_length_and_metadata_as_one_word() {
        // 200 addresses, as a member of the fleet says them three times at once and then each second.
        let list = words_in(PEX_ID, 1_400);
        assert!((20..30).contains(&list), "{list}");
        assert_eq!(words_in(METADATA_ID, 16 * 1024), 1);
        assert_eq!(words_in(DONT_HAVE_ID, 4), 0);
        // A node that keeps 64 contents and is given them one by one tells all of them each time.
        let told = (1..=64).map(|contents| words_in(SWARMS_ID, contents * 90 + 1_300));
        assert!(told.sum::<u32>() < CHATTER_BURST / 2);
        // Who floods with lists is heard for no more than some hundred thousand addresses.
        assert!(CHATTER_BURST / list * 200 < 250_000);
    }

    #[test]
    fn a_burst_is_forgiven_in_time_and_a_flood_is_not() {
        let start = Timestamp::from_millis(1_000);
        let mut chatter = Chatter::new(start);
        assert_eq!(chatter.count(CHATTER_BURST, start), Ok(()));
        assert_eq!(
            chatter.count(1, start),
            Err(Violation::Chatter(CHATTER_BURST))
        );
        let mut chatter = Chatter::new(start);
        let mut now = start;
        for _ in 0..200_000 {
            now = now + CHATTER_PERIOD;
            assert_eq!(chatter.count(1, now), Ok(()), "a word per period");
        }
        let mut said = 0;
        while chatter.count(3, now).is_ok() {
            now = now + CHATTER_PERIOD;
            said += 3;
        }
        assert!(said < 2 * CHATTER_BURST, "{said}");
    }
}
