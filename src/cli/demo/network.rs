//! Finds a /24 of loopback in which nobody listens on our port.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

use swarmlet_protocol::address::DEFAULT_PORT;

/// How many networks are tried: of 65,000 one is free, or there is another reason.
const ATTEMPTS: usize = 20;

/// Addresses for a fleet, all in one /24 of 127.0.0.0/8.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) struct Network([u8; 3]);

impl Network {
    /// A random network in which the first `nodes` addresses are free.
    ///
    /// # Errors
    /// None was found; the last address and why.
    pub(super) fn find(nodes: u8, rng: &mut fastrand::Rng) -> Result<Self, (Ipv4Addr, io::Error)> {
        let mut attempt = 1;
        loop {
            // Not 127.0.0, where other programs of this machine listen.
            let network = Self([127, rng.u8(1..255), rng.u8(..)]);
            match network.is_free(nodes) {
                Ok(()) => return Ok(network),
                Err(refused) if attempt == ATTEMPTS => return Err(refused),
                Err(_) => attempt += 1,
            }
        }
    }

    /// The address of a node, counted from 0.
    pub(super) const fn address(self, node: u8) -> Ipv4Addr {
        let [a, b, c] = self.0;
        Ipv4Addr::new(a, b, c, node.saturating_add(1))
    }

    /// The whole range, as `--sweep` takes it.
    pub(super) fn range(self) -> String {
        let [a, b, c] = self.0;
        format!("{a}.{b}.{c}.0/24")
    }

    fn is_free(self, nodes: u8) -> Result<(), (Ipv4Addr, io::Error)> {
        for node in 0..nodes {
            let address = self.address(node);
            TcpListener::bind((address, DEFAULT_PORT)).map_err(|error| (address, error))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_in_use_is_passed_over() {
        let mut rng = fastrand::Rng::with_seed(1);
        let first = Network::find(3, &mut rng.clone()).unwrap();
        let _taken = TcpListener::bind((first.address(2), DEFAULT_PORT)).unwrap();
        let second = Network::find(3, &mut rng).unwrap();
        assert_ne!(first, second);
        assert!(second.range().ends_with(".0/24"));
        assert!(second.address(0).is_loopback());
    }
}
