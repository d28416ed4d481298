//! A swarm node.
