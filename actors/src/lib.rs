//! The actors of a swarm node.
