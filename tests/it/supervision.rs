//! Strategies that panic, hang and lag, beside one that is well: each is dealt with alone.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use actors::clock::Clock;
use actors::feeds::player::Frames;
use actors::feeds::simulated::Simulated;
use actors::ports::StrategyStatus;
use actors::runtime::{self, Plan, Runtime};
use actors::settings::StrategyRun;
use actors::strategies::api::{Context, Quote, Strategy, Trade, Wants};
use actors::strategies::registry::Registry;
use messages::ledger::{LedgerRecord, Mode, Seq};
use messages::orders::{OrderRequest, Side};
use messages::strategies::Resumed;
use messages::{Exchange, Instrument, StrategyId};
use storage::datadir::Paths;
use storage::journal::Reader;
use storage::service::Storage;

/// What one of the test's strategies does.
#[derive(Clone, Copy, PartialEq)]
enum Temper {
    Well,
    Panics,
    Hangs,
}

/// No parameters.
#[derive(serde::Deserialize)]
struct Nothing {}

struct Subject {
    temper: Temper,
    instruments: Vec<Instrument>,
    heard: u64,
    resumed: u8,
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
    fn on_trade(&mut self, trade: &Trade, context: &mut Context<'_>) {
        if self.temper == Temper::Well && context.open_orders().next().is_none() {
            let side = if context.position(trade.instrument).is_positive() { Side::Sell } else { Side::Buy };
            let quantity = context.quantity_for(trade.instrument, "1000".parse().unwrap(), trade.price);
            context.submit(OrderRequest::market(trade.instrument, side, quantity));
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

fn registry() -> Registry {
    let mut registry = Registry::default();
    for (name, temper) in [("well", Temper::Well), ("panics", Temper::Panics), ("hangs", Temper::Hangs)] {
        registry.add(name, move |instruments, _: Nothing| Ok(Subject { temper, instruments, heard: 0, resumed: 0 }));
    }
    registry
}

fn plan(paths: &Paths) -> (Plan, config::Settings) {
    // Long enough that a panic whose backtrace is printed on a busy machine is not taken for a hang.
    let set = ["strategies.hang_after=5s", "strategies.checkpoint_every=50ms", "paper.latency=1ms"];
    let layers = config::Layers { set: set.iter().map(|s| (*s).to_owned()).collect(), ..config::Layers::default() };
    let mut settings = config::load(&layers).unwrap();
    let names = ["well", "panics", "hangs"];
    settings.strategies.run = names.iter().map(|n| (n.parse().unwrap(), StrategyRun::default())).collect();
    let deciding = settings.deciding(vec![Exchange::Simulated]);
    let rules = deciding.rules().unwrap();
    let symbol = "SIMBTC".parse().unwrap();
    let instrument = Instrument { exchange: Exchange::Simulated, symbol };
    let mut simulated = settings.feeds.simulated[&symbol].with_rules(symbol, &rules[&instrument]);
    (simulated.trades_per_sec, simulated.quotes_per_sec) = (100, 200);
    let plan = Plan {
        deciding,
        instance: "test".to_owned(),
        mode: Mode::Run,
        paths: paths.clone(),
        registry: Arc::new(registry()),
        frames: Box::new(move |seed, start| {
            let frames: Box<dyn Frames> =
                Box::new(Simulated::new(seed, &[simulated], start).map_err(|e| e.to_string())?);
            Ok(frames)
        }),
        frames_queue: 1_000,
        clock: Clock::wall(),
        ledger_writes: Arc::new(AtomicBool::new(true)),
    };
    (plan, settings)
}

async fn status(runtime: &Runtime, name: &str) -> StrategyStatus {
    runtime.strategies().await.into_iter().find(|s| s.name == name).expect("a shell that answers")
}

async fn until(runtime: &Runtime, name: &str, state: &str) -> StrategyStatus {
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

#[test]
fn who_fails_is_dealt_with_alone() {
    let dir = tempfile::tempdir().unwrap();
    let paths = Paths::of(dir.path(), None);
    let (plan, settings) = plan(&paths);
    let storage = Storage::open(&paths, &settings.journal, settings.duckdb.options(), |_, _| {}).unwrap();
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    threads.block_on(async {
        let runtime = runtime::start(plan, &storage).await.unwrap();
        let hangs = until(&runtime, "hangs", "quarantined").await;
        assert_eq!((hangs.faults, hangs.abandoned), (2, 2), "the second hang quarantines: {hangs:?}");
        let panics = until(&runtime, "panics", "quarantined").await;
        assert_eq!(
            (panics.faults, panics.abandoned, panics.generation),
            (5, 0, 5),
            "the fifth fault quarantines: {panics:?}"
        );
        assert_eq!(panics.last_fault.as_deref(), Some("panicked: the fiftieth event"));
        let well = status(&runtime, "well").await;
        assert_eq!((well.state.as_str(), well.generation, well.faults), ("running", 0, 0));
        assert!(runtime.resume_strategy("panics".parse().unwrap()));
        until(&runtime, "panics", "running").await;
        runtime.stop().await;
    });
    threads.shutdown_timeout(Duration::from_secs(1));
    storage.finish().unwrap();

    let well: StrategyId = "well".parse().unwrap();
    let (mut fills, mut faults, mut resumed) = (0, 0, 0);
    let mut ledger = Reader::<LedgerRecord>::new(&paths.ledger, Seq(1));
    while let Some(group) = ledger.next_group(Seq(u64::MAX)).unwrap() {
        for (_, record) in group.records {
            match record {
                LedgerRecord::Order(u) if u.order.strategy == well && u.event.fill.is_some() => fills += 1,
                LedgerRecord::Action(a) if a.what.starts_with("strategy.") => faults += 1,
                LedgerRecord::Checkpoint(c) if c.strategy.as_str() == "panics" => resumed = resumed.max(c.state[0]),
                _ => {}
            }
        }
    }
    assert!(fills > 5, "the healthy strategy traded on: {fills} fills");
    assert!(faults >= 7, "every fault is in the ledger: {faults}");
    assert!(resumed >= 4, "each generation resumes from the last one's state: {resumed}");
}
