//! Places: where the files of the tiers stand.

use std::path::{Path, PathBuf};

/// The folders of the tiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Parquet files on the local disk.
    pub warm: PathBuf,
    /// Files that are being written; the same file system as `warm`.
    pub staging: PathBuf,
    /// Objects that were fetched.
    pub cache: PathBuf,
    /// The object store that is used where no other is named.
    pub cold: PathBuf,
}

impl Places {
    /// Below a data directory. Paths are absolute: they stand in views, and a process may change its folder.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        Self {
            warm: root.join("warm"),
            staging: root.join("warm/.staging"),
            cache: root.join("cache"),
            cold: root.join("cold"),
        }
    }

    /// The file of a warm piece.
    #[must_use]
    pub fn file(&self, location: &str) -> PathBuf {
        self.warm.join(location)
    }

    /// Folders that DuckDB may read.
    #[must_use]
    pub fn readable(&self) -> [&Path; 3] {
        [&self.warm, &self.cache, &self.cold]
    }
}

/// A folder of a file's path: `symbol=BTC%2FUSD`. Everything but letters, digits and `-_.` is percent-encoded,
/// and so is a dot at the beginning: no name leads out of its folder, and none is hidden.
#[must_use]
pub fn folder(column: &str, value: &str) -> String {
    format!("{column}={}", name(value))
}

/// A value as the name of a file or folder, encoded as [`folder`] says.
#[must_use]
pub fn name(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || byte == b'.' && !encoded.is_empty();
        if plain {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// A path as a text of SQL.
#[must_use]
pub fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "''"))
}
