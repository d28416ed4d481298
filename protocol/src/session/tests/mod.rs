//! A session against a scripted peer: each test says what the peer does and what must come of it.

mod allowance;
mod arbitrary;
mod choking;
mod claims;
mod downloads;
mod extensions;
mod greeting;
mod rig;
mod spills;
mod timeouts;
mod uploads;
mod withdrawals;
