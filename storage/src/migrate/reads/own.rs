//! What DuckDB alone recorded before dual write: rows of the market that PostgreSQL never gets, for its answers.
//!
//! A directory that ran before it was to be left has them, and they must be in an answer whoever gives it. Some rows of the
//! time around the watermark stand on both sides, with one number.

use arrow::array::RecordBatch;
use duckdb::types::Value;
use messages::UtcNanos;

use super::Error;
use super::relation::Read;
use crate::duck::stored::{BAR_CELLS, TICK_CELLS};
use crate::migrate::backfill::BACKFILL_IDS;
use crate::migrate::plan::question::{Order, Wanted};
use crate::pool::Reader;
use crate::query::answer::Below;
use crate::query::plan;
use crate::query::select::{Statement, counts};
use crate::query::{self, Range, Stores, first_micros};
use crate::tiers::places::folder;
use crate::tiers::views::Relation;
use crate::tiers::{Table, table};

/// Where they stand, for one answer.
#[derive(Clone, Copy)]
pub struct Alone<'a> {
    /// Who reads them.
    pub reader: &'a Reader<'a>,
    /// The tiers of DuckDB.
    pub stores: &'a Stores,
    /// None has this time or a later one, or the sink wrote it, too.
    pub until: UtcNanos,
}

/// They, in one snapshot.
pub struct Own<'a> {
    below: &'a Below<'a>,
    /// None has this time or a later one, or the sink wrote it, too.
    pub until: UtcNanos,
}

impl Alone<'_> {
    /// Does all of `work` over one snapshot of them; once more over the next one where files moved meanwhile.
    ///
    /// # Errors
    /// DuckDB refuses, or as `work`.
    pub fn snapshot<T>(self, work: impl Fn(&Own<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let Self { reader, stores, until } = self;
        let once = || Below::snapshot(reader, stores, |below| work(&Own { below, until }));
        match once() {
            Err(Error::Alone(query::Error::Moved { .. })) => once(),
            other => other,
        }
    }
}

impl Own<'_> {
    /// Reads the rows that are wanted of a table.
    ///
    /// # Errors
    /// DuckDB refuses, a cold file cannot be had, or `take` fails.
    pub fn read(
        &self,
        table_name: &str,
        wanted: &Wanted<'_>,
        mut take: impl FnMut(RecordBatch) -> Result<(), Error>,
    ) -> Result<Read, Error> {
        let mut read = Read::default();
        if wanted.range.from >= wanted.range.to {
            return Ok(read);
        }
        let table = table(table_name).expect("the market's tables move");
        let pieces = plan::Wanted { table, range: wanted.range, folders: folders(table, wanted) };
        for batch in self.below.rows(&pieces, |relation| statement(relation, table, wanted))? {
            read.rows += batch.num_rows();
            take(batch)?;
        }
        Ok(read)
    }
}

/// The folders in which files of such rows lie.
fn folders(table: &Table, wanted: &Wanted<'_>) -> Vec<String> {
    let named: &[&str] = if table.name == "ohlcv_bars" { &["timeframe"] } else { &["exchange", "symbol"] };
    wanted.texts.iter().filter(|(name, _)| named.contains(name)).map(|(name, text)| folder(name, text)).collect()
}

fn statement(relation: &Relation, table: &Table, wanted: &Wanted<'_>) -> Statement {
    let cells = if table.name == "ohlcv_bars" { BAR_CELLS } else { TICK_CELLS };
    let id = table.id.expect("rows of the market are numbered");
    let Range { from, to } = wanted.range;
    let mut sql = format!(
        "SELECT {cells}{} FROM {} WHERE {id} < {BACKFILL_IDS} AND \"timestamp\" >= make_timestamp(?) AND \"timestamp\" < make_timestamp(?)",
        counts(relation),
        relation.from
    );
    let mut key: Vec<Value> = relation.key.iter().map(|place| Value::from(place.clone())).collect();
    key.extend([from, to].map(|at| Value::from(first_micros(at))));
    for (column, text) in wanted.texts {
        sql += &format!(" AND {column} = ?");
        key.push(Value::from(text.clone()));
    }
    if wanted.is_correction {
        sql += " AND revision > 0";
    }
    match wanted.order {
        Order::Any => {}
        Order::Oldest => sql += &format!(" ORDER BY \"timestamp\" ASC, {id} ASC"),
        Order::Newest => sql += &format!(" ORDER BY \"timestamp\" DESC, {id} DESC"),
    }
    if let Some(limit) = wanted.limit {
        sql += " LIMIT ?";
        key.push(Value::from(limit as u64));
    }
    Statement { sql, key, owners: relation.owners.clone() }
}
