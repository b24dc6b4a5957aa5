//! Two answers to one question, of DuckDB and of PostgreSQL: whether they say the same.
//!
//! Numbers of rows that are ours to give are left out, for a row that came over has none in the tables that it came from. A
//! page that is full ends between rows of one instant in an order that these numbers make: its last instant is left out.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::TimestampMicrosecondType;

use super::cells;
use crate::query::{Answer, Page, Query};

/// Columns that only we give.
const OURS: [&str; 5] = ["tick_id", "bar_id", "position_id", "snapshot_id", "as_of"];

/// What two answers do not have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlike {
    /// Rows that DuckDB's answer has alone.
    pub only_duckdb: u64,
    /// Rows that PostgreSQL's has alone.
    pub only_postgres: u64,
    /// One of them, in words.
    pub first: String,
}

/// What of the answers to a question is not the same; `None` if they say the same.
#[must_use]
pub fn unlike(query: &Query, duckdb: Answer, postgres: Answer) -> Option<Unlike> {
    let is_cut = duckdb.is_cut || postgres.is_cut;
    let [duckdb, postgres] = [duckdb, postgres].map(|answer| rows(query, answer));
    // Where one answer has less than the page holds, all of it counts.
    let edge = is_cut.then(|| edge(query, &duckdb, &postgres)).flatten();
    let mut counts = BTreeMap::<&str, i64>::new();
    for (rows, count) in [(&duckdb, 1), (&postgres, -1)] {
        for (_, row) in rows.iter().filter(|(time, _)| edge.is_none_or(|edge| edge.holds(*time))) {
            *counts.entry(row).or_default() += count;
        }
    }
    let sum = |sign: i64| counts.values().map(|count| (count * sign).max(0).unsigned_abs()).sum::<u64>();
    let (row, count) = counts.iter().find(|(_, count)| **count != 0)?;
    let side = if *count > 0 { "DuckDB" } else { "PostgreSQL" };
    Some(Unlike { only_duckdb: sum(1), only_postgres: sum(-1), first: format!("{side} alone: {row}") })
}

/// Where the rows of a full page end that both answers must have.
#[derive(Debug, Clone, Copy)]
enum Edge {
    /// Rows before it.
    Before(i64),
    /// Rows behind it.
    After(i64),
}

impl Edge {
    fn holds(self, time: i64) -> bool {
        match self {
            Self::Before(edge) => time < edge,
            Self::After(edge) => time > edge,
        }
    }
}

fn edge(query: &Query, duckdb: &[(i64, String)], postgres: &[(i64, String)]) -> Option<Edge> {
    let last = |rows: &[(i64, String)]| rows.iter().map(|(time, _)| *time).max();
    let first = |rows: &[(i64, String)]| rows.iter().map(|(time, _)| *time).min();
    match query.page()? {
        Page::Oldest(_) => last(duckdb).into_iter().chain(last(postgres)).min().map(Edge::Before),
        Page::Newest(_) => first(duckdb).into_iter().chain(first(postgres)).max().map(Edge::After),
    }
}

/// The rows of an answer: the time of each, and what it says.
fn rows(query: &Query, answer: Answer) -> Vec<(i64, String)> {
    let time_column = match query {
        Query::Ticks { .. } | Query::Bars { .. } => "timestamp",
        Query::Orders { .. } => "created_at",
        Query::Trades { .. } => "executed_at",
        Query::Positions { .. } | Query::Equity { .. } => "snapshot_time",
    };
    let mut rows = Vec::new();
    for batch in answer.into_table().batches {
        let schema = batch.schema();
        let times = batch
            .column_by_name(time_column)
            .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>().cloned());
        // By name: the order of the columns says nothing.
        let mut columns: Vec<usize> = (0..schema.fields().len()).collect();
        columns.retain(|at| !OURS.contains(&schema.field(*at).name().as_str()));
        columns.sort_by_key(|at| schema.field(*at).name().clone());
        for row in 0..batch.num_rows() {
            let cell = |at: &usize| {
                let text = cells::text(batch.column(*at).as_ref(), row).unwrap_or_else(|| "NULL".to_owned());
                format!("{}={text}", schema.field(*at).name())
            };
            let time = times.as_ref().map_or(0, |times| times.value(row));
            rows.push((time, columns.iter().map(cell).collect::<Vec<_>>().join(" ")));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use messages::market::{Source, Tick, TickBody};
    use messages::{Exchange, Instrument, MarketId, Size, UtcNanos};

    use super::*;
    use crate::query::{Explain, Range, Rows, StoredTick};
    use messages::ledger::Seq;

    fn instrument() -> Instrument {
        Instrument { exchange: Exchange::Simulated, symbol: "A".parse().unwrap() }
    }

    /// An answer of trades: each its number, its second and its price.
    fn answer(trades: &[(u64, i64, i64)], is_cut: bool) -> Answer {
        let trade = |(id, secs, price): &(u64, i64, i64)| {
            let price = messages::Price::from_raw(price * 100_000_000).unwrap();
            let body = TickBody::Trade { price, size: Size::ONE, aggressor: None, conditions: Default::default() };
            let time = UtcNanos::from_secs(*secs).unwrap();
            let tick = Tick { instrument: instrument(), time, sequence: None, revision: 0, body };
            StoredTick { id: MarketId(*id), tick, source: Source::Simulated, received: time }
        };
        let rows = Rows::Ticks(trades.iter().map(trade).collect());
        Answer { rows, is_cut, complete_to: Seq(0), explain: Explain::default() }
    }

    fn ticks(page: Page) -> Query {
        Query::Ticks { instrument: instrument(), range: Range::ALL, page }
    }

    #[test]
    fn answers_are_the_same_whatever_numbers_their_rows_have_and_in_whatever_order_of_an_instant() {
        let query = ticks(Page::Oldest(10));
        let (a, b) =
            (answer(&[(1, 1, 5), (2, 1, 6), (3, 2, 7)], false), answer(&[(0, 1, 6), (0, 1, 5), (0, 2, 7)], false));
        assert_eq!(unlike(&query, a, b), None);
        let (a, b) = (answer(&[(1, 1, 5), (2, 1, 5)], false), answer(&[(1, 1, 5), (2, 2, 8)], false));
        let found = unlike(&query, a, b).unwrap();
        assert_eq!((found.only_duckdb, found.only_postgres), (1, 1));
        assert!(
            found.first.starts_with("DuckDB alone: ") && found.first.contains("last_price=5.00000000"),
            "{found:?}"
        );
    }

    #[test]
    fn where_a_full_page_ends_within_an_instant_that_instant_is_left_out() {
        let (a, b) = (answer(&[(1, 1, 5), (2, 2, 6)], true), answer(&[(1, 1, 5), (2, 2, 7)], true));
        assert_eq!(unlike(&ticks(Page::Oldest(2)), a.clone(), b.clone()), None);
        assert!(unlike(&ticks(Page::Newest(2)), a, b).is_some());
        let (a, b) = (answer(&[(1, 1, 5), (2, 2, 6)], true), answer(&[(1, 1, 4), (2, 2, 6)], true));
        assert_eq!(unlike(&ticks(Page::Newest(2)), a.clone(), b.clone()), None);
        assert!(unlike(&ticks(Page::Oldest(2)), a, b).is_some());
    }
}
