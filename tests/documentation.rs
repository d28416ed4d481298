//! What ARCHITECTURE.md says of the code is so: its table of limits, and the tests that it names.

// Helpers of tests panic as tests do.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Numbers that are part of a format, or no limit of anything.
const NO_LIMITS: &[&str] = &[
    "actors/src/clock.rs",
    "actors/src/gauge.rs",
    "actors/src/private.rs",
    "actors/src/simulation/",
    "actors/src/state/mod.rs VERSION",
    "actors/src/supervisor/admission.rs GROUP",
    "actors/src/supervisor/admission.rs OTHERS",
    "actors/src/supervisor/vigilance.rs WATCHDOG",
    "protocol/src/address/compact.rs",
    "protocol/src/encryption/mod.rs PLAIN",
    "protocol/src/encryption/mod.rs RC4",
    "protocol/src/extension/metadata.rs DATA",
    "protocol/src/extension/metadata.rs REJECT",
    "protocol/src/extension/metadata.rs REQUEST",
    "protocol/src/extension/mod.rs",
    "protocol/src/extension/pex.rs ENCRYPTION",
    "protocol/src/extension/pex.rs HOLEPUNCH",
    "protocol/src/extension/pex.rs REACHABLE",
    "protocol/src/extension/pex.rs SEED",
    "protocol/src/extension/pex.rs UTP",
    "protocol/src/extension/rendezvous.rs RENDEZVOUS_VERSION",
    "protocol/src/id.rs",
    "protocol/src/membership/event.rs",
    "protocol/src/membership/lan.rs PORT",
    "protocol/src/metainfo/magnet.rs",
    "protocol/src/picker/bits.rs",
    "protocol/src/port_map/route.rs UP_BY_GATEWAY",
    "protocol/src/secret/beacon.rs",
    "protocol/src/secret/hello.rs ALERT",
    "protocol/src/secret/hello.rs CLIENT_HELLO",
    "protocol/src/secret/hello.rs FATAL",
    "protocol/src/secret/hello.rs HANDSHAKE",
    "protocol/src/secret/hello.rs HOST_NAME",
    "protocol/src/secret/hello.rs KEY_SHARE",
    "protocol/src/secret/hello.rs RECORD_HEAD",
    "protocol/src/secret/hello.rs SERVER_NAME",
    "protocol/src/secret/proof.rs",
    "protocol/src/simulation/",
    "protocol/src/tracker/udp.rs",
    "protocol/src/wire/decoder.rs PIECE_HEAD",
    "protocol/src/wire/handshake.rs DHT_BIT",
    "protocol/src/wire/handshake.rs EXTENSIONS_BIT",
    "protocol/src/wire/handshake.rs FAST_BIT",
    "protocol/src/wire/message.rs",
];

/// A constant: the file it stands in, its name, its type and its value without spaces.
struct Constant {
    path: String,
    name: String,
    kind: String,
    value: String,
}

