//! What the pages say is complete and leads somewhere: metrics, reasons to wait, events, problems, links.

// Helpers of tests panic as tests do.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

#[test]
fn every_metric_stands_in_the_page_of_operations() {
    let metrics = metrics();
    assert!(
        metrics.len() > 30,
        "the metrics were not found: {metrics:?}"
    );
    let page = section(&read("docs/operations.md"), "What each metric means");
    let missing: Vec<_> = metrics
        .iter()
        .filter(|name| !page.contains(&format!("`{name}`")))
        .collect();
    assert!(
        missing.is_empty(),
        "not in docs/operations.md, \"What each metric means\": {missing:?}"
    );
}

#[test]
fn every_metric_that_a_page_names_exists() {
    let metrics = metrics();
    let mut wrong = Vec::new();
    for path in pages() {
        let text = read(&path);
        for name in named(&text) {
            if !metrics.contains(name) && !CRATES.contains(&name) {
                wrong.push(format!("{path}: {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "no such metrics:\n{}", wrong.join("\n"));
}

#[test]
fn every_reason_to_wait_is_explained() {
    let code = read("protocol/src/waiting.rs");
    let codes: BTreeSet<_> = code
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => \""))
        .filter_map(|(_, rest)| rest.strip_suffix("\","))
        .collect();
    assert!(codes.len() >= 10, "the codes were not found: {codes:?}");
    let page = section(&read("docs/operations.md"), "Why it waits");
    let rows: BTreeSet<_> = first_cells(&page).collect();
    let rows: BTreeSet<_> = rows.iter().map(String::as_str).collect();
    assert_eq!(rows, codes, "the table of \"Why it waits\" and the code");
}

#[test]
fn every_event_and_every_problem_is_explained() {
    let page = read("docs/http.md");
    let facts = non_test(&read("src/http/events/facts.rs"));
    let events: BTreeSet<_> = literals_after(&facts, "=> (")
        .chain(literals_after(&facts, "of_swarm("))
        .collect();
    assert!(events.len() > 15, "the events were not found: {events:?}");
    let explained = section(&page, "Events");
    let mut missing: Vec<_> = events
        .iter()
        .chain(&BTreeSet::from(
            ["status", "swarms", "peers", "lagged"].map(str::to_owned),
        ))
        .filter(|event| {
            !explained.contains(&format!("`{event}`"))
                && !explained.contains(&format!("event: {event}"))
        })
        .cloned()
        .collect();
    let problems = non_test(&read("src/http/problem.rs"));
    let kinds: BTreeSet<_> = problems
        .split("StatusCode::")
        .filter_map(|part| {
            let (_, rest) = part.split_once(',')?;
            let rest = rest.trim_start().strip_prefix('"')?;
            let (kind, _) = rest.split_once('"')?;
            let is_word = |letter: char| letter.is_ascii_lowercase() || letter == '-';
            kind.chars().all(is_word).then(|| kind.to_owned())
        })
        .collect();
    assert!(kinds.len() > 10, "the problems were not found: {kinds:?}");
    let explained = section(&page, "Errors");
    missing.extend(
        kinds
            .into_iter()
            .map(|kind| format!("urn:swarmlet:{kind}"))
            .filter(|kind| !explained.contains(&format!("| `{kind}` |"))),
    );
    assert!(missing.is_empty(), "not in docs/http.md: {missing:?}");
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut wrong = Vec::new();
    let mut headings = BTreeMap::new();
    for path in pages() {
        for link in links(&read(&path)) {
            if let Err(what) = follow(&path, &link, &mut headings) {
                wrong.push(format!("{path}: {link}: {what}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_page_stands_in_the_index() {
    let index: BTreeSet<_> = links(&read("docs/README.md"))
        .iter()
        .filter_map(|link| resolve("docs/README.md", link.split('#').next()?))
        .collect();
    let missing: Vec<_> = pages()
        .into_iter()
        .filter(|path| path.starts_with("docs/") || path.starts_with("deploy/"))
        .filter(|path| path != "docs/README.md" && !index.contains(Path::new(path)))
        .collect();
    assert!(missing.is_empty(), "not in docs/README.md: {missing:?}");
}

/// Names in Rust that look like metrics.
const CRATES: [&str; 4] = [
    "swarmlet_actors",
    "swarmlet_bench",
    "swarmlet_hashing",
    "swarmlet_protocol",
];

/// The names that `/metrics` says, by the texts in the code: counters end in `_total`.
fn metrics() -> BTreeSet<String> {
    let code = non_test(&read("src/http/metrics.rs"));
    let (_, counters) = code.split_once("const COUNTERS").unwrap();
    let counters_end = code.len() - counters.len() + counters.find("];").unwrap();
    let counters_start = code.len() - counters.len();
    let mut names = BTreeSet::new();
    let mut end = 0;
    for (start, text) in literals(&code) {
        let before = code[end..start].trim_end();
        end = start + text.len() + 2;
        let is_name = text
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter == '_');
        let Some((first, _)) = text.split_once('_').filter(|_| is_name) else {
            continue;
        };
        let name = match first {
            "swarmlet" | "process" => text.to_owned(),
            // The rest of the name of a content's figure.
            "swarm" => format!("swarmlet_{text}"),
            _ => continue,
        };
        let is_counter = before.ends_with("counter(")
            || before.ends_with("counters(")
            || (counters_start..counters_end).contains(&start);
        names.insert(if is_counter {
            format!("{name}_total")
        } else {
            name
        });
    }
    names
}

/// The metrics that a page names. What stands between colons is a rule, or a path in Rust.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let is_letter = |letter: char| letter.is_ascii_lowercase() || "_0123456789".contains(letter);
    text.match_indices("swarmlet_")
        .filter_map(move |(start, _)| {
            let before = text[..start].chars().next_back();
            let rest = &text[start..];
            let name = rest.split(|letter| !is_letter(letter)).next()?;
            let after = rest[name.len()..].chars().next();
            let is_part = |letter: Option<char>| {
                letter
                    .is_some_and(|letter| letter.is_ascii_alphanumeric() || "_:/".contains(letter))
            };
            // `swarmlet_...` stands for all of them.
            let is_rest = name.ends_with('_');
            (!is_part(before) && !is_part(after) && !is_rest).then_some(name)
        })
}

/// Texts in quotes, with where they begin. Good enough for code without escapes and raw strings.
fn literals(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in code.split_inclusive('\n') {
        if !line.trim_start().starts_with("//") {
            let quotes: Vec<_> = line.match_indices('"').map(|(place, _)| place).collect();
            for pair in quotes.chunks_exact(2) {
                found.push((at + pair[0], &line[pair[0] + 1..pair[1]]));
            }
        }
        at += line.len();
    }
    found
}

/// The texts in quotes that follow this, but for blanks.
fn literals_after<'a>(code: &'a str, what: &'a str) -> impl Iterator<Item = String> + 'a {
    code.split(what).skip(1).filter_map(|rest| {
        let rest = rest.trim_start().strip_prefix('"')?;
        Some(rest.split_once('"')?.0.to_owned())
    })
}

/// The code of a file without its tests.
fn non_test(code: &str) -> String {
    let code = code.split("#[cfg(test)]\nmod tests {").next();
    code.unwrap_or_default().to_owned()
}

/// What stands below a heading of the second level, up to the next one.
fn section(page: &str, heading: &str) -> String {
    let (_, rest) = page
        .split_once(&format!("\n## {heading}\n"))
        .unwrap_or_else(|| panic!("there is no section \"{heading}\""));
    rest.split("\n## ").next().unwrap_or_default().to_owned()
}

/// The first cells of the rows of tables, where they are code.
fn first_cells(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter_map(|line| {
        let cell = line.strip_prefix("| `")?;
        let (code, _) = cell.split_once("` |")?;
        Some(code.to_owned())
    })
}

/// Does it lead somewhere? The headings of pages are found once.
fn follow(
    page: &str,
    link: &str,
    headings: &mut BTreeMap<PathBuf, BTreeSet<String>>,
) -> Result<(), &'static str> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => PathBuf::from(page),
        path => resolve(page, path).ok_or("leads out of the project")?,
    };
    let file = root().join(&target);
    if !file.exists() {
        return Err("there is no such file");
    }
    if anchor.is_empty() || target.extension().is_none_or(|end| end != "md") {
        return Ok(());
    }
    let known = headings
        .entry(target)
        .or_insert_with(|| anchors(&fs::read_to_string(file).unwrap()));
    match known.contains(anchor) {
        true => Ok(()),
        false => Err("there is no such heading"),
    }
}

/// Where a relative link of a page leads, from the root of the project.
fn resolve(page: &str, link: &str) -> Option<PathBuf> {
    let mut path = Path::new(page).parent()?.to_owned();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir if !path.pop() => return None,
            Component::ParentDir | Component::CurDir => {}
            Component::Normal(name) => path.push(name),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

/// The links of a page that lead to files of the project, and those within the page.
fn links(text: &str) -> Vec<String> {
    let prose = without_spans(&without_blocks(text));
    prose
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ', '\n']).next())
        .filter(|link| !link.contains("://") && !link.starts_with("mailto:"))
        .map(str::to_owned)
        .collect()
}

/// What can stand behind a `#` for this page, as GitHub makes it of its headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for line in without_blocks(text).lines() {
        let heading = line.trim_start_matches('#');
        let level = line.len() - heading.len();
        if !(1..=6).contains(&level) || !heading.starts_with(' ') {
            continue;
        }
        let anchor: String = without_targets(heading.trim())
            .to_lowercase()
            .chars()
            .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
            .map(|letter| if letter == ' ' { '-' } else { letter })
            .collect();
        let count = seen.entry(anchor.clone()).or_default();
        found.insert(match *count {
            0 => anchor,
            again => format!("{anchor}-{again}"),
        });
        *count += 1;
    }
    found
}

/// A heading with the words of its links only.
fn without_targets(heading: &str) -> String {
    let mut parts = heading.split("](");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text += part.split_once(')').map_or(part, |(_, rest)| rest);
    }
    text
}

/// A page without its blocks of code.
fn without_blocks(text: &str) -> String {
    let mut fence: Option<String> = None;
    let mut kept = String::new();
    for line in text.lines() {
        let trimmed = line.trim_start();
        let first = trimmed.chars().next().filter(|first| "`~".contains(*first));
        let mark: String = trimmed
            .chars()
            .take_while(|&letter| Some(letter) == first)
            .collect();
        match &fence {
            Some(open) if mark.starts_with(open.as_str()) => fence = None,
            Some(_) => {}
            None if mark.len() >= 3 => fence = Some(mark),
            None => {
                kept += line;
                kept.push('\n');
            }
        }
    }
    kept
}

/// A page without its spans of code; each lies within a line.
fn without_spans(text: &str) -> String {
    let prose = |line: &str| -> String {
        let parts: Vec<_> = line.split('`').collect();
        parts.iter().copied().step_by(2).collect()
    };
    text.lines().map(|line| prose(line) + "\n").collect()
}

/// The pages of the project, from its root on.
fn pages() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("docs"), PathBuf::from("deploy")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                found.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            found.push(name);
        }
    }
    found.sort();
    assert!(found.len() > 10, "the pages were not found: {found:?}");
    found
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
