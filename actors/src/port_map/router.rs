//! The router: asked by PCP (RFC 6887), by NAT-PMP (RFC 6886), and by UPnP IGD, by the crates
//! `crab_nat` and `igd-next`.
//!
//! Invariant: every question has an end, and what the router says is bounded by those crates.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::num::NonZeroU16;
use std::time::Duration;

use crab_nat::{
    GatewayAddress, InternetProtocol, PortMapping, PortMappingOptions, PortMappingType,
    TimeoutConfig, natpmp, pcp,
};
use igd_next::aio::Gateway;
use igd_next::aio::tokio::{Tokio, search_gateway};
use igd_next::{AddPortError, PortMappingProtocol, SearchOptions};
use log::debug;
use swarmlet_protocol::port_map::{self, LEASE};
use tokio::time::timeout;

use crate::reason::reason;

/// 250 ms for the first answer by PCP and NAT-PMP, as RFC 6886 (3.1) has it; doubled each time.
const FIRST_ANSWER: Duration = Duration::from_millis(250);

/// 3 more questions if there is none: 3.75 s in all. The RFC's nine take a minute, and a home
/// router answers within milliseconds or never.
const MORE_QUESTIONS: usize = 3;

/// 4 s to find a router that speaks UPnP. It may wait for 3 s before it answers.
const SEARCH_TIME: Duration = Duration::from_secs(4);

/// 5 s: a router that speaks UPnP may take so long for one answer.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// What the router has granted.
#[derive(Clone, Debug)]
pub(super) enum Mapping {
    /// By PCP or NAT-PMP.
    Direct(Box<PortMapping>),
    /// By UPnP.
    Upnp {
        router: Box<Gateway<Tokio>>,
        local: SocketAddr,
        external_port: u16,
        /// Zero if it is for ever.
        lease: Duration,
    },
}

impl Mapping {
    pub(super) fn external_port(&self) -> u16 {
        match self {
            Self::Direct(mapping) => mapping.external_port().get(),
            Self::Upnp { external_port, .. } => *external_port,
        }
    }

    pub(super) fn lease(&self) -> Duration {
        match self {
            // For ever is not known there: a lease of no time is none.
            Self::Direct(mapping) => Duration::from_secs(u64::from(mapping.lifetime().max(1))),
            Self::Upnp { lease, .. } => *lease,
        }
    }

    pub(super) fn router(&self) -> IpAddr {
        match self {
            Self::Direct(mapping) => mapping.gateway().into(),
            Self::Upnp { router, .. } => router.addr.ip(),
        }
    }

    /// Tells the router that it is not needed any more. It ends by itself if that is not heard.
    pub(super) async fn take_back(self) {
        let outcome = match self {
            Self::Direct(mapping) => {
                let taken_back = mapping.try_drop().await;
                taken_back.map_err(|(error, _)| error.to_string())
            }
            Self::Upnp {
                router,
                external_port,
                ..
            } => {
                let taking_back = router.remove_port(PortMappingProtocol::TCP, external_port);
                answered(taking_back).await
            }
        };
        if let Err(why) = outcome {
            debug!("the router does not take back its port: {why}");
        }
    }
}

impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upnp { .. } => "UPnP",
            Self::Direct(mapping) => match mapping.mapping_type() {
                PortMappingType::NatPmp => "NAT-PMP",
                PortMappingType::Pcp { .. } => "PCP",
            },
        })
    }
}

/// Asks for our port, first in the way that has worked before; why not, in words.
pub(super) async fn ask(listen: SocketAddr, former: Option<Mapping>) -> Result<Mapping, String> {
    let port = NonZeroU16::new(listen.port()).ok_or("there is no port")?;
    match former {
        Some(Mapping::Direct(mut mapping)) => match mapping.renew().await {
            Ok(()) => return Ok(Mapping::Direct(mapping)),
            Err(error) => debug!("not renewed: {error}"),
        },
        Some(Mapping::Upnp {
            router,
            local,
            external_port,
            ..
        }) => match by_upnp(router, local, external_port).await {
            Ok(mapping) => return Ok(mapping),
            Err(why) => debug!("not renewed: {why}"),
        },
        None => {}
    }
    let router = default_router().ok_or("this machine has no default route")?;
    let own = own_address(router).map_err(|error| reason(&error))?;
    let local = match listen.ip().to_canonical() {
        IpAddr::V4(ip) if !ip.is_unspecified() => ip,
        _ => own,
    };
    let direct = match directly(router, own, port).await {
        Ok(mapping) => return Ok(mapping),
        Err(why) => why,
    };
    let mut options = SearchOptions::default();
    options.bind_addr = SocketAddr::from((local, 0));
    options.timeout = Some(SEARCH_TIME);
    options.single_search_timeout = Some(SEARCH_TIME);
    let upnp = match search_gateway(options).await {
        Ok(found) => {
            let local = SocketAddr::from((local, port.get()));
            match by_upnp(Box::new(found), local, port.get()).await {
                Ok(mapping) => return Ok(mapping),
                Err(why) => why,
            }
        }
        Err(error) => error.to_string(),
    };
    Err(format!(
        "{router} by {direct}, UPnP: {}",
        upnp.trim_end_matches('.')
    ))
}

