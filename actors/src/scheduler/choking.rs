//! Who may fetch from us: facts of links go into the choker, and its words to the links.

use swarmlet_protocol::choking::{Input, Output};
use swarmlet_protocol::id::LinkId;
use swarmlet_protocol::session::Input as SessionInput;

use super::Scheduler;
use crate::messages::link::LinkNews;

/// What a fact means to the choker, if anything.
pub(super) const fn fact(link: LinkId, what: &LinkNews) -> Option<Input> {
    Some(match *what {
        LinkNews::Ready { fleet } => Input::Ready { link, fleet },
        LinkNews::PeerInterest { interested, done } => Input::Interest {
            link,
            interested,
            done,
        },
        LinkNews::Traffic { given, taken } => Input::Traffic { link, given, taken },
        LinkNews::Snubs(snubs) => Input::Snubs { link, snubs },
        LinkNews::Gone => Input::LinkClosed { link },
        _ => return None,
    })
}

impl Scheduler {
    /// A link begins, before its welcome. A session serves its peer unless it is told otherwise, so
    /// where there is a slot, or none is needed, not a word is lost.
    pub(super) fn open_to(&mut self, link: LinkId, fleet: bool) {
        let words = self.ask_choker(Input::LinkOpened { link, fleet });
        let (own, others): (Vec<_>, Vec<_>) = words
            .into_iter()
            .partition(|word| *word == Output::Unchoke { link });
        if own.is_empty() {
            self.tell(link, SessionInput::Choke);
        }
        self.pass_on(others);
    }

    /// Anything else that the choker should know.
    pub(super) fn choose(&mut self, input: Input) {
        let words = self.ask_choker(input);
        self.pass_on(words);
    }

    fn ask_choker(&mut self, input: Input) -> Vec<Output> {
        let now = self.now();
        let mut out = Vec::new();
        log::trace!("choker <- {input:?}");
        self.state.choker.handle(input, now, &mut out);
        out.iter()
            .for_each(|output| log::trace!("choker -> {output:?}"));
        out
    }

    fn pass_on(&self, words: Vec<Output>) {
        for word in words {
            match word {
                Output::Choke { link } => self.tell(link, SessionInput::Choke),
                Output::Unchoke { link } => self.tell(link, SessionInput::Unchoke),
            }
        }
    }
}
