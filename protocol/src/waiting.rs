//! Why a swarm waits, in a word for programs and a line for people.
//!
//! Decides nothing and keeps nothing: from facts that the host gathers follows what an operator must
//! know, the most important first. A swarm in which bytes arrive waits for nothing but what would stop
//! it later.
//!
//! Invariants: what is complete waits for nothing, unless it was paused or refused or its disk has
//! trouble; where something is missing and nothing arrives, there is a reason; no code stands twice;
//! every detail is one line.

#[cfg(test)]
mod tests;

use std::fmt;

use crate::text::escaped;

/// How a swarm stands. Numbers that contradict each other make no sense and no harm.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Situation {
    /// The operator paused it.
    pub paused: bool,
    /// The content was refused, and why: it cannot be kept where it is to be kept.
    pub refused: Option<String>,
    /// It is known what the content is.
    pub known: bool,
    /// Pieces that were not checked yet.
    pub unchecked: u32,
    /// Pieces in all.
    pub pieces: u32,
    /// Pieces that are selected and known to be missing, on their way or not.
    pub missing: u32,
    /// Why the disk does not do what it should, in its own words.
    pub trouble: Option<String>,
    /// Other contents of the node are fetched, and this one after them.
    pub waits_for_turn: bool,
    /// Links to peers.
    pub links: u32,
    /// Those of them whose peers have something that is missing here.
    pub useful: u32,
    /// Those of these that choke us.
    pub choking: u32,
    /// Missing pieces that no linked peer has, nor a source that can be asked.
    pub without_holder: u32,
    /// The first of them.
    pub first_without_holder: Option<u32>,
    /// Pieces that are asked for or being written.
    pub leased: u32,
    /// Bytes per second that arrive.
    pub down_rate: u64,
    /// Sources that are no peers and can be asked.
    pub sources: u32,
}

/// What it is that a swarm waits for. Its text never changes: programs go by it.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
#[non_exhaustive]
pub enum WaitCode {
    /// The operator, who paused it.
    Paused,
    /// The operator, who must change something: the content was refused.
    Refused,
    /// The disk.
    Disk,
    /// A peer that knows what the content is.
    NoDescription,
    /// The check of what is here.
    Checking,
    /// Its turn.
    Turn,
    /// A peer.
    NoPeers,
    /// A peer that does not choke us.
    AllChoking,
    /// A peer that has what is missing.
    NoHolder,
    /// An answer to what was asked.
    NoAnswer,
}

impl WaitCode {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 10] = [
        Self::Paused,
        Self::Refused,
        Self::Disk,
        Self::NoDescription,
        Self::Checking,
        Self::Turn,
        Self::NoPeers,
        Self::AllChoking,
        Self::NoHolder,
        Self::NoAnswer,
    ];

    /// The code as text: words with hyphens.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Refused => "refused",
            Self::Disk => "disk",
            Self::NoDescription => "no-description",
            Self::Checking => "checking",
            Self::Turn => "turn",
            Self::NoPeers => "no-peers",
            Self::AllChoking => "all-choking",
            Self::NoHolder => "no-holder",
            Self::NoAnswer => "no-answer",
        }
    }
}

impl fmt::Display for WaitCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// One thing that a swarm waits for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wait {
    /// For programs.
    pub code: WaitCode,
    /// For people, in one line.
    pub detail: String,
}

/// Why the swarm waits, what an operator must see first at the front; empty if it does not.
#[must_use]
pub fn reasons(situation: &Situation) -> Vec<Wait> {
    let mut waits = Vec::new();
    let mut say = |code, detail: String| waits.push(Wait { code, detail });
    if situation.paused {
        say(WaitCode::Paused, "paused by the operator".to_owned());
    }
    if let Some(why) = &situation.refused {
        say(WaitCode::Refused, escaped(why));
    }
    if let Some(trouble) = &situation.trouble {
        say(WaitCode::Disk, escaped(trouble));
    }
    if situation.paused || situation.refused.is_some() {
        // Nobody is asked for anything, so the rest is no reason.
        return waits;
    }
    if !situation.known {
        let detail = "nobody linked has the description of the content yet";
        say(WaitCode::NoDescription, detail.to_owned());
    } else if situation.unchecked > 0 {
        say(WaitCode::Checking, checking(situation));
    }
    if situation.waits_for_turn && situation.lacks_something() {
        say(WaitCode::Turn, "others are fetched first".to_owned());
    }
    if situation.lacks_something() {
        add_network(situation, &mut waits);
    }
    waits
}

impl Situation {
    const fn lacks_something(&self) -> bool {
        !self.known || self.missing > 0
    }

    const fn moves(&self) -> bool {
        self.down_rate > 0
    }

    /// Can somebody be asked that is no peer?
    const fn has_sources(&self) -> bool {
        self.known && self.sources > 0
    }
}

/// What peers have to do with it.
fn add_network(situation: &Situation, waits: &mut Vec<Wait>) {
    let mut say = |code, detail: String| waits.push(Wait { code, detail });
    let alone = situation.links == 0 && !situation.has_sources();
    if alone && !situation.moves() {
        say(WaitCode::NoPeers, "no peer is linked".to_owned());
    }
    if !situation.known {
        return;
    }
    let choked = situation.useful > 0 && situation.choking >= situation.useful;
    if choked && situation.links > 0 && !situation.moves() {
        say(WaitCode::AllChoking, all_choking(situation));
    }
    if situation.without_holder > 0 && !alone {
        say(WaitCode::NoHolder, no_holder(situation));
    }
    if waits.is_empty() && !situation.moves() {
        waits.push(Wait {
            code: WaitCode::NoAnswer,
            detail: no_answer(situation),
        });
    }
}

fn checking(situation: &Situation) -> String {
    let checked = situation.pieces.saturating_sub(situation.unchecked);
    let pieces = counted(situation.pieces, "piece");
    format!("the file is being checked: {checked} of {pieces}")
}

fn all_choking(situation: &Situation) -> String {
    let (links, useful) = (situation.links, situation.useful);
    match useful {
        _ if useful >= links && links == 1 => "1 peer, choking".to_owned(),
        _ if useful >= links => format!("{links} peers, all choking"),
        1 => format!("1 of {links} peers has what is missing, choking"),
        _ => format!("{useful} of {links} peers have what is missing, all choking"),
    }
}

fn no_holder(situation: &Situation) -> String {
    match (situation.without_holder, situation.first_without_holder) {
        (1, Some(piece)) => format!("piece {piece} has no holder"),
        (1, None) => "1 piece has no holder".to_owned(),
        (many, Some(piece)) => format!("{many} pieces have no holder, the first is piece {piece}"),
        (many, None) => format!("{many} pieces have no holder"),
    }
}

fn no_answer(situation: &Situation) -> String {
    match situation.leased {
        0 => "nothing was asked for yet".to_owned(),
        1 => "1 piece was asked for and did not come yet".to_owned(),
        many => format!("{many} pieces were asked for and did not come yet"),
    }
}

/// `1 piece`, `2 pieces`.
fn counted(number: u32, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}
