//! Files of a slice to where its period belongs, and their owners into the manifest: one slice at a time, in one transaction.
//!
//! What the same table brought over of that time before goes with it: a slice that is done again is there once. Numbers of parts
//! are chosen here, beside the file thread, which may give one to late ticks of the day meanwhile; then others are chosen.
//!
//! Invariant: a number that was given up in a run is given to no file in that run. The files of its owner are removed later and
//! by another thread, which knows them by their names alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::{fs, io};

use duckdb::Connection;

use super::pace::Pace;
use super::part::Staged;
use super::slices::Slice;
use super::{Backfill, Error};
use crate::archive::{self, Did, IN_PLACE_OF, Writer};
use crate::cold::{Cold, FileHash};
use crate::duck;
use crate::duck::changes::{Change, Publication};
use crate::duck::hot::Hot;
use crate::settings;
use crate::tiers::tables::Moves;
use crate::tiers::{Manifest, Origin, Piece, Places, Table, Tier};

/// How often numbers are chosen, and a folder is made, before it is given up: each time a late tick, or a step of the archive,
/// must have come in a moment.
const TRIES: usize = 8;

/// The least number that a part may get, by table and period, where some were given up.
type Least = BTreeMap<(String, String), u32>;

/// Places and publishes; shared by the workers.
pub struct Publisher<'a> {
    writer: &'a Writer,
    places: &'a Places,
    cold: &'a Cold,
    settings: &'a settings::Tiers,
    hot: &'a Hot,
    pace: &'a Pace,
    did: &'a (dyn Fn(&Did) + Sync),
    /// Whose turn it is, and the numbers that may be had.
    turn: Mutex<Least>,
}

/// A slice whose files are made.
pub struct Made<'a> {
    /// The slice.
    pub slice: &'a Slice,
    /// The table that it goes to.
    pub table: &'static Table,
    /// Where it came from.
    pub origin: Origin,
    /// Its files, by part.
    pub parts: Vec<Vec<Staged>>,
    /// True when a row of it corrects another.
    pub is_revised: bool,
    /// True when it may have less than what it replaces.
    pub may_lose: bool,
}

impl<'a> Publisher<'a> {
    /// For a run.
    pub fn new(ctx: &Backfill<'a>, pace: &'a Pace) -> Self {
        let archive = ctx.archive;
        let (writer, places, cold) = (&archive.writer, &archive.places, &archive.cold);
        Self {
            writer,
            places,
            cold,
            settings: &archive.settings,
            hot: ctx.hot,
            pace,
            did: ctx.did,
            turn: Mutex::default(),
        }
    }

    /// Remembers that these own nothing any more, so that no file gets the name of one of theirs.
    pub fn give_up(&self, pieces: &[Arc<Piece>]) {
        raise(&mut self.turn.lock().unwrap_or_else(PoisonError::into_inner), pieces);
    }

    /// Makes the manifest own a slice. Returns what owns nothing any more.
    ///
    /// # Errors
    /// The disk, the store or DuckDB refuses; then nothing has changed but files that nobody owns.
    pub fn publish(&self, db: &Connection, made: &Made<'_>) -> Result<Vec<Arc<Piece>>, Error> {
        let mut least = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (made.table.name.to_owned(), made.slice.period.to_string());
        for tried in 1.. {
            let manifest = Manifest::load(db)?;
            let replaced = replaced(&manifest, made);
            if !made.may_lose {
                refuse_loss(made, &replaced)?;
            }
            if made.parts.is_empty() && replaced.is_empty() {
                return Ok(replaced);
            }
            let first = manifest.next_part(&key.0, &key.1).max(least.get(&key).copied().unwrap_or_default());
            let pieces = self.pieces(db, (&manifest, first), made, &replaced)?;
            let files = || made.parts.iter().flatten().zip(&pieces);
            files().try_for_each(|(staged, piece)| self.place(staged, piece))?;
            // Before anybody can find it elsewhere, memory must not answer for that time any more.
            if matches!(made.table.name, "market_ticks" | "ohlcv_bars") {
                self.hot.begin_at(made.origin.end());
            }
            let publication = publication(made, &replaced, pieces.clone());
            let what = publication.what.clone();
            match self.change(publication) {
                Err(Error::Archive(archive::Error::Duck(duck::Error::PartTaken { .. }))) if tried < TRIES => {
                    files().try_for_each(|(staged, piece)| self.take_back(staged, piece))?;
                }
                other => {
                    other?;
                    raise(&mut least, &replaced);
                    tracing::info!(table = made.table.name, from = made.origin.from, event = "backfilled", "{what}");
                    (self.did)(&Did::Published(what));
                    return Ok(replaced);
                }
            }
        }
        unreachable!("the last try returns")
    }

