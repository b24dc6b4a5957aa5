//! The archive: what is due moves from tier to tier, each part in the same steps.
//!
//! Export → sync → verify by another reader than the one that wrote → place → publish → remove. Until the
//! publication, which is one transaction, the old owner has the rows; from then on the new one has. A crash leaves
//! files that nobody owns, which the next run removes, and never rows that nobody or everybody has.
//!
//! - [`plan`]: what is due, from the manifest and the limits; pure.
//! - [`digest`]: what rows are, whoever reads them.
//! - [`export`]: rows into files, and the look at the files.
//! - [`moves`]: the steps of one part.
//! - [`sweep`]: what a crash left.
//! - [`record`]: `manifest-N.json` beside the cold files.
//! - [`runner`]: the archive of a running directory.
//! - [`rebuild`]: files that another database owned, taken over.
//! - [`restore`]: archived objects made readable.
//! - [`status`], [`check`]: what stands where, and whether it is what it was.

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

pub use check::Finding;
pub use plan::{Action, Step};
pub use restore::Ticket;
pub use runner::Runner;
pub use status::Standing;

use crate::cold::{self, Cold};
use crate::duck;
use crate::duck::changes::{Asked, Change};
use crate::duck::file::FileWriter;
use crate::settings;
use crate::tiers::{Manifest, Places};

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
        "{store} already has {found}, which this data directory did not write: another one uses the same tiers.cold.url; give one of them another prefix. Nothing was removed there"
    )]
    SecondWriter {
        /// The store.
        store: String,
        /// The file that should not be there.
        found: String,
    },
    /// The files are another database's.
    #[error("{} was written by another trading.duckdb, or by a newer state of this one: the files beside it would be taken for what a crash left; nothing was moved. Take them over with `merganser doctor --rebuild-manifest`, or put the right database back", path.display())]
    Forgotten {
        /// The record.
        path: PathBuf,
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
    #[error("another run of the archive is under way; `merganser archive status` shows how far it has come")]
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
        steps.retain(|step| tables.is_empty() || tables.contains(&step.table));
        Ok(steps)
    }

    /// Does everything that is due at `now`, in order; what fails is reported and does not hold up the rest.
    ///
    /// # Errors
    /// What keeps all of it from being done.
    pub fn run(&self, now: UtcNanos, tables: &[String]) -> Result<Report, Error> {
        self.refuse_forgotten()?;
        let mut report = Report { swept: self.sweep()?, ..Report::default() };
        // What becomes due meanwhile is the next run's: rows may arrive faster than parts can be sorted.
        let steps = self.due(now, tables)?;
        let all = steps.len();
        for (n, step) in (1..).zip(steps) {
            if !(self.go_on)() {
                return Err(Error::Stopped);
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
        self.keep_record()?;
        let _ = std::fs::remove_dir_all(&self.places.staging);
        Ok(report)
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.into();
    move |source| Error::Io { what, path, source }
}

#[cfg(test)]
mod tests;
