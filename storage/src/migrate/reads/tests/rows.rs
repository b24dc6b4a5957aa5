//! Rows of every table but ticks, each made of its number: those of another program as it keeps them, and ours.

/// Rows of which each has a number `n`: columns, and what stands in each, in words of both databases.
pub type Rows = Vec<(&'static str, String)>;

fn rows(columns: &[(&'static str, &str)]) -> Rows {
    columns.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

/// Their tables.
pub const TABLES: &str = "
    CREATE TABLE old_orders (id uuid, who text, ref text, sym text, way text, kind text, tif text, qty numeric, done numeric,
        px double precision, state text, made timestamptz, changed timestamptz, corr uuid, remark text);
    CREATE TABLE old_fills (id uuid, who text, order_id uuid, sym text, way text, qty numeric, px numeric, at timestamptz,
        exec text, corr uuid);
    CREATE TABLE old_positions (who text, sym text, way text, qty numeric, cost numeric, at timestamptz);
    CREATE TABLE old_equity (who text, at timestamptz, form text, cash numeric, value numeric, longs int, shorts int);
    CREATE TABLE old_trades (t timestamptz, sym char(12), px numeric, qty numeric, seq bigint);
    CREATE TABLE old_quotes (t timestamptz, sym text, bid numeric, bid_qty numeric, ask numeric, ask_qty numeric);
    CREATE TABLE old_bars (t timestamptz, sym text, o numeric, h numeric, l numeric, c numeric, v numeric, n numeric,
        k bigint);
    CREATE TABLE old_lengths (t timestamptz, sym text, len text, rev smallint, o numeric, h numeric, l numeric, c numeric,
        v numeric, n numeric, k bigint);
    CREATE INDEX ON old_trades (sym, t)";

/// What becomes of them.
pub const MAPPING: &str = r#"
[[table]]
from = "public.old_orders"
into = "orders"
[table.columns]
order_id = { from = "id" }
account = { from = "who" }
client_order_id = { from = "ref" }
exchange = { value = "simulated" }
symbol = { from = "sym" }
side = { from = "way", values = { BUY = "buy", SELL = "sell" } }
order_type = { from = "kind" }
time_in_force = { from = "tif" }
quantity = { from = "qty" }
filled_quantity = { from = "done" }
price = { from = "px", floating = "shortest" }
status = { from = "state" }
created_at = { from = "made" }
updated_at = { from = "changed" }
correlation_id = { from = "corr" }
strategy_id = { value = "manual" }
note = { from = "remark" }

[[table]]
from = "public.old_fills"
into = "trades"
[table.columns]
trade_id = { from = "id" }
account = { from = "who" }
order_id = { from = "order_id" }
exchange = { value = "simulated" }
symbol = { from = "sym" }
side = { from = "way", values = { BUY = "buy" } }
quantity = { from = "qty" }
price = { from = "px" }
executed_at = { from = "at" }
execution_id = { from = "exec" }
strategy_id = { value = "s" }
correlation_id = { from = "corr" }

[[table]]
from = "public.old_positions"
into = "positions"
[table.columns]
account = { from = "who" }
exchange = { value = "simulated" }
symbol = { from = "sym" }
side = { from = "way" }
quantity = { from = "qty" }
cost_basis = { from = "cost" }
snapshot_time = { from = "at" }
strategy_id = { value = "s" }

[[table]]
from = "public.old_equity"
into = "portfolio_snapshots"
[table.columns]
account = { from = "who" }
currency = { value = "USDT" }
snapshot_time = { from = "at" }
snapshot_type = { from = "form" }
cash_balance = { from = "cash" }
portfolio_value = { from = "value" }
long_positions = { from = "longs" }
short_positions = { from = "shorts" }

[[table]]
from = "public.old_trades"
into = "market_ticks"
[table.columns]
exchange = { value = "simulated" }
symbol = { from = "sym" }
timestamp = { from = "t" }
kind = { value = "trade" }
last_price = { from = "px" }
volume = { from = "qty" }
sequence_number = { from = "seq" }

[[table]]
from = "public.old_quotes"
into = "market_ticks"
[table.columns]
exchange = { value = "simulated" }
symbol = { from = "sym" }
timestamp = { from = "t" }
kind = { value = "quote" }
bid_price = { from = "bid" }
bid_size = { from = "bid_qty" }
ask_price = { from = "ask" }
ask_size = { from = "ask_qty" }

[[table]]
from = "public.old_bars"
into = "ohlcv_bars"
[table.columns]
exchange = { value = "simulated" }
symbol = { from = "sym" }
timeframe = { value = "1m" }
timestamp = { from = "t" }
open = { from = "o" }
high = { from = "h" }
low = { from = "l" }
close = { from = "c" }
volume = { from = "v" }
notional = { from = "n" }
trade_count = { from = "k" }
is_complete = { value = "true" }

[[table]]
from = "public.old_lengths"
into = "ohlcv_bars"
[table.columns]
exchange = { value = "simulated" }
symbol = { from = "sym" }
timeframe = { from = "len" }
timestamp = { from = "t" }
revision = { from = "rev" }
open = { from = "o" }
high = { from = "h" }
low = { from = "l" }
close = { from = "c" }
volume = { from = "v" }
notional = { from = "n" }
trade_count = { from = "k" }
is_complete = { value = "true" }
"#;

pub fn orders() -> Rows {
    rows(&[
        ("order_id", "md5('o' || n)::uuid"),
        ("account", "CASE WHEN n % 2 = 0 THEN 'paper' ELSE 'other' END"),
        ("client_order_id", "'c' || n"),
        ("exchange", "'simulated'"),
        ("symbol", "CASE WHEN n % 5 = 0 THEN 'B/C' ELSE 'A' END"),
        ("side", "CASE WHEN n % 3 = 0 THEN 'sell' ELSE 'buy' END"),
        ("order_type", "'limit'"),
        ("time_in_force", "'day'"),
        ("quantity", "n + 0.000000001"),
        ("filled_quantity", "0"),
        ("price", "n + 0.25"),
        ("status", "'canceled'"),
        // Two of each instant.
        ("created_at", "TIMESTAMP '2023-11-01' + (n / 2 * 2) * INTERVAL '5 hours'"),
        ("updated_at", "TIMESTAMP '2023-11-01' + (n * 5 + 1) * INTERVAL '1 hour'"),
        ("correlation_id", "md5('k' || n)::uuid"),
        ("strategy_id", "CASE WHEN n < 200 OR n % 3 = 0 THEN 'manual' ELSE 's' END"),
        ("note", "CASE WHEN n % 4 = 0 THEN 'a ''note''' ELSE NULL END"),
    ])
}

pub fn fills() -> Rows {
    rows(&[
        ("trade_id", "md5('t' || n)::uuid"),
        ("account", "CASE WHEN n % 2 = 0 THEN 'paper' ELSE 'other' END"),
        ("order_id", "md5('o' || n)::uuid"),
        ("exchange", "'simulated'"),
        ("symbol", "'A'"),
        ("side", "'buy'"),
        ("quantity", "1"),
        ("price", "2.5"),
        ("executed_at", "TIMESTAMP '2023-11-01' + n * INTERVAL '5 hours'"),
        ("execution_id", "'e' || n"),
        ("strategy_id", "'s'"),
        ("correlation_id", "md5('k' || n)::uuid"),
    ])
}

pub fn positions() -> Rows {
    rows(&[
        ("account", "'paper'"),
        ("exchange", "'simulated'"),
        ("symbol", "CASE WHEN n < 10 THEN 'OLD' WHEN n % 2 = 0 THEN 'A' ELSE 'B/C' END"),
        ("side", "CASE WHEN n % 4 = 3 THEN 'flat' ELSE 'long' END"),
        ("quantity", "n"),
        ("cost_basis", "n"),
        ("snapshot_time", "TIMESTAMP '2023-11-01' + n * INTERVAL '5 hours'"),
        ("strategy_id", "'s'"),
    ])
}

pub fn equity() -> Rows {
    rows(&[
        ("account", "CASE WHEN n % 3 = 0 THEN 'other' ELSE 'paper' END"),
        ("currency", "'USDT'"),
        ("snapshot_time", "TIMESTAMP '2023-11-01' + n * INTERVAL '5 hours'"),
        ("snapshot_type", "CASE WHEN n % 5 = 0 THEN 'eod' ELSE 'intraday' END"),
        ("cash_balance", "0 - n"),
        ("portfolio_value", "n + 0.5"),
        ("long_positions", "1"),
        ("short_positions", "0"),
    ])
}

/// Bars of a minute, each half an hour, of which some have a gap behind them.
pub fn bars() -> Rows {
    rows(&[
        ("exchange", "'simulated'"),
        ("symbol", "'A'"),
        ("timeframe", "'1m'"),
        ("timestamp", "TIMESTAMP '2023-11-01' + n * INTERVAL '30 minutes'"),
        ("open", "1 + n % 7"),
        ("high", "10"),
        ("low", "0.5"),
        ("close", "2 + n % 5"),
        ("volume", "n + 0.000000001"),
        ("notional", "n * 2"),
        ("trade_count", "2"),
        ("revision", "0"),
        ("is_complete", "true"),
    ])
}

/// Bars of an hour of another instrument, from 64 hours before the watermark on, of which ten are missing.
pub fn hours() -> Rows {
    let own = [
        ("symbol", "'H'"),
        ("timeframe", "'1h'"),
        ("timestamp", "TIMESTAMP '2023-12-10' + (CASE WHEN n < 30 THEN n ELSE n + 10 END) * INTERVAL '1 hour'"),
    ];
    with(&bars(), &own)
}

/// Its bars of a minute, from 20 minutes before the watermark on: the first is known in part.
pub fn minutes() -> Rows {
    let own = [
        ("symbol", "'H'"),
        ("timestamp", "TIMESTAMP '2023-12-12 15:40:00' + n * INTERVAL '1 minute'"),
        ("is_complete", "n > 0"),
    ];
    with(&bars(), &own)
}

/// Rows in which something else stands in some columns.
fn with(rows: &Rows, own: &[(&'static str, &str)]) -> Rows {
    let value = |name: &str, value: &str| {
        own.iter().find(|(own, _)| *own == name).map_or(value, |(_, value)| *value).to_owned()
    };
    rows.iter().map(|(name, old)| (*name, value(name, old))).collect()
}

/// The columns of rows.
pub fn names(rows: &Rows) -> String {
    rows.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

/// What stands in them.
pub fn values(rows: &Rows) -> String {
    rows.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ")
}
