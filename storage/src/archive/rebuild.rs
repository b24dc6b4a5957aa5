//! The manifest rebuilt: files that an older or another database owned are taken over by this one.
//!
//! When `trading.duckdb` is lost and built again from the journals, or an older one is put back, it knows nothing of
//! files that stand in the tiers; worse, it may hold their rows again. What was recorded beside the files, on the local
//! disk and in the object store, says what they are. Each that is still what it was is owned again, and rows on disk that
//! it holds as well are deleted, in one transaction for each period. What cannot be had is named and left out; while one
//! of these is somewhere, the record stays as it was, so that the archive refuses to take that one for what a crash left.

use std::collections::BTreeMap;
use std::path::PathBuf;

use duckdb::{Connection, params};

use super::check::Finding;
use super::record::{Recorded, number_of};
use super::{Archive, Did, Error, chain, io};
use crate::cold;
use crate::duck;
use crate::duck::changes::{Change, Publication, Rest};
use crate::duck::file::{CONSUMER, offset};
use crate::journal::Log;
use crate::tiers::manifest::Key;
use crate::tiers::tables::Moves;
use crate::tiers::{Manifest, Period, Piece, TABLES, Table, Tier};

/// What came of it.
#[derive(Debug, Default)]
pub struct Rebuilt {
    /// Files that were taken over.
    pub taken: usize,
    /// Files that were not, and why.
    pub left: Vec<Finding>,
    /// One of these is somewhere, and is not to be taken for what a crash left.
    is_waiting: bool,
}

/// Lets the tables begin at the oldest market record that the journal has, where they lack older ones: these were dropped
/// from it. Returns the first and the last of them.
///
/// # Errors
/// DuckDB refuses.
pub fn skip_dropped(db: &Connection, oldest: u64) -> Result<Option<(u64, u64)>, Error> {
    let next = offset(db, Log::Market)?.next().0;
    if next >= oldest {
        return Ok(None);
    }
    let (log, last) = (Log::Market.as_str(), oldest - 1);
    db.execute("INSERT INTO consumer_offsets VALUES (?, ?, ?)", params![CONSUMER, log, last])
        .map_err(duck::Error::duck("write the consumer's offset"))?;
    Ok(Some((next, last)))
}

