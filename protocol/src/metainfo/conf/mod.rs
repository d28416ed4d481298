//! torrent.conf: the JSON that says what a node is to keep, and whom it may ask.
//!
//! Read by hand from a JSON tree rather than by derive, so that every message names the field, the
//! value and the rule. Invariant: equal `FileInfo`s give equal infohashes, whatever else is in the
//! files.

use std::collections::HashSet;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};
use thiserror::Error;

use super::info::{Info, InfoError};
use crate::address::{ParseAddressError, PeerAddress};
use crate::id::PieceHash;
use crate::layout::{LayoutError, MAX_PIECE_LENGTH, MAX_PIECES};
use crate::text::quoted;
use crate::tracker::{TrackerUrl, UrlError};
use crate::web_seed::{MAX_WEB_SEEDS, SourceUrl, SourceUrlError};

/// The name in the info dictionary that a torrent.conf stands for. It is the same on every node,
/// wherever the node keeps its file; else the nodes would meet in different swarms.
pub const CONTENT_NAME: &str = "data.bin";

/// 64 MiB: [`MAX_PIECES`] hashes as JSON with room to spare.
pub const MAX_CONF_LENGTH: usize = 64 * 1024 * 1024;

/// 128 MiB: what the values of a config may take when they are read, beside their text. A million peers and
/// the hashes of the largest content take 115; without a limit a file of empty objects would take
/// gigabytes.
pub const MAX_CONF_WEIGHT: usize = 128 * 1024 * 1024;

/// What a torrent.conf says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TorrentConf {
    /// Whom the node may ask, in the order of the file, each once.
    pub peers: Vec<PeerAddress>,
    /// Trackers to ask, in the order of the file, each once.
    pub trackers: Vec<TrackerUrl>,
    /// HTTP servers to ask for what no peer has (BEP 19), in the order of the file, each once.
    pub sources: Vec<SourceUrl>,
    /// What it is to keep; `None` if the config does not say, and it has to be learned.
    pub info: Option<Info>,
    /// Fields that are none, in the file's objects; they are ignored, but may be misspelt ones. At
    /// most [`MAX_UNKNOWN`]; never written.
    pub unknown: Vec<UnknownField>,
}

/// 16: unknown fields that are reported; more say that the file is no torrent.conf at all.
pub const MAX_UNKNOWN: usize = 16;

/// A field that a torrent.conf does not have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnknownField {
    /// Its name with its parents, fit to be printed.
    pub name: String,
    /// The field that was meant, if they differ in nothing but capital letters.
    pub meant: Option<&'static str>,
}

impl fmt::Display for UnknownField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown field '{}' is ignored", self.name)?;
        match self.meant {
            Some(meant) => write!(f, "; did you mean {meant}?"),
            None => Ok(()),
        }
    }
}

