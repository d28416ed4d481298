//! Local beacons (BEP 14): who else of our swarms is on this network.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use log::{debug, warn};
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::membership::Source;
use swarmlet_protocol::membership::lan::{Beacon, GROUP_V4, MAX_HASHES, MAX_LENGTH, PORT};
use swarmlet_protocol::secret::beacon::SealedBeacon;
use tokio::net::UdpSocket;
use tokio::sync::oneshot;

use super::Discovery;
use crate::maps::HashSet;
use crate::messages::discovery::AddressesFound;
use crate::reason::reason;
use crate::transport::Security;

/// 5 min: the period of the beacon (BEP 14).
const PERIOD: Duration = Duration::from_secs(300);

/// The first beacons of a node: a datagram may be lost, and others may start in the same second.
const FIRST: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_millis(250),
    Duration::from_millis(1_500),
];

/// Where beacons are spoken and heard on one network.
#[derive(Debug)]
pub(super) struct Beacons {
    /// Our address there.
    own: Ipv4Addr,
    socket: Arc<UdpSocket>,
    /// Whoever listens ends when this is dropped, and the socket closes.
    _open: oneshot::Sender<()>,
}

/// 100 ms until a socket that failed is listened to again.
const DEAF: Duration = Duration::from_millis(100);

impl Discovery {
    /// Joins the group on every network that we are in, and speaks up.
    pub(super) fn start_lan(&mut self, context: &mut Context<Self>) {
        self.open_beacons(context);
        self.speak_up(context);
        context.run_interval(PERIOD, |discovery, context| {
            // One that could not be opened is tried again.
            discovery.open_beacons(context);
            discovery.beacon(context);
        });
    }

    /// Our addresses have changed: beacons are spoken and heard on those that there are now, and on
    /// no others. A socket on an interface that is gone hears nothing any more, though it does not
    /// fail: it is opened anew even if the address came back.
    pub(super) fn move_beacons(&mut self, came: &[IpAddr], context: &mut Context<Self>) {
        if !self.setup.lan {
            return;
        }
        let here = self.lan_addresses();
        let beacons = &mut self.state.search.beacons;
        beacons.retain(|one| here.contains(&one.own) && !came.contains(&IpAddr::V4(one.own)));
        if self.open_beacons(context) {
            self.speak_up(context);
        }
    }

    /// Opens what is not open yet; is there anything new?
    fn open_beacons(&mut self, context: &mut Context<Self>) -> bool {
        let mut is_new = false;
        for own in self.lan_addresses() {
            if self.state.search.beacons.iter().any(|one| one.own == own) {
                continue;
            }
            let socket = match open(own) {
                Ok(socket) => Arc::new(socket),
                Err(error) => {
                    warn!("no beacons on {own}: {}", reason(&error));
                    continue;
                }
            };
            let (open, closed) = oneshot::channel();
            self.listen_to(Arc::clone(&socket), closed, context);
            self.state.search.beacons.push(Beacons {
                own,
                socket,
                _open: open,
            });
            is_new = true;
        }
        is_new
    }

    /// The first beacons on a network.
    fn speak_up(&self, context: &mut Context<Self>) {
        for delay in FIRST {
            context.run_later(delay, |discovery, context| discovery.beacon(context));
        }
    }

    /// The IPv4 addresses of ours on which beacons make sense.
    fn lan_addresses(&self) -> Vec<Ipv4Addr> {
        let own = self.setup.own.iter().filter_map(|addr| match addr.ip() {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        });
        own.collect::<HashSet<_>>().into_iter().collect()
    }

    fn listen_to(
        &self,
        socket: Arc<UdpSocket>,
        closed: oneshot::Receiver<()>,
        context: &mut Context<Self>,
    ) {
        let cookie = self.cookie();
        let (mark, security) = (self.setup.seed, self.setup.security.clone());
        let rendezvous = self.setup.rendezvous;
        let myself = context.address().recipient::<AddressesFound>();
        let heard = move |datagram: &[u8], from: SocketAddr| {
            if let Some(security) = &security {
                // Foreign beacons, and those without the secret, say nothing here.
                let Some(address) = opened(datagram, from.ip(), mark, security) else {
                    return Vec::new();
                };
                debug!("{address} sent a beacon of our fleet");
                return vec![myself.send(of_fleet(address))];
            }
            let Ok(beacon) = Beacon::parse(datagram) else {
                return Vec::new();
            };
            if beacon.cookie.as_ref() == Some(&cookie) {
                return Vec::new();
            }
            let address = SocketAddr::new(from.ip(), beacon.port);
            debug!("{address} sent a beacon");
            let found = beacon
                .info_hashes
                .into_iter()
                .map(|info_hash| AddressesFound {
                    source: Source::Lan,
                    addresses: vec![address],
                    // A beacon for the rendezvous comes from a node of our fleet.
                    info_hash: (info_hash != rendezvous).then_some(info_hash),
                });
            found.map(|found| myself.send(found)).collect()
        };
        let listening = listen_until_closed(socket, closed, heard);
        context.spawn(listening.into_actor(self).map(|(), _, _| {}));
    }

