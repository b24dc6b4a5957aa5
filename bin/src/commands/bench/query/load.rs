//! The mixed load: rows arrive through the market journal while readers ask, half of them for what is hot and the
//! rest for the other tiers alike. Each question is due at its time, and what it takes counts from then: a reader that
//! is late with one has waited for the next.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actors::clock::Clock;
use actors::feeds::simulated::SplitMix64;
use anyhow::{Context, ensure};
use messages::UtcNanos;
use messages::ledger::MarketRecord;
use messages::market::{Batch, Source};
use storage::query::Tier;
use storage::service::Storage;

use super::market::Market;
use super::questions::{Questions, Seen};
use super::{SEED, TIERS};
use crate::commands::bench::ingest::{now, wait};

pub const ROWS_PER_SEC: u64 = 100_000;
pub const QUESTIONS_PER_SEC: u64 = 200;
const READERS: u64 = 50;
/// Rows of a batch, as busy frames come.
const BATCH: u64 = 1_000;

/// What came of it.
pub struct Outcome {
    pub seen: [Seen; TIERS.len()],
    /// Rows per second that were handed to the journal.
    pub rows_per_sec: f64,
    /// Rows per second that came into the tables meanwhile.
    pub applied_per_sec: f64,
    /// Answers per second.
    pub answers_per_sec: f64,
    /// How far the tables were behind the journal, in rows: at most, and at the end.
    pub behind: (u64, u64),
}

/// Lets rows arrive and readers ask for so long.
pub fn run(storage: &Storage, market: &mut Market, questions: &Questions, time: Duration) -> anyhow::Result<Outcome> {
    let (began, stop) = (now(), AtomicBool::new(false));
    std::thread::scope(|threads| {
        let stop = &stop;
        let readers: Vec<_> =
            (0..READERS).map(|n| threads.spawn(move || ask_until(questions, n, began + time, stop))).collect();
        let arrived = arrive(storage, market, began + time);
        let took = began.elapsed();
        stop.store(true, Ordering::Release);
        let mut seen = all_seen()?;
        for reader in readers {
            let of_reader = reader.join().ok().context("a reader has panicked")??;
            for (all, one) in seen.iter_mut().zip(of_reader) {
                all.merge(one)?;
            }
        }
        let answered = began.elapsed();
        let Arrived { rows, applied, behind } = arrived?;
        let answers: u64 = seen.iter().map(Seen::answers).sum();
        Ok(Outcome {
            rows_per_sec: rows as f64 / took.as_secs_f64(),
            applied_per_sec: applied as f64 / took.as_secs_f64(),
            answers_per_sec: answers as f64 / answered.as_secs_f64(),
            seen,
            behind,
        })
    })
}

fn all_seen() -> anyhow::Result<[Seen; TIERS.len()]> {
    Ok([Seen::new()?, Seen::new()?, Seen::new()?, Seen::new()?])
}

/// Asks every question at its time, until the end.
fn ask_until(
    questions: &Questions,
    reader: u64,
    end: Instant,
    stop: &AtomicBool,
) -> anyhow::Result<[Seen; TIERS.len()]> {
    let source = questions.database.source().context("the database is not open")?;
    let mut chance = SplitMix64::new(SEED + 1 + reader);
    let others: Vec<usize> = (1..TIERS.len()).filter(|n| questions.has(TIERS[*n])).collect();
    let each = Duration::from_secs_f64(READERS as f64 / QUESTIONS_PER_SEC as f64);
    let mut seen = all_seen()?;
    let mut due = now() + each.mul_f64(reader as f64 / READERS as f64);
    while due < end && !stop.load(Ordering::Acquire) {
        wait(due.saturating_duration_since(now()));
        let of = match chance.below(2) {
            0 if questions.has(Tier::Hot) => 0,
            _ if others.is_empty() => break,
            _ => others[chance.below(others.len() as u64) as usize],
        };
        let query = questions.any(TIERS[of], &mut chance)?;
        questions.ask(&*source, TIERS[of], &query, due, &mut seen[of])?;
        due += each;
    }
    Ok(seen)
}

/// Rows that were brought, those of them that the tables held at the end, and how far the tables were behind the
/// journal: at most, and at the end.
struct Arrived {
    rows: u64,
    applied: u64,
    behind: (u64, u64),
}

/// Brings rows until the end, each batch at its time.
fn arrive(storage: &Storage, market: &mut Market, end: Instant) -> anyhow::Result<Arrived> {
    let before = storage.market.watermark().get().0;
    let ns_per_row = 1_000_000_000 / ROWS_PER_SEC;
    // From here on every record is a batch.
    let applied = || storage.applied_market().get().0.saturating_sub(before) * BATCH;
    let durable = || storage.market.watermark().get().0.saturating_sub(before) * BATCH;
    let (began, mut rows, mut most) = (now(), 0, 0);
    while now() < end {
        let received = Clock::wall().now();
        let at = |n: u64| UtcNanos(received.0 - ((BATCH - n) * ns_per_row) as i64);
        let events = (0..BATCH).map(|n| market.tick(at(n))).collect::<Result<_, _>>()?;
        let record = MarketRecord::Batch(Batch { source: Source::Simulated, received, events });
        ensure!(storage.market.append_blocking(vec![record], None).is_ok(), "the market journal has stopped");
        rows += BATCH;
        most = most.max(durable().saturating_sub(applied()));
        wait((began + Duration::from_nanos(rows * ns_per_row)).saturating_duration_since(now()));
    }
    let applied = applied();
    Ok(Arrived { rows, applied, behind: (most, durable().saturating_sub(applied)) })
}
