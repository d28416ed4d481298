//! The picker's invariants under random inputs, its stories, and a small swarm.

mod demand;
mod demand_of_sources;
mod giving;
mod invariants;
mod reserve;
mod steps;
mod stories;
mod swarm;
