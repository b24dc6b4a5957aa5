//! What became of orders, how long it took, and where the market was when they were made.

use std::collections::BTreeSet;
use std::time::Duration;

use messages::{UtcNanos, caps};
use serde::Serialize;
use storage::query::Range;
use storage::sql_tiers::Scope;

use super::fills::side;
use super::whose::Whose;
use crate::report::ask::Ask;
use crate::report::cells::each;
use crate::report::figures::execution::{Decision, Orders, Slippage, Spread, all_basis_points, slippage};

/// Days of market data that fills are held against, the newest of the report: a day of ticks takes a second or more.
const SLIPPAGE_DAYS: usize = 30;

/// Fills that are held against market data; of more, so many are taken evenly, by a hash of their ids.
const SLIPPAGE_FILLS: u64 = 20_000;

/// Why orders were refused: how many reasons are named.
const REASONS: usize = 20;

/// Execution quality.
#[derive(Debug, Clone, Serialize)]
pub struct Execution {
    /// What became of orders: of all, then by type.
    pub orders: Vec<Orders>,
    /// Why orders were refused.
    pub refusals: Vec<Refusal>,
    /// How long steps took, in milliseconds.
    pub times: Vec<Times>,
    /// How far fills were from the market at the decision: of all, then by type of order.
    pub slippage: Vec<Slippage>,
    /// Fills of orders that were made in the report.
    pub fills_of_its_orders: u64,
    /// For a histogram.
    #[serde(skip)]
    pub basis_points: Vec<f64>,
}

/// Orders that were refused for a reason.
#[derive(Debug, Clone, Serialize)]
pub struct Refusal {
    /// `denied` by us, or `rejected` by the venue.
    pub status: String,
    /// The stable code.
    pub reason_code: Option<String>,
    /// How many.
    pub orders: u64,
}

/// How long a step took, of orders of one type.
#[derive(Debug, Clone, Serialize)]
pub struct Times {
    /// From what to what.
    pub step: &'static str,
    /// `market`, `limit` …; `all` for all of them.
    pub order_type: String,
    /// Milliseconds.
    pub ms: Spread,
}

/// The steps of an order's life, by the columns at their ends.
const STEPS: [(&str, &str, &str); 3] = [
    ("intent to submitted", "created_at", "submitted_at"),
    ("submitted to filled", "submitted_at", "filled_at"),
    ("intent to filled", "created_at", "filled_at"),
];

/// Reads all of it.
///
/// # Errors
/// It cannot be read.
pub fn load(ask: &dyn Ask, whose: &Whose) -> anyhow::Result<Execution> {
    let (decisions, fills_of_its_orders) = decisions(ask, whose)?;
    Ok(Execution {
        orders: orders(ask, whose)?,
        refusals: refusals(ask, whose)?,
        times: times(ask, whose)?,
        slippage: slippage(&decisions),
        fills_of_its_orders,
        basis_points: all_basis_points(&decisions),
    })
}

fn orders(ask: &dyn Ask, whose: &Whose) -> anyhow::Result<Vec<Orders>> {
    let sql = format!(
        "SELECT order_type, status, count(*) AS orders, count(*) FILTER (filled_quantity > 0) AS with_fills
         FROM orders WHERE {} GROUP BY order_type, status ORDER BY order_type",
        whose.rows("")
    );
    let mut found = vec![Orders::none("all")];
    each(&ask.sql(&sql, whose.scope())?, &["order_type", "status", "orders", "with_fills"], |row| {
        let (order_type, status): (String, String) = (row.need("order_type")?, row.need("status")?);
        if found.last().is_none_or(|last| last.order_type != order_type) {
            found.push(Orders::none(&order_type));
        }
        let (count, with_fills) = (row.need("orders")?, row.need("with_fills")?);
        let last = found.len() - 1;
        for n in [0, last] {
            found[n].add(&status, count, with_fills);
        }
        Ok(())
    })?;
    Ok(found)
}

fn refusals(ask: &dyn Ask, whose: &Whose) -> anyhow::Result<Vec<Refusal>> {
    let sql = format!(
        "SELECT status, reason_code, count(*) AS orders FROM orders
         WHERE {} AND status IN ('denied', 'rejected') GROUP BY status, reason_code
         ORDER BY orders DESC, status, reason_code LIMIT {REASONS}",
        whose.rows("")
    );
    let mut found = Vec::new();
    each(&ask.sql(&sql, whose.scope())?, &["status", "reason_code", "orders"], |row| {
        let (status, reason_code, orders) = (row.need("status")?, row.get("reason_code")?, row.need("orders")?);
        found.push(Refusal { status, reason_code, orders });
        Ok(())
    })?;
    Ok(found)
}

