//! PostgreSQL as a source of answers: the rows that stood there before, those that the sink writes, and those that DuckDB
//! alone recorded before there was one, as one.
//!
//! Each question is asked of one snapshot, in which stands, too, how far the sink's rows reach: an answer says so, and one that
//! lacks what it must hold is none. Of a table of theirs only what lies before the watermark counts; what does not fit is left
//! out and counted, as it is when it is brought over.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arrow::array::RecordBatch;
use messages::UtcNanos;
use messages::ledger::Seq;

use super::asking::{Asking, Found, Id, of_somebody};
use super::bars::Asked;
use super::own::{Alone, Own};
use super::relation::{Owner, Relation};
use super::route::Side;
use super::sessions::Sessions;
use super::{Error, Need};
use crate::journal::Log;
use crate::migrate::mapping;
use crate::migrate::plan;
use crate::migrate::sink::{SINK_OFFSET, SKIPPED};
use crate::postgres::Session;
use crate::postgres::catalog::{self, quoted};
use crate::query::answer::timed;
use crate::query::{Answer, Explain, Gaps, Of, Query, Rows, Steps, bars};

/// Tables that are asked.
const TABLES: [&str; 6] = ["market_ticks", "ohlcv_bars", "orders", "trades", "positions", "portfolio_snapshots"];

/// Those of them with rows that the sink never gets where the directory ran before there was one.
const MARKET: [&str; 2] = ["market_ticks", "ohlcv_bars"];

/// PostgreSQL, for questions.
pub struct Postgres {
    sessions: Sessions,
    schema: String,
    mapping_file: PathBuf,
    ours: Vec<Relation>,
    alone: Vec<Relation>,
    theirs: Mutex<Option<Theirs>>,
}

/// Their tables, as the mapping file says it, or said it when it could be used last.
#[derive(Clone)]
struct Theirs {
    /// When the file was written that was looked at last; none where it was not there.
    written: Option<SystemTime>,
    relations: Arc<Vec<Relation>>,
}

impl Postgres {
    /// A server, the schema of ours there, and the file that says which tables of theirs hold what.
    #[must_use]
    pub fn new(sessions: Sessions, schema: &str, mapping_file: PathBuf) -> Self {
        let ours = TABLES.iter().map(|table| Relation::ours(schema, table)).collect();
        let alone = MARKET.iter().map(|table| Relation::alone(schema, table)).collect();
        Self { sessions, schema: schema.to_owned(), mapping_file, ours, alone, theirs: Mutex::default() }
    }

    /// Its connections.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Answers a question over a connection, with rows of theirs from before `watermark`, and with those that DuckDB alone has.
    ///
    /// # Errors
    /// The server or DuckDB refuses or is gone, lacks what is needed, or a row is damaged.
    pub fn answer(
        &self,
        session: &Session,
        query: &Query,
        watermark: UtcNanos,
        need: Need,
        alone: Option<&Alone>,
    ) -> Result<Answer, Error> {
        Alone::snapshot(alone, |own| self.answer_once(session, query, watermark, need, own))
    }

