//! A sample of everything, so that no metric is defined that nobody takes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use messages::ledger::Seq;
use messages::positions::Position;
use messages::risk::TradingState;
use messages::snapshots::{Portfolio, SnapshotType};
use messages::telemetry::MetricKind;
use messages::{Cash, Exchange, Instrument, Price};
use storage::archive::Runs;
use storage::disk::Space;
use storage::journal::Kept;
use storage::migrate::reads::watch::SideStats;
use storage::migrate::reads::{self, Side};
use storage::migrate::sink::{SinkStatus, State};
use storage::pool::{Class, ClassStats, Stats};
use storage::recent::Recent;
use storage::tiers::Tier;

use super::super::edge::{EdgeCounts, RequestCounts, StreamCounts};
use super::super::process::Process;
use super::*;
use crate::metrics;
use crate::orders::latency::Latencies;
use crate::ports::{AlertCounts, FeedStatus, Lag, MarketStatus, OrdersStatus, StrategyStatus};
use crate::traffic::Traffic;

fn spread() -> Option<Spread> {
    let mut recent = Recent::default();
    recent.push(std::time::Duration::from_millis(3));
    recent.spread()
}

fn cash(text: &str) -> Cash {
    text.parse().unwrap()
}

fn position(strategy: &str, quantity: &str, basis: &str, mark: &str, realized: &str) -> Position {
    Position {
        position_id: 1,
        account: "paper".parse().unwrap(),
        instrument: Instrument { exchange: Exchange::Simulated, symbol: "A".parse().unwrap() },
        strategy: strategy.parse().unwrap(),
        quantity: quantity.parse().unwrap(),
        cost_basis: cash(basis),
        mark_price: mark.parse().ok(),
        realized_pnl: cash(realized),
        opened_at: None,
        closed_at: None,
        at: UtcNanos(0),
        correlation_id: None,
    }
}

fn snapshot(value: Option<&str>, daily: Option<&str>, positions: Vec<Position>) -> messages::snapshots::Snapshot {
    let portfolio = Portfolio {
        snapshot_id: 1,
        account: "paper".parse().unwrap(),
        currency: "USDT".parse().unwrap(),
        at: UtcNanos(0),
        kind: SnapshotType::Manual,
        cash: Some(cash("900")),
        value: value.map(cash),
        total_pnl: Some(cash("-100")),
        daily_pnl: daily.map(cash),
        max_drawdown: Some(cash("300")),
        leverage: Price::from_raw(50_000_000),
        long_positions: 1,
        short_positions: 0,
    };
    messages::snapshots::Snapshot { portfolio, positions, balances: Vec::new() }
}

fn feed() -> FeedStatus {
    let session = crate::feeds::session::Status {
        state: "live".to_owned(),
        why: None,
        links: Vec::new(),
        symbols: Vec::new(),
        counters: Default::default(),
    };
    let lag = Some(Lag { frames: 1, p50_micros: 5, p99_micros: 6, max_micros: 7 });
    let name = "binance".to_owned();
    FeedStatus { name, session, waiting: 0, backlog: 0, conflated: 0, lag, records: false, recordings_lost: 0 }
}

fn orders() -> OrdersStatus {
    let latencies = Latencies { to_order: spread(), to_venue: spread() };
    let counters = Default::default();
    let trading = TradingState::Active;
    OrdersStatus { trading, changed: None, open: Vec::new(), waiting: 0, asked: 0, counters, latencies }
}

fn strategy() -> StrategyStatus {
    StrategyStatus {
        name: "ema".to_owned(),
        state: "quarantined".to_owned(),
        generation: 2,
        faults: 5,
        abandoned: 0,
        last_fault: None,
        since: UtcNanos(0),
        saved: None,
    }
}

fn readers() -> Stats {
    let (class, seconds) = (Class::Sql, spread());
    let classes = vec![ClassStats { class, ended: 1, failed: 0, timed_out: 0, slow: 0, rows: 9, seconds }];
    Stats {
        readers: 2,
        in_use: 1,
        executing: 1,
        waiting: 0,
        busy: 0,
        has_failed: false,
        wait_seconds: spread(),
        begun: 1,
        classes,
    }
}

