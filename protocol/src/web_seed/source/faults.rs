//! What goes wrong with a web seed, and what follows: pauses, files that are not there, strikes.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::answer::{Head, Judgement, Refusal, judge};
use super::super::limits::{FIRST_ABSENCE, FIRST_PAUSE, MAX_ABSENCE, MAX_PAUSE, MAX_STRIKES};
use super::super::messages::Output;
use super::super::run::Run;
use super::{Absence, Source, put_out};
use crate::layout::PieceIndex;
use crate::text::escaped;
use crate::time::Timestamp;

impl Source {
    pub(super) fn answered(
        &mut self,
        place: usize,
        head: &Head,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(transfer) = &mut self.runs[place].transfer else {
            return;
        };
        // A request has one head: what is left of it is not to be said anew.
        if transfer.left.is_some() {
            return;
        }
        let (id, file) = (transfer.id, transfer.file);
        match judge(&transfer.asked, head) {
            Judgement::Body { length, more } => {
                self.round_trip = now.since(transfer.since);
                (transfer.left, transfer.more) = (Some(length), more);
                self.absent.remove(&file);
            }
            Judgement::Refused(refusal) => {
                out.push(Output::Abort(id));
                self.runs[place].transfer = None;
                match refusal {
                    Refusal::Missing(why) => self.is_missing(file, &why, FIRST_ABSENCE, now, out),
                    Refusal::NoRanges => {
                        let why = "it sends whole files only, and does not answer Range requests; \
                                   it needs a server that does";
                        self.is_missing(file, why, MAX_ABSENCE, now, out);
                    }
                    Refusal::NotNow { why, wait } => self.fail(place, &why, wait, now, out),
                    Refusal::Lie(why) => {
                        self.strike(&why, out);
                        if !self.given_up {
                            self.fail(place, &why, None, now, out);
                        }
                    }
                }
            }
        }
    }

    /// The request failed and brought nothing.
    pub(super) fn fail(
        &mut self,
        place: usize,
        why: &str,
        wait: Option<Duration>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let layout = self.layout();
        let mut made = Vec::new();
        let is_served = |run: &Run| {
            let transfer = run.transfer.as_ref();
            transfer.is_some_and(|transfer| transfer.left.is_some())
        };
        if self.runs.iter().any(is_served) {
            // It serves the other connection: one at a time, then.
            self.connections = 1;
            let mut run = self.runs.remove(place);
            run.forget(&layout, &mut made);
            put_out(made, out);
            run.wanted
                .iter()
                .rev()
                .for_each(|&piece| self.queue.push_front(piece));
            if let Some(wait) = wait {
                self.resume_at = self.resume_at.max(now + wait);
            }
            return;
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let pause = self.about(pause.min(MAX_PAUSE));
        self.resume_at = now + pause.max(wait.unwrap_or_default());
        let again = self
            .complained_of_failure
            .is_none_or(|at| now.since(at) >= MAX_ABSENCE);
        if again {
            self.complained_of_failure = Some(now);
            out.push(Output::Complaint(format!("{why}; it is tried again later")));
        }
        let mut returned: Vec<_> = self.queue.drain(..).collect();
        for mut run in std::mem::take(&mut self.runs) {
            out.extend(
                run.transfer
                    .take()
                    .map(|transfer| Output::Abort(transfer.id)),
            );
            run.forget(&layout, &mut made);
            returned.extend(&run.wanted);
        }
        put_out(made, out);
        if !returned.is_empty() {
            out.push(Output::Returned(returned));
        }
    }

    /// The server does not have the file, at least not as it must be.
    fn is_missing(
        &mut self,
        file: usize,
        why: &str,
        first: Duration,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let times = self.absent.get(&file).map_or(0, |absence| absence.times);
        let pause = first.saturating_mul(1 << times.min(16)).min(MAX_ABSENCE);
        let until = Some(now + self.about(pause));
        let times = times.saturating_add(1);
        self.absent.insert(file, Absence { times, until });
        if !std::mem::replace(&mut self.complained_of_absence, true) {
            let path = self.info.files().get(file).map_or("", |entry| entry.path);
            out.push(Output::Complaint(format!("no {}: {why}", escaped(path))));
        }
        let pieces = self.pieces_of(file);
        self.drop_leases(&pieces, now, out);
        if !pieces.is_empty() {
            out.push(Output::Lacks(pieces));
        }
    }

    /// Files whose time has come are asked for again.
    pub(super) fn reappear(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let is_due = |absence: &Absence| absence.until.is_some_and(|until| until <= now);
        let due = self.absent.iter().filter(|(_, absence)| is_due(absence));
        let due: Vec<_> = due.map(|(&file, _)| file).collect();
        for file in &due {
            if let Some(absence) = self.absent.get_mut(file) {
                absence.until = None;
            }
        }
        let gone = self.absent.iter().filter(|(_, it)| it.until.is_some());
        let gone: BTreeSet<_> = gone.flat_map(|(&file, _)| self.pieces_of(file)).collect();
        let mut back: Vec<_> = due.iter().flat_map(|&file| self.pieces_of(file)).collect();
        back.retain(|piece| !gone.contains(piece));
        if !back.is_empty() {
            out.push(Output::Has(back));
        }
    }

    /// The pieces in which a file has bytes.
    fn pieces_of(&self, file: usize) -> Vec<PieceIndex> {
        let layout = self.info.layout();
        let length = u64::from(layout.piece_length());
        let entry = self.info.files().get(file).filter(|entry| entry.length > 0);
        let range = entry.map_or(0..0, |entry| {
            entry.offset / length..(entry.offset + entry.length).div_ceil(length)
        });
        range.map(|number| PieceIndex::new(number as u32)).collect()
    }

    pub(super) fn strike(&mut self, why: &str, out: &mut Vec<Output>) {
        self.strikes += 1;
        if self.strikes >= MAX_STRIKES {
            self.drop_all(out);
            self.given_up = true;
            out.push(Output::GaveUp(why.to_owned()));
        }
    }

    /// So long, or a quarter more or less: those who failed together do not come back together.
    fn about(&mut self, pause: Duration) -> Duration {
        pause.mul_f64(0.75 + self.rng.f64() / 2.0)
    }
}
