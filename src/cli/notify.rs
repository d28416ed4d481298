//! Words to a service manager such as systemd: that the node is ready, how far it is, that it lives,
//! that it stops (sd_notify(3)).
//!
//! Without `NOTIFY_SOCKET` nothing is said. Nothing is waited for either: a manager that does not
//! listen is told again later what it must know, and misses the rest.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::rc::Rc;
use std::time::Duration;

use log::warn;
use sd_notify::NotifyState;
use swarmlet::Node;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::error::reason;

/// Where the service manager hears us.
const SOCKET: &str = "NOTIFY_SOCKET";

/// What a service manager has set for its service.
const VARIABLES: [&str; 3] = [SOCKET, "WATCHDOG_USEC", "WATCHDOG_PID"];

/// 1 s between lines of status: they are for people.
const STATUS_PERIOD: Duration = Duration::from_secs(1);

/// Who speaks to the service manager while a command runs.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Heir {
    /// The node, which runs beside it.
    Node,
    /// The command, which took the place of the node.
    Command,
}

/// The variables that a command must not see: words that it said would be ours.
pub(crate) fn variables_of(heir: Heir) -> &'static [&'static str] {
    match heir {
        Heir::Node => &VARIABLES,
        Heir::Command => &[],
    }
}

/// Speaks to the service manager, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Notifier {
    socket: Option<UnixDatagram>,
    said: RefCell<Said>,
}

#[derive(Debug, Default)]
struct Said {
    /// What must be said, and could not be yet.
    owed: Vec<String>,
    /// The status as it is, and as it was said.
    status: String,
    told: String,
}

/// Whose life the service manager hears of.
#[derive(Clone, Debug)]
pub(crate) enum Watched {
    /// A node.
    Node(Node),
    /// This process alone: the node was given up, on purpose.
    Process,
}

impl Notifier {
    /// To whom the environment names.
    pub(crate) fn from_environment() -> Rc<Self> {
        let socket = std::env::var_os(SOCKET).filter(|name| !name.is_empty());
        Rc::new(socket.map(Self::to).unwrap_or_default())
    }

    fn to(name: OsString) -> Self {
        let socket = connect(&name);
        if let Err(error) = &socket {
            let name = name.to_string_lossy();
            warn!(
                "cannot speak to the service manager at {name}: {}",
                reason(error)
            );
        }
        Self {
            socket: socket.ok(),
            said: RefCell::default(),
        }
    }

    /// The node listens.
    pub(crate) fn ready(&self) {
        self.owe(&NotifyState::Ready);
    }

    /// The node stops.
    pub(crate) fn stopping(&self) {
        self.owe(&NotifyState::Stopping);
    }

    /// How far the node is, in one line. Said once a second at most, if it is another one.
    pub(crate) fn status(&self, line: &str) {
        if self.socket.is_some() {
            line.clone_into(&mut self.said.borrow_mut().status);
        }
    }

    /// Says now what was not said yet.
    pub(crate) fn tell(&self) {
        let mut said = self.said.borrow_mut();
        while let Some(words) = said.owed.first() {
            if !self.send(words) {
                return;
            }
            said.owed.remove(0);
        }
        if said.told != said.status && self.send(&NotifyState::Status(&said.status).to_string()) {
            said.told = said.status.clone();
        }
    }

    /// Says what changes, for as long as the program runs.
    pub(crate) fn run(self: &Rc<Self>) {
        if self.socket.is_none() {
            return;
        }
        let notifier = Rc::clone(self);
        actix_rt::spawn(async move {
            let mut tick = every(STATUS_PERIOD);
            loop {
                tick.tick().await;
                notifier.tell();
            }
        });
    }

    /// Gives signs of life as often as the service manager asks for, if it does. The task that does
    /// it ends with what is returned.
    pub(crate) fn watch(self: &Rc<Self>, watched: Watched) -> Option<Watch> {
        self.socket.as_ref()?;
        let period = sd_notify::watchdog_enabled().filter(|period| !period.is_zero())?;
        let notifier = Rc::clone(self);
        let task = actix_rt::spawn(async move {
            let is_alive = async || match &watched {
                Watched::Node(node) => node.is_responsive().await,
                Watched::Process => true,
            };
            let mut tick = every(period / 2);
            let give = || {
                notifier.send(&NotifyState::Watchdog.to_string());
            };
            signs(async || _ = tick.tick().await, is_alive, give).await;
        });
        Some(Watch(task))
    }

    fn owe(&self, state: &NotifyState<'_>) {
        if self.socket.is_some() {
            self.said.borrow_mut().owed.push(state.to_string());
            self.tell();
        }
    }

