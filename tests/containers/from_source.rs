//! The default target of the Dockerfile, which builds everything from source.
//!
//! It starts from an image with Rust, which comes from a registry elsewhere. Here one is made of
//! Debian with a C compiler and this machine's own toolchain and downloaded crates. That is a
//! gigabyte to copy, so it is done only where `SWARMLET_FROM_SOURCE=1` asks for it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::engine::{docker, is_available, root, run};
use super::image::{BASE, IMAGE_LABEL, debian};
use crate::support::{is_set, skip, take_turn};

const ASKED_BY: &str = "SWARMLET_FROM_SOURCE";

/// Debian with a C compiler.
const COMPILER: &str = "swarmlet-test-compiler:bookworm";

/// The same with Rust.
const RUST: &str = "swarmlet-test-rust";

/// What is built.
const IMAGE: &str = "swarmlet-test-from-source";

const RUST_DOCKERFILE: &str = "\
ARG COMPILER
FROM ${COMPILER}
COPY toolchain /usr/local
COPY registry /usr/local/cargo/registry
ENV CARGO_HOME=/usr/local/cargo CARGO_NET_OFFLINE=true
";

#[test]
fn the_image_builds_from_source() {
    let test = "the_image_builds_from_source";
    if !is_set(ASKED_BY) {
        return skip(test, &format!("set {ASKED_BY}=1 to run it"), ASKED_BY);
    }
    if !is_available(test) {
        return;
    }
    let _turn = take_turn();
    super::image::node();
    debian(COMPILER, &["gcc", "libc6-dev"]).unwrap();
    build_rust_image();

    let label = format!("{IMAGE_LABEL}=1");
    let rust = format!("RUST_IMAGE={RUST}");
    let base = format!("BASE_IMAGE={BASE}");
    let root = root().display().to_string();
    docker([
        "build",
        "--build-arg",
        &rust,
        "--build-arg",
        &base,
        "--label",
        &label,
        "--tag",
        IMAGE,
        &root,
    ])
    .unwrap();
    let words = [
        "run",
        "--rm",
        "--network",
        "none",
        "--entrypoint",
        "swarmlet",
        IMAGE,
    ];
    let version = docker(words.iter().chain(&["--version"])).unwrap();
    assert!(version.starts_with("swarmlet "), "{version}");
    let _ = docker(["image", "rm", IMAGE, RUST]);
}

fn build_rust_image() {
    let context = tempfile::tempdir().unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let sysroot = run(Command::new(rustc).args(["--print", "sysroot"])).unwrap();
    let sysroot = PathBuf::from(sysroot.trim());
    let toolchain = context.path().join("toolchain");
    fs::create_dir(&toolchain).unwrap();
    for part in ["bin", "lib"] {
        copy(sysroot.join(part), toolchain.join(part));
    }
    copy(
        cargo_home().join("registry"),
        context.path().join("registry"),
    );
    fs::write(context.path().join("Dockerfile"), RUST_DOCKERFILE).unwrap();
    let compiler = format!("COMPILER={COMPILER}");
    let context = context.path().display().to_string();
    docker(["build", "--build-arg", &compiler, "--tag", RUST, &context]).unwrap();
}

fn copy(from: PathBuf, to: PathBuf) {
    run(Command::new("cp").arg("--archive").arg(from).arg(to)).unwrap();
}

fn cargo_home() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo");
    std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}