impl Archive<'_> {
    /// Takes over every file that was recorded, is still what it was, and has no owner.
    ///
    /// # Errors
    /// Nothing was recorded, or DuckDB refuses.
    pub fn rebuild(&self) -> Result<Rebuilt, Error> {
        let (recorded, in_store) = self.newest_record()?;
        let manifest = Manifest::load(&self.db)?;
        let mut periods = BTreeMap::<(usize, Period), Vec<Piece>>::new();
        for piece in recorded.pieces {
            // In the order of the tables: fills before their orders.
            let order = TABLES.iter().position(|table| table.name == piece.table);
            let Some(of) = order.zip(piece.period.parse().ok()) else { continue };
            if self.is_wanted(&piece, &manifest)? {
                periods.entry(of).or_default().push(piece);
            }
        }
        let mut rebuilt = Rebuilt::default();
        for ((order, period), pieces) in periods {
            self.take_over(&TABLES[order], period, pieces, &mut rebuilt)?;
        }
        if rebuilt.is_waiting {
            return Ok(rebuilt);
        }
        if let Some((number, run)) = in_store {
            self.writer.change(Change::Record { number, run, version: 0 })?;
        }
        self.keep_record()?;
        Ok(rebuilt)
    }

    /// Whether a recorded piece is to be taken over: it has no owner, or the file of its owner is gone.
    fn is_wanted(&self, piece: &Piece, manifest: &Manifest) -> Result<bool, Error> {
        let Some(known) = manifest.piece(&piece.key()).filter(|known| known.content.is_some()) else { return Ok(true) };
        let is_same = (known.tier, &known.location) == (piece.tier, &piece.location);
        Ok(!is_same && self.is_missing(known)? && !self.is_missing(piece)?)
    }

    /// Takes over what can be had of a period.
    fn take_over(
        &self,
        table: &'static Table,
        period: Period,
        pieces: Vec<Piece>,
        rebuilt: &mut Rebuilt,
    ) -> Result<(), Error> {
        let manifest = Manifest::load(&self.db)?;
        let has_rows = self.has_rows(table, period, &manifest)?;
        let (mut files, mut added) = (Vec::new(), Vec::new());
        for piece in pieces {
            match self.readable(&piece, has_rows) {
                Ok(file) => {
                    files.extend(file);
                    added.push(piece);
                }
                Err(error) => {
                    rebuilt.is_waiting |= !self.is_missing(&piece).unwrap_or(false);
                    rebuilt.left.push(Finding { what: piece.location.clone(), finding: chain(&error) });
                }
            }
        }
        if added.is_empty() {
            return Ok(());
        }
        rebuilt.taken += added.len();
        let removed: Vec<Key> = added
            .iter()
            .filter_map(|p| manifest.piece(&p.key()))
            .filter(|p| p.content.is_some())
            .map(|p| p.key())
            .collect();
        let what = format!("{} {period} was taken over", table.name);
        let source = has_rows.then_some(Rest::Copies { table, period, files });
        self.writer.change(Change::Publish(Publication { removed, added, source, what: what.clone() }))?;
        (self.on)(&Did::Published(what));
        // What was fetched for it.
        if self.places.staging.exists() {
            std::fs::remove_dir_all(&self.places.staging).map_err(io("empty", &self.places.staging))?;
        }
        Ok(())
    }

    /// Whether the disk has rows of a period, which a file may hold as well.
    fn has_rows(&self, table: &Table, period: Period, manifest: &Manifest) -> Result<bool, Error> {
        let belongs = match table.moves {
            Moves::Whole => {
                let parts = manifest.of_period(table.name, &period.to_string());
                return Ok(parts.iter().any(|p| p.tier == Tier::Disk));
            }
            Moves::ByTimeBut(_) => period.holds(table.time),
            Moves::ByTime | Moves::ByOrder => table.belongs(period),
        };
        let sql = format!("SELECT count(*) > 0 FROM {} WHERE {belongs}", table.on_disk());
        Ok(self.db.query_row(&sql, [], |row| row.get(0)).map_err(duck::Error::duck("look for rows of a period"))?)
    }

    /// What was recorded last, and number and run of the newest manifest in the object store.
    fn newest_record(&self) -> Result<(Recorded, Option<(i64, String)>), Error> {
        let here = self.local()?;
        let number = self.cold.list("")?.into_iter().filter_map(|l| number_of(&l.path)).max();
        let mut there = None;
        if let Some(number) = number {
            let name = format!("manifest-{number}.json");
            let recorded: Recorded = serde_json::from_slice(&self.cold.read(&name)?)
                .map_err(|e| Error::Unreadable { path: name.into(), source: Box::new(e) })?;
            there = Some(recorded);
        }
        let in_store = number.zip(there.as_ref().map(|there| there.run.clone()));
        let newest = match (here, there) {
            // Both name everything; versions of two databases cannot be compared.
            (Some(here), Some(there)) if here.database == there.database && there.version > here.version => there,
            (Some(here), _) => here,
            (None, Some(there)) => there,
            (None, None) => return Err(Error::NoRecord { store: self.cold.describe().to_owned() }),
        };
        Ok((newest, in_store))
    }

    /// Looks whether the file of a piece is what it was, and says where it can be read. A cold one is read only if it may
    /// hold rows of the disk.
    fn readable(&self, piece: &Piece, has_rows: bool) -> Result<Option<PathBuf>, Error> {
        let Some(content) = &piece.content else { return Ok(None) };
        if piece.tier == Tier::Warm {
            self.check(piece, false)?;
            return Ok(Some(self.places.file(&piece.location)));
        }
        if !has_rows {
            return self.is_there(piece, content.bytes).map(|()| None);
        }
        let text = &content.file_hash;
        let hash = text.parse().map_err(|_| Error::NoHash { path: piece.location.clone(), hash: text.clone() })?;
        let file = self.places.staging.join(&piece.location);
        let folder = file.parent().unwrap_or(&file);
        std::fs::create_dir_all(folder).map_err(io("make the folder", folder))?;
        match self.cold.fetch(&piece.location, &file, content.bytes, &hash) {
            Err(cold::Error::Archived { path, .. }) => {
                // Nobody else asks for it as long as it has no owner.
                self.cold.restore(&path)?;
                Err(Error::Archived { path })
            }
            other => Ok(other.map(|()| Some(file))?),
        }
    }
}
