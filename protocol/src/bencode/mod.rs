//! Bencode (BEP 3), for bytes that strangers send.
//!
//! Decoding checks the whole input once and builds nothing: a [`Value`] is a view of the input, a
//! dictionary or a list walks its bytes again when it is asked. So a hostile message cannot make
//! us take memory (but for 16 bytes per key of a dictionary whose keys are unsorted), nothing here
//! calls itself, and there is nothing to drop. Does not map to Rust types; that is each module's.
//!
//! Invariant: the bytes behind a [`Value`] are well formed, and nested at most [`MAX_DEPTH`] deep.
//!
//! What is accepted beyond the specification, because clients send it: dictionaries with unsorted
//! keys. What is refused: a key that stands twice, leading zeros (in integers and in lengths), `-0`,
//! integers that do not fit 64 bits with a sign, and anything after the value.

mod decode;
mod encode;
mod token;
mod value;

pub use decode::{decode, decode_prefix};
pub use encode::{DictEncoder, ListEncoder};
pub use token::DecodeError;
pub use value::{Dict, List, Value};

/// How deep lists and dictionaries may nest. The deepest message in use (a version 2 torrent's
/// file tree) needs its directories' depth and a few more; the rest is an attack on the stack of
/// careless decoders, and we do not pass it on.
pub const MAX_DEPTH: usize = 32;

#[cfg(test)]
mod tests;
