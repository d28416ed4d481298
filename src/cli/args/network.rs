//! The flags that have to do with the network, of all commands that run a node.

use std::path::PathBuf;

use clap::Args;
use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::encryption::Policy;
use swarmlet_protocol::tracker::TrackerUrl;
use swarmlet_protocol::web_seed::SourceUrl;

use super::{AdmissionArgs, ReachArgs};
use crate::cli::values::{ListenAddress, Rate, Sweep, Switch};

/// How a node finds others and treats them.
#[derive(Debug, Args)]
pub(crate) struct NetworkArgs {
    /// Address to listen on: IP, IP:PORT or [IPv6]:PORT; an IP alone means port 6881 [default: 0.0.0.0:6881]
    ///
    /// Links to other nodes leave from the same IP.
    #[arg(
        long,
        value_name = "ADDR",
        env = "SWARMLET_LISTEN",
        hide_env_values = true
    )]
    pub(crate) listen: Option<ListenAddress>,

    /// Directory for what the node learns [default: /var/lib/swarmlet, or the user's state directory]
    ///
    /// Peers and metadata that were learned are kept here, so that a restarted node need not ask
    /// again. By default it is /var/lib/swarmlet if that can be written, else
    /// $XDG_STATE_HOME/swarmlet or ~/.local/state/swarmlet, else nothing is kept; nor is it with
    /// `none`.
    #[arg(
        long,
        value_name = "DIR",
        env = "SWARMLET_STATE",
        hide_env_values = true
    )]
    pub(crate) state: Option<PathBuf>,

    /// Look for nodes by trying every address of a range: off, auto or a range like 10.0.0.0/24
    ///
    /// auto is the /24 around the IP that the node listens on, or around each of the machine's
    /// IPv4 addresses but loopback when it listens on all.
    #[arg(
        long,
        value_name = "off|auto|CIDR",
        env = "SWARMLET_SWEEP",
        hide_env_values = true,
        default_value = "off"
    )]
    pub(crate) sweep: Sweep,

    /// Look for nodes by local multicast (BEP 14): on or off
    #[arg(
        long,
        value_name = "on|off",
        env = "SWARMLET_LAN",
        hide_env_values = true,
        default_value = "off"
    )]
    pub(crate) lan: Switch,

    #[command(flatten)]
    pub(crate) reach: ReachArgs,

    #[command(flatten)]
    pub(crate) admission: AdmissionArgs,

    /// Node to talk to beside the Peers of the config; may be given more than once [default: none]
    ///
    /// ADDR is an IP, IP:PORT, [IPv6]:PORT, a host name or NAME:PORT; without a port it is 6881.
    /// Names are resolved again and again, and every address behind one is a peer. In the
    /// variable, commas stand between several.
    #[arg(
        long = "peer",
        value_name = "ADDR",
        env = "SWARMLET_PEER",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) peers: Vec<PeerAddress>,

    /// Tracker to ask beside the Trackers of the config; may be given more than once [default: none]
    ///
    /// URL is http://, https:// or udp://. Those that are named first are asked first; the next
    /// one has its turn when none before it answers. In the variable, commas stand between
    /// several.
    #[arg(
        long = "tracker",
        value_name = "URL",
        env = "SWARMLET_TRACKER",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) trackers: Vec<TrackerUrl>,

    /// How fast to download at most, in bytes per second, such as 10MiB [default: no limit]
    ///
    /// Counts all that comes from all peers together.
    #[arg(
        long,
        value_name = "RATE",
        env = "SWARMLET_DOWNLOAD_LIMIT",
        hide_env_values = true
    )]
    pub(crate) download_limit: Option<Rate>,

    /// How fast to upload at most, in bytes per second, such as 10MiB [default: no limit]
    ///
    /// Counts the bytes of the file that go to all peers together. Words between nodes are small
    /// and are not held back.
    #[arg(
        long,
        value_name = "RATE",
        env = "SWARMLET_UPLOAD_LIMIT",
        hide_env_values = true
    )]
    pub(crate) upload_limit: Option<Rate>,

    /// How many clients that are no swarmlets may fetch at once: 1 to 1000 [default: 8]
    ///
    /// Who gives most gets a slot, and at a complete node each in turn; one slot in five goes round
    /// by lot. Swarmlets are always served and not counted.
    #[arg(
        long,
        value_name = "N",
        env = "SWARMLET_UPLOAD_SLOTS",
        hide_env_values = true,
        value_parser = clap::value_parser!(u16).range(1..=1_000)
    )]
    pub(crate) upload_slots: Option<u16>,

    /// How many links to have at most: 2 to 1000 [default: 24]
    ///
    /// Of a node with one content; each further one brings half as many, up to 300 in all.
    /// 24 keep fleets of any size connected. A seed of a swarm of strangers may want more, for
    /// whoever comes when all are taken is turned away.
    #[arg(
        long,
        value_name = "N",
        env = "SWARMLET_MAX_LINKS",
        hide_env_values = true,
        value_parser = clap::value_parser!(u16).range(2..=1_000)
    )]
    pub(crate) max_links: Option<u16>,

    /// Encrypt links to other clients (MSE): off, allow or require
    ///
    /// With allow links are plain unless a peer insists. With require only links that are encrypted
    /// as a whole are made or accepted, at the other nodes of a fleet, too. It hides from simple
    /// filters what is spoken, and is no secrecy: whoever knows the infohash can read along.
    #[arg(
        long,
        value_name = "off|allow|require",
        env = "SWARMLET_ENCRYPTION",
        hide_env_values = true,
        default_value = "allow"
    )]
    pub(crate) encryption: Policy,

    /// Speak uTP (BEP 29) beside TCP: on or off
    ///
    /// Only in a program that was built with `--features utp`. Peers that cannot be dialed by TCP are
    /// dialed so, and those that dial so are let in, on the UDP port of --listen.
    #[arg(
        long,
        value_name = "on|off",
        env = "SWARMLET_UTP",
        hide_env_values = true,
        default_value = "off"
    )]
    pub(crate) utp: Switch,
}

/// Where else to fetch from: for commands that fetch.
#[derive(Clone, Debug, Args)]
pub(crate) struct OriginArgs {
    /// Web server to fetch from what no peer has, beside the Sources of the config [default: none]
    ///
    /// URL is http:// or https://, of the file, or of the folder that it lies in, which ends in a slash.
    /// The server must answer Range requests. May be given more than once; in the variable, commas stand
    /// between several.
    #[arg(
        long = "source",
        value_name = "URL",
        env = "SWARMLET_SOURCE",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) origins: Vec<SourceUrl>,
}
