//! The file thread: the only writer of `trading.duckdb`.
//!
//! It reads both journals behind their durable watermarks, at its own pace, and commits rows and
//! offsets together. It is never waited for by trading; it says how far it has come.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use duckdb::{Connection, params};
use messages::ledger::{LedgerRecord, MarketRecord, Seq};
use messages::telemetry::Telemetry;

use super::changes::{Asked, Change, Tiers};
use super::intake::Intake;
use super::rows::Rows;
use super::{Error, rows, ticks};
use crate::datadir::Paths;
use crate::disk::Reserve;
use crate::journal::{Log, Reader, Record, Watermark};
use crate::tiers::{Manifest, Published};

/// Its name as a consumer of the journals.
pub const CONSUMER: &str = "file";

/// Rows after which a transaction is closed. Measured: 100,000 rows a commit give 2.6 M rows/s, 10,000 give 1.75 M.
const BATCH_ROWS: usize = 100_000;

/// How long it gathers before it commits: fewer commits than groups, and fresh enough to look at.
const GATHER: Duration = Duration::from_millis(50);

/// How often the disk is looked at while it has too little room.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Applies journal records to the tables on disk.
pub struct FileWriter {
    db: Connection,
    rows: Rows,
    /// The open part of each day of ticks.
    open: BTreeMap<i64, String>,
    pub(super) tiers: Tiers,
    ledger: Reader<LedgerRecord>,
    market: Reader<MarketRecord>,
    /// Telemetry of a running process; `None` on a stopped directory.
    telemetry: Option<Intake>,
}

impl FileWriter {
    /// Goes on behind the offsets that the tables hold.
    ///
    /// # Errors
    /// DuckDB refuses, or the tables hold more than the journals, which end with the records `ends`.
    pub fn open(db: Connection, paths: &Paths, ends: (Seq, Seq), published: Published) -> Result<Self, Error> {
        let (ledger_dir, market_dir) = (&paths.ledger, &paths.market);
        for (log, dir, end) in [(Log::Ledger, ledger_dir, ends.0), (Log::Market, market_dir, ends.1)] {
            let applied = offset(&db, log)?;
            if applied > end {
                return Err(Error::Ahead { log, dir: dir.to_owned(), applied: applied.0, end: end.0 });
            }
            published.applied(log).advance(applied);
        }
        rows::prepare(&db)?;
        forget_old_offsets(&db)?;
        let tiers = Tiers::open(&db, &paths.places, published)?;
        let open = ticks::open_parts(&tiers.manifest);
        let ledger = Reader::new(ledger_dir, offset(&db, Log::Ledger)?.next());
        let market = Reader::new(market_dir, offset(&db, Log::Market)?.next());
        Ok(Self { db, rows: Rows::new(), open, tiers, ledger, market, telemetry: None })
    }

    /// Takes telemetry in from now on, with each batch.
    ///
    /// # Errors
    /// DuckDB refuses.
    pub fn listen(&mut self, queue: flume::Receiver<Telemetry>) -> Result<(), Error> {
        self.telemetry = Some(Intake::open(&self.db, queue)?);
        Ok(())
    }

    /// The last record of each log that the tables hold.
    #[must_use]
    pub fn applied(&self) -> (Seq, Seq) {
        (Seq(self.ledger.next_seq().0 - 1), Seq(self.market.next_seq().0 - 1))
    }

    /// Applies one batch of what is durable, and the telemetry that waits, in one transaction. False when
    /// nothing was durable.
    ///
    /// # Errors
    /// A journal is damaged, or DuckDB refuses; then nothing of the batch is in the tables.
    pub fn apply(&mut self, ledger: Seq, market: Seq) -> Result<bool, Error> {
        let before = self.applied();
        while self.rows.len() < BATCH_ROWS {
            let Some(group) = self.ledger.next_group(ledger)? else { break };
            for (seq, record) in group.records {
                self.rows.ledger(seq, record);
            }
        }
        while self.rows.len() < BATCH_ROWS {
            let Some(group) = self.market.next_group(market)? else { break };
            for (number, (seq, record)) in (0..).zip(&group.records) {
                self.rows.market(*seq, number, record);
            }
        }
        if let Some(telemetry) = &mut self.telemetry {
            telemetry.drain(&mut self.rows);
        }
        let after = self.applied();
        if after != before || !self.rows.is_empty() {
            self.commit(before, after)?;
        }
        Ok(after != before)
    }

