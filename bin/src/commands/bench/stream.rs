//! `bench stream`: what it costs those who trade that many watch, and what the watchers get.
//!
//! One run of the actors with 20,000 ticks/s and a strategy that orders 50 times a second: first nobody watches, then clients
//! do, by WebSocket over loopback, and one of them never reads. Latencies are read from the ledger. Fails when a client that
//! reads misses an order or a fill or has one twice, when a topic has a hole, when a client is closed that reads, and when
//! memory grows by more than it did while nobody watched. No time decides anything.

mod check;
mod clients;
mod feed;
mod server;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use actors::audience::{self, Counts};
use actors::clock::Clock;
use actors::feeds::player::Frames;
use actors::runtime::{self, Plan, Runtime};
use actors::settings::StrategyRun;
use actors::strategies::registry::Registry;
use anyhow::Context;
use config::Settings;
use hdrhistogram::Histogram;
use messages::{Exchange, UtcNanos};
use storage::datadir::Paths;
use storage::service::Storage;

use super::Figure;
use super::machine;
use super::probe::Probe;
use super::readers::Outcome;
use crate::stream::{Asked, Known, Running, Sources, Stream};
use clients::{Crowd, Told};
use feed::Load;

/// What the first seconds of a part hold is not measured: caches, connections, the first snapshots.
const WARM_UP: Duration = Duration::from_secs(3);
/// What is on its way to the clients when the feed ends has arrived after this.
const DRAIN: Duration = Duration::from_secs(3);
/// How much more memory may be used at the end than after a third of the time, beyond what the run without clients took.
const GROWTH_BYTES: u64 = 32 << 20;

/// How much is watched.
#[derive(Clone, Copy)]
pub struct Size {
    /// Of both parts together.
    pub seconds: u64,
    /// One of them never reads.
    pub clients: u64,
}

/// Where one part of the run begins and ends, and the memory in use after each of its thirds.
struct Part {
    from: UtcNanos,
    to: UtcNanos,
    memory: [u64; 3],
}

/// What a run has shown.
struct Shown {
    alone: Part,
    watched: Part,
    told: Vec<Told>,
    /// How far the ledger was when the feed had ended.
    ended: UtcNanos,
    counts: Counts,
}

pub fn measure(settings: &Settings, size: Size) -> anyhow::Result<Outcome> {
    let dir = super::scratch()?;
    let paths = Paths::of(dir.path(), None);
    let shown = run(settings, size, &paths)?;
    let ledger = check::Ledger::read(&paths)?;
    let mut findings = check::findings(&shown.told, &ledger, shown.ended);
    let counts = &shown.counts;
    if counts.conflated + counts.resynced + counts.closed_slow + counts.closed_silent == 0 {
        findings.push("the client that never reads was neither conflated nor closed".to_owned());
    }
    if counts.lost_events + counts.lost_batches > 0 {
        findings.push(format!("{} events and {} batches were lost", counts.lost_events, counts.lost_batches));
    }
    let growth = [&shown.alone, &shown.watched].map(|part| part.memory[2].saturating_sub(part.memory[0]));
    if growth[1] > growth[0] + GROWTH_BYTES {
        findings.push(format!(
            "memory grew by {} bytes while {} watched, and by {} before",
            growth[1], size.clients, growth[0]
        ));
    }
    Ok(Outcome { figures: figures(&shown, &ledger, growth)?, findings })
}

