//! What two nodes of a process could share, or take from their host, does not stand in the code.

use std::fs;
use std::path::{Path, PathBuf};

/// Everything that lives as long as the process or a thread, and why that is no state.
const STATICS: [&str; 13] = [
    // Of the simulation, and of tests: no other build has them.
    "actors/src/debt.rs DEBT",
    "actors/src/files/faults.rs COUNT",
    "actors/src/files/faults.rs DISKS",
    // Whether an actor is being polled on this thread, for programs that quiet panics.
    "actors/src/guard.rs GUARDED",
    "actors/src/guard.rs PLACE",
    // A buffer per thread, empty between two reads.
    "actors/src/session/pump.rs STAGING",
    // Of the simulation.
    "actors/src/simulation/mod.rs WORLD",
    // The file in which the system says how long this thread ran.
    "actors/src/storage/held_up.rs SCHEDSTAT",
    // A type without a field, which rustls wants as a static; and the key share of the hello that is being
    // made on this thread.
    "actors/src/transport/tls/share.rs KEY_EXCHANGE",
    "actors/src/transport/tls/share.rs NEXT",
    // A buffer per thread, empty between two reads.
    "actors/src/transport/tls/stream.rs STAGING",
    // A constant that is read from bytes once.
    "protocol/src/encryption/exchange.rs MODULUS",
    // Numbers readers; a number decides nothing.
    "src/reading.rs NEXT",
];

/// What a library must not call, and the one place that has it for programs.
const FORBIDDEN: [&str; 19] = [
    "set_logger",
    "set_boxed_logger",
    "set_max_level",
    "env_logger",
    "process::exit",
    "process::abort",
    "set_hook",
    "take_hook",
    "quiet_panics(",
    "ctrl_c",
    "signal::",
    "set_var",
    "remove_var",
    "set_current_dir",
    "println!",
    "eprintln!",
    "print!(",
    "dbg!",
    "static mut",
];

#[test]
fn nothing_lives_as_long_as_the_process_but_what_is_listed() {
    let mut found = Vec::new();
    for (path, text) in library() {
        let name = |line: &str| {
            let line = line.trim_start().trim_start_matches("pub ");
            let line = line.split_once(") ").map_or(line, |(word, rest)| {
                if word.starts_with("pub(") { rest } else { line }
            });
            let (name, _) = line.strip_prefix("static ")?.split_once(':')?;
            Some(format!("{path} {name}"))
        };
        found.extend(text.lines().filter_map(name));
    }
    found.sort();
    assert_eq!(found, STATICS);
}

#[test]
fn nothing_of_the_hosts_is_touched_and_nothing_is_printed() {
    let mut found = Vec::new();
    for (path, text) in library() {
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for word in FORBIDDEN.iter().filter(|&&word| line.contains(word)) {
                found.push(format!("{path} {}: {word}", number + 1));
            }
        }
    }
    // It exists for programs, among them ours, and nobody else calls it.
    found.retain(|place| !place.starts_with("actors/src/guard.rs "));
    assert!(found.is_empty(), "{}", found.join("\n"));
    let guard = fs::read_to_string(root().join("actors/src/guard.rs")).unwrap();
    for word in ["set_hook", "take_hook", "quiet_panics("] {
        let (before, rest) = guard.split_once("pub fn quiet_panics()").unwrap();
        assert!(!before.contains(word), "{word}");
        let (_, after) = rest.split_once("\n}\n").unwrap();
        assert!(!after.contains(word), "{word}");
    }
}

/// The sources of the library, by their paths, without those of tests and of the command line.
fn library() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for folder in ["actors/src", "hashing/src", "protocol/src", "src"] {
        collect(&root().join(folder), &mut files);
    }
    let mut library = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let path = path.strip_prefix(root()).unwrap().to_str().unwrap();
        let is_program = path.starts_with("src/cli/") || path == "src/main.rs";
        let is_test = path.trim_end_matches(".rs").ends_with("tests") || path.contains("tests/");
        if !is_program && !is_test {
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            library.push((path.to_owned(), text.to_owned()));
        }
    }
    assert!(library.len() > 100, "the sources were not found");
    library
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
