//! The peer wire protocol: bytes to messages and back (BEP 3, BEP 6, BEP 10).
//!
//! Knows the shape of every message and nothing of what it means: numbers are checked against a
//! layout by the session.

pub mod decoder;
pub mod handshake;
pub mod message;

pub use decoder::{Decoder, Frame, FrameError};
pub use handshake::{Handshake, HandshakeError};
pub use message::{Message, RawBlock};
