//! Strategies that panic, hang and lag, beside one that is well: each is dealt with alone, and the orders of
//! the one that is well are as quick as when it is alone (a figure that is printed and decides nothing here).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actors::backtest::recorder::Recorder;
use actors::backtest::session::Session;
use actors::clock::Clock;
use actors::feeds::player::Frames;
use actors::feeds::simulated::Simulated;
use actors::ports::{Steer, StrategyStatus};
use actors::runtime::{self, Plan, Runtime};
use actors::settings::StrategyRun;
use actors::strategies::api::{Context, Quote, Strategy, Trade, Wants};
use actors::strategies::registry::Registry;
use actors::venues::Venues;
use messages::ledger::{LedgerRecord, Seq};
use messages::orders::{EventKind, OrderRequest, OrderUpdate, Side};
use messages::strategies::Resumed;
use messages::{Exchange, Instrument, OrderId, StrategyId};
use storage::datadir::Paths;
use storage::journal::Reader;
use storage::service::Storage;

/// What one of the test's strategies does.
#[derive(Clone, Copy, PartialEq)]
enum Temper {
    Well,
    Panics,
    Hangs,
    Lags,
}

/// Own order events that the panicking strategy was told of, over all its generations.
pub type Told = Arc<Mutex<BTreeSet<(OrderId, u32)>>>;

/// No parameters.
#[derive(serde::Deserialize)]
struct Nothing {}

struct Subject {
    temper: Temper,
    instruments: Vec<Instrument>,
    heard: u64,
    resumed: u8,
    told: Told,
    /// False in a re-run, which need not take the time again.
    sleeps: bool,
}

impl Strategy for Subject {
    fn wants(&self) -> Wants {
        Wants { instruments: self.instruments.clone(), trades: true, quotes: true, ..Wants::default() }
    }
    #[expect(clippy::disallowed_methods, reason = "it is to hang")]
    fn on_quote(&mut self, _: &Quote, _: &mut Context<'_>) {
        self.heard += 1;
        match self.temper {
            Temper::Panics if self.heard >= 50 => panic!("the fiftieth event"),
            Temper::Hangs if self.heard >= 20 => std::thread::sleep(Duration::from_secs(600)),
            _ => {}
        }
    }
    #[expect(clippy::disallowed_methods, reason = "it is to lag")]
    fn on_trade(&mut self, trade: &Trade, context: &mut Context<'_>) {
        if self.temper == Temper::Lags && self.sleeps {
            std::thread::sleep(Duration::from_millis(200));
        }
        if matches!(self.temper, Temper::Well | Temper::Panics) && context.open_orders().next().is_none() {
            let side = if context.position(trade.instrument).is_positive() { Side::Sell } else { Side::Buy };
            let quantity = context.quantity_for(trade.instrument, "1000".parse().unwrap(), trade.price);
            let note = context.now().0.to_string();
            context.submit(OrderRequest { note, ..OrderRequest::market(trade.instrument, side, quantity) });
        }
    }
    fn on_order(&mut self, update: &OrderUpdate, _: &mut Context<'_>) {
        if self.temper == Temper::Panics {
            let event = (update.event.order_id, update.event.number);
            self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(event);
        }
    }
    fn on_resumed(&mut self, _: Resumed, context: &mut Context<'_>) {
        self.resumed += 1;
        context.log("resumed");
    }
    fn save(&self) -> Vec<u8> {
        vec![self.resumed]
    }
    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        self.resumed = state.first().copied().unwrap_or(0);
        Ok(())
    }
}

fn registry(told: &Told, sleeps: bool) -> Registry {
    let mut registry = Registry::default();
    let tempers =
        [("well", Temper::Well), ("panics", Temper::Panics), ("hangs", Temper::Hangs), ("lags", Temper::Lags)];
    for (name, temper) in tempers {
        let told = told.clone();
        registry.add(name, move |instruments, _: Nothing| {
            Ok(Subject { temper, instruments, heard: 0, resumed: 0, told: told.clone(), sleeps })
        });
    }
    registry
}

