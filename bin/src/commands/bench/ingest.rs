//! `bench ingest`: ticks offered as batches, until they are durable in the market journal and committed
//! to the tables, on disk and in memory by the two threads side by side; beside it what DuckDB alone takes
//! of the same rows.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use config::Settings;
use messages::ledger::{MarketRecord, Seq};
use messages::market::{Batch, Event, EventBody, Source, Tick, TickBody};
use messages::orders::Side;
use messages::{Exchange, Instrument, MarketId, Price, Size, UtcNanos};
use storage::datadir::Paths;
use storage::service::Storage;

use super::Figure;

/// Rows offered.
const ROWS: usize = 3_000_000;
/// Rows of a batch, as busy frames come.
const BATCH: usize = 1_000;
/// Rows of a transaction in the bare run: what the file thread uses.
const TRANSACTION: usize = 100_000;

pub fn measure(settings: &Settings) -> anyhow::Result<Vec<Figure>> {
    let dir = super::scratch()?;
    let batches = batches()?;
    let duck = settings.duckdb.options();

    let began = now();
    let appended = storage::duck::measure::bare_append(&dir.path().join("bare.duckdb"), &duck, &batches, TRANSACTION)?;
    let bare = rate(appended, began.elapsed());

    let paths = Paths::of(dir.path(), None);
    let failed = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let heard = failed.clone();
    let on_health = move |_, _| heard.store(true, Ordering::Release);
    let storage = Storage::open(
        &paths,
        &settings.journal,
        &settings.tiers.cold,
        &settings.timescale,
        duck,
        settings.hot.options(),
        on_health,
    )?;
    let records = batches.len() as u64;
    let began = now();
    for batch in batches {
        let sent = storage.market.append_blocking(vec![MarketRecord::Batch(batch)], None);
        ensure!(sent.is_ok(), "the market journal has stopped");
    }
    let (durable, hot) = until_applied(&storage, Seq(records), began)?;
    storage.finish().context("storage did not end")?;
    ensure!(!failed.load(Ordering::Acquire), "the ledger failed meanwhile");
    Ok(vec![
        Figure { name: "durable_rows", unit: "rows/s", value: Some(rate(ROWS, durable)), target: Some(800_000.0) },
        Figure { name: "bare_append_rows", unit: "rows/s", value: Some(bare), target: None },
        Figure {
            name: "hot_rows",
            unit: if hot.is_some() { "rows/s" } else { "rows/s (hot.max_bytes is 0)" },
            value: hot.map(|took| rate(ROWS, took)),
            target: Some(200_000.0),
        },
    ])
}

/// Waits until the tables hold the record, on disk and in memory. Returns how long each took.
fn until_applied(storage: &Storage, last: Seq, began: Instant) -> anyhow::Result<(Duration, Option<Duration>)> {
    let deadline = now() + Duration::from_secs(300);
    let (mut durable, mut hot) = (None, None);
    loop {
        if storage.applied_market().get() >= last {
            durable.get_or_insert(began.elapsed());
        }
        if storage.applied_hot().is_some_and(|applied| applied.get() >= last) {
            hot.get_or_insert(began.elapsed());
        }
        if let Some(durable) = durable.filter(|_| hot.is_some() || storage.applied_hot().is_none()) {
            return Ok((durable, hot));
        }
        ensure!(now() < deadline && !storage.has_failed(), "the tables did not follow within five minutes");
        wait(Duration::from_millis(1));
    }
}

fn rate(rows: usize, took: Duration) -> f64 {
    rows as f64 / took.as_secs_f64()
}

/// A hundred symbols.
pub fn instruments() -> anyhow::Result<Vec<Instrument>> {
    let instrument = |n: u32| {
        let symbol = format!("SYM{n:03}").parse()?;
        Ok(Instrument { exchange: Exchange::Simulated, symbol })
    };
    (0..100).map(instrument).collect()
}

/// The n-th event: the instruments in turn, a trade or a quote.
pub fn event(instruments: &[Instrument], n: u64, id: MarketId, time: UtcNanos) -> Event {
    let instrument = instruments[n as usize % instruments.len()];
    let price = Price::from_raw(6_000_000_000_000 + (n as i64 % 1_000) * 1_000_000).unwrap_or(Price::ONE);
    let level = messages::market::Level { price, size: Size::ONE };
    let body = if n.is_multiple_of(2) {
        TickBody::Trade { price, size: Size::ONE, aggressor: Some(Side::Buy), conditions: Default::default() }
    } else {
        TickBody::Quote { bid: Some(level), ask: Some(level) }
    };
    let tick = Tick { instrument, time, sequence: Some(n as i64), revision: 0, body };
    Event { id, body: EventBody::Tick(tick) }
}

fn batches() -> anyhow::Result<Vec<Batch>> {
    let start: UtcNanos = "2026-01-01".parse()?;
    let instruments = instruments()?;
    let event = |n: usize| {
        let n = n as u64;
        event(&instruments, n, MarketId(n + 1), UtcNanos(start.0 + n as i64 * 10_000))
    };
    let batch = |b: usize| {
        let events: Vec<Event> = (b * BATCH..(b + 1) * BATCH).map(event).collect();
        let received = UtcNanos(start.0 + (b * BATCH) as i64 * 10_000);
        Batch { source: Source::Simulated, received, events }
    };
    Ok((0..ROWS / BATCH).map(batch).collect())
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
pub fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark waits in real time")]
pub fn wait(time: Duration) {
    std::thread::sleep(time);
}
