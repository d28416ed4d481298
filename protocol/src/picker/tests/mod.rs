//! The picker's invariants under random inputs, its stories, and a small swarm.

mod audit;
mod demand;
mod demand_of_sources;
mod giving;
mod invariants;
mod model;
mod reserve;
mod stories;
mod swarm;
mod world;
