mod market;

use std::path::Path;

use messages::ids::IdMaker;
use messages::instrument::{Rules, Sessions};
use messages::ledger::{Decider, Delivery, Handled, LedgerRecord, MarketRecord, Seq};
use messages::market::{Bar, Batch, Event, EventBody, Source, Tick, TickBody, Timeframe};
use messages::orders::{Attempt, EventKind, Fill, Order, OrderEvent, OrderRequest, OrderUpdate, Side, Status};
use messages::positions::{Booked, Position, Trade};
use messages::telemetry::{Labels, Level, LogLine, Metric, MetricKind, Telemetry};
use messages::{
    Cash, CorrelationId, Exchange, Instrument, MarketId, Notional, Price, Quantity, Size, TradeId, UtcNanos,
};

use super::Error;
use super::file::{FileWriter, catch_up};
use super::instance::{self, Instance, Options};
use crate::datadir::Paths;
use crate::journal::{Log, Writer};
use crate::tiers::{Places, Published};

fn open(dir: &Path) -> Instance {
    let options = Options::small();
    Instance::open(&dir.join("trading.duckdb"), &options, &Places::of(dir)).unwrap()
}

fn follow(dir: &Path, instance: &Instance) {
    catch_up(instance.connect().unwrap(), &Paths::of(dir, None), Published::default()).unwrap();
}

fn ask(instance: &Instance, sql: &str) -> String {
    let db = instance.connect().unwrap();
    db.query_row(&format!("SELECT string_agg(whole::VARCHAR, ';') FROM ({sql}) whole"), [], |row| {
        Ok(row.get::<_, Option<String>>(0)?.unwrap_or_default())
    })
    .unwrap()
}

fn instrument() -> Instrument {
    Instrument { exchange: Exchange::Simulated, symbol: "A".parse().unwrap() }
}

fn trade(id: u64, secs: i64) -> Event {
    let price = Price::from_raw(10_050_000_000).unwrap();
    let body = TickBody::Trade { price, size: Size::ONE, aggressor: Some(Side::Buy), conditions: Default::default() };
    let time = UtcNanos::from_secs(secs).unwrap();
    let tick = Tick { instrument: instrument(), time, sequence: Some(id as i64), revision: 0, body };
    Event { id: MarketId(id), body: EventBody::Tick(tick) }
}

fn bar(id: u64, revision: u16, trades: u64) -> Event {
    let price: Price = "1".parse().unwrap();
    let bar = Bar {
        bar_id: MarketId(7),
        instrument: instrument(),
        timeframe: Timeframe::SECOND,
        open_time: UtcNanos(0),
        open: price,
        high: price,
        low: price,
        close: price,
        volume: "2".parse().unwrap(),
        notional: Notional::from_raw(2 * 10i128.pow(17)),
        trade_count: trades,
        revision,
        is_complete: true,
    };
    Event { id: MarketId(id), body: EventBody::Bar(bar) }
}

fn write_market(dir: &Path, events: Vec<Event>) {
    let mut writer = Writer::open(&dir.join("market"), 1 << 20).unwrap();
    let batch = Batch { source: Source::Simulated, received: UtcNanos(0), events };
    writer.append(&MarketRecord::Batch(batch)).unwrap();
    writer.sync().unwrap();
}

fn update(number: u32, status: Status) -> LedgerRecord {
    let order_id = IdMaker::new(1, "test").next_order_id();
    let client_order_id = "mg-1-1".parse().unwrap();
    let order = Order {
        order_id,
        account: "paper".parse().unwrap(),
        strategy: "s".parse().unwrap(),
        client_order_id,
        request: OrderRequest::market(instrument(), Side::Buy, "1.5".parse().unwrap()),
        status,
        filled: Quantity::ZERO,
        filled_notional: Notional::ZERO,
        acknowledged: true,
        triggered: false,
        attempts: vec![Attempt { client_order_id, venue_order_id: None, since: UtcNanos(0), confirmed: true }],
        replacing: None,
        reason: None,
        reason_text: String::new(),
        created_at: UtcNanos(0),
        submitted_at: None,
        updated_at: UtcNanos(0),
        filled_at: None,
        commission: None,
        correlation_id: CorrelationId(order_id.0),
        as_of: 1,
    };
    let event = OrderEvent {
        order_id,
        number,
        kind: EventKind::Accepted,
        status,
        reason: None,
        reason_text: String::new(),
        at: UtcNanos(0),
        fill: None,
        as_of: 1,
    };
    LedgerRecord::Order(Box::new(OrderUpdate { event, order }))
}

