//! A picker under any inputs, beside its model.

use std::time::Duration;

use super::model::Model;
use crate::id::LinkId;
use crate::layout::Layout;
use crate::picker::{Input, Output, Picker, PickerLimits};
use crate::time::Timestamp;

/// Something that happens to the picker.
#[derive(Clone, Debug)]
pub enum Step {
    /// This is said, so many milliseconds after the step before.
    Do(Input, u64),
    /// The link answers some of what it fetches: received or returned, then stored or rejected.
    Answer(LinkId, u8, u64),
    /// Time goes on to the next timeout.
    Wait,
}

/// The picker, the book that is kept beside it, and the time.
#[derive(Debug)]
pub struct World {
    pub(in crate::picker) picker: Picker,
    pub(in crate::picker) model: Model,
    pub(in crate::picker) now: Timestamp,
    /// All that the picker ever said.
    pub(in crate::picker) told: Vec<Output>,
    /// Only every so many words are followed by a look at everything.
    every: u32,
    words: u32,
}

impl World {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(layout: Layout, limits: PickerLimits, seed: u64) -> Self {
        Self {
            picker: Picker::new(layout, limits, seed),
            model: Model::new(layout, limits),
            now: Timestamp::ZERO,
            told: Vec::new(),
            every: 1,
            words: 0,
        }
    }

    /// Looks at everything only after every so many words: a look takes longer than the words do.
    #[must_use]
    pub const fn looking_every(mut self, words: u32) -> Self {
        self.every = words;
        self
    }

    /// Something is said to the picker.
    pub fn handle(&mut self, input: Input) {
        let mut out = Vec::new();
        self.picker.handle(input.clone(), self.now, &mut out);
        let gained = self.model.take_in(&input);
        self.model.follow(&out, &gained);
        self.words += 1;
        if self.words.is_multiple_of(self.every) {
            self.look();
        }
        let next = self.picker.next_timeout();
        assert!(
            next.is_none_or(|next| next > self.now),
            "a timeout that is over"
        );
        self.told.extend(out);
    }

    /// Compares the picker with the book, and its accounts with each other.
    pub fn look(&self) {
        self.model.compare(&self.picker);
        self.picker.audit();
    }

    /// A step is taken.
    pub fn step(&mut self, step: Step) {
        match step {
            Step::Do(input, millis) => {
                self.now = self.now + Duration::from_millis(millis);
                self.handle(input);
            }
            Step::Answer(link, how, millis) => {
                self.now = self.now + Duration::from_millis(millis);
                let Some(peer) = self.model.peers.get(&link) else {
                    return;
                };
                let some = 1 + usize::from(how / 8) % 8;
                let pieces: Vec<_> = peer.fetching.iter().copied().take(some).collect();
                if how % 8 == 0 {
                    return self.handle(Input::Returned { link, pieces });
                }
                self.handle(Input::Received {
                    link,
                    pieces: pieces.clone(),
                });
                match how % 8 {
                    1 => pieces
                        .into_iter()
                        .for_each(|piece| self.handle(Input::Rejected { piece, link })),
                    2 => self.handle(Input::Unstored(pieces)),
                    3 => {}
                    _ => self.handle(Input::Stored(pieces)),
                }
            }
            Step::Wait => {
                if let Some(next) = self.picker.next_timeout() {
                    self.now = self.now.max(next);
                }
                self.handle(Input::Tick);
            }
        }
    }
}
