//! Where a tracker is: a URL that was looked at.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::limits::{MAX_URL_LENGTH, MIN_SECRET};
use crate::text::quoted;

/// How a tracker is spoken to.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum Scheme {
    /// HTTP (BEP 3).
    Http,
    /// HTTP over TLS.
    Https,
    /// UDP (BEP 15).
    Udp,
}

/// The URL of a tracker: printable ASCII without blanks, at most [`MAX_URL_LENGTH`] bytes, with a
/// scheme that we speak and a host.
///
/// Its [`Display`](fmt::Display) shows scheme, host and port only: the rest often holds a secret,
/// the passkey by which a private tracker knows its user.
#[derive(Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct TrackerUrl {
    text: String,
    scheme: Scheme,
    host: String,
    port: u16,
}

/// A text that is not the URL of a tracker.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Longer than any tracker needs.
    #[error("a tracker's URL of {length} bytes; the limit is {MAX_URL_LENGTH}")]
    TooLong {
        /// The bytes that came.
        length: usize,
    },
    /// Blanks, control characters or letters beyond ASCII.
    #[error("'{0}' is not a tracker's URL: it has characters that must be percent-encoded")]
    Characters(String),
    /// Another protocol, or none.
    #[error("'{0}' is not a tracker's URL: it must start with http://, https:// or udp://")]
    Scheme(String),
    /// No host, or one that is none.
    #[error("'{0}' is not a tracker's URL: it has no host")]
    Host(String),
    /// A port that is none; UDP has no usual one.
    #[error("'{0}' is not a tracker's URL: it needs a port from 1 to 65535")]
    Port(String),
}

impl TrackerUrl {
    /// The URL as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A tracker's words, without the parts of this URL that may be a secret between us and it: a
    /// passkey stands in the path or in the query.
    #[must_use]
    pub fn conceal(&self, words: &str) -> String {
        let after_scheme = self.text.split_once("://").map_or("", |(_, rest)| rest);
        let secret = after_scheme
            .split_once(['/', '?'])
            .map_or("", |(_, rest)| rest);
        let parts = secret.split(['/', '?', '&', '=', '#']);
        let long = parts.filter(|part| part.len() >= MIN_SECRET && !part.starts_with("announce"));
        long.fold(words.to_owned(), |words, part| words.replace(part, "..."))
    }

    /// How it is spoken to.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host, a name or an address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, also where the URL names none.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for TrackerUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        if text.len() > MAX_URL_LENGTH {
            return Err(UrlError::TooLong { length: text.len() });
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UrlError::Characters(quoted(text)));
        }
        let (scheme, rest) = text
            .split_once("://")
            .and_then(|(scheme, rest)| Some((read_scheme(scheme)?, rest)))
            .ok_or_else(|| UrlError::Scheme(quoted(text)))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let authority = rest.get(..end).unwrap_or(rest);
        // A name and password before the host are not part of it.
        let (_, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let no_host = || UrlError::Host(quoted(text));
        let (host, port) = match place.strip_prefix('[') {
            Some(inner) => {
                let (host, after) = inner.split_once(']').ok_or_else(no_host)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| no_host())?;
                (host, after.strip_prefix(':'))
            }
            None => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        if host.is_empty() {
            return Err(no_host());
        }
        let no_port = || UrlError::Port(quoted(text));
        let port = match (port, scheme) {
            (Some(port), _) => port.parse().ok().filter(|port| *port > 0),
            (None, Scheme::Http) => Some(80),
            (None, Scheme::Https) => Some(443),
            (None, Scheme::Udp) => None,
        };
        Ok(Self {
            text: text.to_owned(),
            scheme,
            host: host.to_owned(),
            port: port.ok_or_else(no_port)?,
        })
    }
}

impl fmt::Display for TrackerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Udp => "udp",
        };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

/// The same as [`Display`](fmt::Display): a log must not have the secret either.
impl fmt::Debug for TrackerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn read_scheme(text: &str) -> Option<Scheme> {
    match text.to_ascii_lowercase().as_str() {
        "http" => Some(Scheme::Http),
        "https" => Some(Scheme::Https),
        "udp" => Some(Scheme::Udp),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<TrackerUrl, String> {
        text.parse().map_err(|error: UrlError| error.to_string())
    }

    #[test]
    fn what_may_be_a_passkey_is_hidden_in_the_trackers_words() {
        let url: TrackerUrl = "http://t.example/SECRETKEY12345/announce?uid=abcdef7"
            .parse()
            .unwrap();
        let words = "bad passkey SECRETKEY12345 of abcdef7 at t.example";
        assert_eq!(url.conceal(words), "bad passkey ... of ... at t.example");
        let plain: TrackerUrl = "udp://t.example:1".parse().unwrap();
        assert_eq!(plain.conceal(words), words);
    }

    #[test]
    fn host_and_port_are_found_and_the_passkey_is_not_shown() {
        for (text, shown) in [
            ("http://t.example/abc/announce?k=1", "http://t.example:80"),
            ("HTTPS://user:word@t.example/x", "https://t.example:443"),
            ("udp://127.0.0.9:6969", "udp://127.0.0.9:6969"),
            (" udp://[fd00::7]:80/announce ", "udp://[fd00::7]:80"),
            ("http://t:8080?x=a:b@c", "http://t:8080"),
        ] {
            let url = read(text).unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), shown);
            assert_eq!(url.as_str(), text.trim());
        }
    }

    #[test]
    fn what_is_not_a_tracker_is_refused_with_the_rule() {
        for (text, error) in [
            (
                "ftp://x/",
                "'ftp://x/' is not a tracker's URL: it must start with http://, https:// or udp://",
            ),
            (
                "t.example",
                "'t.example' is not a tracker's URL: it must start with http://, https:// or udp://",
            ),
            (
                "http:///a",
                "'http:///a' is not a tracker's URL: it has no host",
            ),
            (
                "udp://[::1",
                "'udp://[::1' is not a tracker's URL: it has no host",
            ),
            (
                "udp://t/announce",
                "'udp://t/announce' is not a tracker's URL: it needs a port from 1 to 65535",
            ),
            (
                "http://t:0/",
                "'http://t:0/' is not a tracker's URL: it needs a port from 1 to 65535",
            ),
            (
                "http://t/a b",
                "'http://t/a b' is not a tracker's URL: it has characters that must be percent-encoded",
            ),
        ] {
            assert_eq!(read(text), Err(error.to_owned()));
        }
        let long = format!("http://t/{}", "x".repeat(MAX_URL_LENGTH));
        assert_eq!(
            read(&long),
            Err("a tracker's URL of 2057 bytes; the limit is 2048".to_owned())
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_is_taken_has_a_host(text in "(http|udp)?(://)?\\PC{0,30}") {
            if let Ok(url) = text.parse::<TrackerUrl>() {
                prop_assert!(!url.host().is_empty() && url.port() > 0);
                prop_assert!(url.as_str().is_ascii());
            }
        }
    }
}
