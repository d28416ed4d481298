//! HTTP clients of web seeds: kept connections, redirects followed by hand, and no way for a stranger's
//! URL to addresses where it must not lead (`swarmlet_protocol::web_seed::may_follow`).
//!
//! Like those for trackers they are built when the first request needs them, and follow no proxy that
//! the environment names.

use std::cell::OnceCell;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT_ENCODING, RANGE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use swarmlet_protocol::web_seed::{CONNECTIONS, MAX_HOPS, is_local, may_follow};
use tokio::time::timeout;

use crate::http::{AGENT, HAS_TLS, NO_TLS, cause, no_client, redirect, without_certificates};
use crate::workers::spawn_blocking;

/// 10 s until a server must have accepted the connection.
const CONNECT: Duration = Duration::from_secs(10);

/// 30 s: when nothing came for so long, a request is lost. However long a whole answer takes.
pub(super) const STALL: Duration = Duration::from_secs(30);

/// 15 s: a connection that nothing is asked on is closed then. The next pieces may be asked for
/// sooner; an idle node has none open.
const IDLE: Duration = Duration::from_secs(15);

/// The clients of a node, for all its contents.
#[derive(Debug)]
pub struct Clients {
    from: IpAddr,
    /// Without CA certificates and with those of the system, each for any address and for those of
    /// the internet only.
    cells: [OnceCell<Client>; 4],
}

/// What to ask for.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) url: String,
    pub(super) range: Range<u64>,
    /// The operator named it, not a stranger.
    pub(super) trusted: bool,
}

impl Clients {
    /// No client yet. Requests leave from that address, if it is one.
    #[must_use]
    pub fn new(from: IpAddr) -> Self {
        Self {
            from,
            cells: Default::default(),
        }
    }

    /// Asks, and gives the answer that is no redirect; or says in words why there is none.
    pub(super) async fn ask(&self, request: &Request) -> Result<Response, String> {
        let mut url = Url::parse(&request.url).map_err(|error| error.to_string())?;
        let has_query = url.query().is_some();
        let mut first = None;
        for _ in 0..=MAX_HOPS {
            let anywhere = may_follow(request.trusted, has_query, first);
            if !anywhere && literal(&url).is_some_and(is_local) {
                return Err(FORBIDDEN.to_owned());
            }
            let client = self.client(&url, anywhere).await?;
            let Range { start, end } = request.range;
            let asked = client
                .get(url.clone())
                .header(RANGE, format!("bytes={start}-{}", end.saturating_sub(1)))
                .header(ACCEPT_ENCODING, "identity");
            let response = in_time(asked.send()).await?;
            first = first.or_else(|| Some(response.remote_addr().map(|address| address.ip())));
            match redirect(&response) {
                Some(next) => url = next?,
                None => return Ok(response),
            }
        }
        Err(format!("it redirects more than {MAX_HOPS} times"))
    }

    /// The client for that URL, built if it is the first.
    async fn client(&self, url: &Url, anywhere: bool) -> Result<&Client, String> {
        let is_secure = url.scheme() == "https";
        if is_secure && !HAS_TLS {
            return Err(NO_TLS.to_owned());
        }
        let [plain, plain_public, secure, secure_public] = &self.cells;
        let cell = match (is_secure, anywhere) {
            (false, true) => plain,
            (false, false) => plain_public,
            (true, true) => secure,
            (true, false) => secure_public,
        };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let from = self.from;
        // Reads the system's certificates from the disk.
        let built = spawn_blocking(move || build(from, is_secure, anywhere)).await;
        let client = built
            .map_err(|error| error.to_string())?
            .map_err(|error| no_client(&error, is_secure))?;
        Ok(cell.get_or_init(|| client))
    }
}

/// Waits for something of a request, as long as it may take.
pub(super) async fn in_time<T>(
    something: impl Future<Output = reqwest::Result<T>>,
) -> Result<T, String> {
    match timeout(STALL, something).await {
        Ok(Ok(something)) => Ok(something),
        Ok(Err(error)) => Err(cause(&error.without_url())),
        Err(_) => Err(format!("nothing came for {} s", STALL.as_secs())),
    }
}

const FORBIDDEN: &str = "it leads to a local address, which only the operator may name";

fn build(from: IpAddr, is_secure: bool, anywhere: bool) -> reqwest::Result<Client> {
    let mut builder = Client::builder()
        .user_agent(AGENT)
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(CONNECTIONS)
        .pool_idle_timeout(IDLE)
        .no_proxy();
    if !from.is_unspecified() {
        builder = builder.local_address(from);
    }
    if !is_secure {
        builder = without_certificates(builder);
    }
    if !anywhere {
        builder = builder.dns_resolver(Arc::new(PublicOnly));
    }
    builder.build()
}

/// The address that stands in a URL in place of a name.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_matches(['[', ']']).parse().ok()
}

/// Resolves names, and passes over what is local.
#[derive(Debug)]
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|it| !is_local(it.ip())).collect();
            if public.is_empty() {
                return Err(io::Error::other(FORBIDDEN).into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}