/// A torrent.conf that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum ConfError {
    /// More bytes than any config needs.
    #[error("{length} bytes of config; the limit is {MAX_CONF_LENGTH}")]
    TooLong {
        /// The bytes that came.
        length: usize,
    },
    /// Many small values take many times the memory of their text.
    #[error(
        "the values of the config take {weight} bytes when they are read; the limit is {MAX_CONF_WEIGHT}"
    )]
    TooHeavy {
        /// What they would take.
        weight: usize,
    },
    /// Not JSON.
    #[error("not JSON: line {line}, column {column}: {what}")]
    NotJson {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// What is wrong there.
        what: String,
    },
    /// A value of another kind than its field, or out of its range.
    #[error("{field} must be {rule}, not {found}")]
    Value {
        /// The field, with its parents and its index.
        field: String,
        /// What it must be.
        rule: &'static str,
        /// What it is.
        found: String,
    },
    /// A field that the others need is not there.
    #[error("{field} is missing, but FileInfo has other fields")]
    Missing {
        /// The field, with its parents.
        field: &'static str,
    },
    /// An address that is none.
    #[error("Peers[{index}]: {error}")]
    Peer {
        /// Which entry of the list, counted from 0.
        index: usize,
        /// What is wrong with it.
        error: ParseAddressError,
    },
    /// A tracker's URL that is none.
    #[error("Trackers[{index}]: {error}")]
    Tracker {
        /// Which entry of the list, counted from 0.
        index: usize,
        /// What is wrong with it.
        error: UrlError,
    },
    /// A source's URL that is none.
    #[error("Sources[{index}]: {error}")]
    Source {
        /// Which entry of the list, counted from 0.
        index: usize,
        /// What is wrong with it.
        error: SourceUrlError,
    },
    /// More sources than are asked.
    #[error("Sources has {0} URLs; the limit is {MAX_WEB_SEEDS}")]
    TooManySources(usize),
    /// A hash that is none.
    #[error("FileInfo.Parts[{index}] is '{text}'; it must be a SHA-1 hash of 40 hex digits")]
    Hash {
        /// Which entry of the list, counted from 0.
        index: usize,
        /// What stands there, fit to be printed.
        text: String,
    },
    /// Parts of nothing.
    #[error("FileInfo.PartSize is 0; it must be at least 1")]
    PartSizeZero,
    /// A part that is longer than we hold.
    #[error("FileInfo.PartSize is {0}; the limit is {MAX_PIECE_LENGTH}")]
    PartTooLong(u64),
    /// More parts than we keep account of.
    #[error(
        "FileInfo.Size {size} in parts of {part_size} makes {parts} parts; the limit is {MAX_PIECES}: use a larger PartSize"
    )]
    TooManyParts {
        /// Bytes of the file.
        size: u64,
        /// Bytes of a part.
        part_size: u64,
        /// How many parts that makes.
        parts: u64,
    },
    /// Too many or too few hashes.
    #[error(
        "FileInfo.Parts has {actual} {}, but {size} bytes in parts of {part_size} make {expected}",
        if *.actual == 1 { "hash" } else { "hashes" }
    )]
    HashCount {
        /// How many hashes there are.
        actual: usize,
        /// How many it takes.
        expected: u32,
        /// Bytes of the file.
        size: u64,
        /// Bytes of a part.
        part_size: u32,
    },
    /// Values that describe no content for another reason.
    #[error("FileInfo: {0}")]
    Info(InfoError),
}

/// The file's shape on writing; the names are those of the format.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shape {
    peers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trackers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sources: Vec<String>,
    file_info: Option<FileInfoShape>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct FileInfoShape {
    size: u64,
    part_size: u32,
    parts: Vec<String>,
}

impl TorrentConf {
    /// A config for this content and these peers. It names the same swarm only if the content is
    /// described as [`Info::single_file`] does it, with the name [`CONTENT_NAME`].
    #[must_use]
    pub fn from_info(info: &Info, peers: Vec<PeerAddress>) -> Self {
        Self {
            peers,
            trackers: Vec::new(),
            sources: Vec::new(),
            info: Some(info.clone()),
            unknown: Vec::new(),
        }
    }

