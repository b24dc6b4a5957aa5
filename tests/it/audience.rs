//! The audience of a running tree: it is told what the ledger holds, all of it, once and in order, and the market's trades.

use std::collections::BTreeMap;
use std::time::Duration;

use actors::audience::{self, Audience, Heard};
use actors::clock::Clock;
use actors::feeds::player::Frames;
use actors::feeds::simulated::Simulated;
use actors::runtime::{self, Plan};
use actors::settings::StrategyRun;
use actors::strategies::registry::Registry;
use messages::ledger::{LedgerRecord, MarketRecord, Seq};
use messages::market::{Batch, EventBody};
use messages::orders::Status;
use messages::risk::{StateChange, TradingState};
use messages::{Exchange, Instrument, OrderId, Quantity};
use storage::datadir::Paths;
use storage::journal::{Reader, Record};
use storage::service::Storage;

fn plan(paths: &Paths, audience: Audience) -> (Plan, config::Settings) {
    let mut settings = config::load(&config::Layers::default()).unwrap();
    settings.tiers.schedule.clear();
    settings.strategies.run = [("market_maker".parse().unwrap(), StrategyRun::default())].into();
    let deciding = settings.deciding(vec![Exchange::Simulated]);
    let symbol = "SIMBTC".parse().unwrap();
    let rules = deciding.rules().unwrap();
    let simulated = settings.feeds.simulated[&symbol]
        .with_rules(symbol, &rules[&Instrument { exchange: Exchange::Simulated, symbol }]);
    let plan = Plan {
        frames: Some(Box::new(move |seed, start| {
            let frames: Box<dyn Frames> =
                Box::new(Simulated::new(seed, &[simulated], start).map_err(|e| e.to_string())?);
            Ok(frames)
        })),
        audience: Some(audience),
        ..settings.plan(paths, vec![Exchange::Simulated], Registry::shipped(), Clock::wall())
    };
    (plan, settings)
}

/// Runs until enough orders have ended; trading is halted before it stops.
fn run(paths: &Paths, audience: Audience) {
    let (plan, settings) = plan(paths, audience);
    let (duck, hot) = (settings.duckdb.options(), settings.hot.options());
    let (cold, timescale) = (&settings.tiers.cold, &settings.timescale);
    let storage = Storage::open(paths, &settings.journal, cold, timescale, duck, hot, |_, _| {}).unwrap();
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    threads.block_on(async {
        let runtime = runtime::start(plan, &storage).await.unwrap();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        while storage.ledger.watermark().get().0 < 200 {
            assert!(tokio::time::Instant::now() < deadline, "nothing happens");
            tokio::time::sleep(Duration::from_millis(50)).await;
            // Between events, wherever that falls.
            assert!(runtime.tell_open());
        }
        let (state, by, why) = (TradingState::Halted, "test".to_owned(), "enough".to_owned());
        assert_eq!(runtime.set_trading(StateChange { state, by, why }).await, Some(state));
        runtime.stop().await;
    });
    storage.finish().unwrap();
}

/// All records of a journal.
fn records<R: Record>(folder: &std::path::Path) -> Vec<R> {
    let mut reader = Reader::<R>::new(folder, Seq(1));
    let mut found = Vec::new();
    while let Some(group) = reader.next_group(Seq(u64::MAX)).unwrap() {
        found.extend(group.records.into_iter().map(|(_, record)| record));
    }
    found
}

/// The numbers of the trades of batches.
fn trades<'a>(batches: impl Iterator<Item = &'a Batch>) -> Vec<u64> {
    let events = batches.flat_map(|batch| &batch.events);
    events.filter(|e| matches!(&e.body, EventBody::Tick(tick) if !tick.is_quote())).map(|e| e.id.0).collect()
}

#[test]
fn it_is_told_what_the_ledger_holds_and_open_orders_fit_in_between() {
    let dir = tempfile::tempdir().unwrap();
    let paths = Paths::of(dir.path(), None);
    let (audience, seat) = audience::channel();
    run(&paths, audience);
    assert_eq!((seat.stats.counts().lost_events, seat.stats.counts().lost_batches), (0, 0));

    let (mut told, mut booked, mut changes, mut states) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut open = BTreeMap::<OrderId, (Status, Quantity)>::new();
    let mut asked = 0;
    for heard in seat.events.drain() {
        match heard {
            Heard::Open { orders, .. } => {
                let orders: BTreeMap<_, _> = orders.iter().map(|o| (o.order_id, (o.status, o.filled))).collect();
                assert_eq!(orders, open, "what was told before is what is open, neither more nor less");
                asked += 1;
            }
            Heard::Order(update) => {
                told.push((update.event.order_id, update.event.number));
                if update.order.status.is_open() {
                    open.insert(update.order.order_id, (update.order.status, update.order.filled));
                } else {
                    open.remove(&update.order.order_id);
                }
            }
            Heard::Booked(fill) => booked.push(fill.trade.trade_id),
            Heard::Trading { change, .. } => changes.push(change.state),
            Heard::Strategy(status) => states.push(status.state),
            Heard::Opened(opened) => panic!("the paper venue is never held against our books: {opened:?}"),
        }
    }
    let (mut in_ledger, mut fills) = (Vec::new(), Vec::new());
    for record in records::<LedgerRecord>(&paths.ledger) {
        match record {
            LedgerRecord::Order(update) => in_ledger.push((update.event.order_id, update.event.number)),
            LedgerRecord::Booked(fill) => fills.push(fill.trade.trade_id),
            _ => {}
        }
    }
    assert!(in_ledger.len() > 50 && asked > 2, "{} events, asked {asked} times", in_ledger.len());
    assert_eq!(told, in_ledger);
    assert_eq!(booked, fills);
    assert_eq!(changes, [TradingState::Halted]);
    assert!(states.iter().any(|state| state == "running") && states.last().is_some_and(|state| state == "stopped"));

    let shown = seat.market.take(usize::MAX);
    let journal = records::<MarketRecord>(&paths.market);
    let batches = journal.iter().filter_map(|record| match record {
        MarketRecord::Batch(batch) => Some(batch),
        _ => None,
    });
    assert_eq!(trades(shown.iter().map(|delivered| &*delivered.batch)), trades(batches));
}
