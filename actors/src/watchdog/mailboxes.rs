//! How long actors take to answer: the age of their mailboxes.

use std::collections::BTreeMap;
use std::time::Duration;

use actix::Recipient;
use log::warn;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::time::Timestamp;

use crate::messages::Ping;

/// 5 s: an actor that takes longer to answer is worth a word.
const OLD_MAILBOX: Duration = Duration::from_secs(5);

/// The actors that are watched, each under a number of its own.
#[derive(Debug, Default)]
pub(super) struct Mailboxes {
    watched: BTreeMap<u64, Mailbox>,
    next: u64,
}

#[derive(Debug)]
struct Mailbox {
    name: &'static str,
    /// The content that it is for; it lives as long as that.
    swarm: Option<InfoHash>,
    actor: Recipient<Ping>,
    /// Since when it owes an answer.
    asked: Option<Timestamp>,
    /// How long the last answer took.
    took: Duration,
}

impl Mailboxes {
    /// Watches these as well.
    pub(super) fn watch(
        &mut self,
        swarm: Option<InfoHash>,
        actors: Vec<(&'static str, Recipient<Ping>)>,
    ) {
        for (name, actor) in actors {
            let mailbox = Mailbox {
                name,
                swarm,
                actor,
                asked: None,
                took: Duration::ZERO,
            };
            self.watched.insert(self.next, mailbox);
            self.next += 1;
        }
    }

    /// Watches the actors of this content no longer.
    pub(super) fn forget(&mut self, swarm: InfoHash) {
        self.watched
            .retain(|_, mailbox| mailbox.swarm != Some(swarm));
    }

    /// Nobody owes an answer: whoever asked will not hear it.
    pub(super) fn forget_questions(&mut self) {
        for mailbox in self.watched.values_mut() {
            mailbox.asked = None;
        }
    }

    /// Those that are to be asked now: all that owe no answer. Says which of the others take long.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<(u64, Recipient<Ping>)> {
        let mut due = Vec::new();
        for (&number, mailbox) in &mut self.watched {
            let Some(since) = mailbox.asked else {
                mailbox.asked = Some(now);
                due.push((number, mailbox.actor.clone()));
                continue;
            };
            let age = now.since(since);
            if age >= OLD_MAILBOX {
                let name = mailbox.name;
                warn!("{name} has not answered for {:.0} s", age.as_secs_f64());
            }
        }
        due
    }

    /// That one has answered.
    pub(super) fn answered(&mut self, number: u64, now: Timestamp) {
        if let Some(mailbox) = self.watched.get_mut(&number)
            && let Some(since) = mailbox.asked.take()
        {
            mailbox.took = now.since(since);
        }
    }

    /// How long each takes: as long as the last answer took, or longer if one is owed for longer.
    pub(super) fn ages(&self, now: Timestamp) -> Vec<(&'static str, Duration)> {
        let age = |mailbox: &Mailbox| {
            let owes = mailbox.asked.map(|since| now.since(since));
            (mailbox.name, mailbox.took.max(owes.unwrap_or_default()))
        };
        self.watched.values().map(age).collect()
    }
}

#[cfg(test)]
mod tests {
    use actix::{Actor, Context, Handler};

    use super::*;

    struct Silent;

    impl Actor for Silent {
        type Context = Context<Self>;
    }

    impl Handler<Ping> for Silent {
        type Result = ();

        fn handle(&mut self, _: Ping, _: &mut Self::Context) {}
    }

    #[actix::test]
    async fn an_age_is_that_of_the_last_answer_or_of_the_one_that_is_owed() {
        let at = Timestamp::from_millis;
        let silent = || Silent.start().recipient();
        let mut mailboxes = Mailboxes::default();
        mailboxes.watch(None, vec![("turns", silent())]);
        mailboxes.watch(Some(InfoHash([1; 20])), vec![("storage", silent())]);
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
}
