//! The flags by which a node finds strangers and is found by them: for every command that runs one.

use clap::Args;
use swarmlet_protocol::address::PeerAddress;

use crate::cli::values::Switch;

/// The distributed hash table and the port at the router. All of it is off unless said.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReachArgs {
    /// Find peers by the DHT (BEP 5), and be found by it: on or off
    ///
    /// Tells strangers all over the world that this machine has the content, under its infohash;
    /// a fleet that has a name can be found by that as well. Contents that are marked private never
    /// go there. Uses the port of --listen (UDP, IPv4).
    #[arg(
        long,
        value_name = "on|off",
        env = "SWARMLET_DHT",
        hide_env_values = true,
        default_value = "off"
    )]
    pub(crate) dht: Switch,

    /// Node of the DHT to begin with; may be given more than once [default: the public ones]
    ///
    /// ADDR is as for other nodes. Nodes of a fleet that name only each other have a DHT of their own,
    /// which wants three of them at least. In the variable, commas stand between several.
    #[arg(
        long = "dht-bootstrap",
        value_name = "ADDR",
        env = "SWARMLET_DHT_BOOTSTRAP",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) dht_bootstrap: Vec<PeerAddress>,

    /// Have the router send the port of --listen to this machine: on or off
    ///
    /// By PCP, NAT-PMP or UPnP, whichever the router of the default route speaks. Taken back at the
    /// end. For a machine behind a home router that peers from outside are to dial.
    #[arg(
        long,
        value_name = "on|off",
        env = "SWARMLET_PORT_MAP",
        hide_env_values = true,
        default_value = "off"
    )]
    pub(crate) port_map: Switch,
}
