//! How long actors take to answer: the age of their mailboxes. Who does not answer at all is started
//! anew by its guard; [`Vigil`] decides.

use std::collections::BTreeMap;
use std::time::Duration;

use actix::Recipient;
use log::warn;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::time::Timestamp;
use swarmlet_protocol::vigil::{Verdict, Vigil};

use crate::messages::Ping;
use crate::messages::watchdog::Watched;

/// The actors that are watched, each under a number of its own.
#[derive(Debug)]
pub(super) struct Mailboxes {
    watched: BTreeMap<u64, Mailbox>,
    next: u64,
    vigil: Vigil,
}

#[derive(Debug)]
struct Mailbox {
    watched: Watched,
    /// The content that it is for; it lives as long as that.
    swarm: Option<InfoHash>,
    /// How long it is left alone after an answer, and until when.
    rest: Duration,
    rests: Timestamp,
    /// Since when it owes an answer.
    asked: Option<Timestamp>,
    /// How long the last answer took.
    took: Duration,
}

impl Mailboxes {
    /// Watches nobody yet. Whoever does not answer for `patience` starts anew; it is looked at them
    /// every `period`.
    pub(super) const fn new(patience: Duration, period: Duration) -> Self {
        Self {
            watched: BTreeMap::new(),
            next: 0,
            vigil: Vigil::new(patience, period),
        }
    }

    /// Watches this one as well.
    pub(super) fn watch(&mut self, swarm: Option<InfoHash>, watched: Watched, rest: Duration) {
        let mailbox = Mailbox {
            watched,
            swarm,
            rest,
            rests: Timestamp::ZERO,
            asked: None,
            took: Duration::ZERO,
        };
        self.watched.insert(self.next, mailbox);
        self.next += 1;
    }

    /// Watches the actors of this content no longer.
    pub(super) fn forget(&mut self, swarm: InfoHash) {
        let vigil = &mut self.vigil;
        self.watched.retain(|&number, mailbox| {
            let stays = mailbox.swarm != Some(swarm);
            if !stays {
                vigil.answered(number);
            }
            stays
        });
    }

    /// Nobody owes an answer: whoever asked will not hear it.
    pub(super) fn forget_questions(&mut self) {
        self.vigil.forget_questions();
        for mailbox in self.watched.values_mut() {
            mailbox.asked = None;
        }
    }

    /// Those that are to be asked now: all that owe no answer and do not rest. Of the others those
    /// that take long are said, and those that are stuck start anew.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<(u64, Recipient<Ping>)> {
        for (number, verdict) in self.vigil.look(now) {
            let Some(mailbox) = self.watched.get(&number) else {
                continue;
            };
            match verdict {
                Verdict::Slow(silent) => {
                    let name = mailbox.watched.name;
                    warn!("{name} has not answered for {:.0} s", silent.as_secs_f64());
                }
                Verdict::Stuck(silent) => mailbox.watched.lever.pull(silent),
            }
        }
        let mut due = Vec::new();
        let vigil = &mut self.vigil;
        self.watched.retain(|&number, mailbox| {
            let Some(actor) = mailbox.watched.ping.upgrade() else {
                // It has ended, as links do.
                vigil.answered(number);
                return false;
            };
            if mailbox.asked.is_none() && mailbox.rests <= now {
                mailbox.asked = Some(now);
                vigil.asked(number);
                due.push((number, actor));
            }
            true
        });
        due
    }

    /// That one has answered.
    pub(super) fn answered(&mut self, number: u64, now: Timestamp) {
        self.vigil.answered(number);
        if let Some(mailbox) = self.watched.get_mut(&number)
            && let Some(since) = mailbox.asked.take()
        {
            mailbox.took = now.since(since);
            mailbox.rests = now + mailbox.rest;
        }
    }

    /// How long each takes: as long as the last answer took, or longer if one is owed for longer.
    /// Links are too many to be told one by one.
    pub(super) fn ages(&self, now: Timestamp) -> Vec<(&'static str, Duration)> {
        let told = self.watched.values().filter(|it| it.rest.is_zero());
        let age = |mailbox: &Mailbox| {
            let owes = mailbox.asked.map(|since| now.since(since));
            let age = mailbox.took.max(owes.unwrap_or_default());
            (mailbox.watched.name, age)
        };
        told.map(age).collect()
    }
}

#[cfg(test)]
mod tests {
    use actix::{Actor, Addr, Context, Handler, Supervised};

    use super::*;
    use crate::guard::{self, Lever, Policy};

    struct Silent;

    impl Actor for Silent {
        type Context = Context<Self>;
    }

    impl Supervised for Silent {}

    impl Handler<Ping> for Silent {
        type Result = ();

        fn handle(&mut self, _: Ping, _: &mut Self::Context) {}
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn silent(name: &'static str) -> (Addr<Silent>, Lever, Watched) {
        let (address, lever) = guard::start(name, Policy::SINGLETON, Silent, |_| {});
        let watched = Watched::new(name, &address, lever.clone());
        (address, lever, watched)
    }

    #[actix::test]
    async fn an_age_is_that_of_the_last_answer_or_of_the_one_that_is_owed() {
        let second = Duration::from_secs(1);
        let mut mailboxes = Mailboxes::new(30 * second, second);
        let (_turns, _, turns) = silent("turns");
        let (_storage, _, storage) = silent("storage");
        mailboxes.watch(None, turns, Duration::ZERO);
        mailboxes.watch(Some(InfoHash([1; 20])), storage, Duration::ZERO);
        assert_eq!(mailboxes.due(at(0)).len(), 2);
        mailboxes.answered(0, at(30));
        let ages = mailboxes.ages(at(700));
        let millis = Duration::from_millis;
        assert_eq!(ages, [("turns", millis(30)), ("storage", millis(700))]);
        assert_eq!(
            mailboxes.due(at(1_000)).len(),
            1,
            "the other one owes an answer"
        );
        mailboxes.forget(InfoHash([1; 20]));
        mailboxes.answered(1, at(1_100));
        assert_eq!(mailboxes.ages(at(1_000)).len(), 1);
    }

    #[actix::test]
    async fn a_link_rests_between_questions_and_is_forgotten_when_it_is_gone() {
        let second = Duration::from_secs(1);
        let mut mailboxes = Mailboxes::new(30 * second, second);
        let (session, _lever, watched) = silent("session");
        mailboxes.watch(None, watched, 30 * second);
        assert_eq!(mailboxes.due(at(0)).len(), 1);
        mailboxes.answered(0, at(10));
        assert!(mailboxes.ages(at(20)).is_empty());
        assert!(mailboxes.due(at(29_000)).is_empty());
        assert_eq!(mailboxes.due(at(31_000)).len(), 1);
        drop(session);
        while !mailboxes.watched.is_empty() {
            mailboxes.due(at(32_000));
            tokio::task::yield_now().await;
        }
    }
}
