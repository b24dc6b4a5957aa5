//! The steps of one part, from its owner to the next.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::export::{copy, digest_of, expect, look, room, slices, sync, sync_folders};
use super::{Action, Archive, Did, Error, Step, io};
use crate::cold::FileHash;
use crate::duck::changes::{self, Change, Publication, Rest};
use crate::duck::{self};
use crate::tiers::manifest::Key;
use crate::tiers::tables::Moves;
use crate::tiers::{Manifest, Period, Piece, Table, Tier, table};

/// Bytes that a row takes at most while it is sorted or exported, and the copies that are there meanwhile.
pub(super) const ROW_BYTES: u64 = 2 * 128;

/// A file that is written and looked at, on its way to its place.
struct Exported {
    staged: PathBuf,
    piece: Piece,
}

impl Archive<'_> {
    /// Does one step. Returns the bytes of the files that were written.
    pub(super) fn perform(&self, step: &Step) -> Result<u64, Error> {
        let Some((table, period)) = table(&step.table).zip(step.period.parse::<Period>().ok()) else { return Ok(0) };
        if let Action::Move { from: Tier::Disk, .. } | Action::Delete { from: Tier::Disk } = step.action {
            self.refuse_early(step, table, period)?;
        }
        match step.action {
            Action::Seal => self.seal(step),
            Action::Move { from: Tier::Disk, to } => self.move_rows(step, table, period, to),
            Action::Move { to, .. } => self.move_files(step, table, period, to),
            Action::Delete { from: Tier::Disk } => self.delete_rows(step, table, period),
            Action::Delete { .. } => self.delete_files(step),
        }
    }

    /// Refuses to take from the disk what something else must go before.
    fn refuse_early(&self, step: &Step, table: &'static Table, period: Period) -> Result<(), Error> {
        if table.moves == Moves::Whole {
            // What arrives between the export and the publication would go with the table.
            let is_sealed = open_piece(&Manifest::load(&self.db)?, step).is_some_and(|open| open.sealed);
            let (table, period) = (step.table.clone(), step.period.clone());
            return if is_sealed { Ok(()) } else { Err(Error::NotSealed { table, period }) };
        }
        if table.name == "orders" {
            let of = |name| crate::tiers::table(name).map(|t| format!("{} WHERE {}", t.on_disk(), t.belongs(period)));
            let left: Result<Vec<u64>, Error> =
                ["trades", "order_events"].into_iter().filter_map(of).map(|from| count(self, &from)).collect();
            let rows: u64 = left?.iter().sum();
            if rows > 0 {
                return Err(Error::NotLast { period: step.period.clone(), rows });
            }
        }
        Ok(())
    }

    fn seal(&self, step: &Step) -> Result<u64, Error> {
        let manifest = Manifest::load(&self.db)?;
        let key = Key { table: step.table.clone(), period: step.period.clone(), part: step.part, slice: String::new() };
        let Some(open) = manifest.piece(&key) else { return Ok(0) };
        let rows = count(self, &open.location)?;
        room(&self.places.warm, rows * ROW_BYTES, "sorting a day")?;
        self.writer.change(Change::Seal(key))?;
        (self.on)(&Did::Sealed(format!("{} {}", step.table, step.period)));
        Ok(0)
    }

    /// Rows of the database become files of the tier `to`.
    fn move_rows(&self, step: &Step, table: &'static Table, period: Period, to: Tier) -> Result<u64, Error> {
        let manifest = Manifest::load(&self.db)?;
        let open = open_piece(&manifest, step);
        let location = open.as_ref().map_or_else(|| table.on_disk(), |p| p.location.clone());
        let source = format!("(SELECT * FROM {location} WHERE {})", table.belongs(period));
        let rows = count(self, &source)?;
        room(&self.places.warm, rows * ROW_BYTES, "an export")?;
        let begin = duck::Error::duck("begin to export");
        self.db.execute_batch("BEGIN TRANSACTION READ ONLY").map_err(begin)?;
        let made = self.export(step, table, period, (&location, &source), to);
        // Nothing was written to the database.
        let _ = self.db.execute_batch("ROLLBACK");
        let (mut exported, rest) = made?;
        let is_revised = open.as_ref().is_some_and(|p| p.has_revisions);
        exported.iter_mut().for_each(|e| e.piece.has_revisions = is_revised);
        let bytes = self.place(table, &exported, to)?;
        let removed = open.iter().map(|p| p.key()).collect();
        let added = exported.into_iter().map(|e| e.piece).collect();
        self.publish(step, Publication { removed, added, source: Some(rest), what: what(step) })?;
        Ok(bytes)
    }

    /// Writes the files of a part, and looks at each.
    fn export(
        &self,
        step: &Step,
        table: &'static Table,
        period: Period,
        (location, source): (&str, &str),
        to: Tier,
    ) -> Result<(Vec<Exported>, Rest), Error> {
        let rest = match table.moves {
            Moves::Whole => Rest::Table(location.to_owned()),
            _ => Rest::Rows { table, period, exported: changes::fingerprint(&self.db, table, period)? },
        };
        let expected = digest_of(&self.db, table, &format!("SELECT * FROM {source}"))?;
        let (mut exported, mut found) = (Vec::new(), super::digest::Digest::default());
        for slice in slices(&self.db, table, source)? {
            if !(self.go_on)() {
                return Err(Error::Stopped);
            }
            let path = Piece::path(table.name, period, &slice.path, step.part);
            let staged = self.places.staging.join(&path);
            let from = format!("(SELECT * FROM {source} WHERE {})", slice.condition);
            copy(&self.db, table, &from, &staged, self.level(to))?;
            (self.on)(&Did::Exported(path.clone()));
            sync(&staged)?;
            (self.on)(&Did::Synced(path.clone()));
            let (digest, content) = look(table, &staged)?;
            found.merge(&digest);
            let piece = Piece {
                table: step.table.clone(),
                period: step.period.clone(),
                part: step.part,
                slice: slice.path,
                tier: to,
                location: path.clone(),
                storage_class: self.class(table, to),
                content: Some(content),
                sealed: true,
                has_revisions: false,
                origin: None,
            };
            exported.push(Exported { staged, piece });
            (self.on)(&Did::Verified(path));
        }
        if found != expected {
            let text = |d: &super::digest::Digest| (d.rows, d.row_hash());
            let (expected, found) = (text(&expected), text(&found));
            expect(&self.places.staging, (expected.0, &expected.1), (found.0, &found.1))?;
        }
        Ok((exported, rest))
    }

    /// Warm files become cold ones, at a higher level.
    fn move_files(&self, step: &Step, table: &'static Table, period: Period, to: Tier) -> Result<u64, Error> {
        let mut exported = Vec::new();
        let pieces = pieces(&Manifest::load(&self.db)?, step);
        for piece in &pieces {
            if !(self.go_on)() {
                return Err(Error::Stopped);
            }
            let Some(known) = &piece.content else { continue };
            let (file, path) =
                (self.places.file(&piece.location), Piece::path(table.name, period, &piece.slice, step.part));
            let staged = self.places.staging.join(&path);
            room(&self.places.warm, known.bytes * 2, "compressing a file")?;
            let from = format!("read_parquet([{}], hive_partitioning = false)", crate::tiers::places::quoted(&file));
            copy(&self.db, table, &from, &staged, self.level(to))?;
            (self.on)(&Did::Exported(path.clone()));
            sync(&staged)?;
            (self.on)(&Did::Synced(path.clone()));
            let (_, content) = look(table, &staged)?;
            if let Err(error) = expect(&staged, (known.rows, &known.row_hash), (content.rows, &content.row_hash)) {
                // Either the file that was read is not what it was, or the one that was written is wrong.
                self.check(piece, false)?;
                return Err(error);
            }
            (self.on)(&Did::Verified(path.clone()));
            let piece = Piece {
                tier: to,
                location: path,
                storage_class: self.class(table, to),
                content: Some(content),
                ..Piece::clone(piece)
            };
            exported.push(Exported { staged, piece });
        }
        let bytes = self.place(table, &exported, to)?;
        let removed = pieces.iter().map(|p| p.key()).collect();
        let added = exported.into_iter().map(|e| e.piece).collect();
        self.publish(step, Publication { removed, added, source: None, what: what(step) })?;
        self.remove_files(&pieces)?;
        Ok(bytes)
    }

    fn delete_rows(&self, step: &Step, table: &'static Table, period: Period) -> Result<u64, Error> {
        let open = open_piece(&Manifest::load(&self.db)?, step);
        let rest = match (&open, table.moves) {
            (Some(open), Moves::Whole) => Rest::Table(open.location.clone()),
            (None, Moves::Whole) => return Ok(0),
            _ => Rest::Rows { table, period, exported: changes::fingerprint(&self.db, table, period)? },
        };
        let removed = open.iter().map(|p| p.key()).collect();
        self.publish(step, Publication { removed, added: Vec::new(), source: Some(rest), what: what(step) })?;
        Ok(0)
    }

    fn delete_files(&self, step: &Step) -> Result<u64, Error> {
        let pieces = pieces(&Manifest::load(&self.db)?, step);
        let removed = pieces.iter().map(|p| p.key()).collect();
        self.publish(step, Publication { removed, added: Vec::new(), source: None, what: what(step) })?;
        self.remove_files(&pieces)?;
        Ok(0)
    }

    /// Brings files to where they stay, and their names to the disk.
    fn place(&self, table: &Table, exported: &[Exported], to: Tier) -> Result<u64, Error> {
        let mut bytes = 0;
        for Exported { staged, piece } in exported {
            let content = piece.content.as_ref();
            bytes += content.map_or(0, |c| c.bytes);
            if to == Tier::Cold {
                let text = content.map(|c| c.file_hash.clone()).unwrap_or_default();
                let hash: FileHash =
                    text.parse().map_err(|_| Error::NoHash { path: piece.location.clone(), hash: text })?;
                self.cold.put(&piece.location, staged, self.settings.limits(table.name).storage_class, &hash)?;
                (self.on)(&Did::Uploaded(piece.location.clone()));
                std::fs::remove_file(staged).map_err(io("remove", staged))?;
                continue;
            }
            let file = self.places.file(&piece.location);
            let folder = file.parent().unwrap_or(&file).to_owned();
            std::fs::create_dir_all(&folder).map_err(io("make the folder", &folder))?;
            std::fs::rename(staged, &file).map_err(io("move a file to", &file))?;
            sync_folders(&folder, &self.places.warm)?;
            (self.on)(&Did::Placed(piece.location.clone()));
        }
        Ok(bytes)
    }

    fn publish(&self, step: &Step, publication: Publication) -> Result<(), Error> {
        let what = publication.what.clone();
        self.writer.change(Change::Publish(publication))?;
        tracing::info!(table = step.table, period = step.period, event = "archived", "{what}");
        (self.on)(&Did::Published(what));
        Ok(())
    }

    /// Removes files that own nothing any more, once nobody reads them.
    pub(super) fn remove_files(&self, pieces: &[Arc<Piece>]) -> Result<(), Error> {
        if !(self.settle)() {
            tracing::warn!("questions do not end: files that have moved are left to the next run of the archive");
            return Ok(());
        }
        for piece in pieces {
            match piece.tier {
                Tier::Warm => remove(&self.places.file(&piece.location), &self.places.warm)?,
                Tier::Cold => self.cold.delete(&piece.location)?,
                Tier::Hot | Tier::Disk => continue,
            }
            (self.on)(&Did::Removed(piece.location.clone()));
        }
        Ok(())
    }

    fn level(&self, to: Tier) -> u32 {
        if to == Tier::Cold { self.settings.cold_level } else { self.settings.warm_level }
    }

    fn class(&self, table: &Table, to: Tier) -> Option<String> {
        super::class(&self.cold, &self.settings, table, to)
    }
}