    /// Asks the one writer; while it has no room it is asked again.
    fn change(&self, publication: Publication) -> Result<(), Error> {
        loop {
            match self.writer.change(Change::PublishNew(publication.clone())) {
                Err(archive::Error::Duck(duck::Error::NoRoom)) if !self.pace.is_stopped() => self.pace.rest(),
                other => return Ok(other?),
            }
        }
    }

    /// The pieces of a slice, one for each file; their parts are numbered from `first` on.
    fn pieces(
        &self,
        db: &Connection,
        (manifest, first): (&Manifest, u32),
        made: &Made<'_>,
        replaced: &[Arc<Piece>],
    ) -> Result<Vec<Piece>, Error> {
        let Slice { period, tier, .. } = *made.slice;
        let (table, name) = (made.table, period.to_string());
        let others = manifest.of_period(table.name, &name).len() > replaced.len();
        let has_revisions = made.is_revised || self.may_replace(db, made, others)?;
        let mut pieces = Vec::new();
        for (part, staged) in (first..).zip(&made.parts) {
            pieces.extend(staged.iter().map(|staged| Piece {
                table: table.name.to_owned(),
                period: name.clone(),
                part,
                slice: staged.slice.clone(),
                tier,
                location: Piece::path(table.name, period, &staged.slice, part),
                storage_class: archive::class(self.cold, self.settings, table, tier),
                content: Some(staged.content.clone()),
                sealed: true,
                has_revisions,
                origin: Some(made.origin.clone()),
            }));
        }
        Ok(pieces)
    }

    /// That a row of a table whose rows are written anew may stand in another part of the period as well: the bar that was
    /// open at the watermark does.
    fn may_replace(&self, db: &Connection, made: &Made<'_>, others: bool) -> Result<bool, duck::Error> {
        let table = made.table;
        if table.newest.is_none() || table.moves == Moves::Whole {
            return Ok(false);
        }
        let (disk, period) = (table.on_disk(), made.slice.period.holds(table.time));
        let sql = format!("SELECT count(*) > 0 FROM {disk} WHERE {period}");
        let on_disk: bool =
            db.query_row(&sql, [], |row| row.get(0)).map_err(duck::Error::duck("look for rows of a period"))?;
        Ok(others || on_disk)
    }

    /// Brings a file to where it stays.
    fn place(&self, staged: &Staged, piece: &Piece) -> Result<(), Error> {
        if piece.tier == Tier::Cold {
            let text = &staged.content.file_hash;
            let no_hash = |_| archive::Error::NoHash { path: piece.location.clone(), hash: text.clone() };
            let hash: FileHash = text.parse().map_err(no_hash)?;
            let class = self.settings.limits(&piece.table).storage_class;
            self.cold.put(&piece.location, &staged.file, class, &hash).map_err(archive::Error::from)?;
            (self.did)(&Did::Uploaded(piece.location.clone()));
            return Ok(());
        }
        let file = self.places.file(&piece.location);
        let folder = file.parent().unwrap_or(&file).to_owned();
        // Nothing stands there: a run begins with a sweep, and gives no name twice. A rename would not ask.
        if file.exists() {
            return Err(Error::InTheWay { file });
        }
        move_into(&folder, &staged.file, &file).map_err(archive::io("move a file to", &file))?;
        archive::sync_folders(&folder, &self.places.warm)?;
        (self.did)(&Did::Placed(piece.location.clone()));
        Ok(())
    }

    /// Takes a file back that would stand under somebody else's number.
    fn take_back(&self, staged: &Staged, piece: &Piece) -> Result<(), archive::Error> {
        if piece.tier == Tier::Cold {
            return Ok(self.cold.delete(&piece.location)?);
        }
        fs::rename(self.places.file(&piece.location), &staged.file)
            .map_err(archive::io("move a file back to", &staged.file))
    }
}

/// Moves a file into a folder, which is made if it is not there.
fn move_into(folder: &Path, from: &Path, to: &Path) -> io::Result<()> {
    again(|| fs::create_dir_all(folder).and_then(|()| fs::rename(from, to)))
}

/// Does what begins with a folder that may be taken away before it ends: steps of the archive take those that are empty, and one
/// that was just made is.
fn again(mut step: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let mut tried = 1;
    loop {
        match step() {
            // Another one was there when it was to be made, and is not any more; or this one is not.
            Err(error)
                if tried < TRIES && matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists) =>
            {
                tried += 1;
            }
            other => return other,
        }
    }
}

