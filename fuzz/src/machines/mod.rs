//! Machines under arbitrary sequences of what can happen to them, beside what must hold of each.

pub mod links;
pub mod picker;
pub mod pieces;
pub mod requests;
pub mod session;
