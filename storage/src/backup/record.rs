//! What a backup is: files by their hashes, and how far its tables and its journals reach.

use std::collections::BTreeSet;

use messages::UtcNanos;
use messages::ledger::Seq;
use serde::{Deserialize, Serialize};

use crate::cold::FileHash;

/// The version of the form.
pub const FORMAT: u32 = 1;

/// The database's file, in a backup.
pub const DATABASE: &str = "trading.duckdb";

/// One backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// The version of this form.
    pub format: u32,
    /// Its name: the UTC time at which it was begun.
    pub id: String,
    /// The data directory.
    pub directory: String,
    /// When it was done.
    pub created: UtcNanos,
    /// The snapshot of the database.
    pub tables: Snapshot,
    /// The journals.
    pub journals: Journals,
    /// Every file.
    pub files: Vec<File>,
    /// Files that are not in it.
    pub referenced: Option<Referenced>,
    /// Objects that were not there before, and their bytes.
    pub sent: (u64, u64),
}

/// What the tables hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When it was taken.
    pub at: UtcNanos,
    /// The last ledger record in it.
    pub ledger: Mark,
    /// The last market record in it.
    pub market: Mark,
    /// The version of the tables.
    pub schema: i64,
    /// The version of the manifest.
    pub manifest: i64,
}

/// A record of a journal, and what tells it from the one with its number in another history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Its number.
    pub seq: Seq,
    /// Its hash; none where it was dropped or lost.
    pub hash: Option<String>,
}

impl Mark {
    /// That a journal in which the record has this hash may be the one that it came from.
    pub fn fits(&self, found: Option<[u8; 32]>) -> bool {
        self.hash.as_ref().zip(found).is_none_or(|(hash, found)| *hash == hex(found))
    }
}

/// A hash as text.
pub fn hex(hash: [u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the journals hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journals {
    /// Everything that had happened by then is in them.
    pub until: UtcNanos,
    /// The last ledger record.
    pub ledger: Seq,
    /// The last market record.
    pub market: Seq,
    /// The first market record; those before it were dropped.
    pub market_from: Seq,
}

/// A file of the data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its path: below `ledger/`, `market/`, `warm/` or `cold/`, or the database's.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its hash, and its name in the repository.
    pub hash: FileHash,
}

impl File {
    /// True for a segment of a journal.
    pub fn is_journal(&self) -> bool {
        self.path.starts_with("ledger/") || self.path.starts_with("market/")
    }
}

/// Cold files that stand in a store of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Referenced {
    /// The store.
    pub store: String,
    /// How many files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A backup in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its name.
    pub id: String,
    /// The data directory.
    pub directory: String,
    /// When it was done.
    pub created: String,
    /// Everything that had happened by then is in it.
    pub until: String,
    /// The last ledger record.
    pub ledger: Seq,
    /// The last market record.
    pub market: Seq,
    /// Its files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that were not there before it was made.
    pub new_bytes: u64,
}

impl Backup {
    /// Its name for a time: sorted as the times are.
    pub fn name(at: UtcNanos) -> String {
        at.to_string().replace(' ', "T").replace(':', "-") + "Z"
    }

    /// Where its record stands.
    pub fn path(id: &str) -> String {
        format!("backups/{id}.json")
    }

    /// Bytes of the objects that it needs, each once.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| (f.hash, f.bytes)).collect::<BTreeSet<_>>().iter().map(|(_, bytes)| bytes).sum()
    }

    /// As a list shows it.
    #[must_use]
    pub fn listed(&self) -> Listed {
        Listed {
            id: self.id.clone(),
            directory: self.directory.clone(),
            created: self.created.to_string(),
            until: self.journals.until.to_string(),
            ledger: self.journals.ledger,
            market: self.journals.market,
            files: self.files.len() as u64,
            bytes: self.bytes(),
            new_bytes: self.sent.1,
        }
    }
}
