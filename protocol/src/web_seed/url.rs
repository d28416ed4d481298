//! Where a web seed is, and the URLs of its files.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use thiserror::Error;

use super::limits::MAX_WEB_SEEDS;
use crate::metainfo::Info;
use crate::text::{percent_encode, quoted};
use crate::tracker::{MAX_URL_LENGTH, Scheme, TrackerUrl, UrlError};

/// The URL of a web seed: `http` or `https`, at most [`MAX_URL_LENGTH`] bytes, without a fragment.
/// Blanks and letters beyond ASCII, which stand in many `.torrent` files, are percent-encoded on
/// reading.
///
/// Its [`Display`](fmt::Display) hides a name and password and what the query says: they may be a
/// secret.
#[derive(Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct SourceUrl {
    text: String,
    host: String,
}

/// A text that is not the URL of a web seed that we can ask.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum SourceUrlError {
    /// Longer than any server needs.
    #[error("a source's URL of {length} bytes; the limit is {MAX_URL_LENGTH}")]
    TooLong {
        /// The bytes that came, blanks and the like encoded.
        length: usize,
    },
    /// Control characters.
    #[error("'{0}' is not a source's URL: it has control characters")]
    Characters(String),
    /// Another protocol, or none.
    #[error("'{0}' is not a source's URL: it must start with http:// or https://")]
    Scheme(String),
    /// No host, or one that is none.
    #[error("'{0}' is not a source's URL: it has no host")]
    Host(String),
    /// A port that is none.
    #[error("'{0}' is not a source's URL: its port must be a number from 1 to 65535")]
    Port(String),
}

impl SourceUrl {
    /// The URL, fit to be asked for.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host, a name or an address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Does it ask a question (`?...`)?
    #[must_use]
    pub fn has_query(&self) -> bool {
        self.text.contains('?')
    }
}

impl FromStr for SourceUrl {
    type Err = SourceUrlError;

    fn from_str(text: &str) -> Result<Self, SourceUrlError> {
        let text = text.trim();
        let whole = text.split('#').next().unwrap_or(text);
        if whole.contains(char::is_control) {
            return Err(SourceUrlError::Characters(quoted(text)));
        }
        let mut plain = String::with_capacity(whole.len());
        for byte in whole.bytes() {
            match byte.is_ascii_graphic() {
                true => plain.push(byte as char),
                // Writing to a string cannot fail.
                false => drop(write!(plain, "%{byte:02X}")),
            }
        }
        let shown = || quoted(text);
        // The rules for a host and a port are those of a tracker's URL.
        let checked: TrackerUrl = plain.parse().map_err(|error| match error {
            UrlError::TooLong { length } => SourceUrlError::TooLong { length },
            UrlError::Characters(_) => SourceUrlError::Characters(shown()),
            UrlError::Scheme(_) => SourceUrlError::Scheme(shown()),
            UrlError::Host(_) => SourceUrlError::Host(shown()),
            UrlError::Port(_) => SourceUrlError::Port(shown()),
        })?;
        if checked.scheme() == Scheme::Udp {
            return Err(SourceUrlError::Scheme(shown()));
        }
        Ok(Self {
            text: plain,
            host: checked.host().to_owned(),
        })
    }
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.text.split_once("://").unwrap_or(("http", &self.text));
        let (rest, query) = match rest.split_once('?') {
            Some((rest, _)) => (rest, "?..."),
            None => (rest, ""),
        };
        let end = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let place = authority.rsplit('@').next().unwrap_or(authority);
        write!(f, "{scheme}://{place}{path}{query}")
    }
}

/// The same as [`Display`](fmt::Display): a log must not have the secret either.
impl fmt::Debug for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The URL of a file of the content (BEP 19): of a single file the seed's own, with the file's name
/// after it if it ends in a slash; of a folder always with the content's name and the file's path
/// after it. A query stays at the end.
#[must_use]
pub fn file_url(seed: &SourceUrl, info: &Info, file: usize) -> Option<String> {
    let entry = info.files().get(file)?;
    let (place, query) = match seed.text.find('?') {
        Some(at) => seed.text.split_at(at),
        None => (seed.text.as_str(), ""),
    };
    let mut url = place.to_owned();
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let names: Vec<&str> = if info.is_folder() {
        [info.name()]
            .into_iter()
            .chain(entry.path.split('/'))
            .collect()
    } else if url.ends_with('/') {
        vec![info.name()]
    } else {
        // A host alone is the folder at its root.
        match url.get(after_scheme..)?.contains('/') {
            true => Vec::new(),
            false => vec![info.name()],
        }
    };
    for name in names {
        if !url.ends_with('/') {
            url.push('/');
        }
        // Writing to a string cannot fail.
        let _ = percent_encode(&mut url, name.as_bytes());
    }
    Some(url + query)
}

/// Web seeds as they stand in a `.torrent` or a magnet link, as far as they can be asked: each once,
/// [`MAX_WEB_SEEDS`] at most.
#[must_use]
pub fn usable_sources<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Vec<SourceUrl> {
    let mut found: Vec<SourceUrl> = Vec::new();
    for text in texts {
        if found.len() == MAX_WEB_SEEDS {
            break;
        }
        if let Ok(url) = text.as_ref().parse()
            && !found.contains(&url)
        {
            found.push(url);
        }
    }
    found
}
