//! Opening a port at the router (PCP, RFC 6887; NAT-PMP, RFC 6886; UPnP IGD), as far as we decide:
//! when a mapping is asked for, renewed and given up, and which machine the router is.

mod renewal;
mod route;

pub use renewal::{FIRST_RETRY, LEASE, LONGEST_RETRY, Renewal, SETTLED, SHORTEST_LEASE};
pub use route::{MAX_ROUTES, gateway};
