//! The manifest rebuilt: files that an older or another database owned are taken over by this one.
//!
//! When `trading.duckdb` is lost and built again from the journals, or an older one is put back, it knows nothing of
//! files that stand in the tiers; worse, it may hold their rows again. What was recorded beside the files, on the local
//! disk and in the object store, says what they are. Each that is still what it was is owned again, and rows on disk that
//! it holds as well are deleted, in one transaction for each part.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::record::{LOCAL, Recorded, number_of};
use super::{Archive, Did, Error, io};
use crate::cold::FileHash;
use crate::duck::changes::{Change, Publication, Rest};
use crate::tiers::{Manifest, Piece, Tier, table};

impl Archive<'_> {
    /// Takes over every file that was recorded, is still what it was, and has no owner. Returns how many.
    ///
    /// # Errors
    /// Nothing was recorded, or a file is not what it was: then nothing of its part is taken over.
    pub fn rebuild(&self) -> Result<usize, Error> {
        let (recorded, number) = self.newest_record()?;
        let manifest = Manifest::load(&self.db)?;
        let mut parts = BTreeMap::<(usize, String, u32), Vec<Piece>>::new();
        for piece in recorded.pieces {
            // In the order of the tables: fills before their orders.
            let Some(order) = crate::tiers::TABLES.iter().position(|t| t.name == piece.table) else { continue };
            if manifest.piece(&piece.key()).is_none_or(|known| known.content.is_none()) {
                parts.entry((order, piece.period.clone(), piece.part)).or_default().push(piece);
            }
        }
        let mut taken = 0;
        for pieces in parts.into_values() {
            let files = pieces.iter().map(|piece| self.readable(piece)).collect::<Result<Vec<_>, _>>()?;
            let Some(table) = table(&pieces[0].table) else { continue };
            let what = format!("{} {} part {} was taken over", table.name, pieces[0].period, pieces[0].part);
            let period = pieces[0].period.clone();
            taken += pieces.len();
            let source = Some(Rest::Copies { table, period, files });
            self.writer.change(Change::Publish(Publication {
                removed: Vec::new(),
                added: pieces,
                source,
                what: what.clone(),
            }))?;
            (self.on)(&Did::Published(what));
        }
        if let Some(number) = number {
            self.writer.change(Change::Record { number, run: recorded.run, version: 0 })?;
        }
        self.keep_record()?;
        Ok(taken)
    }

    /// What was recorded last, and its number in the object store.
    fn newest_record(&self) -> Result<(Recorded, Option<i64>), Error> {
        let local = self.places.warm.join(LOCAL);
        let read = |bytes: &[u8], path: PathBuf| {
            serde_json::from_slice::<Recorded>(bytes).map_err(|e| Error::Unreadable { path, source: Box::new(e) })
        };
        let here = match std::fs::read(&local) {
            Ok(bytes) => Some(read(&bytes, local)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(io("read", local)(error)),
        };
        let number = self.cold.list("")?.into_iter().filter_map(|l| number_of(&l.path)).max();
        let there = match number {
            Some(number) => {
                let name = format!("manifest-{number}.json");
                Some(read(&self.cold.read(&name)?, name.into())?)
            }
            None => None,
        };
        // The local one names everything, and is written at the end of every run.
        let newest = here.or(there).ok_or(Error::NoRecord { store: self.cold.describe().to_owned() })?;
        Ok((newest, number))
    }

    /// The file of a piece where it can be read here, if it is what it was.
    fn readable(&self, piece: &Piece) -> Result<PathBuf, Error> {
        if piece.tier == Tier::Warm {
            self.check(piece, true)?;
            return Ok(self.places.file(&piece.location));
        }
        let file = self.places.staging.join(&piece.location);
        let folder = file.parent().unwrap_or(&file);
        std::fs::create_dir_all(folder).map_err(io("make the folder", folder))?;
        if let Some((content, hash)) =
            piece.content.as_ref().and_then(|c| Some((c, c.file_hash.parse::<FileHash>().ok()?)))
        {
            self.cold.fetch(&piece.location, &file, content.bytes, &hash)?;
        }
        Ok(file)
    }
}
