//! A swarm whose content is not known: the metadata is fetched from its links.

use std::sync::Arc;

use bytes::Bytes;
use log::{debug, error};
use swarmlet_protocol::id::LinkId;
use swarmlet_protocol::metadata_fetch::{Input, MetadataFault, Output};
use swarmlet_protocol::metainfo::Info;
use swarmlet_protocol::session::Input as SessionInput;

use super::{Phase, Scheduler};
use crate::messages::discovery::{Lie, LinkLied};
use crate::messages::link::LinkNews;
use crate::messages::supervisor::{ContentLearned, ContentUnusable};

impl Scheduler {
    pub(super) fn learn(&mut self, link: LinkId, news: LinkNews) {
        match news {
            LinkNews::MetadataOffered(size) => self.fetch(Input::LinkOffers {
                link,
                size: size.into(),
            }),
            LinkNews::MetadataData {
                piece,
                total_size,
                data,
            } => {
                let total_size = total_size.into();
                self.fetch(Input::Data {
                    link,
                    piece,
                    total_size,
                    bytes: data,
                });
            }
            LinkNews::MetadataRejected(piece) => self.fetch(Input::Reject { link, piece }),
            LinkNews::Gone => self.fetch(Input::LinkClosed { link }),
            // Sessions say nothing of pieces before they know the layout.
            _ => {}
        }
    }

    pub(super) fn fetch(&mut self, input: Input) {
        let now = self.now();
        let Phase::Learning(fetch) = &mut self.state.phase else {
            return;
        };
        let mut out = Vec::new();
        fetch.handle(input, now, &mut out);
        for output in out {
            match output {
                Output::Request { link, piece } => {
                    self.tell(link, SessionInput::RequestMetadata(piece));
                }
                Output::Strike { link, reason } => {
                    debug!("{link}: {reason}");
                    // Where several peers sent parts, the guilty one is not known yet.
                    if !matches!(reason, MetadataFault::PartOfWrong(_)) {
                        let lie = Lie::Metadata;
                        self.setup.lied.do_send(LinkLied { link, lie });
                    }
                }
                Output::Done(bytes) => self.fetched(bytes),
            }
        }
    }

    fn fetched(&self, bytes: Bytes) {
        match Info::parse(bytes) {
            Ok(info) => self.setup.learned.do_send(ContentLearned {
                info: Arc::new(info),
            }),
            Err(error) => {
                error!("swarm {} cannot be joined: {error}", self.setup.info_hash);
                self.setup.unusable.do_send(ContentUnusable {
                    info_hash: self.setup.info_hash,
                    error: error.to_string(),
                });
            }
        }
    }
}
