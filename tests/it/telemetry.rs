//! A run tells its metrics, its log lines and its instruments, and SQL finds them.

use std::time::Duration;

use actors::clock::Clock;
use actors::feeds::player::Frames;
use actors::feeds::simulated::Simulated;
use actors::metrics::{self, MARKET_TRADES};
use actors::runtime::{self, Plan, Runtime};
use actors::settings::StrategyRun;
use actors::strategies::api::{Context, Quote, Strategy, Wants};
use actors::strategies::registry::Registry;
use messages::telemetry::Level;
use messages::{Exchange, Instrument};
use storage::datadir::Paths;
use storage::duck::instance::Instance;
use storage::query::Stores;
use storage::service::Storage;
use storage::service::open_cold;
use storage::sql_tiers::Scope;
use storage::tiers::Published;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// No parameters.
#[derive(serde::Deserialize)]
struct Nothing {}

/// Fails at its first quote.
struct Breaks(Vec<Instrument>);

impl Strategy for Breaks {
    fn wants(&self) -> Wants {
        Wants { instruments: self.0.clone(), quotes: true, ..Wants::default() }
    }
    fn on_quote(&mut self, _: &Quote, _: &mut Context<'_>) {
        panic!("the first quote")
    }
}

fn plan(paths: &Paths) -> (Plan, config::Settings) {
    let mut settings = config::load(&config::Layers::default()).unwrap();
    settings.tiers.schedule.clear();
    settings.strategies.run =
        ["ema_cross", "breaks"].iter().map(|n| (n.parse().unwrap(), StrategyRun::default())).collect();
    let mut registry = Registry::shipped();
    registry.add("breaks", |instruments, _: Nothing| Ok(Breaks(instruments)));
    let deciding = settings.deciding(vec![Exchange::Simulated]);
    let rules = deciding.rules().unwrap();
    let symbol = "SIMBTC".parse().unwrap();
    let simulated = settings.feeds.simulated[&symbol]
        .with_rules(symbol, &rules[&Instrument { exchange: Exchange::Simulated, symbol }]);
    let plan = Plan {
        frames: Some(Box::new(move |seed, start| {
            let frames: Box<dyn Frames> =
                Box::new(Simulated::new(seed, &[simulated], start).map_err(|e| e.to_string())?);
            Ok(frames)
        })),
        telemetry_every: Duration::from_secs(1),
        ..settings.plan(paths, vec![Exchange::Simulated], registry, Clock::wall())
    };
    (plan, settings)
}

/// Runs until a strategy has failed and some market was seen, then stops in order.
fn run(paths: &Paths) -> config::Settings {
    let (plan, settings) = plan(paths);
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
    merganser::telemetry::send_to(storage.telemetry());
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    threads.block_on(async {
        let runtime = runtime::start(plan, &storage).await.unwrap();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            let failed = runtime.strategies().await.iter().any(|s| s.name == "breaks" && s.faults > 0);
            if failed && storage.market.watermark().get().0 > 50 {
                break;
            }
            assert!(tokio::time::Instant::now() < deadline, "nothing happens");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        look(&runtime).await;
        runtime.stop().await;
    });
    storage.finish().unwrap();
    settings
}

/// What a running tree shows of itself.
async fn look(runtime: &Runtime) {
    let actors = runtime.actors();
    for name in ["root", "market", "orders", "positions", "venue", "ema_cross", "breaks", "telemetry", "alerts"] {
        let actor = actors.iter().find(|actor| actor.name == name).unwrap();
        assert_eq!((actor.state, actor.restarts), ("running", 0), "{actor:?}");
        assert!(actor.started_at.is_some(), "{actor:?}");
    }
    let market = actors.iter().find(|actor| actor.name == "market").unwrap();
    assert!(market.handled > 0 && market.last_message.is_some() && market.last_at >= market.started_at, "{market:?}");

    let mut metrics = runtime.metrics().await.unwrap();
    let has_traded = |metrics: &[messages::telemetry::Metric]| {
        metrics.iter().any(|metric| metric.name == MARKET_TRADES.name && metric.value > 0.0)
    };
    for _ in 0..200 {
        if has_traded(&metrics) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        metrics = runtime.metrics().await.unwrap();
    }
    let undefined = metrics.iter().find(|metric| metrics::of(&metric.name).is_none());
    assert_eq!(undefined, None);
    let value = |metric: metrics::Definition| metrics.iter().find(|m| m.name == metric.name).map(|m| m.value);
    assert!(value(metrics::MARKET_TRADES) > Some(0.0) && value(metrics::JOURNAL_SYNCS) > Some(0.0));
    assert!(value(metrics::PORTFOLIO_CASH) > Some(0.0));
    assert_eq!(runtime.alerts().await.unwrap(), runtime.open_alerts().borrow().as_slice(), "none is over yet");
}

