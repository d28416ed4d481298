//! The image under test, from the project's own Dockerfile.
//!
//! No registry is asked for anything: the base image is made by `debootstrap`, once per machine,
//! and the program is what cargo built. The base and the last image stay as a cache; the next
//! run takes the one and replaces the other.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::engine::{docker, root, run};

/// The base image: Debian's, as the default of the Dockerfile is, and as the machines are that
/// the program is built on.
pub(crate) const BASE: &str = "swarmlet-test-base:bookworm";

const SUITE: &str = "bookworm";

/// The image under test.
const IMAGE: &str = "swarmlet-test-node";

/// The label of images under test, so that replaced ones can be found.
pub(crate) const IMAGE_LABEL: &str = "swarmlet-test-image";

/// The name of the image under test, built first if that has not been done yet.
///
/// # Panics
/// If it cannot be built.
pub(crate) fn node() -> &'static str {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        debian(BASE, &[]).unwrap_or_else(|error| panic!("cannot make the base image: {error}"));
        build().unwrap_or_else(|error| panic!("cannot build the image: {error}"));
    });
    IMAGE
}

/// Makes an image of a small Debian and more packages, if this machine has none of that name.
///
/// # Errors
/// If it cannot be made: what the tools said.
pub(crate) fn debian(name: &str, packages: &[&str]) -> Result<(), String> {
    if docker(["image", "inspect", name]).is_ok() {
        return Ok(());
    }
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    // Below it, as root owns all of this and `tempdir` is for its user alone.
    let tree = directory.path().join("root");
    println!("making {name} with debootstrap (once)");
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.arg("--variant=minbase");
    if !packages.is_empty() {
        debootstrap.arg(format!("--include={}", packages.join(",")));
    }
    run(debootstrap.arg(SUITE).arg(&tree))?;
    for cache in ["var/cache/apt/archives", "var/lib/apt/lists"] {
        let _ = fs::remove_dir_all(tree.join(cache));
    }
    let mut tar = Command::new("tar")
        .arg("--directory")
        .arg(&tree)
        .args(["--create", "."])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run tar: {error}"))?;
    let stream = tar.stdout.take().ok_or("tar has no output")?;
    let imported = Command::new("docker")
        .args(["import", "-", name])
        .stdin(stream)
        .output();
    let packed = tar.wait().map_err(|error| error.to_string())?;
    match imported {
        Ok(output) if output.status.success() && packed.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(format!("cannot run docker: {error}")),
    }
}

/// The release build of the program.
fn release_binary() -> Result<PathBuf, String> {
    if let Some(binary) = std::env::var_os("SWARMLET_TEST_BINARY") {
        return Ok(binary.into());
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    run(Command::new(cargo)
        .args(["build", "--release", "--locked", "--bin", "swarmlet"])
        .current_dir(root()))?;
    // Cargo's directory is above the one of the profile that this test was built with.
    let built = PathBuf::from(env!("CARGO_BIN_EXE_swarmlet"));
    let target = built
        .parent()
        .and_then(|profile| profile.parent())
        .ok_or("no target directory")?;
    Ok(target.join("release/swarmlet"))
}

fn build() -> Result<(), String> {
    let context = tempfile::tempdir().map_err(|error| error.to_string())?;
    let copy = |from: PathBuf, to: &str| {
        let to = context.path().join(to);
        fs::create_dir_all(to.parent().unwrap_or(&to)).map_err(|error| error.to_string())?;
        fs::copy(&from, to).map_err(|error| format!("cannot copy {}: {error}", from.display()))
    };
    copy(release_binary()?, "swarmlet")?;
    copy(
        root().join("deploy/healthcheck.sh"),
        "deploy/healthcheck.sh",
    )?;
    copy(root().join("Dockerfile"), "Dockerfile")?;
    let context = context.path().display().to_string();
    let base = format!("BASE_IMAGE={BASE}");
    let label = format!("{IMAGE_LABEL}=1");
    docker([
        "build",
        "--target",
        "prebuilt",
        "--build-arg",
        &base,
        "--build-arg",
        "BINARY=swarmlet",
        "--label",
        &label,
        "--tag",
        IMAGE,
        &context,
    ])?;
    let filter = format!("label={IMAGE_LABEL}=1");
    let _ = docker(["image", "prune", "--force", "--filter", &filter]);
    Ok(())
}
