//! Whether what stands in the tiers is what it was: files against the manifest, byte by byte and row by row.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::bring::IN_PLACE_OF;
use super::export::look;
use super::{Archive, Error, chain};
use crate::cold::FileHash;
use crate::duck;
use crate::tiers::{Manifest, Piece, Tier, table};

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file, the period or the table.
    pub what: String,
    /// What is wrong, and what helps.
    pub finding: String,
}

impl Archive<'_> {
    /// Reads every file again, or with `quick` only looks whether it is there with its size. Returns how many were
    /// looked at, and what is wrong.
    ///
    /// # Errors
    /// What keeps it from looking at all.
    pub fn verify(&self, quick: bool, on_file: &dyn Fn(&str)) -> Result<(usize, Vec<Finding>), Error> {
        let manifest = Manifest::load(&self.db)?;
        let (mut looked, mut findings) = (0, Vec::new());
        for piece in manifest.all().filter(|p| p.content.is_some()) {
            if !(self.go_on)() {
                return Err(Error::Stopped);
            }
            on_file(&piece.location);
            looked += 1;
            if let Err(error) = self.check(piece, quick) {
                findings.push(Finding { what: piece.location.clone(), finding: chain(&error) });
            }
        }
        Ok((looked, findings))
    }

    pub(super) fn check(&self, piece: &Piece, quick: bool) -> Result<(), Error> {
        let Some(content) = &piece.content else { return Ok(()) };
        let hash: Option<FileHash> = content.file_hash.parse().ok();
        match (piece.tier, hash) {
            (Tier::Warm, _) => {
                let file = self.places.file(&piece.location);
                let found = match std::fs::metadata(&file) {
                    Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(Error::Missing { path: file }),
                    other => other.map_err(super::io("look at", &file))?,
                };
                let differs = |expected: String, found: String| Error::Damaged { path: file.clone(), expected, found };
                if found.len() != content.bytes {
                    let bytes = |n: u64| format!("{n} bytes");
                    return Err(differs(bytes(content.bytes), bytes(found.len())));
                }
                if let Some(table) = table(&piece.table).filter(|_| !quick) {
                    let (_, found) = look(table, &file)?;
                    if found != *content {
                        return Err(differs(
                            format!("hash {}", content.file_hash),
                            format!("hash {}", found.file_hash),
                        ));
                    }
                }
                Ok(())
            }
            (Tier::Cold, Some(hash)) if !quick => match self.cold.verify(&piece.location, content.bytes, &hash) {
                // It cannot be read before it is restored: that it is there with its size is all that is known.
                Err(crate::cold::Error::Archived { .. }) => self.is_there(piece, content.bytes),
                other => Ok(other?),
            },
            (Tier::Cold, _) => self.is_there(piece, content.bytes),
            _ => Ok(()),
        }
    }

    /// Whether the file of a piece is nowhere.
    pub(super) fn is_missing(&self, piece: &Piece) -> Result<bool, Error> {
        match piece.tier {
            Tier::Cold => Ok(self.cold.head(&piece.location)?.is_none()),
            _ => Ok(!self.places.file(&piece.location).exists()),
        }
    }

    pub(super) fn is_there(&self, piece: &Piece, bytes: u64) -> Result<(), Error> {
        let path = piece.location.clone();
        let store = self.cold.describe().to_owned();
        match self.cold.head(&piece.location)? {
            None => Err(crate::cold::Error::Missing { path, store }.into()),
            Some(head) if head.bytes != bytes => {
                let text = |n: u64| format!("{n} bytes");
                let path = format!("{store}/{path}").into();
                Err(Error::Damaged { path, expected: text(bytes), found: text(head.bytes) })
            }
            Some(_) => Ok(()),
        }
    }

    /// Files that nobody owns, and pieces that the manifest names twice.
    ///
    /// # Errors
    /// What keeps it from looking at all.
    pub fn look_through(&self) -> Result<Vec<Finding>, Error> {
        let mut findings = Vec::new();
        let mut say = |what: String, finding: &str| findings.push(Finding { what, finding: finding.to_owned() });
        if let Err(error) = self.refuse_forgotten() {
            say("the archive does not run".to_owned(), &chain(&error));
        } else {
            for path in self.warm_orphans()? {
                say(path, "nobody owns this file; the next `merganser archive run` removes it");
            }
            match self.cold_orphans() {
                Ok(orphans) => orphans.into_iter().for_each(|path| {
                    say(path, "nobody owns this object; the next `merganser archive run` removes it");
                }),
                Err(error) => say(self.cold.describe().to_owned(), &chain(&error)),
            }
        }
        let manifest = Manifest::load(&self.db)?;
        let mut keys = BTreeSet::new();
        for piece in manifest.all() {
            if !keys.insert(piece.key()) {
                say(piece.location.clone(), "the manifest names it twice");
            }
        }
        let (deleted, replaced) = (self.deleted()?, self.replaced()?);
        for ((table, period), numbers) in parts(&manifest) {
            let last = numbers.last().copied().unwrap_or(0);
            let is_missing = |part: &u32| {
                let own = format!("{table} {period} part {part} ");
                let is_gone = deleted.iter().any(|what| what.starts_with(&own));
                !numbers.contains(part) && !is_gone && !replaced.contains(&(table.clone(), period.clone(), *part))
            };
            if let Some(part) = (0..last).find(is_missing) {
                let finding = format!("part {part} is missing; restore it from a backup");
                findings.push(Finding { what: format!("{table} {period}"), finding });
            }
        }
        Ok(findings)
    }

    /// Parts that were brought over again: others stand in their place.
    fn replaced(&self) -> Result<BTreeSet<(String, String, u32)>, Error> {
        let sql = format!("SELECT what FROM manifest_versions WHERE what LIKE '%{IN_PLACE_OF}%'");
        let mut found = BTreeSet::new();
        for what in self.words(&sql)? {
            let Some((own, parts)) = what.split_once(IN_PLACE_OF) else { continue };
            let mut words = own.split(' ');
            if let (Some(table), Some(period)) = (words.next(), words.next()) {
                let numbers = parts.split(", ").filter_map(|number| number.parse().ok());
                found.extend(numbers.map(|part| (table.to_owned(), period.to_owned(), part)));
            }
        }
        Ok(found)
    }

    /// What was deleted at the end of its life, in the words of its publication.
    ///
    /// # Errors
    /// DuckDB refuses.
    pub fn deleted(&self) -> Result<Vec<String>, Error> {
        self.words("SELECT what FROM manifest_versions WHERE what LIKE '% deleted from % at the end of its life'")
    }

    fn words(&self, sql: &str) -> Result<Vec<String>, Error> {
        let read = || duck::Error::duck("read what became of parts");
        let mut statement = self.db.prepare(sql).map_err(read())?;
        let rows = statement.query_map([], |row| row.get(0)).map_err(read())?;
        Ok(rows.collect::<Result<_, _>>().map_err(read())?)
    }
}

/// The numbers of the parts of each period.
fn parts(manifest: &Manifest) -> BTreeMap<(String, String), BTreeSet<u32>> {
    let mut found = BTreeMap::<_, BTreeSet<u32>>::new();
    for piece in manifest.all() {
        found.entry((piece.table.clone(), piece.period.clone())).or_default().insert(piece.part);
    }
    found
}
