//! Simulation: the real states of orders and positions in virtual time, against a venue and a wire that do
//! their worst, with crashes at any step. An auditor checks the books after every event.
//!
//! `MERGANSER_SEEDS=7 cargo test … --test sim` runs seed 7 alone, `MERGANSER_SEEDS=0..100000` many. There are minutes of the worst,
//! and trading days with all that a day has.

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

use process::Course;
use world::{Run, World};

/// Seeds of an ordinary run: a few seconds.
const SEEDS: Range<u64> = 0..300;
/// Trading days of an ordinary run.
const DAYS: Range<u64> = 0..50;

#[test]
fn one_seed_gives_one_ledger_and_another_seed_another() {
    for course in [Course::Minutes, Course::Day] {
        let [one, again, other] = [1, 1, 2].map(|seed| World::run(course, seed).ledger);
        assert!(one == again, "{course:?}: the same seed gives the same ledger");
        assert!(one != other, "{course:?}: another seed gives another");
    }
}

#[test]
fn the_books_are_right_whatever_happens() {
    let (mut fills, mut starts, mut connections) = (0, 0, 0);
    let seeds = seeds(SEEDS);
    for seed in seeds.clone() {
        let run = run(Course::Minutes, seed);
        fills += run.fills;
        starts += run.starts;
        connections += run.connections;
    }
    println!("{fills} fills over {starts} starts and {connections} connections");
    if seeds == SEEDS {
        assert!(fills > 10_000 && starts > 1_000 && connections > 1_000, "the simulation has something to do");
    }
}

#[test]
fn a_trading_day_ends_with_true_books() {
    let (mut orders, mut fills, mut kills, mut faults) = (0, 0, 0, 0);
    let seeds = seeds(DAYS);
    for seed in seeds.clone() {
        let day = run(Course::Day, seed);
        orders += day.orders;
        fills += day.fills;
        kills += day.kills;
        faults += day.faults;
    }
    let days = seeds.end - seeds.start;
    println!("{days} days, seeds {seeds:?}: {orders} orders, {fills} fills, {kills} kills, {faults} faults");
    if seeds == DAYS {
        assert!(orders > 5_000 && fills > 2_000 && kills > 200 && faults > 1_000, "a day has something to do");
    }
}

/// Runs one seed, or says how to run it alone.
fn run(course: Course, seed: u64) -> Run {
    panic::catch_unwind(|| World::run(course, seed)).unwrap_or_else(|_| {
        let alone = format!("MERGANSER_SEEDS={seed} cargo test --workspace --release --test sim");
        panic!("seed {seed} of {course:?} fails; alone: {alone}")
    })
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
