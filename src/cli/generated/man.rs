//! Manual pages.

use std::fs;
use std::path::Path;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::words::{FILES, STATUSES, VARIABLES, blocks, paragraphs, variables};
use super::{NAME, unwritten, visible};
use crate::cli::error::CliError;

/// The page of a command, or of the program.
///
/// # Errors
/// There is no such command.
pub(super) fn page(command: Option<&str>) -> Result<Vec<u8>, CliError> {
    let whole = built();
    let Some(name) = command.filter(|&name| name != NAME) else {
        return rendered(&whole).map_err(CliError::Output);
    };
    let found = whole.find_subcommand(name);
    let found = found.ok_or_else(|| {
        let name = swarmlet_protocol::text::escaped(name);
        CliError::NoPage(name)
    })?;
    rendered(found).map_err(CliError::Output)
}

/// Writes all pages into a directory; how many.
///
/// # Errors
/// It cannot be made, or not be written to.
pub(super) fn write_all(folder: &Path) -> Result<usize, CliError> {
    fs::create_dir_all(folder).map_err(unwritten(folder.to_owned()))?;
    let whole = built();
    let mut count = 0;
    for command in std::iter::once(&whole).chain(whole.get_subcommands()) {
        let path = folder.join(format!("{}.1", title(command)));
        let page = rendered(command).map_err(CliError::Output)?;
        fs::write(&path, page).map_err(unwritten(path))?;
        count += 1;
    }
    Ok(count)
}

fn built() -> Command {
    let mut whole = visible();
    whole.build();
    whole
}

/// The name of its page: `swarmlet`, `swarmlet-node`.
fn title(command: &Command) -> &str {
    command
        .get_display_name()
        .unwrap_or_else(|| command.get_name())
}

fn rendered(command: &Command) -> std::io::Result<Vec<u8>> {
    let man = Man::new(command.clone())
        .source(concat!("swarmlet ", env!("CARGO_PKG_VERSION")))
        .manual("swarmlet");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    rest(command).to_writer(&mut page)?;
    Ok(page)
}

/// What the parser knows nothing of.
fn rest(command: &Command) -> Roff {
    let mut roff = Roff::new();
    let after = command.get_after_long_help().map(ToString::to_string);
    let after = after.unwrap_or_default();
    let parts = paragraphs(&after);
    for (head, lines) in parts.iter().filter(|(head, _)| *head == "Output:") {
        section(&mut roff, head);
        lines_of(&mut roff, lines);
    }
    section(&mut roff, "Exit status:");
    let own = parts.iter().find(|(head, _)| *head == "Exit status:");
    match own {
        // That of the program is the list below, with fewer words.
        Some((_, lines)) if !command.has_subcommands() => {
            roff.text([roman(lines.join(" "))]);
        }
        _ => STATUSES
            .iter()
            .for_each(|(status, text)| entry(&mut roff, status, text)),
    }
    section(&mut roff, "Environment:");
    for (name, flag) in variables(command) {
        entry(&mut roff, &name, &format!("stands for {flag}, which wins."));
    }
    for (name, text) in VARIABLES {
        entry(&mut roff, name, text);
    }
    section(&mut roff, "Files:");
    for (name, text) in FILES {
        entry(&mut roff, name, text);
    }
    let notes = parts.iter().filter(|(head, _)| head.is_empty());
    for (place, (_, lines)) in notes.enumerate() {
        match place {
            0 => section(&mut roff, "Notes:"),
            _ => drop(roff.control("PP", [])),
        }
        lines_of(&mut roff, lines);
    }
    for (head, lines) in parts.iter().filter(|(head, _)| *head == "Examples:") {
        section(&mut roff, head);
        lines_of(&mut roff, lines);
    }
    let pages = match command.has_subcommands() {
        true => "swarmlet-node(1), swarmlet-status(1)".to_owned(),
        false => "swarmlet(1)".to_owned(),
    };
    section(&mut roff, "See also:");
    roff.text([roman(pages)]);
    roff
}

fn section(roff: &mut Roff, head: &str) {
    let head = head.trim_end_matches(':').to_uppercase();
    roff.control("SH", [head.as_str()]);
}

fn entry(roff: &mut Roff, name: &str, text: &str) {
    roff.control("TP", []);
    roff.text([bold(name)]);
    roff.text([roman(text)]);
}

fn lines_of(roff: &mut Roff, lines: &[String]) {
    for (is_indented, block) in blocks(lines) {
        if !is_indented {
            roff.text([roman(block.join(" "))]);
            continue;
        }
        roff.control("nf", []);
        for line in block {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_the_sections_of_a_page() {
        let whole = built();
        for command in std::iter::once(&whole).chain(whole.get_subcommands()) {
            let page = String::from_utf8(rendered(command).unwrap()).unwrap();
            for section in [
                "NAME",
                "SYNOPSIS",
                "DESCRIPTION",
                "OPTIONS",
                "\"EXIT STATUS\"",
                "ENVIRONMENT",
                "FILES",
                "EXAMPLES",
            ] {
                let head = format!(".SH {section}\n");
                assert!(
                    page.contains(&head),
                    "{}: {section}\n{page}",
                    title(command)
                );
            }
        }
    }

    #[test]
    fn a_page_of_no_command_is_refused() {
        assert!(page(Some("status")).is_ok() && page(Some("swarmlet")).is_ok());
        let error = page(Some("serve")).unwrap_err();
        assert_eq!(error.to_string(), "there is no command 'serve'");
    }
}