    /// Whether it was heard, or never can be.
    fn send(&self, words: &str) -> bool {
        let sent = self
            .socket
            .as_ref()
            .map(|socket| socket.send(words.as_bytes()));
        // It will listen again if only its queue is full.
        !matches!(sent, Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// Signs of life until this is dropped.
#[derive(Debug)]
pub(crate) struct Watch(tokio::task::JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Gives a sign after each tick, if the answer is yes. Where none comes, none is given: who does not
/// answer is what a watchdog is for.
async fn signs(
    mut tick: impl AsyncFnMut(),
    is_alive: impl AsyncFn() -> bool,
    mut give: impl FnMut(),
) {
    loop {
        tick().await;
        if is_alive().await {
            give();
        }
    }
}

/// Comes at once, and then after each period; not sooner, if one was missed.
fn every(period: Duration) -> Interval {
    let mut tick = interval(period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick
}

fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect_addr(&address(name)?)?;
    Ok(socket)
}

/// A path, or with @ in front a name in Linux's abstract namespace.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = name.as_encoded_bytes().strip_prefix(b"@") {
        use std::os::linux::net::SocketAddrExt;
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(name)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    /// A notifier, and the service manager that it speaks to.
    fn pair(folder: &std::path::Path) -> (Notifier, UnixDatagram) {
        let path = folder.join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        manager.set_nonblocking(true).unwrap();
        (Notifier::to(path.into()), manager)
    }

    /// Everything that the service manager was told.
    fn heard(manager: &UnixDatagram) -> Vec<String> {
        let mut buffer = [0; 1_000];
        let mut all = Vec::new();
        while let Ok(length) = manager.recv(&mut buffer) {
            all.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
        }
        all
    }

    #[test]
    fn a_status_is_said_when_it_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let (notifier, manager) = pair(folder.path());
        notifier.ready();
        notifier.status("one");
        notifier.status("two");
        notifier.tell();
        notifier.tell();
        notifier.status("two");
        notifier.tell();
        notifier.stopping();
        assert_eq!(heard(&manager), ["READY=1", "STATUS=two", "STOPPING=1"]);
    }

    #[test]
    fn what_a_busy_service_manager_must_know_it_is_told_later() {
        let folder = tempfile::tempdir().unwrap();
        let (notifier, manager) = pair(folder.path());
        // Fill its queue.
        while notifier.send("noise") {}
        notifier.ready();
        notifier.status("one");
        assert!(heard(&manager).iter().all(|words| words == "noise"));
        notifier.tell();
        assert_eq!(heard(&manager), ["READY=1", "STATUS=one"]);
    }

    #[test]
    fn who_has_no_service_manager_says_nothing() {
        let none = Notifier::default();
        none.ready();
        none.status("one");
        none.tell();
        assert!(none.said.borrow().owed.is_empty());
        // One that is gone is no reason to fail either.
        let gone = Notifier::to("/nowhere/notify".into());
        gone.ready();
        assert!(gone.socket.is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_service_manager_may_have_an_abstract_name() {
        let name = format!("@swarmlet-test-{}", std::process::id());
        let manager = UnixDatagram::bind_addr(&address(OsStr::new(&name)).unwrap()).unwrap();
        manager.set_nonblocking(true).unwrap();
        Notifier::to(name.into()).ready();
        assert_eq!(heard(&manager), ["READY=1"]);
    }

    /// How many signs of life are given at ten ticks.
    fn signs_at_ten_ticks(is_alive: impl AsyncFn() -> bool) -> usize {
        let (ticks, given) = (Cell::new(0), Cell::new(0));
        let tick = async || {
            ticks.set(ticks.get() + 1);
            if ticks.get() > 10 {
                pending().await
            }
        };
        // Nothing in it wakes anybody: it goes as far as it ever will.
        let signs = pin!(signs(tick, is_alive, || given.set(given.get() + 1)));
        let is_waiting = signs
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending();
        assert!(is_waiting);
        given.get()
    }

    #[test]
    fn who_does_not_answer_gives_no_sign_of_life() {
        assert_eq!(signs_at_ten_ticks(async || true), 10);
        assert_eq!(signs_at_ten_ticks(async || false), 0);
        assert_eq!(signs_at_ten_ticks(pending::<bool>), 0);
        let asked = Cell::new(0);
        let stuck_later = async || {
            asked.set(asked.get() + 1);
            match asked.get() {
                ..4 => true,
                _ => pending().await,
            }
        };
        assert_eq!(signs_at_ten_ticks(stuck_later), 3);
    }
}
