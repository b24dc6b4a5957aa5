//! The last step: every table that was brought over, and every one of ours on the server, is exported with all its columns to
//! Parquet in the cold store, read again by another reader, and written down; only then, and only if somebody types the name of
//! the database, are exactly these tables dropped there, in one transaction that refuses if one of them has changed.
//!
//! ```text
//! decommissioned/<database>/export-1/<schema>.<table>/part-N.parquet
//! decommissioned/<database>/export-1/report.md       for people
//! decommissioned/<database>/export-1/manifest.json   last: without it the export is not whole
//! decommissioned/<database>/export-1/dropped.json    what is not there any more
//! ```
//! What has changed since is exported into `export-2`: the first may by then be all that is left of what was dropped.
//!
//! - [`columns`]: how each of their types is kept; pure.
//! - `fingerprint`: what all rows of a table are together, by which a change is found; pure.
//! - `export`: a table into files, and the look at the files.
//! - [`record`]: what was exported, as JSON; `store`: where it stands.
//! - `report`: the same in words; pure.
//! - `dropping`: the one transaction that removes anything.
//!
//! Invariants: nothing is dropped of which the store does not hold every row as it was when it was locked; and no export that
//! is whole is ever removed.

pub mod columns;
mod dropping;
mod error;
mod export;
mod fingerprint;
pub mod record;
mod report;
mod server;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use messages::{UtcNanos, caps};
use serde::{Deserialize, Serialize};

pub use error::Error;
pub use record::{Exported, OfTable};

use super::apart::watched;
use crate::archive::{Archive, Did};
use crate::postgres::catalog::TableName;
use crate::postgres::{Server, Session};
use export::Exporter;
use server::Tables;
use store::{Folder, Store};

/// What it works with.
pub struct Leave<'a> {
    /// The archive, which does nothing else meanwhile (`Runner::alone`).
    pub archive: &'a Archive<'a>,
    /// The server.
    pub server: &'a Server,
    /// Tables of theirs that the mapping names.
    pub mapped: &'a [TableName],
    /// The schema of ours there.
    pub schema: &'a str,
    /// The time that is written down.
    pub now: UtcNanos,
    /// Rows of a file at most.
    pub part_rows: usize,
    /// Bytes of the disk that stay free.
    pub reserve_bytes: u64,
    /// False when it is to stop.
    pub go_on: &'a dyn Fn() -> bool,
    /// Hears how far it is, several times a second.
    pub on: &'a dyn Fn(&Progress),
    /// Hears each step of each file, on the thread that does it: for a log, or a test that pulls the plug.
    pub did: &'a (dyn Fn(&Did) + Sync),
}

/// Whether anything is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drop<'a> {
    /// Nothing.
    No,
    /// What was exported, if this is the name of the database.
    Yes(&'a str),
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// The table that is exported.
    pub table: String,
    /// Rows so far, of all tables.
    pub rows: u64,
}

/// What it came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What was exported.
    pub exported: Exported,
    /// That it had been exported before, and is still what stands there.
    pub was_there: bool,
    /// Tables that were dropped.
    pub dropped: Vec<String>,
    /// The address of the folder in the store.
    pub folder: String,
    /// All of it in words, as Markdown.
    pub text: String,
}

/// Exports what is not exported yet, and drops what was, if that is wanted. Blocks until it is done.
///
/// # Errors
/// [`Error`] says what is in the way, and what of it stands where.
pub fn run(ctx: &Leave<'_>, drop: Drop<'_>) -> Result<Report, Error> {
    if let Drop::Yes(typed) = drop
        && typed != ctx.server.database()
    {
        return Err(Error::OtherName { typed: typed.to_owned(), database: ctx.server.database().to_owned() });
    }
    ctx.archive.begin_bringing(true)?;
    let server = ctx.server.apart(caps::LONG_QUESTION);
    let said = Said::default();
    let work = Work {
        store: Store::of(&ctx.archive.cold, ctx.server.database(), ctx.archive.settings.orders.storage_class),
        exporter: Exporter {
            db: ctx.archive.db.try_clone().map_err(crate::duck::Error::duck("open another connection"))?,
            folder: ctx.archive.places.staging.join("leave"),
            cold_level: ctx.archive.settings.cold_level,
            part_rows: ctx.part_rows,
            reserve_bytes: ctx.reserve_bytes,
            did: ctx.did,
            said: &said,
        },
        mapped: ctx.mapped,
        schema: ctx.schema,
        now: ctx.now,
        said: &said,
    };
    let look = || {
        (ctx.on)(&said.progress());
        let goes_on = (ctx.go_on)() && (ctx.archive.go_on)();
        if !goes_on {
            said.stop();
        }
        goes_on
    };
    let done = watched(&server, &look, || work.all(&server, drop));
    let _ = std::fs::remove_dir_all(&ctx.archive.places.staging);
    done.map_err(Error::stopped)
}

