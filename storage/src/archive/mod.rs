//! The archive: what is due moves from tier to tier, each part in the same steps.
//!
//! Export → sync → verify by another reader than the one that wrote → place → publish → remove. Until the
//! publication, which is one transaction, the old owner has the rows; from then on the new one has. A crash leaves
//! files that nobody owns, which the next run removes, and never rows that nobody or everybody has.
//!
//! - [`plan`]: what is due, from the manifest and the limits; pure.
//! - [`digest`]: what rows are, whoever reads them.
//! - [`export`]: rows of DuckDB's into files, and the look at the files.
//! - `batches`: rows in memory into files, and the look at these.
//! - [`moves`]: the steps of one part.
//! - [`sweep`]: what a crash left.
//! - [`record`]: `manifest-N.json` beside the cold files.
//! - [`runner`]: the archive of a running directory.
//! - [`rebuild`]: files that another database owned, taken over.
//! - `bring`: what who brings rows over needs of it.
//! - [`restore`]: archived objects made readable.
//! - [`status`], [`check`]: what stands where, and whether it is what it was.

mod batches;
mod bring;
mod check;
pub mod digest;
mod export;
mod moves;
pub mod plan;
mod rebuild;
mod record;
mod restore;
mod runner;
mod status;
mod sweep;

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use duckdb::Connection;
use flume::RecvTimeoutError;
use messages::UtcNanos;
use serde::{Deserialize, Serialize};

pub(crate) use batches::{Form, GROUP_ROWS};
pub(crate) use bring::{IN_PLACE_OF, class, room_for};
pub use check::Finding;
pub(crate) use export::{sync, sync_folders};
pub use plan::{Action, Step};
pub(crate) use plan::{Place, place};
pub use rebuild::{Rebuilt, skip_dropped};
pub use restore::Ticket;
pub use runner::{Runner, Runs};
pub use status::Standing;

use crate::cold::{self, Cold};
use crate::duck;
use crate::duck::changes::{Asked, Change};
use crate::duck::file::FileWriter;
use crate::settings;
use crate::tiers::{Manifest, Places, Tier, tables};

/// What can go wrong with the archive.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// DuckDB.
    #[error(transparent)]
    Duck(#[from] duck::Error),
    /// The object store.
    #[error(transparent)]
    Cold(#[from] cold::Error),
    /// The local disk.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A file of the tiers is not there.
    #[error("{} is missing; bring it back from a backup (`merganser backup restore` into another folder, and copy it)", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file of the tiers is not what it was.
    #[error("{} is damaged ({expected} expected, {found} found); bring it back from a backup (`merganser backup restore` into another folder, and copy it)", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it held.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// The manifest does not say what a file must hold.
    #[error("the manifest holds `{hash}` as the hash of {path}; nothing was moved: run `merganser doctor`")]
    NoHash {
        /// The file.
        path: String,
        /// What stands there.
        hash: String,
    },
    /// Rows may still arrive in a day's table.
    #[error("{table} {period} is not sorted yet and takes rows; it moves at the next run of the archive")]
    NotSealed {
        /// The table.
        table: String,
        /// The day.
        period: String,
    },
    /// Orders whose fills and events are still on disk.
    #[error(
        "{rows} fills and events of orders of {period} are still on disk; the orders move at the first run behind them"
    )]
    NotLast {
        /// The month.
        period: String,
        /// How many.
        rows: u64,
    },
    /// A file is not what was written.
    #[error("{} does not hold what was exported to it ({expected} expected, {found} found); nothing was moved: check the disk and run the archive again", path.display())]
    Differs {
        /// The file.
        path: PathBuf,
        /// Rows and hash that went in.
        expected: String,
        /// Rows and hash that came out.
        found: String,
    },
    /// A file cannot be read as Parquet.
    #[error("{} cannot be read as Parquet", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reader's answer.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file cannot be written as Parquet.
    #[error("cannot write {} as Parquet; mend what its reason names, the disk or a value, and try again", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The writer's answer.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no room for a copy.
    #[error("{} has {free} bytes free and {what} needs {needed}; make room there, or shorten tiers.*.disk, and run the archive again", path.display())]
    NoRoom {
        /// The folder.
        path: PathBuf,
        /// What was to be done.
        what: String,
        /// What is needed, in bytes.
        needed: u64,
        /// What is there.
        free: u64,
    },
    /// Another directory writes to the same store.
    #[error(
        "{store} already has {found}, which this data directory did not write. Where another one uses the same tiers.cold.url give one of them another prefix; where it is this one's alone, and trading.duckdb was lost or is an older one, take its files over with `merganser doctor --rebuild-manifest`. Nothing was removed there"
    )]
    SecondWriter {
        /// The store.
        store: String,
        /// The file that should not be there.
        found: String,
    },
    /// The store is not the one that was written to.
    #[error(
        "{store} has neither manifest-{number}.json nor {missing}, which this data directory wrote: it is not the store that was written to. Copy all of that one to it first, or set tiers.cold.url back; nothing was moved"
    )]
    OtherStore {
        /// The store.
        store: String,
        /// The last manifest.
        number: i64,
        /// An object that should be there.
        missing: String,
    },
    /// The files are another database's.
    #[error("{} was written by another trading.duckdb, or by a newer state of this one: the files beside it would be taken for what a crash left; nothing was moved. Take them over with `merganser doctor --rebuild-manifest`, or put the right database back", path.display())]
    Forgotten {
        /// The record.
        path: PathBuf,
    },
    /// An object cannot be read before it is restored.
    #[error(
        "{path} is archived, and rows of it may be on disk as well: its restore was started; rebuild the manifest again when it is readable"
    )]
    Archived {
        /// The object.
        path: String,
    },
    /// Nothing says which files there were.
    #[error(
        "neither the local disk nor {store} has a record of files in the tiers: there is nothing to rebuild the manifest from"
    )]
    NoRecord {
        /// The store.
        store: String,
    },
    /// The one writer of the tables has ended.
    #[error("the thread that writes the tables has ended; restart merganser")]
    WriterGone,
    /// Another run is under way.
    #[error(
        "another run of the archive, or a backfill, is under way; `merganser archive status` and `merganser migrate timescale status` show how far it has come"
    )]
    Busy,
    /// The database is not open yet.
    #[error("the database is still opening; ask again in a moment")]
    NotOpen,
    /// Somebody asked to stop.
    #[error("stopped before it was done; the next run goes on")]
    Stopped,
}

