//! What who brings rows over needs of the archive: files of their own are made, placed and published as its own are, under
//! the lock of its runs.

use std::path::Path;
use std::sync::Arc;

use messages::UtcNanos;

use super::export::room;
use super::moves::ROW_BYTES;
use super::record::Store;
use super::{Archive, Error};
use crate::cold::{self, Cold};
use crate::settings;
use crate::tiers::{Piece, Table, Tier};

/// In the words of a publication, before the numbers of the parts that went with it.
pub(crate) const IN_PLACE_OF: &str = " in place of parts ";

impl Archive<'_> {
    /// Removes what a crash left, so that nothing stands where new files go, and claims the object store where some of them
    /// are to go there.
    ///
    /// # Errors
    /// The files here are another database's; the store is another directory's, or does not answer and is needed.
    pub(crate) fn begin_bringing(&self, to_cold: bool) -> Result<(), Error> {
        self.refuse_forgotten()?;
        let is_ours = match self.store() {
            Ok(store) => store == Store::Ours,
            Err(Error::Cold(error)) if !to_cold => {
                tracing::warn!(%error, "the object store is not tidied before the backfill");
                false
            }
            Err(error) => return Err(error),
        };
        self.sweep(is_ours)?;
        if to_cold && !is_ours { self.claim() } else { Ok(()) }
    }

    /// Lets what was brought over be found without the database.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn note_brought(&self) -> Result<(), Error> {
        self.keep_record()
    }

    /// As [`Self::note_brought`], in the object store as well; a store that does not answer is told at the next run.
    ///
    /// # Errors
    /// The disk refuses, or the store is another's.
    pub(crate) fn end_bringing(&self, now: UtcNanos) -> Result<(), Error> {
        match self.record(now) {
            Err(Error::Cold(error @ (cold::Error::Unreachable { .. } | cold::Error::Left { .. }))) => {
                tracing::warn!(%error, "the object store has no manifest of what was brought over yet");
            }
            other => other?,
        }
        self.keep_record()
    }

    /// Removes files that others have replaced, once nobody reads them.
    ///
    /// # Errors
    /// The disk or the store refuses.
    pub(crate) fn remove_replaced(&self, pieces: &[Arc<Piece>]) -> Result<(), Error> {
        if pieces.is_empty() { Ok(()) } else { self.remove_files(pieces) }
    }
}

/// Refuses to begin what the disk has no room for.
///
/// # Errors
/// It has none.
pub(crate) fn room_for(folder: &Path, rows: u64, reserve: u64, what: &str) -> Result<(), Error> {
    room(folder, rows.saturating_mul(ROW_BYTES).saturating_add(reserve), what)
}

/// The storage class of a table's files in a tier; none where the store has no classes.
pub(crate) fn class(cold: &Cold, settings: &settings::Tiers, table: &Table, to: Tier) -> Option<String> {
    let class = settings.limits(table.name).storage_class;
    (to == Tier::Cold && !cold.is_folder()).then(|| class.name().to_owned())
}
