//! Contents.

use serde::{Deserialize, Serialize};
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::metainfo::{FileKind, Magnet};
use swarmlet_protocol::picker::PieceState;
use utoipa::ToSchema;

use crate::http::content::url_of;
use crate::report::{PieceMap, SwarmReport};

/// The contents of a node.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Swarms {
    /// In the order of their infohashes.
    pub swarms: Vec<Swarm>,
}

/// What a content is at, in a word.
#[derive(Copy, Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SwarmState {
    /// Everything that is wanted is here and verified.
    Complete,
    /// The check of what is on the disk is not through.
    Checking,
    /// Pieces come.
    Fetching,
    /// It is not known yet what it is.
    Learning,
    /// An operator paused it.
    Paused,
    /// It cannot be kept.
    Refused,
    /// Something is missing and nothing comes; `waits` says why.
    Waiting,
}

/// A content.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Swarm {
    /// Its name on the wire: 40 hex digits.
    #[schema(example = "2b7e151628aed2a6abf7158809cf4f3c762e7160")]
    pub infohash: String,
    /// What it is called, once that is known.
    pub name: Option<String>,
    /// Where it is kept, once that is known.
    pub place: Option<String>,
    /// What it is at.
    pub state: SwarmState,
    /// Everything that is wanted is here and verified.
    pub complete: bool,
    /// An operator paused it.
    pub paused: bool,
    /// Peers are told by trackers and the operator only (BEP 27).
    pub private: bool,
    /// It stands in the node's configuration.
    pub configured: bool,
    /// Why it cannot be kept, if that is so.
    pub error: Option<String>,
    /// Bytes that are wanted.
    pub size_bytes: u64,
    /// Bytes of these that are here and verified.
    pub verified_bytes: u64,
    /// Pieces that are wanted.
    pub pieces: u32,
    /// Pieces of these that are here and verified.
    pub verified_pieces: u32,
    /// Pieces on the disk that were not checked yet.
    pub unchecked_pieces: u32,
    /// Pieces that are missing and that nobody who is linked has.
    pub pieces_without_holder: u32,
    /// Bytes of a piece; the last may be shorter.
    pub piece_length: u32,
    /// Bytes that were received in this life.
    pub received_bytes: u64,
    /// Bytes that were sent in this life.
    pub sent_bytes: u64,
    /// Bytes of those received that came from sources that are no peers.
    pub from_sources_bytes: u64,
    /// Bytes per second that come.
    pub down_rate: u64,
    /// Bytes per second that go.
    pub up_rate: u64,
    /// How long it will take at that rate; null while nothing comes.
    pub eta_seconds: Option<f64>,
    /// Its links.
    pub links: u32,
    /// A link by which other clients can join.
    pub magnet: String,
    /// Why it does not get on, what an operator must see first being first.
    pub waits: Vec<WaitStatus>,
    /// Where its pieces stand, in short.
    pub map: Cells,
}

/// Why something does not get on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct WaitStatus {
    /// A word that stays the same: paused, refused, disk, no-description, checking, turn, no-peers,
    /// all-choking, no-holder or no-answer.
    #[schema(example = "no-holder")]
    pub code: String,
    /// The same for people.
    #[schema(example = "piece 17 has no holder")]
    pub detail: String,
}

/// Where the pieces of a content stand, in at most 1,000 cells.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Cells {
    /// How many pieces a cell stands for.
    pub pieces_per_cell: u32,
    /// Of each cell, how many of a hundred pieces are here: 100 only if all are.
    pub cells: Vec<u8>,
    /// The cells in which something is being fetched.
    pub active: Vec<u32>,
}

/// A content with its files.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct SwarmDetails {
    /// The content.
    #[serde(flatten)]
    pub swarm: Swarm,
    /// Its files, the first 1,000.
    pub files: Vec<FileStatus>,
    /// How many files it has.
    pub files_total: usize,
    /// Its trackers, in tiers.
    pub trackers: Vec<Vec<String>>,
    /// Its web seeds.
    pub sources: Vec<String>,
}

/// 1,000: files that are listed of a content.
const LISTED: usize = 1_000;

/// One file of a content.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct FileStatus {
    /// Its path within the content.
    pub path: String,
    /// Its bytes.
    pub size_bytes: u64,
    /// Bytes of whole pieces of it that are here and verified.
    pub verified_bytes: u64,
    /// It is wanted.
    pub selected: bool,
    /// Where it can be read, from the HTTP face on.
    pub url: String,
}

/// Where every piece of a content stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Pieces {
    /// How many there are.
    pub pieces: usize,
    /// A letter for each: `h` is here, `l` is being fetched, `w` is wanted, `p` was not checked yet, `s`
    /// is not selected.
    #[schema(example = "hhhlw")]
    pub states: String,
}

