//! What ends a run, and what is done before that: a machine from what happens to what is to be done.
//!
//! It owns no clock, no process and no node. Invariant: the command is started at most once, and
//! nothing is asked for any more after [`Order::Stop`] and [`Order::Fail`].

use std::time::Duration;

use rustix::process::Signal;

/// What the node is there for.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Aim {
    /// To serve until it is stopped.
    Serve,
    /// To end once everything is complete, and was for so long.
    Complete(Duration),
    /// To start a command once everything is complete, and to go on beside it.
    Accompany,
    /// To become a command once everything is complete.
    Become,
}

/// Something that happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Input {
    /// Every content is complete and verified.
    Complete,
    /// One of them no longer is.
    Incomplete,
    /// A file cannot be used.
    Paused(String),
    /// The node cannot go on.
    Failed(String),
    /// Somebody sent us a signal.
    Signal(Signal),
    /// The time is up that was asked for.
    TimeUp,
    /// The command ended with this status.
    Ended(u8),
}

/// Something to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Order {
    /// Start the command.
    Start,
    /// Pass a signal on to it.
    Forward(Signal),
    /// Say when so much time has passed; nothing else is waited for any more.
    Wait(Duration),
    /// The time is of no interest any more.
    Forget,
    /// The node is no more, the command goes on.
    Abandon,
    /// Stop the node in order, and end so.
    Stop(End),
    /// The same, with an error.
    Fail(String),
}

/// How a run ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// With this status.
    Status(u8),
    /// As the command.
    Become,
}

/// Decides what ends a run.
#[derive(Debug)]
pub(super) struct Ending {
    aim: Aim,
    stage: Stage,
}

#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Stage {
    /// Not everything is here, or nobody waits for that.
    Syncing,
    /// Everything is here, and the time runs.
    Lingering,
    /// The command runs.
    Running,
    /// The command runs, the node does not.
    Alone,
    /// It is over.
    Over,
}

impl Ending {
    /// The machine of a run that begins.
    pub(super) const fn new(aim: Aim) -> Self {
        let stage = Stage::Syncing;
        Self { aim, stage }
    }

    /// What is to be done about it.
    pub(super) fn take(&mut self, input: Input) -> Option<Order> {
        match (self.stage, input) {
            (Stage::Over, _) => None,
            (Stage::Running | Stage::Alone, input) => self.beside(input),
            (Stage::Syncing, Input::Complete) => self.complete(),
            (Stage::Lingering, Input::Incomplete) => {
                self.stage = Stage::Syncing;
                Some(Order::Forget)
            }
            (_, Input::Signal(signal)) => Some(self.stop(End::Status(self.stopped_by(signal)))),
            // Somebody waits for the content: what it waits for in vain, it must hear of.
            (_, Input::Paused(error)) if self.aim != Aim::Serve => Some(self.fail(error)),
            (_, Input::Failed(error)) => Some(self.fail(error)),
            (Stage::Lingering, Input::TimeUp) => Some(self.stop(End::Status(super::SUCCESS))),
            (Stage::Syncing | Stage::Lingering, _) => None,
        }
    }

    fn complete(&mut self) -> Option<Order> {
        match self.aim {
            Aim::Serve => None,
            Aim::Complete(Duration::ZERO) => Some(self.stop(End::Status(super::SUCCESS))),
            Aim::Complete(time) => {
                self.stage = Stage::Lingering;
                Some(Order::Wait(time))
            }
            Aim::Accompany => {
                self.stage = Stage::Running;
                Some(Order::Start)
            }
            Aim::Become => Some(self.stop(End::Become)),
        }
    }

    /// The command runs, and matters more than the node.
    fn beside(&mut self, input: Input) -> Option<Order> {
        match input {
            Input::Signal(signal) => Some(Order::Forward(signal)),
            Input::Ended(status) => Some(self.stop(End::Status(status))),
            Input::Failed(_) if self.stage == Stage::Running => {
                self.stage = Stage::Alone;
                Some(Order::Abandon)
            }
            _ => None,
        }
    }

    const fn stop(&mut self, end: End) -> Order {
        self.stage = Stage::Over;
        Order::Stop(end)
    }

    const fn fail(&mut self, error: String) -> Order {
        self.stage = Stage::Over;
        Order::Fail(error)
    }

    /// The status of a node that was stopped: a command that was never run did not succeed.
    fn stopped_by(&self, signal: Signal) -> u8 {
        match self.aim {
            Aim::Serve | Aim::Complete(_) => super::SUCCESS,
            Aim::Accompany | Aim::Become => by_signal(signal.as_raw()),
        }
    }
}