fn plan(paths: &Paths, names: &[&str], told: &Told) -> (Plan, config::Settings) {
    // A hang must be noticed before the queue is full of trades, and a panic whose backtrace is printed on a busy
    // machine must not be taken for a hang.
    let set =
        ["strategies.hang_after=2s", "strategies.checkpoint_every=50ms", "strategies.queue=400", "paper.latency=1ms"];
    let layers = config::Layers { set: set.iter().map(|s| (*s).to_owned()).collect(), ..config::Layers::default() };
    let mut settings = config::load(&layers).unwrap();
    settings.tiers.schedule.clear();
    settings.strategies.run = names.iter().map(|n| (n.parse().unwrap(), StrategyRun::default())).collect();
    let deciding = settings.deciding(vec![Exchange::Simulated]);
    let rules = deciding.rules().unwrap();
    let symbol = "SIMBTC".parse().unwrap();
    let instrument = Instrument { exchange: Exchange::Simulated, symbol };
    let mut simulated = settings.feeds.simulated[&symbol].with_rules(symbol, &rules[&instrument]);
    (simulated.trades_per_sec, simulated.quotes_per_sec) = (100, 200);
    let plan = Plan {
        frames: Some(Box::new(move |seed, start| {
            let frames: Box<dyn Frames> =
                Box::new(Simulated::new(seed, &[simulated], start).map_err(|e| e.to_string())?);
            Ok(frames)
        })),
        ..settings.plan(paths, vec![Exchange::Simulated], registry(told, true), Clock::wall())
    };
    (plan, settings)
}

/// Runs the runtime with these strategies while `during` looks at it; all is stopped in order.
pub fn run(paths: &Paths, names: &[&str], told: &Told, during: impl AsyncFnOnce(&Runtime)) {
    let (plan, settings) = plan(paths, names, told);
    let storage = Storage::open(
        paths,
        &settings.journal,
        &settings.tiers.cold,
        &settings.timescale,
        settings.duckdb.options(),
        settings.hot.options(),
        |_, _| {},
    )
    .unwrap();
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    threads.block_on(async {
        let runtime = runtime::start(plan, &storage).await.unwrap();
        during(&runtime).await;
        runtime.stop().await;
    });
    threads.shutdown_timeout(Duration::from_secs(1));
    storage.finish().unwrap();
}

/// The ledger's records.
pub fn ledger(paths: &Paths) -> Vec<LedgerRecord> {
    let mut reader = Reader::<LedgerRecord>::new(&paths.ledger, Seq(1));
    let mut found = Vec::new();
    while let Some(group) = reader.next_group(Seq(u64::MAX)).unwrap() {
        found.extend(group.records.into_iter().map(|(_, record)| record));
    }
    found
}

/// From a trade's receive time to the decision of the healthy strategy's order, at the 99th percentile, in µs.
fn p99_of_well(records: &[LedgerRecord]) -> i64 {
    let well: StrategyId = "well".parse().unwrap();
    let mut took: Vec<i64> = records
        .iter()
        .filter_map(|record| match record {
            LedgerRecord::Order(u) if u.order.strategy == well && u.event.kind == EventKind::Intended => {
                Some((u.event.at.0 - u.order.request.note.parse::<i64>().unwrap()) / 1_000)
            }
            _ => None,
        })
        .collect();
    took.sort_unstable();
    assert!(!took.is_empty(), "the healthy strategy traded");
    took[took.len() * 99 / 100]
}

pub async fn status(runtime: &Runtime, name: &str) -> StrategyStatus {
    runtime.strategies().await.into_iter().find(|s| s.name == name).expect("a shell that answers")
}

