//! How far each of the contents is that are being fetched, and what is to be said of them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use swarmlet::{Event, Progress};
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::text::escaped;

use super::sources::Wanted;
use super::view::{self, View};
use crate::cli::create::file_count;
use crate::cli::error::CliError;
use crate::cli::size::Size;

/// All contents of a run.
#[derive(Debug)]
pub(super) struct Jobs {
    started: Instant,
    jobs: Vec<Job>,
    /// Of all together.
    pub(super) progress: Progress,
    /// Bytes per second from peers, and to them.
    pub(super) rates: (u64, u64),
}

/// One content.
#[derive(Debug)]
struct Job {
    info_hash: InfoHash,
    name: String,
    known: Option<Known>,
    progress: Progress,
    is_complete: bool,
    /// How long that took.
    took: Duration,
    is_refused: bool,
    /// It was said that it is here.
    is_said: bool,
}

/// What is known of a content once it is described.
#[derive(Debug)]
struct Known {
    place: PathBuf,
    files: usize,
    bytes: u64,
}

impl Jobs {
    pub(super) fn new(wanted: &[Wanted]) -> Self {
        let job = |one: &Wanted| Job {
            info_hash: one.share.info_hash(),
            name: one.shown.clone(),
            known: None,
            progress: Progress::default(),
            is_complete: false,
            took: Duration::ZERO,
            is_refused: false,
            is_said: false,
        };
        Self {
            started: Instant::now(),
            jobs: wanted.iter().map(job).collect(),
            progress: Progress::default(),
            rates: (0, 0),
        }
    }

    /// Takes in what the node says.
    ///
    /// # Errors
    /// It cannot go on.
    pub(super) fn hear(&mut self, event: Event, view: &View) -> Result<(), CliError> {
        match event {
            Event::ContentKnown {
                info_hash,
                name,
                place,
                files,
                selected,
                ..
            } => {
                if let Some(job) = self.job(info_hash) {
                    job.name = escaped(&name);
                    job.known = Some(Known {
                        place,
                        files,
                        bytes: selected,
                    });
                }
            }
            Event::ContentRefused { info_hash, error } => {
                if let Some(job) = self.job(info_hash) {
                    job.is_refused = true;
                    let line = format!("cannot get {}: {error}", job.name);
                    view.say(&line);
                }
            }
            Event::Progress {
                progress,
                contents,
                down,
                up,
            } => {
                for (info_hash, progress) in contents {
                    if let Some(job) = self.job(info_hash) {
                        job.progress = progress;
                    }
                }
                self.progress = progress;
                self.rates = (down, up);
            }
            Event::Completed { info_hash } => self.set_complete(info_hash, true),
            Event::Incomplete { info_hash } => self.set_complete(info_hash, false),
            // What cannot be written now is for the user to see to: nothing that arrived is lost.
            Event::StoragePaused { error, .. } => return Err(CliError::Stuck(error)),
            Event::Failed { error } => return Err(CliError::Node(error)),
            _ => {}
        }
        Ok(())
    }

