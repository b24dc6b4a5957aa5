//! Changes of the tiers, as the file thread makes them between batches: it is the only writer, and so nothing moves
//! between its look at the rows and its commit.
//!
//! Each change is one transaction: rows or tables, the manifest, and the views of what changed.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use duckdb::{Connection, params};
use messages::UtcNanos;

use super::Error;
use super::file::FileWriter;
use super::mend::Mend;
use super::rows::Rows;
use super::ticks;
use crate::migrate::compare::Compared;
use crate::tiers::manifest::{self, Key};
use crate::tiers::period::Unit;
use crate::tiers::places::quoted;
use crate::tiers::tables::Moves;
use crate::tiers::views::{self, Columns};
use crate::tiers::{Manifest, Period, Piece, Places, Published, Table, Tier, table, tables};

/// What is to be changed.
#[derive(Debug, Clone)]
pub enum Change {
    /// Sorts a day's table, and lets no more rows into it.
    Seal(Key),
    /// Makes others the owners of rows.
    Publish(Publication),
    /// The same, where the numbers of the parts were chosen beside this thread: nobody may have taken one meanwhile.
    PublishNew(Publication),
    /// Puts rows right that are not what the journal says.
    Mend(Mend),
    /// Writes down what a comparison found.
    Compared(Box<Compared>),
    /// Writes down that a `manifest-N.json` is to be written by this directory.
    Record {
        /// N.
        number: i64,
        /// The run that writes it.
        run: String,
        /// The version of the manifest that is in it.
        version: i64,
    },
}

/// Rows get another owner.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Pieces that own nothing any more.
    pub removed: Vec<Key>,
    /// Pieces that do from now on.
    pub added: Vec<Piece>,
    /// Rows on disk that they hold.
    pub source: Option<Rest>,
    /// In words.
    pub what: String,
}

/// What is left on disk of rows that another tier owns now.
#[derive(Debug, Clone)]
pub enum Rest {
    /// A table, which is dropped.
    Table(String),
    /// Rows of a table that holds many periods, which are deleted if they are still the ones that were exported.
    Rows {
        /// The table.
        table: &'static Table,
        /// The period.
        period: Period,
        /// What they were.
        exported: Fingerprint,
    },
    /// Rows that these files hold as well, in a period of a table.
    Copies {
        /// The table.
        table: &'static Table,
        /// The period.
        period: Period,
        /// The files.
        files: Vec<PathBuf>,
    },
}

/// How many rows, and the exclusive or of their hashes in DuckDB.
pub type Fingerprint = (u64, u64);

/// A change that somebody waits for.
pub struct Asked {
    /// The change.
    pub change: Change,
    /// Whom to tell.
    pub done: flume::Sender<Result<(), Error>>,
}

impl Asked {
    /// Says that there is no room for it now.
    pub fn refuse(self) {
        let _ = self.done.send(Err(Error::NoRoom));
    }

    /// Makes the change and says how it went.
    pub fn answer(self, writer: &mut FileWriter) {
        // Who does not wait any more will find the change made, or not, in the manifest.
        let _ = self.done.send(writer.change(&self.change));
    }
}

/// The tiers, as the writer knows them.
pub struct Tiers {
    /// The manifest that was committed last.
    pub manifest: Arc<Manifest>,
    columns: Columns,
    places: Places,
    /// Where it is shown.
    pub published: Published,
}

impl Tiers {
    /// Loads the manifest and makes all views.
    ///
    /// # Errors
    /// DuckDB refuses.
    pub fn open(db: &Connection, places: &Places, published: Published) -> Result<Self, Error> {
        let manifest = Arc::new(Manifest::load(db)?);
        let columns = Columns::load(db)?;
        views::make_all(db, &columns, &manifest, places)?;
        published.set(manifest.clone());
        Ok(Self { manifest, columns, places: places.clone(), published })
    }

    /// Shows what was committed.
    pub fn committed(&mut self, manifest: Arc<Manifest>) {
        self.published.set(manifest.clone());
        self.manifest = manifest;
    }

    /// Makes the parts that rows are to go to, inside the caller's transaction. `None` when all are there.
    ///
    /// # Errors
    /// DuckDB refuses.
    pub fn make_room(&self, db: &Connection, rows: &Rows) -> Result<Option<Arc<Manifest>>, Error> {
        let (mut removed, mut added) = (Vec::new(), Vec::new());
        let ticks = tables::ticks();
        for day in rows.ticks.days() {
            let period = Period::of(Unit::Day, UtcNanos::start_of_day(day));
            let is_revised = rows.ticks.revised().contains(&day);
            let parts = self.manifest.of_period(ticks.name, &period.to_string());
            match parts.iter().find(|p| p.content.is_none() && !p.sealed) {
                None => {
                    let part = self.manifest.next_part(ticks.name, &period.to_string());
                    added.push(Piece { has_revisions: is_revised, ..ticks::create_part(db, period, part)? });
                }
                Some(open) if is_revised && !open.has_revisions => {
                    removed.push(open.key());
                    added.push(Piece { has_revisions: true, ..Piece::clone(open) });
                }
                Some(_) => {}
            }
        }
        added.extend(self.replacing(rows));
        if added.is_empty() {
            return Ok(None);
        }
        self.apply(db, &removed, &added, "rows arrived").map(Some)
    }

