//! A node: its machines, its line to the network, and what it has done so far.

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::config::Config;
use super::traffic::Traffic;
use crate::bitfield::Bitfield;
use crate::id::PeerId;
use crate::layout::Layout;
use crate::membership::{Membership, MembershipConfig};
use crate::picker::{Input, Picker, PickerLimits, PieceState};
use crate::time::Timestamp;

/// The half-open dials of a node.
const HALF_OPEN: usize = 64;

/// One node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) alive: bool,
    /// Counts its starts, so that what was timed for an earlier life is dropped.
    pub(super) life: u32,
    /// What storage has: survives a restart.
    pub(super) have: Bitfield,
    pub(super) picker: Picker,
    pub(super) membership: Membership,
    /// Bytes per second that it sends; 0 for one that takes requests and answers none.
    pub(super) up: u64,
    /// Bytes per second that it receives.
    pub(super) down: u64,
    /// Links with requests of peers, in turn.
    pub(super) turns: VecDeque<u32>,
    pub(super) sending: bool,
    /// When its line has taken in all that was sent to it so far.
    pub(super) down_free: Timestamp,
    /// When the machines want to be woken, and when the node will be.
    pub(super) picker_due: Option<Timestamp>,
    pub(super) membership_due: Option<Timestamp>,
    pub(super) wake_at: Timestamp,
    pub(super) links: BTreeSet<u32>,
    pub(super) sent: u64,
    pub(super) wasted: u64,
    /// What it sent beside the content.
    pub(super) traffic: Traffic,
    /// Messages of peer exchange that it sent.
    pub(super) exchanges: u64,
    pub(super) dials: u64,
    pub(super) done: Option<Timestamp>,
}

/// Where the node listens.
pub(super) fn address(node: u32) -> SocketAddr {
    let number = node + 1;
    let ip = Ipv4Addr::new(10, (number >> 16) as u8, (number >> 8) as u8, number as u8);
    SocketAddr::new(IpAddr::V4(ip), 6881)
}

/// Who listens there.
pub(super) fn node_at(addr: SocketAddr) -> Option<u32> {
    match addr.ip() {
        IpAddr::V4(ip) => (ip.to_bits() & 0x00ff_ffff).checked_sub(1),
        IpAddr::V6(_) => None,
    }
}

/// A life of a node from storage's point of view: machines that know what is in the file.
pub(super) fn machines(
    index: u32,
    life: u32,
    have: &Bitfield,
    config: &Config,
) -> (Picker, Membership) {
    let layout = config.layout;
    let seed = config.seed ^ u64::from(index) << 32 ^ u64::from(life);
    let mut picker = Picker::new(layout, PickerLimits::default(), seed);
    let (good, bad) = layout.all_pieces().partition(|&piece| have.contains(piece));
    picker.handle(
        Input::Checked { good, bad },
        Timestamp::ZERO,
        &mut Vec::new(),
    );
    let config = MembershipConfig {
        max_links: config.max_links,
        target_links: config.target_links,
        max_half_open: HALF_OPEN,
        own_addresses: vec![address(index)],
        peer_id: PeerId::random(&mut fastrand::Rng::with_seed(seed)),
        ipv6: false,
        loopback: false,
    };
    (picker, Membership::new(config, seed))
}

impl Node {
    /// A node that is not alive yet.
    pub(super) fn new(index: u32, have: Bitfield, config: &Config) -> Self {
        let (picker, membership) = machines(index, 0, &have, config);
        Self {
            alive: false,
            life: 0,
            have,
            picker,
            membership,
            up: config.up,
            down: config.down,
            turns: VecDeque::new(),
            sending: false,
            down_free: Timestamp::ZERO,
            picker_due: None,
            membership_due: None,
            wake_at: Timestamp::NEVER,
            links: BTreeSet::new(),
            sent: 0,
            wasted: 0,
            traffic: Traffic::default(),
            exchanges: 0,
            dials: 0,
            done: None,
        }
    }

    pub(super) const fn is_complete(&self) -> bool {
        self.have.is_full()
    }

    /// Counts the node's pieces by their states.
    ///
    /// # Panics
    /// Where the picker's own figures differ.
    pub(super) fn check(&self, layout: &Layout) {
        let mut counts = [0_u32; 5];
        for piece in layout.all_pieces() {
            let state = self.picker.state(piece);
            counts[match state {
                PieceState::Have => 0,
                PieceState::Wanted => 1,
                PieceState::Leased => 2,
                PieceState::Postponed => 3,
                PieceState::Skipped => 4,
            }] += 1;
            let stored = self.have.contains(piece);
            assert_eq!(state == PieceState::Have, stored, "{piece:?}");
        }
        let picker = &self.picker;
        let told = [
            picker.have().count(),
            picker.wanted(),
            picker.leased(),
            picker.postponed(),
            picker.skipped(),
        ];
        assert_eq!(counts, told);
    }
}
