//! The side that opens the link.
//!
//! It sends its key and padding; then the mark, the swarm's name and, encrypted, what it offers and
//! the first bytes of the link. The answer begins behind padding of unknown length, with eight zeros
//! under the other side's key stream.

use super::cipher::{Ciphers, mark, swarm_name};
use super::exchange::{KEY_LENGTH, Randomness};
use super::{MAX_PADDING, PLAIN, Policy, RC4, Refusal};
use crate::id::InfoHash;

/// The constant under encryption by which each side finds the start of the other's.
pub(super) const ZEROS: [u8; 8] = [0; 8];

#[derive(Debug)]
pub(super) struct Dialer {
    policy: Policy,
    info_hash: InfoHash,
    random: Randomness,
    /// The first bytes of the link, which travel with the handshake.
    initial: Vec<u8>,
    received: Vec<u8>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Their key is to come.
    Key,
    /// The zeros are to come, behind the padding; here is what they look like.
    Zeros {
        ciphers: Ciphers,
        sign: [u8; 8],
    },
    /// What they chose, and how much padding follows.
    Choice {
        ciphers: Ciphers,
    },
    /// The rest of the padding.
    Padding {
        ciphers: Ciphers,
        chosen: u32,
        length: usize,
    },
    Over,
}

/// A handshake that is through.
#[derive(Debug)]
pub(super) struct Agreement {
    /// For all that follows; plain bytes if there are none.
    pub(super) ciphers: Option<Ciphers>,
    /// Bytes of the link that came with the handshake.
    pub(super) rest: Vec<u8>,
}

impl Dialer {
    pub(super) fn new(
        policy: Policy,
        info_hash: InfoHash,
        random: Randomness,
        initial: &[u8],
        reply: &mut Vec<u8>,
    ) -> Self {
        reply.extend_from_slice(&random.public_key());
        reply.extend_from_slice(&random.padding());
        Self {
            policy,
            info_hash,
            random,
            initial: initial.to_vec(),
            received: Vec::new(),
            stage: Stage::Key,
        }
    }

    /// Takes bytes from the socket, and appends to `reply` what is to be sent.
    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        reply: &mut Vec<u8>,
    ) -> Result<Option<Agreement>, Refusal> {
        self.received.extend_from_slice(bytes);
        loop {
            match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Key if self.received.len() < KEY_LENGTH => {
                    self.stage = Stage::Key;
                    return Ok(None);
                }
                Stage::Key => self.stage = self.introduce(reply)?,
                Stage::Zeros { ciphers, sign } => {
                    let found = find(&self.received, &sign, MAX_PADDING)?;
                    let Some(at) = found else {
                        self.stage = Stage::Zeros { ciphers, sign };
                        return Ok(None);
                    };
                    self.received.drain(..at + sign.len());
                    self.stage = Stage::Choice { ciphers };
                }
                Stage::Choice { mut ciphers } => {
                    let Some((head, _)) = self.received.split_first_chunk_mut::<6>() else {
                        self.stage = Stage::Choice { ciphers };
                        return Ok(None);
                    };
                    ciphers.theirs.apply(head);
                    let [a, b, c, d, e, f] = *head;
                    let chosen = u32::from_be_bytes([a, b, c, d]);
                    if !matches!(chosen, PLAIN | RC4) || chosen & self.policy.offers() == 0 {
                        return Err(Refusal::NoCommonMethod(chosen));
                    }
                    let length = padding_length([e, f])?;
                    self.received.drain(..6);
                    self.stage = Stage::Padding {
                        ciphers,
                        chosen,
                        length,
                    };
                }
                Stage::Padding {
                    ciphers,
                    chosen,
                    length,
                } if self.received.len() < length => {
                    self.stage = Stage::Padding {
                        ciphers,
                        chosen,
                        length,
                    };
                    return Ok(None);
                }
                Stage::Padding {
                    mut ciphers,
                    chosen,
                    length,
                } => {
                    let mut padding: Vec<u8> = self.received.drain(..length).collect();
                    ciphers.theirs.apply(&mut padding);
                    let rest = std::mem::take(&mut self.received);
                    return Ok(Some(agree(ciphers, chosen, rest)));
                }
                Stage::Over => return Ok(None),
            }
        }
    }

    /// Their key is here: shows that we know the swarm, and says what we offer.
    fn introduce(&mut self, reply: &mut Vec<u8>) -> Result<Stage, Refusal> {
        let theirs: Vec<u8> = self.received.drain(..KEY_LENGTH).collect();
        let secret = self.random.shared_secret(&theirs)?;
        Ok(self.offer(&secret, reply))
    }

    fn offer(&mut self, secret: &[u8; KEY_LENGTH], reply: &mut Vec<u8>) -> Stage {
        let mut ciphers = Ciphers::of_dialer(secret, &self.info_hash);
        reply.extend_from_slice(&mark(secret));
        reply.extend_from_slice(&swarm_name(secret, &self.info_hash));
        let start = reply.len();
        reply.extend_from_slice(&ZEROS);
        reply.extend_from_slice(&self.policy.offers().to_be_bytes());
        // No more padding: the one in front of the mark hides the length already.
        reply.extend_from_slice(&0_u16.to_be_bytes());
        reply.extend_from_slice(&(self.initial.len() as u16).to_be_bytes());
        reply.append(&mut self.initial);
        ciphers.ours.apply(&mut reply[start..]);
        let mut sign = ZEROS;
        ciphers.theirs.apply(&mut sign);
        Stage::Zeros { ciphers, sign }
    }

    /// The side whose keys are exchanged already, and what it says.
    #[cfg(feature = "fuzzing")]
    pub(super) fn behind_keys(
        policy: Policy,
        info_hash: InfoHash,
        random: Randomness,
        secret: &[u8; KEY_LENGTH],
    ) -> (Self, Vec<u8>) {
        let mut dialer = Self {
            policy,
            info_hash,
            random,
            initial: Vec::new(),
            received: Vec::new(),
            stage: Stage::Key,
        };
        let mut said = Vec::new();
        dialer.stage = dialer.offer(secret, &mut said);
        (dialer, said)
    }
}

/// The handshake is through: `rest` came behind it.
pub(super) fn agree(mut ciphers: Ciphers, chosen: u32, mut rest: Vec<u8>) -> Agreement {
    if chosen != RC4 {
        return Agreement {
            ciphers: None,
            rest,
        };
    }
    ciphers.theirs.apply(&mut rest);
    Agreement {
        ciphers: Some(ciphers),
        rest,
    }
}

/// Where the sign is, behind at most that much padding. `None` while it may still come.
///
/// # Errors
/// It cannot come any more.
pub(super) fn find(bytes: &[u8], sign: &[u8], most: usize) -> Result<Option<usize>, Refusal> {
    let end = bytes.len().min(most + sign.len());
    let found = bytes[..end]
        .windows(sign.len())
        .position(|window| window == sign);
    match found {
        None if end == most + sign.len() => Err(Refusal::OtherProtocol),
        found => Ok(found),
    }
}

/// Reads the length of a padding.
pub(super) fn padding_length(bytes: [u8; 2]) -> Result<usize, Refusal> {
    let value = usize::from(u16::from_be_bytes(bytes));
    let limit = MAX_PADDING;
    if value > limit {
        return Err(Refusal::TooLong { value, limit });
    }
    Ok(value)
}