fn figures(shown: &Shown, ledger: &check::Ledger, growth: [u64; 2]) -> anyhow::Result<Vec<Figure>> {
    let alone = ledger.tick_to_order(shown.alone.from, shown.alone.to)?;
    let watched = ledger.tick_to_order(shown.watched.from, shown.watched.to)?;
    let us = |h: &Histogram<u64>, q: f64| Some(h.value_at_quantile(q) as f64 / 1_000.0);
    let mut lag = Histogram::<u64>::new(3)?;
    shown.told.iter().try_for_each(|told| lag.add(&told.lag))?;
    let ms = |q: f64| Some(lag.value_at_quantile(q) as f64 / 1_000.0);
    let seconds = shown.watched.to.since(shown.watched.from) as f64 / 1e9;
    let mib = |bytes: u64| Some(bytes as f64 / f64::from(1 << 20));
    let figure = |name, unit, value, target| Figure { name, unit, value, target };
    let p99 = (us(&alone, 0.99), us(&watched, 0.99));
    let ratio = p99.0.zip(p99.1).filter(|(alone, _)| *alone > 0.0).map(|(alone, watched)| watched / alone);
    let reading: Vec<&Told> = shown.told.iter().filter(|told| told.orders.count > 0).collect();
    let least = |of: fn(&Told) -> u64| reading.iter().map(|told| of(told)).min().map(|n| n as f64);
    let counts = &shown.counts;
    Ok(vec![
        figure("tick_to_order_p50", "µs, nobody watches", us(&alone, 0.5), None),
        figure("tick_to_order_p99", "µs, nobody watches", p99.0, None),
        figure("watched_tick_to_order_p50", "µs", us(&watched, 0.5), None),
        figure("watched_tick_to_order_p99", "µs", p99.1, p99.0.map(|alone| alone * 1.2)),
        figure("watched_p99_ratio", "of that without clients", ratio, Some(1.2)),
        figure("client_lag_p50", "ms, written to received", ms(0.5), None),
        figure("client_lag_p99", "ms, written to received", ms(0.99), Some(250.0)),
        figure("clients", "that read", Some(reading.len() as f64), None),
        figure("order_events", "to each client, the least", least(|told| told.orders.count), None),
        figure("fills", "to each client, the least", least(|told| told.fills.count), None),
        figure("messages", "sent/s", Some(counts.messages as f64 / seconds), None),
        figure("messages_written", "/s", Some(counts.encoded as f64 / seconds), None),
        figure("bytes", "sent/s", Some(counts.bytes as f64 / seconds), None),
        figure("conflated", "messages", Some(counts.conflated as f64), None),
        figure("resynced", "snapshots in place of messages", Some(counts.resynced as f64), None),
        figure("closed", "slow or silent", Some((counts.closed_slow + counts.closed_silent) as f64), None),
        figure("memory_alone_1", "MiB, after a third", mib(shown.alone.memory[0]), None),
        figure("memory_alone_3", "MiB, at the end", mib(shown.alone.memory[2]), None),
        figure("memory_watched_1", "MiB, after a third", mib(shown.watched.memory[0]), None),
        figure("memory_watched_2", "MiB, after two", mib(shown.watched.memory[1]), None),
        figure("memory_watched_3", "MiB, at the end", mib(shown.watched.memory[2]), None),
        figure("memory_growth", "MiB, of the last two thirds", mib(growth[1]), mib(growth[0] + GROWTH_BYTES)),
    ])
}

fn run(settings: &Settings, size: Size, paths: &Paths) -> anyhow::Result<Shown> {
    let settings = prepared(settings)?;
    let clock = Clock::wall();
    let ends = Arc::new(AtomicBool::new(false));
    let (audience, seat) = audience::channel();
    let storage = Storage::open(
        paths,
        &settings.journal,
        &settings.tiers.cold,
        &settings.timescale,
        settings.duckdb.options(),
        settings.hot.options(),
        |_, _| {},
    )?;
    let plan = plan(&settings, paths, &clock, &ends, audience);
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start tokio")?;
    let shown = threads.block_on(async {
        let runtime = Arc::new(runtime::start(plan, &storage).await?);
        let stats = seat.stats.clone();
        let (stream, running) = watch(&runtime, seat, known(&settings))?;
        let server = server::start(stream)?;

        let half = Duration::from_secs(size.seconds) / 2;
        let alone = part(&clock, half).await?;
        let crowd = Crowd::start(server.address, size.clients, clock.clone())?;
        let before = stats.counts();
        let watched = part(&clock, half).await?;
        let counts = since(stats.counts(), before);
        ends.store(true, std::sync::atomic::Ordering::Release);
        let _ = runtime.wants_stop.recv_async().await;
        let ended = clock.now();
        tokio::time::sleep(DRAIN).await;
        let told = crowd.stop().await?;
        stop(runtime, running, server).await;
        anyhow::Ok(Shown { alone, watched, told, ended, counts })
    })?;
    drop(threads);
    storage.finish()?;
    Ok(shown)
}