fn write_ledger(dir: &Path, records: &[LedgerRecord]) {
    let mut writer = Writer::open(&dir.join("ledger"), 1 << 20).unwrap();
    for record in records {
        writer.append(record).unwrap();
    }
    writer.sync().unwrap();
}

#[test]
fn records_become_rows_once_over_any_number_of_starts() {
    let dir = tempfile::tempdir().unwrap();
    write_market(dir.path(), vec![trade(1, 10), trade(2, 86_400 + 10)]);
    write_ledger(dir.path(), &[update(1, Status::PendingSubmit), update(2, Status::Accepted)]);
    for _ in 0..2 {
        let instance = open(dir.path());
        follow(dir.path(), &instance);
    }
    write_market(dir.path(), vec![trade(3, 20)]);
    write_ledger(dir.path(), &[update(3, Status::Filled)]);
    let instance = open(dir.path());
    follow(dir.path(), &instance);
    let days = "SELECT strftime(\"timestamp\", '%d') AS d, count(*) AS n, sum(last_price) AS p FROM market_ticks GROUP BY d ORDER BY d";
    assert_eq!(ask(&instance, days), "{'d': 01, 'n': 2, 'p': 201.00000000};{'d': 02, 'n': 1, 'p': 100.50000000}");
    assert_eq!(ask(&instance, "SELECT status, quantity FROM orders"), "{'status': filled, 'quantity': 1.500000000}");
    assert_eq!(ask(&instance, "SELECT count(*) AS n FROM order_events"), "{'n': 3}");
    assert_eq!(ask(&instance, "SELECT period, location FROM partitions ORDER BY period").matches("ticks_").count(), 2);
}

/// What the ledger has of a fill, or of what undoes one.
fn filled(number: u32, kind: EventKind, key: &str, quantity: &str, after: &str) -> [LedgerRecord; 2] {
    let LedgerRecord::Order(mut update) = update(number, Status::Filled) else { unreachable!("it is one") };
    let (execution_id, quantity, filled) = (key.parse().unwrap(), quantity.parse().unwrap(), after.parse().unwrap());
    let (price, at) = (Price::ONE, UtcNanos(0));
    let fill = Fill { execution_id, price, quantity, cumulative: filled, liquidity: None, fee: None, executed_at: at };
    (update.event.kind, update.event.fill, update.order.filled) = (kind, Some(fill), filled);
    let order = &update.order;
    let (account, order_id, strategy) = (order.account, order.order_id, order.strategy);
    let trade = Trade {
        trade_id: TradeId::of(account, "simulated", execution_id),
        account,
        order_id,
        instrument: instrument(),
        side: Side::Buy,
        quantity,
        price,
        executed_at: at,
        reported_at: at,
        fee: None,
        liquidity: None,
        realized_pnl: Cash::ZERO,
        execution_id,
        strategy,
        correlation_id: order.correlation_id,
        as_of: 1,
    };
    let position = Position {
        position_id: u64::from(number),
        account,
        instrument: instrument(),
        strategy,
        quantity: filled,
        cost_basis: Cash::ZERO,
        mark_price: None,
        realized_pnl: Cash::ZERO,
        opened_at: None,
        closed_at: None,
        at,
        correlation_id: None,
    };
    [LedgerRecord::Order(update), LedgerRecord::Booked(Box::new(Booked { trade, position, balances: Vec::new() }))]
}

