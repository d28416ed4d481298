//! What the API says and hears, as JSON. Sizes are bytes, rates bytes per second, times seconds.
//!
//! Texts of strangers (names of contents, of clients, reasons) may hold anything: whoever shows them
//! must not believe them to be fit for a terminal or a page.

mod peer;
mod status;
mod swarm;
mod word;

pub use self::peer::{Ban, Bans, Class, Direction, Peer, Peers, Transport};
pub use self::status::{ActorStatus, ProcessStatus, Status};
pub use self::swarm::{
    Cells, FileStatus, Pieces, Swarm, SwarmDetails, SwarmState, Swarms, WaitStatus,
};
pub use self::word::{AddPeer, AddSwarm, BanWord, LogFilter};
