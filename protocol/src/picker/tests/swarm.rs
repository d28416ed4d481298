//! A small swarm in virtual time: every node runs a picker, uploads at a fixed rate, and answers
//! its links in turn. It shows what the rules lead to when all nodes follow them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::time::Duration;

use crate::id::LinkId;
use crate::layout::{Layout, PieceIndex};
use crate::picker::{Input, Output, Picker, PickerLimits};
use crate::time::Timestamp;

const WINDOW: u64 = 2 * 1024 * 1024;
const ONE_WAY: Duration = Duration::from_millis(1);
/// Hash and write.
const STORE: Duration = Duration::from_millis(2);

#[derive(Debug)]
enum Event {
    Request {
        at: usize,
        from: usize,
        pieces: Vec<PieceIndex>,
    },
    Cancel {
        at: usize,
        from: usize,
        pieces: Vec<PieceIndex>,
    },
    Uploaded {
        at: usize,
    },
    Arrive {
        at: usize,
        from: usize,
        piece: PieceIndex,
    },
    Store {
        at: usize,
        piece: PieceIndex,
    },
    Have {
        at: usize,
        from: usize,
        pieces: Vec<PieceIndex>,
    },
    Suggest {
        at: usize,
        from: usize,
        pieces: Vec<PieceIndex>,
    },
    Tick {
        at: usize,
    },
}

struct Node {
    picker: Picker,
    /// Bytes per second that it sends; 0 for a node that takes requests and sends nothing.
    rate: u64,
    queues: BTreeMap<usize, VecDeque<PieceIndex>>,
    turn: usize,
    sending: Option<(usize, PieceIndex)>,
    owed: BTreeMap<usize, BTreeSet<PieceIndex>>,
    /// What came from each link, and when the first of it was asked for.
    got: BTreeMap<usize, u64>,
    sent: u64,
    wasted: u64,
    done: Option<Timestamp>,
}

struct Swarm {
    layout: Layout,
    nodes: Vec<Node>,
    events: BinaryHeap<Reverse<(Timestamp, usize)>>,
    bodies: Vec<Option<Event>>,
    now: Timestamp,
}

impl Swarm {
    /// A full mesh; `rates` and `has` say what each node sends per second and has at first.
    fn new(layout: Layout, rates: &[u64], has: &[BTreeSet<PieceIndex>], seed: u64) -> Self {
        let node = |(at, &rate): (usize, &u64)| Node {
            picker: Picker::new(layout, PickerLimits::default(), seed * 1_000 + at as u64),
            rate,
            queues: BTreeMap::new(),
            turn: 0,
            sending: None,
            owed: BTreeMap::new(),
            got: BTreeMap::new(),
            sent: 0,
            wasted: 0,
            done: None,
        };
        let mut swarm = Self {
            layout,
            nodes: rates.iter().enumerate().map(node).collect(),
            events: BinaryHeap::new(),
            bodies: Vec::new(),
            now: Timestamp::from_millis(1),
        };
        let count = rates.len();
        for (at, has) in has.iter().enumerate() {
            let bad = layout
                .all_pieces()
                .filter(|piece| !has.contains(piece))
                .collect();
            let good = has.iter().copied().collect();
            swarm.handle(at, Input::Checked { good, bad });
            for from in (0..count).filter(|&from| from != at) {
                let link = LinkId(from as u64);
                swarm.handle(at, Input::LinkOpened { link });
            }
        }
        for (from, has) in has.iter().enumerate().filter(|(_, has)| !has.is_empty()) {
            let pieces: Vec<_> = has.iter().copied().collect();
            for at in (0..count).filter(|&at| at != from) {
                let pieces = pieces.clone();
                swarm.push(ONE_WAY, Event::Have { at, from, pieces });
            }
        }
        for at in 0..count {
            for from in (0..count).filter(|&from| from != at) {
                swarm.want(at, from);
            }
        }
        swarm
    }

    fn push(&mut self, after: Duration, event: Event) {
        self.events
            .push(Reverse((self.now + after, self.bodies.len())));
        self.bodies.push(Some(event));
    }

    fn want(&mut self, at: usize, from: usize) {
        let node = &self.nodes[at];
        let owed = node.owed.get(&from).map_or(0, BTreeSet::len) as u64;
        let owed = owed * u64::from(self.layout.piece_length());
        let got = node.got.get(&from).copied().unwrap_or(0);
        let micros = self.now.as_micros().max(1);
        let input = Input::Want {
            link: LinkId(from as u64),
            bytes: WINDOW.saturating_sub(owed),
            rtt: ONE_WAY * 2,
            rate: got * 1_000_000 / micros,
        };
        self.handle(at, input);
    }

