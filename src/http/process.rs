//! What the system says of the process.

use super::model::ProcessStatus;

/// The process that the node runs in. Linux only.
#[cfg(target_os = "linux")]
pub(super) fn status() -> Option<ProcessStatus> {
    use procfs::process::{LimitValue, Process};

    let process = Process::myself().ok()?;
    let stat = process.stat().ok()?;
    let ticks = procfs::ticks_per_second() as f64;
    let limit = process
        .limits()
        .ok()
        .map(|limits| limits.max_open_files.soft_limit);
    let boot = procfs::boot_time_secs().ok()? as f64;
    Some(ProcessStatus {
        pid: std::process::id(),
        cpu_seconds: (stat.utime + stat.stime) as f64 / ticks,
        resident_bytes: stat.rss * procfs::page_size(),
        virtual_bytes: stat.vsize,
        open_files: process.fd_count().ok()? as u64,
        open_files_limit: limit.and_then(|limit| match limit {
            LimitValue::Value(value) => Some(value),
            LimitValue::Unlimited => None,
        }),
        threads: stat.num_threads.unsigned_abs(),
        started_seconds: boot + stat.starttime as f64 / ticks,
    })
}

/// Nothing is known of it on other systems.
#[cfg(not(target_os = "linux"))]
pub(super) fn status() -> Option<ProcessStatus> {
    None
}
