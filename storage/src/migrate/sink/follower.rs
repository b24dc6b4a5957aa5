//! The follower: a connection to the server, and both journals read from where its rows end.
//!
//! It lives until something fails. The next one begins with what the server says: a transaction whose end was not heard is
//! there or is not, and its offset with it.

use std::time::Duration;

use messages::ids::hash;
use messages::ledger::{LedgerRecord, MarketRecord, Seq};

use super::batch::{Batch, There};
use super::days::Days;
use super::offset::{self, Offsets, Step};
use super::{Error, Journals, Plan, Position, schema, tables};
use crate::duck::rows::Rows;
use crate::journal::{self, Group, Reader};
use crate::postgres::{self, Server, Session};

/// Rows after which a transaction is closed: about 10 MB on the way, and a second of the server.
const BATCH_ROWS: usize = 50_000;

/// Records after which it is closed with fewer rows: depth makes none, and gigabytes of it alone are no one step in which nobody
/// is heard.
const BATCH_RECORDS: u64 = 50_000;

/// A server that hears nothing of us for so long may end the connection, and with it what it holds for us.
const SETUP: &str = "
    SET application_name = 'merganser sink'; SET client_min_messages = warning;
    SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3;
    SET idle_in_transaction_session_timeout = '5min'";

/// What one transaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrote {
    /// Rows.
    pub(super) rows: u64,
    /// Market records that are gone.
    pub(super) given_up: u64,
}

/// A connection that writes, and what it reads.
pub(super) struct Follower {
    there: There,
    market_dir: std::path::PathBuf,
    ledger: Reader<LedgerRecord>,
    market: Reader<MarketRecord>,
    rows: Rows,
    has_first_tick: bool,
}

impl Follower {
    /// Connects, makes what is missing, and begins behind what the server holds.
    ///
    /// # Errors
    /// The server refuses or is gone, another process writes there, or its rows came from other journals than these.
    pub(super) fn open(server: &Server, plan: &Plan, journals: &Journals) -> Result<Self, Error> {
        let directory = offset::directory(&journals.ledger_dir, journals.ledger.get())?;
        let session = Session::open(server)?;
        session.execute("set up the session", SETUP)?;
        let opened = Self::begin(session, plan, journals, directory);
        opened.map_err(|error| denied(error, &plan.schema))
    }

    fn begin(session: Session, plan: &Plan, journals: &Journals, directory: uuid::Uuid) -> Result<Self, Error> {
        claim(&session, &plan.schema)?;
        session.execute("begin a transaction", "BEGIN")?;
        let made = schema::make(&session, plan)?;
        let offsets = Offsets::new(&plan.schema, directory);
        let offset = offsets.open(&session, plan, journals)?;
        if offset.at.0 > Seq(0) && !made.missing.is_empty() {
            let (server, schema, tables) = (session.server().name(), plan.schema.clone(), made.missing.join(", "));
            return Err(Error::Dropped { server, schema, tables });
        }
        session.execute("commit", "COMMIT")?;
        let ticks = tables::table("market_ticks").filter(|_| made.by_day);
        let days = ticks.map(|ticks| Days::of(&session, ticks, &plan.schema)).transpose()?;
        let there = There { session, schema: plan.schema.clone(), offsets, days };
        there.prepare()?;
        Ok(Self {
            there,
            market_dir: journals.market_dir.clone(),
            ledger: Reader::new(&journals.ledger_dir, offset.at.0.next()),
            market: Reader::new(&journals.market_dir, offset.at.1.next()),
            rows: Rows::new(),
            has_first_tick: offset.first_tick.is_some(),
        })
    }

    /// The last records that the server holds.
    pub(super) fn applied(&self) -> Position {
        (Seq(self.ledger.next_seq().0 - 1), Seq(self.market.next_seq().0 - 1))
    }

