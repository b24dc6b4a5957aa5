//! `bench latency`: restart. A runtime with ten million ticks of today in its journal and tables is killed with
//! SIGKILL; the figure is the time from the next start to market data that flows through it again while orders
//! answer. DuckDB and the hot tier come up beside.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use actors::restore;
use anyhow::{Context, ensure};
use config::Settings;
use messages::ledger::{LedgerRecord, MarketRecord, Seq};
use messages::market::Batch;
use messages::{MarketId, UtcNanos};
use storage::datadir::Paths;
use storage::journal::{Record, Writer};

use super::{Figure, ingest};
use crate::client::{self, Running};
use crate::stopped;

/// Ticks before the kill.
const TICKS: u64 = 10_000_000;
/// Starts that are measured.
const STARTS: usize = 5;
/// The longest that a start may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn measure(settings: &Settings) -> anyhow::Result<Figure> {
    let dir = super::scratch()?;
    let root = dir.path().join("run");
    let made = command(&root, &["run", "--for", "1s"])?.status().context("cannot start merganser")?;
    ensure!(made.success(), "the run that makes the directory failed");
    fill(&stopped::paths(&root, settings), settings)?;
    stopped::open(&root, settings)?;
    let mut took = Vec::new();
    for _ in 0..=STARTS {
        let began = now();
        let mut child = command(&root, &["run"])?.spawn().context("cannot start merganser")?;
        let measured = until_it_trades(&root, &mut child, began);
        // It is killed, whatever came of it.
        child.kill().context("cannot kill the runtime")?;
        child.wait().context("cannot wait for the runtime")?;
        took.push(measured?);
    }
    // The first start came behind an orderly stop; the others behind a kill.
    let slowest = took[1..].iter().max().copied().unwrap_or_default();
    Ok(Figure {
        name: "restart",
        unit: "s (the slowest of 5, 10 M ticks today)",
        value: Some(slowest.as_secs_f64()),
        target: Some(2.0),
    })
}

fn command(root: &Path, arguments: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("this program's own file")?);
    command.args(arguments).arg("--data-dir").arg(root).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command)
}

/// Adds the ticks of a day to the journal, as a run would have.
fn fill(paths: &Paths, settings: &Settings) -> anyhow::Result<()> {
    let first = restore::past(&paths.ledger, Seq(u64::MAX))?.next_block;
    let mut ledger = Writer::<LedgerRecord>::open(&paths.ledger, settings.journal.ledger_segment_bytes)?;
    ledger.append(&LedgerRecord::MarketIds { first, end: MarketId(first.0 + TICKS) })?;
    ledger.sync()?;
    let mut market = Writer::<MarketRecord>::open(&paths.market, settings.journal.market_segment_bytes)?;
    let now = actors::clock::Clock::wall().now();
    let start = UtcNanos::start_of_day(now.day());
    let step = (now.since(start) / i64::try_from(TICKS)?).max(1);
    let instruments = ingest::instruments()?;
    for from in (0..TICKS).step_by(1_000) {
        let at = |n: u64| UtcNanos(start.0 + n as i64 * step);
        let events = (from..from + 1_000).map(|n| ingest::event(&instruments, n, MarketId(first.0 + n), at(n)));
        let batch =
            Batch { source: messages::market::Source::Simulated, received: at(from + 999), events: events.collect() };
        append(&mut market, &MarketRecord::Batch(batch))?;
    }
    market.sync()?;
    Ok(())
}

fn append<R: Record>(writer: &mut Writer<R>, record: &R) -> anyhow::Result<()> {
    writer.append(record)?;
    if writer.is_full() {
        writer.sync()?;
    }
    Ok(())
}

/// Waits until orders answer and market data that came after that is durable.
fn until_it_trades(root: &Path, child: &mut Child, began: Instant) -> anyhow::Result<Duration> {
    let mut durable = None;
    while began.elapsed() < PATIENCE {
        ensure!(child.try_wait()?.is_none(), "the runtime ended by itself");
        let found = client::find(root).ok().flatten().and_then(|running| market_durable(&running));
        match (durable, found) {
            (Some(before), Some(after)) if after > before => return Ok(began.elapsed()),
            (None, Some(_)) => durable = found,
            _ => {}
        }
        wait(Duration::from_millis(2));
    }
    anyhow::bail!("the runtime did not trade within {PATIENCE:?}")
}

fn market_durable(running: &Running) -> Option<u64> {
    let health: serde_json::Value = serde_json::from_str(&running.get("/health").ok()?).ok()?;
    health["market_durable"].as_u64().filter(|_| health["trading"] == "ACTIVE")
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark waits in real time")]
fn wait(time: Duration) {
    std::thread::sleep(time);
}
