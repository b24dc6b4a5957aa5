//! `manifest-N.json` beside the cold files: who finds the store without the database can read what is in it.
//!
//! Each is created only if it is absent, after its number was written down here: one that is there and was not
//! written by this directory shows that another one writes to the same store.

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

/// The record on the local disk, beside the warm files.
pub(super) const LOCAL: &str = "manifest.json";

/// N of a `manifest-N.json`.
pub(super) fn number_of(path: &str) -> Option<i64> {
    path.strip_prefix("manifest-")?.strip_suffix(".json")?.parse().ok()
}

fn name(number: i64) -> String {
    format!("manifest-{number}.json")
}

impl Archive<'_> {
    /// Writes the manifest beside the cold files, if it has changed and there are any.
    pub(super) fn record(&self, now: UtcNanos) -> Result<(), Error> {
        let manifest = Manifest::load(&self.db)?;
        let read = || duck::Error::duck("read which manifests were recorded");
        let (last, version): (i64, i64) = self
            .db
            .query_row("SELECT coalesce(max(number), 0), coalesce(max(version), 0) FROM manifest_files", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .map_err(read())?;
        let has_cold = manifest.all().any(|p| p.tier == Tier::Cold);
        if version >= manifest.version || !has_cold && last == 0 {
            return Ok(());
        }
        self.refuse_second_writer()?;
        let run: String = self.db.query_row("SELECT uuid()::VARCHAR", [], |row| row.get(0)).map_err(read())?;
        let pieces = manifest.all().filter(|p| p.content.is_some()).map(|p| Piece::clone(p)).collect();
        let (database, at) = (self.database()?, Some(now.to_string()));
        let recorded = Recorded { format: 1, database, run: run.clone(), version: manifest.version, at, pieces };
        let text = serde_json::to_vec_pretty(&recorded).expect("plain data");
        let number = last + 1;
        self.writer.change(Change::Record { number, run, version: manifest.version })?;
        match self.cold.put_if_absent(&name(number), text)? {
            Put::Created => {}
            Put::AlreadyThere => {
                return Err(Error::SecondWriter { store: self.cold.describe().to_owned(), found: name(number) });
            }
        }
        (self.on)(&Did::Recorded(name(number)));
        Ok(())
    }

    /// Refuses to go on where a manifest stands that this directory did not write.
    pub(super) fn refuse_second_writer(&self) -> Result<(), Error> {
        let read = || duck::Error::duck("read which manifests were recorded");
        let last: i64 = self
            .db
            .query_row("SELECT coalesce(max(number), 0) FROM manifest_files", [], |row| row.get(0))
            .map_err(read())?;
        let newest = self.cold.list("")?.into_iter().filter_map(|l| number_of(&l.path)).max();
        match newest {
            Some(newest) if newest > last => {
                Err(Error::SecondWriter { store: self.cold.describe().to_owned(), found: name(newest) })
            }
            _ => Ok(()),
        }
    }

    /// What this database is known by.
    fn database(&self) -> Result<String, Error> {
        let sql = "SELECT id::VARCHAR FROM database_identity";
        Ok(self
            .db
            .query_row(sql, [], |row| row.get(0))
            .map_err(duck::Error::duck("read what the database is known by"))?)
    }

    /// Writes the record on the local disk, whole or not at all.
    pub(super) fn keep_record(&self) -> Result<(), Error> {
        let manifest = Manifest::load(&self.db)?;
        let pieces: Vec<Piece> = manifest.all().filter(|p| p.content.is_some()).map(|p| Piece::clone(p)).collect();
        let path = self.places.warm.join(LOCAL);
        if pieces.is_empty() && !path.exists() {
            return Ok(());
        }
        let (database, run) = (self.database()?, String::new());
        let recorded = Recorded { format: 1, database, run, version: manifest.version, at: None, pieces };
        let text = serde_json::to_vec_pretty(&recorded).expect("plain data");
        let fresh = path.with_extension("json.new");
        std::fs::create_dir_all(&self.places.warm).map_err(io("make the folder", &self.places.warm))?;
        std::fs::write(&fresh, text).map_err(io("write", &fresh))?;
        export::sync(&fresh)?;
        std::fs::rename(&fresh, &path).map_err(io("move a file to", &path))?;
        export::sync_folders(&self.places.warm, &self.places.warm)
    }

    /// Refuses to go on where the local record knows more than the database.
    pub(super) fn refuse_forgotten(&self) -> Result<(), Error> {
        let path = self.places.warm.join(LOCAL);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(io("read", path)(error)),
        };
        let recorded: Recorded = serde_json::from_slice(&bytes)
            .map_err(|e| Error::Unreadable { path: path.clone(), source: Box::new(e) })?;
        let known = Manifest::load(&self.db)?.version;
        if recorded.database != self.database()? || recorded.version > known {
            return Err(Error::Forgotten { path });
        }
        Ok(())
    }
}
