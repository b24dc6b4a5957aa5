//! Pieces to where they can be read: warm files are there, cold ones come through the cache, and archived ones are
//! asked for and come later.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{Error, Stores};
use crate::cold::{self, Cached, Ready, Wanted};
use crate::duck;
use crate::tiers::views::Parts;
use crate::tiers::{Piece, Tier};

/// Pieces that can be read as long as this lives.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Each with its path.
    pub parts: Parts,
    /// Cold files go from the cache only behind them.
    _pins: Vec<Cached>,
}

impl Fetched {
    /// A file that has gone since: it has moved to another tier, or somebody has removed it.
    #[must_use]
    pub fn gone(&self) -> Option<&Path> {
        let warm = self.parts.pieces.iter().filter(|(piece, _)| piece.tier == Tier::Warm);
        warm.map(|(_, path)| path.as_path()).find(|path| !path.exists())
    }
}

/// Brings all of these to where they can be read.
///
/// # Errors
/// A cold file cannot be had; [`Error::Restoring`] if one is archived: then all that are have been asked for.
pub fn fetch(stores: &Stores, pieces: &[Arc<Piece>]) -> Result<Fetched, Error> {
    let (cold, local): (Vec<_>, Vec<_>) = pieces.iter().cloned().partition(|piece| piece.tier == Tier::Cold);
    let wanted = cold.iter().map(|piece| wanted(piece)).collect::<Result<Vec<_>, _>>()?;
    let pins = match stores.cache.get_all(&stores.cold, &wanted) {
        Err(cold::Error::Archived { .. }) => {
            restore(stores, &wanted)?;
            stores.cache.get_all(&stores.cold, &wanted)?
        }
        other => other?,
    };
    let path = |piece: Arc<Piece>| {
        let path = stores.places.file(&piece.location);
        (piece, path)
    };
    let mut found: Vec<(Arc<Piece>, PathBuf)> = local.into_iter().map(path).collect();
    found.extend(cold.into_iter().zip(&pins).map(|(piece, pin)| (piece, pin.path().to_owned())));
    Ok(Fetched { parts: Parts { pieces: found }, _pins: pins })
}

/// Asks for everything that is archived and not here. Asking again for what is on its way costs nothing.
fn restore(stores: &Stores, wanted: &[Wanted]) -> Result<(), Error> {
    let (mut tickets, mut ready_about) = (Vec::new(), Duration::ZERO);
    for file in wanted {
        match stores.cache.get(&stores.cold, file) {
            Err(cold::Error::Archived { .. }) => {}
            other => {
                other?;
                continue;
            }
        }
        if let Ready::Within(time) = stores.cold.restore(&file.path)? {
            ready_about = ready_about.max(time);
            tickets.push(file.path.clone());
        }
    }
    if tickets.is_empty() { Ok(()) } else { Err(Error::Restoring { files: tickets.len(), ready_about, tickets }) }
}

fn wanted(piece: &Piece) -> Result<Wanted, duck::Error> {
    let bad = |value: &str| duck::Error::BadRow {
        table: "manifest",
        column: format!("file_hash of {}", piece.location),
        value: value.to_owned(),
    };
    let content = piece.content.as_ref().ok_or_else(|| bad("NULL"))?;
    let hash = content.file_hash.parse().map_err(|_| bad(&content.file_hash))?;
    Ok(Wanted { path: piece.location.clone(), bytes: content.bytes, hash })
}