/// Settings of the run: every order is judged as in life and none refused for being one of many; memory that only follows
/// from the ticks is small, so that what clients take can be seen.
fn prepared(settings: &Settings) -> anyhow::Result<Settings> {
    let mut settings = settings.clone();
    let run = StrategyRun { instruments: vec![feed::TRADED.to_owned()], ..StrategyRun::default() };
    settings.strategies.run = [("probe".parse()?, run)].into();
    settings.risk.max_orders_per_second = 0;
    settings.risk.max_position_notional = messages::Cash::ZERO;
    settings.hot.max_bytes = 0;
    settings.tiers.schedule.clear();
    settings.duckdb.memory_bytes = 256 << 20;
    settings.duckdb.checkpoint_bytes = 32 << 20;
    Ok(settings)
}

fn plan(
    settings: &Settings,
    paths: &Paths,
    clock: &Clock,
    ends: &Arc<AtomicBool>,
    audience: audience::Audience,
) -> Plan {
    let mut registry = Registry::default();
    registry.add("probe", |instruments, _: super::probe::Nothing| Ok(Probe { instruments }));
    let frames = Load::new(clock.clone(), ends.clone());
    Plan {
        frames: Some(Box::new(move |_, _| {
            let frames: Box<dyn Frames> = Box::new(frames);
            Ok(frames)
        })),
        audience: Some(audience),
        ..settings.plan(paths, vec![Exchange::Binance], registry, clock.clone())
    }
}

fn known(settings: &Settings) -> Known {
    Known {
        instruments: feed::instruments(),
        timeframes: settings.bars.timeframes.clone(),
        strategies: settings.strategies.run.clone(),
        ..Known::default()
    }
}

/// Lets one part of the run pass.
async fn part(clock: &Clock, half: Duration) -> anyhow::Result<Part> {
    tokio::time::sleep(WARM_UP).await;
    let from = clock.now();
    let mut memory = [0; 3];
    for used in &mut memory {
        tokio::time::sleep(half.saturating_sub(WARM_UP) / 3).await;
        *used = machine::memory_used().context("the system does not say how much memory is in use")?;
    }
    Ok(Part { from, to: clock.now(), memory })
}

/// What was counted since `before`; what is rare is counted from the start.
fn since(now: Counts, before: Counts) -> Counts {
    Counts {
        messages: now.messages - before.messages,
        bytes: now.bytes - before.bytes,
        encoded: now.encoded - before.encoded,
        ..now
    }
}

/// The stream of a running tree.
fn watch(runtime: &Arc<Runtime>, seat: audience::Seat, known: Known) -> anyhow::Result<(Stream, Running)> {
    let (asked, of_open) = (Arc::downgrade(runtime), Arc::downgrade(runtime));
    let make_whole = Box::new(move || {
        if let Some(runtime) = of_open.upgrade() {
            runtime.tell_open();
        }
    });
    let sources = Sources { seat, logs: None, alerts: Box::new(|| None), make_whole };
    let (stream, running) = Stream::start(sources, known)?;
    tokio::spawn(stream.poll(move || {
        let runtime = asked.upgrade();
        async move { Some(Asked { valued: runtime?.portfolio().await, health: serde_json::json!({"status": "ok"}) }) }
    }));
    Ok((stream, running))
}

async fn stop(runtime: Arc<Runtime>, running: Running, server: server::Server) {
    runtime.stop().await;
    // The hub's thread ends within one of its pauses.
    let _ = tokio::task::spawn_blocking(move || running.stop()).await;
    server.handle.stop(false).await;
}
