//! `bench latency`: how long from a frame to a typed tick, from a tick to a decided order, and from a
//! tick to an order in the venue's hands. The last two are read from the journals of a real run of the
//! actors with a strategy that orders on every trade of one symbol.

use std::time::{Duration, Instant};

use actors::clock::Clock;
use actors::feeds::input::InputError;
use actors::feeds::player::Frames;
use actors::runtime::{self, Plan};
use actors::settings::StrategyRun;
use actors::strategies::registry::Registry;
use anyhow::{Context, ensure};
use config::Settings;
use hdrhistogram::Histogram;
use messages::ledger::{Decider, Delivery, LedgerRecord, MarketRecord, Seq};
use messages::market::{FeedBatch, FeedItem, Source, Tick, TickBody};
use messages::orders::EventKind;
use messages::{Exchange, Instrument, Price, Size, UtcNanos};
use storage::datadir::Paths;
use storage::journal::Reader;
use storage::service::Storage;

use super::probe::{Nothing, Probe, level, wait};
use super::{Figure, frame_parse};

/// Orders measured in each run.
const ORDERS: usize = 1_000;
/// Time between two of them.
const EVERY: Duration = Duration::from_millis(5);

pub fn measure(settings: &Settings) -> anyhow::Result<Vec<Figure>> {
    let mut figures = frame_parse::measure()?;
    let idle = run(settings, 0)?;
    let loaded = run(settings, 100_000)?;
    let us = |h: &Histogram<u64>, q: f64| Some(h.value_at_quantile(q) as f64 / 1_000.0);
    figures.extend([
        Figure { name: "tick_to_order_p50", unit: "µs", value: us(&idle.order, 0.5), target: Some(40.0) },
        Figure { name: "tick_to_order_p99", unit: "µs", value: us(&idle.order, 0.99), target: Some(250.0) },
        Figure {
            name: "tick_to_venue_p50",
            unit: "µs (100,000 rows/s written)",
            value: us(&loaded.venue, 0.5),
            target: Some(500.0),
        },
        Figure {
            name: "tick_to_venue_p99",
            unit: "µs (100,000 rows/s written)",
            value: us(&loaded.venue, 0.99),
            target: Some(8_000.0),
        },
        Figure { name: "tick_to_venue_idle_p50", unit: "µs", value: us(&idle.venue, 0.5), target: None },
        Figure { name: "tick_to_venue_idle_p99", unit: "µs", value: us(&idle.venue, 0.99), target: None },
        Figure {
            name: "rows_written",
            unit: "rows/s during the loaded run",
            value: Some(loaded.rows_per_sec),
            target: Some(100_000.0),
        },
    ]);
    Ok(figures)
}

struct Measured {
    order: Histogram<u64>,
    venue: Histogram<u64>,
    rows_per_sec: f64,
}

fn run(settings: &Settings, load: u32) -> anyhow::Result<Measured> {
    let dir = super::scratch()?;
    let paths = Paths::of(dir.path(), None);
    let mut settings = settings.clone();
    let name = "probe".parse()?;
    settings.strategies.run =
        [(name, StrategyRun { instruments: vec!["binance:BTCUSDT".to_owned()], ..StrategyRun::default() })].into();
    // Every order is to be judged as in life, and none refused for being one of many.
    settings.risk.max_orders_per_second = 0;
    settings.risk.max_position_notional = messages::Cash::ZERO;
    settings.tiers.schedule.clear();
    let mut registry = Registry::default();
    registry.add("probe", |instruments, _: Nothing| Ok(Probe { instruments }));

    let clock = Clock::wall();
    let frames = Load {
        clock: clock.clone(),
        next: clock.now(),
        sent: 0,
        per_frame: load / 1_000,
        sequence: 0,
        since_order: Duration::ZERO,
    };
    let storage = Storage::open(
        &paths,
        &settings.journal,
        &settings.tiers.cold,
        &settings.timescale,
        settings.duckdb.options(),
        settings.hot.options(),
        |_, _| {},
    )?;
    let plan = Plan {
        frames: Some(Box::new(move |_, _| {
            let frames: Box<dyn Frames> = Box::new(frames);
            Ok(frames)
        })),
        ..settings.plan(&paths, vec![Exchange::Binance], registry, clock)
    };
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start tokio")?;
    let began = now();
    threads.block_on(async {
        let runtime = runtime::start(plan, &storage).await?;
        let _ = runtime.wants_stop.recv_async().await;
        runtime.stop().await;
        anyhow::Ok(())
    })?;
    let took = began.elapsed();
    drop(threads);
    storage.finish()?;
    read(&paths, took)
}

