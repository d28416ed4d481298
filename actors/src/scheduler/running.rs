//! A swarm whose content is known: facts go into the picker, and its words to the links.

use std::sync::Arc;

use log::{debug, info, warn};
use swarmlet_protocol::bitfield::Bitfield;
use swarmlet_protocol::id::LinkId;
use swarmlet_protocol::layout::{Layout, PieceIndex};
use swarmlet_protocol::picker::{Input, Output};
use swarmlet_protocol::session::{Input as SessionInput, PeerHave};

use super::turn::picker;
use super::{Phase, Scheduler, bug};
use crate::messages::discovery::{Lie, LinkLied, SwarmCompleted};
use crate::messages::link::LinkNews;
use crate::messages::scheduler::{Progress, StorageFact};
use crate::messages::session::SessionCommand;
use crate::messages::supervisor::{CompletionChanged, StorageChange, StorageNews};
use crate::messages::web_seeds::SourceWord;

impl Scheduler {
    /// The content became known: the links that were open before learn it.
    pub(super) fn content_known(&mut self) {
        let links: Vec<_> = self.state.links.keys().copied().collect();
        let (Some(content), Phase::Running(picker)) = (&self.content, &self.state.phase) else {
            bug("content is known, but no picker runs");
            return;
        };
        for &link in &links {
            self.command(link, SessionCommand::UseStorage(content.storage.clone()));
            let (info, have) = (Arc::clone(&content.info), picker.have().clone());
            self.tell(link, SessionInput::InfoLearned(info, have));
        }
        for link in links {
            self.pick(Input::LinkOpened { link });
        }
        self.pick(Input::Tick);
    }

    /// A link of the running swarm begins.
    pub(super) fn welcome(&mut self, link: LinkId) {
        let (Some(content), Phase::Running(picker)) = (&self.content, &self.state.phase) else {
            bug("a swarm runs without its content");
            return;
        };
        self.command(link, SessionCommand::UseStorage(content.storage.clone()));
        let swarm = (Arc::clone(&content.info), picker.have().clone());
        let is_partial = !picker.have().is_full();
        self.tell(link, SessionInput::Welcome(Some(swarm)));
        if self.state.complete && is_partial {
            self.tell(link, SessionInput::Satisfied);
        }
        self.pick(Input::LinkOpened { link });
    }

    pub(super) fn run(&mut self, link: LinkId, news: LinkNews) {
        let input = match news {
            LinkNews::PeerHas(PeerHave::All) => Input::PeerHasAll { link },
            LinkNews::PeerHas(PeerHave::Only(pieces)) => Input::PeerHasBitfield { link, pieces },
            LinkNews::PeerHas(PeerHave::More(pieces)) => Input::PeerHas { link, pieces },
            LinkNews::PeerSuggests(pieces) => Input::PeerSuggests { link, pieces },
            LinkNews::PeerLacks(pieces) => Input::PeerLacks { link, pieces },
            LinkNews::Want {
                bytes,
                round_trip,
                rate,
            } => Input::Want {
                link,
                bytes,
                rtt: round_trip,
                rate,
            },
            LinkNews::Returned(pieces) => Input::Returned { link, pieces },
            LinkNews::Received(pieces) => Input::Received { link, pieces },
            LinkNews::Progress => Input::Progress { link },
            LinkNews::Gone => Input::LinkClosed { link },
            // The choker has heard of these.
            LinkNews::Ready { .. }
            | LinkNews::PeerInterest { .. }
            | LinkNews::Traffic { .. }
            | LinkNews::Snubs(_)
            // We have the metadata already.
            | LinkNews::MetadataOffered(_)
            | LinkNews::MetadataData { .. }
            | LinkNews::MetadataRejected(_) => return,
        };
        self.pick(input);
    }

    pub(super) fn storage(&mut self, fact: StorageFact) {
        match fact {
            StorageFact::Opened => self.opened(),
            StorageFact::Checked { good, bad } => self.pick(Input::Checked { good, bad }),
            StorageFact::Damaged(bad) => {
                self.tell_of_storage(StorageChange::Damaged(bad.clone()));
                let good = Vec::new();
                self.pick(Input::Checked { good, bad });
            }
            StorageFact::Unstored(pieces) => self.pick(Input::Unstored(pieces)),
            StorageFact::Healed => self.tell_of_storage(StorageChange::Healed),
            StorageFact::Stored(pieces) => self.pick(Input::Stored(pieces)),
            StorageFact::Rejected { piece, link } => {
                self.pick(Input::Rejected { piece, link });
                self.strike(link, piece);
            }
            StorageFact::Lost { piece, link } => self.pick(Input::Rejected { piece, link }),
            StorageFact::Paused(error) => {
                self.state.paused = Some(error.clone());
                self.tell_of_storage(StorageChange::Paused(error));
                self.pick(Input::Pause);
            }
            StorageFact::Resumed => {
                self.storage_works();
                self.go_on();
            }
        }
    }

    /// What was wrong with the file is over.
    fn storage_works(&mut self) {
        if self.state.paused.take().is_some() {
            self.tell_of_storage(StorageChange::Resumed);
        }
    }

    fn tell_of_storage(&self, what: StorageChange) {
        let info_hash = self.setup.info_hash;
        self.setup.trouble.do_send(StorageNews { info_hash, what });
    }

