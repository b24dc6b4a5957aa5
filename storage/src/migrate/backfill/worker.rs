//! A worker: one slice after the other, from the rows on the server to their new owner.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use duckdb::Connection;

use super::super::plan::Plan;
use super::fill::Filler;
use super::numbers::Numbers;
use super::pace::Pace;
use super::part::{Maker, Parts, Staged};
use super::publish::{Made, Publisher};
use super::rejects::Rejects;
use super::slices::{Slice, YEARS};
use super::take::{Fits, Taking, With};
use super::{Again, Error, Limits};
use crate::archive::digest::Digest;
use crate::archive::{self, Did};
use crate::postgres::{self, Server, Session};
use crate::settings;
use crate::tiers::views::Columns;
use crate::tiers::{Origin, Piece, Places, Tier};

/// No statement of the server's own settings may end a copy, its workers take no processors that somebody trades on, and a
/// slice is sorted with little of it on its disk.
const SET_UP: &str = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;
    SET max_parallel_workers_per_gather = 0; SET work_mem = '64MB'";

/// The name of rejects that have no time, in place of that of a period.
const NO_TIME: &str = "no-time";

/// Connects as who reads whole tables needs it: a backfill, and a comparison of what it brought.
///
/// # Errors
/// The server refuses, or is not there.
pub fn open(server: &Server) -> Result<Session, postgres::Error> {
    let session = Session::open(server)?;
    session.execute("set up the session", SET_UP)?;
    Ok(session)
}

/// What a worker takes.
#[derive(Debug, Clone, Copy)]
pub enum Task {
    /// The rows of a slice.
    Slice(Slice),
    /// The rows of a plan's table that no slice has, which are refused.
    Outside(usize),
}

/// What came of a task.
pub struct Done {
    /// The place of its plan.
    pub plan: usize,
    /// False for rows that no slice has.
    pub is_slice: bool,
    /// Rows that were brought over.
    pub rows: u64,
    /// Rows that did not fit.
    pub refused: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// The file of rejects.
    pub rejects: Option<PathBuf>,
    /// What owns nothing any more.
    pub replaced: Vec<Arc<Piece>>,
}

/// What the workers share.
pub struct Shared<'a> {
    /// The server.
    pub server: &'a Server,
    /// All plans.
    pub plans: &'a [Plan],
    /// How much.
    pub limits: Limits,
    /// The folder of rejects.
    pub rejects: &'a Path,
    /// The local folders.
    pub places: &'a Places,
    /// The limits of the tiers.
    pub settings: &'a settings::Tiers,
    /// Hears each step.
    pub did: &'a (dyn Fn(&Did) + Sync),
    /// How fast.
    pub pace: &'a Pace,
    /// Places and publishes.
    pub publisher: Publisher<'a>,
    /// Ids that are ours to give.
    pub numbers: Numbers,
    /// Which slices are done once more.
    pub again: Again,
    /// The columns of the tables.
    pub columns: Columns,
    /// What there is to do.
    pub tasks: Vec<Task>,
    /// The next of it.
    pub next: AtomicUsize,
}

impl Shared<'_> {
    /// Does tasks until there are no more, with a connection to DuckDB of its own.
    ///
    /// # Errors
    /// What ended it.
    pub fn work(&self, db: Connection, number: usize, said: &flume::Sender<Done>) -> Result<(), Error> {
        crate::background::step_back();
        let folder = self.places.staging.join(format!("backfill-{number}"));
        let session = open(self.server)?;
        while let Some(task) = self.tasks.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            self.pace.pass(0)?;
            let done = self.perform(*task, (&db, &session, &folder))?;
            if folder.exists() {
                fs::remove_dir_all(&folder).map_err(archive::io("empty", &folder))?;
            }
            if said.send(done).is_err() {
                return Err(Error::Stopped);
            }
        }
        Ok(())
    }

    fn perform(&self, task: Task, (db, session, folder): (&Connection, &Session, &Path)) -> Result<Done, Error> {
        let (at, fits, tier) = match task {
            Task::Slice(slice) => (slice.plan, Fits::Wanted, slice.tier),
            Task::Outside(plan) => (plan, Fits::Never, Tier::Warm),
        };
        let plan = &self.plans[at];
        let (select, start) = match task {
            Task::Slice(slice) => (plan.select_in_order(slice.range()), slice.period.to_string()),
            Task::Outside(_) => (plan.select_outside(YEARS), NO_TIME.to_owned()),
        };
        let table = plan.table();
        let filler = Filler::new(plan, table, self.columns.names(table));
        let level = if tier == Tier::Cold { self.settings.cold_level } else { self.settings.warm_level };
        let reserve_bytes = self.limits.reserve_bytes;
        fs::create_dir_all(folder).map_err(archive::io("make the folder", folder))?;
        let maker = Maker { db, table, folder, level, reserve_bytes, did: self.did };
        let (limits, pace, numbers) = (self.limits, self.pace, &self.numbers);
        let with = With { plan, table, fits, limits, pace, numbers, filler: &filler };
        let taking = session.in_snapshot("read a slice", |session| -> Result<_, Error> {
            let rejects = Rejects::of(self.rejects, (&plan.from.to_string(), plan.into.table), &start);
            let mut taking = Taking::begin(with, Parts::begin(maker)?, rejects);
            plan.hold(session)?;
            plan.confirm(session)?;
            session.copy_out("copy a slice", &select, |row| taking.row(row))?;
            Ok(taking)
        })?;
        let (parts, mut rejects) = taking.end()?;
        let (expected, found, staged) = parts.end();
        refuse_other(plan, &start, &expected, &found)?;
        // Before the manifest says how many there are.
        let file = rejects.keep()?;
        let bytes = staged.iter().flatten().map(|staged: &Staged| staged.content.bytes).sum();
        let (rows, refused) = (expected.rows, rejects.count());
        let replaced = match task {
            Task::Slice(slice) => self.publish(db, plan, &slice, (staged, &expected), refused)?,
            Task::Outside(_) => Vec::new(),
        };
        let is_slice = matches!(task, Task::Slice(_));
        Ok(Done { plan: at, is_slice, rows, refused, bytes, rejects: file, replaced })
    }

    fn publish(
        &self,
        db: &Connection,
        plan: &Plan,
        slice: &Slice,
        (parts, rows): (Vec<Vec<Staged>>, &Digest),
        refused: u64,
    ) -> Result<Vec<Arc<Piece>>, Error> {
        let origin =
            Origin { from: plan.from.to_string(), start: slice.start.micros(), end: slice.end.micros(), refused };
        let is_revised = rows.sums.get("revision").is_some_and(|(sum, _)| *sum != arrow::datatypes::i256::ZERO);
        let may_lose = self.again != Again::Keeping;
        self.publisher.publish(db, &Made { slice, table: plan.table(), origin, parts, is_revised, may_lose })
    }
}

/// Refuses files that do not hold what was read.
fn refuse_other(plan: &Plan, start: &str, expected: &Digest, found: &Digest) -> Result<(), Error> {
    if expected == found {
        return Ok(());
    }
    let text = |digest: &Digest| format!("{} rows with hash {}", digest.rows, digest.row_hash());
    let (table, start) = (plan.from.to_string(), start.to_owned());
    Err(Error::Differs { table, start, expected: text(expected), found: text(found) })
}