    fn answer_once(
        &self,
        session: &Session,
        query: &Query,
        watermark: UtcNanos,
        need: Need,
        own: Option<&Own<'_>>,
    ) -> Result<Answer, Error> {
        let (theirs, plan) = timed(|| self.theirs(session));
        let theirs = theirs?;
        let table = query.table();
        let of_table = |relation: &&Relation| relation.plan.into.table == table;
        let alone = own.map(|_| &self.alone).into_iter().flatten();
        let relations: Vec<&Relation> = self.ours.iter().chain(theirs.iter()).chain(alone).filter(of_table).collect();
        let answered = session.in_snapshot("read history", |session| {
            session.limit_each_question()?;
            let complete_to = self.holds(session, query, need)?;
            for relation in relations.iter().filter(|relation| relation.owner == Owner::Them) {
                relation.plan.confirm(session)?;
            }
            let mut asking = Asking { session, own, relations: relations.clone(), watermark, left_out: 0 };
            let (found, read) = timed(|| rows_of(&mut asking, query));
            let (rows, is_cut) = found?;
            let ms_by_step = Steps { plan, read, ..Steps::default() };
            let explain =
                Explain { answered_by: Side::Postgres, left_out: asking.left_out, ms_by_step, ..Explain::default() };
            Ok(Answer { rows, is_cut, complete_to, explain })
        });
        if matches!(answered, Err(Error::Plan(plan::Error::Changed { .. }))) {
            // A person puts it right, and is believed when the question comes again.
            *self.theirs.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        answered
    }

    /// How far the rows of the question's journal reach.
    fn holds(&self, session: &Session, query: &Query, need: Need) -> Result<Seq, Error> {
        const WHAT: &str = "see how far its rows reach";
        let (log, wanted) = match query.log() {
            Log::Ledger => ("ledger", need.ledger),
            Log::Market => ("market", need.market),
        };
        let (server, schema) = (session.server().name(), quoted(&self.schema));
        let sql = format!("SELECT seq FROM {schema}.{SINK_OFFSET} WHERE log = $1");
        let found = session.ask(WHAT, &sql, &[&log])?;
        let [row] = &found[..] else {
            let why = format!("{} data directories write to the schema {} of {server}", found.len(), self.schema);
            return Err(Error::NothingThere { why });
        };
        let seq = |value: i64| Seq(u64::try_from(value).unwrap_or_default());
        let found = seq(row.get(0));
        if found < wanted {
            let cause = "it was restored from an older state, or is written to more slowly than rows come".to_owned();
            return Err(Error::Behind { server, log, found, wanted, cause });
        }
        let sql =
            format!("SELECT first_seq, last_seq FROM {schema}.{SKIPPED} WHERE log = $1 ORDER BY first_seq LIMIT 1");
        match session.ask(WHAT, &sql, &[&log])?.first() {
            Some(row) => Err(Error::GivenUp { server, first: seq(row.get(0)), last: seq(row.get(1)) }),
            None => Ok(found),
        }
    }

    /// Their tables. The mapping is held against the catalog again when its file was written since; one that turns bad while
    /// somebody works on it takes no answer away.
    fn theirs(&self, session: &Session) -> Result<Arc<Vec<Relation>>, Error> {
        let written = fs::metadata(&self.mapping_file).and_then(|found| found.modified()).ok();
        let mut known = self.theirs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.as_ref().filter(|known| known.written == written) {
            return Ok(known.relations.clone());
        }
        let catalog = catalog::read(session)?;
        let relations = match (mapping::plans(&self.mapping_file, &catalog, &self.schema), known.as_ref()) {
            (Ok(plans), _) => Arc::new(plans.into_iter().map(Relation::theirs).collect()),
            (Err(error), Some(known)) => {
                tracing::warn!(event = "mapping_unusable", "{error}; until it can, reads go by what it said before");
                known.relations.clone()
            }
            (Err(error), None) => return Err(error.into()),
        };
        *known = Some(Theirs { written, relations: relations.clone() });
        Ok(relations)
    }
}

fn rows_of(asking: &mut Asking<'_>, query: &Query) -> Result<(Rows, bool), Error> {
    let found = match query {
        Query::Ticks { instrument, range, page } => {
            let (ticks, is_cut) = asking.ticks(*instrument, *range, *page)?;
            return Ok((Rows::Ticks(ticks), is_cut));
        }
        Query::Bars { instrument, timeframe, range, gaps, page } => {
            let asked = Asked { instrument: *instrument, timeframe: *timeframe, range: *range, page: *page };
            let (mut found, mut is_cut) = asking.bars(asked)?;
            if *gaps == Gaps::Filled {
                is_cut |= bars::fill(&mut found, *page);
            }
            return Ok((Rows::Bars(found), is_cut));
        }
        Query::Orders { range, of, page } => {
            asking.page("orders", Id::Uuid("order_id"), *range, &of_somebody(of), *page)?
        }
        Query::Trades { range, of, page } => {
            asking.page("trades", Id::Uuid("trade_id"), *range, &of_somebody(of), *page)?
        }
        Query::Positions { at, of } => asking.positions(*at, of)?,
        Query::Equity { range, account, page } => {
            let of = Of { account: *account, ..Of::default() };
            asking.page("portfolio_snapshots", Id::Number("snapshot_id"), *range, &of_somebody(&of), *page)?
        }
    };
    let Found { schema, batch, is_cut } = found;
    let batches: Vec<RecordBatch> = Some(batch).into_iter().filter(|batch| batch.num_rows() > 0).collect();
    Ok((Rows::Table { schema, batches }, is_cut))
}