/// How often who waits for the writer looks whether it lives.
const LOOK: Duration = Duration::from_secs(1);

/// How changes reach the one writer.
pub enum Writer {
    /// Through the file thread of a running directory.
    Thread(flume::Sender<Asked>),
    /// Directly, on a stopped one.
    Own(Box<Mutex<FileWriter>>),
}

impl Writer {
    /// Makes a change, and waits until it is committed.
    ///
    /// # Errors
    /// DuckDB refuses; nothing has changed then.
    pub fn change(&self, change: Change) -> Result<(), Error> {
        match self {
            Self::Own(writer) => {
                let mut writer = writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                Ok(writer.change(&change)?)
            }
            Self::Thread(thread) => {
                let (done, answer) = flume::bounded(1);
                thread.send(Asked { change, done }).map_err(|_| Error::WriterGone)?;
                loop {
                    match answer.recv_timeout(LOOK) {
                        Ok(done) => return Ok(done?),
                        // What stands in a queue whose reader has gone stays there, and so does our own end of the answer.
                        Err(RecvTimeoutError::Timeout) if !thread.is_disconnected() => {}
                        // It may have answered between the two looks, as the last thing that it did.
                        Err(_) => return Ok(answer.try_recv().map_err(|_| Error::WriterGone)??),
                    }
                }
            }
        }
    }
}

/// What a run does, as it does it: for a progress bar, a log, or a test that pulls the plug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Did {
    /// A step begins: which, of how many.
    Began(usize, usize, Step),
    /// A file was written, and may not be on the disk yet.
    Exported(String),
    /// A file is on the disk.
    Synced(String),
    /// A file holds what it must.
    Verified(String),
    /// A file stands where it is to stay.
    Placed(String),
    /// A file is in the object store, and was read again there.
    Uploaded(String),
    /// A part has its new owner.
    Published(String),
    /// A file that owns nothing any more is gone.
    Removed(String),
    /// A day was sorted.
    Sealed(String),
    /// The manifest stands beside the cold files.
    Recorded(String),
}