    /// Reads a torrent.conf. No bytes, and only white space, are the empty config.
    ///
    /// # Errors
    /// One line each: the field, the value and the rule.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfError> {
        if bytes.len() > MAX_CONF_LENGTH {
            return Err(ConfError::TooLong {
                length: bytes.len(),
            });
        }
        // Some editors put a byte order mark first.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if bytes.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let weight = weight(bytes);
        if weight > MAX_CONF_WEIGHT {
            return Err(ConfError::TooHeavy { weight });
        }
        let value: Value = serde_json::from_slice(bytes).map_err(|error| not_json(&error))?;
        let Value::Object(fields) = value else {
            return Err(wrong("the config", "an object", &value));
        };
        let mut unknown =
            unknown_fields("", &fields, &["Peers", "Trackers", "Sources", "FileInfo"]);
        if let Some(Value::Object(fields)) = fields.get("FileInfo") {
            let known = ["Size", "PartSize", "Parts"];
            unknown.extend(unknown_fields("FileInfo.", fields, &known));
        }
        unknown.truncate(MAX_UNKNOWN);
        Ok(Self {
            unknown,
            peers: read_peers(given(&fields, "Peers"))?,
            trackers: read_trackers(given(&fields, "Trackers"))?,
            sources: read_sources(given(&fields, "Sources"))?,
            info: match given(&fields, "FileInfo") {
                None => None,
                Some(Value::Object(fields)) => read_file_info(fields)?,
                Some(other) => return Err(wrong("FileInfo", "an object", other)),
            },
        })
    }

    /// The config as JSON, with a line break at its end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let file_info = self.info.as_ref().map(|info| FileInfoShape {
            size: info.layout().size(),
            part_size: info.layout().piece_length(),
            parts: info.hashes().map(|hash| hash.to_string()).collect(),
        });
        let shape = Shape {
            peers: self
                .peers
                .iter()
                .map(PeerAddress::to_short_string)
                .collect(),
            trackers: self
                .trackers
                .iter()
                .map(|url| url.as_str().to_owned())
                .collect(),
            sources: self
                .sources
                .iter()
                .map(|url| url.as_str().to_owned())
                .collect(),
            file_info,
        };
        // Strings and numbers in vectors and structs: there is nothing that could not be written.
        let mut json = serde_json::to_string_pretty(&shape).unwrap_or_default();
        json.push('\n');
        json
    }
}

/// The fields of an object that are not among those that it may have.
/// What the values of a JSON text take in memory at most, by what separates them.
fn weight(text: &[u8]) -> usize {
    let (mut weight, mut in_text, mut escaped) = (0, false, false);
    for &byte in text {
        if in_text {
            in_text = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        weight += match byte {
            // A value in a list, which may have grown to twice of what it holds.
            b',' => 64,
            b'[' => 128,
            // The first fields of an object come with room for more.
            b'{' => 768,
            _ => 0,
        };
        in_text = byte == b'"';
    }
    weight
}

fn unknown_fields(
    parent: &str,
    fields: &Map<String, Value>,
    known: &[&'static str],
) -> Vec<UnknownField> {
    let names = fields.keys().filter(|name| !known.contains(&name.as_str()));
    names
        .take(MAX_UNKNOWN)
        .map(|name| UnknownField {
            name: format!("{parent}{}", quoted(name)),
            meant: known
                .iter()
                .copied()
                .find(|known| known.eq_ignore_ascii_case(name)),
        })
        .collect()
}

/// A field's value, if it is there and not null.
fn given<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.get(name).filter(|value| !value.is_null())
}

/// A list's entries; none if it is absent or null.
fn entries<'a>(
    value: Option<&'a Value>,
    field: &str,
    rule: &'static str,
) -> Result<&'a [Value], ConfError> {
    match value {
        None => Ok(&[]),
        Some(Value::Array(entries)) => Ok(entries),
        Some(other) => Err(wrong(field, rule, other)),
    }
}

fn read_peers(value: Option<&Value>) -> Result<Vec<PeerAddress>, ConfError> {
    let mut seen = HashSet::new();
    let mut peers = Vec::new();
    for (index, entry) in entries(value, "Peers", "a list of addresses")?
        .iter()
        .enumerate()
    {
        let Value::String(text) = entry else {
            return Err(wrong(
                &format!("Peers[{index}]"),
                "an address in quotes",
                entry,
            ));
        };
        let peer: PeerAddress = text
            .parse()
            .map_err(|error| ConfError::Peer { index, error })?;
        if seen.insert(peer.clone()) {
            peers.push(peer);
        }
    }
    Ok(peers)
}

fn read_trackers(value: Option<&Value>) -> Result<Vec<TrackerUrl>, ConfError> {
    let mut seen = HashSet::new();
    let mut trackers = Vec::new();
    for (index, entry) in entries(value, "Trackers", "a list of URLs")?
        .iter()
        .enumerate()
    {
        let Value::String(text) = entry else {
            let field = format!("Trackers[{index}]");
            return Err(wrong(&field, "a URL in quotes", entry));
        };
        let tracker: TrackerUrl = text
            .parse()
            .map_err(|error| ConfError::Tracker { index, error })?;
        if seen.insert(tracker.clone()) {
            trackers.push(tracker);
        }
    }
    Ok(trackers)
}

