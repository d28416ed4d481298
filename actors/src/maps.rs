//! Hash maps and sets of the actors: the standard library's, with keys from the system, as peers can
//! choose what goes into some of them.
//!
//! In a simulation their order must be that of the seed: there all keys are the same.

/// A map without an order.
pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, Keys>;

/// A set without an order.
pub(crate) type HashSet<T> = std::collections::HashSet<T, Keys>;

#[cfg(not(feature = "simulation"))]
pub(crate) use std::hash::RandomState as Keys;

#[cfg(feature = "simulation")]
pub(crate) type Keys = std::hash::BuildHasherDefault<std::hash::DefaultHasher>;