fn times(ask: &dyn Ask, whose: &Whose) -> anyhow::Result<Vec<Times>> {
    let mut found = Vec::new();
    for (step, from, to) in STEPS {
        let sql = format!(
            "SELECT coalesce(order_type, 'all') AS kind, count(ms) AS n, quantile_cont(ms, 0.5) AS p50,
                 quantile_cont(ms, 0.95) AS p95, quantile_cont(ms, 0.99) AS p99
             FROM (SELECT order_type, (epoch_us({to}) - epoch_us({from})) / 1000.0 AS ms FROM orders
                   WHERE {} AND {to} IS NOT NULL AND {from} IS NOT NULL)
             GROUP BY ROLLUP (order_type) ORDER BY order_type NULLS FIRST",
            whose.rows("")
        );
        each(&ask.sql(&sql, whose.scope())?, &["kind", "n", "p50", "p95", "p99"], |row| {
            let (p50, p95, p99) = (row.get("p50")?, row.get("p95")?, row.get("p99")?);
            let ms = Spread { count: row.need("n")?, p50, p95, p99 };
            found.push(Times { step, order_type: row.need("kind")?, ms });
            Ok(())
        })?;
    }
    Ok(found)
}

/// Fills beside the market at their decision, and of how many they are a sample.
fn decisions(ask: &dyn Ask, whose: &Whose) -> anyhow::Result<(Vec<Decision>, u64)> {
    let days = days(ask, whose)?;
    let all = days.iter().map(|(_, fills)| fills).sum();
    let cold = cold_days(ask)?;
    let looked_at: Vec<_> = days.into_iter().filter(|(day, _)| !cold.contains(day)).take(SLIPPAGE_DAYS).collect();
    let every = looked_at.iter().map(|(_, fills)| fills).sum::<u64>().div_ceil(SLIPPAGE_FILLS).max(1);
    let mut found = Vec::new();
    for (day, _) in looked_at {
        let range = Range { from: day.before(caps::REFERENCE_AGE), to: UtcNanos::start_of_day(day.day() + 1) };
        let sql = decisions_of_a_day(whose, day, every);
        each(&ask.sql(&sql, Scope::Range(range))?, &["order_type", "side", "price", "quantity", "reference"], |row| {
            found.push(Decision {
                order_type: row.need("order_type")?,
                side: side(row)?,
                price: row.need("price")?,
                quantity: row.need("quantity")?,
                reference: row.get("reference")?,
            });
            Ok(())
        })?;
    }
    Ok((found, all))
}

/// The days on which orders were made that have fills, the newest first, and how many fills each has.
fn days(ask: &dyn Ask, whose: &Whose) -> anyhow::Result<Vec<(UtcNanos, u64)>> {
    let sql = format!(
        "SELECT epoch_us(date_trunc('day', o.created_at)) AS day, count(*) AS fills
         FROM trades t JOIN orders o ON o.order_id = t.order_id
         WHERE {} AND o.created_at > make_timestamp({}) AND o.created_at <= make_timestamp({})
         GROUP BY 1 ORDER BY 1 DESC",
        whose.fills("t."),
        whose.begin.micros(),
        whose.end.micros()
    );
    let mut days = Vec::new();
    each(&ask.sql(&sql, whose.fills_scope())?, &["day", "fills"], |row| {
        days.push((row.instant("day")?, row.need("fills")?));
        Ok(())
    })?;
    Ok(days)
}

/// The days of which some ticks are in the cold store: a report fetches none from there.
fn cold_days(ask: &dyn Ask) -> anyhow::Result<BTreeSet<UtcNanos>> {
    // The view `partitions` would be planned with a count of the rows of every day on disk.
    let sql = "SELECT DISTINCT period FROM manifest WHERE table_name = 'market_ticks' AND tier = 'cold'";
    let mut days = BTreeSet::new();
    each(&ask.sql(sql, Scope::Local)?, &["period"], |row| {
        days.insert(row.need("period")?);
        Ok(())
    })?;
    Ok(days)
}

/// The fills of a day's orders on that day, each with the last quote and the last trade before its decision.
fn decisions_of_a_day(whose: &Whose, day: UtcNanos, every: u64) -> String {
    let begin = whose.begin.max(day.before(Duration::from_micros(1))).micros();
    let age = caps::REFERENCE_AGE.as_secs();
    let joined = |of: &str| {
        format!("f.exchange = {of}.exchange AND f.symbol = {of}.symbol AND f.created_at >= {of}.ingestion_time")
    };
    let fresh = |of: &str| format!("f.created_at - {of}.ingestion_time <= to_seconds({age})");
    format!(
        "SELECT f.order_type, f.side, f.price, f.quantity,
             coalesce(CASE WHEN {} THEN (q.bid_price + q.ask_price) / 2 END,
                      CASE WHEN {} THEN l.last_price END)::DOUBLE AS reference
         FROM (SELECT o.order_type, o.created_at, t.exchange, t.symbol, t.side, t.price, t.quantity
               FROM trades t JOIN orders o ON o.order_id = t.order_id
               WHERE {} AND o.created_at > make_timestamp({begin}) AND hash(t.trade_id) % {every} = 0) f
         ASOF LEFT JOIN (SELECT exchange, symbol, ingestion_time, bid_price, ask_price FROM market_ticks
                         WHERE kind = 'quote' AND bid_price IS NOT NULL AND ask_price IS NOT NULL) q ON {}
         ASOF LEFT JOIN (SELECT exchange, symbol, ingestion_time, last_price FROM market_ticks
                         WHERE kind = 'trade') l ON {}",
        fresh("q"),
        fresh("l"),
        whose.fills("t."),
        joined("q"),
        joined("l")
    )
}