    /// Parts on disk of periods that are archived, where a row of them may replace one that is not on disk.
    fn replacing(&self, rows: &Rows) -> Vec<Piece> {
        let mut periods = BTreeSet::new();
        for (name, at) in rows.replacing() {
            let Some(table) = table(name) else { continue };
            let period = Period::of(table.unit, at);
            let parts = self.manifest.of_period(name, &period.to_string());
            if !parts.is_empty() && parts.iter().all(|p| p.content.is_some()) {
                periods.insert((name, period));
            }
        }
        let piece = |(name, period): (&str, Period)| {
            let table = table(name)?;
            let part = self.manifest.next_part(name, &period.to_string());
            Some(Piece { has_revisions: true, ..Piece::open(table, period, part, table.on_disk()) })
        };
        periods.into_iter().filter_map(piece).collect()
    }

    /// Makes a change, inside the caller's transaction.
    ///
    /// # Errors
    /// DuckDB refuses, or the rows are not the ones that were exported.
    pub fn perform(&self, db: &Connection, change: &Change) -> Result<Arc<Manifest>, Error> {
        match change {
            Change::Seal(key) => self.seal(db, key),
            Change::Mend(mend) => match mend.perform(db, &self.manifest)? {
                parts if parts.is_empty() => Ok(self.manifest.clone()),
                parts => self.apply(db, &[], &parts, "rows were mended"),
            },
            Change::Compared(compared) => compared.write(db).map(|()| self.manifest.clone()),
            Change::Record { number, run, version } => {
                db.execute("INSERT INTO manifest_files VALUES (?, ?, ?)", params![number, run, version])
                    .map_err(Error::duck("write which manifest is recorded"))?;
                Ok(self.manifest.clone())
            }
            Change::Publish(publication) | Change::PublishNew(publication) => {
                if matches!(change, Change::PublishNew(_)) {
                    self.refuse_taken(publication)?;
                }
                let Publication { mut removed, mut added, source, what } = publication.clone();
                if let Some(rest) = &source {
                    self.remove(db, rest, (&mut removed, &mut added))?;
                }
                self.apply(db, &removed, &added, &what)
            }
        }
    }

    /// Refuses parts whose numbers are another part's.
    fn refuse_taken(&self, publication: &Publication) -> Result<(), Error> {
        for added in &publication.added {
            let known = self.manifest.of_period(&added.table, &added.period);
            let mut same = known.iter().filter(|piece| piece.part == added.part);
            if same.any(|piece| !publication.removed.contains(&piece.key())) {
                let (table, period) = (added.table.clone(), added.period.clone());
                return Err(Error::PartTaken { table, period, part: added.part });
            }
        }
        Ok(())
    }

    fn seal(&self, db: &Connection, key: &Key) -> Result<Arc<Manifest>, Error> {
        let Some(open) = self.manifest.piece(key).filter(|p| !p.sealed) else { return Ok(self.manifest.clone()) };
        let (from, order) = (&open.location, tables::ticks().order);
        let sorted = format!("{from}_sorted");
        let script = format!("CREATE TABLE {sorted} AS SELECT * FROM {from} ORDER BY {order}; DROP TABLE {from}");
        db.execute_batch(&script).map_err(Error::duck("sort a day's ticks"))?;
        let sealed = Piece { location: sorted, sealed: true, ..Piece::clone(open) };
        let what = format!("{} {} part {} was sealed", key.table, key.period, key.part);
        self.apply(db, std::slice::from_ref(key), &[sealed], &what)
    }

    /// Takes from the disk what has another owner now.
    fn remove(&self, db: &Connection, rest: &Rest, pieces: (&mut Vec<Key>, &mut Vec<Piece>)) -> Result<(), Error> {
        match rest {
            Rest::Table(name) => {
                db.execute_batch(&format!("DROP TABLE {name}")).map_err(Error::duck("drop a table that has moved"))
            }
            Rest::Copies { table, period, files } => self.remove_copies(db, table, *period, files, pieces),
            Rest::Rows { table, period, exported } => {
                if fingerprint(db, table, *period)? != *exported {
                    return Err(Error::Changed { table: table.name.to_owned(), period: period.to_string() });
                }
                let script = format!("DELETE FROM {} WHERE {}", table.on_disk(), table.belongs(*period));
                db.execute_batch(&script).map_err(Error::duck("delete rows that have moved"))
            }
        }
    }

