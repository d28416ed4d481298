//! The texts below the flags in `--help`: examples and exit statuses; and the commands in groups.

/// The commands by what they are for, in the order of the help.
pub(super) const GROUPS: [(&str, &[&str]); 4] = [
    ("Run a node", &["node", "get", "seed", "demo"]),
    (
        "Talk to a running node",
        &[
            "status", "peers", "events", "add", "remove", "pause", "resume", "recheck", "ban",
            "unban", "bans", "log",
        ],
    ),
    ("Work on files", &["create", "show", "verify"]),
    ("The program itself", &["completions", "man"]),
];

/// The help of the program: as the parser's own, but with the commands in groups, which it cannot do.
pub(super) fn template(command: &clap::Command) -> String {
    let styles = command.get_styles();
    let (head, literal) = (styles.get_header(), styles.get_literal());
    let mut commands = String::new();
    for (group, names) in GROUPS {
        commands += &format!("{head}{group}:{head:#}\n");
        for name in names {
            let about = command
                .find_subcommand(name)
                .and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            commands += &format!("  {literal}{name:<11}{literal:#}  {about}\n");
        }
        commands.push('\n');
    }
    format!(
        "{{before-help}}{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{commands}{head}Options:{head:#}\n\
         {{options}}{{after-help}}"
    )
}

/// What a newcomer is to try first.
pub(super) const START: &str = "\
Start here:
  swarmlet demo

See 'swarmlet --help' for more examples, 'swarmlet COMMAND --help' for the flags of a command.";

/// Examples, variables and statuses of the whole program.
pub(super) const NOTES: &str = "\
Examples:
  swarmlet demo
      a fleet on this machine, to watch
  swarmlet create image.iso --peer 10.0.0.5 -o torrent.conf
      describe a file that this machine has
  swarmlet get 'magnet:?xt=urn:btih:...'
      fetch what a magnet link, a .torrent or a torrent.conf describes
  swarmlet seed photos
      share a folder, and print its magnet link
  swarmlet node --conf torrent.conf --data image.iso
      serve it; on the other machines, fetch it
  swarmlet node --conf /dev/null --data image.iso --peer 10.0.0.5
      know nothing but one peer, and learn the rest from it
  swarmlet status --watch
      see how the node of this machine does; swarmlet log debug has it say more

Every flag can also be given as an environment variable, which its help names; the flag wins.
RUST_LOG sets what is logged (default: info), NO_COLOR turns colours off.

Exit status:
  0  done: the command did what it was asked to do; for verify: every part is right
  1  failed: one line on stderr says why; for verify: something is wrong or missing
  2  the command line is wrong
  3  status --check: the node answers and is not ready
  For others, of `get` and of `node` with a COMMAND, see their help.";

/// How to run a node.
pub(super) const NODE: &str = "\
Examples:
  swarmlet node
      as in a container: /torrent.conf, /data.bin, port 6881 on all addresses
  swarmlet node --conf torrent.conf --data image.iso --peer node-1.example
      a config of one's own, and one more peer
  swarmlet node --conf photos.torrent --data /srv/photos
      a folder of files; they lie in /srv/photos itself
  swarmlet node --data image.iso --sweep auto --exit-when-complete
      no config: find a node in the /24, learn what it shares, fetch it and end
  swarmlet node --conf a.conf --data a.iso --conf b.conf --data b.iso
      two files, one port
  swarmlet node --shares /srv/images
      every file and folder NAME that has NAME.conf or NAME.torrent beside it
  swarmlet node --data /models --peer seed.example -- server --models /models
      fetch and verify /models, then start the server, and serve on beside it
  swarmlet node --data /models --peer seed.example --seed-for 10m --exit-when-complete
      fetch it, give it to others for ten minutes, and end: for jobs and init containers

Exit status: 0 ended as asked (by a signal, or complete), 1 failed, 2 wrong command line, 70 a thread
stood still for longer than --standstill-limit.
With a COMMAND: its own, or 128 and the number of the signal that ended it; 126 it cannot be run,
127 it was not found; 143 and 130 if SIGTERM or SIGINT came before it was started.";

/// How to fetch something.
pub(super) const GET: &str = "\
Examples:
  swarmlet get photos.torrent
      puts the folder photos into this directory and ends; run again, it goes on where it was
  swarmlet get 'magnet:?xt=urn:btih:...' -o /srv --peer 10.0.0.5
      what it is is learned from peers; one is named here
  swarmlet get https://example.org/linux.torrent --select '*.iso' --seed ratio 1.5
      one file of it, and gives back one and a half times as much

