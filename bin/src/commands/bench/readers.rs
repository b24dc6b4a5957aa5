//! `bench readers`: many tasks ask through the pool while 100,000 rows a second arrive. What they find is not
//! looked at; whether all of them are answered is, and how far the tables fall behind meanwhile.
//!
//! Fails when a task has no answer for ten seconds (starved), when tasks do not end (deadlock), and when a question
//! fails. No time decides anything else.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use config::Settings;
use hdrhistogram::Histogram;
use messages::ledger::{MarketRecord, Seq};
use messages::market::{Bar, Batch, Event, EventBody, Source, Timeframe};
use messages::{Instrument, MarketId, Notional, Price, Quantity, UtcNanos};
use storage::datadir::Paths;
use storage::pool::{Class, Limits, Pool};
use storage::query::{Gaps, Page, Query, Range};
use storage::service::{Database, Storage};
use storage::sql;
use storage::sql_tiers::Scope;

use super::Figure;
use super::ingest::{event, instruments, now, wait};

/// Rows that arrive in a second, in batches as busy frames come.
const ROWS_PER_SEC: u64 = 100_000;
const BATCH: u64 = 1_000;
/// A task that has no answer for so long is starved.
const STARVED: Duration = Duration::from_secs(10);
/// What every question may take: more than a starved task waits, so that starving is found and not hidden.
const LIMITS: Limits = Limits { acquire: Duration::from_secs(15), execute: Duration::from_secs(15) };
/// Rows that a question of ticks or bars wants at most.
const ROWS: u32 = 200;
/// What is asked, in turn.
const ASKED: [Class; 3] = [Class::Ticks, Class::Bars, Class::Sql];

/// How much is asked.
#[derive(Clone, Copy)]
pub struct Load {
    pub seconds: u64,
    pub readers: usize,
    pub tasks: usize,
    pub questions: u64,
}

/// What came of it.
pub struct Outcome {
    pub figures: Vec<Figure>,
    /// What must not be.
    pub findings: Vec<String>,
}

impl Outcome {
    pub fn code(&self) -> ExitCode {
        if self.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
    }
}

/// What tasks have found, in microseconds.
struct Seen {
    waits: Histogram<u64>,
    took: [Histogram<u64>; ASKED.len()],
    /// From one answer of a task to its next.
    longest_gap: Duration,
    timed_out: u64,
    errors: Vec<String>,
}

impl Seen {
    fn new() -> anyhow::Result<Self> {
        let empty = Histogram::new(3)?;
        let took = [empty.clone(), empty.clone(), empty.clone()];
        Ok(Self { waits: empty, took, longest_gap: Duration::ZERO, timed_out: 0, errors: Vec::new() })
    }

    fn merge(&mut self, other: Self) -> anyhow::Result<()> {
        self.waits.add(other.waits)?;
        for (mine, theirs) in self.took.iter_mut().zip(other.took) {
            mine.add(theirs)?;
        }
        self.longest_gap = self.longest_gap.max(other.longest_gap);
        self.timed_out += other.timed_out;
        self.errors.extend(other.errors);
        Ok(())
    }
}

/// How far the tables are behind the journal, in rows.
#[derive(Default)]
struct Lag {
    most: u64,
    at_end: u64,
}

pub fn measure(mut settings: Settings, load: Load) -> anyhow::Result<Outcome> {
    ensure!(load.seconds > 0 && load.readers > 0 && load.tasks > 0, "seconds, readers and tasks must be more than 0");
    settings.duckdb.readers = load.readers;
    let dir = super::scratch()?;
    let paths = Paths::of(dir.path(), None);
    let failed = Arc::new(AtomicBool::new(false));
    let heard = failed.clone();
    let on_health = move |_, _| heard.store(true, Ordering::Release);
    let storage = Storage::open(
        &paths,
        &settings.journal,
        &settings.tiers.cold,
        &settings.timescale,
        settings.duckdb.options(),
        settings.hot.options(),
        on_health,
    )?;
    let asking = Arc::new(Asking {
        database: storage.database(),
        pool: until_open(&storage)?,
        instruments: instruments()?,
        newest: AtomicU64::new(0),
        load,
    });
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start tokio")?;
    let began = now();
    let end = began + Duration::from_secs(load.seconds);
    let tasks: Vec<_> = (0..load.tasks).map(|n| threads.spawn(asking.clone().ask_until(n as u64, end))).collect();
    let (rows, lag) = arrive(&storage, &asking, end)?;
    let rate = rows as f64 / began.elapsed().as_secs_f64();
    let stats = asking.pool.stats();
    let (mut seen, mut findings) = (Seen::new()?, Vec::new());
    let deadline = now() + LIMITS.acquire + LIMITS.execute;
    let missing = threads.block_on(async {
        let mut missing = 0;
        for task in tasks {
            match tokio::time::timeout(deadline.saturating_duration_since(now()), task).await {
                Ok(ended) => seen.merge(ended??)?,
                Err(_) => missing += 1,
            }
        }
        anyhow::Ok(missing)
    })?;
    if missing > 0 {
        findings.push(format!("deadlock: {missing} of {} tasks do not end; {stats:?}", load.tasks));
    }
    if seen.longest_gap >= STARVED {
        findings.push(format!("starved: a task had no answer for {:?}", seen.longest_gap));
    }
    if let Some(first) = seen.errors.first() {
        findings.push(format!("{} questions failed, the first: {first}", seen.errors.len()));
    }
    threads.shutdown_background();
    if findings.is_empty() {
        storage.finish().context("storage did not end")?;
    }
    ensure!(!failed.load(Ordering::Acquire), "a journal failed meanwhile");
    Ok(Outcome { figures: figures(load, rate, &lag, &seen, stats.busy), findings })
}

