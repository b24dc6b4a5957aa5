//! `manifest-N.json` beside the cold files: who finds the store without the database can read what is in it.
//!
//! Each is created only if it is absent, after its number and its run were written down here: one that is there and
//! names another run shows that another directory writes to the same store. The first is written before anything else is:
//! it claims the store.

use messages::UtcNanos;
use serde::{Deserialize, Serialize};

use super::{Archive, Did, Error, export, io};
use crate::cold::Put;
use crate::duck;
use crate::duck::changes::Change;
use crate::tiers::{Manifest, Piece, Tier};

/// The content of a `manifest-N.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The version of this form.
    pub format: u32,
    /// The database that owns the files.
    #[serde(default)]
    pub database: String,
    /// The run that wrote it.
    pub run: String,
    /// The version of the manifest.
    pub version: i64,
    /// The time of the run; none in the local record, whose file has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Every piece that is a file.
    pub pieces: Vec<Piece>,
}

/// Whose store it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Store {
    /// Nobody has written a manifest there.
    Unclaimed,
    /// This directory's: its last manifest stands there.
    Ours,
    /// This directory's, but its last manifest was not written.
    Unwritten {
        /// Its number.
        number: i64,
        /// The run that was to write it.
        run: String,
    },
}

/// What of a manifest says who wrote it.
#[derive(Deserialize)]
struct Author {
    run: String,
}

/// The record on the local disk, beside the warm files.
pub(super) const LOCAL: &str = "manifest.json";
/// Its number among those of the manifests.
const LOCAL_NUMBER: i64 = 0;

/// N of a `manifest-N.json`.
pub(super) fn number_of(path: &str) -> Option<i64> {
    path.strip_prefix("manifest-")?.strip_suffix(".json")?.parse().ok()
}

fn name(number: i64) -> String {
    format!("manifest-{number}.json")
}

