//! What a dialer shows in its first message: that it knows a secret of the fleet.
//!
//! In TLS 1.3 the server shows its certificate before the client has proved anything. Ours does not
//! answer before it has seen this: the host name that a dialer asks for is no name, but a code over the
//! key share of the same message, under a key that follows from the secret. Whoever copies it from a
//! recorded message must copy the key share as well, and cannot read the answer.
//!
//! A name has two labels, one for each secret that the dialer accepts; if it has only one, the other is
//! noise, so that nobody sees a secret being changed. The acceptor takes the first of *its* secrets that
//! one of the labels shows to be known: so a change of secrets works in any order of nodes.

use thiserror::Error;

use super::hello::Hello;
use super::{FleetSecret, Hour, SecretId, Secrets, mac};

/// 4 bytes of time before the code.
const HOUR: usize = 4;

/// 16 bytes of code: 128 bits, which nobody guesses in as many tries as a link takes.
const CODE: usize = 16;

/// 32 digits of 5 bits each, which is all that fits a label with room to spare (63).
const LABEL: usize = (HOUR + CODE) * 8 / 5;

/// The digits of base 32 with extended hexadecimal alphabet (RFC 4648, 7), in lower case.
const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// Randomness in place of what a single secret leaves out.
pub type Noise = [u8; HOUR + CODE];

/// Who does not show that he knows a secret.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum Unproved {
    /// None of ours.
    #[error("it does not know the secret")]
    Unknown,
    /// He knows it, and his clock or ours is wrong.
    #[error("it knows the secret, but its clock is {hours} h from ours; {limit} h are allowed", limit = super::MAX_SKEW)]
    Clock {
        /// How far his clock is ahead.
        hours: i64,
    },
}

/// The code by which a message is known again.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Code([u8; CODE]);

/// The host name that shows these secrets to be known, for a message with this key share.
#[must_use]
pub fn name(secrets: &Secrets, key_share: &[u8], now: Hour, noise: &Noise) -> String {
    let mut text = String::with_capacity(2 * LABEL + 1);
    let mut label = [0; HOUR + CODE];
    label[..HOUR].copy_from_slice(&now.0.to_be_bytes());
    label[HOUR..].copy_from_slice(&code(secrets.first(), now, key_share));
    write(&label, &mut text);
    text.push('.');
    label = *noise;
    if let Some(second) = secrets.iter().nth(1) {
        label[HOUR..].copy_from_slice(&code(second, now, key_share));
    }
    write(&label, &mut text);
    text
}

/// Which secret the sender of this message knows; with the code by which it is known if it comes again.
///
/// # Errors
/// None, or its clock is too far from ours.
pub fn judge(
    hello: &Hello<'_>,
    secrets: &Secrets,
    now: Hour,
) -> Result<(SecretId, Code), Unproved> {
    let labels = hello.name.split_once('.');
    let (one, other) = labels.ok_or(Unproved::Unknown)?;
    let (one, other) = read(one).zip(read(other)).ok_or(Unproved::Unknown)?;
    let (hour, _) = one.split_at(HOUR);
    let hour = Hour(u32::from_be_bytes(hour.try_into().unwrap_or_default()));
    for secret in secrets.iter() {
        for label in [one, other] {
            let shown = &label[HOUR..];
            let expected = mac(&secret.0.hello, &[&hour.0.to_be_bytes(), hello.key_share]);
            if hmac::Mac::verify_truncated_left(expected, shown).is_err() {
                continue;
            }
            if let Some(hours) = now.skew(hour) {
                return Err(Unproved::Clock { hours });
            }
            let code = Code(shown.try_into().unwrap_or_default());
            return Ok((secret.id(), code));
        }
    }
    Err(Unproved::Unknown)
}

fn code(secret: &FleetSecret, hour: Hour, key_share: &[u8]) -> [u8; CODE] {
    let whole = mac(&secret.0.hello, &[&hour.0.to_be_bytes(), key_share]);
    let whole = hmac::Mac::finalize(whole).into_bytes();
    let mut code = [0; CODE];
    code.copy_from_slice(&whole[..CODE]);
    code
}

/// Writes 5 bits as a digit, the highest first.
fn write(label: &[u8; HOUR + CODE], text: &mut String) {
    for five in label.chunks(5) {
        let bits = five
            .iter()
            .fold(0_u64, |bits, &byte| bits << 8 | u64::from(byte));
        for digit in (0..8).rev() {
            let index = (bits >> (5 * digit) & 31) as usize;
            text.push(char::from(DIGITS[index]));
        }
    }
}

fn read(text: &str) -> Option<[u8; HOUR + CODE]> {
    let digits = text.as_bytes();
    if digits.len() != LABEL {
        return None;
    }
    let mut label = [0; HOUR + CODE];
    for (five, digits) in label.chunks_mut(5).zip(digits.chunks(8)) {
        let mut bits = 0_u64;
        for digit in digits {
            let value = DIGITS.iter().position(|one| one == digit)?;
            bits = bits << 5 | value as u64;
        }
        five.copy_from_slice(&bits.to_be_bytes()[3..]);
    }
    Some(label)
}
