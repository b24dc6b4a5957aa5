//! Where an export stands in the cold store: a folder of its own, which the archive never looks into.

use messages::UtcNanos;
use serde_json::json;

use super::Error;
use super::record::{Exported, OfFile};
use crate::archive::Did;
use crate::cold::{self, Cold, FileHash, StorageClass};
use crate::tiers::places;

const MANIFEST: &str = "manifest.json";

/// The folder of a database.
pub struct Store<'a> {
    cold: &'a Cold,
    folder: String,
    address: String,
    class: StorageClass,
}

impl<'a> Store<'a> {
    /// Of a database; its files get a storage class, what is read again a plain one.
    pub fn of(cold: &'a Cold, database: &str, class: StorageClass) -> Self {
        let folder = format!("decommissioned/{}", places::name(database));
        let address = format!("{}/{folder}", cold.describe());
        Self { cold, folder, address, class }
    }

    /// Its address, for people.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The path of a part of a table.
    pub fn part(&self, table: &str, number: usize) -> String {
        format!("{}/{}/part-{number}.parquet", self.folder, places::name(table))
    }

    /// What was exported wholly before.
    ///
    /// # Errors
    /// The store does not answer, or what is there is no record.
    pub fn exported(&self) -> Result<Option<Exported>, Error> {
        let path = format!("{}/{MANIFEST}", self.folder);
        let bytes = match self.cold.read(&path) {
            Err(cold::Error::Missing { .. }) => return Ok(None),
            other => other?,
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|source| Error::Unreadable { path, source })
    }

    /// Reads every file of an export again.
    ///
    /// # Errors
    /// One is not what it was; `look` says to stop.
    pub fn verify(&self, exported: &Exported, look: &dyn Fn(&str) -> Result<(), Error>) -> Result<(), Error> {
        for file in exported.tables.iter().flat_map(|table| &table.files) {
            look(&file.path)?;
            match self.cold.verify(&file.path, file.bytes, &hash(file)?) {
                // It cannot be read before it is restored: that it is there with its size is all that can be known.
                Err(cold::Error::Archived { .. }) => {
                    let is_there = self.cold.head(&file.path)?.is_some_and(|head| head.bytes == file.bytes);
                    if !is_there {
                        let (path, store) = (file.path.clone(), self.cold.describe().to_owned());
                        return Err(cold::Error::Missing { path, store }.into());
                    }
                }
                other => other?,
            }
        }
        Ok(())
    }

    /// Removes what is there, the record first: without it nothing is taken for whole.
    ///
    /// # Errors
    /// The store does not answer.
    pub fn clear(&self) -> Result<(), Error> {
        self.cold.delete(&format!("{}/{MANIFEST}", self.folder))?;
        for listed in self.cold.list(&format!("{}/", self.folder))? {
            self.cold.delete(&listed.path)?;
        }
        Ok(())
    }

    /// Puts a file that is whole.
    ///
    /// # Errors
    /// The store refuses, or what arrived is not the file.
    pub fn put_file(&self, file: &std::path::Path, of: &OfFile, did: &dyn Fn(&Did)) -> Result<(), Error> {
        self.cold.put(&of.path, file, self.class, &hash(of)?)?;
        did(&Did::Uploaded(of.path.clone()));
        Ok(())
    }

    /// Puts a text.
    ///
    /// # Errors
    /// The store refuses.
    pub fn put(&self, name: &str, text: Vec<u8>) -> Result<(), Error> {
        self.cold.put_if_absent(&format!("{}/{name}", self.folder), text)?;
        Ok(())
    }

    /// Writes down what is not there any more.
    ///
    /// # Errors
    /// The store refuses.
    pub fn note_dropped(&self, tables: &[String], now: UtcNanos) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(&json!({ "at": now.to_string(), "tables": tables })).expect("plain data");
        self.put("dropped.json", text)
    }
}

fn hash(file: &OfFile) -> Result<FileHash, Error> {
    let text = &file.file_hash;
    let no_hash = |_| crate::archive::Error::NoHash { path: file.path.clone(), hash: text.clone() };
    Ok(text.parse().map_err(no_hash)?)
}