    /// Writes one batch of what lies up to `upto`, in one transaction; `None` when nothing does.
    ///
    /// # Errors
    /// A journal is damaged, or the server refuses or is gone. Then this one is of no use any more.
    pub(super) fn step(&mut self, upto: Position) -> Result<Option<Wrote>, Error> {
        let before = self.applied();
        let mut step = Step::default();
        self.read(upto, &mut step)?;
        step.at = self.applied();
        if step.at == before {
            return Ok(None);
        }
        let days = self.rows.ticks.days().collect();
        let batch = Batch::new(self.rows.take(), days);
        step.first_tick = batch.first_tick().filter(|_| !self.has_first_tick);
        self.there.write(&batch, before, &step).map_err(|error| denied(error, &self.there.schema))?;
        self.has_first_tick |= step.first_tick.is_some();
        let given_up = step.skipped.iter().map(|(first, last)| last.0 + 1 - first.0).sum();
        Ok(Some(Wrote { rows: batch.len(), given_up }))
    }

    /// Asks whether the server is still there.
    ///
    /// # Errors
    /// It is not.
    pub(super) fn is_there(&self) -> Result<(), Error> {
        Ok(self.there.session.execute("see whether it is there", "SELECT 1")?)
    }

    /// Gathers rows of both journals.
    fn read(&mut self, upto: Position, step: &mut Step) -> Result<(), Error> {
        let mut read = 0;
        while self.rows.len() < BATCH_ROWS && read < BATCH_RECORDS {
            let Some(group) = self.ledger.next_group(upto.0)? else { break };
            read += group.numbers();
            step.frames.0 = Some(group.checksum);
            for (seq, record) in group.records {
                self.rows.ledger(seq, record);
            }
        }
        while self.rows.len() < BATCH_ROWS && read < BATCH_RECORDS {
            let Some(group) = self.next_market(upto.1, step)? else { break };
            read += group.numbers();
            step.frames.1 = Some(group.checksum);
            for (number, (seq, record)) in (0..).zip(&group.records) {
                self.rows.market(*seq, number, record);
            }
        }
        Ok(())
    }

    /// The next group of the market journal. What was given up meanwhile is passed over and noted.
    fn next_market(&mut self, upto: Seq, step: &mut Step) -> Result<Option<Group<MarketRecord>>, Error> {
        match self.market.next_group(upto) {
            Err(journal::Error::Gone { from, oldest, .. }) => {
                tracing::error!(
                    event = "postgres_records_gone",
                    from,
                    to = oldest - 1,
                    "PostgreSQL was away for too long: these market records are not kept any more; `merganser migrate timescale compare --repair` brings their rows from DuckDB"
                );
                step.skipped.push((Seq(from), Seq(oldest - 1)));
                self.market = Reader::new(&self.market_dir, Seq(oldest));
                Ok(self.market.next_group(upto)?)
            }
            group => Ok(group?),
        }
    }
}

/// Takes the schema for this connection: one writes there, and a second one is told who.
fn claim(session: &Session, schema: &str) -> Result<(), Error> {
    const WHAT: &str = "see who writes there";
    let hashed = hash(format!("merganser sink {schema}").as_bytes());
    let key = i64::from_le_bytes(std::array::from_fn(|at| hashed[at]));
    if session.ask(WHAT, "SELECT pg_try_advisory_lock($1)", &[&key])?.iter().any(|row| row.get(0)) {
        return Ok(());
    }
    let select = "
        SELECT format('server process %s%s, since %s', a.pid, ' from ' || host(a.client_addr), a.backend_start)
        FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
            AND (l.classid::bigint << 32) | l.objid::bigint = $1 AND l.database = (
                SELECT oid FROM pg_database WHERE datname = current_database())";
    let rows = session.ask(WHAT, select, &[&key])?;
    let who = rows.first().map_or_else(|| "which has just ended".to_owned(), |row| row.get(0));
    Err(Error::Occupied { server: session.server().name(), schema: schema.to_owned(), who })
}

/// A missing right, with what is needed to write there.
fn denied(error: Error, schema: &str) -> Error {
    match error {
        Error::Postgres(postgres::Error::Denied { server, user, what, reason }) => {
            Error::MayNotWrite { server, user, what, schema: schema.to_owned(), reason }
        }
        other => other,
    }
}

/// How long a follower that has nothing to write waits before it asks whether the server is still there.
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(10);
