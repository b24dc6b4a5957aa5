//! A history in all tiers: ticks through the market journal into the tables, then the archive as it runs at night.
//! Shows how far it is, on a terminal.

use std::time::Duration;

use actors::clock::Clock;
use anyhow::{Context, ensure};
use config::Settings;
use indicatif::{ProgressBar, ProgressStyle};
use messages::UtcNanos;
use messages::ledger::{MarketRecord, Seq};
use messages::market::{Batch, Source};
use storage::datadir::Paths;
use storage::query::Tier;
use storage::service::Storage;

use super::Size;
use super::market::Market;
use crate::commands::bench::ingest::wait;

/// Records that are handed over at once; each is one tick, as frames of a stream come.
const AT_ONCE: u64 = 1_000;
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Ticks of all days, today's up to now. Returns when they are in the tables, on disk and in memory.
pub fn fill(storage: &Storage, market: &mut Market, size: Size) -> anyhow::Result<()> {
    let now = Clock::wall().now();
    let rows = size.rows_of_a_day();
    let bar = bar(rows * u64::from(size.days), "ticks");
    for day in (0..i64::from(size.days)).rev() {
        let start = UtcNanos::start_of_day(now.day() - day);
        let end = if day == 0 { now } else { UtcNanos::start_of_day(now.day() - day + 1) };
        let gap = end.since(start) / i64::try_from(rows)?;
        let mut received = start;
        for from in (0..rows).step_by(AT_ONCE as usize) {
            let mut records = Vec::new();
            for n in from..(from + AT_ONCE).min(rows) {
                let time = UtcNanos(start.0 + n as i64 * gap + market.within(gap));
                received = received.max(UtcNanos(time.0 + market.on_its_way()));
                let events = vec![market.tick(time)?];
                records.push(MarketRecord::Batch(Batch { source: Source::Simulated, received, events }));
            }
            bar.inc(records.len() as u64);
            ensure!(storage.market.append_blocking(records, None).is_ok(), "the market journal has stopped");
        }
    }
    bar.finish_and_clear();
    until_applied(storage, Seq(rows * u64::from(size.days)))
}

fn until_applied(storage: &Storage, last: Seq) -> anyhow::Result<()> {
    let bar = bar(last.0, "rows in the tables");
    loop {
        let applied = storage.applied_market().get();
        let hot = storage.applied_hot().map_or(last, |hot| hot.get());
        bar.set_position(applied.0);
        if applied.min(hot) >= last {
            bar.finish_and_clear();
            return Ok(());
        }
        ensure!(!storage.has_failed(), "the tables do not follow the market journal");
        wait(LOOK_EVERY);
    }
}

/// Moves what is due by the limits of the settings.
pub fn archive(storage: &Storage, paths: &Paths, settings: &Settings, size: Size) -> anyhow::Result<()> {
    let runner = storage.archive(paths, &settings.tiers);
    // All but today and the days on disk; how many those are, the limits say.
    let most = u64::from(size.days.saturating_sub(1)) * size.symbols as u64;
    let bar = bar(most, "files at most");
    let report = std::thread::scope(|threads| {
        let run = threads.spawn(|| runner.run(Clock::wall().now(), &[]));
        while !run.is_finished() {
            bar.set_position(files(storage));
            wait(LOOK_EVERY);
        }
        run.join()
    });
    bar.finish_and_clear();
    let report = report.ok().context("the archive has panicked")??;
    let failed = report.failed.first();
    ensure!(failed.is_none(), "the archive could not do {failed:?}");
    Ok(())
}

fn files(storage: &Storage) -> u64 {
    let database = storage.database();
    let manifest = database.stores().map(|stores| stores.manifest.newest());
    manifest.map_or(0, |manifest| manifest.all().filter(|piece| piece.tier != Tier::Disk).count() as u64)
}

fn bar(length: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(length).with_message(what);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} {msg} {elapsed} left {eta}") {
        bar.set_style(style);
    }
    bar
}
