//! What befalls a fleet, and how it is done to it.

use std::net::IpAddr;
use std::time::Duration;

use swarmlet_actors::files::faults::{Effect, Errno, Fault as DiskFault, Operation};
use swarmlet_actors::messages::Harm;
use swarmlet_actors::messages::operator::VerifySwarm;
use swarmlet_actors::messages::supervisor::HarmActor;

use crate::fleet::{Act, Fleet};
use crate::node::Node;
use crate::plan::{Damage, Fault, Sick};

/// 3: panics that one node is told to have in one life. More would be a node that gives up, as it must.
const MAX_PANICS: u64 = 3;

impl Fleet {
    pub async fn befall(&mut self, fault: Fault) {
        let line = format!("{fault:?}");
        let kind = fault.kind();
        let done = self.try_befall(fault).await;
        self.say(if done {
            line
        } else {
            format!("(not now: {line})")
        });
        if done {
            *self.befell.entry(kind).or_default() += 1;
        }
    }

    fn is_alive(&self, node: usize) -> bool {
        self.nodes[node].supervisor.is_some()
    }

    /// Says whether it could be done.
    async fn try_befall(&mut self, fault: Fault) -> bool {
        match fault {
            Fault::Kill {
                node,
                silently,
                down,
            } => {
                if !self.is_alive(node) {
                    return false;
                }
                self.kill(node, silently);
                self.later(down, Act::Restart(node));
            }
            Fault::Move {
                node,
                silently,
                down,
            } => {
                if node == 0 || !self.is_alive(node) {
                    return false;
                }
                self.kill(node, silently);
                self.nodes[node].moves();
                self.later(down, Act::Restart(node));
            }
            Fault::Stop { node, down } => {
                if !self.is_alive(node) || self.world.is_frozen(node) {
                    return false;
                }
                self.stop(node, false).await;
                self.later(down, Act::Restart(node));
            }
            Fault::Crash { node, kind } => {
                let of = &mut self.nodes[node];
                let Some(supervisor) = of.supervisor.as_ref().filter(|_| of.ordered < MAX_PANICS)
                else {
                    return false;
                };
                of.ordered += 1;
                supervisor.do_send(HarmActor {
                    kind,
                    harm: Harm::Panic,
                });
            }
            Fault::Partition { nodes, time } => {
                let ips: Vec<_> = self.nodes.iter().map(Node::ip).collect();
                let is_in = |node: usize| (nodes >> node) & 1 == 1;
                let ways = (0..ips.len()).flat_map(|from| (0..ips.len()).map(move |to| (from, to)));
                let ways = ways.filter(|&(from, to)| is_in(from) != is_in(to));
                let ways: Vec<_> = ways.map(|(from, to)| (ips[from], ips[to])).collect();
                self.block(ways, time);
            }
            Fault::OneWay { from, to, time } => {
                let way = (self.nodes[from].ip(), self.nodes[to].ip());
                self.block(vec![way], time);
            }
            Fault::Cut {
                link,
                outward,
                after,
            } => {
                let links = self.world.network.connections().len();
                if links == 0 {
                    return false;
                }
                self.world.network.cut(link % links, outward, after);
            }
            Fault::Freeze { node, time } => {
                if !self.is_alive(node) {
                    return false;
                }
                self.freeze(node, time);
            }
            Fault::Sleep { time } => (0..self.nodes.len()).for_each(|node| self.freeze(node, time)),
            Fault::Refuse { node, time } => {
                let host = self.nodes[node].ip();
                self.world.network.refuse(host, true);
                self.later(time, Act::Accept(host));
            }
            Fault::Lines(conditions) => self.world.network.set_conditions(conditions),
            Fault::Disk { node, how, time } => {
                // Bytes that are believed to be lost are fetched again, and not read again.
                if matches!(how, Sick::Lies | Sick::ReadError) {
                    if !self.may_lose_all(node) {
                        return false;
                    }
                    self.judge.doubt(node);
                }
                self.sicken(node, how, time);
            }
            Fault::Damage {
                node,
                content,
                how,
                seen,
            } => return self.damage(node, content, how, seen),
            Fault::LoseState { node, keep } => {
                let file = self.nodes[node].folder.join("state/node.json");
                let Ok(text) = std::fs::read(&file) else {
                    return false;
                };
                // A write that a crash of the host has torn.
                let keep = text.len() * usize::from(keep) / 256;
                std::fs::write(&file, &text[..keep]).unwrap();
            }
            Fault::Pause {
                node,
                content,
                time,
            } => {
                self.pause(node, content, true);
                self.later(time, Act::Resume(node, content));
            }
            Fault::Recheck { node, content } => {
                let info_hash = self.contents[content].info_hash();
                let Some(supervisor) = &self.nodes[node].supervisor else {
                    return false;
                };
                supervisor.do_send(VerifySwarm { info_hash });
            }
        }
        true
    }