    fn handle(&mut self, at: usize, input: Input) {
        let mut out = Vec::new();
        let now = self.now;
        let node = &mut self.nodes[at];
        node.picker.handle(input, now, &mut out);
        if let Some(next) = node.picker.next_timeout() {
            self.push(next.since(now), Event::Tick { at });
        }
        for output in out {
            match output {
                Output::Grant { link, pieces } => {
                    let to = link.0 as usize;
                    self.nodes[at].owed.entry(to).or_default().extend(&pieces);
                    self.push(
                        ONE_WAY,
                        Event::Request {
                            at: to,
                            from: at,
                            pieces,
                        },
                    );
                }
                Output::Cancel { link, pieces } => {
                    let to = link.0 as usize;
                    let owed = self.nodes[at].owed.entry(to).or_default();
                    owed.retain(|piece| !pieces.contains(piece));
                    self.push(
                        ONE_WAY,
                        Event::Cancel {
                            at: to,
                            from: at,
                            pieces,
                        },
                    );
                }
                Output::Announce { link, pieces } => {
                    let to = link.0 as usize;
                    self.push(
                        ONE_WAY,
                        Event::Have {
                            at: to,
                            from: at,
                            pieces,
                        },
                    );
                }
                Output::Suggest { link, pieces } => {
                    let to = link.0 as usize;
                    self.push(
                        ONE_WAY,
                        Event::Suggest {
                            at: to,
                            from: at,
                            pieces,
                        },
                    );
                }
                Output::Complete => self.nodes[at].done = Some(now),
                Output::Interest { .. } | Output::Withdraw { .. } => {}
            }
        }
    }

    /// Sends the next piece: the links in turn.
    fn upload(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        if node.sending.is_some() || node.rate == 0 {
            return;
        }
        let waiting = |from: &&usize| node.queues.get(from).is_some_and(|queue| !queue.is_empty());
        let mut order = node
            .queues
            .range(node.turn + 1..)
            .chain(node.queues.range(..=node.turn));
        let Some(from) = order.find_map(|(from, _)| Some(from).filter(waiting).copied()) else {
            return;
        };
        let piece = node.queues.get_mut(&from).unwrap().pop_front().unwrap();
        node.turn = from;
        node.sending = Some((from, piece));
        let length = u64::from(self.layout.length(piece));
        node.sent += length;
        let micros = length * 1_000_000 / node.rate;
        self.push(Duration::from_micros(micros), Event::Uploaded { at });
    }

    fn act(&mut self, event: Event) {
        match event {
            Event::Request { at, from, pieces } => {
                self.nodes[at]
                    .queues
                    .entry(from)
                    .or_default()
                    .extend(pieces);
                self.upload(at);
            }
            Event::Cancel { at, from, pieces } => {
                let queue = self.nodes[at].queues.entry(from).or_default();
                queue.retain(|piece| !pieces.contains(piece));
            }
            Event::Uploaded { at } => {
                if let Some((to, piece)) = self.nodes[at].sending.take() {
                    self.push(
                        ONE_WAY,
                        Event::Arrive {
                            at: to,
                            from: at,
                            piece,
                        },
                    );
                }
                self.upload(at);
            }
            Event::Arrive { at, from, piece } => {
                let length = u64::from(self.layout.length(piece));
                let node = &mut self.nodes[at];
                *node.got.entry(from).or_default() += length;
                if !node.owed.entry(from).or_default().remove(&piece) {
                    node.wasted += length;
                    return;
                }
                let link = LinkId(from as u64);
                self.handle(
                    at,
                    Input::Received {
                        link,
                        pieces: vec![piece],
                    },
                );
                self.push(STORE, Event::Store { at, piece });
                self.want(at, from);
            }
            Event::Store { at, piece } => self.handle(at, Input::Stored(vec![piece])),
            Event::Have { at, from, pieces } => {
                let link = LinkId(from as u64);
                self.handle(at, Input::PeerHas { link, pieces });
            }
            Event::Suggest { at, from, pieces } => {
                let link = LinkId(from as u64);
                self.handle(at, Input::PeerSuggests { link, pieces });
            }
            Event::Tick { at } => {
                let next = self.nodes[at].picker.next_timeout();
                if next.is_some_and(|next| next <= self.now) {
                    self.handle(at, Input::Tick);
                }
            }
        }
    }