Exit status: 0 all that was selected is here and verified, 1 failed, 2 wrong command line,
130 stopped by Ctrl-C before that.";

/// How to share something.
pub(super) const SEED: &str = "\
Examples:
  swarmlet seed photos image.iso
      two contents, each with a magnet link, until it is stopped
  swarmlet seed image.iso --listen 10.0.0.5 --tracker http://tracker.example/announce
      the magnet link names this address and this tracker

Nothing is written to PATH. The infohash is that of the .torrent that `swarmlet create` makes
with the same flags.

Exit status: 0 ended by a signal, 1 failed, 2 wrong command line.";

/// How to look at a description.
pub(super) const SHOW: &str = "\
Examples:
  swarmlet show photos.torrent
  swarmlet show /torrent.conf
  swarmlet show 'magnet:?xt=urn:btih:...'

Exit status: 0 shown, 1 failed, 2 wrong command line.";

/// How to describe a file.
pub(super) const CREATE: &str = "\
Examples:
  swarmlet create image.iso
      writes torrent.conf in the current directory
  swarmlet create image.iso --part-size 256KiB --peer 10.0.0.5 --peer node-2.example:6881 -o -
      writes to stdout, with two peers
  swarmlet create photos --tracker http://tracker.example/announce
      writes photos.torrent: all files below the folder, sorted by name, and prints a magnet link
  swarmlet create image.iso --name data.bin -o image.torrent
      a .torrent with the infohash that the torrent.conf of the same file stands for

The same files under the same name give the same .torrent, to the byte. Symbolic links are left out.

Exit status: 0 written, 1 failed, 2 wrong command line.";

/// How to check a file.
pub(super) const VERIFY: &str = "\
Examples:
  swarmlet verify --conf torrent.conf --data image.iso
  swarmlet verify --conf photos.torrent --data /srv/photos

Exit status: 0 every part is right and nothing follows the last one, 1 it is not so or could not be
found out, 2 wrong command line.";

/// How to run the demo, and what it does.
pub(super) const DEMO: &str = "\
Examples:
  swarmlet demo
  swarmlet demo --nodes 20 --size 256MiB
  swarmlet demo --secret

The nodes are real processes on 127.x addresses of one free /24. One has the config, the others have
nothing and find each other. Each part is right on exactly one node at first. Nodes are killed on
the way (SIGKILL) and started again. All of it happens in a temporary directory (see TMPDIR) that is
removed at the end.

Exit status: 0 all files became identical, 1 they did not, 2 wrong command line.";

/// How to look at a node.
pub(super) const STATUS: &str = "\
Examples:
  swarmlet status
      the node of this machine
  swarmlet status --watch --node 10.0.0.7 --token-file token
      that of another machine, until Ctrl-C
  swarmlet status --json | jq -r '.swarms[] | select(.complete | not) | .name'
      contents that are not complete
  until swarmlet status --check >/dev/null; do sleep 1; done
      wait until all is here

Output: on a terminal two lines on the node and a table of its contents, with a line below each that says
why it waits. Elsewhere a line per content, with a header and tabs between
  infohash name state verified_bytes size_bytes down_rate up_rate eta_seconds links waits place
