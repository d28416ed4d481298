//! What a node's events mean for its run: whether everything is here.

use std::collections::HashSet;

use swarmlet::Event;
use swarmlet_protocol::id::InfoHash;

use super::ending::Input;

/// How many contents there must be: those of the configuration, or the one that is to be learned.
/// Which ones there are, with those that an operator added, and which of them are complete.
#[derive(Debug)]
pub(super) struct Completion {
    expected: usize,
    kept: HashSet<InfoHash>,
    complete: HashSet<InfoHash>,
}

impl Completion {
    /// Of so many contents none is complete yet.
    pub(super) fn of(expected: usize) -> Self {
        Self {
            expected,
            kept: HashSet::new(),
            complete: HashSet::new(),
        }
    }

    /// What an event means for the run, if it means something.
    pub(super) fn take(&mut self, event: Event) -> Option<Input> {
        let was_all = self.is_all();
        match event {
            Event::SwarmAdded { info_hash } => {
                self.kept.insert(info_hash);
                (was_all && !self.is_all()).then_some(Input::Incomplete)
            }
            Event::SwarmRemoved { info_hash } => {
                // Whoever removes one that was expected does not wait for it any more.
                if self.kept.remove(&info_hash) && self.kept.len() < self.expected {
                    self.expected = self.kept.len();
                }
                self.complete.remove(&info_hash);
                (!was_all && self.is_all()).then_some(Input::Complete)
            }
            Event::Completed { info_hash } => {
                self.complete.insert(info_hash);
                self.is_all().then_some(Input::Complete)
            }
            Event::Incomplete { info_hash } => {
                self.complete.remove(&info_hash);
                (was_all && !self.is_all()).then_some(Input::Incomplete)
            }
            Event::StoragePaused { error, .. } => Some(Input::Paused(error)),
            Event::Failed { error } => Some(Input::Failed(error)),
            _ => None,
        }
    }

    fn is_all(&self) -> bool {
        // All must be there first; with none left, nothing is complete.
        let expected = self.expected.max(1);
        self.kept.len() >= expected && self.kept.is_subset(&self.complete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_contents_must_be_complete_at_a_time() {
        let [one, other] = [1, 2].map(|byte| InfoHash([byte; 20]));
        let complete = |info_hash| Event::Completed { info_hash };
        let incomplete = |info_hash| Event::Incomplete { info_hash };
        let added = |info_hash| Event::SwarmAdded { info_hash };
        let mut completion = Completion::of(2);
        for (event, input) in [
            (added(one), None),
            (added(other), None),
            (complete(one), None),
            (complete(one), None),
            (incomplete(one), None),
            (complete(other), None),
            (incomplete(one), None),
            (complete(one), Some(Input::Complete)),
            (incomplete(other), Some(Input::Incomplete)),
            (incomplete(one), None),
            (complete(other), None),
            (complete(one), Some(Input::Complete)),
        ] {
            assert_eq!(completion.take(event), input);
        }
    }

    #[test]
    fn what_an_operator_adds_must_be_complete_as_well_and_what_he_removes_need_not() {
        let [one, other] = [1, 2].map(|byte| InfoHash([byte; 20]));
        let mut completion = Completion::of(1);
        for (event, input) in [
            (Event::SwarmAdded { info_hash: one }, None),
            (Event::Completed { info_hash: one }, Some(Input::Complete)),
            (
                Event::SwarmAdded { info_hash: other },
                Some(Input::Incomplete),
            ),
            (
                Event::SwarmRemoved { info_hash: other },
                Some(Input::Complete),
            ),
            (Event::SwarmRemoved { info_hash: one }, None),
        ] {
            assert_eq!(completion.take(event), input);
        }
    }

    #[test]
    fn troubles_are_passed_on() {
        let info_hash = InfoHash([1; 20]);
        let error = || "why".to_owned();
        let mut completion = Completion::of(1);
        let paused = Event::StoragePaused {
            info_hash,
            error: error(),
        };
        assert_eq!(completion.take(paused), Some(Input::Paused(error())));
        let failed = Event::Failed { error: error() };
        assert_eq!(completion.take(failed), Some(Input::Failed(error())));
        let resumed = Event::StorageResumed { info_hash };
        assert_eq!(completion.take(resumed), None);
    }
}
