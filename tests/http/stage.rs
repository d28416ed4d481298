//! A seed, a leecher that knows it, and their HTTP faces.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::Value;

use crate::request::{Answer, Request, get};
use crate::support::content::Content;
use crate::support::handful::{Handful, Has};
use crate::support::loopback::Subnet;
use crate::support::{self, Turn};

/// Number of the seed and of the leecher.
pub const SEED: usize = 0;
pub const LEECHER: usize = 1;

pub struct Stage {
    pub handful: Handful,
    pub content: Content,
    pub subnet: Subnet,
    _turn: Turn,
}

impl Stage {
    /// Both nodes, not started, with these arguments.
    pub fn new(size: usize, part: usize, seed: &[&str], leecher: &[&str]) -> Self {
        let turn = support::take_turn();
        let mut rng = support::seeded("http");
        let content = Content::random(&mut rng, size, part);
        let subnet = Subnet::reserve();
        let mut stage = Self {
            handful: Handful::new(),
            content,
            subnet,
            _turn: turn,
        };
        stage.add(Has::File, seed);
        stage.add(Has::Config, leecher);
        stage
    }

    /// The same, running.
    pub fn running(size: usize, part: usize, seed: &[&str], leecher: &[&str]) -> Self {
        let mut stage = Self::new(size, part, seed, leecher);
        stage.handful.start_all();
        for node in [SEED, LEECHER] {
            stage.wait_for_face(node);
        }
        stage
    }

    /// One more node that knows the first one.
    pub fn add(&mut self, has: Has, arguments: &[&str]) -> usize {
        let number = self.handful.nodes.len();
        let http = self.face(number).to_string();
        let peers: Vec<_> = (0..number.min(1))
            .map(|it| self.subnet.ip(it).to_string())
            .collect();
        let mut all = vec!["--http", http.as_str()];
        all.extend(arguments);
        let address = self.subnet.address(number);
        self.handful
            .add((has, &self.content), address, &peers, &all, &[])
    }

    /// Where the face of a node is.
    pub fn face(&self, node: usize) -> SocketAddr {
        SocketAddr::from((self.subnet.ip(node), 6880))
    }

    pub fn state(&self, node: usize) -> PathBuf {
        self.handful.nodes[node].files.state.clone()
    }

    pub fn token(&self, node: usize) -> String {
        let token = fs::read_to_string(self.state(node).join("http-token"));
        token.expect("the token of the node").trim().to_owned()
    }

    pub fn wait_for_face(&self, node: usize) {
        let face = self.face(node);
        support::wait_for(
            "the face answers",
            || std::net::TcpStream::connect(face).is_ok(),
            || self.handful.nodes[node].log_tail(),
        );
    }

    /// Asks a node, without a token.
    pub fn ask(&self, node: usize, path: &str) -> Answer {
        get(path).send(self.face(node))
    }

    /// Tells a node, with its token.
    pub fn tell(&self, node: usize, request: Request) -> Answer {
        request.token(&self.token(node)).send(self.face(node))
    }

    /// The infohash of the content, as the seed says it.
    pub fn infohash(&self) -> String {
        let swarms = self.ask(SEED, "/api/v1/swarms").json();
        swarms["swarms"][0]["infohash"]
            .as_str()
            .expect("an infohash")
            .to_owned()
    }

    /// The only content of a node.
    pub fn swarm(&self, node: usize) -> Value {
        self.ask(node, "/api/v1/swarms").json()["swarms"][0].clone()
    }

    /// Waits until that is so of the only content of a node.
    pub fn wait_for_swarm(&self, node: usize, what: &str, is_so: impl Fn(&Value) -> bool) {
        support::wait_for(
            what,
            || is_so(&self.swarm(node)),
            || {
                format!(
                    "{:#}\n{}",
                    self.swarm(node),
                    self.handful.nodes[node].log_tail()
                )
            },
        );
    }

    pub fn wait_until_ready(&self, node: usize) {
        support::wait_for(
            "the node is ready",
            || self.ask(node, "/readyz").status == 200,
            || self.ask(node, "/readyz").text() + &self.handful.nodes[node].log_tail(),
        );
    }
}
