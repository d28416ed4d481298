//! The side that was dialed.
//!
//! It answers with its key and padding, looks for the mark behind the dialer's padding, finds out
//! for which of its swarms the link is, and chooses a method.

use super::cipher::{Ciphers, mark, swarm_name};
use super::dialer::{Agreement, ZEROS, agree, find, padding_length};
use super::exchange::{KEY_LENGTH, Randomness};
use super::{MAX_INITIAL, MAX_PADDING, Policy, Refusal};
use crate::id::InfoHash;

#[derive(Debug)]
pub(super) struct Acceptor {
    policy: Policy,
    /// The swarms that a dialer may ask for.
    swarms: Vec<InfoHash>,
    random: Randomness,
    received: Vec<u8>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Their key is to come.
    Key,
    /// The mark and the name of the swarm are to come, behind the padding.
    Mark {
        secret: [u8; KEY_LENGTH],
    },
    /// The zeros, what they offer, and how much padding follows.
    Offer {
        ciphers: Ciphers,
    },
    /// The padding, and how many bytes of the link follow.
    Padding {
        ciphers: Ciphers,
        chosen: u32,
        length: usize,
    },
    /// The first bytes of the link.
    Initial {
        ciphers: Ciphers,
        chosen: u32,
        length: usize,
    },
    Over,
}

impl Acceptor {
    pub(super) const fn new(policy: Policy, swarms: Vec<InfoHash>, random: Randomness) -> Self {
        Self {
            policy,
            swarms,
            random,
            received: Vec::new(),
            stage: Stage::Key,
        }
    }

    /// The side whose keys are exchanged already.
    #[cfg(feature = "fuzzing")]
    pub(super) const fn behind_keys(
        policy: Policy,
        swarms: Vec<InfoHash>,
        random: Randomness,
        secret: [u8; KEY_LENGTH],
    ) -> Self {
        Self {
            policy,
            swarms,
            random,
            received: Vec::new(),
            stage: Stage::Mark { secret },
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
            let stage = std::mem::replace(&mut self.stage, Stage::Over);
            let needed = match &stage {
                Stage::Key => KEY_LENGTH,
                Stage::Mark { .. } => 0,
                Stage::Offer { .. } => ZEROS.len() + 6,
                Stage::Padding { length, .. } => length + 2,
                Stage::Initial { length, .. } => *length,
                Stage::Over => return Ok(None),
            };
            if self.received.len() < needed {
                self.stage = stage;
                return Ok(None);
            }
            self.stage = match stage {
                Stage::Key => {
                    let theirs: Vec<u8> = self.received.drain(..needed).collect();
                    let secret = self.random.shared_secret(&theirs)?;
                    reply.extend_from_slice(&self.random.public_key());
                    reply.extend_from_slice(&self.random.padding());
                    Stage::Mark { secret }
                }
                Stage::Mark { secret } => match self.recognise(&secret)? {
                    Some(ciphers) => Stage::Offer { ciphers },
                    None => {
                        self.stage = Stage::Mark { secret };
                        return Ok(None);
                    }
                },
                Stage::Offer { mut ciphers } => {
                    let head = self.decrypted(needed, &mut ciphers);
                    self.weigh(&head, ciphers)?
                }
                Stage::Padding {
                    mut ciphers,
                    chosen,
                    length,
                } => {
                    let padded = self.decrypted(needed, &mut ciphers);
                    let value =
                        usize::from(u16::from_be_bytes([padded[length], padded[length + 1]]));
                    let limit = MAX_INITIAL;
                    if value > limit {
                        return Err(Refusal::TooLong { value, limit });
                    }
                    Stage::Initial {
                        ciphers,
                        chosen,
                        length: value,
                    }
                }
                Stage::Initial {
                    mut ciphers,
                    chosen,
                    ..
                } => {
                    let mut initial = self.decrypted(needed, &mut ciphers);
                    let start = reply.len();
                    reply.extend_from_slice(&ZEROS);
                    reply.extend_from_slice(&chosen.to_be_bytes());
                    reply.extend_from_slice(&0_u16.to_be_bytes());
                    ciphers.ours.apply(&mut reply[start..]);
                    let rest = std::mem::take(&mut self.received);
                    let mut agreement = agree(ciphers, chosen, rest);
                    initial.append(&mut agreement.rest);
                    agreement.rest = initial;
                    return Ok(Some(agreement));
                }
                Stage::Over => Stage::Over,
            };
        }
    }

    /// Finds the mark, and the swarm that is named behind it. `None` while they may still come.
    fn recognise(&mut self, secret: &[u8; KEY_LENGTH]) -> Result<Option<Ciphers>, Refusal> {
        let Some(at) = find(&self.received, &mark(secret), MAX_PADDING)? else {
            return Ok(None);
        };
        let start = at + 20;
        let Some(name) = self.received.get(start..start + 20) else {
            return Ok(None);
        };
        let mut swarms = self.swarms.iter();
        let info_hash = swarms
            .find(|swarm| swarm_name(secret, swarm) == name)
            .ok_or(Refusal::UnknownSwarm)?;
        let ciphers = Ciphers::of_acceptor(secret, info_hash);
        self.received.drain(..start + 20);
        Ok(Some(ciphers))
    }

    fn weigh(&self, head: &[u8], ciphers: Ciphers) -> Result<Stage, Refusal> {
        let (zeros, rest) = head.split_at(ZEROS.len());
        let &[a, b, c, d, e, f] = rest else {
            return Err(Refusal::Garbled);
        };
        if zeros != ZEROS {
            return Err(Refusal::Garbled);
        }
        let offered = u32::from_be_bytes([a, b, c, d]);
        let chosen = self.policy.choose(offered);
        Ok(Stage::Padding {
            ciphers,
            chosen: chosen.ok_or(Refusal::NoCommonMethod(offered))?,
            length: padding_length([e, f])?,
        })
    }

    fn decrypted(&mut self, length: usize, ciphers: &mut Ciphers) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.received.drain(..length).collect();
        ciphers.theirs.apply(&mut bytes);
        bytes
    }
}
