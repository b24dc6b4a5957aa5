//! A backup is made: files that do not change any more, the database, what that names, the journals, the record.
//!
//! Where a file that the database's snapshot names has moved to another tier before it was sent, the snapshot is taken
//! anew. Everything that was sent stays sent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use duckdb::Connection;
use messages::UtcNanos;
use messages::ledger::{LedgerRecord, MarketRecord, Seq};

use super::record::{Backup, DATABASE, FORMAT, File, Journals, Mark, Referenced, Snapshot, hex};
use super::repository::Repository;
use super::segments::first;
use super::snapshot::{self, Staging, Stop, Taken};
use super::{Doing, Error, io, room};
use crate::cold::{self, Cold, FileHash};
use crate::datadir::Paths;
use crate::duck;
use crate::duck::instance::Instance;
use crate::journal::{self, Log};
use crate::service::Database;
use crate::settings;
use crate::tiers::{Manifest, Tier};

/// How often it is begun anew because files moved.
const TRIES: usize = 5;

/// The tables of a data directory.
pub enum Tables<'a> {
    /// Of one that runs.
    Running(&'a Database),
    /// Of one that is stopped, and held.
    Stopped(&'a Instance),
}

/// What is backed up, and how.
pub struct Source<'a> {
    /// The tables.
    pub tables: Tables<'a>,
    /// Where everything is.
    pub paths: &'a Paths,
    /// The cold store of the directory.
    pub cold: &'a settings::Cold,
    /// The last durable record of the ledger and of the market journal, now.
    pub durable: &'a dyn Fn() -> (Seq, Seq),
    /// Bytes of the disk that the copy of the database leaves free.
    pub reserve_bytes: u64,
    /// What time it is.
    pub now: &'a dyn Fn() -> UtcNanos,
    /// Hears what is done.
    pub on: &'a dyn Fn(Doing<'_>),
    /// Ends it early.
    pub stop: Stop,
}

/// Makes a backup, and returns it.
///
/// # Errors
/// Another one is being made, there is no room, the store does not answer, or a file is not what the manifest says.
pub fn create(repository: &Repository, source: &Source<'_>) -> Result<Backup, Error> {
    source.stop.leaves(&repository.store)?;
    // What is broken off fails in one way or another.
    make(repository, source).map_err(|error| source.stop.check().err().unwrap_or(error))
}

fn make(repository: &Repository, source: &Source<'_>) -> Result<Backup, Error> {
    let db = match source.tables {
        Tables::Running(database) => database.connect().ok_or(Error::NotOpen)?,
        Tables::Stopped(instance) => instance.connect()?,
    };
    let staging = Staging::take(&source.paths.places, &source.paths.root)?;
    let id = Backup::name((source.now)());
    let before = repository.objects()?;
    let known = before.clone();
    let mut making = Making { repository, source, db, staging, known, sent: 0, missing: None };
    for _ in 0..TRIES {
        let missed = making.missing.take();
        if let Some(mut backup) = making.attempt(&id)? {
            // Somebody may have removed what nobody named yet.
            let there = repository.objects()?;
            if backup.files.iter().any(|file| there.get(&file.hash) != Some(&file.bytes)) {
                return Err(Error::Pruned { store: repository.describe().to_owned() });
            }
            backup.sent = new(&backup.files, &before);
            backup.created = (source.now)();
            repository.commit(&backup)?;
            return Ok(backup);
        }
        // What the archive moves has another owner in a newer manifest, before it goes.
        if let Some((_, path)) = making.missing.take_if(|missing| missed.as_ref() == Some(missing)) {
            return Err(Error::Gone { path });
        }
    }
    Err(Error::Moving)
}

pub(super) struct Making<'a> {
    repository: &'a Repository,
    source: &'a Source<'a>,
    db: Connection,
    pub(super) staging: Staging,
    known: BTreeMap<FileHash, u64>,
    /// Bytes so far.
    sent: u64,
    /// The last file that was not there, and the version of the manifest that named it.
    missing: Option<(i64, PathBuf)>,
}

