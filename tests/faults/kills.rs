//! SIGKILL at any moment of a transfer: no wrong byte, and no piece lost that was written.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::content::Content;
use crate::support::handful::{Handful, Has};
use crate::support::loopback::Subnet;
use crate::support::{self, node::Node};

/// How many kills there are, if nothing else is said.
const KILLS: usize = 240;

/// 1,500 pieces: a transfer takes a few dozen lives.
const PIECES: usize = 1_500;
const PIECE: usize = 4 * 1024;

/// What a leecher may fetch per second: its transfer takes seconds, however fast the machine is.
const LIMIT: &str = "1500000";

/// Nodes that are killed, beside one that is not.
const VICTIMS: usize = 4;

/// What is known of a file that a killed node has left.
struct Ledger {
    /// The pieces that were right when it was last looked at.
    right: Vec<bool>,
    /// What was in it before the node was started for the first time.
    before: Vec<u8>,
}

impl Ledger {
    fn new(before: Vec<u8>, content: &Content) -> Self {
        let right = vec![false; content.hashes().len()];
        Self { right, before }
    }

    /// Compares a file that nobody writes to. How many pieces are right, and whether all are.
    fn look(&mut self, path: &Path, content: &Content) -> usize {
        let bytes = fs::read(path).unwrap_or_default();
        if bytes.is_empty() {
            // It was killed before it opened its file for the first time.
            assert!(self.right.iter().all(|right| !right), "the file is gone");
            return 0;
        }
        // A byte is what it was, or what it must be; nothing else was ever verified.
        for (at, &byte) in bytes.iter().enumerate() {
            let old = self.before.get(at).copied().unwrap_or(0);
            let new = content.bytes().get(at).copied();
            assert!(
                Some(byte) == new || byte == old,
                "byte {at} is {byte}, which is neither old nor new"
            );
        }
        let pieces = content
            .parts()
            .zip(bytes.chunks(PIECE))
            .zip(&mut self.right);
        for (number, ((truth, here), was_right)) in pieces.enumerate() {
            let is_right = truth == here;
            assert!(
                is_right || !*was_right,
                "piece {number} was right, and is lost"
            );
            *was_right = is_right;
        }
        self.right.iter().filter(|&&right| right).count()
    }

    fn is_complete(&self) -> bool {
        self.right.iter().all(|&right| right)
    }
}

/// How long a node lives: often not even until it has read its config, often in its check, and
/// sometimes for long enough to do something.
fn life(rng: &mut fastrand::Rng) -> Duration {
    let most = [5_000, 60_000, 400_000][rng.usize(..3)];
    Duration::from_micros(rng.u64(..most))
}

/// A new beginning: the file as a stranger left it, empty, half of another content, or none at all.
fn begin_anew(node: &Node, content: &Content, rng: &mut fastrand::Rng) -> Ledger {
    let _ = fs::remove_dir_all(&node.files.state);
    fs::create_dir(&node.files.state).unwrap();
    let _ = fs::remove_file(&node.files.data);
    let before = match rng.u8(..3) {
        0 => Vec::new(),
        1 => {
            let mut bytes = vec![0; content.size() / 2];
            rng.fill(&mut bytes);
            bytes
        }
        _ => vec![0xee; content.size()],
    };
    if !before.is_empty() {
        fs::write(&node.files.data, &before).unwrap();
    }
    Ledger::new(before, content)
}

#[test]
fn no_kill_writes_a_wrong_byte_or_loses_a_piece() {
    let _turn = support::share_turn();
    let mut rng = support::seeded("kills");
    let kills = crate::count("SWARMLET_KILLS", KILLS);
    let content = Content::random(&mut rng, PIECES * PIECE - 1_000, PIECE);
    let subnet = Subnet::reserve();
    let mut handful = Handful::new();
    let seed = [subnet.ip(0).to_string()];
    let has = (Has::File, &content);
    handful.add(has, subnet.address(0), &[], &[], &["env", "RUST_LOG=error"]);
    for number in 1..=VICTIMS {
        // One of them learns from the others what there is, and remembers it in its state.
        let has = if number == 1 {
            Has::Nothing
        } else {
            Has::Config
        };
        let limited = ["--download-limit", LIMIT];
        let at = subnet.address(number);
        handful.add((has, &content), at, &seed, &limited, &[]);
    }
    handful.nodes[0].start();
    handful.wait_for_log(0, "complete, every piece is verified");
    let mut ledgers: Vec<_> = handful.nodes[1..]
        .iter()
        .map(|node| begin_anew(node, &content, &mut rng))
        .collect();
    let mut ends = [None; VICTIMS];
    let (mut killed, mut transfers, mut useful) = (0, 0, 0);
    let begin = Instant::now();
    while killed < kills {
        for (number, ledger) in ledgers.iter_mut().enumerate() {
            let node = &mut handful.nodes[number + 1];
            match ends[number] {
                None => {
                    node.start();
                    ends[number] = Some(Instant::now() + life(&mut rng));
                }
                Some(end) if end <= Instant::now() => {
                    if let Err(status) = node.poll() {
                        panic!("a node ended with {status}:\n{}", node.log_tail());
                    }
                    node.kill();
                    killed += 1;
                    ends[number] = None;
                    let before = ledger.right.iter().filter(|&&right| right).count();
                    let after = ledger.look(&node.files.data, &content);
                    useful += usize::from(after > before);
                    if ledger.is_complete() {
                        transfers += 1;
                        *ledger = begin_anew(node, &content, &mut rng);
                    }
                    // What is in the log of so many lives is of no interest.
                    let _ = fs::remove_file(&node.files.log);
                }
                Some(_) => {}
            }
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    let took = begin.elapsed();
    // Left alone, all of them come to the end, with what they had.
    let victims: Vec<_> = (1..=VICTIMS).collect();
    for node in &victims {
        handful.nodes[*node].start();
    }
    handful.wait_for_file(&victims, &content);
    println!(
        "kills: {killed} in {:.0} s, {useful} of them after a life that wrote pieces, {transfers} transfers \
         completed between them; wrong bytes 0, pieces lost 0",
        took.as_secs_f64()
    );
    assert!(
        useful > kills / 20,
        "the nodes lived too short to do something"
    );
}