fn journal(applied: Option<u64>) -> JournalStatus {
    JournalStatus { waiting: 1, capacity: 4, durable: 10, applied, syncs: 3, sync_seconds: spread() }
}

fn postgres((ledger, market): (u64, u64), state: State) -> SinkStatus {
    let lag = Duration::from_secs(2);
    SinkStatus {
        state,
        applied: (Seq(ledger), Seq(market)),
        lag_records: 4,
        lag,
        was_level: true,
        rows: 6,
        given_up: 0,
        kept: Kept { bytes: 9, max_bytes: 10 },
    }
}

/// Everything that can be known.
fn whole_sample() -> Vec<Metric> {
    let mut sample = Sample::new(UtcNanos(7));
    let clock = crate::market::state::ClockOffset { exchange: Exchange::Binance, nanos: 5 };
    sample.market(&MarketStatus {
        waiting: 0,
        frames: 1,
        undecodable: 0,
        counters: Default::default(),
        clocks: vec![clock],
    });
    sample.market_data_age(1.0);
    sample.feed(&feed());
    sample.orders(&orders());
    let positions = vec![position("ema", "2", "100", "60", "5")];
    sample.portfolio(&snapshot(Some("1000"), Some("-250"), positions), Some(cash("2000")));
    let notes = vec![(messages::venues::NoteKind::Unusual, 1)];
    sample.venue(&crate::ports::VenueStatus { name: "alpaca".to_owned(), connected: true, notes });
    sample.strategy(&strategy());
    sample.answers("orders", 2, spread());
    sample.actor(&Traffic::default().status("orders", "orders"));
    sample.journal("ledger", &journal(Some(4)));
    sample.postgres(["ledger", "market"], &postgres((3, 5), State::Following));
    sample.queue("orders", 1, 2);
    sample.readers(&readers());
    let runs = Runs { begun: 1, steps_failed: 0, last_failed: Some(false), last_good: Some(UtcNanos(0)) };
    sample.archive(&runs, Some(3.0));
    sample.tier(Tier::Warm, 5);
    sample.disk("data", Space { free: 1, total: 4 });
    let requests = vec![("orders", RequestCounts::default())];
    let sides = Side::ALL.map(|side| (side, SideStats { count: 3, errors: 1, seconds: spread() }));
    let reads = Some(reads::Stats { sides, shadowed: 2, differed: 0 });
    sample.edge(&EdgeCounts { requests, stream: Some(StreamCounts::default()), reads });
    sample.alerts(&AlertCounts::default());
    sample.process(&Process { memory_bytes: Some(5), cpu_seconds: Some(1.0), threads: Some(3) });
    sample.telemetry(1, 0, 0);
    sample.take()
}

fn value(sample: &[Metric], metric: Definition) -> Option<f64> {
    sample.iter().find(|m| m.name == metric.name).map(|m| m.value)
}

#[test]
fn every_metric_of_the_table_is_taken_and_no_other() {
    let sample = whole_sample();
    let taken: BTreeSet<&str> = sample.iter().map(|m| m.name.as_str()).collect();
    let defined: BTreeSet<&str> = metrics::ALL.iter().map(|d| d.name).collect();
    assert_eq!(taken, defined);
    for metric in &sample {
        let definition = metrics::of(&metric.name).unwrap();
        assert_eq!(metric.kind, definition.kind, "{}", metric.name);
        assert_eq!(metric.labels.actor.is_some(), !definition.of.is_empty(), "{}", metric.name);
        assert_eq!(metric.quantiles.is_some(), definition.kind == MetricKind::Histogram, "{}", metric.name);
    }
}

#[test]
fn what_is_not_known_has_no_metric() {
    let mut sample = Sample::new(UtcNanos(7));
    sample.journal("market", &JournalStatus { sync_seconds: None, ..journal(None) });
    sample.process(&Process { memory_bytes: Some(5), ..Process::default() });
    sample.archive(&Runs::default(), None);
    let names: BTreeMap<String, f64> = sample.take().into_iter().map(|m| (m.name, m.value)).collect();
    let expected = [
        ("archive_runs", 0.0),
        ("archive_steps_failed", 0.0),
        ("journal_batches_waiting", 1.0),
        ("journal_durable_seq", 10.0),
        ("journal_queue_ratio", 0.25),
        ("journal_syncs", 3.0),
        ("process_memory_bytes", 5.0),
    ];
    assert_eq!(names, expected.map(|(name, value)| (name.to_owned(), value)).into());
}

