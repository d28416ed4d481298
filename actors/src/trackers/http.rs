//! HTTP trackers: requests with an end in time, bytes and redirects.
//!
//! The clients are built when the first request needs them: a node without trackers loads no CA
//! certificates, and one with `http://` trackers neither. Environment variables that name a proxy
//! are not followed: the tracker must see where we listen.

use std::cell::OnceCell;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use swarmlet_protocol::tracker::{Answer, AskError, http};
use tokio::time::timeout;

use super::ask::AskFailure;
use crate::http::{AGENT, HAS_TLS, NO_TLS, cause, no_client, redirect, without_certificates};
use crate::workers::spawn_blocking;

/// 20 s for an announce from the first packet to the last byte, redirects included: trackers are
/// slow, and nothing waits for them but the next tracker.
const PATIENCE: Duration = Duration::from_secs(20);

/// 10 s until a host must have accepted the connection.
const CONNECT: Duration = Duration::from_secs(10);

/// 1 MiB: an answer with 200 peers has some 16 KiB as dictionaries.
const MAX_BODY: usize = 1024 * 1024;

/// 5 redirects, as clients usually follow.
const MAX_REDIRECTS: usize = 5;

/// The HTTP clients of a node.
#[derive(Debug)]
pub(crate) struct Clients {
    from: IpAddr,
    /// Without CA certificates, for `http://`.
    plain: OnceCell<Client>,
    /// With those of the system, for `https://`.
    secure: OnceCell<Client>,
}

impl Clients {
    /// No client yet.
    pub(crate) const fn new(from: IpAddr) -> Self {
        Self {
            from,
            plain: OnceCell::new(),
            secure: OnceCell::new(),
        }
    }

    /// Gets the URL of an announce, and reads the answer.
    pub(super) async fn announce(&self, url: &str) -> Result<Answer, AskFailure> {
        let (status, body) = timeout(PATIENCE, self.get(url, MAX_BODY))
            .await
            .map_err(|_| AskFailure::new(format!("no answer within {} s", PATIENCE.as_secs())))??;
        let answer = http::answer(&body);
        match answer {
            // Whatever the status, a refusal in a tracker's words says more.
            Err(AskError::Refused(_)) => answer.map_err(AskFailure::from),
            _ if !status.is_success() => Err(AskFailure::new(format!("it says HTTP {status}"))),
            _ => answer.map_err(AskFailure::from),
        }
    }

    /// Gets what is at a URL, of that many bytes at most; follows redirects.
    pub(crate) async fn get(
        &self,
        url: &str,
        limit: usize,
    ) -> Result<(reqwest::StatusCode, Vec<u8>), AskFailure> {
        let mut url = Url::parse(url).map_err(|error| AskFailure::new(error.to_string()))?;
        for _ in 0..=MAX_REDIRECTS {
            let client = self.client(&url).await?;
            let response = client.get(url.clone()).send().await.map_err(failure)?;
            match redirect(&response) {
                Some(next) => url = next.map_err(AskFailure::new)?,
                None => return Ok((response.status(), read(response, limit).await?)),
            }
        }
        Err(AskFailure::new(format!(
            "it redirects more than {MAX_REDIRECTS} times"
        )))
    }

    /// The client for that URL, built if it is the first.
    async fn client(&self, url: &Url) -> Result<&Client, AskFailure> {
        let is_secure = url.scheme() == "https";
        if is_secure && !HAS_TLS {
            return Err(AskFailure::new(NO_TLS));
        }
        let cell = if is_secure { &self.secure } else { &self.plain };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let from = self.from;
        // Reads the system's certificates from the disk.
        let built = spawn_blocking(move || build(from, is_secure)).await;
        let client = built
            .map_err(|error| AskFailure::new(error.to_string()))?
            .map_err(|error| AskFailure::new(no_client(&error, is_secure)))?;
        Ok(cell.get_or_init(|| client))
    }
}

fn build(from: IpAddr, is_secure: bool) -> reqwest::Result<Client> {
    let mut builder = Client::builder()
        .user_agent(AGENT)
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        // The next announce is half an hour away.
        .pool_max_idle_per_host(0)
        .no_proxy();
    if !from.is_unspecified() {
        builder = builder.local_address(from);
    }
    if !is_secure {
        builder = without_certificates(builder);
    }
    builder.build()
}

/// The body, if it is not too long.
async fn read(mut response: Response, limit: usize) -> Result<Vec<u8>, AskFailure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        if body.len() + chunk.len() > limit {
            return Err(AskFailure::new(format!(
                "its answer has more than {limit} bytes"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn failure(error: reqwest::Error) -> AskFailure {
    AskFailure::new(cause(&error.without_url()))
}