    /// Deletes rows that files hold as well. A part of ticks that is empty then goes; what is left of it is another part,
    /// as are rows that replace one of a file.
    fn remove_copies(
        &self,
        db: &Connection,
        table: &'static Table,
        period: Period,
        files: &[PathBuf],
        (removed, added): (&mut Vec<Key>, &mut Vec<Piece>),
    ) -> Result<(), Error> {
        let refused = || Error::duck("delete rows that a file holds");
        let count = |from: &str| db.query_row(&format!("SELECT count(*) FROM {from}"), [], |row| row.get::<_, u64>(0));
        let list: Vec<String> = files.iter().map(|file| quoted(file)).collect();
        let held = format!(
            "(SELECT {} FROM read_parquet([{}], hive_partitioning = false))",
            self.columns.of(table),
            list.join(", ")
        );
        let is_copy = is_copy(table, self.columns.names(table));
        let name = period.to_string();
        let above = added.iter().map(|p| p.part + 1).max().unwrap_or(0);
        let mut next = self.manifest.next_part(table.name, &name).max(above);
        let on_disk = self.manifest.of_period(table.name, &name).iter().filter(|p| p.tier == Tier::Disk);
        if table.moves != Moves::Whole {
            let own = table.on_disk();
            db.execute_batch(&format!("DELETE FROM {own} t USING {held} f WHERE {is_copy}")).map_err(refused())?;
            let open: Vec<Key> = on_disk.map(|p| p.key()).collect();
            let replaces = format!("{own} SEMI JOIN {held} USING ({})", table.key);
            if table.newest.is_some() && (!open.is_empty() || count(&replaces).map_err(refused())? > 0) {
                added.push(Piece { has_revisions: true, ..Piece::open(table, period, next, own) });
            }
            removed.extend(open);
            return Ok(());
        }
        for open in on_disk {
            let script = format!("DELETE FROM {} t USING {held} f WHERE {is_copy}", open.location);
            db.execute_batch(&script).map_err(refused())?;
            removed.push(open.key());
            if count(&open.location).map_err(refused())? == 0 {
                db.execute_batch(&format!("DROP TABLE {}", open.location)).map_err(refused())?;
            } else {
                added.push(Piece { part: next, ..Piece::clone(open) });
                next += 1;
            }
        }
        Ok(())
    }

    /// Writes the manifest and the views of the tables that changed.
    fn apply(&self, db: &Connection, removed: &[Key], added: &[Piece], what: &str) -> Result<Arc<Manifest>, Error> {
        let manifest = manifest::change(db, &self.manifest, removed, added, what)?;
        let names: BTreeSet<&str> =
            removed.iter().map(|key| key.table.as_str()).chain(added.iter().map(|p| p.table.as_str())).collect();
        for table in names.into_iter().filter_map(table) {
            views::make(db, table, &self.columns, &manifest, &self.places)?;
        }
        Ok(Arc::new(manifest))
    }
}

/// That a row `t` on disk is in a file, as its row `f`: the same in every column, or, where a row of that key is written
/// anew, not newer. An order stays as long as fills on disk refer to it.
fn is_copy(table: &Table, columns: &[String]) -> String {
    let pairs = |names: Vec<&str>, how: &str| -> Vec<String> {
        names.into_iter().map(|name| format!("t.{name} {how} f.{name}")).collect()
    };
    let Some(newest) = table.newest.as_ref().filter(|_| table.moves != Moves::Whole) else {
        return pairs(columns.iter().map(String::as_str).collect(), "IS NOT DISTINCT FROM").join(" AND ");
    };
    let rank: Vec<&str> = newest.rank.split(", ").map(|column| column.trim_end_matches(" DESC")).collect();
    let of = |row: &str| rank.iter().map(|column| format!("{row}.{column}")).collect::<Vec<_>>().join(", ");
    let mut all = pairs(table.key.split(", ").collect(), "=");
    all.push(format!("({}) <= ({})", of("t"), of("f")));
    if table.name == "orders" {
        all.push("t.order_id NOT IN (SELECT order_id FROM disk.trades)".to_owned());
    }
    all.join(" AND ")
}

/// What the rows of a period on disk are, in the connection's snapshot.
///
/// # Errors
/// DuckDB refuses.
pub fn fingerprint(db: &Connection, table: &Table, period: Period) -> Result<Fingerprint, Error> {
    let sql = format!(
        "SELECT count(*), coalesce(bit_xor(hash(t)), 0) FROM (SELECT * FROM {} WHERE {}) t",
        table.on_disk(),
        table.belongs(period)
    );
    db.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?))).map_err(Error::duck("look at rows that are to move"))
}
