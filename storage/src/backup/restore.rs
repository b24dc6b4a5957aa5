//! A directory is made from a backup: an empty one, and whole or marked as unfinished.
//!
//! Without a point everything comes from one backup. With one, the journals come from a backup that reaches it and
//! are cut there, and the tables from the newest backup that lies before it: what is missing between the two is
//! applied from the journals, as at every start. Two backups fit together only if the journals hold the very record
//! that the tables end with: another history of the same directory has another.

use std::fs;
use std::path::{Component, Path, PathBuf};

use messages::ledger::{LedgerRecord, MarketRecord, Seq};
use serde::Serialize;

use super::point::{self, Point};
use super::record::{Backup, DATABASE, File, Referenced};
use super::repository::Repository;
use super::target::Target;
use super::{Doing, Error, io, room};
use crate::datadir::Paths;
use crate::journal::{self, Log};

/// What is to be restored.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Which backup; the newest that reaches the point where none is named.
    pub backup: Option<String>,
    /// Up to where; everything where none is given.
    pub point: Option<Point>,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The backup whose tables these are.
    pub tables: String,
    /// The backup whose journals these are.
    pub journals: String,
    /// The last ledger record.
    pub ledger: Seq,
    /// The last market record.
    pub market: Seq,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Cold files among them.
    pub cold_files: u64,
    /// Cold files that are still only in their own store.
    pub referenced: Option<Referenced>,
}

/// Makes the directory. Nothing is left of it where that fails.
///
/// # Errors
/// The directory is not empty, no backup reaches the point, the store does not answer, or a file is damaged.
pub fn restore(
    repository: &Repository,
    wanted: &Wanted,
    paths: &Paths,
    on: &dyn Fn(Doing<'_>),
) -> Result<Restored, Error> {
    let backups = repository.list()?;
    let journals = choose(repository, &backups, wanted)?;
    let target = Target::claim(paths)?;
    let mut restoring = Restoring { repository, paths, on, files: 0, done: 0, of: journals.bytes() };
    let restored = restoring.everything(&backups, journals, wanted.point).and_then(|restored| {
        target.sync()?;
        Ok(restored)
    });
    match restored {
        Ok(restored) => target.finish().map(|()| restored),
        Err(error) => {
            target.give_up();
            Err(error)
        }
    }
}

/// The backup whose journals reach the point.
fn choose<'a>(repository: &Repository, backups: &'a [Backup], wanted: &Wanted) -> Result<&'a Backup, Error> {
    let none = |wanted: &str| Error::NoBackup { wanted: wanted.to_owned(), store: repository.describe().to_owned() };
    let named = match &wanted.backup {
        Some(id) => Some(backups.iter().find(|b| b.id == *id).ok_or_else(|| none(id))?),
        None => None,
    };
    let newest = named.or(backups.last()).ok_or_else(|| none("at all"))?;
    let chosen = match wanted.point {
        None => Some(newest),
        Some(Point::At(at)) => {
            let reaches = |b: &&Backup| b.journals.until >= at;
            let first = || backups.iter().find(reaches);
            let chosen = if named.is_some() { named.filter(reaches) } else { first() };
            chosen.filter(|chosen| backups.iter().any(|b| b.id <= chosen.id && b.tables.at <= at))
        }
        Some(Point::Records { ledger, market }) => {
            let reaches = ledger.is_none_or(|seq| seq <= newest.journals.ledger)
                && market.is_none_or(|seq| seq <= newest.journals.market);
            reaches.then_some(newest)
        }
    };
    chosen.ok_or_else(|| out_of_reach(backups, newest, wanted.point))
}

fn out_of_reach(backups: &[Backup], newest: &Backup, point: Option<Point>) -> Error {
    let tables = backups.iter().filter(|b| b.id <= newest.id).map(|b| &b.tables);
    let (earliest, latest) = match point {
        Some(Point::At(_)) => (tables.map(|t| t.at).min().map(|at| at.to_string()), newest.journals.until.to_string()),
        _ => (
            tables.min_by_key(|t| t.ledger.seq).map(|t| format!("ledger {} and market {}", t.ledger.seq, t.market.seq)),
            format!("ledger {} and market {}", newest.journals.ledger, newest.journals.market),
        ),
    };
    let wanted = point.map_or_else(|| "the end".to_owned(), |point| point.to_string());
    Error::OutOfReach { wanted, earliest: earliest.unwrap_or_else(|| "nowhere".to_owned()), latest }
}

