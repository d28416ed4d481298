//! The actors of a swarm node.
//!
//! Each actor owns one kind of state, converts what reaches it into inputs of a machine of
//! `swarmlet-protocol`, and performs what the machine puts out. Actors import messages and not one
//! another; only the [`supervisor`] knows them all and wires them.
//!
//! | actor | owns | decides through |
//! |---|---|---|
//! | [`supervisor`] | who is alive, the ordered shutdown | restart budgets |
//! | [`listener`] | the listening socket | membership |
//! | [`discovery`] | known addresses, links, whom to dial | membership, sweep, join |
//! | [`scheduler`] | the piece map of one swarm, and whom it serves | picker, metadata fetch, choker |
//! | [`session`] | one socket | session |
//! | [`storage`] | the file of one swarm | layout |
//! | [`turns`] | which contents are fetched now | turns |
//! | [`trackers`] | what trackers were told | announcer |
//! | [`own_addresses`] | which addresses the machine has | own addresses |
//! | `dht` (feature) | the table of BEP 5 | lookups, contacts |
//! | `port_map` (feature) | the port at the router | renewal |
//! | [`watchdog`] | figures over time | thresholds |
//! | [`web_seeds`] | requests to web seeds of one swarm | web seeds |

pub mod alarm;
pub mod chance;
pub mod clock;
pub mod counters;
pub mod credit;
#[cfg(any(test, feature = "simulation"))]
mod debt;
pub mod descriptors;
#[cfg(feature = "dht")]
pub mod dht;
pub mod discovery;
pub mod fetch;
#[cfg(any(test, feature = "simulation"))]
pub mod files;
#[cfg(not(any(test, feature = "simulation")))]
mod files;
pub mod gauge;
pub mod guard;
pub mod http;
pub mod limits;
pub mod listener;
pub mod listeners;
mod maps;
pub mod messages;
pub mod own_addresses;
#[cfg(feature = "port-map")]
pub mod port_map;
pub mod private;
pub mod reason;
mod schedstat;
pub mod scheduler;
pub mod sentinel;
pub mod session;
pub mod share;
#[cfg(feature = "simulation")]
pub mod simulation;
pub mod state;
pub mod storage;
pub mod supervisor;
pub mod trackers;
pub mod transport;
pub mod turns;
pub mod watchdog;
pub mod web_seeds;
mod words;
mod workers;