pub async fn until(runtime: &Runtime, name: &str, state: &str) -> StrategyStatus {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let found = status(runtime, name).await;
        if found.state == state {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "{name} did not become {state}: {found:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Runs the session of both journals again: the same decisions come out, none more and none less.
pub fn comes_out_again(paths: &Paths) {
    let (registry, venues, again) =
        (registry(&Told::default(), false), Venues::default(), tempfile::tempdir().unwrap());
    let recorder = Recorder::open(&Paths::of(again.path(), None), 1 << 30).unwrap();
    let mut session = Session::open(paths, &registry, &venues, recorder).unwrap();
    let rerun = session.run().unwrap();
    assert_eq!((rerun.taken_over, rerun.never_durable), (0, 0), "{rerun:?}");
}

#[test]
fn who_fails_is_dealt_with_alone() {
    let (alone, together) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let told = Told::default();
    let paths = Paths::of(alone.path(), None);
    run(&paths, &["well"], &told, async |_| tokio::time::sleep(Duration::from_secs(8)).await);
    let usual = p99_of_well(&ledger(&paths));

    let paths = Paths::of(together.path(), None);
    run(&paths, &["well", "panics", "hangs", "lags"], &told, async |runtime| {
        let hangs = until(runtime, "hangs", "quarantined").await;
        assert_eq!((hangs.faults, hangs.abandoned), (2, 2), "the second hang quarantines: {hangs:?}");
        let panics = until(runtime, "panics", "quarantined").await;
        assert_eq!(
            (panics.faults, panics.abandoned, panics.generation),
            (5, 0, 5),
            "the fifth fault quarantines: {panics:?}"
        );
        assert_eq!(panics.last_fault.as_deref(), Some("panicked: the fiftieth event"));
        let lags = until(runtime, "lags", "quarantined").await;
        assert_eq!((lags.faults, lags.abandoned), (5, 0), "five times lagging quarantines: {lags:?}");
        assert_eq!(lags.last_fault.as_deref(), Some("lagging: its queue of trades is full"));
        let well = status(runtime, "well").await;
        assert_eq!((well.state.as_str(), well.generation, well.faults), ("running", 0, 0));
        runtime.steer_strategy("panics", Steer::Start).await.unwrap();
        until(runtime, "panics", "running").await;
    });

    let records = ledger(&paths);
    let panics: StrategyId = "panics".parse().unwrap();
    let (mut faults, mut resumed, mut own) = (0, 0, BTreeSet::new());
    for record in &records {
        match record {
            LedgerRecord::Order(u) if u.order.strategy == panics => {
                own.insert((u.event.order_id, u.event.number));
            }
            LedgerRecord::Action(a) if a.what.starts_with("strategy.") => faults += 1,
            LedgerRecord::Checkpoint(c) if c.strategy == panics => resumed = resumed.max(c.state[0]),
            _ => {}
        }
    }
    assert!(faults >= 12, "every fault is in the ledger: {faults}");
    assert!(resumed >= 4, "each generation resumes from the last one's state: {resumed}");
    let beside = p99_of_well(&records);
    println!("tick to order at p99: {usual} µs alone, {beside} µs beside strategies that panic, hang and lag");

    // What came while it stopped, the next start tells.
    run(&paths, &["panics"], &told, async |runtime| drop(until(runtime, "panics", "running").await));
    let told = told.lock().unwrap_or_else(PoisonError::into_inner);
    let untold: Vec<_> = own.difference(&told).collect();
    assert!(
        own.len() > 10 && untold.is_empty(),
        "of {} own events these were told to no generation: {untold:?}",
        own.len()
    );

    // All of it, faults, abandoned threads and the start with other strategies, comes out again from the journals.
    comes_out_again(&paths);
}

#[test]
fn a_group_that_is_restored_loses_no_order_and_tells_all() {
    let dir = tempfile::tempdir().unwrap();
    let paths = Paths::of(dir.path(), None);
    run(&paths, &["well"], &Told::default(), async |runtime| {
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            runtime.reconcile().await.unwrap();
        }
    });
    let records = ledger(&paths);
    let orders: Vec<_> = records
        .iter()
        .filter_map(|r| match r {
            LedgerRecord::Order(u) if !u.order.status.is_open() => Some(&u.order),
            _ => None,
        })
        .collect();
    assert!(orders.len() > 5, "it traded on: {}", orders.len());
    let mut filled: Vec<_> = records
        .iter()
        .filter_map(|r| match r {
            LedgerRecord::Order(u) => u.event.fill.as_ref().map(|f| f.execution_id),
            _ => None,
        })
        .collect();
    let mut booked: Vec<_> = records
        .iter()
        .filter_map(|r| match r {
            LedgerRecord::Booked(b) => Some(b.trade.execution_id),
            _ => None,
        })
        .collect();
    filled.sort();
    booked.sort();
    assert_eq!(filled, booked, "every fill is booked once");
    comes_out_again(&paths);
}

#[test]
fn starts_in_a_row_come_out_again() {
    let dir = tempfile::tempdir().unwrap();
    let paths = Paths::of(dir.path(), None);
    run(&paths, &["well"], &Told::default(), async |_| tokio::time::sleep(Duration::from_secs(3)).await);
    // Each asks the venue about what the ones before it left, and is answered while it is still starting.
    for _ in 0..5 {
        run(&paths, &["well"], &Told::default(), async |_| tokio::time::sleep(Duration::from_millis(100)).await);
    }
    comes_out_again(&paths);
}