#[test]
fn what_undoes_a_fill_stands_behind_it_and_the_rows_add_up() {
    let dir = tempfile::tempdir().unwrap();
    let bought = filled(1, EventKind::Filled, "x", "1.5", "1.5");
    let undone = filled(2, EventKind::Busted, "undo:x", "-1.5", "0");
    // Undone before it was heard of: nothing is known of it.
    let [unheard, _] = filled(3, EventKind::Busted, "undo:y", "0", "0");
    write_ledger(dir.path(), &[&bought[..], &undone[..], &[unheard]].concat());
    let instance = open(dir.path());
    follow(dir.path(), &instance);
    assert_eq!(
        ask(&instance, "SELECT event, execution_id AS x, last_quantity AS q FROM order_events ORDER BY number"),
        "{'event': filled, 'x': x, 'q': 1.500000000};{'event': busted, 'x': 'undo:x', 'q': -1.500000000};\
         {'event': busted, 'x': 'undo:y', 'q': NULL}"
    );
    let sums = "SELECT o.filled_quantity AS f, sum(t.quantity) AS s, count(*) AS n FROM orders o JOIN trades t USING (order_id) \
                GROUP BY ALL";
    assert_eq!(ask(&instance, sums), "{'f': 0.000000000, 's': 0.000000000, 'n': 2}");
}

#[test]
fn a_bar_keeps_its_newest_revision() {
    let dir = tempfile::tempdir().unwrap();
    let instance = open(dir.path());
    let shown = "SELECT revision AS r, trade_count AS n, notional AS q, vwap AS v FROM ohlcv_bars";
    write_market(dir.path(), vec![bar(7, 0, 1), bar(8, 1, 2)]);
    follow(dir.path(), &instance);
    assert_eq!(ask(&instance, shown), "{'r': 1, 'n': 2, 'q': 2.000000000, 'v': 1.00000000}");
    write_market(dir.path(), vec![bar(9, 2, 3)]);
    follow(dir.path(), &instance);
    assert_eq!(ask(&instance, shown), "{'r': 2, 'n': 3, 'q': 2.000000000, 'v': 1.00000000}");
}

#[test]
fn instruments_have_the_rules_of_the_newest_start() {
    let dir = tempfile::tempdir().unwrap();
    let instance = open(dir.path());
    let rules = |step: &str| {
        LedgerRecord::Instruments(vec![Rules {
            instrument: instrument(),
            base: "A".parse().unwrap(),
            quote: "USDT".parse().unwrap(),
            price_step: step.parse().unwrap(),
            quantity_step: "0.001".parse().unwrap(),
            min_quantity: "0.001".parse().unwrap(),
            max_quantity: Quantity::ZERO,
            min_notional: "5".parse().unwrap(),
            sessions: Sessions::AroundTheClock,
        }])
    };
    let shown = "SELECT symbol, price_step AS p, max_quantity AS q, min_notional AS n, sessions AS s FROM instruments";
    for (starts, expected) in [(&["1", "0.1"][..], "0.10000000"), (&["0.01"][..], "0.01000000")] {
        write_ledger(dir.path(), &starts.iter().map(|step| rules(step)).collect::<Vec<_>>());
        follow(dir.path(), &instance);
        let row =
            format!("{{'symbol': A, 'p': {expected}, 'q': 0.000000000, 'n': 5.000000000, 's': around_the_clock}}");
        assert_eq!(ask(&instance, shown), row);
    }
}