impl From<&SwarmReport> for Swarm {
    fn from(report: &SwarmReport) -> Self {
        let progress = &report.progress;
        let name = report.info.as_ref().map(|info| info.name().to_owned());
        let magnet = Magnet {
            info_hash: report.info_hash,
            name: name.clone(),
            trackers: Vec::new(),
            web_seeds: Vec::new(),
            peers: Vec::new(),
            select: Vec::new(),
        };
        Self {
            infohash: report.info_hash.to_string(),
            name,
            place: report
                .place
                .as_ref()
                .map(|place| place.display().to_string()),
            state: state(report),
            complete: report.complete,
            paused: report.paused,
            private: report.info.as_ref().is_some_and(|info| info.is_private()),
            configured: report.configured,
            error: report.refused.clone(),
            size_bytes: progress.size,
            verified_bytes: progress.bytes,
            pieces: progress.pieces,
            verified_pieces: progress.have,
            unchecked_pieces: progress.unchecked,
            pieces_without_holder: progress.without_holder,
            piece_length: report
                .info
                .as_ref()
                .map_or(0, |info| info.layout().piece_length()),
            received_bytes: progress.received,
            sent_bytes: progress.sent,
            from_sources_bytes: progress.from_sources,
            down_rate: report.rates.down,
            up_rate: report.rates.up,
            eta_seconds: report.remaining().map(|left| left.as_secs_f64()),
            links: progress.links,
            magnet: magnet.to_string(),
            waits: report
                .waits
                .iter()
                .map(|wait| WaitStatus {
                    code: wait.code.to_string(),
                    detail: wait.detail.clone(),
                })
                .collect(),
            map: Cells::from(&report.map),
        }
    }
}

impl From<&PieceMap> for Cells {
    fn from(map: &PieceMap) -> Self {
        Self {
            pieces_per_cell: map.pieces_per_cell,
            cells: map.cells.clone(),
            active: map.active.clone(),
        }
    }
}

fn state(report: &SwarmReport) -> SwarmState {
    let progress = &report.progress;
    if report.refused.is_some() {
        SwarmState::Refused
    } else if report.paused {
        SwarmState::Paused
    } else if !progress.known {
        SwarmState::Learning
    } else if report.complete {
        SwarmState::Complete
    } else if progress.unchecked > 0 {
        SwarmState::Checking
    } else if progress.paused.is_some() {
        // What comes cannot be written.
        SwarmState::Waiting
    } else if report.rates.down > 0 || progress.in_flight > 0 {
        SwarmState::Fetching
    } else {
        SwarmState::Waiting
    }
}

impl SwarmDetails {
    /// A content whose pieces stand so.
    pub(crate) fn of(report: &SwarmReport, pieces: &[PieceState]) -> Self {
        let files = report.info.as_ref().map(|info| info.files());
        let all = files.into_iter().flat_map(|files| files.iter().enumerate());
        let kept: Vec<_> = all
            .filter(|(_, file)| file.kind == FileKind::Regular)
            .collect();
        let files_total = kept.len();
        let files = kept
            .into_iter()
            .take(LISTED)
            .map(|(number, file)| FileStatus {
                path: file.path.to_owned(),
                size_bytes: file.length,
                verified_bytes: verified(report, pieces, file.offset, file.length),
                selected: report
                    .selection
                    .as_ref()
                    .is_some_and(|it| it.has_file(number)),
                url: url_of(report.info_hash, file.path),
            });
        Self {
            swarm: Swarm::from(report),
            files: files.collect(),
            files_total,
            trackers: report
                .trackers
                .iter()
                .map(|tier| tier.iter().map(ToString::to_string).collect())
                .collect(),
            sources: report.sources.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Bytes of a part of the content that are here.
fn verified(report: &SwarmReport, pieces: &[PieceState], offset: u64, length: u64) -> u64 {
    let Some(info) = report.info.as_ref().filter(|_| length > 0) else {
        return 0;
    };
    let (layout, end) = (info.layout(), offset + length);
    let piece_length = u64::from(layout.piece_length());
    let touched = (offset / piece_length)..=((end - 1) / piece_length);
    touched
        .filter(|&piece| pieces.get(piece as usize) == Some(&PieceState::Have))
        .map(|piece| {
            let start = layout.offset(PieceIndex::new(piece as u32));
            (start + piece_length).min(end) - start.max(offset)
        })
        .sum()
}

impl From<&[PieceState]> for Pieces {
    fn from(pieces: &[PieceState]) -> Self {
        let letter = |state: &PieceState| match state {
            PieceState::Have => 'h',
            PieceState::Leased => 'l',
            PieceState::Wanted => 'w',
            PieceState::Postponed => 'p',
            PieceState::Skipped => 's',
        };
        Self {
            pieces: pieces.len(),
            states: pieces.iter().map(letter).collect(),
        }
    }
}