#[test]
fn a_server_that_was_never_reached_has_no_records() {
    let mut sample = Sample::new(UtcNanos(7));
    let state = State::Failed { error: "it is gone".to_owned(), is_temporary: true };
    sample.postgres(["ledger", "market"], &postgres((0, 0), state));
    let sample = sample.take();
    assert_eq!(value(&sample, metrics::POSTGRES_FOLLOWING), Some(0.0));
    assert_eq!(value(&sample, metrics::POSTGRES_LAG_SECONDS), Some(2.0));
    assert_eq!(value(&sample, metrics::POSTGRES_JOURNAL_RATIO), Some(0.9));
    for metric in [metrics::POSTGRES_APPLIED_SEQ, metrics::POSTGRES_LAG_RECORDS] {
        assert_eq!(value(&sample, metric), None, "{}", metric.name);
    }
}

#[test]
fn symbols_of_a_closed_market_are_not_stale() {
    let symbol = |state: &str| crate::feeds::session::SymbolStatus {
        symbol: "AAPL".parse().unwrap(),
        state: state.to_owned(),
        last: None,
        book: "none".to_owned(),
        resyncs: 0,
        missing_trades: 0,
    };
    let mut status = feed();
    status.session.symbols = ["live", "closed", "closed", "stale", "silent", "lost", "refused"].map(symbol).into();
    let mut sample = Sample::new(UtcNanos(7));
    sample.feed(&status);
    let sample = sample.take();
    assert_eq!(value(&sample, metrics::FEED_SYMBOLS_STALE), Some(4.0));
    assert_eq!(value(&sample, metrics::FEED_SYMBOLS), Some(7.0));
}

#[test]
fn losses_are_shares_of_what_was_there_before_them() {
    let sample = whole_sample();
    assert_eq!(value(&sample, metrics::PORTFOLIO_DAILY_LOSS_RATIO), Some(0.2), "250 of 1250");
    assert_eq!(value(&sample, metrics::PORTFOLIO_DRAWDOWN_RATIO), Some(0.5), "1000 of 2000");
    assert_eq!(value(&sample, metrics::STRATEGY_PNL), Some(25.0), "5 closed, and 2 × 60 for 100");

    let taken = |value: Option<&str>, daily: Option<&str>, positions: Vec<Position>| {
        let mut sample = Sample::new(UtcNanos(7));
        sample.portfolio(&snapshot(value, daily, positions), None);
        sample.take()
    };
    let gains = taken(Some("1100"), Some("100"), Vec::new());
    assert_eq!(value(&gains, metrics::PORTFOLIO_DAILY_LOSS_RATIO), Some(0.0), "a day that gains");
    let unknown = taken(None, None, vec![position("ema", "2", "100", "", "5")]);
    for metric in [metrics::PORTFOLIO_VALUE, metrics::PORTFOLIO_DRAWDOWN_RATIO, metrics::PORTFOLIO_EXPOSURE] {
        assert_eq!(value(&unknown, metric), None, "{}", metric.name);
    }
    assert_eq!(value(&unknown, metrics::STRATEGY_PNL), None, "no price, no value");
}

#[test]
fn exposure_adds_both_sides_and_its_net_takes_one_from_the_other() {
    let mut sample = Sample::new(UtcNanos(7));
    let positions = vec![position("a", "2", "100", "60", "0"), position("b", "-1", "-50", "60", "0")];
    sample.portfolio(&snapshot(Some("1000"), None, positions), None);
    let sample = sample.take();
    assert_eq!(value(&sample, metrics::PORTFOLIO_EXPOSURE), Some(180.0));
    assert_eq!(value(&sample, metrics::PORTFOLIO_EXPOSURE_NET), Some(60.0));
}
