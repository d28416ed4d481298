//! Every target over its corpus and over what once broke something, without a fuzzer.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use swarmlet_fuzz::TARGETS;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(here(folder)).into_iter().flatten();
    let name = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    entries
        .filter_map(|entry| name(entry.ok()?.path()))
        .collect()
}

fn inputs(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.sort();
    files
}

#[test]
fn every_target_holds_over_its_corpus_and_what_once_broke_it() {
    let mut broken = Vec::new();
    for target in TARGETS {
        let corpus = inputs(&here("corpus").join(target.name));
        assert!(!corpus.is_empty(), "{} has no corpus", target.name);
        let regressions = inputs(&here("regressions").join(target.name));
        for path in corpus.iter().chain(&regressions) {
            let bytes = fs::read(path).unwrap();
            if catch_unwind(|| (target.check)(&bytes)).is_err() {
                broken.push(path.clone());
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn nothing_at_all_and_any_single_byte_break_no_target() {
    for target in TARGETS {
        (target.check)(&[]);
        (0..=255).for_each(|byte| (target.check)(&[byte]));
    }
}

#[test]
fn every_target_has_its_program_and_nothing_lies_about_for_another() {
    let targets: BTreeSet<_> = TARGETS
        .iter()
        .map(|target| target.name.to_owned())
        .collect();
    assert_eq!(targets.len(), TARGETS.len(), "a name twice");
    assert_eq!(names("targets"), targets);
    assert_eq!(names("corpus"), targets);
    for folder in ["dictionaries", "regressions"] {
        let strays: Vec<_> = names(folder).difference(&targets).cloned().collect();
        assert!(strays.is_empty(), "{folder} of no target: {strays:?}");
    }
    let manifest = fs::read_to_string(here("Cargo.toml")).unwrap();
    let table = fs::read_to_string(here("src/lib.rs")).unwrap();
    for name in &targets {
        let program = format!("name = \"fuzz-{name}\"\npath = \"targets/{name}.rs\"\n");
        assert!(
            manifest.contains(&program),
            "{name} is no program in Cargo.toml"
        );
        // The program runs what the table says.
        let line = table
            .lines()
            .find(|line| line.contains(&format!("target(\"{name}\", ")));
        let check = line.and_then(|line| line.split(", ").nth(1));
        let check = check.map(|check| check.trim_end_matches("),")).unwrap();
        let program = fs::read_to_string(here(&format!("targets/{name}.rs"))).unwrap();
        assert!(
            program.contains(&format!("swarmlet_fuzz::{check}(bytes)")),
            "{name}"
        );
    }
}

#[test]
fn corpora_stay_small() {
    let sizes = TARGETS
        .iter()
        .flat_map(|target| inputs(&here("corpus").join(target.name)));
    let bytes: u64 = sizes.map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(
        bytes <= MAX_CORPORA,
        "{bytes} bytes; the limit is {MAX_CORPORA}: minimise them"
    );
}

/// 512 KiB in all: a clone should not be made of inputs.
const MAX_CORPORA: u64 = 512 * 1024;