#[test]
fn a_run_fills_the_tables_about_itself() {
    tracing_subscriber::registry().with(merganser::telemetry::layer(Level::Info)).init();
    merganser::telemetry::hook_panics();
    let dir = tempfile::tempdir().unwrap();
    let paths = Paths::of(dir.path(), None);
    run(&paths);
    let settings = run(&paths);

    let instance = Instance::open(&paths.database, &settings.duckdb.options(), &paths.places).unwrap();
    let remote = open_cold(&paths, &settings.tiers.cold).unwrap();
    let db = instance.connect().unwrap();
    let stores = Stores::new(&db, Published::default(), &paths.places, remote).unwrap();
    let holds = |what: &str, sql: &str| {
        let limits = storage::sql::Limits { rows: 2, time: Duration::from_secs(60) };
        let answer = storage::sql::run(instance.pool(), &stores, sql, Scope::All, limits).unwrap();
        let rows: usize = answer.batches.iter().map(|b| b.num_rows()).sum();
        assert!(rows == 1, "{what}: {sql}");
    };
    // Each start takes a sample at once and one at its stop; ids rise over both.
    holds(
        "four samples",
        "SELECT count(*) AS n FROM system_metrics WHERE metric_name = 'logs_dropped' HAVING n >= 4 AND max(value) = 0",
    );
    holds(
        "ids follow time",
        "SELECT 1 WHERE NOT EXISTS (
        SELECT metric_id FROM system_metrics a WHERE EXISTS (
            SELECT 1 FROM system_metrics b WHERE b.metric_id < a.metric_id AND b.\"timestamp\" > a.\"timestamp\"))",
    );
    holds(
        "the last samples of both starts have counted the trades that are in the tables",
        "WITH newest AS (SELECT max(\"timestamp\") AS at FROM actions WHERE what = 'started'),
              starts AS (
                  SELECT m.\"timestamp\" >= newest.at AS is_newest, max(m.value) AS trades FROM system_metrics m, newest
                  WHERE m.metric_name = 'market_trades' GROUP BY is_newest),
              counted AS (SELECT sum(trades) AS trades, count(*) AS starts FROM starts)
         SELECT 1 FROM counted
         WHERE starts = 2 AND trades > 0 AND trades = (SELECT count(*) FROM market_ticks WHERE kind = 'trade')",
    );
    holds(
        "memory",
        "SELECT min(value) AS v FROM system_metrics WHERE metric_name = 'process_memory_bytes' HAVING v > 1e6 AND v < 1e11",
    );
    holds(
        "a strategy's faults",
        "SELECT max(value) AS v FROM system_metrics
         WHERE metric_name = 'strategy_faults' AND metric_type = 'counter' AND labels.actor = 'breaks' HAVING v >= 1",
    );
    holds(
        "quantiles",
        "SELECT count(*) AS n FROM system_metrics
         WHERE metric_type = 'histogram' AND value >= 1 AND quantiles.p50 <= quantiles.p999 HAVING n > 0",
    );
    for event in ["started", "stopped"] {
        let of_runtime = "level = 'info' AND component = 'runtime' AND service = 'merganser'";
        holds(
            event,
            &format!(
                "SELECT count(*) AS n FROM application_logs WHERE event = '{event}' AND {of_runtime} HAVING n >= 2"
            ),
        );
    }
    holds(
        "the fault",
        "SELECT count(*) AS n FROM application_logs
         WHERE level = 'error' AND event = 'fault' AND context.strategy_id = 'breaks' AND data->>'fault' = 'panicked'
         HAVING n >= 2",
    );
    holds(
        "the panic",
        "SELECT count(*) AS n FROM application_logs
         WHERE event = 'panic' AND exception.\"type\" = 'panic' AND exception.message = 'the first quote'
           AND source.file LIKE '%telemetry.rs' AND source.line > 0 HAVING n >= 2",
    );
    holds(
        "the instruments",
        &format!(
            "SELECT count(*) AS n FROM instruments HAVING n = {} AND count(*) FILTER (symbol = 'SIMBTC' AND price_step = 0.01) = 1",
            settings.instruments.len()
        ),
    );
}
