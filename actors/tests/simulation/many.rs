//! Many schedules, on every core, and what came of them.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::schedule::{Outcome, play};

/// So many failures are told; more would be the same.
const TOLD: usize = 10;

/// How a seed is run again alone.
fn again(seed: u64) -> String {
    format!(
        "SWARMLET_SIMULATION_SEED={seed} cargo test --workspace --features swarmlet-actors/simulation \
         --test simulation -- every_schedule --nocapture"
    )
}

/// Plays a seed. What panics is a verdict as well.
fn judged(seed: u64) -> Outcome {
    std::panic::catch_unwind(|| play(seed)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Outcome {
            seed,
            wrong: Some(text.unwrap_or_else(|| "a panic".to_owned())),
            trace: Vec::new(),
            befell: BTreeMap::new(),
            time: Duration::ZERO,
            healing: Duration::ZERO,
            most_sockets: 0,
            most_held: 0,
        }
    })
}

/// Plays one seed and shows all of it.
pub fn one(seed: u64) {
    let outcome = judged(seed);
    for line in &outcome.trace {
        println!("{line}");
    }
    assert!(
        outcome.wrong.is_none(),
        "seed {seed}: {}",
        outcome.wrong.unwrap_or_default()
    );
}

/// Plays all of these, on every core, and says what befell how often.
pub fn all(seeds: Vec<u64>) {
    let begun = Instant::now();
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(&seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut outcome = judged(seed);
                    outcome.trace.clear();
                    if let Some(wrong) = &outcome.wrong {
                        println!("seed {seed}: {wrong}\n    {}", again(seed));
                    }
                    outcomes.lock().unwrap().push(outcome);
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    tell(&outcomes, begun.elapsed());
    let wrong: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| Some((outcome.seed, outcome.wrong.as_ref()?)))
        .collect();
    let told: Vec<_> = wrong
        .iter()
        .take(TOLD)
        .map(|(seed, wrong)| format!("seed {seed}: {wrong}\n    {}", again(*seed)))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} failed\n{}",
        wrong.len(),
        outcomes.len(),
        told.join("\n")
    );
}

fn tell(outcomes: &[Outcome], took: Duration) {
    let mut befell: BTreeMap<&str, u64> = BTreeMap::new();
    for (kind, count) in outcomes.iter().flat_map(|outcome| &outcome.befell) {
        *befell.entry(kind).or_default() += count;
    }
    let time: Duration = outcomes.iter().map(|outcome| outcome.time).sum();
    let longest = outcomes.iter().map(|outcome| outcome.healing).max();
    let sockets = outcomes.iter().map(|outcome| outcome.most_sockets).max();
    let held = outcomes.iter().map(|outcome| outcome.most_held).max();
    println!(
        "{} schedules in {:.1} s, {:.1} h simulated; {} faults; whole again after {:.1} s at most; {} connections and {:.1} MiB of pieces in memory of a node at most",
        outcomes.len(),
        took.as_secs_f64(),
        time.as_secs_f64() / 3_600.0,
        befell.values().sum::<u64>(),
        longest.unwrap_or_default().as_secs_f64(),
        sockets.unwrap_or_default(),
        held.unwrap_or_default() as f64 / 1_048_576.0,
    );
    for (kind, count) in befell {
        println!("{count:>8} {kind}");
    }
}