fn figures(load: Load, rate: f64, lag: &Lag, seen: &Seen, busy: u64) -> Vec<Figure> {
    let figure = |name, unit, value: f64| Figure { name, unit, value: Some(value), target: None };
    let asked: u64 = seen.took.iter().map(Histogram::len).sum();
    let mut figures = vec![
        Figure { target: Some(ROWS_PER_SEC as f64), ..figure("rows_arriving", "rows/s", rate) },
        figure("lag_max", "rows from the journal to the tables", lag.most as f64),
        figure("lag_at_end", "rows from the journal to the tables", lag.at_end as f64),
        figure("questions", "answers/s", asked as f64 / load.seconds as f64),
        figure("timed_out", "questions", seen.timed_out as f64),
        figure("busy", "questions", busy as f64),
        figure("longest_gap", "ms without an answer for a task", seen.longest_gap.as_secs_f64() * 1e3),
    ];
    let waits = ("wait_p50", "wait_p99", "wait_max", &seen.waits);
    let [ticks, bars, sql] = &seen.took;
    let took = [
        ("ticks_p50", "ticks_p99", "ticks_max", ticks),
        ("bars_p50", "bars_p99", "bars_max", bars),
        ("sql_p50", "sql_p99", "sql_max", sql),
    ];
    for (p50, p99, max, of) in std::iter::once(waits).chain(took) {
        let ms = |us: u64| us as f64 / 1e3;
        figures.push(figure(p50, "ms", ms(of.value_at_quantile(0.5))));
        figures.push(figure(p99, "ms", ms(of.value_at_quantile(0.99))));
        figures.push(figure(max, "ms", ms(of.max())));
    }
    figures
}

pub fn until_open(storage: &Storage) -> anyhow::Result<Pool> {
    let deadline = now() + Duration::from_secs(30);
    loop {
        if let Some(pool) = storage.database().pool() {
            return Ok(pool.clone());
        }
        ensure!(now() < deadline && !storage.has_failed(), "the database did not open within 30 s");
        wait(Duration::from_millis(5));
    }
}

/// Brings rows until the end, each batch at its time. Returns how many, and how far the tables fell behind.
fn arrive(storage: &Storage, asking: &Asking, end: Instant) -> anyhow::Result<(u64, Lag)> {
    let start: UtcNanos = "2026-01-01".parse()?;
    let ns_per_row = 1_000_000_000 / ROWS_PER_SEC;
    let (began, mut rows, mut lag) = (now(), 0, Lag::default());
    while now() < end {
        let received = UtcNanos(start.0 + (rows * ns_per_row) as i64);
        let of =
            |n: u64| event(&asking.instruments, n, MarketId(2 * n + 1), UtcNanos(start.0 + (n * ns_per_row) as i64));
        let mut events: Vec<Event> = (rows..rows + BATCH).map(of).collect();
        if rows.is_multiple_of(ROWS_PER_SEC) {
            events.extend(bars(&asking.instruments, rows, received)?);
        }
        let record = MarketRecord::Batch(Batch { source: Source::Simulated, received, events });
        ensure!(storage.market.append_blocking(vec![record], None).is_ok(), "the market journal has stopped");
        rows += BATCH;
        asking.newest.store(received.0 as u64, Ordering::Release);
        lag.at_end = behind(storage);
        lag.most = lag.most.max(lag.at_end);
        wait((began + Duration::from_nanos(rows * ns_per_row)).saturating_duration_since(now()));
    }
    Ok((rows, lag))
}

