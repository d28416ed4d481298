//! The first message of a TLS client, looked at before any TLS answers it.
//!
//! Reads as much of a ClientHello (RFC 8446, 4.1.2) as it takes to judge its sender: the host name and
//! the key share. Stricter than TLS where that costs our own dialers nothing: one record, one key
//! share, one name, no bytes left over. A stranger is told from a dialer of ours by the first byte
//! that is wrong, and costs no memory beyond [`MAX_HELLO`].

use thiserror::Error;

/// 4 KiB: the longest first message that is read. Ours have 1.5 KiB, most of it the key share.
pub const MAX_HELLO: usize = 4 * 1_024;

/// The answer to whoever speaks TLS and does not show that he knows the secret: a record that says
/// "handshake failure", and nothing else.
pub const REFUSAL: [u8; 7] = [ALERT, 3, 3, 0, 2, FATAL, HANDSHAKE_FAILURE];

const ALERT: u8 = 21;
const FATAL: u8 = 2;
const HANDSHAKE_FAILURE: u8 = 40;
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const KEY_SHARE: u16 = 51;
const HOST_NAME: u8 = 0;

/// Bytes of the head of a record.
const RECORD_HEAD: usize = 5;

/// What a dialer says first.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hello<'bytes> {
    /// The host name that it asks for.
    pub name: &'bytes str,
    /// The public key of its key exchange.
    pub key_share: &'bytes [u8],
}

/// First bytes that are not those of a dialer of ours.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum Foreign {
    /// Not even TLS.
    #[error("the first byte is {0}, not that of TLS")]
    NotTls(u8),
    /// TLS, and not as our dialers begin it.
    #[error("a TLS client that is none of ours")]
    OtherTls,
    /// Longer than any of ours.
    #[error("a first TLS message of {length} bytes; at most {MAX_HELLO} are read")]
    TooLong {
        /// The length it names.
        length: usize,
    },
}

impl Foreign {
    /// Does it speak TLS, so that an alert means something to it?
    #[must_use]
    pub const fn speaks_tls(self) -> bool {
        !matches!(self, Self::NotTls(_))
    }
}

/// Looks at the first bytes of a stream; `None` while more must come.
///
/// # Errors
/// They are not those of a dialer of ours.
pub fn look(bytes: &[u8]) -> Result<Option<Hello<'_>>, Foreign> {
    match bytes.first() {
        None => return Ok(None),
        Some(&HANDSHAKE) => {}
        Some(&other) => return Err(Foreign::NotTls(other)),
    }
    if bytes.get(1).is_some_and(|&major| major != 3)
        || bytes.get(2).is_some_and(|minor| !(1..=3).contains(minor))
        || bytes.get(5).is_some_and(|&kind| kind != CLIENT_HELLO)
    {
        return Err(Foreign::OtherTls);
    }
    let Some(&[high, low]) = bytes.get(3..RECORD_HEAD) else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if RECORD_HEAD + length > MAX_HELLO {
        return Err(Foreign::TooLong { length });
    }
    let Some(record) = bytes.get(RECORD_HEAD..RECORD_HEAD + length) else {
        return Ok(None);
    };
    read(record).map(Some).ok_or(Foreign::OtherTls)
}

/// Reads the one message of a record.
fn read(record: &[u8]) -> Option<Hello<'_>> {
    let mut record = Reader(record);
    (record.number(1)? == usize::from(CLIENT_HELLO)).then_some(())?;
    let length = record.number(3)?;
    let mut message = Reader(record.take(length)?);
    record.end()?;
    // The version of old, and the client's randomness.
    message.take(2 + 32)?;
    let _session = message.block(1)?;
    let _suites = message.block(2)?;
    let _compression = message.block(1)?;
    let mut extensions = Reader(message.block(2)?);
    message.end()?;
    let (mut name, mut key_share) = (None, None);
    while !extensions.0.is_empty() {
        let kind = extensions.number(2)?;
        let content = extensions.block(2)?;
        let (place, value) = match u16::try_from(kind).ok()? {
            SERVER_NAME => (&mut name, host_name(content)?),
            KEY_SHARE => (&mut key_share, only_share(content)?),
            _ => continue,
        };
        place.replace(value).is_none().then_some(())?;
    }
    Some(Hello {
        name: std::str::from_utf8(name?).ok()?,
        key_share: key_share?,
    })
}

fn host_name(content: &[u8]) -> Option<&[u8]> {
    let mut content = Reader(content);
    let mut list = Reader(content.block(2)?);
    content.end()?;
    (list.number(1)? == usize::from(HOST_NAME)).then_some(())?;
    let name = list.block(2)?;
    list.end()?;
    Some(name)
}

fn only_share(content: &[u8]) -> Option<&[u8]> {
    let mut content = Reader(content);
    let mut list = Reader(content.block(2)?);
    content.end()?;
    let _group = list.number(2)?;
    let share = list.block(2)?;
    list.end()?;
    Some(share)
}

/// Takes bytes from the front; `None` where they do not suffice.
struct Reader<'bytes>(&'bytes [u8]);

impl<'bytes> Reader<'bytes> {
    fn take(&mut self, count: usize) -> Option<&'bytes [u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    /// A number of so many bytes, three at most.
    fn number(&mut self, width: usize) -> Option<usize> {
        let bytes = self.take(width)?;
        Some(
            bytes
                .iter()
                .fold(0, |number, &byte| number << 8 | usize::from(byte)),
        )
    }

    /// Bytes with their number in front, which has that width.
    fn block(&mut self, width: usize) -> Option<&'bytes [u8]> {
        let length = self.number(width)?;
        self.take(length)
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}
