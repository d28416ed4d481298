//! Sources that are no peers: to the picker they are links of another kind, and to nobody else.

use actix::Handler;
use swarmlet_protocol::id::LinkId;
use swarmlet_protocol::picker::Input;

use super::Scheduler;
use crate::messages::link::LinkNews;
use crate::messages::scheduler::OpenSource;
use crate::messages::web_seeds::{SourceCommand, SourceWord};

impl Scheduler {
    /// Says a word to the source of that number. If there is none, it is a link's.
    pub(super) fn tell_source(&self, link: LinkId, word: SourceWord) -> bool {
        let source = self.sources.get(&link);
        if let Some(source) = source {
            source.do_send(SourceCommand { link, word });
        }
        source.is_some()
    }

    /// The picker is a new one: it learns of the sources, and they that all leases are void.
    pub(super) fn begin_sources(&mut self) {
        let links: Vec<_> = self.sources.keys().copied().collect();
        for link in links {
            self.pick(Input::SourceOpened { link });
            self.tell_source(link, SourceWord::Reset);
        }
    }

    pub(super) fn source_said(&mut self, link: LinkId, news: LinkNews) {
        let gone = matches!(news, LinkNews::Gone);
        self.run(link, news);
        if gone {
            self.sources.remove(&link);
        }
    }
}

impl Handler<OpenSource> for Scheduler {
    type Result = ();

    fn handle(&mut self, open: OpenSource, _: &mut Self::Context) {
        let OpenSource { link, source } = open;
        self.sources.insert(link, source);
        self.pick(Input::SourceOpened { link });
    }
}
