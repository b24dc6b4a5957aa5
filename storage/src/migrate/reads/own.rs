//! What DuckDB alone recorded before dual write: rows of the market that PostgreSQL never gets, for its answers.
//!
//! A directory that ran before it was to be left has them, and they must be in an answer whoever gives it. Some rows of the
//! time around the watermark stand on both sides, with one number.
//!
//! They are read over a connection of its own: a server that hangs in the middle of an answer holds none of those that
//! everybody else is answered over, strategies among them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use duckdb::types::Value;
use duckdb::{Connection, InterruptHandle};
use messages::UtcNanos;

use super::Error;
use super::relation::Read;
use crate::duck::stored::{BAR_CELLS, TICK_CELLS};
use crate::migrate::backfill::BACKFILL_IDS;
use crate::migrate::plan::question::{Order, Wanted};
use crate::pool::Reader;
use crate::query::answer::Below;
use crate::query::select::{Statement, Where, counts};
use crate::query::{self, Page, Range, Stores, plan};
use crate::service::Database;
use crate::tiers::places::folder;
use crate::tiers::views::Relation;
use crate::tiers::{Piece, Table, table};

/// Where they stand, for one answer.
pub struct Alone {
    db: Connection,
    stores: Stores,
    until: UtcNanos,
}

/// Held by who waits for the answer: when it is dropped first, DuckDB is interrupted.
pub struct Ender(Arc<InterruptHandle>);

impl Drop for Ender {
    fn drop(&mut self) {
        self.0.interrupt();
    }
}

/// They, in one snapshot.
pub struct Own<'a> {
    below: &'a Below<'a>,
    /// What has this time or a later one was written by the sink, too.
    pub until: UtcNanos,
}

impl Alone {
    /// Those with a time before `until`; `None` while the database is not open yet.
    #[must_use]
    pub fn open(database: &Database, until: UtcNanos) -> Option<Self> {
        Some(Self::new(database.connect()?, database.stores()?.clone(), until))
    }

    /// The same over this connection.
    pub(super) fn new(db: Connection, stores: Stores, until: UtcNanos) -> Self {
        Self { db, stores, until }
    }

    /// What interrupts DuckDB when it is dropped before the answer is there.
    #[must_use]
    pub fn ender(&self) -> Ender {
        Ender(self.db.interrupt_handle())
    }

    /// Does all of `work` over one snapshot of them, where there are any; once more over the next one where files moved meanwhile.
    ///
    /// # Errors
    /// DuckDB refuses, or as `work`.
    pub(super) fn snapshot<T>(
        alone: Option<&Self>,
        work: impl Fn(Option<&Own<'_>>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let Some(Self { db, stores, until }) = alone else { return work(None) };
        let reader = Reader::new(db);
        let work = |below: &Below<'_>| work(Some(&Own { below, until: *until }));
        let once = || Below::snapshot(&reader, stores, may_be_own, work);
        match once() {
            Err(Error::Alone(query::Error::Moved { .. })) => once(),
            other => other,
        }
    }
}

/// False for a file of rows that were brought over: the server has them, and nobody fetches it for this.
fn may_be_own(piece: &Piece) -> bool {
    piece.content.as_ref().and_then(|content| content.ids).is_none_or(|(first, _)| first < BACKFILL_IDS)
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
        let limit = wanted.limit.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX));
        let enough = match wanted.order {
            Order::Any => None,
            Order::Oldest => limit.map(Page::Oldest),
            Order::Newest => limit.map(Page::Newest),
        };
        for batch in self.below.rows(&pieces, enough, |relation, range| statement(relation, table, range, wanted))? {
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

fn statement(relation: &Relation, table: &Table, range: Range, wanted: &Wanted<'_>) -> Statement {
    let cells = if table.name == "ohlcv_bars" { BAR_CELLS } else { TICK_CELLS };
    let id = table.id.expect("rows of the market are numbered");
    let mut conditions = Where::default().and(format!("{id} < ?"), BACKFILL_IDS).within("timestamp", range);
    for (column, text) in wanted.texts {
        conditions = conditions.and(format!("{column} = ?"), text.clone());
    }
    if wanted.is_correction {
        conditions = conditions.and("revision > ?", 0);
    }
    let mut statement = Statement::new(&format!("SELECT {cells}{}", counts(relation)), relation, conditions);
    match wanted.order {
        Order::Any => {}
        Order::Oldest => statement.sql += &format!(" ORDER BY \"timestamp\" ASC, {id} ASC"),
        Order::Newest => statement.sql += &format!(" ORDER BY \"timestamp\" DESC, {id} DESC"),
    }
    if let Some(limit) = wanted.limit {
        statement.sql += " LIMIT ?";
        statement.key.push(Value::from(limit as u64));
    }
    statement
}
