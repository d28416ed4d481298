//! What a running process has used so far, as the kernel counts it.
//!
//! Everything is read while the process lives. Processor time comes from the process' own clock,
//! which has nanoseconds and counts threads that have ended; `/proc/PID/stat` has ticks of 10 ms,
//! which is as much as a small download takes.

use std::fs;
use std::io;
use std::time::Duration;

use nix::time::clock_getcpuclockid;
use nix::unistd::{Pid, SysconfVar, sysconf};

/// What one process has used since it began.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Usage {
    /// User and system time of all its threads, and of children that it has waited for.
    pub(crate) cpu: Duration,
    /// The most memory that was resident at a time, in bytes.
    pub(crate) peak_memory: u64,
    /// How often its living threads gave up the processor of their own accord.
    pub(crate) switches: u64,
}

impl Usage {
    /// Asks the kernel about a living process.
    ///
    /// # Errors
    /// There is no such process any more.
    pub(crate) fn of(process: u32) -> io::Result<Self> {
        let id = Pid::from_raw(i32::try_from(process).map_err(io::Error::other)?);
        let own: Duration = clock_getcpuclockid(id)?.now()?.into();
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        let children = children_ticks(&stat).ok_or_else(|| unreadable("stat", &stat))?;
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let peak = field(&status, "VmHWM").ok_or_else(|| unreadable("status", &status))?;
        let mut switches = 0;
        for thread in fs::read_dir(format!("/proc/{process}/task"))? {
            // A thread may end while we look.
            let status = fs::read_to_string(thread?.path().join("status")).unwrap_or_default();
            switches += field(&status, "voluntary_ctxt_switches").unwrap_or(0);
        }
        Ok(Self {
            cpu: own + ticks(children)?,
            peak_memory: peak * 1024,
            switches,
        })
    }
}

/// Processor time that the whole machine has spent since it started, on anything, and what its
/// host took away.
///
/// # Errors
/// `/proc/stat` is not there or not readable.
pub(crate) fn machine_cpu() -> io::Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    ticks(busy_ticks(&stat).ok_or_else(|| unreadable("stat", &stat))?)
}

fn ticks(count: u64) -> io::Result<Duration> {
    let per_second = sysconf(SysconfVar::CLK_TCK)?.unwrap_or(100);
    Ok(Duration::from_secs_f64(count as f64 / per_second as f64))
}

fn unreadable(name: &str, text: &str) -> io::Error {
    io::Error::other(format!(
        "cannot make sense of /proc/.../{name}: {:?}",
        text.chars().take(80).collect::<String>()
    ))
}

/// User and system time of children that were waited for: fields 16 and 17 of `/proc/PID/stat`.
fn children_ticks(stat: &str) -> Option<u64> {
    // The second field is a name in parentheses, which may itself have spaces and parentheses.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(13);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// The first line of `/proc/stat` without idling, waiting for disks, and guests, whose time is in
/// that of users already.
fn busy_ticks(stat: &str) -> Option<u64> {
    let numbers = stat.lines().next()?.strip_prefix("cpu ")?;
    let numbers: Vec<u64> = numbers
        .split_whitespace()
        .map_while(|number| number.parse().ok())
        .collect();
    let [
        user,
        nice,
        system,
        _idle,
        _waiting,
        interrupts,
        soft,
        stolen,
        ..,
    ] = numbers[..]
    else {
        return None;
    };
    Some(user + nice + system + interrupts + soft + stolen)
}

/// The number behind `NAME:` in `/proc/PID/status`.
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_children_are_found_behind_any_name() {
        let rest = "S 1 2 3 0 -1 4194304 9 0 0 0 11 12 130 14 20 0 1 0 5 6 7";
        assert_eq!(children_ticks(&format!("77 (plain) {rest}")), Some(144));
        assert_eq!(children_ticks(&format!("77 (a) b (c) {rest}")), Some(144));
        assert_eq!(children_ticks("77 (short) S 1 2"), None);
        assert_eq!(children_ticks(""), None);
    }

    #[test]
    fn a_busy_machine_is_one_that_does_not_idle() {
        let stat = "cpu  1 2 4 1000 2000 8 16 32 64 128\ncpu0 9 9 9 9 9 9 9 9 9 9\n";
        assert_eq!(busy_ticks(stat), Some(63));
        assert_eq!(busy_ticks("cpu  1 2 4"), None);
        assert_eq!(busy_ticks("intr 1"), None);
    }

    #[test]
    fn a_field_of_the_status_is_found_by_its_whole_name() {
        let status = "VmHWMX:\t1 kB\nVmHWM:\t  5120 kB\nnonvoluntary_ctxt_switches:\t9\n\
                      voluntary_ctxt_switches:\t4\n";
        assert_eq!(field(status, "VmHWM"), Some(5120));
        assert_eq!(field(status, "voluntary_ctxt_switches"), Some(4));
        assert_eq!(field(status, "VmRSS"), None);
    }

    #[test]
    fn work_shows_in_the_usage_of_ourselves() {
        let before = Usage::of(std::process::id()).unwrap();
        let mut hash = [0_u8; 32];
        let mut after = before;
        // Bounded by counts: a machine that does this in no time at all has no clock.
        for _ in 0..100_000 {
            hash = std::array::from_fn(|at| hash[at].wrapping_mul(31).wrapping_add(at as u8));
            after = Usage::of(std::process::id()).unwrap();
            if after.cpu > before.cpu {
                break;
            }
        }
        assert!(after.cpu > before.cpu, "{hash:?}");
        assert!(after.peak_memory > 0);
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(Usage::of(u32::MAX / 4).is_err());
    }
}
