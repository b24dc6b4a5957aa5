//! What was exported, as it stands beside the files: enough to read them, and to know that they are all there was.

use messages::UtcNanos;
use serde::{Deserialize, Serialize};

use super::columns::Column;
use crate::postgres::Server;

/// The content of `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// The version of this form.
    pub format: u32,
    /// The address of the server.
    pub server: String,
    /// The database.
    pub database: String,
    /// When it was exported.
    pub at: String,
    /// The tables.
    pub tables: Vec<OfTable>,
}

/// A table of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfTable {
    /// Its name, with its schema.
    pub name: String,
    /// The same as SQL.
    pub sql: String,
    /// What it is: a table, a hypertable, a view.
    pub form: String,
    /// True for a table, which can be dropped; a view is exported and left.
    pub is_table: bool,
    /// Its columns, in their order.
    pub columns: Vec<Column>,
    /// Its rows.
    pub rows: u64,
    /// What all of its rows are together, as the server says it: how many, and the sum of their hashes there.
    pub fingerprint: String,
    /// Its files.
    pub files: Vec<OfFile>,
}

/// A file of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfFile {
    /// Its path in the store.
    pub path: String,
    /// Its bytes.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
    /// The order-independent hash of its rows.
    pub row_hash: String,
    /// The hash of its bytes.
    pub file_hash: String,
}

impl Exported {
    /// Nothing yet.
    #[must_use]
    pub fn new(server: &Server, now: UtcNanos) -> Self {
        let (name, database) = (server.name(), server.database().to_owned());
        Self { format: 1, server: name, database, at: now.to_string(), tables: Vec::new() }
    }

    /// Tables that can be dropped.
    pub fn droppable(&self) -> impl Iterator<Item = &OfTable> {
        self.tables.iter().filter(|table| table.is_table)
    }

    /// As text.
    ///
    /// # Panics
    /// Never: it is plain data.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("plain data")
    }
}