    fn commit(&mut self, before: (Seq, Seq), after: (Seq, Seq)) -> Result<(), Error> {
        self.db.execute_batch("BEGIN").map_err(Error::duck("begin a transaction"))?;
        let changed = self.tiers.make_room(&self.db, &self.rows)?;
        if let Some(manifest) = &changed {
            self.open = ticks::open_parts(manifest);
        }
        self.rows.ticks.write(&self.db, &self.open)?;
        self.rows.write(&self.db)?;
        for (log, before, after) in [(Log::Ledger, before.0, after.0), (Log::Market, before.1, after.1)] {
            if after > before {
                self.db
                    .execute("INSERT INTO consumer_offsets VALUES (?, ?, ?)", params![CONSUMER, log.as_str(), after.0])
                    .map_err(Error::duck("write the consumer's offset"))?;
            }
        }
        self.end(changed)?;
        let published = &self.tiers.published;
        published.applied(Log::Ledger).advance(after.0);
        published.applied(Log::Market).advance(after.1);
        Ok(())
    }

    /// Changes the tiers, in a transaction of its own; what fails leaves everything as it was.
    ///
    /// # Errors
    /// DuckDB refuses, or the rows are not the ones that were exported.
    pub fn change(&mut self, change: &Change) -> Result<(), Error> {
        let brought = match change {
            // What has become of the rows up to now, which may be more than was known when they were looked at.
            Change::Mend(mend) => Some(Change::Mend(mend.brought_to(self.applied())?)),
            _ => None,
        };
        let change = brought.as_ref().unwrap_or(change);
        self.db.execute_batch("BEGIN").map_err(Error::duck("begin a transaction"))?;
        let done = self.tiers.perform(&self.db, change).and_then(|manifest| self.end(Some(manifest)));
        if done.is_err() {
            // Where the commit failed there is nothing to roll back.
            let _ = self.db.execute_batch("ROLLBACK");
        }
        done
    }

    /// Commits, and shows the manifest if it was changed.
    fn end(&mut self, changed: Option<Arc<Manifest>>) -> Result<(), Error> {
        let published = self.tiers.published.clone();
        let _turn = changed.is_some().then(|| published.turn());
        self.db.execute_batch("COMMIT").map_err(Error::duck("commit"))?;
        if let Some(manifest) = changed {
            self.open = ticks::open_parts(&manifest);
            self.tiers.committed(manifest);
        }
        Ok(())
    }
}

/// Each commit inserts its offsets: the older ones say nothing any more.
fn forget_old_offsets(db: &Connection) -> Result<(), Error> {
    db.execute_batch(
        "DELETE FROM consumer_offsets o WHERE seq < (
             SELECT max(seq) FROM consumer_offsets n WHERE n.consumer = o.consumer AND n.log = o.log)",
    )
    .map_err(Error::duck("forget old offsets"))
}

/// The last record of `log` that the tables hold.
///
/// # Errors
/// DuckDB refuses.
pub fn offset(db: &Connection, log: Log) -> Result<Seq, Error> {
    let sql = "SELECT coalesce(max(seq), 0) FROM consumer_offsets WHERE consumer = ? AND log = ?";
    let mut statement = db.prepare_cached(sql).map_err(Error::duck("read the consumer's offset"))?;
    statement
        .query_row(params![CONSUMER, log.as_str()], |row| row.get(0))
        .map(Seq)
        .map_err(Error::duck("read the consumer's offset"))
}

/// The running file thread.
pub struct FileThread {
    /// The room that is left on the disk.
    pub reserve: Reserve,
    /// Where changes of the tiers wait; they are made between batches.
    pub changes: flume::Sender<Asked>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<(), Error>>,
}

