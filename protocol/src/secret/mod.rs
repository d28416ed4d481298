//! The fleet secret: who knows it belongs to the fleet.
//!
//! Read from its file as one line, or as two while it is being changed, and turned into keys at once:
//! the text itself is not kept. From the keys follow the certificates of links (made by the host),
//! what a dialer shows before it is answered ([`proof`], in what [`hello`] reads), the beacons of the
//! local network ([`beacon`]), and the names under which trackers are asked ([`FleetSecret::topic`]).
//!
//! Invariant: nothing here prints a secret or a key, and keys are wiped when they are dropped.

pub mod beacon;
pub mod hello;
pub mod proof;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::id::{DIGEST_LENGTH, InfoHash};

/// 32 characters at least: 128 bits where they are hexadecimal digits by chance, which nobody guesses
/// who tests guesses against what he has recorded.
pub const MIN_SECRET: usize = 32;

/// 1,024 bytes in a secret at most: a larger file is not one.
pub const MAX_SECRET: usize = 1_024;

/// 8 different characters at least: 32 random hexadecimal digits have fewer once in twenty million files,
/// `xxxxxxxx` and `00000000` always do.
pub const MIN_VARIETY: usize = 8;

/// 2 secrets are accepted at once: that of before and that of after.
pub const MAX_SECRETS: usize = 2;

/// 4 KiB: the longest file with secrets that is read.
pub const MAX_SECRET_FILE: usize = 4 * 1_024;

/// What every key is derived with, beside its own label.
const SALT: &[u8] = b"swarmlet fleet secret 1";

/// One secret of a fleet, as the keys that follow from it.
#[derive(Clone)]
pub struct FleetSecret(Arc<Keys>);

struct Keys {
    authority: Zeroizing<[u8; 32]>,
    hello: Zeroizing<[u8; 32]>,
    beacon: Zeroizing<[u8; 32]>,
    topic: Zeroizing<[u8; 32]>,
    id: SecretId,
}

/// Tells secrets apart without telling them. It travels within encrypted handshakes only.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct SecretId([u8; 8]);

/// The secrets that are accepted: one, or two while it is being changed. The first is the one that is
/// preferred.
#[derive(Clone, Debug)]
pub struct Secrets {
    first: FleetSecret,
    second: Option<FleetSecret>,
}

/// A file that holds no secrets that can be used. Its text never names what stands there.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum SecretError {
    /// No line with anything on it.
    #[error("holds no secret: `openssl rand -base64 32` makes one")]
    Empty,
    /// A file that is too long.
    #[error("holds {length} bytes; the limit is {MAX_SECRET_FILE}: one secret stands on one line")]
    FileTooLong {
        /// How long it is.
        length: usize,
    },
    /// More secrets than are accepted at once.
    #[error(
        "holds {count} secrets, each on its line; the limit is {MAX_SECRETS}: the one to come and the one that goes"
    )]
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// A secret that can be guessed.
    #[error(
        "line {line} has {length} character{}; a secret has {MIN_SECRET} at least: `openssl rand -base64 32` makes one",
        if *length == 1 { "" } else { "s" }
    )]
    TooShort {
        /// Its line, the first being 1.
        line: usize,
        /// How long it is.
        length: usize,
    },
    /// A secret that is too long.
    #[error("line {line} has {length} bytes; a secret has {MAX_SECRET} at most")]
    TooLong {
        /// Its line.
        line: usize,
        /// How long it is.
        length: usize,
    },
    /// A secret that nobody made by chance.
    #[error(
        "line {line} has only {variety} different characters: `openssl rand -base64 32` makes a secret"
    )]
    TooSimple {
        /// Its line.
        line: usize,
        /// How many different ones it has.
        variety: usize,
    },
    /// Bytes that nobody typed.
    #[error(
        "line {line} is not one line of printable text: `openssl rand -base64 32` makes a secret"
    )]
    NotText {
        /// Its line.
        line: usize,
    },
}

impl FleetSecret {
    /// The keys of a secret. White space around it does not matter.
    ///
    /// # Errors
    /// It can be guessed, or is no line of text.
    pub fn new(text: &str) -> Result<Self, SecretError> {
        Self::on_line(1, text)
    }

    fn on_line(line: usize, text: &str) -> Result<Self, SecretError> {
        let text = text.trim();
        if text.chars().any(char::is_control) {
            return Err(SecretError::NotText { line });
        }
        let length = text.chars().count();
        if length < MIN_SECRET {
            return Err(SecretError::TooShort { line, length });
        }
        let length = text.len();
        if length > MAX_SECRET {
            return Err(SecretError::TooLong { line, length });
        }
        let variety = variety(text);
        if variety < MIN_VARIETY {
            return Err(SecretError::TooSimple { line, variety });
        }
        let source = Hkdf::<Sha256>::new(Some(SALT), text.as_bytes());
        Ok(Self(Arc::new(Keys {
            authority: derived(&source, b"certificate authority"),
            hello: derived(&source, b"client hello"),
            beacon: derived(&source, b"beacon"),
            topic: derived(&source, b"topic"),
            id: SecretId(*derived(&source, b"name")),
        })))
    }