    fn job(&mut self, info_hash: InfoHash) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|job| job.info_hash == info_hash)
    }

    fn set_complete(&mut self, info_hash: InfoHash, is_complete: bool) {
        let took = self.started.elapsed();
        if let Some(job) = self.job(info_hash) {
            job.is_complete = is_complete;
            job.took = took;
        }
    }

    /// Is there nothing left to be fetched?
    pub(super) fn are_done(&self) -> bool {
        self.jobs
            .iter()
            .all(|job| job.is_complete || job.is_refused)
    }

    /// Has the node told of everything that is complete that it is here?
    pub(super) fn are_figures_final(&self) -> bool {
        let mut complete = self.jobs.iter().filter(|job| job.is_complete);
        complete.all(Job::is_figure_final)
    }

    pub(super) fn is_any_refused(&self) -> bool {
        self.jobs.iter().any(|job| job.is_refused)
    }

    pub(super) fn is_any_complete(&self) -> bool {
        self.jobs.iter().any(|job| job.is_complete)
    }

    /// Does something lack, and is nobody there to have it from?
    pub(super) fn is_alone(&self) -> bool {
        let waits = |job: &Job| {
            let is_checked = job.progress.unchecked == 0;
            !job.is_complete && !job.is_refused && is_checked && job.progress.links == 0
        };
        self.jobs.iter().any(waits)
    }

    /// How much was sent, by the size of what was selected. Nothing of nothing is enough.
    pub(super) fn ratio(&self) -> f64 {
        let known = self.jobs.iter().filter_map(|job| job.known.as_ref());
        let size: u64 = known.map(|known| known.bytes).sum();
        match size {
            0 => f64::INFINITY,
            size => self.progress.sent as f64 / size as f64,
        }
    }

    /// The state of all in one line, without the share that is done.
    pub(super) fn line(&self) -> String {
        let unknown = |job: &&Job| job.known.is_none() && !job.is_refused;
        let unknown: Vec<_> = self.jobs.iter().filter(unknown).collect();
        let links = view::peers(self.progress.links);
        let learning = match unknown.as_slice() {
            [] => None,
            [one] => Some(format!("learning what {} is", one.name)),
            some => Some(format!("learning what {} contents are", some.len())),
        };
        if let (Some(learning), true) = (&learning, unknown.len() == self.jobs.len()) {
            return format!("{learning} from {links}");
        }
        let Progress {
            bytes,
            size,
            unchecked,
            ..
        } = self.progress;
        let mut line = String::new();
        if self.jobs.len() > 1 {
            let done = self.jobs.iter().filter(|job| job.is_complete).count();
            line.push_str(&format!("{done} of {}  ", self.jobs.len()));
        }
        line.push_str(&format!("{} of {}", Size(bytes), Size(size)));
        if self.are_done() {
            let up = Size(self.rates.1);
            line.push_str(&format!("  up {up}/s  {links}"));
            return line;
        }
        if unchecked > 0 {
            line.push_str("  checking what is here");
            return line;
        }
        line.push_str(&format!("  {}/s  {links}", Size(self.rates.0)));
        if let Some(left) = size.saturating_sub(bytes).checked_div(self.rates.0) {
            let left = view::time(Duration::from_secs(left));
            line.push_str(&format!("  {left} left"));
        }
        if let Some(learning) = learning {
            line.push_str(&format!("  ({learning})"));
        }
        line
    }

    /// What arrived since this was asked for the last time, where, and how it went. Before the end
    /// only that of which the last figures are here.
    pub(super) fn arrived(&mut self, is_end: bool) -> Vec<String> {
        let news =
            |job: &&mut Job| job.is_complete && !job.is_said && (is_end || job.is_figure_final());
        let lines = self.jobs.iter_mut().filter(news).filter_map(|job| {
            job.is_said = true;
            job.arrived()
        });
        lines.collect()
    }

    /// How far it was when it was stopped.
    pub(super) fn stopped(&self) -> String {
        let share = match self.progress.size {
            0 => 0,
            size => self.progress.bytes.saturating_mul(100) / size,
        };
        format!("stopped at {share} %; run the same command to go on")
    }

    /// What was given back.
    pub(super) fn given(&self) -> String {
        super::shown_ratio(self.progress.sent, self.ratio())
    }
}

impl Job {
    /// Has the node told that all of it is here?
    const fn is_figure_final(&self) -> bool {
        self.progress.known && self.progress.have == self.progress.pieces
    }

    fn arrived(&self) -> Option<String> {
        let known = self.known.as_ref()?;
        let place = escaped(&known.place.to_string_lossy());
        let files = file_count(known.files);
        let size = Size(known.bytes);
        let received = self.progress.received;
        let how = match received {
            0 => "was here already".to_owned(),
            _ => {
                let rate = received as f64 / self.took.as_secs_f64().max(0.001);
                let (fetched, took) = (Size(received), view::time(self.took));
                format!("{fetched} fetched in {took}, {}/s", Size(rate as u64))
            }
        };
        Some(format!("{place}: {files}, {size}, verified; {how}"))
    }
}
