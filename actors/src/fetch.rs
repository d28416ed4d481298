//! Fetching a file over HTTP as a whole: a description that is named by its URL.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::timeout;

use crate::trackers::http::Clients;

/// 60 s for a description from the first packet to the last byte, redirects included: somebody
/// waits, and a slow server gets through 16 MiB.
const PATIENCE: Duration = Duration::from_secs(60);

/// The body of what is at an `http://` or `https://` URL, of that many bytes at most. Leaves from
/// that address, unless it stands for all. Follows redirects as trackers do.
///
/// # Errors
/// Why not, in words that do not name the URL, which may hold a secret.
pub async fn fetch(url: &str, from: IpAddr, limit: usize) -> Result<Vec<u8>, String> {
    let clients = Clients::new(from);
    let answer = timeout(PATIENCE, clients.get(url, limit)).await;
    let answer = answer.map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))?;
    let (status, body) = answer.map_err(|failure| failure.to_string())?;
    match status.is_success() {
        true => Ok(body),
        false => Err(format!("it says HTTP {status}")),
    }
}