    /// The seed of the Ed25519 key that signs the certificates of the fleet's nodes.
    #[must_use]
    pub fn authority_seed(&self) -> &[u8; 32] {
        &self.0.authority
    }

    /// Tells it from other secrets.
    #[must_use]
    pub fn id(&self) -> SecretId {
        self.0.id
    }

    /// What trackers are asked for in place of an infohash, so that they learn no more than that
    /// somebody asks.
    #[must_use]
    pub fn topic(&self, info_hash: InfoHash) -> InfoHash {
        let digest = mac(&self.0.topic, &[&info_hash.0]).finalize().into_bytes();
        let mut topic = [0; DIGEST_LENGTH];
        topic.copy_from_slice(&digest[..DIGEST_LENGTH]);
        InfoHash(topic)
    }
}

/// How many different characters a text has.
fn variety(text: &str) -> usize {
    text.chars()
        .collect::<std::collections::BTreeSet<_>>()
        .len()
}

fn derived<const LENGTH: usize>(source: &Hkdf<Sha256>, label: &[u8]) -> Zeroizing<[u8; LENGTH]> {
    let mut key = Zeroizing::new([0; LENGTH]);
    // It fails for more than 8,160 bytes only; a key of zeros must never come of it.
    #[allow(clippy::expect_used, reason = "a constant length that is allowed")]
    source
        .expand(label, key.as_mut_slice())
        .expect("a key is shorter than 8,160 bytes");
    key
}

/// The authentication code of these parts, one after the other. Each caller's parts have fixed lengths
/// but the last.
fn mac(key: &[u8; 32], parts: &[&[u8]]) -> Hmac<Sha256> {
    let key: &hmac::digest::Key<Hmac<Sha256>> = &padded(key).into();
    let mut mac = Hmac::<Sha256>::new(key);
    for part in parts {
        mac.update(part);
    }
    mac
}

/// The key as HMAC pads it to a block.
fn padded(key: &[u8; 32]) -> [u8; 64] {
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    block
}

impl Secrets {
    /// One secret.
    #[must_use]
    pub const fn one(secret: FleetSecret) -> Self {
        Self {
            first: secret,
            second: None,
        }
    }

    /// The secrets of a file: one on a line, or two on two. Empty lines, white space around a secret
    /// and what ends lines do not matter.
    ///
    /// # Errors
    /// None, too many, or one that can be guessed.
    pub fn parse(file: &[u8]) -> Result<Self, SecretError> {
        if file.len() > MAX_SECRET_FILE {
            let length = file.len();
            return Err(SecretError::FileTooLong { length });
        }
        let lines = file.split(|&byte| byte == b'\n').zip(1..);
        let mut secrets: Vec<FleetSecret> = Vec::new();
        let mut count = 0;
        for (bytes, line) in lines {
            let text = std::str::from_utf8(bytes).map_err(|_| SecretError::NotText { line })?;
            if text.trim().is_empty() {
                continue;
            }
            count += 1;
            let secret = FleetSecret::on_line(line, text)?;
            if secrets.iter().all(|other| other.id() != secret.id()) {
                secrets.push(secret);
            }
        }
        if secrets.len() > MAX_SECRETS {
            return Err(SecretError::TooMany { count });
        }
        let mut secrets = secrets.into_iter();
        let first = secrets.next().ok_or(SecretError::Empty)?;
        let second = secrets.next();
        Ok(Self { first, second })
    }

    /// The preferred one.
    #[must_use]
    pub const fn first(&self) -> &FleetSecret {
        &self.first
    }

    /// All of them, the preferred one first.
    pub fn iter(&self) -> impl Iterator<Item = &FleetSecret> {
        std::iter::once(&self.first).chain(&self.second)
    }

    /// Is it one of these?
    #[must_use]
    pub fn contains(&self, id: SecretId) -> bool {
        self.iter().any(|secret| secret.id() == id)
    }
}

impl PartialEq for Secrets {
    /// The same secrets in the same order.
    fn eq(&self, other: &Self) -> bool {
        self.iter()
            .map(FleetSecret::id)
            .eq(other.iter().map(FleetSecret::id))
    }
}

impl fmt::Debug for FleetSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FleetSecret(..)")
    }
}

impl fmt::Debug for SecretId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretId(..)")
    }
}

impl fmt::Display for SecretId {
    /// As it stands in certificates.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// Hours since 1970: coarse enough for clocks that are not quite right.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub struct Hour(pub u32);

/// 24 hours: clocks of one fleet may differ by so much. What was recorded is worth nothing after it.
pub const MAX_SKEW: u32 = 24;

impl Hour {
    /// The hour of a time in seconds since 1970.
    #[must_use]
    pub fn of_seconds(seconds: u64) -> Self {
        Self(u32::try_from(seconds / 3_600).unwrap_or(u32::MAX))
    }

    /// How far another clock is ahead of this one, in hours, if that is more than it may be.
    fn skew(self, theirs: Self) -> Option<i64> {
        let skew = i64::from(theirs.0) - i64::from(self.0);
        (skew.unsigned_abs() > u64::from(MAX_SKEW)).then_some(skew)
    }
}