    /// Storage begins with the file. Unless it is the first time, all that was known is void. So is what
    /// was wrong with it: storage that was asked to check anew, or panicked, has forgotten that, and
    /// says it again if it still is.
    fn opened(&mut self) {
        self.storage_works();
        if std::mem::take(&mut self.state.expects_opening) {
            return;
        }
        let Some(content) = &self.content else { return };
        self.state.phase = Phase::Running(picker(content, self.turn, self.setup.seed));
        if self.state.paused.is_some() {
            self.pick(Input::Pause);
        }
        self.demand_anew();
        self.set_complete(false);
        self.reset_links();
        self.begin_sources();
    }

    pub(super) fn pick(&mut self, input: Input) {
        let now = self.now();
        let Phase::Running(picker) = &mut self.state.phase else {
            return;
        };
        let mut out = Vec::new();
        log::trace!("picker <- {input:?}");
        picker.handle(input, now, &mut out);
        out.iter()
            .for_each(|output| log::trace!("picker -> {output:?}"));
        for output in out {
            match output {
                Output::Grant { link, pieces } if self.sources.contains_key(&link) => {
                    self.tell_source(link, SourceWord::Granted(pieces));
                }
                Output::Cancel { link, pieces } if self.sources.contains_key(&link) => {
                    self.tell_source(link, SourceWord::Cancelled(pieces));
                }
                Output::Grant { link, pieces } => self.tell(link, SessionInput::Grant(pieces)),
                Output::Cancel { link, pieces } => self.tell(link, SessionInput::Cancel(pieces)),
                Output::Interest { link, interested } => {
                    self.tell(link, SessionInput::Interest(interested));
                }
                Output::Announce { link, pieces } => {
                    self.tell(link, SessionInput::Announce(pieces));
                }
                Output::Suggest { link, pieces } => self.tell(link, SessionInput::Suggest(pieces)),
                Output::Withdraw { pieces } => {
                    debug!("{} pieces were lost", pieces.len());
                    self.set_complete(false);
                    for &link in self.state.links.keys() {
                        self.tell(link, SessionInput::Withdraw(pieces.clone()));
                    }
                }
                Output::Complete => {
                    let word = match self.is_partial() {
                        true => SessionInput::Satisfied,
                        false => SessionInput::Complete,
                    };
                    for &link in self.state.links.keys() {
                        self.tell(link, word.clone());
                    }
                    self.set_complete(true);
                }
            }
        }
        self.serve_readers();
    }

    /// Is anything of the content not here, whether it is selected or not?
    fn is_partial(&self) -> bool {
        match &self.state.phase {
            Phase::Running(picker) => !picker.have().is_full(),
            Phase::Learning(_) => true,
        }
    }

    fn set_complete(&mut self, complete: bool) {
        let partial = self.is_partial();
        if std::mem::replace(&mut self.state.complete, complete) == complete {
            return;
        }
        self.choose(swarmlet_protocol::choking::Input::Complete(complete));
        let info_hash = self.setup.info_hash;
        if complete && partial {
            info!("{info_hash}: complete, every piece that is selected is verified");
        } else if complete {
            info!("{info_hash}: complete, every piece is verified");
        } else {
            warn!("{info_hash}: no longer complete");
        }
        self.setup.completed.0.do_send(SwarmCompleted {
            info_hash,
            complete,
        });
        let traffic = self
            .content
            .as_ref()
            .map(|content| &content.storage.traffic);
        self.setup.completed.1.do_send(CompletionChanged {
            info_hash,
            complete,
            partial,
            fetched: traffic.is_some_and(|traffic| traffic.received.get() > 0),
        });
    }

    fn strike(&mut self, link: LinkId, piece: PieceIndex) {
        if self.tell_source(link, SourceWord::Rejected(piece)) {
            return;
        }
        debug!("{link}: a strike for piece {}", piece.get());
        let lie = Lie::Piece;
        self.setup.lied.do_send(LinkLied { link, lie });
    }

    pub(super) fn progress(&self) -> Progress {
        let links = self.state.links.len() as u32;
        let paused = self.state.paused.clone();
        let (Some(content), Phase::Running(picker)) = (&self.content, &self.state.phase) else {
            return Progress {
                links,
                paused,
                ..Progress::default()
            };
        };
        let layout = content.info.layout();
        let all_here = bytes_of(layout, picker.have());
        let left = layout.size() - all_here;
        let mut here = (picker.have().count(), all_here);
        let mut all = (layout.pieces(), layout.size());
        let selection = &content.selection;
        if !selection.is_all() && !selection.is_none() {
            let mut both = selection.pieces().clone();
            for piece in selection.pieces().iter() {
                if !picker.have().contains(piece) {
                    both.remove(piece);
                }
            }
            here = (both.count(), bytes_of(layout, &both));
            let selected = selection.pieces();
            all = (selected.count(), bytes_of(layout, selected));
        }
        Progress {
            known: true,
            have: here.0,
            pieces: all.0,
            unchecked: picker.postponed(),
            without_holder: picker.unavailable(),
            bytes: here.1,
            size: all.1,
            left,
            in_flight: picker.in_flight_bytes(),
            received: content.storage.traffic.received.get(),
            from_sources: content.storage.traffic.from_sources.get(),
            sent: content.storage.traffic.sent.get(),
            links,
            paused,
        }
    }
}

/// Bytes of the pieces in a set.
fn bytes_of(layout: &Layout, pieces: &Bitfield) -> u64 {
    let bytes = u64::from(pieces.count()) * u64::from(layout.piece_length());
    let last = layout.pieces().checked_sub(1).map(PieceIndex::new);
    match last.filter(|&last| pieces.contains(last)) {
        Some(last) => bytes - u64::from(layout.piece_length() - layout.length(last)),
        None => bytes,
    }
}
