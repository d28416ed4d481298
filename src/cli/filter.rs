//! What is logged, as it is typed: levels, and modules with levels. Pure.

use log::LevelFilter;
use swarmlet_protocol::text::line;

/// 1,000: characters of a filter; more is none.
const MAX_FILTER: usize = 1_000;

/// How much of a wrong part an error quotes.
const QUOTED: usize = 80;

/// A filter that says what it means.
///
/// # Errors
/// It is none; says why in one line.
pub(super) fn checked(filter: &str) -> Result<String, String> {
    let filter = filter.trim();
    if filter.is_empty() || filter.len() > MAX_FILTER {
        return Err(format!("a filter has 1 to {MAX_FILTER} characters"));
    }
    // Without blanks: among them are those that end a line.
    let mut parts = Vec::new();
    for part in filter.split(',') {
        let (module, level) = part.rsplit_once('=').unwrap_or(("", part));
        let (module, level) = (module.trim(), level.trim());
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_:-".contains(letter);
        if level.parse::<LevelFilter>().is_err() {
            let level = line(level, QUOTED);
            return Err(format!(
                "'{level}' is no level: use off, error, warn, info, debug or trace, or MODULE=LEVEL"
            ));
        }
        if !module.chars().all(is_name) {
            let module = line(module, QUOTED);
            return Err(format!("'{module}' is no module of a program"));
        }
        parts.push(match module.is_empty() {
            true => level.to_owned(),
            false => format!("{module}={level}"),
        });
    }
    Ok(parts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_levels_and_modules_with_levels() {
        for fine in [
            "debug",
            " info ",
            "warn,swarmlet_actors::discovery=debug",
            "OFF",
        ] {
            assert_eq!(checked(fine), Ok(fine.trim().to_owned()));
        }
        for wrong in [
            "",
            "verbose",
            "info,",
            "a b=debug",
            "x=loud",
            "debug/regex",
            &"a".repeat(2_000),
        ] {
            assert!(checked(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_filter_that_is_kept_has_no_blanks_and_no_ends_of_lines() {
        let kept = checked(" warn ,\n x::y =\x0cdebug\n");
        assert_eq!(kept, Ok("warn,x::y=debug".to_owned()));
    }

    #[test]
    fn what_is_wrong_with_a_filter_is_said_in_a_short_line() {
        let error = checked(&"\n".repeat(500).replace('\n', "a\nb")).unwrap_err();
        assert!(error.len() < 200 && !error.contains('\n'), "{error}");
    }
}