/// A log line and a metric, a second after 1970.
fn told(message: &str) -> [Telemetry; 2] {
    let at = UtcNanos(1_000_000_000);
    let line = LogLine {
        at,
        level: Level::Warn,
        service: "merganser".to_owned(),
        component: "orders".to_owned(),
        message: message.to_owned(),
        event: None,
        order_id: None,
        correlation_id: "01234567-89ab-cdef-0123-456789abcdef".parse().ok(),
        symbol: Some("A".to_owned()),
        strategy: None,
        venue: None,
        data: Some(r#"{"n":7}"#.to_owned()),
        exception: None,
        file: None,
        line: Some(3),
        target: "actors::orders".to_owned(),
    };
    let metric = Metric {
        at,
        name: message.to_owned(),
        kind: MetricKind::Gauge,
        value: 0.5,
        labels: Labels { actor: Some("orders".to_owned()), ..Labels::default() },
        quantiles: None,
    };
    [Telemetry::Log(Box::new(line)), Telemetry::Metric(Box::new(metric))]
}

#[test]
fn telemetry_becomes_rows_whose_ids_rise_over_starts() {
    let dir = tempfile::tempdir().unwrap();
    for words in [["a", "b"], ["c", "d"]] {
        let instance = open(dir.path());
        let (paths, none) = (Paths::of(dir.path(), None), (Seq(0), Seq(0)));
        let mut writer = FileWriter::open(instance.connect().unwrap(), &paths, none, Published::default()).unwrap();
        let (sender, queue) = crate::telemetry::channel(10);
        writer.listen(queue).unwrap();
        words.iter().flat_map(|w| told(w)).for_each(|t| sender.send(t));
        assert!(!writer.apply(Seq(0), Seq(0)).unwrap(), "no journal holds anything");
    }
    let instance = open(dir.path());
    let ids = "{'id': 1000000, 'm': a};{'id': 1000001, 'm': b};{'id': 1000002, 'm': c};{'id': 1000003, 'm': d}";
    assert_eq!(ask(&instance, "SELECT log_id AS id, message AS m FROM application_logs ORDER BY id"), ids);
    assert_eq!(ask(&instance, "SELECT metric_id AS id, metric_name AS m FROM system_metrics ORDER BY id"), ids);
    let line = "SELECT context.symbol AS s, (\"data\"->>'n')::INT AS n, \"exception\" AS e, source.line AS l,
                    correlation_id AS c
                FROM application_logs WHERE message = 'a'";
    let row = "{'s': A, 'n': 7, 'e': NULL, 'l': 3, 'c': 01234567-89ab-cdef-0123-456789abcdef}";
    assert_eq!(ask(&instance, line), row);
    let metric =
        "SELECT labels.actor AS a, labels.tier AS t, quantiles AS q FROM system_metrics WHERE metric_id = 1000003";
    assert_eq!(ask(&instance, metric), "{'a': orders, 't': NULL, 'q': NULL}");
}

#[test]
fn the_instance_reaches_nothing_outside() {
    let dir = tempfile::tempdir().unwrap();
    let instance = open(dir.path());
    let db = instance.connect().unwrap();
    for sql in [
        "COPY (SELECT 1) TO '/tmp/out.csv'",
        "ATTACH '/tmp/other.duckdb'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SELECT * FROM read_csv('/etc/passwd')",
    ] {
        assert!(db.execute_batch(sql).is_err(), "{sql}");
    }
}

#[test]
fn a_file_of_a_newer_program_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).connect().unwrap().execute_batch("INSERT INTO schema_migrations VALUES (99, 'later')").unwrap();
    let options = Options::small();
    let refused = Instance::open(&dir.path().join("trading.duckdb"), &options, &Places::of(dir.path()));
    assert!(matches!(refused, Err(super::Error::Newer { found: 99, .. })));
}

#[test]
fn a_journal_that_does_not_belong_to_the_tables_is_refused() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (folder, records) in [(dir.path(), 5), (other.path(), 2)] {
        let mut ledger = Writer::open(&folder.join("ledger"), 1 << 20).unwrap();
        for n in 0..records {
            ledger.append(&LedgerRecord::Stopped { at: UtcNanos(n) }).unwrap();
        }
        ledger.sync().unwrap();
    }
    let instance = open(dir.path());
    follow(dir.path(), &instance);
    let elsewhere = Paths::of(dir.path(), Some(&other.path().join("ledger")));
    let Err(refused) = catch_up(instance.connect().unwrap(), &elsewhere, Published::default()) else {
        panic!("not refused")
    };
    assert!(matches!(refused, Error::Ahead { log: Log::Ledger, applied: 5, end: 2, .. }), "{refused}");
    follow(dir.path(), &instance);
}

