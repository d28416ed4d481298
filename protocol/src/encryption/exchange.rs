//! The key exchange: Diffie-Hellman with a prime of 768 bits and the generator 2.

use std::sync::LazyLock;

use num_bigint::BigUint;

use super::{MAX_PADDING, Refusal};

/// 96: bytes of a public key and of the shared secret.
pub const KEY_LENGTH: usize = 96;

/// The prime: the first Oakley group (RFC 2409, section 6.1) with another end.
const PRIME: [u8; KEY_LENGTH] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc9, 0x0f, 0xda, 0xa2, 0x21, 0x68, 0xc2, 0x34,
    0xc4, 0xc6, 0x62, 0x8b, 0x80, 0xdc, 0x1c, 0xd1, 0x29, 0x02, 0x4e, 0x08, 0x8a, 0x67, 0xcc, 0x74,
    0x02, 0x0b, 0xbe, 0xa6, 0x3b, 0x13, 0x9b, 0x22, 0x51, 0x4a, 0x08, 0x79, 0x8e, 0x34, 0x04, 0xdd,
    0xef, 0x95, 0x19, 0xb3, 0xcd, 0x3a, 0x43, 0x1b, 0x30, 0x2b, 0x0a, 0x6d, 0xf2, 0x5f, 0x14, 0x37,
    0x4f, 0xe1, 0x35, 0x6d, 0x6d, 0x51, 0xc2, 0x45, 0xe4, 0x85, 0xb5, 0x76, 0x62, 0x5e, 0x7e, 0xc6,
    0xf4, 0x4c, 0x42, 0xe9, 0xa6, 0x3a, 0x36, 0x21, 0x00, 0x00, 0x00, 0x00, 0x00, 0x09, 0x05, 0x63,
];

static MODULUS: LazyLock<BigUint> = LazyLock::new(|| BigUint::from_bytes_be(&PRIME));

/// What one handshake needs of chance; of no other handshake.
#[derive(Copy, Clone, Debug)]
pub struct Randomness {
    /// The private key: 160 bits are as strong as the exchange can be.
    pub secret: [u8; 20],
    /// Decides how long the padding is, and what is in it.
    pub padding: u64,
}

impl Randomness {
    /// Our public key.
    pub(super) fn public_key(&self) -> [u8; KEY_LENGTH] {
        to_bytes(&BigUint::from(2_u8).modpow(&self.exponent(), &MODULUS))
    }

    /// The secret that we share with the owner of that key.
    ///
    /// # Errors
    /// Keys that make the secret known to everybody.
    pub(super) fn shared_secret(&self, theirs: &[u8]) -> Result<[u8; KEY_LENGTH], Refusal> {
        let theirs = BigUint::from_bytes_be(theirs);
        let one = BigUint::from(1_u8);
        if theirs <= one || theirs >= &*MODULUS - &one {
            return Err(Refusal::WeakKey);
        }
        Ok(to_bytes(&theirs.modpow(&self.exponent(), &MODULUS)))
    }

    /// Bytes that mean nothing, of a length that means nothing: the exchange has no other shape.
    pub(super) fn padding(&self) -> Vec<u8> {
        let mut rng = fastrand::Rng::with_seed(self.padding);
        let length = rng.usize(0..=MAX_PADDING);
        (0..length).map(|_| rng.u8(..)).collect()
    }

    fn exponent(&self) -> BigUint {
        BigUint::from_bytes_be(&self.secret)
    }
}

fn to_bytes(number: &BigUint) -> [u8; KEY_LENGTH] {
    let bytes = number.to_bytes_be();
    let mut key = [0; KEY_LENGTH];
    key[KEY_LENGTH - bytes.len()..].copy_from_slice(&bytes);
    key
}
