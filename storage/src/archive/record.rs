//! `manifest-N.json` beside the cold files: who finds the store without the database can read what is in it.
//!
//! Each is created only if it is absent, after its number was written down here: one that is there and was not
//! written by this directory shows that another one writes to the same store.

use messages::UtcNanos;
use serde::{Deserialize, Serialize};

use super::{Archive, Did, Error};
use crate::cold::Put;
use crate::duck;
use crate::duck::changes::Change;
use crate::tiers::{Manifest, Piece, Tier};

/// The content of a `manifest-N.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The version of this form.
    pub format: u32,
    /// The run that wrote it.
    pub run: String,
    /// The version of the manifest.
    pub version: i64,
    /// When it was written.
    pub at: String,
    /// Every piece that is a file.
    pub pieces: Vec<Piece>,
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
        let recorded = Recorded { format: 1, run: run.clone(), version: manifest.version, at: now.to_string(), pieces };
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
        let number = |path: &str| path.strip_prefix("manifest-")?.strip_suffix(".json")?.parse::<i64>().ok();
        let newest = self.cold.list("")?.into_iter().filter_map(|l| number(&l.path)).max();
        match newest {
            Some(newest) if newest > last => {
                Err(Error::SecondWriter { store: self.cold.describe().to_owned(), found: name(newest) })
            }
            _ => Ok(()),
        }
    }
}