#[test]
fn what_is_no_database_is_refused_before_anything_begins() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trading.duckdb");
    assert!(instance::check(&path).is_ok(), "nothing there is a beginning");
    std::fs::write(&path, b"not a database at all").unwrap();
    assert!(matches!(instance::check(&path), Err(Error::NoDatabase { .. })));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(instance::check(&path), Err(Error::NoDatabase { .. })));
    std::fs::remove_dir(&path).unwrap();
    drop(open(dir.path()));
    assert!(instance::check(&path).is_ok());
}

#[test]
fn a_file_of_the_first_schema_is_brought_up_to_date_with_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trading.duckdb");
    let old = duckdb::Connection::open(&path).unwrap();
    old.execute_batch(include_str!("migrations/0001_tables.sql")).unwrap();
    old.execute_batch(
        "CREATE TABLE schema_migrations (version BIGINT PRIMARY KEY, name VARCHAR NOT NULL);
         INSERT INTO schema_migrations VALUES (1, 'tables');
         CREATE TABLE ticks_20240808 AS FROM ticks_template LIMIT 0;
         INSERT INTO ticks_20240808 (tick_id, exchange, symbol, \"timestamp\", kind, source, revision, ingestion_time)
             VALUES (1, 'binance', 'BTCUSDT', '2024-08-08 12:00:00', 'quote', 'stream', 0, '2024-08-08 12:00:01');
         INSERT INTO partitions VALUES ('market_ticks', '2024-08-08', 0, 'disk', 'ticks_20240808');
         CREATE VIEW market_ticks AS FROM ticks_template UNION ALL FROM ticks_20240808;
         INSERT INTO balances VALUES (7, 'paper', 'USDT', 12.5, '2024-08-08')",
    )
    .unwrap();
    drop(old);
    let instance = open(dir.path());
    follow(dir.path(), &instance);
    assert_eq!(ask(&instance, "SELECT tick_id AS id FROM market_ticks"), "{'id': 1}");
    assert_eq!(ask(&instance, "SELECT total AS t FROM balances"), "{'t': 12.500000000}");
    assert_eq!(
        ask(&instance, "SELECT location AS l, \"rows\" AS n FROM partitions WHERE table_name = 'market_ticks'"),
        "{'l': disk.ticks_20240808, 'n': 1}"
    );
    let twice = "INSERT INTO disk.balances VALUES (7, 'paper', 'USDT', 1, '2024-08-08')";
    assert!(instance.connect().unwrap().execute_batch(twice).is_err(), "its key came along");
}

#[test]
fn what_orders_had_seen_when_it_decided_stands_beside_the_order() {
    let dir = tempfile::tempdir().unwrap();
    let handled = |actor, number, delivery| {
        let (market_from, market_to) = (MarketId(3), MarketId(9));
        MarketRecord::Handled(Handled {
            actor,
            number,
            generation: 0,
            now: UtcNanos(0),
            market_from,
            market_to,
            delivery,
        })
    };
    let strategy: messages::StrategyId = "ema".parse().unwrap();
    let commands = Delivery::Commands { strategy, generation: 2, first: 1, count: 1 };
    let mut writer = Writer::open(&dir.path().join("market"), 1 << 20).unwrap();
    for record in [
        handled(Decider::Strategy(strategy), 1, Delivery::Market { conflated: false }),
        handled(Decider::Orders, 7, commands),
        handled(Decider::Orders, 8, Delivery::Timer),
    ] {
        writer.append(&record).unwrap();
    }
    writer.sync().unwrap();
    let instance = open(dir.path());
    follow(dir.path(), &instance);
    let sql = "SELECT as_of AS a, market_to AS m, what AS w, strategy_id AS s, generation AS g FROM decisions";
    assert_eq!(ask(&instance, sql), "{'a': 7, 'm': 9, 'w': commands, 's': ema, 'g': 2}");
}
