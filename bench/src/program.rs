//! The programs that are measured: never a debug build.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Whether what we measure, and measure with, was built without optimisation.
pub(crate) const IS_DEBUG: bool = cfg!(debug_assertions);

/// Refuses to be a debug build, unless that is wanted.
///
/// # Errors
/// This is one.
pub(crate) fn refuse_debug_build(allows_debug: bool) -> io::Result<()> {
    if IS_DEBUG && !allows_debug {
        return Err(io::Error::other(
            "a debug build is not measured: cargo run --release -p swarmlet-bench",
        ));
    }
    Ok(())
}

/// Builds the swarmlet of this checkout in the profile that we are built in, if it is not up to
/// date; its path.
///
/// # Errors
/// Cargo is not there or fails.
pub(crate) fn build_swarmlet() -> io::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    command.args([
        "build",
        "--locked",
        "--package",
        "swarmlet",
        "--bin",
        "swarmlet",
    ]);
    command.arg("--message-format=json-render-diagnostics");
    if !IS_DEBUG {
        command.arg("--release");
    }
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| {
        let text = format!("cannot run cargo: {error}; or name a program with --swarmlet FILE");
        io::Error::new(error.kind(), text)
    })?;
    let built = String::from_utf8_lossy(&output.stdout);
    match executable(&built).filter(|_| output.status.success()) {
        Some(path) => Ok(path),
        None => Err(io::Error::other(
            "cargo could not build swarmlet; or name a program with --swarmlet FILE",
        )),
    }
}

/// The program that cargo made, by its messages: a JSON object in each line.
fn executable(messages: &str) -> Option<PathBuf> {
    let path = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message.get("executable")?.as_str()?))
    };
    messages.lines().filter_map(path).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_among_the_messages_of_cargo() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n\
                        {\"reason\":\"compiler-artifact\",\"executable\":\"/a/b\"}\n\
                        {\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(executable(messages), Some(PathBuf::from("/a/b")));
        assert_eq!(executable("rubbish\n"), None);
    }
}