    /// Says on every network which swarms we are in: the rendezvous, and those we know but private
    /// ones.
    pub(super) fn beacon(&self, context: &mut Context<Self>) {
        if let Some(security) = &self.setup.security {
            self.send_sealed(security, context);
            return;
        }
        let mut info_hashes: Vec<InfoHash> = vec![self.setup.rendezvous];
        info_hashes.extend(self.public_swarms());
        let port = self.setup.listen.port();
        for some in info_hashes.chunks(MAX_HASHES) {
            let beacon = Beacon {
                port,
                info_hashes: some.to_vec(),
                cookie: Some(self.cookie()),
            };
            let bytes = beacon.encode();
            self.send_beacon(|_| bytes.clone(), context);
        }
    }

    /// With a fleet secret a beacon says that a node of the fleet is here, and nothing more: whoever
    /// hears it is told of swarms on the link. While the secret is being changed one goes out for each.
    fn send_sealed(&self, security: &Security, context: &mut Context<Self>) {
        let beacon = SealedBeacon {
            port: self.setup.listen.port(),
            mark: self.setup.seed,
        };
        let hour = security.wall().hour();
        for secret in security.secrets().iter() {
            let seal = |from: Ipv4Addr| beacon.seal(secret, from.into(), hour).to_vec();
            self.send_beacon(seal, context);
        }
    }

    fn send_beacon(&self, beacon: impl Fn(Ipv4Addr) -> Vec<u8>, context: &mut Context<Self>) {
        for one in &self.state.search.beacons {
            let (socket, beacon) = (Arc::clone(&one.socket), beacon(one.own));
            let sending = async move {
                let sent = socket.send_to(&beacon, (GROUP_V4, PORT)).await;
                if let Err(error) = sent {
                    debug!("a beacon was not sent: {}", reason(&error));
                }
            };
            context.spawn(sending.into_actor(self).map(|(), _, _| {}));
        }
    }

    /// Our own beacons come back to us and are known by this.
    fn cookie(&self) -> String {
        format!("{:016x}", self.setup.seed)
    }
}

/// Hears datagrams until the other end of `closed` is dropped.
async fn listen_until_closed<F: Future>(
    socket: Arc<UdpSocket>,
    closed: oneshot::Receiver<()>,
    heard: impl FnMut(&[u8], SocketAddr) -> Vec<F>,
) {
    tokio::select! {
        () = listen(&socket, heard) => {}
        _ = closed => {}
    }
}

/// Hears datagrams for as long as it is polled. The next is read when what the last one brought was
/// handled: a flood of them stays in the kernel.
async fn listen<F: Future>(socket: &UdpSocket, mut heard: impl FnMut(&[u8], SocketAddr) -> Vec<F>) {
    let mut datagram = [0; MAX_LENGTH + 1];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut datagram).await else {
            // Perhaps its interface is down: that must not become a busy loop.
            tokio::time::sleep(DEAF).await;
            continue;
        };
        for handled in heard(&datagram[..length], from) {
            let _ = handled.await;
        }
    }
}

/// Where a node of our fleet listens that sent this beacon; nothing if it is ours, or none of the fleet's.
fn opened(datagram: &[u8], from: IpAddr, mark: u64, security: &Security) -> Option<SocketAddr> {
    let hour = security.wall().hour();
    let beacon = SealedBeacon::open(datagram, &security.secrets(), from, hour)?;
    (beacon.mark != mark).then(|| SocketAddr::new(from, beacon.port))
}

/// Somebody of our fleet is there, with whatever content.
fn of_fleet(address: SocketAddr) -> AddressesFound {
    AddressesFound {
        source: Source::Lan,
        addresses: vec![address],
        info_hash: None,
    }
}

/// A socket in the group on the network of that address.
fn open(own: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = socket2::Socket::new(
        socket2::Domain::IPV4,
        socket2::Type::DGRAM,
        Some(socket2::Protocol::UDP),
    )?;
    // Several nodes of one host hear the same group.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((GROUP_V4, PORT)).into())?;
    socket.join_multicast_v4(&GROUP_V4, &own)?;
    socket.set_multicast_if_v4(&own)?;
    socket.set_multicast_ttl_v4(1)?;
    socket.set_multicast_loop_v4(true)?;
    UdpSocket::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_for_beacons_ends_when_they_are_closed_and_the_socket_with_him() {
        actix_rt::System::new().block_on(async {
            let socket = Arc::new(open(Ipv4Addr::LOCALHOST).unwrap());
            let (open, closed) = oneshot::channel();
            let beacons = Beacons {
                own: Ipv4Addr::LOCALHOST,
                socket: Arc::clone(&socket),
                _open: open,
            };
            let alive = Arc::downgrade(&socket);
            let listening = actix_rt::spawn(listen_until_closed(socket, closed, |_, _| {
                Vec::<std::future::Ready<()>>::new()
            }));
            tokio::task::yield_now().await;
            assert!(!listening.is_finished());
            drop(beacons);
            listening.await.unwrap();
            assert_eq!(alive.strong_count(), 0, "the socket is still open");
        });
    }
}