    /// Runs until nothing happens any more, or for that long.
    fn run(&mut self, limit: Duration) {
        while let Some(Reverse((time, body))) = self.events.pop() {
            if time > Timestamp::ZERO + limit {
                break;
            }
            self.now = time;
            if let Some(event) = self.bodies[body].take() {
                self.act(event);
            }
        }
    }

    fn seconds(&self) -> f64 {
        let done = self
            .nodes
            .iter()
            .map(|node| node.done.unwrap_or(Timestamp::NEVER));
        done.max().unwrap().as_micros() as f64 / 1e6
    }

    /// Bytes that came although they were no longer needed, per byte that was.
    fn waste(&self) -> f64 {
        let sent: u64 = self.nodes.iter().map(|node| node.sent).sum();
        let wasted: u64 = self.nodes.iter().map(|node| node.wasted).sum();
        wasted as f64 / (sent - wasted) as f64
    }

    fn copies_from(&self, at: usize) -> f64 {
        self.nodes[at].sent as f64 / self.layout.size() as f64
    }
}

fn scattered(layout: Layout, nodes: usize, seed: u64) -> Vec<BTreeSet<PieceIndex>> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut has = vec![BTreeSet::new(); nodes];
    for piece in layout.all_pieces() {
        has[rng.usize(..nodes)].insert(piece);
    }
    has
}

#[test]
fn the_first_complete_node_sends_about_one_copy() {
    // In the second swarm one copy takes 50 ms and news 4 ms: many pieces are asked for twice
    // before anybody can know. It stays above the goal of 1.3 copies.
    for (size, length, nodes, most) in [
        (16 << 20, 64 << 10, 10, 1.3),
        (1 << 20, 4 << 10, 10, 1.7),
        (24 << 20, 64 << 10, 30, 1.3),
        (8 << 20, 16 << 10, 3, 1.3),
    ] {
        let layout = Layout::new(size, length).unwrap();
        let mut has = vec![BTreeSet::new(); nodes];
        has[0] = layout.all_pieces().collect();
        let mut swarm = Swarm::new(layout, &vec![20 << 20; nodes], &has, 3);
        swarm.run(Duration::from_secs(60));
        let (copies, waste) = (swarm.copies_from(0), swarm.waste());
        let ideal = size as f64 / f64::from(20 << 20);
        let seconds = swarm.seconds();
        println!(
            "{nodes} nodes, {size} B in {length} B: {seconds:.2} s (one copy: {ideal:.2} s), {copies:.2} copies, waste {waste:.3}"
        );
        assert!(copies < most, "{copies} copies");
        assert!(waste < 0.1, "{waste} wasted");
        assert!(seconds < 4.0 * ideal + 0.5);
    }
}

#[test]
fn scattered_pieces_meet_everywhere_with_little_waste() {
    for (size, length, nodes) in [(17 << 20, 127 << 10, 16), (4 << 20, 64 << 10, 8)] {
        let layout = Layout::new(size, length).unwrap();
        let has = scattered(layout, nodes, 5);
        let mut swarm = Swarm::new(layout, &vec![20 << 20; nodes], &has, 5);
        swarm.run(Duration::from_secs(60));
        let (seconds, waste) = (swarm.seconds(), swarm.waste());
        let ideal = size as f64 / f64::from(20 << 20);
        println!(
            "{nodes} nodes, {size} B scattered: {seconds:.2} s (all busy: {ideal:.2} s), waste {waste:.3}"
        );
        assert!(waste < 0.1, "{waste} wasted");
        assert!(seconds < 3.0 * ideal + 0.5);
    }
}

#[test]
fn a_dead_holder_delays_the_file_by_no_more_than_two_seconds() {
    let layout = Layout::new(4 << 20, 64 << 10).unwrap();
    let all: BTreeSet<_> = layout.all_pieces().collect();
    let has = [BTreeSet::new(), all.clone(), all.clone(), all];
    for rates in [
        [20 << 20, 0, 0, 20 << 20],
        [20 << 20, 10 << 10, 0, 20 << 20],
    ] {
        let mut swarm = Swarm::new(layout, &rates, &has, 11);
        swarm.run(Duration::from_secs(60));
        println!(
            "{rates:?}: {:.2} s, waste {:.3}",
            swarm.seconds(),
            swarm.waste()
        );
        assert!(swarm.seconds() < 2.0 + 0.2);
    }
}