/// What a run came to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// Steps that are done.
    pub done: Vec<Step>,
    /// Steps that are not, and why.
    pub failed: Vec<(Step, String)>,
    /// Why the manifest could not be written beside the cold files.
    pub unrecorded: Option<String>,
    /// Files that nobody owned.
    pub swept: Vec<String>,
    /// Bytes written, to the local disk or the object store.
    pub bytes_written: u64,
}

/// The archive of a data directory.
pub struct Archive<'a> {
    /// Reads; nobody else uses it meanwhile.
    pub db: Connection,
    /// Writes.
    pub writer: Writer,
    /// The local folders.
    pub places: Places,
    /// The object store.
    pub cold: Cold,
    /// The limits.
    pub settings: settings::Tiers,
    /// Hears what is done.
    pub on: &'a dyn Fn(&Did),
    /// Waits for all questions that were begun before: files that they read may go then. False where they do not end.
    pub settle: &'a dyn Fn() -> bool,
    /// False when it is to stop.
    pub go_on: &'a dyn Fn() -> bool,
}

impl Archive<'_> {
    /// What is due at `now`.
    ///
    /// # Errors
    /// DuckDB refuses.
    pub fn due(&self, now: UtcNanos, tables: &[String]) -> Result<Vec<Step>, Error> {
        let manifest = Manifest::load(&self.db)?;
        let mut steps = plan::plan(&self.settings, &manifest, &export::on_disk(&self.db)?, now);
        steps.retain(|step| tables.is_empty() || tables.iter().any(|named| moves_with(named, &step.table)));
        Ok(steps)
    }

    /// Does everything that is due at `now`, in order; what fails is reported and does not hold up the rest.
    ///
    /// # Errors
    /// What keeps all of it from being done.
    pub fn run(&self, now: UtcNanos, tables: &[String]) -> Result<Report, Error> {
        self.refuse_forgotten()?;
        // What is local moves on without the store; what needs it fails by itself and says why.
        let is_ours = match self.store() {
            Ok(store) => store == record::Store::Ours,
            Err(Error::Cold(error)) => {
                tracing::warn!(%error, "the object store is not tidied in this run");
                false
            }
            Err(error) => return Err(error),
        };
        let done = self.move_all(now, tables, is_ours);
        // However it ended: what has moved is to be found without the database.
        let kept = self.keep_record();
        let report = done?;
        kept?;
        let _ = std::fs::remove_dir_all(&self.places.staging);
        Ok(report)
    }

    fn move_all(&self, now: UtcNanos, tables: &[String], is_ours: bool) -> Result<Report, Error> {
        let mut report = Report { swept: self.sweep(is_ours)?, ..Report::default() };
        // What becomes due meanwhile is the next run's: rows may arrive faster than parts can be sorted.
        let steps = self.due(now, tables)?;
        let goes_there = |step: &Step| matches!(step.action, Action::Move { to: Tier::Cold, .. });
        let unclaimed = match (!is_ours && steps.iter().any(goes_there)).then(|| self.claim()) {
            Some(Err(Error::Cold(error))) => Some(chain(&error)),
            other => other.transpose().map(|_| None)?,
        };
        let all = steps.len();
        for (n, step) in (1..).zip(steps) {
            if !(self.go_on)() {
                return Err(Error::Stopped);
            }
            if let Some(why) = unclaimed.as_ref().filter(|_| goes_there(&step)) {
                report.failed.push((step, why.clone()));
                continue;
            }
            (self.on)(&Did::Began(n, all, step.clone()));
            match self.perform(&step) {
                Ok(bytes) => {
                    report.bytes_written += bytes;
                    report.done.push(step);
                }
                Err(_) if !(self.go_on)() => return Err(Error::Stopped),
                Err(error) => {
                    let why = chain(&error);
                    tracing::error!(table = step.table, period = step.period, event = "archive_failed", "{why}");
                    report.failed.push((step, why));
                }
            }
        }
        match self.record(now) {
            Err(Error::Cold(error)) => report.unrecorded = Some(chain(&error)),
            other => other?,
        }
        Ok(report)
    }
}

/// Orders, their fills and their events move together.
fn moves_with(named: &str, table: &str) -> bool {
    let by_order = |name| tables::table(name).is_some_and(|t| t.moves == tables::Moves::ByOrder);
    named == table || by_order(named) && by_order(table)
}

/// An error with its causes, in one line.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// For `map_err`: what was tried on which file.
pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.into();
    move |source| Error::Io { what, path, source }
}

#[cfg(test)]
pub(crate) mod tests;