struct Restoring<'a> {
    repository: &'a Repository,
    paths: &'a Paths,
    on: &'a dyn Fn(Doing<'_>),
    files: u64,
    done: u64,
    of: u64,
}

impl Restoring<'_> {
    fn everything(&mut self, backups: &[Backup], journals: &Backup, point: Option<Point>) -> Result<Restored, Error> {
        room(&self.paths.root, journals.bytes(), "the files of the backup")?;
        self.fetch(journals, File::is_journal)?;
        let (mut tables, mut ends) = (journals, (journals.journals.ledger, journals.journals.market));
        if let Some(point) = point {
            (tables, ends) = self.cut(backups, journals, point)?;
        }
        self.fetch(tables, |file| !file.is_journal())?;
        Ok(Restored {
            tables: tables.id.clone(),
            journals: journals.id.clone(),
            ledger: ends.0,
            market: ends.1,
            files: self.files,
            bytes: self.done,
            cold_files: tables.files.iter().filter(|file| file.path.ends_with(".parquet") && is_cold(file)).count()
                as u64,
            referenced: tables.referenced.clone(),
        })
    }

    /// Ends the journals at the point. Returns the backup whose tables lie before it, and the ends.
    fn cut<'a>(
        &self,
        backups: &'a [Backup],
        journals: &Backup,
        point: Point,
    ) -> Result<(&'a Backup, (Seq, Seq)), Error> {
        let (ledger, market) = (&self.paths.ledger, &self.paths.market);
        for tables in backups.iter().rev().filter(|b| b.id <= journals.id) {
            let marks = (&tables.tables.ledger, &tables.tables.market);
            let is_before = match point {
                Point::At(at) => tables.tables.at <= at,
                Point::Records { ledger, market } => {
                    ledger.is_none_or(|seq| marks.0.seq <= seq) && market.is_none_or(|seq| marks.1.seq <= seq)
                }
            };
            let fits = is_before
                && journals.journals.market_from <= marks.1.seq.next()
                && marks.0.seq <= journals.journals.ledger
                && marks.1.seq <= journals.journals.market
                && marks.0.fits(journal::record_hash::<LedgerRecord>(ledger, marks.0.seq)?)
                && marks.1.fits(journal::record_hash::<MarketRecord>(market, marks.1.seq)?);
            if !fits {
                continue;
            }
            let ends = point::find(self.paths, point, marks.1.seq)?;
            if ends.0 >= marks.0.seq && ends.1 >= marks.1.seq {
                journal::cut(ledger, Log::Ledger, ends.0)?;
                journal::cut(market, Log::Market, ends.1)?;
                return Ok((tables, ends));
            }
        }
        Err(out_of_reach(backups, journals, Some(point)))
    }

    fn fetch(&mut self, backup: &Backup, wanted: impl Fn(&File) -> bool) -> Result<(), Error> {
        for file in backup.files.iter().filter(|file| wanted(file)) {
            let to = self.place(backup, file)?;
            let folder = to.parent().unwrap_or(&self.paths.root);
            fs::create_dir_all(folder).map_err(io("make the folder", folder))?;
            (self.on)(Doing { what: &file.path, done: self.done, of: Some(self.of) });
            self.repository.fetch(&backup.id, file, &to)?;
            self.files += 1;
            self.done += file.bytes;
        }
        Ok(())
    }

    /// Where a file belongs. A record that leads anywhere else is none of ours.
    fn place(&self, backup: &Backup, file: &File) -> Result<PathBuf, Error> {
        let paths = self.paths;
        let below = |root: &Path, rest: &str| {
            let plain = !rest.is_empty() && Path::new(rest).components().all(|c| matches!(c, Component::Normal(_)));
            plain.then(|| root.join(rest))
        };
        let place = match file.path.split_once('/') {
            None if file.path == DATABASE => Some(paths.database.clone()),
            Some(("ledger", rest)) => below(&paths.ledger, rest),
            Some(("market", rest)) => below(&paths.market, rest),
            Some(("warm", rest)) => below(&paths.places.warm, rest),
            Some(("cold", rest)) => below(&paths.root.join("cold"), rest),
            _ => None,
        };
        place.ok_or_else(|| {
            let (path, store) = (Backup::path(&backup.id), self.repository.describe().to_owned());
            Error::Unreadable { path, store, source: None }
        })
    }
}

fn is_cold(file: &File) -> bool {
    file.path.starts_with("cold/")
}
