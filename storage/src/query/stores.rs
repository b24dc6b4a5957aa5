//! What a source needs to reach every tier: the columns, the manifest, the places of files, and the cold store.

use duckdb::Connection;

use crate::cold::{Cache, Cold};
use crate::duck;
use crate::tiers::views::Columns;
use crate::tiers::{Places, Published};

/// The tiers below memory, for who asks. A clone reaches the same.
#[derive(Debug, Clone)]
pub struct Stores {
    /// The columns of the tables.
    pub columns: Columns,
    /// Who owns what.
    pub manifest: Published,
    /// The local folders.
    pub places: Places,
    /// The object store.
    pub cold: Cold,
    /// What was fetched from there.
    pub cache: Cache,
}

impl Stores {
    /// The stores of an open database.
    ///
    /// # Errors
    /// DuckDB refuses.
    pub fn new(
        db: &Connection,
        manifest: Published,
        places: &Places,
        (cold, cache): (Cold, Cache),
    ) -> Result<Self, duck::Error> {
        Ok(Self { columns: Columns::load(db)?, manifest, places: places.clone(), cold, cache })
    }
}