/// Reads the latencies from the journals: the trade's receive time, the order's decision, the venue's delivery.
fn read(paths: &Paths, took: Duration) -> anyhow::Result<Measured> {
    let mut decided = Vec::new();
    let mut ledger = Reader::<LedgerRecord>::new(&paths.ledger, Seq(1));
    while let Some(group) = ledger.next_group(Seq(u64::MAX))? {
        for (_, record) in group.records {
            if let LedgerRecord::Order(update) = record
                && update.event.kind == EventKind::Intended
            {
                let tick: i64 = update.order.request.note.parse().context("the probe's note")?;
                decided.push((tick, update.event.at.0));
            }
        }
    }
    let (mut handed, mut rows) = (Vec::new(), 0usize);
    let mut market = Reader::<MarketRecord>::new(&paths.market, Seq(1));
    while let Some(group) = market.next_group(Seq(u64::MAX))? {
        for (_, record) in group.records {
            match record {
                MarketRecord::Batch(batch) => rows += batch.events.len(),
                MarketRecord::Handled(h) if h.actor == Decider::Paper => {
                    if let Delivery::Messages { count, .. } = h.delivery {
                        handed.extend(std::iter::repeat_n(h.now.0, count as usize));
                    }
                }
                _ => {}
            }
        }
    }
    ensure!(decided.len() >= ORDERS / 2, "only {} orders were decided", decided.len());
    let mut order = Histogram::new(3)?;
    let mut venue = Histogram::new(3)?;
    // The first fifth warms up caches and allocators.
    for (n, (tick, at)) in decided.iter().enumerate().skip(ORDERS / 5) {
        order.record(u64::try_from(at - tick).unwrap_or(0))?;
        if let Some(handed) = handed.get(n) {
            venue.record(u64::try_from(handed - tick).unwrap_or(0))?;
        }
    }
    Ok(Measured { order, venue, rows_per_sec: rows as f64 / took.as_secs_f64() })
}

/// A frame a millisecond with so many quotes, and one trade of BTCUSDT every [`EVERY`].
struct Load {
    clock: Clock,
    next: UtcNanos,
    sent: usize,
    per_frame: u32,
    sequence: i64,
    since_order: Duration,
}

impl Frames for Load {
    fn next_frame(&mut self) -> Result<Option<FeedBatch>, InputError> {
        const FRAME: Duration = Duration::from_millis(1);
        if self.sent >= ORDERS {
            return Ok(None);
        }
        self.next = self.next.after(FRAME);
        wait(self.clock.until(self.next));
        let now = self.clock.now();
        let mut items: Vec<FeedItem> = (0..self.per_frame).map(|n| self.quote(n, now)).collect();
        self.since_order += FRAME;
        if self.since_order >= EVERY {
            self.since_order = Duration::ZERO;
            self.sent += 1;
            items.push(self.tick("BTCUSDT", now, TickBody::Quote { bid: level(59_999), ask: level(60_001) }));
            let price = level(60_000).map_or(Price::ONE, |l| l.price);
            items.push(self.tick(
                "BTCUSDT",
                now,
                TickBody::Trade { price, size: Size::ONE, aggressor: None, conditions: Default::default() },
            ));
        }
        Ok(Some(FeedBatch { source: Source::Simulated, received: now, items }))
    }
}

impl Load {
    fn quote(&mut self, n: u32, now: UtcNanos) -> FeedItem {
        let symbol = if n.is_multiple_of(2) { "ETHUSDT" } else { "LOADUSDT" };
        self.tick(symbol, now, TickBody::Quote { bid: level(2_999), ask: level(3_001) })
    }

    fn tick(&mut self, symbol: &str, time: UtcNanos, body: TickBody) -> FeedItem {
        self.sequence += 1;
        let instrument = Instrument {
            exchange: Exchange::Binance,
            symbol: symbol.parse().unwrap_or_else(|_| unreachable!("short names")),
        };
        FeedItem::Tick(Tick { instrument, time, sequence: Some(self.sequence), revision: 0, body })
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}