/// The status of what a signal ended, as shells count: 128 and its number.
pub(crate) fn by_signal(number: i32) -> u8 {
    u8::try_from(number).map_or(u8::MAX, |number| number.saturating_add(128))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AIMS: [Aim; 5] = [
        Aim::Serve,
        Aim::Complete(Duration::ZERO),
        Aim::Complete(HOUR),
        Aim::Accompany,
        Aim::Become,
    ];
    const HOUR: Duration = Duration::from_secs(3_600);
    const DONE: Option<Order> = Some(Order::Stop(End::Status(0)));

    /// What is asked for, one input after the other.
    fn orders(aim: Aim, inputs: &[Input]) -> Vec<Option<Order>> {
        let mut ending = Ending::new(aim);
        let inputs = inputs.iter().cloned();
        inputs.map(|input| ending.take(input)).collect()
    }

    fn stopped(status: u8) -> Option<Order> {
        Some(Order::Stop(End::Status(status)))
    }

    fn broken() -> Option<Order> {
        Some(Order::Fail("why".to_owned()))
    }

    #[test]
    fn a_node_that_serves_is_ended_by_signals_and_failures_only() {
        use Input::*;
        let nothing = [Complete, Incomplete, Paused("why".to_owned()), Complete];
        assert_eq!(orders(Aim::Serve, &nothing), [const { None }; 4]);
        assert_eq!(orders(Aim::Serve, &[Signal(TERM)]), [DONE]);
        assert_eq!(orders(Aim::Serve, &[Complete, Signal(INT)]), [None, DONE]);
        let failed = [Failed("why".to_owned())];
        assert_eq!(orders(Aim::Serve, &failed), [broken()]);
    }

    #[test]
    fn a_node_that_is_to_end_when_complete_ends_at_once_without_a_time() {
        use Input::*;
        let at_once = Aim::Complete(Duration::ZERO);
        assert_eq!(orders(at_once, &[Complete]), [DONE]);
        assert_eq!(orders(at_once, &[Signal(TERM)]), [DONE]);
        assert_eq!(orders(at_once, &[Paused("why".to_owned())]), [broken()]);
    }

    #[test]
    fn the_time_to_serve_starts_anew_when_pieces_were_lost() {
        use Input::*;
        let wait = Some(Order::Wait(HOUR));
        let inputs = [Complete, Complete, Incomplete, TimeUp, Complete, TimeUp];
        let forget = Some(Order::Forget);
        let expected = [wait.clone(), None, forget, None, wait.clone(), DONE];
        assert_eq!(orders(Aim::Complete(HOUR), &inputs), expected);
        let stopped = orders(Aim::Complete(HOUR), &[Complete, Signal(TERM)]);
        assert_eq!(stopped, [wait.clone(), DONE]);
        let lost = orders(
            Aim::Complete(HOUR),
            &[Complete, Incomplete, Paused("why".to_owned())],
        );
        assert_eq!(lost, [wait, Some(Order::Forget), broken()]);
    }

    #[test]
    fn a_command_is_started_once_gets_the_signals_and_gives_the_status() {
        use Input::*;
        let inputs = [
            Complete,
            Incomplete,
            Complete,
            Paused("why".to_owned()),
            Signal(TERM),
            Signal(TERM),
            Signal(WINCH),
            Ended(3),
            Signal(TERM),
        ];
        let expected = [
            Some(Order::Start),
            None,
            None,
            None,
            Some(Order::Forward(TERM)),
            Some(Order::Forward(TERM)),
            Some(Order::Forward(WINCH)),
            stopped(3),
            None,
        ];
        assert_eq!(orders(Aim::Accompany, &inputs), expected);
    }

    #[test]
    fn a_command_outlives_the_node_and_hears_signals_all_the_same() {
        use Input::*;
        let failed = || Failed("why".to_owned());
        let inputs = [Complete, failed(), failed(), Signal(HUP), Ended(0)];
        let expected = [
            Some(Order::Start),
            Some(Order::Abandon),
            None,
            Some(Order::Forward(HUP)),
            DONE,
        ];
        assert_eq!(orders(Aim::Accompany, &inputs), expected);
    }

    #[test]
    fn a_command_that_was_never_run_did_not_succeed() {
        use Input::*;
        for aim in [Aim::Accompany, Aim::Become] {
            assert_eq!(orders(aim, &[Signal(TERM)]), [stopped(143)]);
            assert_eq!(
                orders(aim, &[Incomplete, Signal(INT)]),
                [None, stopped(130)]
            );
            assert_eq!(orders(aim, &[Paused("why".to_owned())]), [broken()]);
            assert_eq!(orders(aim, &[Failed("why".to_owned())]), [broken()]);
        }
        let replaced = Some(Order::Stop(End::Become));
        assert_eq!(orders(Aim::Become, &[Complete, Complete]), [replaced, None]);
    }

    #[test]
    fn nothing_is_asked_for_after_the_end() {
        use Input::*;
        let all = [
            Complete,
            Incomplete,
            Paused(String::new()),
            Failed(String::new()),
            Signal(TERM),
            TimeUp,
            Ended(0),
        ];
        for aim in AIMS {
            let mut ending = Ending::new(aim);
            assert!(ending.take(Failed("why".to_owned())).is_some());
            for input in all.clone() {
                assert_eq!(ending.take(input), None, "{aim:?}");
            }
        }
    }

    #[test]
    fn statuses_by_signals_are_those_of_shells() {
        assert_eq!(
            (by_signal(15), by_signal(2), by_signal(64)),
            (143, 130, 192)
        );
    }

    const TERM: Signal = Signal::TERM;
    const INT: Signal = Signal::INT;
    const HUP: Signal = Signal::HUP;
    const WINCH: Signal = Signal::WINCH;
}
