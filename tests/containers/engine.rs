//! The container engine, through its command line.
//!
//! Runs commands and says what failed; decides nothing.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock};

use crate::support;

/// Set where these tests must run; a missing engine is a failure then.
const REQUIRED_BY: &str = "SWARMLET_REQUIRE_CONTAINERS";

/// Set where these tests may run. They take many minutes, so that `cargo test` leaves them out.
const ASKED_BY: &str = "SWARMLET_CONTAINERS";

/// So many commands of the engine run at once: more would only wait for each other on two cores.
const WIDTH: usize = 4;

/// The label of all that a run makes; its value names the run.
pub(crate) const LABEL: &str = "swarmlet-test";

/// Whether containers can be had; if not, says so as a skip or a failure.
pub(crate) fn is_available(test: &str) -> bool {
    if !support::is_set(ASKED_BY) && !support::is_set(REQUIRED_BY) {
        support::skip(test, &format!("set {ASKED_BY}=1 to run it"), REQUIRED_BY);
        return false;
    }
    static ANSWER: OnceLock<Result<String, String>> = OnceLock::new();
    match ANSWER.get_or_init(|| docker(["info", "--format", "{{.ServerVersion}}"])) {
        Ok(_) => true,
        Err(error) => {
            support::skip(
                test,
                &format!("no container engine ({})", error.trim()),
                REQUIRED_BY,
            );
            false
        }
    }
}

/// Runs the engine's command and gives what it printed.
///
/// # Errors
/// If it cannot be started or fails: what it printed as an error.
pub(crate) fn docker<I, S>(arguments: I) -> Result<String, String>
where
    I: IntoIterator<Item = S>,
    S: AsRef<std::ffi::OsStr>,
{
    let mut command = Command::new("docker");
    command
        .args(arguments)
        .stdin(Stdio::null())
        .env("DOCKER_BUILDKIT", "0");
    run(&mut command)
}

/// Runs a command to its end.
///
/// # Errors
/// If it cannot be started or fails: what it printed as an error.
pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("cannot run {name}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name} ended with {}: {errors}", output.status))
}

/// The end of what a container printed, both streams: the engine keeps them apart, and nodes log
/// to standard error.
pub(crate) fn logs(container: &str) -> String {
    let output = Command::new("docker")
        .args(["logs", "--tail", "40", container])
        .output();
    output.map_or_else(
        |error| error.to_string(),
        |output| {
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            String::from_utf8_lossy(&output.stdout).into_owned() + &errors
        },
    )
}

/// Does something for each, several at a time, and gives the answers in no order.
pub(crate) fn for_each<T: Send, R: Send>(
    items: impl IntoIterator<Item = T>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let items = Mutex::new(items.into_iter().collect::<Vec<_>>().into_iter());
    let answers = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WIDTH {
            scope.spawn(|| {
                loop {
                    let next = items.lock().unwrap().next();
                    let Some(item) = next else { break };
                    let answer = work(item);
                    answers.lock().unwrap().push(answer);
                }
            });
        }
    });
    answers.into_inner().unwrap()
}

/// Gives up one's claim on everything with a label's value: containers, then networks.
pub(crate) fn sweep(run: &str) {
    let filter = format!("label={LABEL}={run}");
    let containers = docker(["ps", "--all", "--quiet", "--filter", &filter]).unwrap_or_default();
    let words: Vec<&str> = containers.split_whitespace().collect();
    if !words.is_empty() {
        let _ = docker([&["rm", "--force", "--volumes"], &words[..]].concat());
    }
    let networks = docker(["network", "ls", "--quiet", "--filter", &filter]).unwrap_or_default();
    for network in networks.split_whitespace() {
        let _ = docker(["network", "rm", network]);
    }
}

/// The root of the project.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
