//! The SQL of an answer over a relation. Its text depends only on what the relation is made of, so that it is
//! prepared once; everything else is a parameter. Behind the cells stand three counts: of how many rows on disk, warm
//! and cold a row is made.

use duckdb::types::Value;
use messages::market::Timeframe;
use messages::{Account, Instrument, StrategyId, UtcNanos};

use super::duck::first_micros;
use super::{Of, Page, Range};
use crate::duck::stored::{BAR_CELLS, TICK_CELLS};
use crate::tiers::Table;

const COUNTS: &str = "(tier = 'disk')::BIGINT, (tier = 'warm')::BIGINT, (tier = 'cold')::BIGINT";
const MERGED_COUNTS: &str =
    "count(*) FILTER (tier = 'disk'), count(*) FILTER (tier = 'warm'), count(*) FILTER (tier = 'cold')";

/// A statement and its parameters.
pub struct Statement {
    /// The text.
    pub sql: String,
    /// What stands for its question marks.
    pub key: Vec<Value>,
}

impl Statement {
    /// One row more than the page has: that tells whether there are more.
    fn of_page(select: &str, order: [&str; 2], mut key: Vec<Value>, page: Page) -> Self {
        let [time, tie] = order;
        let forward = format!("ORDER BY {time}, {tie}");
        let sql = match page {
            Page::Oldest(_) => format!("{select} {forward} LIMIT ?"),
            Page::Newest(_) => format!("FROM ({select} ORDER BY {time} DESC, {tie} DESC LIMIT ?) {forward}"),
        };
        key.push(Value::from(page.limit() as u64 + 1));
        Self { sql, key }
    }
}

/// Conditions and their parameters.
#[derive(Default)]
struct Where {
    conditions: Vec<String>,
    key: Vec<Value>,
}

impl Where {
    fn and(mut self, condition: impl Into<String>, value: impl Into<Value>) -> Self {
        self.conditions.push(condition.into());
        self.key.push(value.into());
        self
    }

    fn within(self, time: &str, range: Range) -> Self {
        self.and(format!("\"{time}\" >= make_timestamp(?)"), first_micros(range.from))
            .and(format!("\"{time}\" < make_timestamp(?)"), first_micros(range.to))
    }

    fn instrument(self, instrument: impl Into<Option<Instrument>>) -> Self {
        let Some(Instrument { exchange, symbol }) = instrument.into() else { return self };
        self.and("exchange = ?", exchange.as_str().to_owned()).and("symbol = ?", symbol.as_str().to_owned())
    }

    fn account(self, account: Option<Account>) -> Self {
        let Some(account) = account else { return self };
        self.and("account = ?", account.as_str().to_owned())
    }

    fn strategy(self, strategy: Option<StrategyId>) -> Self {
        let Some(strategy) = strategy else { return self };
        self.and("strategy_id = ?", strategy.as_str().to_owned())
    }

    fn of(self, of: &Of) -> Self {
        self.instrument(of.instrument).account(of.account).strategy(of.strategy)
    }

    fn text(&self) -> String {
        self.conditions.join(" AND ")
    }
}

/// Ticks of an instrument.
pub fn ticks(relation: &str, instrument: Instrument, range: Range, page: Page) -> Statement {
    let wanted = Where::default().instrument(instrument).within("timestamp", range);
    let select = format!("SELECT {TICK_CELLS}, {COUNTS} FROM ({relation}) WHERE {}", wanted.text());
    Statement::of_page(&select, ["\"timestamp\"", "tick_id"], wanted.key, page)
}

/// Bars as they are stored.
pub fn bars(relation: &str, instrument: Instrument, timeframe: Timeframe, range: Range, page: Page) -> Statement {
    let wanted = of_length(instrument, timeframe, range);
    let select = format!("SELECT {BAR_CELLS}, {COUNTS} FROM ({relation}) WHERE {}", wanted.text());
    Statement::of_page(&select, ["\"timestamp\"", "bar_id"], wanted.key, page)
}

/// Bars of the length `timeframe`, merged from those of the length `base`. Sums of decimals are exact.
pub fn merged_bars(
    relation: &str,
    instrument: Instrument,
    (base, timeframe): (Timeframe, Timeframe),
    range: Range,
    page: Page,
) -> Statement {
    let wanted = of_length(instrument, base, range);
    let width = timeframe.duration().as_micros();
    let select = format!(
        "SELECT arg_min(bar_id, \"timestamp\") AS bar_id,
             time_bucket(to_microseconds({width}), \"timestamp\", TIMESTAMP '1970-01-01') AS opened,
             arg_min(\"open\", \"timestamp\") AS o, max(high) AS h, min(low) AS l, arg_max(\"close\", \"timestamp\") AS c,
             sum(volume) AS v, sum(notional) AS n, sum(trade_count)::BIGINT AS t, max(revision) AS r,
             bool_and(is_complete) AS w, '{timeframe}' AS f, {MERGED_COUNTS}
         FROM ({relation}) WHERE {} GROUP BY opened",
        wanted.text()
    );
    Statement::of_page(&select, ["opened", "bar_id"], wanted.key, page)
}

/// One row if a bar on disk opens at or after an instant.
pub fn later_bar(instrument: Instrument, timeframe: Timeframe, from: UtcNanos) -> Statement {
    let wanted = of_length(instrument, timeframe, Range { from, to: UtcNanos::MAX });
    Statement { sql: format!("SELECT 1 FROM disk.ohlcv_bars WHERE {} LIMIT 1", wanted.text()), key: wanted.key }
}

fn of_length(instrument: Instrument, timeframe: Timeframe, range: Range) -> Where {
    let of_length = Where::default().instrument(instrument).and("timeframe = ?", timeframe.to_string());
    of_length.within("timestamp", range)
}

/// Rows of a table by its time; `id` tells rows of one time apart.
pub fn rows(table: &Table, id: &str, relation: (&str, &str), range: Range, of: &Of, page: Page) -> Statement {
    let (columns, relation) = relation;
    let wanted = Where::default().within(table.time, range).of(of);
    let select = format!("SELECT {columns}, {COUNTS} FROM ({relation}) WHERE {}", wanted.text());
    Statement::of_page(&select, [table.time, id], wanted.key, page)
}

/// The newest row of each position at an instant; then the flat ones go. The other way round, closed ones come back.
pub fn positions(relation: (&str, &str), at: UtcNanos, of: &Of) -> Statement {
    let (columns, relation) = relation;
    let wanted = Where::default().and("snapshot_time <= make_timestamp(?)", at.micros()).of(of);
    let sql = format!(
        "SELECT {columns}, {COUNTS} FROM (
             SELECT * FROM ({relation}) WHERE {} QUALIFY row_number() OVER (
                 PARTITION BY account, exchange, symbol, strategy_id ORDER BY position_id DESC) = 1
         ) WHERE side <> 'flat' ORDER BY account, exchange, symbol, strategy_id",
        wanted.text()
    );
    Statement { sql, key: wanted.key }
}

/// One row if a position on disk changed after an instant.
pub fn later_position(at: UtcNanos) -> Statement {
    let sql = "SELECT 1 FROM disk.positions WHERE snapshot_time > make_timestamp(?) LIMIT 1".to_owned();
    Statement { sql, key: vec![Value::from(at.micros())] }
}
