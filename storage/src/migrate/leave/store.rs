//! Where exports stand in the cold store: each in a folder of its own, which the archive never looks into.
//!
//! Invariant: a folder with a manifest is never written into nor removed. It may be all that is left of what it holds.

use std::collections::BTreeMap;

use messages::UtcNanos;
use serde_json::json;

use super::Error;
use super::record::{Exported, OfFile};
use crate::archive::Did;
use crate::cold::{self, Cold, FileHash, StorageClass};
use crate::postgres::Server;
use crate::tiers::places;

const MANIFEST: &str = "manifest.json";
const DROPPED: &str = "dropped.json";

/// The exports of a database.
pub struct Store<'a> {
    cold: &'a Cold,
    /// The folder of all of them.
    folder: String,
    class: StorageClass,
}

/// One export.
pub struct Folder<'a> {
    cold: &'a Cold,
    folder: String,
    address: String,
    class: StorageClass,
}

impl<'a> Store<'a> {
    /// Of a database; files get a storage class, what is read again a plain one.
    pub fn of(cold: &'a Cold, database: &str, class: StorageClass) -> Self {
        Self { cold, folder: format!("decommissioned/{}", places::name(database)), class }
    }

    /// What was last exported wholly from this server. Another one may have a database of the same name.
    ///
    /// # Errors
    /// The store does not answer, or what is there is no record.
    pub fn last(&self, server: &Server) -> Result<Option<(Folder<'a>, Exported)>, Error> {
        for (number, files) in self.exports()?.into_iter().rev() {
            let folder = self.export(number);
            let path = folder.path(MANIFEST);
            if !files.contains(&path) {
                continue;
            }
            let exported: Exported =
                serde_json::from_slice(&self.cold.read(&path)?).map_err(|source| Error::Unreadable { path, source })?;
            if exported.server == server.name() {
                return Ok(Some((folder, exported)));
            }
        }
        Ok(None)
    }

    /// A fresh folder for the next export. What never became whole is removed.
    ///
    /// # Errors
    /// The store does not answer.
    pub fn begin(&self) -> Result<Folder<'a>, Error> {
        let mut last = 0;
        for (number, files) in self.exports()? {
            let folder = self.export(number);
            if [MANIFEST, DROPPED].iter().any(|name| files.contains(&folder.path(name))) {
                last = number;
                continue;
            }
            for path in files {
                self.cold.delete(&path)?;
            }
        }
        Ok(self.export(last + 1))
    }

    /// The files of each export, by its number. What else is there is nobody's here.
    fn exports(&self) -> Result<BTreeMap<u32, Vec<String>>, Error> {
        let mut exports: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        let before = format!("{}/export-", self.folder);
        for listed in self.cold.list(&format!("{}/", self.folder))? {
            let number = listed.path.strip_prefix(&before).and_then(|rest| rest.split_once('/'));
            if let Some(number) = number.and_then(|(number, _)| number.parse().ok()) {
                exports.entry(number).or_default().push(listed.path);
            }
        }
        Ok(exports)
    }

    fn export(&self, number: u32) -> Folder<'a> {
        let folder = format!("{}/export-{number}", self.folder);
        let address = format!("{}/{folder}", self.cold.describe());
        Folder { cold: self.cold, folder, address, class: self.class }
    }
}

impl Folder<'_> {
    /// Its address, for people.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The path of a part of a table.
    pub fn part(&self, table: &str, number: usize) -> String {
        format!("{}/{}/part-{number}.parquet", self.folder, places::name(table))
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
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

    /// Puts a file that is whole.
    ///
    /// # Errors
    /// The store refuses, or what arrived is not the file.
    pub fn put_file(&self, file: &std::path::Path, of: &OfFile, did: &dyn Fn(&Did)) -> Result<(), Error> {
        self.cold.put(&of.path, file, self.class, &hash(of)?)?;
        did(&Did::Uploaded(of.path.clone()));
        Ok(())
    }

    /// Puts the report.
    ///
    /// # Errors
    /// The store refuses.
    pub fn put_report(&self, text: String) -> Result<(), Error> {
        self.put("report.md", text.into_bytes())
    }

    /// Puts the record: from here on the export is whole.
    ///
    /// # Errors
    /// The store refuses.
    pub fn put_record(&self, exported: &Exported) -> Result<(), Error> {
        self.put(MANIFEST, exported.to_json())
    }

    fn put(&self, name: &str, text: Vec<u8>) -> Result<(), Error> {
        self.cold.put_if_absent(&self.path(name), text)?;
        Ok(())
    }

    /// Writes down what is not there any more, unless that stands there.
    ///
    /// # Errors
    /// The store refuses.
    pub fn note_dropped(&self, tables: &[String], now: UtcNanos) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(&json!({ "at": now.to_string(), "tables": tables })).expect("plain data");
        self.put(DROPPED, text)
    }
}

fn hash(file: &OfFile) -> Result<FileHash, Error> {
    let text = &file.file_hash;
    let no_hash = |_| crate::archive::Error::NoHash { path: file.path.clone(), hash: text.clone() };
    Ok(text.parse().map_err(no_hash)?)
}