/// Raises the least numbers above those of these pieces.
fn raise(least: &mut Least, pieces: &[Arc<Piece>]) {
    for piece in pieces {
        let free = least.entry((piece.table.clone(), piece.period.clone())).or_default();
        *free = (piece.part + 1).max(*free);
    }
}

/// What the same table brought over of that time before.
fn replaced(manifest: &Manifest, made: &Made<'_>) -> Vec<Arc<Piece>> {
    let Slice { period, start, end, .. } = made.slice;
    let same = |piece: &&Arc<Piece>| {
        piece.origin.as_ref().is_some_and(|origin| origin.overlaps(&made.origin.from, *start, *end))
    };
    manifest.of_period(made.table.name, &period.to_string()).iter().filter(same).cloned().collect()
}

/// Refuses less than there was: rows that were here, and fit, are not given up because somebody spoiled or deleted them there.
fn refuse_loss(made: &Made<'_>, replaced: &[Arc<Piece>]) -> Result<(), Error> {
    let had: u64 = replaced.iter().filter_map(|piece| piece.content.as_ref()).map(|content| content.rows).sum();
    let has: u64 = made.parts.iter().flatten().map(|staged| staged.content.rows).sum();
    let slices: BTreeMap<i64, u64> = replaced
        .iter()
        .filter_map(|piece| piece.origin.as_ref())
        .map(|origin| (origin.start, origin.refused))
        .collect();
    let (had_refused, refused) = (slices.values().sum(), made.origin.refused);
    if has >= had && (replaced.is_empty() || refused <= had_refused) {
        return Ok(());
    }
    let (table, start) = (made.origin.from.clone(), made.slice.period.to_string());
    let (from, to) = (made.slice.start, made.slice.end);
    Err(Error::WouldLose { table, start, from, to, rows: (had, has), refused: (had_refused, refused) })
}

fn publication(made: &Made<'_>, replaced: &[Arc<Piece>], added: Vec<Piece>) -> Publication {
    let (table, period, from) = (made.table.name, made.slice.period, &made.origin.from);
    let mut what = format!("{table} {period} backfilled from {from}");
    if !replaced.is_empty() {
        let parts: std::collections::BTreeSet<u32> = replaced.iter().map(|piece| piece.part).collect();
        let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
        what += &format!("{IN_PLACE_OF}{}", parts.join(", "));
    }
    let removed = replaced.iter().map(|piece| piece.key()).collect();
    Publication { removed, added, source: None, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_moved_into_a_folder_that_is_not_there() {
        let root = tempfile::tempdir().unwrap();
        let (from, folder) = (root.path().join("from"), root.path().join("a/b"));
        let gone = move_into(&folder, &from, &folder.join("to")).unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::NotFound);
        fs::write(&from, "rows").unwrap();
        move_into(&folder, &from, &folder.join("to")).unwrap();
        assert_eq!(fs::read_to_string(folder.join("to")).unwrap(), "rows");
    }

    #[test]
    fn a_folder_that_is_taken_away_meanwhile_is_made_again() {
        let root = tempfile::tempdir().unwrap();
        let (from, folder) = (root.path().join("from"), root.path().join("a/b"));
        fs::write(&from, "rows").unwrap();
        // How often it was made when the file stands there, if it is taken away so often.
        let made = |taken_away: usize| {
            let mut made = 0;
            let moved = again(|| {
                fs::create_dir_all(&folder)?;
                made += 1;
                if made <= taken_away {
                    fs::remove_dir(&folder)?;
                }
                fs::rename(&from, folder.join("to"))
            });
            moved
                .and_then(|()| fs::rename(folder.join("to"), &from))
                .map(|()| made)
                .map_err(|error| (error.kind(), made))
        };
        assert_eq!(made(0), Ok(1));
        assert_eq!(made(3), Ok(4));
        assert_eq!(made(TRIES - 1), Ok(TRIES));
        assert_eq!(made(TRIES), Err((io::ErrorKind::NotFound, TRIES)), "it is given up");
    }

    #[test]
    fn what_is_refused_for_another_reason_is_not_tried_again() {
        let mut tried = 0;
        let refused = again(|| {
            tried += 1;
            Err(io::ErrorKind::PermissionDenied.into())
        });
        assert_eq!((refused.unwrap_err().kind(), tried), (io::ErrorKind::PermissionDenied, 1));
    }
}
