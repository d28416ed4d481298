//! `docs/configuration.md`: every command, flag, value, default and variable.

use std::fmt::Write;

use clap::Command;

use super::words::{FILES, Flag, STATUSES, VARIABLES, blocks, paragraphs};
use super::{NAME, visible};
use crate::cli::help::GROUPS;

/// What the page begins with.
const HEAD: &str = "\
# Configuration

<!-- Made by `swarmlet help-markdown`: do not edit. `cargo run -- help-markdown > docs/configuration.md` writes it anew. -->

Every flag of `swarmlet`, made of the program itself. Each can be given as an environment variable, too; the flag wins, and a
variable that is set to nothing counts as absent. What stands in a `torrent.conf` is told in the [README](../README.md#torrentconf).
";

/// The page.
pub(super) fn page() -> String {
    let mut whole = visible();
    whole.build();
    let mut page = HEAD.to_owned();
    for (group, names) in GROUPS {
        page += &format!("\n## {group}\n");
        let commands = names.iter().filter_map(|name| whole.find_subcommand(name));
        commands.for_each(|command| section(&mut page, command));
    }
    page += "\n## Exit status\n\n| status | when |\n|---|---|\n";
    rows(&mut page, &STATUSES);
    page += "\n## Other variables\n\n| variable | what it does |\n|---|---|\n";
    rows(&mut page, &VARIABLES);
    page +=
        "\n## Files\n\n`STATE` is the state directory.\n\n| file | what is in it |\n|---|---|\n";
    rows(&mut page, &FILES);
    page
}

fn section(page: &mut String, command: &Command) {
    let name = command.get_name();
    page.push_str(&format!("\n### {NAME} {name}\n"));
    if let Some(about) = command.get_about() {
        page.push_str(&format!("\n{about}.\n"));
    }
    let flags = Flag::all(command);
    if !flags.is_empty() {
        page.push_str("\n| flag | variable | default | what it does |\n|---|---|---|---|\n");
    }
    for flag in flags {
        // The first paragraph of a help has no stop.
        let mut text = match flag.text.split_first() {
            Some((first, [])) => first.clone(),
            Some((first, rest)) => format!("{first}. {}", rest.join(" ")),
            None => String::new(),
        };
        if !flag.values.is_empty() {
            let _ = write!(text, " Values: {}", flag.values.join(", "));
        }
        let variable = flag
            .variable
            .map_or_else(String::new, |it| format!("`{it}`"));
        let default = flag.default.unwrap_or_default();
        let cells = [format!("`{}`", flag.typed), variable, default, text];
        row(page, &cells);
    }
    let after = command.get_after_long_help().map(ToString::to_string);
    for (head, lines) in paragraphs(&after.unwrap_or_default()) {
        if head == "Examples:" {
            continue;
        }
        page.push('\n');
        if !head.is_empty() {
            page.push_str(&format!("**{}** ", head.trim_end_matches(':')));
        }
        for (is_indented, block) in blocks(&lines) {
            match is_indented {
                true => page.push_str(&format!("\n```text\n{}\n```\n\n", trimmed(&block))),
                false => page.push_str(&format!("{}\n", block.join(" "))),
            }
        }
    }
}

/// Without the room before the lines.
fn trimmed(block: &[&str]) -> String {
    let lines: Vec<_> = block.iter().map(|line| line.trim_start()).collect();
    lines.join("\n")
}

fn rows(page: &mut String, entries: &[(&str, &str)]) {
    for (name, text) in entries {
        let name = name.replace(", ", "`, `");
        let text = text.trim_end_matches('.').to_owned();
        row(page, &[format!("`{name}`"), text]);
    }
}

fn row(page: &mut String, cells: &[String]) {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    page.push_str(&format!("| {} |\n", cells.join(" | ")));
}
