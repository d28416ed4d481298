//! What a node's events mean for its run: whether everything is here.

use std::collections::HashSet;

use swarmlet::Event;
use swarmlet_protocol::id::InfoHash;

use super::ending::Input;

/// How many contents there are, or will be once one is learned, and which are complete.
#[derive(Debug)]
pub(super) struct Completion {
    contents: usize,
    complete: HashSet<InfoHash>,
}

impl Completion {
    /// Of so many contents none is complete yet.
    pub(super) fn of(contents: usize) -> Self {
        let complete = HashSet::new();
        Self { contents, complete }
    }

    /// What an event means for the run, if it means something.
    pub(super) fn take(&mut self, event: Event) -> Option<Input> {
        match event {
            Event::Completed { info_hash } => {
                self.complete.insert(info_hash);
                self.is_all().then_some(Input::Complete)
            }
            Event::Incomplete { info_hash } => {
                let was_all = self.is_all();
                self.complete.remove(&info_hash);
                (was_all && !self.is_all()).then_some(Input::Incomplete)
            }
            Event::StoragePaused { error, .. } => Some(Input::Paused(error)),
            Event::Failed { error } => Some(Input::Failed(error)),
            _ => None,
        }
    }

    fn is_all(&self) -> bool {
        self.complete.len() >= self.contents
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
        let mut completion = Completion::of(2);
        for (event, input) in [
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
