//! What a storage knows of its file: all that a restart begins anew.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use swarmlet_protocol::bitfield::Bitfield;
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::pace::Pace;
use swarmlet_protocol::scrub::Scrub;
use swarmlet_protocol::time::Timestamp;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Setup;
use super::content::Content;
use super::spills::Spills;
use super::store::Held;
use super::unreadable::Unreadable;
use crate::messages::scheduler::StorageFact;

/// Everything that a restart begins anew.
#[derive(Debug)]
pub(super) struct State {
    /// The open file and how often it was opened: jobs of an earlier file are ignored.
    pub(super) file: Option<Arc<Content>>,
    pub(super) opened: u64,
    /// A worker is opening it.
    pub(super) opening: bool,
    pub(super) good: Bitfield,
    /// Pieces known to be wrong or missing.
    pub(super) bad: Bitfield,
    /// The next piece that no check job has taken.
    pub(super) unchecked: u32,
    pub(super) checks: usize,
    pub(super) checked_at: Instant,
    /// How the disk has dealt with writes and with reads.
    pub(super) writing: Pace,
    pub(super) reading: Pace,
    /// Pieces that wait for company, or for the file to become writable.
    pub(super) held: Held,
    /// Pieces too long for memory, in their scratch files.
    pub(super) spills: Spills,
    pub(super) paused: Option<String>,
    /// It is paused since it could not be read, and is read again.
    pub(super) rereading: bool,
    pub(super) looking: bool,
    /// This look is one of every other.
    pub(super) is_full_second: bool,
    /// When what is here is hashed again, and how many such jobs run.
    pub(super) scrub: Scrub,
    pub(super) scrubbing: usize,
    /// Jobs that hash what was here, for whatever reason.
    pub(super) hashing: usize,
    /// Ranges that others changed before the check was over.
    pub(super) touched: Vec<Range<u64>>,
    /// Pieces that are not here and that somebody else may have written, to a file that we only read.
    pub(super) perhaps_here: VecDeque<Range<u32>>,
    /// Pieces that are not here since the disk could not read them.
    pub(super) unreadable: Unreadable,
    /// Why pieces could not be hashed again when that was last tried.
    pub(super) unread: Option<io::Error>,
    /// A job copies equal pieces; what is missing is to be looked at once more after it.
    pub(super) copying: bool,
    pub(super) copies_again: bool,
    /// The disk is another machine's or another process's.
    pub(super) lies_elsewhere: bool,
    /// Pieces that were right, were found damaged, and are not back.
    pub(super) damaged: Bitfield,
    /// Bytes that were read for peers or came from them; how many at the last look; whether they were
    /// many of late.
    pub(super) moved: u64,
    pub(super) moved_before: u64,
    /// Bytes that others may have changed, to be hashed when the file's times have come to rest.
    pub(super) postponed: Vec<Range<u64>>,
    /// Pieces that are here and were not told yet, since others are in doubt.
    pub(super) unsaid: Vec<PieceIndex>,
    /// The end of the check, if it was not told yet.
    pub(super) untold: Option<StorageFact>,
    /// All that is selected was here once, and nothing of it in doubt.
    pub(super) was_whole: bool,
    /// When pieces were last written.
    pub(super) wrote: Option<Timestamp>,
    pub(super) is_busy: bool,
    pub(super) flushed: Vec<oneshot::Sender<()>>,
}

impl State {
    pub(super) fn new(setup: &Setup, opened: u64) -> Self {
        let layout = *setup.info.layout();
        let pieces = layout.pieces();
        Self {
            file: None,
            opened,
            opening: false,
            good: Bitfield::new(pieces),
            bad: Bitfield::new(pieces),
            unchecked: 0,
            checks: 0,
            checked_at: Instant::now(),
            writing: Pace::new(true),
            reading: Pace::new(true),
            held: Held::default(),
            spills: Spills::default(),
            paused: None,
            rereading: false,
            looking: false,
            is_full_second: false,
            scrub: Scrub::new(layout, setup.scrub, setup.clock.now()),
            scrubbing: 0,
            hashing: 0,
            touched: Vec::new(),
            perhaps_here: VecDeque::new(),
            unreadable: Unreadable::new(pieces),
            unread: None,
            copying: false,
            copies_again: false,
            lies_elsewhere: false,
            damaged: Bitfield::new(pieces),
            moved: 0,
            moved_before: 0,
            postponed: Vec::new(),
            unsaid: Vec::new(),
            untold: None,
            was_whole: false,
            wrote: None,
            is_busy: false,
            flushed: Vec::new(),
        }
    }
}