impl Making<'_> {
    /// Everything but the record; `None` where files moved meanwhile.
    fn attempt(&mut self, id: &str) -> Result<Option<Backup>, Error> {
        // Ahead of the snapshot, so that little is left that could move away behind it.
        self.sealed(&Manifest::load(&self.db)?)?;
        let at = (self.source.now)();
        let taken = self.snapshot()?;
        // What happened before this is durable by the time that the copy has been sent.
        let until = (self.source.now)();
        let Some(mut files) = self.sealed(&taken.manifest)? else { return Ok(None) };
        files.extend(self.recorded()?);
        let Some(database) = self.file(DATABASE, &taken.file)? else { return Ok(None) };
        files.push(database);
        std::fs::remove_file(&taken.file).map_err(io("remove", &taken.file))?;
        let durable = (self.source.durable)();
        let paths = self.source.paths;
        for (log, dir, end) in [(Log::Ledger, &paths.ledger, durable.0), (Log::Market, &paths.market, durable.1)] {
            let Some(segments) = self.log(log, dir, end)? else { return Ok(None) };
            files.extend(segments);
        }
        let market_from = first(&paths.market)?;
        if market_from > taken.applied.1.next() {
            // Records that the snapshot lacks were applied and dropped while it was sent.
            return Ok(None);
        }
        Ok(Some(Backup {
            format: FORMAT,
            id: id.to_owned(),
            directory: absolute(&paths.root).display().to_string(),
            created: until,
            tables: Snapshot {
                at,
                ledger: mark(taken.applied.0, journal::record_hash::<LedgerRecord>(&paths.ledger, taken.applied.0)?),
                market: mark(taken.applied.1, journal::record_hash::<MarketRecord>(&paths.market, taken.applied.1)?),
                schema: taken.schema,
                manifest: taken.manifest.version,
            },
            journals: Journals { until, ledger: durable.0, market: durable.1, market_from },
            referenced: self.referenced(&taken.manifest)?,
            files,
            sent: (0, 0),
        }))
    }

    fn snapshot(&self) -> Result<Taken, Error> {
        let database = &self.source.paths.database;
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
        let bytes = size(database) + size(&database.with_extension("duckdb.wal"));
        room(self.staging.folder(), bytes + self.source.reserve_bytes, "a copy of the database")?;
        self.say("copying the database");
        snapshot::take(&self.db, self.staging.folder(), &self.source.stop)
    }

    /// The files of the tiers that a manifest names; `None` where one is not there any more.
    fn sealed(&mut self, manifest: &Manifest) -> Result<Option<Vec<File>>, Error> {
        let places = &self.source.paths.places;
        let mut files = Vec::new();
        for piece in manifest.all() {
            let (path, file) = match piece.tier {
                Tier::Warm => (format!("warm/{}", piece.location), places.file(&piece.location)),
                Tier::Cold if self.keeps_cold() => {
                    (format!("cold/{}", piece.location), places.cold.join(&piece.location))
                }
                _ => continue,
            };
            let content = piece.content.as_ref();
            let Some((bytes, hash)) = content.and_then(|c| Some((c.bytes, c.file_hash.parse().ok()?))) else {
                continue;
            };
            let wanted = File { path, bytes, hash };
            if !self.send(&wanted, &file)? {
                self.missing = Some((manifest.version, file));
                return Ok(None);
            }
            files.push(wanted);
        }
        Ok(Some(files))
    }

    /// The newest `manifest-N.json` beside cold files that are in the backup.
    fn recorded(&mut self) -> Result<Option<File>, Error> {
        if !self.keeps_cold() {
            return Ok(None);
        }
        let newest: Option<i64> = self
            .db
            .query_row("SELECT max(number) FROM manifest_files", [], |row| row.get(0))
            .map_err(duck::Error::duck("read which manifests were recorded"))?;
        let Some(number) = newest else { return Ok(None) };
        let name = format!("manifest-{number}.json");
        self.file(&format!("cold/{name}"), &self.source.paths.places.cold.join(&name))
    }

    /// Sends a file whose hash nobody knows yet; `None` where it is not there any more.
    pub(super) fn file(&mut self, path: &str, file: &Path) -> Result<Option<File>, Error> {
        self.source.stop.check()?;
        let content = match FileHash::of_file(file) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(io("read", file))?,
        };
        let hash = content.hash.expect("of a whole file");
        let wanted = File { path: path.to_owned(), bytes: content.bytes, hash };
        Ok(self.send(&wanted, file)?.then_some(wanted))
    }

    /// Sends a file unless the repository has it; false where it is not there any more.
    fn send(&mut self, wanted: &File, file: &Path) -> Result<bool, Error> {
        if self.known.get(&wanted.hash) == Some(&wanted.bytes) {
            return Ok(true);
        }
        self.source.stop.check()?;
        self.say(&wanted.path);
        match self.repository.put(file, &wanted.hash) {
            Err(cold::Error::Io { source, path, .. })
                if source.kind() == std::io::ErrorKind::NotFound && path == file =>
            {
                return Ok(false);
            }
            other => other?,
        }
        self.known.insert(wanted.hash, wanted.bytes);
        self.sent += wanted.bytes;
        Ok(true)
    }

    /// Cold files that are not in the backup.
    fn referenced(&self, manifest: &Manifest) -> Result<Option<Referenced>, Error> {
        let cold = manifest.all().filter(|piece| piece.tier == Tier::Cold).filter_map(|piece| piece.content.as_ref());
        let (files, bytes) = cold.fold((0, 0), |(files, bytes), content| (files + 1, bytes + content.bytes));
        if self.keeps_cold() || files == 0 {
            return Ok(None);
        }
        let store = Cold::open(self.source.cold, &self.source.paths.places.cold)?.describe().to_owned();
        Ok(Some(Referenced { store, files, bytes }))
    }

    /// True when cold files stand in the data directory itself.
    fn keeps_cold(&self) -> bool {
        self.source.cold.url.is_empty()
    }

    fn say(&self, what: &str) {
        (self.source.on)(Doing { what, done: self.sent, of: None });
    }
}

/// Objects that were not there before, and their bytes.
fn new(files: &[File], before: &BTreeMap<FileHash, u64>) -> (u64, u64) {
    let new: BTreeMap<_, _> =
        files.iter().map(|f| (f.hash, f.bytes)).filter(|(hash, _)| !before.contains_key(hash)).collect();
    (new.len() as u64, new.values().sum())
}

fn mark(seq: Seq, hash: Option<[u8; 32]>) -> Mark {
    Mark { seq, hash: hash.map(hex) }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