/// What is said between the one that works and the one that waits.
#[derive(Debug, Default)]
struct Said {
    table: Mutex<String>,
    rows: AtomicU64,
    is_stopped: std::sync::atomic::AtomicBool,
}

impl Said {
    fn table(&self, name: &str) {
        *self.table.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = name.to_owned();
    }

    fn rows(&self, more: u64) -> Result<(), Error> {
        self.rows.fetch_add(more, Ordering::Relaxed);
        if self.is_stopped.load(Ordering::Acquire) { Err(Error::Stopped) } else { Ok(()) }
    }

    fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
    }

    fn progress(&self) -> Progress {
        let table = self.table.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        Progress { table, rows: self.rows.load(Ordering::Relaxed) }
    }
}

/// All of the work, on its thread.
struct Work<'a> {
    store: Store<'a>,
    exporter: Exporter<'a>,
    mapped: &'a [TableName],
    schema: &'a str,
    now: UtcNanos,
    said: &'a Said,
}

impl Work<'_> {
    fn all(self, server: &Server, drop: Drop<'_>) -> Result<Report, Error> {
        let session = server::open(server)?;
        let known = self.store.last(server)?;
        let tables = Tables::find(&session, self.mapped, self.schema)?;
        if let Some((folder, known)) = &known
            && tables.are_left_by(known)
        {
            // The answer to the one who dropped them did not arrive, and it may have been cut off before it was written down.
            let dropped: Vec<String> = known.droppable().map(|table| table.name.clone()).collect();
            folder.note_dropped(&dropped, self.now)?;
            return Ok(report_of(folder, known.clone(), true, dropped));
        }
        let missing = tables.missing_beside(known.as_ref().map(|(_, known)| known));
        if !missing.is_empty() {
            return Err(Error::Missing { tables: missing.join(", ") });
        }
        let still = match known {
            Some((folder, known)) if server::is_unchanged(&session, &known, &tables, drop)? => {
                folder.verify(&known, &|_| self.said.rows(0))?;
                Some((folder, known))
            }
            Some((_, known)) if drop != Drop::No => return Err(tables.other_than(&known, self.mapped)),
            _ => None,
        };
        if still.is_none() && !tables.missing.is_empty() {
            // An export without them would not be one of all that the mapping names.
            return Err(Error::Missing { tables: tables.missing.join(", ") });
        }
        let was_there = still.is_some();
        let (folder, exported) = match still {
            Some(still) => still,
            None => self.export(&session, &tables.there)?,
        };
        let mut dropped = Vec::new();
        if drop != Drop::No {
            dropped = dropping::drop_all(&session, &exported)?;
            folder.note_dropped(&dropped, self.now)?;
        }
        Ok(report_of(&folder, exported, was_there, dropped))
    }

    fn export(&self, session: &Session, tables: &[server::Found]) -> Result<(Folder<'_>, Exported), Error> {
        let folder = self.store.begin()?;
        let mut exported = Exported::new(session.server(), self.now);
        for table in tables {
            self.said.table(&table.name.to_string());
            exported.tables.push(self.exporter.table(session, table, &folder)?);
        }
        folder.put_report(report::text(&exported, &[], folder.address()))?;
        folder.put_record(&exported)?;
        Ok((folder, exported))
    }
}

fn report_of(folder: &Folder<'_>, exported: Exported, was_there: bool, dropped: Vec<String>) -> Report {
    let folder = folder.address().to_owned();
    let text = report::text(&exported, &dropped, &folder);
    Report { exported, was_there, dropped, folder, text }
}
