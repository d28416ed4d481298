//! The two key streams of a link, and the hashes of the handshake.

use sha1::{Digest, Sha1};

use super::exchange::KEY_LENGTH;
use crate::id::InfoHash;

/// The start of an RC4 key stream tells of its key: so many bytes are thrown away.
const DISCARDED: usize = 1_024;

/// One direction of a link: RC4.
#[derive(Clone)]
pub(super) struct KeyStream {
    permutation: [u8; 256],
    i: u8,
    j: u8,
}

impl KeyStream {
    /// The dialer sends under `keyA`, the acceptor under `keyB`.
    pub(super) fn new(name: &[u8; 4], secret: &[u8; KEY_LENGTH], info_hash: &InfoHash) -> Self {
        let key = hash(&[name, secret, &info_hash.0]);
        let mut stream = Self::of_key(&key);
        stream.apply(&mut [0; DISCARDED]);
        stream
    }

    fn of_key(key: &[u8]) -> Self {
        let mut permutation = std::array::from_fn(|at| at as u8);
        let mut j = 0_u8;
        for (i, &part) in (0..256).zip(key.iter().cycle()) {
            j = j.wrapping_add(permutation[i]).wrapping_add(part);
            permutation.swap(i, usize::from(j));
        }
        Self {
            permutation,
            i: 0,
            j: 0,
        }
    }

    /// Encrypts or decrypts in place.
    pub(super) fn apply(&mut self, bytes: &mut [u8]) {
        let Self { permutation, i, j } = self;
        for byte in bytes {
            *i = i.wrapping_add(1);
            let a = permutation[usize::from(*i)];
            *j = j.wrapping_add(a);
            let b = permutation[usize::from(*j)];
            permutation[usize::from(*i)] = b;
            permutation[usize::from(*j)] = a;
            *byte ^= permutation[usize::from(a.wrapping_add(b))];
        }
    }
}

impl std::fmt::Debug for KeyStream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("KeyStream")
    }
}

/// Both directions.
#[derive(Clone, Debug)]
pub(super) struct Ciphers {
    /// For what we send.
    pub(super) ours: KeyStream,
    /// For what comes.
    pub(super) theirs: KeyStream,
}

impl Ciphers {
    pub(super) fn of_dialer(secret: &[u8; KEY_LENGTH], info_hash: &InfoHash) -> Self {
        Self {
            ours: KeyStream::new(b"keyA", secret, info_hash),
            theirs: KeyStream::new(b"keyB", secret, info_hash),
        }
    }

    pub(super) fn of_acceptor(secret: &[u8; KEY_LENGTH], info_hash: &InfoHash) -> Self {
        Self {
            ours: KeyStream::new(b"keyB", secret, info_hash),
            theirs: KeyStream::new(b"keyA", secret, info_hash),
        }
    }
}

/// Where the dialer's padding ends.
pub(super) fn mark(secret: &[u8; KEY_LENGTH]) -> [u8; 20] {
    hash(&[b"req1", secret])
}

/// How the dialer names the swarm to somebody who knows it.
pub(super) fn swarm_name(secret: &[u8; KEY_LENGTH], info_hash: &InfoHash) -> [u8; 20] {
    let mut name = hash(&[b"req2", &info_hash.0]);
    let mask = hash(&[b"req3", secret]);
    name.iter_mut()
        .zip(mask)
        .for_each(|(byte, mask)| *byte ^= mask);
    name
}

fn hash(parts: &[&[u8]]) -> [u8; 20] {
    let mut hasher = Sha1::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_rc4_from_byte_1024_on() {
        // RFC 6229, section 2: the key stream of 0x0102030405 at offset 1024.
        let mut bytes = [0; DISCARDED + 8];
        KeyStream::of_key(&[1, 2, 3, 4, 5]).apply(&mut bytes);
        assert_eq!(bytes[..8], [0xb2, 0x39, 0x63, 0x05, 0xf0, 0x3d, 0xc0, 0x27]);
        assert_eq!(
            bytes[DISCARDED..],
            [0x30, 0xab, 0xbc, 0xc7, 0xc2, 0x0b, 0x01, 0x60]
        );
    }
}