in this order; new fields come last, and what is not known is a dash. With --watch a line whenever
something but the rates changes; a content that is removed has the state `removed` then. With --json a
document {\"status\": ..., \"swarms\": [...]} of what the API says at /api/v1/status and /api/v1/swarms.

Exit status: 0 shown, also when --watch ends by Ctrl-C; 1 the node refused or is not there; 2 wrong
command line; 3 with --check, the node answers and is not ready.";

/// How to look at links.
pub(super) const PEERS: &str = "\
Examples:
  swarmlet peers
  swarmlet peers image.iso
  swarmlet peers --json | jq '.peers | length'

Flags of a link: D we want and may fetch, d we want and may not; U it wants and may fetch, u it wants and
may not; I it opened the link; E encrypted; S secured by the fleet secret; F a swarmlet; T uTP.

Output: on a terminal a table. Elsewhere a line per link, with a header and tabs between
  address infohash client class direction transport encrypted flags has down_rate up_rate
  received_bytes sent_bytes round_trip_seconds connected_seconds secured node_id
in this order; new fields come last, and what is not known is a dash.

Exit status: 0 listed, 1 the node refused or is not there, 2 wrong command line.";

/// How to hear of what happens.
pub(super) const EVENTS: &str = "\
Examples:
  swarmlet events
  swarmlet events --json | jq -c 'select(.event == \"completed\")'

The last 256 come first, then those that follow, until Ctrl-C. A node that goes away is waited for.

Output: a line per event: its time, its word and its text; where there is no terminal with a header and
tabs between. With --json an object per line, with the fields of the API and `event` and `id`.

Exit status: 0 ended by Ctrl-C, or nobody reads any more; 1 the node refused or was not there at the
start; 2 wrong command line.";

/// How to add a content.
pub(super) const ADD: &str = "\
Examples:
  swarmlet add photos.torrent --to /srv/photos
  swarmlet add 'magnet:?xt=urn:btih:...' --to /srv/image.iso --peer 10.0.0.5
      what it is is learned from peers; one is named here
  swarmlet add https://example.org/linux.torrent
      into the directory that the node was given with --shares

A node with a state directory keeps it in its later lives, too.

Exit status: 0 it is kept from now on, 1 the node refused or is not there, 2 wrong command line.";

/// How to be rid of a content.
pub(super) const REMOVE: &str = "\
Examples:
  swarmlet remove photos
  swarmlet remove 2b7e1516

Its files stay. What the node's configuration names comes back with its next start. With --json nothing is
printed, as the API answers nothing.

Exit status: 0 it is not kept any more, 1 the node refused or is not there, 2 wrong command line.";

/// How to pause a content.
pub(super) const PAUSE: &str = "\
Examples:
  swarmlet pause photos

Nothing of it is fetched or served until `swarmlet resume`, in later lives of the node as well. Its links
stay.

Exit status: 0 it is paused, 1 the node refused or is not there, 2 wrong command line.";

/// How to go on.
pub(super) const RESUME: &str = "\
Examples:
  swarmlet resume photos

Exit status: 0 it goes on, 1 the node refused or is not there, 2 wrong command line.";

/// How to have a content checked.
pub(super) const RECHECK: &str = "\
Examples:
  swarmlet recheck photos && swarmlet status --watch

What is wrong is fetched again. While the check runs the content is not complete. This is what the API calls
verify; `swarmlet verify` looks at files without a node, and changes nothing.

Exit status: 0 the check has begun, 1 the node refused or is not there, 2 wrong command line.";

/// How to be rid of a host.
pub(super) const BAN: &str = "\
Examples:
  swarmlet ban 10.0.0.7 --for 2h
  swarmlet ban 10.0.0.7
      until `swarmlet unban 10.0.0.7`

Its links are closed.

Exit status: 0 it is not spoken to any more, 1 the node refused or is not there, 2 wrong command line.";

/// How to forgive a host.
pub(super) const UNBAN: &str = "\
Examples:
  swarmlet unban 10.0.0.7

Exit status: 0 it may be spoken to, 1 it was not banned, the node refused or is not there, 2 wrong command
line.";

/// How to look at bans.
pub(super) const BANS: &str = "\
Examples:
  swarmlet bans

Output: on a terminal a table. Elsewhere a line per host, with a header and a tab between
  ip seconds_left
in this order; a dash stands for a ban without an end.

Exit status: 0 listed, 1 the node refused or is not there, 2 wrong command line.";

/// How to log more or less.
pub(super) const LOG: &str = "\
Examples:
  swarmlet log
      what is logged now
  swarmlet log debug
  swarmlet log info,swarmlet_actors::discovery=debug
      what one actor does

Holds until it is set again; the next start begins with RUST_LOG.

Exit status: 0 printed or set, 1 it is no level, the node refused or is not there, 2 wrong command line.";

/// How to have a shell complete words.
pub(super) const COMPLETIONS: &str = "\
Examples:
  swarmlet completions bash > /etc/bash_completion.d/swarmlet
  swarmlet completions zsh > ~/.zfunc/_swarmlet
  swarmlet completions fish > ~/.config/fish/completions/swarmlet.fish

Exit status: 0 printed, 2 wrong command line.";

/// How to read manual pages.
pub(super) const MAN: &str = "\
Examples:
  swarmlet man status | man -l -
  swarmlet man --out /usr/local/share/man/man1

Exit status: 0 printed or written, 1 there is no such command or a page cannot be written, 2 wrong command
line.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_is_to_be_seen_is_in_one_group() {
        let whole = crate::cli::args::whole();
        let shown = whole.get_subcommands().filter(|it| !it.is_hide_set());
        let shown: Vec<_> = shown.map(clap::Command::get_name).collect();
        let grouped: Vec<_> = GROUPS
            .iter()
            .flat_map(|(_, names)| names.iter().copied())
            .collect();
        assert_eq!(shown, grouped, "the order is that of the parser");
    }
}
