//! What pages say of a flag, and of what is not one: variables, files.

use clap::{Arg, Command};

/// Variables that are no flags, and what they do.
pub(super) const VARIABLES: [(&str, &str); 6] = [
    (
        "RUST_LOG",
        "what is logged: a level (off, error, warn, info, debug, trace), or MODULE=LEVEL, with commas \
         between several; info by default, and warn for get and seed. A running node is told another by \
         swarmlet log.",
    ),
    (
        "RUST_LOG_STYLE",
        "whether lines of the log have colours: auto, always or never.",
    ),
    (
        "NO_COLOR",
        "set to anything but nothing, turns colours off.",
    ),
    (
        "XDG_STATE_HOME, HOME",
        "where a user's state directory is: $XDG_STATE_HOME/swarmlet, else ~/.local/state/swarmlet; used \
         where /var/lib/swarmlet cannot be written.",
    ),
    (
        "TMPDIR",
        "where the demo has its files, and a node without a state directory the parts that are too long \
         for memory; /tmp by default.",
    ),
    (
        "SSL_CERT_FILE",
        "certificates to trust for https, in place of the system's.",
    ),
];

/// Files, and what is in them.
pub(super) const FILES: [(&str, &str); 5] = [
    (
        "/torrent.conf, /data.bin",
        "the config and the data of a node that is told no others.",
    ),
    (
        "/var/lib/swarmlet",
        "the state directory, where it can be written; see --state of swarmlet node.",
    ),
    (
        "STATE/http.sock",
        "the socket by which a running node is asked; only its owner can use it, and needs no token.",
    ),
    (
        "STATE/http-token",
        "the token that changes over HTTP need; made at the first start.",
    ),
    (
        "STATE/node.json, STATE/INFOHASH.info",
        "what a node has learned. May be deleted.",
    ),
];

/// Statuses of all commands.
pub(super) const STATUSES: [(&str, &str); 5] = [
    (
        "0",
        "the command did what it was asked to do. Also when nobody reads its output any more.",
    ),
    (
        "1",
        "it failed, and says why on one line of stderr; verify: something is wrong or missing; of the \
         commands that talk to a node: it refused, or is not there.",
    ),
    ("2", "the command line is wrong."),
    ("3", "status --check: the node answers, and is not ready."),
    (
        "70",
        "node: a thread stood still for longer than --standstill-limit, and was not waited for any more.",
    ),
];

/// A flag as pages have it.
pub(super) struct Flag {
    /// How it is typed: `-o, --out <DIR>`, or `SOURCE...`.
    pub(super) typed: String,
    /// What it is without being given, in words or as it would be typed.
    pub(super) default: Option<String>,
    /// Its environment variable.
    pub(super) variable: Option<String>,
    /// The values that there are, if they can be counted.
    pub(super) values: Vec<String>,
    /// What it does, a paragraph each.
    pub(super) text: Vec<String>,
}

impl Flag {
    /// The flags of a command that anybody is to type; arguments without a dash come first.
    pub(super) fn all(command: &Command) -> Vec<Self> {
        let shown = |argument: &&Arg| {
            let is_everywhere = matches!(argument.get_id().as_str(), "help" | "version");
            !argument.is_hide_set() && !is_everywhere
        };
        let (mut first, rest): (Vec<_>, Vec<_>) = command
            .get_arguments()
            .filter(shown)
            .partition(|argument| argument.is_positional());
        first.extend(rest);
        first.into_iter().map(Self::of).collect()
    }

    fn of(argument: &Arg) -> Self {
        let help = argument.get_long_help().or_else(|| argument.get_help());
        let help = help.map(ToString::to_string).unwrap_or_default();
        let mut text: Vec<_> = help.split("\n\n").map(joined).collect();
        // The words in brackets are for the help, which has no column for them.
        let mut said = None;
        if let Some(first) = text.first_mut()
            && let Some((before, default)) = first.split_once(" [default: ")
        {
            said = Some(default.trim_end_matches(']').to_owned());
            *first = before.to_owned();
        }
        let defaults = argument.get_default_values();
        let defaults: Vec<_> = defaults.iter().map(|it| it.to_string_lossy()).collect();
        let is_said = argument.is_hide_default_value_set() || defaults.is_empty();
        let default = match is_said || argument.get_num_args().is_some_and(|it| !it.takes_values())
        {
            true => said,
            false => Some(format!("`{}`", defaults.join(" "))),
        };
        let values = argument.get_possible_values();
        let takes_values = argument.get_num_args().is_none_or(|it| it.takes_values());
        Self {
            typed: typed(argument),
            default,
            variable: argument
                .get_env()
                .map(|name| name.to_string_lossy().into_owned()),
            values: values
                .iter()
                .filter(|_| takes_values)
                .map(|value| value.get_name().to_owned())
                .collect(),
            text,
        }
    }
}

