//! The flags of `node`.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};
use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::tracker::TrackerUrl;

use super::ReachArgs;
use crate::cli::values::{ListenAddress, Rate, Sweep, Switch};

/// What `node` was asked to do.
#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// Config file with what is known: Peers, Trackers and FileInfo, all optional [default: /torrent.conf]
    ///
    /// A .torrent may stand in its place; web seeds in it are not asked. A file that is
    /// named here must exist. The default one may be absent: then the node knows nothing and learns
    /// everything from the nodes that it finds. May be given several times, each with its --data:
    /// then the node keeps several contents, and each config must have a FileInfo.
    #[arg(
        long = "conf",
        value_name = "FILE",
        env = "SWARMLET_CONF",
        hide_env_values = true
    )]
    pub(crate) confs: Vec<PathBuf>,

    /// File to keep in sync, or the folder of the files; created if missing [default: /data.bin]
    ///
    /// The files of a folder lie in it directly: with /srv/photos the file a/b.jpg of the content is
    /// /srv/photos/a/b.jpg, whatever the name of the content. Other files in it are left alone.
    /// Where there are several --conf, the first --data is that of the first of them, and so on.
    #[arg(
        long,
        value_name = "FILE",
        env = "SWARMLET_DATA",
        hide_env_values = true
    )]
    pub(crate) data: Vec<PathBuf>,

    /// Directory of contents to keep in sync, each with its description beside it [default: none]
    ///
    /// Every NAME.conf or NAME.torrent in it describes the file or folder NAME, which is created if
    /// it is missing. Other files are left alone. Read once, at the start.
    #[arg(
        long,
        value_name = "DIR",
        env = "SWARMLET_SHARES",
        hide_env_values = true
    )]
    pub(crate) shares: Option<PathBuf>,

    /// Address to listen on: IP, IP:PORT or [IPv6]:PORT; an IP alone means port 6881
    ///
    /// Links to other nodes leave from the same IP.
    #[arg(
        long,
        value_name = "ADDR",
        env = "SWARMLET_LISTEN",
        hide_env_values = true,
        default_value = "0.0.0.0:6881"
    )]
    pub(crate) listen: ListenAddress,

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

    /// Fleet to join: nodes of another fleet are not asked what to sync [default: the nameless fleet]
    #[arg(
        long,
        value_name = "NAME",
        env = "SWARMLET_FLEET",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) fleet: String,

    /// Content to join, by name or infohash, where the fleet has several [default: the only one]
    #[arg(
        long,
        value_name = "NAME",
        env = "SWARMLET_SWARM",
        hide_env_values = true,
        hide_default_value = true
    )]
    pub(crate) swarm: Option<String>,

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

    /// End with status 0 as soon as the file is complete [default: go on serving it]
    #[arg(
        long,
        env = "SWARMLET_EXIT_WHEN_COMPLETE",
        hide_env_values = true,
        action = ArgAction::SetTrue,
        value_parser = BoolishValueParser::new()
    )]
    pub(crate) exit_when_complete: bool,

    /// For `demo`: have the kernel kill this node when its parent dies, however that happens.
    #[arg(long, hide = true)]
    pub(crate) die_with_parent: bool,
}