/// Every record is a batch.
fn behind(storage: &Storage) -> u64 {
    let Seq(applied) = storage.applied_market().get();
    storage.market.watermark().get().0.saturating_sub(applied) * BATCH
}

/// A bar of each instrument for the second that ends now.
fn bars(instruments: &[Instrument], rows: u64, now: UtcNanos) -> anyhow::Result<Vec<Event>> {
    let bar = |(n, instrument): (u64, &Instrument)| {
        let bar = Bar {
            bar_id: MarketId(2 * (rows + n) + 2),
            instrument: *instrument,
            timeframe: "1s".parse::<Timeframe>()?,
            open_time: now.before(Duration::from_secs(1)),
            open: Price::ONE,
            high: Price::ONE,
            low: Price::ONE,
            close: Price::ONE,
            volume: Quantity::ONE,
            notional: Notional::ZERO,
            trade_count: 1,
            revision: 0,
            is_complete: true,
        };
        Ok(Event { id: bar.bar_id, body: EventBody::Bar(bar) })
    };
    (0..).zip(instruments).map(bar).collect()
}

/// What the tasks share.
struct Asking {
    database: Database,
    pool: Pool,
    instruments: Vec<Instrument>,
    /// The time of the newest row.
    newest: AtomicU64,
    load: Load,
}

impl Asking {
    /// Asks one question after the other until the end.
    async fn ask_until(self: Arc<Self>, task: u64, end: Instant) -> anyhow::Result<Seen> {
        let mut seen = Seen::new()?;
        let mut answered = now();
        let pause = match self.load.questions {
            0 => None,
            all => Some(Duration::from_secs_f64(self.load.tasks as f64 / all as f64)),
        };
        for round in 0.. {
            let asked = now();
            if asked >= end {
                break;
            }
            let kind = ((task + round) % ASKED.len() as u64) as usize;
            match self.clone().ask(kind, (task + round) as usize, asked).await? {
                Ok((waited, took)) => {
                    seen.waits.record(waited.as_micros() as u64)?;
                    seen.took[kind].record(took.as_micros() as u64)?;
                }
                Err(error) => {
                    let late = error.downcast_ref::<storage::pool::Error>();
                    seen.timed_out += u64::from(matches!(late, Some(storage::pool::Error::TimedOut { .. })));
                    seen.errors.push(format!("{error:#}"));
                }
            }
            seen.longest_gap = seen.longest_gap.max(answered.elapsed());
            answered = now();
            if let Some(pause) = pause {
                let next = asked + pause;
                tokio::time::sleep(next.saturating_duration_since(now())).await;
                // Who rests is not starved.
                answered = now();
            }
        }
        Ok(seen)
    }

    /// Asks one question. Returns how long it waited, and how long it took from then on.
    async fn ask(
        self: Arc<Self>,
        kind: usize,
        n: usize,
        asked: Instant,
    ) -> anyhow::Result<anyhow::Result<(Duration, Duration)>> {
        let lease = match self.pool.lease_async(ASKED[kind], LIMITS).await {
            Ok(lease) => lease,
            Err(error) => return Ok(Err(error.into())),
        };
        let work = move || {
            let instrument = self.instruments[n % self.instruments.len()];
            let to = UtcNanos(self.newest.load(Ordering::Acquire) as i64);
            let from = to.before(Duration::from_secs(5));
            lease.run(|reader| {
                let (waited, began) = (asked.elapsed(), now());
                match ASKED[kind] {
                    Class::Ticks => {
                        let query = Query::Ticks { instrument, range: Range { from, to }, page: Page::Newest(ROWS) };
                        drop(self.database.answer(reader, &query, Seq(0)).transpose()?);
                    }
                    Class::Bars => {
                        let timeframe = "1s".parse::<Timeframe>().map_err(anyhow::Error::msg)?;
                        let (range, gaps, page) = (Range::until(to), Gaps::Left, Page::Newest(ROWS));
                        let query = Query::Bars { instrument, timeframe, range, gaps, page };
                        drop(self.database.answer(reader, &query, Seq(0)).transpose()?);
                    }
                    _ => {
                        let text = format!(
                            "SELECT kind, count(*), max(last_price) FROM market_ticks WHERE symbol = '{}'
                             AND \"timestamp\" >= TIMESTAMP '{}' GROUP BY kind",
                            instrument.symbol,
                            from.to_string().trim_end_matches('Z'),
                        );
                        if let Some(stores) = self.database.stores() {
                            drop(sql::answer(reader, stores, &text, Scope::All, ROWS as usize)?);
                        }
                    }
                }
                anyhow::Ok((waited, began.elapsed()))
            })
        };
        Ok(tokio::task::spawn_blocking(work).await?)
    }
}
