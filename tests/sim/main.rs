//! Simulation: the real states of orders and positions in virtual time, against a venue and a wire that do
//! their worst, with crashes at any step. An auditor checks the books after every event.
//!
//! `MERGANSER_SEEDS=7 cargo test … --test sim` runs seed 7 alone, `MERGANSER_SEEDS=0..100000` many.

use std::ops::Range;
use std::panic;

mod auditor;
mod chance;
mod feeds_alpaca;
mod feeds_binance;
mod feeds_depth;
mod network;
mod process;
mod trader;
mod venue;
mod world;

use world::World;

/// Seeds of an ordinary run: a few seconds.
const SEEDS: Range<u64> = 0..300;

#[test]
fn one_seed_gives_one_ledger_and_another_seed_another() {
    let [one, again, other] = [1, 1, 2].map(|seed| World::run(seed).ledger);
    assert!(one == again, "the same seed gives the same ledger");
    assert!(one != other, "another seed gives another");
}

#[test]
fn the_books_are_right_whatever_happens() {
    let (mut fills, mut starts, mut connections) = (0, 0, 0);
    let seeds = seeds(SEEDS);
    for seed in seeds.clone() {
        let Ok(run) = panic::catch_unwind(|| World::run(seed)) else {
            panic!("seed {seed} fails; alone: MERGANSER_SEEDS={seed} cargo test --workspace --release --test sim");
        };
        fills += run.fills;
        starts += run.starts;
        connections += run.connections;
    }
    println!("{fills} fills over {starts} starts and {connections} connections");
    if seeds == SEEDS {
        assert!(fills > 10_000 && starts > 1_000 && connections > 1_000, "the simulation has something to do");
    }
}

/// `N` or `FROM..TO` of the environment, or those of an ordinary run.
#[expect(clippy::disallowed_methods, reason = "a test asks which seeds to run")]
fn seeds(ordinary: Range<u64>) -> Range<u64> {
    let Ok(text) = std::env::var("MERGANSER_SEEDS") else { return ordinary };
    let number = |text: &str| text.trim().parse::<u64>().expect("MERGANSER_SEEDS is a number or FROM..TO");
    match text.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => number(&text)..number(&text) + 1,
    }
}