#[test]
fn every_limit_of_the_table_stands_in_the_code_with_that_value() {
    let rows = rows();
    assert!(rows.len() > 100, "the table was not found");
    let mut wrong = Vec::new();
    for [name, value, path] in rows {
        let text = fs::read_to_string(root().join(&path)).unwrap_or_default();
        let found = constants(&path, &text);
        let there = found
            .iter()
            .find(|constant| constant.name == name)
            .map(|constant| constant.value.as_str());
        if there != Some(plain(&value).as_str()) {
            let there = there.unwrap_or("no such constant");
            wrong.push(format!("{path}: {name} is {there}, in the table {value}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_limit_of_the_code_stands_in_the_table() {
    let rows: BTreeSet<_> = rows()
        .into_iter()
        .map(|[name, _, path]| format!("{path} {name}"))
        .collect();
    let mut missing = Vec::new();
    for folder in ["protocol/src", "actors/src", "src/http"] {
        for path in sources(&root().join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root()).unwrap();
            let path = path.to_str().unwrap();
            for constant in constants(path, &text) {
                let row = format!("{} {}", constant.path, constant.name);
                let exempt = NO_LIMITS.iter().any(|start| row.starts_with(start));
                if is_number(&constant.kind) && !exempt && !rows.contains(&row) {
                    missing.push(row);
                }
            }
        }
    }
    assert!(
        missing.is_empty(),
        "not in the table of limits in ARCHITECTURE.md:\n{}",
        missing.join("\n")
    );
}

#[test]
fn every_test_that_is_named_exists() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, part) = page.split_once("\n## Invariants\n").unwrap();
    let (part, _) = part.split_once("\n## ").unwrap();
    let promises = fs::read_to_string(root().join("docs/reliability.md")).unwrap();
    let is_name = |word: &&str| {
        let letters = |letter: char| letter.is_ascii_lowercase() || "_0123456789".contains(letter);
        word.chars().all(letters) && word.matches('_').count() > 2
    };
    let code: String = ["protocol", "actors", "src", "tests", "fuzz/tests"]
        .iter()
        .flat_map(|folder| files(&root().join(folder)))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    for text in [part, &promises] {
        let named: BTreeSet<_> = text.split('`').filter(is_name).collect();
        assert!(named.len() > 20, "no tests are named");
        let missing: Vec<_> = named
            .iter()
            .filter(|name| !code.contains(&format!("fn {name}(")))
            .collect();
        assert!(missing.is_empty(), "no such tests: {missing:?}");
    }
}

/// Name, value and path of each row of the table.
fn rows() -> Vec<[String; 3]> {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let row = |line: &str| -> Option<[String; 3]> {
        let cells: Vec<_> = line.split(" | ").collect();
        let [name, value, _, path] = cells.as_slice() else {
            return None;
        };
        let code = |cell: &str| {
            let cell = cell.trim_matches(|letter| letter == '|' || letter == ' ');
            Some(cell.strip_prefix('`')?.strip_suffix('`')?.to_owned())
        };
        let path = code(path).filter(|path| path.ends_with(".rs"))?;
        Some([code(name)?, code(value)?, path])
    };
    page.lines().filter_map(row).collect()
}

/// The constants of a file, without those of its tests.
fn constants(path: &str, text: &str) -> Vec<Constant> {
    let text = text.split("#[cfg(test)]\nmod tests {").next();
    let mut found = Vec::new();
    for part in text.unwrap_or_default().split("const ").skip(1) {
        let Some((name, rest)) = part.split_once(": ") else {
            continue;
        };
        let is_name = |letter: char| letter.is_ascii_uppercase() || "_0123456789".contains(letter);
        let Some((kind, rest)) = rest.split_once(" =") else {
            continue;
        };
        let Some((value, _)) = rest.split_once(';') else {
            continue;
        };
        if name.chars().all(is_name) {
            found.push(Constant {
                path: path.to_owned(),
                name: name.to_owned(),
                kind: kind.to_owned(),
                value: plain(value),
            });
        }
    }
    found
}

/// A value without what the formatter decides.
fn plain(value: &str) -> String {
    let value: String = value.split_whitespace().collect();
    value.replace(",}", "}").replace(",]", "]")
}

fn is_number(kind: &str) -> bool {
    let numbers = ["u8", "u16", "u32", "u64", "usize", "i32"];
    numbers.contains(&kind) || kind.ends_with("Duration") || kind.starts_with("[Duration")
}

/// All source files below a folder that are no tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let is_test = |path: &PathBuf| {
        let below = path.strip_prefix(folder).unwrap_or(path);
        // What tests judge by is of the tests.
        below.iter().any(|part| {
            let part = part.to_string_lossy();
            let part = part.trim_end_matches(".rs");
            part.ends_with("tests") || part == "judge"
        })
    };
    let mut found = files(folder);
    found.retain(|path| !is_test(path));
    found
}

/// All Rust files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