/// The variables of a command's flags, with the flags.
pub(super) fn variables(command: &Command) -> Vec<(String, String)> {
    let flags = command.get_arguments().filter(|it| !it.is_hide_set());
    let pairs = flags.filter_map(|argument| {
        let name = argument.get_env()?.to_string_lossy().into_owned();
        let flag = format!("--{}", argument.get_long()?);
        Some((name, flag))
    });
    pairs.collect()
}

/// A text below the flags, in parts: how each begins, and its lines.
pub(super) fn paragraphs(text: &str) -> Vec<(&str, Vec<String>)> {
    let paragraph = |text| {
        let mut lines: Vec<_> = str::lines(text).map(str::to_owned).collect();
        let head = HEADS.into_iter().find(|&head| text.starts_with(head));
        if let (Some(head), Some(first)) = (head, lines.first_mut()) {
            *first = capital(first.trim_start_matches(head).trim_start());
            if first.is_empty() {
                lines.remove(0);
            }
        }
        (head.unwrap_or_default(), lines)
    };
    text.split("\n\n").map(paragraph).collect()
}

/// Lines of which those that are indented stand as they are, and others are one text.
pub(super) fn blocks(lines: &[String]) -> Vec<(bool, Vec<&str>)> {
    let mut blocks: Vec<(bool, Vec<&str>)> = Vec::new();
    for line in lines {
        let is_indented = line.starts_with(' ');
        match blocks.last_mut() {
            Some((same, block)) if *same == is_indented => block.push(line),
            _ => blocks.push((is_indented, vec![line])),
        }
    }
    blocks
}

/// How parts of such a text begin that are no notes.
const HEADS: [&str; 3] = ["Examples:", "Exit status:", "Output:"];

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn typed(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    let range = argument.get_num_args();
    let takes_values = range.is_none_or(|range| range.takes_values());
    let is_optional = range.is_some_and(|range| range.min_values() == 0);
    let mut value = match takes_values {
        false => String::new(),
        true if is_optional && !argument.is_positional() => format!("[{}]", names.join(" ")),
        true => names.join(" "),
    };
    let adds_up = matches!(argument.get_action(), clap::ArgAction::Append);
    if argument.is_positional() {
        if adds_up {
            value.push_str("...");
        }
        return match argument.is_required_set() {
            true => value,
            false => format!("[{value}]"),
        };
    }
    let short = argument.get_short().map(|short| format!("-{short}, "));
    let aliases = argument.get_visible_aliases().unwrap_or_default();
    let long = argument.get_long().into_iter().chain(aliases);
    let long: Vec<_> = long.map(|long| format!("--{long}")).collect();
    let gap = if value.is_empty() { "" } else { " " };
    format!(
        "{}{}{gap}{value}",
        short.unwrap_or_default(),
        long.join(", ")
    )
}

fn joined(paragraph: &str) -> String {
    let words: Vec<_> = paragraph.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::whole;

    #[test]
    fn a_flag_says_its_default_in_one_place() {
        let mut whole = whole();
        whole.build();
        let node = whole.find_subcommand("node").unwrap();
        let flags = Flag::all(node);
        let flag = |typed: &str| flags.iter().find(|it| it.typed == typed).unwrap();
        let listen = flag("--listen ADDR");
        assert_eq!(listen.default.as_deref(), Some("0.0.0.0:6881"));
        assert_eq!(listen.variable.as_deref(), Some("SWARMLET_LISTEN"));
        assert!(listen.text[0].ends_with("an IP alone means port 6881"));
        assert_eq!(flag("--lan on|off").default.as_deref(), Some("`off`"));
        let ends = flag("--exit-when-complete");
        assert_eq!(ends.default.as_deref(), Some("go on serving it"));
        assert!(ends.values.is_empty());
        assert!(flags.iter().all(|it| !it.typed.contains("die-with-parent")));
    }

    #[test]
    fn every_flag_has_a_default_in_words_and_a_variable() {
        let mut whole = whole();
        whole.build();
        for command in whole.get_subcommands() {
            for flag in Flag::all(command) {
                let name = format!("{} {}", command.get_name(), flag.typed);
                if flag.typed.starts_with('-') {
                    assert!(flag.default.is_some(), "{name}");
                    assert!(flag.variable.is_some(), "{name}");
                }
                assert!(!flag.text[0].is_empty(), "{name}");
            }
        }
    }

    #[test]
    fn texts_below_the_flags_are_told_apart() {
        let text = "Examples:\n  a\n      b\n\nMore.\n\nExit status: 0 yes,\n1 no.";
        assert_eq!(
            paragraphs(text),
            [
                ("Examples:", vec!["  a".to_owned(), "      b".to_owned()]),
                ("", vec!["More.".to_owned()]),
                (
                    "Exit status:",
                    vec!["0 yes,".to_owned(), "1 no.".to_owned()]
                ),
            ]
        );
    }

    #[test]
    fn only_what_is_indented_stands_as_it_is() {
        let lines = ["a", "b", "  c", "d"].map(str::to_owned);
        assert_eq!(
            blocks(&lines),
            [
                (false, vec!["a", "b"]),
                (true, vec!["  c"]),
                (false, vec!["d"])
            ]
        );
    }
}
