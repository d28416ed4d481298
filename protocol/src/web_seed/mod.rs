//! Web seeds (BEP 19): HTTP servers that have the content, asked for what no peer can send.
//!
//! [`Source`] is one of them as a machine: it takes leases of pieces from the picker, turns them into
//! requests for ranges of files, puts the answers together, and judges the server by them. Nothing
//! here opens a connection or looks at a clock; who is asked for which piece is the picker's
//! decision (see `picker::reserve`).
//!
//! Invariants: a request is never longer than [`REQUEST_LENGTH`], or than one piece; there are at most
//! [`CONNECTIONS`] at a time; every lease ends in a piece, in a return, or with the source; after every
//! failure that brought nothing comes a pause, ever longer; a server that sends wrong bytes is not
//! asked for more than [`MAX_STRIKES`] times.

mod address;
mod answer;
mod limits;
mod messages;
mod run;
mod source;
mod url;

pub use address::{is_local, may_follow};
pub use answer::{Asked, Head, Judgement, Refusal, judge};
pub use limits::*;
pub use messages::{End, Input, Output, TransferId};
pub use source::Source;
pub use url::{SourceUrl, SourceUrlError, file_url, usable_sources};

#[cfg(test)]
mod tests;
