//! What the machine is, in words for the page.

use std::fs;

use nix::sys::utsname::uname;

/// Processor, cores, memory and kernel in one line.
pub(crate) fn describe() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kernel = uname().map_or_else(
        |_| "an unknown kernel".to_owned(),
        |name| {
            let text = |part: &std::ffi::OsStr| part.to_string_lossy().into_owned();
            format!("{} {}", text(name.sysname()), text(name.release()))
        },
    );
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let plural = if cores == 1 { "" } else { "s" };
    format!(
        "{}, {cores} core{plural}, {} GiB of memory, {kernel}",
        model(&cpu),
        gibibytes(&memory),
    )
}

/// The name of the first processor in `/proc/cpuinfo`.
fn model(cpu: &str) -> String {
    let line = cpu.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == "model name").then(|| value.trim().to_owned())
    });
    line.unwrap_or_else(|| "an unknown processor".to_owned())
}

/// All memory in `/proc/meminfo`, rounded.
fn gibibytes(memory: &str) -> u64 {
    let line = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    (number.unwrap_or(0) + (1 << 19)) >> 20
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_and_the_memory_are_read() {
        let cpu = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nmodel name\t: Another\n";
        assert_eq!(model(cpu), "Some CPU @ 2 GHz");
        assert_eq!(model(""), "an unknown processor");
        assert_eq!(
            gibibytes("MemTotal:       24700000 kB\nMemFree: 1 kB\n"),
            24
        );
    }
}