impl Archive<'_> {
    /// Claims the store before the first object goes there.
    pub(super) fn claim(&self) -> Result<(), Error> {
        match self.store()? {
            Store::Ours => Ok(()),
            Store::Unclaimed => self.write_next(1, None),
            Store::Unwritten { number, run } => self.write(number, run, None),
        }
    }

    /// Writes the manifest beside the cold files, if it has changed and there are any.
    pub(super) fn record(&self, now: UtcNanos) -> Result<(), Error> {
        let manifest = Manifest::load(&self.db)?;
        let (last, version) = self.last()?;
        if last == 0 && !manifest.all().any(|p| p.tier == Tier::Cold) {
            return Ok(());
        }
        let is_recorded = last > 0 && version >= manifest.version;
        // A store that does not answer now keeps what it has.
        if is_recorded && !matches!(self.cold.head(&name(last)), Ok(None)) {
            return Ok(());
        }
        if let Store::Unwritten { number, run } = self.store()? {
            self.write(number, run, Some(now))?;
        }
        if is_recorded { Ok(()) } else { self.write_next(last + 1, Some(now)) }
    }

    fn write_next(&self, number: i64, now: Option<UtcNanos>) -> Result<(), Error> {
        let run = self.fresh_run()?;
        let version = Manifest::load(&self.db)?.version;
        self.writer.change(Change::Record { number, run: run.clone(), version })?;
        self.write(number, run, now)
    }

    /// Writes a manifest that is written down already.
    fn write(&self, number: i64, run: String, now: Option<UtcNanos>) -> Result<(), Error> {
        let text = self.text(run, now.map(|now| now.to_string()))?;
        // What is there may be an earlier try of ours.
        if self.cold.put_if_absent(&name(number), text)? == Put::AlreadyThere {
            self.refuse_other(number)?;
        }
        (self.on)(&Did::Recorded(name(number)));
        Ok(())
    }

    fn text(&self, run: String, at: Option<String>) -> Result<Vec<u8>, Error> {
        let manifest = Manifest::load(&self.db)?;
        let pieces = manifest.all().filter(|p| p.content.is_some()).map(|p| Piece::clone(p)).collect();
        let recorded = Recorded { format: 1, database: self.database()?, run, version: manifest.version, at, pieces };
        Ok(serde_json::to_vec_pretty(&recorded).expect("plain data"))
    }

    /// Whose store it is.
    ///
    /// # Errors
    /// It is another directory's, or a newer state of this one has written there, or it is another store than the one
    /// that was written to; it does not answer.
    pub(super) fn store(&self) -> Result<Store, Error> {
        let (last, _) = self.last()?;
        let newest = self.cold.list("")?.into_iter().filter_map(|l| number_of(&l.path)).max();
        if let Some(newest) = newest.filter(|newest| *newest >= last) {
            self.refuse_other(newest)?;
            return Ok(Store::Ours);
        }
        if last == 0 {
            return Ok(Store::Unclaimed);
        }
        let manifest = Manifest::load(&self.db)?;
        if let Some(piece) = manifest.all().find(|p| p.tier == Tier::Cold)
            && self.cold.head(&piece.location)?.is_none()
        {
            let (store, missing) = (self.cold.describe().to_owned(), piece.location.clone());
            return Err(Error::OtherStore { store, number: last, missing });
        }
        let sql = "SELECT run::VARCHAR FROM manifest_files WHERE number = ? LIMIT 1";
        let run = self.db.query_row(sql, [last], |row| row.get(0)).map_err(read())?;
        Ok(Store::Unwritten { number: last, run })
    }

    /// Refuses a manifest that this directory did not write.
    fn refuse_other(&self, number: i64) -> Result<(), Error> {
        let path = name(number);
        let author: Author = serde_json::from_slice(&self.cold.read(&path)?)
            .map_err(|e| Error::Unreadable { path: path.clone().into(), source: Box::new(e) })?;
        if self.has_written(number, &author.run)? {
            return Ok(());
        }
        Err(Error::SecondWriter { store: self.cold.describe().to_owned(), found: path })
    }

    /// The last manifest that was written down here, and the version that is in it; 0 where none was.
    fn last(&self) -> Result<(i64, i64), Error> {
        let sql = "SELECT coalesce(max(number), 0), coalesce(arg_max(version, number), 0) FROM manifest_files WHERE number > 0";
        Ok(self.db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).map_err(read())?)
    }

    /// That a run of this database wrote down this manifest.
    fn has_written(&self, number: i64, run: &str) -> Result<bool, Error> {
        let sql = "SELECT count(*) > 0 FROM manifest_files WHERE number = ? AND run::VARCHAR = ?";
        Ok(self.db.query_row(sql, duckdb::params![number, run], |row| row.get(0)).map_err(read())?)
    }

    fn fresh_run(&self) -> Result<String, Error> {
        Ok(self.db.query_row("SELECT uuid()::VARCHAR", [], |row| row.get(0)).map_err(read())?)
    }

    /// What this database is known by.
    fn database(&self) -> Result<String, Error> {
        let sql = "SELECT id::VARCHAR FROM database_identity";
        Ok(self
            .db
            .query_row(sql, [], |row| row.get(0))
            .map_err(duck::Error::duck("read what the database is known by"))?)
    }

    /// Writes the record on the local disk, whole or not at all, if it is not what it must be.
    pub(super) fn keep_record(&self) -> Result<(), Error> {
        let manifest = Manifest::load(&self.db)?;
        let path = self.places.warm.join(LOCAL);
        let there = self.local()?;
        if there.is_none() && manifest.all().all(|p| p.content.is_none()) {
            return Ok(());
        }
        if let Some(there) = there.filter(|there| there.version == manifest.version)
            && there.database == self.database()?
            && self.has_written(LOCAL_NUMBER, &there.run)?
        {
            return Ok(());
        }
        let run = self.fresh_run()?;
        let change = Change::Record { number: LOCAL_NUMBER, run: run.clone(), version: manifest.version };
        self.writer.change(change)?;
        let text = self.text(run, None)?;
        let fresh = path.with_extension("json.new");
        std::fs::create_dir_all(&self.places.warm).map_err(io("make the folder", &self.places.warm))?;
        std::fs::write(&fresh, text).map_err(io("write", &fresh))?;
        export::sync(&fresh)?;
        std::fs::rename(&fresh, &path).map_err(io("move a file to", &path))?;
        export::sync_folders(&self.places.warm, &self.places.warm)
    }

    /// The record on the local disk.
    pub(super) fn local(&self) -> Result<Option<Recorded>, Error> {
        let path = self.places.warm.join(LOCAL);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io("read", path)(error)),
        };
        let recorded = serde_json::from_slice(&bytes);
        recorded.map(Some).map_err(|e| Error::Unreadable { path, source: Box::new(e) })
    }

    /// Refuses to go on where the local record was not written by this state of the database, or one before it.
    pub(super) fn refuse_forgotten(&self) -> Result<(), Error> {
        let Some(recorded) = self.local()? else { return Ok(()) };
        if recorded.database != self.database()? || !self.has_written(LOCAL_NUMBER, &recorded.run)? {
            return Err(Error::Forgotten { path: self.places.warm.join(LOCAL) });
        }
        Ok(())
    }
}

fn read() -> impl FnOnce(duckdb::Error) -> duck::Error {
    duck::Error::duck("read which manifests were recorded")
}