/// Removes a file, and the folders above it that are empty then.
pub(super) fn remove(file: &Path, root: &Path) -> Result<(), Error> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io("remove", file)(error)),
        _ => {}
    }
    let mut folder = file.parent();
    while let Some(empty) = folder.filter(|f| *f != root && f.starts_with(root)) {
        if std::fs::remove_dir(empty).is_err() {
            break;
        }
        folder = empty.parent();
    }
    Ok(())
}

fn count(archive: &Archive<'_>, from: &str) -> Result<u64, Error> {
    let sql = format!("SELECT count(*) FROM {from}");
    Ok(archive.db.query_row(&sql, [], |row| row.get(0)).map_err(duck::Error::duck("count rows that are to move"))?)
}

/// The part as it stands on disk, where the manifest names it.
fn open_piece(manifest: &Manifest, step: &Step) -> Option<Arc<Piece>> {
    let parts = manifest.of_period(&step.table, &step.period);
    parts.iter().find(|p| p.part == step.part && p.tier == Tier::Disk).cloned()
}

/// The files of a part.
fn pieces(manifest: &Manifest, step: &Step) -> Vec<Arc<Piece>> {
    let parts = manifest.of_period(&step.table, &step.period);
    parts.iter().filter(|p| p.part == step.part && p.content.is_some()).cloned().collect()
}

fn what(step: &Step) -> String {
    let action = match step.action {
        Action::Seal => "sealed".to_owned(),
        Action::Move { from, to } => format!("moved from {from} to {to}"),
        Action::Delete { from } => format!("deleted from {from} at the end of its life"),
    };
    format!("{} {} part {} {action}", step.table, step.period, step.part)
}
