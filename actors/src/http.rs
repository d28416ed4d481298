//! What our HTTP requests have in common: who we are, where a redirect leads, and errors in words.

use std::error::Error as _;
use std::io;

use reqwest::header::LOCATION;
use reqwest::{ClientBuilder, Response, Url};

use crate::reason::reason;

/// Who we are to HTTP servers.
pub(crate) const AGENT: &str = concat!("swarmlet/", env!("CARGO_PKG_VERSION"));

/// Can `https://` be spoken in this program?
pub(crate) const HAS_TLS: bool = cfg!(feature = "tls");

/// What is said where it cannot.
pub(crate) const NO_TLS: &str =
    "this program was built without https: build it with the feature 'tls', or name an http:// URL";

/// A client that speaks no `https://` needs no certificates, and reads none from the disk.
pub(crate) fn without_certificates(builder: ClientBuilder) -> ClientBuilder {
    #[cfg(feature = "tls")]
    return builder.tls_certs_only([]);
    #[cfg(not(feature = "tls"))]
    builder
}

/// Where the response sends us, if it does; or why that is no place to go.
pub(crate) fn redirect(response: &Response) -> Option<Result<Url, &'static str>> {
    if !response.status().is_redirection() {
        return None;
    }
    let place = response.headers().get(LOCATION)?;
    let next = place
        .to_str()
        .ok()
        .and_then(|place| response.url().join(place).ok())
        .filter(|url| matches!(url.scheme(), "http" | "https"));
    Some(next.ok_or("it redirects to something that is not HTTP"))
}

/// The innermost cause, in the system's words if it is the system's. Never the URL, which may hold
/// a secret.
#[must_use]
pub fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &(dyn std::error::Error + 'static) = match error.source() {
        None => return error.to_string(),
        Some(source) => source,
    };
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost
        .downcast_ref::<io::Error>()
        .map_or_else(|| innermost.to_string(), reason)
}

/// Why there is no client. A machine without CA certificates, such as a minimal container, cannot
/// check a server.
pub(crate) fn no_client(error: &reqwest::Error, is_secure: bool) -> String {
    let why = cause(error);
    if is_secure && why.contains("CA certificates") {
        return "this machine has no CA certificates, which https needs; install the package \
                ca-certificates, or name a bundle in SSL_CERT_FILE"
            .to_owned();
    }
    why
}