/// By PCP, and by NAT-PMP where that is not understood or not answered.
async fn directly(router: Ipv4Addr, own: Ipv4Addr, port: NonZeroU16) -> Result<Mapping, String> {
    let options = PortMappingOptions {
        external_port: Some(port),
        lifetime_seconds: u32::try_from(LEASE.as_secs()).ok(),
        timeout_config: Some(TimeoutConfig {
            initial_timeout: FIRST_ANSWER,
            max_retries: MORE_QUESTIONS,
            max_retry_timeout: None,
        }),
    };
    let (router, protocol) = (GatewayAddress::IpV4(router), InternetProtocol::Tcp);
    let request = pcp::BaseMapRequest::new(router, own.into(), protocol, port);
    let pcp = match pcp::port_mapping(request, None, None, options).await {
        Ok(mapping) => return Ok(Mapping::Direct(Box::new(mapping))),
        Err(error) => error,
    };
    match natpmp::port_mapping(router, protocol, port, options).await {
        Ok(mapping) => Ok(Mapping::Direct(Box::new(mapping))),
        Err(error) => Err(format!("PCP: {pcp}, NAT-PMP: {error}")),
    }
}

/// By UPnP: at the same port, or at any if that is somebody else's; for a while, or for ever where
/// the router knows nothing else.
async fn by_upnp(
    router: Box<Gateway<Tokio>>,
    local: SocketAddr,
    port: u16,
) -> Result<Mapping, String> {
    let tcp = PortMappingProtocol::TCP;
    let seconds = LEASE.as_secs() as u32;
    let add = |port: u16, seconds: u32| {
        let router = &router;
        async move {
            let adding = router.add_port(tcp, port, local, seconds, DESCRIPTION);
            let answer = timeout(ANSWER_TIME, adding).await;
            answer.map_err(|_| "no answer".to_owned())
        }
    };
    let (external_port, lease) = match add(port, seconds).await? {
        Ok(()) => (port, LEASE),
        Err(AddPortError::OnlyPermanentLeasesSupported) => {
            add(port, 0).await?.map_err(|error| error.to_string())?;
            (port, Duration::ZERO)
        }
        Err(AddPortError::PortInUse) => {
            let adding = router.add_any_port(tcp, local, seconds, DESCRIPTION);
            (answered(adding).await?, LEASE)
        }
        Err(error) => return Err(error.to_string()),
    };
    Ok(Mapping::Upnp {
        router,
        local,
        external_port,
        lease,
    })
}

async fn answered<T, E: fmt::Display>(
    question: impl Future<Output = Result<T, E>>,
) -> Result<T, String> {
    match timeout(ANSWER_TIME, question).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err("no answer".to_owned()),
    }
}

/// What the router shows to whoever looks at its mappings.
const DESCRIPTION: &str = "swarmlet";

fn default_router() -> Option<Ipv4Addr> {
    let table = std::fs::read_to_string("/proc/net/route").ok()?;
    port_map::gateway(&table)
}

/// Our address as the router sees it.
fn own_address(router: Ipv4Addr) -> io::Result<Ipv4Addr> {
    // Sends nothing: the kernel says by which address it would.
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect((router, crab_nat::GATEWAY_PORT))?;
    match socket.local_addr()?.ip() {
        IpAddr::V4(ip) => Ok(ip),
        IpAddr::V6(ip) => Err(io::Error::other(format!("{ip} is no IPv4 address"))),
    }
}
