//! Runs whole swarms in virtual time and prints what came of them.
//!
//! `cargo run --release -p swarmlet-protocol --features simulation --example simulate -- growth`
//! measures how the figures grow with the fleet; see `docs/growth.md`. Options:
//!
//! - `--nodes 10,100,1000,10000`: the fleets, each with one seed;
//! - `--pieces 1024`: how many pieces of 256 KiB the file has;
//! - `--acquaintances 1`: whom a node knows at first beside the seed;
//! - `--seed 1`: decides everything that is left to chance;
//! - `--record FILE`: keeps the rows in a file, and takes in those that are there, so that fleets
//!   can be measured one at a time;
//! - `--svg FILE`: draws the curves;
//! - `--markdown`: prints the table for a page.

mod chart;
mod growth;

fn main() {
    let mut words = std::env::args().skip(1);
    let outcome = match words.next().as_deref() {
        Some("growth") => growth::run(words),
        _ => Err(
            "say what to simulate: growth [--nodes 10,100] [--pieces 1024] [--acquaintances 1] [--seed 1] \
                  [--record FILE] [--svg FILE] [--markdown]"
                .to_owned(),
        ),
    };
    if let Err(error) = outcome {
        eprintln!("error: {error}");
        std::process::exit(2);
    }
}
