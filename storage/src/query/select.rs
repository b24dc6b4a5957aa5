//! The SQL of an answer over a relation. Its text depends only on what the relation is made of, so that it is
//! prepared once; everything else is a parameter. Behind the cells stands a count for each owner of the relation: of
//! how many of its rows a row is made. Rows come in the order of their page: the newest of a page of the newest first.

use duckdb::types::Value;
use messages::market::Timeframe;
use messages::{Account, Instrument, StrategyId, UtcNanos};

use super::duck::first_micros;
use super::{Of, Page, Range};
use crate::duck::stored::{BAR_CELLS, TICK_CELLS};
use crate::tiers::views::Relation;
use crate::tiers::{Table, Tier};

/// A statement and its parameters.
pub struct Statement {
    /// The text.
    pub sql: String,
    /// What stands for its question marks.
    pub key: Vec<Value>,
    /// Whose rows the counts behind the cells count.
    pub owners: Vec<Tier>,
}

impl Statement {
    /// A SELECT up to its WHERE, which has the parameters of the relation alone.
    pub(crate) fn new(select: &str, relation: &Relation, wanted: Where) -> Self {
        let sql = format!("{select} FROM {} WHERE {}", relation.from, wanted.conditions.join(" AND "));
        let key = relation.key.iter().map(|place| Value::from(place.clone())).chain(wanted.key).collect();
        Self { sql, key, owners: relation.owners.clone() }
    }

    /// One row more than the page has: that tells whether there are more.
    fn page(mut self, [time, tie]: [&str; 2], page: Page) -> Self {
        let way = if matches!(page, Page::Newest(_)) { "DESC" } else { "ASC" };
        self.sql += &format!(" ORDER BY {time} {way}, {tie} {way} LIMIT ?");
        self.key.push(Value::from(page.limit() as u64 + 1));
        self
    }
}

/// The counts of a row that is one row of the relation.
pub fn counts(relation: &Relation) -> String {
    match &relation.owners[..] {
        [_] => ", 1::BIGINT".to_owned(),
        several => several.iter().map(|owner| format!(", (tier = '{owner}')::BIGINT")).collect(),
    }
}

/// The counts of a row that is made of several.
fn counts_of_merged(relation: &Relation) -> String {
    match &relation.owners[..] {
        [_] => ", count(*)".to_owned(),
        several => several.iter().map(|owner| format!(", count(*) FILTER (tier = '{owner}')")).collect(),
    }
}

/// Conditions and their parameters.
#[derive(Default)]
pub(crate) struct Where {
    conditions: Vec<String>,
    key: Vec<Value>,
}

impl Where {
    /// One more, with the value of its question mark.
    pub(crate) fn and(mut self, condition: impl Into<String>, value: impl Into<Value>) -> Self {
        self.conditions.push(condition.into());
        self.key.push(value.into());
        self
    }

    /// A column of time is in a range.
    pub(crate) fn within(self, time: &str, range: Range) -> Self {
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
}

/// Ticks of an instrument.
pub fn ticks(relation: &Relation, instrument: Instrument, range: Range, page: Page) -> Statement {
    let wanted = Where::default().instrument(instrument).within("timestamp", range);
    let select = format!("SELECT {TICK_CELLS}{}", counts(relation));
    Statement::new(&select, relation, wanted).page(["\"timestamp\"", "tick_id"], page)
}

/// Bars as they are stored.
pub fn bars(relation: &Relation, instrument: Instrument, timeframe: Timeframe, range: Range, page: Page) -> Statement {
    let wanted = of_length(instrument, timeframe, range);
    let select = format!("SELECT {BAR_CELLS}{}", counts(relation));
    Statement::new(&select, relation, wanted).page(["\"timestamp\"", "bar_id"], page)
}

/// Bars of the length `timeframe`, merged from those of the length `base`. Sums of decimals are exact.
pub fn merged_bars(
    relation: &Relation,
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
             bool_and(is_complete) AS w, '{timeframe}' AS f{}",
        counts_of_merged(relation)
    );
    let mut statement = Statement::new(&select, relation, wanted);
    statement.sql += " GROUP BY opened";
    statement.page(["opened", "bar_id"], page)
}

fn of_length(instrument: Instrument, timeframe: Timeframe, range: Range) -> Where {
    let of_length = Where::default().instrument(instrument).and("timeframe = ?", timeframe.to_string());
    of_length.within("timestamp", range)
}

/// Rows of a table by its time; `id` tells rows of one time apart.
pub fn rows(table: &Table, id: &str, relation: (&str, &Relation), range: Range, of: &Of, page: Page) -> Statement {
    let (columns, relation) = relation;
    let wanted = Where::default().within(table.time, range).of(of);
    Statement::new(&format!("SELECT {columns}{}", counts(relation)), relation, wanted).page([table.time, id], page)
}

/// The newest row of each position at an instant; then the flat ones go. The other way round, closed ones come back.
pub fn positions(relation: (&str, &Relation), at: UtcNanos, of: &Of) -> Statement {
    let (columns, relation) = relation;
    let wanted = Where::default().and("snapshot_time <= make_timestamp(?)", at.micros()).of(of);
    let newest = Statement::new("SELECT *", relation, wanted);
    let sql = format!(
        "SELECT {columns}{} FROM (
             {} QUALIFY row_number() OVER (
                 PARTITION BY account, exchange, symbol, strategy_id ORDER BY position_id DESC) = 1
         ) WHERE side <> 'flat' ORDER BY account, exchange, symbol, strategy_id",
        counts(relation),
        newest.sql
    );
    Statement { sql, ..newest }
}

/// One row if a position on disk changed after an instant.
pub fn later_position(at: UtcNanos) -> Statement {
    any_on_disk("disk.positions", Where::default().and("snapshot_time > make_timestamp(?)", at.micros()))
}

/// One row if a table on disk has any that is wanted.
fn any_on_disk(table: &str, wanted: Where) -> Statement {
    let relation = Relation { from: table.to_owned(), key: vec![], owners: vec![] };
    let mut any = Statement::new("SELECT 1", &relation, wanted);
    any.sql += " LIMIT 1";
    any
}
