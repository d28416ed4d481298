//! Defaults, variables, and complaints of the parser.

use std::time::Duration;

use swarmlet_protocol::tracker::TrackerUrl;

use super::*;
use crate::cli::values::{GoOn, Sweep, Switch};

fn arguments(line: &str) -> Vec<OsString> {
    line.split(' ').map(OsString::from).collect()
}

fn node(line: &str, environment: &[(&str, &str)]) -> Result<NodeArgs, clap::Error> {
    // The process's own environment must not leak into the tests, and setting it is unsafe:
    // only the emptiness rule is tested here, the rest by running the program.
    let variable = |name: &str| {
        environment
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| OsString::from(value))
    };
    let matches = command(variable).try_get_matches_from(arguments(line))?;
    match Cli::from_arg_matches(&matches)?.command {
        Some(Command::Node(args)) => Ok(args),
        other => panic!("not a node: {other:?}"),
    }
}

#[test]
fn the_parser_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn defaults_are_those_of_a_container() {
    let args = node("swarmlet node", &[]).unwrap();
    assert!(args.confs.is_empty() && args.data.is_empty() && args.shares.is_none());
    assert_eq!(args.network.listen, None);
    assert_eq!(args.network.state, None);
    assert_eq!(args.fleet, "");
    assert_eq!(args.network.sweep, Sweep::Off);
    assert_eq!(args.network.lan, Switch::Off);
    assert!(args.network.peers.is_empty() && args.network.trackers.is_empty());
    assert_eq!(
        (args.network.reach.dht, args.network.reach.port_map),
        (Switch::Off, Switch::Off)
    );
    assert!(args.network.reach.dht_bootstrap.is_empty());
    assert!(!args.exit_when_complete && !args.before_exec);
    assert!(args.seed_for.is_none() && args.command.is_empty());
    assert_eq!(
        (args.network.download_limit, args.network.upload_limit),
        (None, None)
    );
    assert_eq!(
        (args.network.upload_slots, args.network.max_links),
        (None, None)
    );
}

#[test]
fn everything_behind_two_dashes_is_the_command() {
    let args = node("swarmlet node --lan on -- app --lan off -- x", &[]).unwrap();
    assert_eq!(args.command, arguments("app --lan off -- x"));
    assert_eq!(args.network.lan, Switch::On);
    assert!(node("swarmlet node app", &[]).is_err());
    // Nothing behind them is no command, as where a container was given none.
    let args = node("swarmlet node --", &[]).unwrap();
    assert!(args.command.is_empty());
}

#[test]
fn peers_add_up() {
    let args = node(
        "swarmlet node --peer 10.0.0.1 --peer a.example:7000,[::1]:9",
        &[],
    )
    .unwrap();
    let peers: Vec<String> = args.network.peers.iter().map(ToString::to_string).collect();
    assert_eq!(peers.len(), 3);
    assert_eq!(peers[1], "a.example:7000");
}

#[test]
fn trackers_add_up_and_must_be_such() {
    let args = node(
        "swarmlet node --tracker http://t/announce?a=1 --tracker udp://10.0.0.1:6969,https://u/",
        &[],
    );
    let trackers = args.unwrap().network.trackers;
    let trackers: Vec<&str> = trackers.iter().map(TrackerUrl::as_str).collect();
    let expected = ["http://t/announce?a=1", "udp://10.0.0.1:6969", "https://u/"];
    assert_eq!(trackers, expected);
    assert!(node("swarmlet node --tracker ftp://t/", &[]).is_err());
}

fn get(line: &str) -> Result<GetArgs, clap::Error> {
    match parse(&arguments(line))? {
        Some(Command::Get(args)) => Ok(args),
        other => panic!("not a get: {other:?}"),
    }
}

#[test]
fn words_behind_seed_are_a_time_a_ratio_or_sources() {
    for (line, sources, go_on) in [
        ("swarmlet get a b", &["a", "b"][..], None),
        ("swarmlet get a --seed", &["a"], Some(GoOn::Forever)),
        ("swarmlet get --seed a", &["a"], Some(GoOn::Forever)),
        (
            "swarmlet get --seed a b c",
            &["a", "b", "c"],
            Some(GoOn::Forever),
        ),
        (
            "swarmlet get a --seed ratio 2",
            &["a"],
            Some(GoOn::Ratio(2.0)),
        ),
        (
            "swarmlet get --seed for 2h a b",
            &["a", "b"],
            Some(GoOn::For(Duration::from_secs(7_200))),
        ),
    ] {
        let mut args = get(line).unwrap();
        args.sources.sort();
        assert_eq!(args.sources, sources, "{line}");
        assert_eq!(args.go_on, go_on, "{line}");
    }
    for line in [
        "swarmlet get",
        "swarmlet get --seed",
        "swarmlet get a --seed for",
    ] {
        assert!(get(line).is_err(), "{line}");
    }
}

#[test]
fn a_variable_set_to_nothing_counts_as_absent() {
    let parser = command(|name| (name == "SWARMLET_LAN").then(OsString::new));
    let node = parser.find_subcommand("node").unwrap();
    let env = |id: &str| {
        node.get_arguments()
            .find(|argument| argument.get_id() == id)
            .unwrap()
            .get_env()
            .is_some()
    };
    assert!(!env("lan"));
    assert!(env("sweep"));
}

#[test]
fn complaints_fit_one_line() {
    for (line, message, hint) in [
        (
            "swarmlet node --sweep 10.0.0.0",
            "invalid value '10.0.0.0' for '--sweep <off|auto|CIDR>': ",
            "try 'swarmlet node --help'",
        ),
        (
            "swarmlet create",
            "the following required arguments were not provided: <PATH>",
            "try 'swarmlet create --help'",
        ),
        (
            "swarmlet node --lan on app --fast",
            "unexpected argument 'app' found",
            "a COMMAND stands behind '--'",
        ),
        (
            "swarmlet node --pear 10.0.0.1",
            "unexpected argument '--pear' found",
            "a similar argument exists: '--peer'",
        ),
    ] {
        let arguments = arguments(line);
        let error = parse(&arguments).unwrap_err();
        let (said, hinted) = one_line(&error, &arguments);
        assert!(said.starts_with(message), "{said}");
        assert!(!said.contains('\n'), "{said}");
        assert_eq!(hinted, hint);
    }
}