impl FileThread {
    /// Starts it behind the journals' watermarks. `make` runs on the thread, so that a slow open of the
    /// database holds nobody up.
    ///
    /// # Errors
    /// The thread cannot be started.
    #[expect(clippy::disallowed_methods, reason = "one of the two homes of threads: a writer per database")]
    pub fn start(
        make: impl FnOnce() -> Result<FileWriter, Error> + Send + 'static,
        durable_ledger: Watermark,
        durable_market: Watermark,
        reserve: Reserve,
    ) -> Result<Self, Error> {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = stop.clone();
        let (changes, wanted) = flume::bounded(1);
        let room = reserve.clone();
        let thread = std::thread::Builder::new()
            .name("duckdb-file".to_owned())
            .spawn(move || {
                crate::background::step_back();
                follow(make()?, &(durable_ledger, durable_market), &wanted, (&room, &asked))
            })
            .map_err(|e| Error::Thread { name: "file", what: format!("cannot be started: {e}") })?;
        Ok(Self { reserve, changes, stop, thread })
    }

    /// True when it has ended, which before [`Self::finish`] means that it failed.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Applies what is durable and ends.
    ///
    /// # Errors
    /// What stopped it.
    pub fn finish(self) -> Result<(), Error> {
        self.stop.store(true, Ordering::Release);
        match self.thread.join() {
            Ok(result) => result,
            Err(_) => Err(Error::Thread { name: "file", what: "has panicked".to_owned() }),
        }
    }
}

/// Applies what becomes durable until asked to stop.
#[expect(clippy::disallowed_methods, reason = "gathering rows for one commit is real time by nature")]
fn follow(
    mut writer: FileWriter,
    durable: &(Watermark, Watermark),
    wanted: &flume::Receiver<Asked>,
    (room, asked): (&Reserve, &AtomicBool),
) -> Result<(), Error> {
    let (wake_ledger, wake_market) = (durable.0.listen(), durable.1.listen());
    loop {
        // Read before the look at the journals: what was durable when the stop was asked for is still applied.
        let last_round = asked.load(Ordering::Acquire);
        if room.look() && !last_round {
            // Who waits for a change would wait as long as the disk is full.
            wanted.try_iter().for_each(Asked::refuse);
            std::thread::sleep(LOOK_AGAIN);
            continue;
        }
        // Up to what is durable now and no further: what comes meanwhile is gathered. Who runs after it commits a handful of
        // rows at a time and takes a processor for it.
        let (ledger, market) = (durable.0.get(), durable.1.get());
        loop {
            let more = writer.apply(ledger, market)?;
            wanted.try_iter().for_each(|asked| asked.answer(&mut writer));
            if !more {
                break;
            }
        }
        if last_round {
            return Ok(());
        }
        let woken = flume::Selector::new()
            .recv(&wake_ledger, |r| r.is_ok())
            .recv(&wake_market, |r| r.is_ok())
            .recv(wanted, |asked| asked.map(|asked| asked.answer(&mut writer)).is_ok())
            .wait_timeout(GATHER);
        if woken == Ok(true) && !asked.load(Ordering::Acquire) {
            std::thread::sleep(GATHER);
        }
    }
}

/// Brings the tables up to what the journals hold: what a command on a stopped directory does first. Returns the one
/// writer, for who has changes to make.
///
/// # Errors
/// A journal is damaged, or DuckDB refuses.
pub fn catch_up(db: Connection, paths: &Paths, published: Published) -> Result<FileWriter, Error> {
    let ledger = crate::journal::recover(&paths.ledger, LedgerRecord::LOG)?;
    let market = crate::journal::recover(&paths.market, MarketRecord::LOG)?;
    let durable = |next: Seq| Seq(next.0 - 1);
    let ends = (durable(ledger.next), durable(market.next));
    let mut writer = FileWriter::open(db, paths, ends, published)?;
    while writer.apply(ends.0, ends.1)? {}
    Ok(writer)
}