fn read_sources(value: Option<&Value>) -> Result<Vec<SourceUrl>, ConfError> {
    let mut seen = HashSet::new();
    let mut sources = Vec::new();
    for (index, entry) in entries(value, "Sources", "a list of URLs")?
        .iter()
        .enumerate()
    {
        let Value::String(text) = entry else {
            let field = format!("Sources[{index}]");
            return Err(wrong(&field, "a URL in quotes", entry));
        };
        let source: SourceUrl = text
            .parse()
            .map_err(|error| ConfError::Source { index, error })?;
        if seen.insert(source.clone()) {
            sources.push(source);
        }
    }
    match sources.len() {
        ..=MAX_WEB_SEEDS => Ok(sources),
        more => Err(ConfError::TooManySources(more)),
    }
}

fn read_file_info(fields: &Map<String, Value>) -> Result<Option<Info>, ConfError> {
    let size = natural(fields, "Size", "FileInfo.Size")?;
    let part_size = natural(fields, "PartSize", "FileInfo.PartSize")?;
    let parts = entries(given(fields, "Parts"), "FileInfo.Parts", "a list of hashes")?;
    if size.unwrap_or(0) == 0 && part_size.unwrap_or(0) == 0 && parts.is_empty() {
        return Ok(None);
    }
    // A file of no bytes has to say so: that a field was forgotten must not empty the file.
    let missing = |field| ConfError::Missing { field };
    let size = size.ok_or_else(|| missing("FileInfo.Size"))?;
    let part_size = part_size.ok_or_else(|| missing("FileInfo.PartSize"))?;
    let hashes = parts
        .iter()
        .enumerate()
        .map(|(index, part)| read_hash(index, part));
    let hashes: Vec<_> = hashes.collect::<Result<_, _>>()?;
    Info::single_file(CONTENT_NAME, size, part_size, &hashes)
        .map(Some)
        .map_err(|error| in_our_words(error, size, part_size))
}

fn natural(fields: &Map<String, Value>, name: &str, field: &str) -> Result<Option<u64>, ConfError> {
    let Some(value) = given(fields, name) else {
        return Ok(None);
    };
    let number = value
        .as_u64()
        .filter(|&number| i64::try_from(number).is_ok());
    let rule = "a whole number from 0 to 9223372036854775807";
    number.map_or_else(|| Err(wrong(field, rule, value)), |number| Ok(Some(number)))
}

fn read_hash(index: usize, part: &Value) -> Result<PieceHash, ConfError> {
    let Value::String(text) = part else {
        let field = format!("FileInfo.Parts[{index}]");
        return Err(wrong(
            &field,
            "a SHA-1 hash of 40 hex digits in quotes",
            part,
        ));
    };
    text.parse().map_err(|_| ConfError::Hash {
        index,
        text: quoted(text),
    })
}

/// What is wrong with the sizes, in the names that stand in the file.
fn in_our_words(error: InfoError, size: u64, part_size: u64) -> ConfError {
    match error {
        InfoError::Layout(LayoutError::PieceLengthZero) => ConfError::PartSizeZero,
        InfoError::Layout(LayoutError::PieceTooLong(length)) => ConfError::PartTooLong(length),
        InfoError::Layout(LayoutError::TooManyPieces(parts)) => ConfError::TooManyParts {
            size,
            part_size,
            parts,
        },
        InfoError::HashCount {
            actual,
            expected,
            size,
            piece_length,
        } => ConfError::HashCount {
            actual,
            expected,
            size,
            part_size: piece_length,
        },
        other => ConfError::Info(other),
    }
}

fn wrong(field: &str, rule: &'static str, value: &Value) -> ConfError {
    let found = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("'{}'", quoted(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    };
    ConfError::Value {
        field: field.to_owned(),
        rule,
        found,
    }
}

fn not_json(error: &serde_json::Error) -> ConfError {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text);
    ConfError::NotJson {
        line: error.line(),
        column: error.column(),
        what: what.to_owned(),
    }
}

#[cfg(test)]
mod tests;