    /// Is all that this disk has on another as well?
    fn may_lose_all(&self, node: usize) -> bool {
        let mut contents = self.contents.iter().enumerate();
        contents.all(|(number, of)| self.judge.may_lose(node, number, 0..of.pieces()))
    }

    fn block(&mut self, ways: Vec<(IpAddr, IpAddr)>, time: Duration) {
        for &(from, to) in &ways {
            self.world.network.block(from, to, true);
        }
        self.later(time, Act::Unblock(ways));
    }

    fn freeze(&mut self, node: usize, time: Duration) {
        self.world.freeze(node, true);
        self.later(time, Act::Thaw(node));
    }

    fn sicken(&mut self, node: usize, how: Sick, time: Duration) {
        let fails = |on, error| DiskFault::on(on, Effect::Fails(error));
        let faults = match how {
            Sick::Full => vec![
                DiskFault::on(Operation::Write, Effect::Short(self.rng.usize(1..5_000))),
                DiskFault {
                    after: self.rng.u64(..3),
                    ..fails(Operation::Write, Errno::NOSPC)
                },
                fails(Operation::Resize, Errno::NOSPC),
            ],
            Sick::ReadOnly => vec![
                fails(Operation::Write, Errno::ROFS),
                fails(Operation::Resize, Errno::ROFS),
                fails(Operation::OpenToWrite, Errno::ROFS),
            ],
            Sick::ReadError => {
                let from = self.rng.u64(..200_000);
                let range = from..from + self.rng.u64(1..100_000);
                vec![DiskFault {
                    range,
                    ..fails(Operation::Read, Errno::IO)
                }]
            }
            Sick::WriteError => vec![fails(Operation::Write, Errno::IO)],
            Sick::Slow(by) => [Operation::Read, Operation::Write, Operation::Look]
                .map(|on| DiskFault::on(on, Effect::Slow(by)))
                .to_vec(),
            Sick::NoDescriptors => [Operation::Open, Operation::OpenToWrite]
                .map(|on| fails(on, Errno::MFILE))
                .to_vec(),
            Sick::Lies => {
                self.judge.is_deceived = true;
                let from = self.rng.u64(..200_000);
                let range = from..from + self.rng.u64(1..50_000);
                let lies = Effect::Lies(1 << self.rng.u8(..8));
                vec![DiskFault {
                    range,
                    ..DiskFault::on(Operation::Read, lies)
                }]
            }
            Sick::ShortWrites => [Operation::Read, Operation::Write]
                .map(|on| DiskFault::on(on, Effect::Short(1 + self.rng.usize(..9_000))))
                .to_vec(),
        };
        let disk = &self.nodes[node].disk;
        let faults = faults.into_iter().map(|fault| disk.add(fault)).collect();
        self.later(time, Act::Mend(node, faults));
    }

    /// Somebody else changes a file, but never the last copy of a piece.
    fn damage(&mut self, node: usize, content: usize, how: Damage, seen: bool) -> bool {
        let of = &self.contents[content];
        let path = self.nodes[node].path(of);
        let Ok(mut bytes) = std::fs::read(&path) else {
            return false;
        };
        let pieces = match how {
            Damage::Rot => {
                let piece = self.rng.usize(..of.pieces());
                piece..piece + 1
            }
            Damage::Grow => 0..0,
            Damage::Truncate | Damage::Replace | Damage::Delete => 0..of.pieces(),
        };
        if !self.judge.may_lose(node, content, pieces.clone()) {
            return false;
        }
        self.judge.is_deceived = true;
        match how {
            Damage::Rot => {
                let range = of.range(pieces.start);
                let Some(rotten) = bytes.get_mut(range) else {
                    return false;
                };
                let at = self.rng.usize(..rotten.len());
                rotten[at] ^= 1 << self.rng.u8(..8);
                std::fs::write(&path, &bytes).unwrap();
            }
            Damage::Grow => {
                bytes.extend([1; 100]);
                std::fs::write(&path, &bytes).unwrap();
            }
            Damage::Truncate => {
                bytes.truncate(self.rng.usize(..=bytes.len()));
                std::fs::write(&path, &bytes).unwrap();
            }
            Damage::Replace => {
                let other = path.with_extension("other");
                self.rng.fill(&mut bytes);
                std::fs::write(&other, &bytes).unwrap();
                std::fs::rename(&other, &path).unwrap();
            }
            Damage::Delete => std::fs::remove_file(&path).unwrap(),
        }
        if seen || !matches!(how, Damage::Rot) {
            self.nodes[node].disk.touch(&path);
        }
        self.judge.damage(node, content, pieces);
        true
    }
}
