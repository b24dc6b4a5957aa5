//! Rejects: a file for each slice with the rows of it that do not fit, for a person to look at and put right.
//!
//! Written whole when a slice is read again. A file under its name is of a slice that is published, or that ended the run.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use messages::caps;

use super::super::plan::Refusal;
use super::Error;
use crate::tiers::places;

const HEADER: &str = "row,column,value,reason\n";

/// The rejects of a slice that is being read.
pub struct Rejects {
    start: String,
    path: PathBuf,
    fresh: PathBuf,
    file: Option<BufWriter<File>>,
    count: u64,
    first: Vec<(u64, Refusal)>,
}

impl Rejects {
    /// None so far, of a slice that begins at `start`: of a table of theirs and what it becomes here, for one may become
    /// two of ours, and what does not fit the one may fit the other.
    pub fn of(folder: &Path, (from, into): (&str, &str), start: &str) -> Self {
        let path = folder.join(format!("{}-{into}-{start}.csv", places::name(from)));
        let fresh = path.with_extension("csv.new");
        Self { start: start.to_owned(), path, fresh, file: None, count: 0, first: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn add(&mut self, number: u64, row: &str, refusal: Refusal) -> Result<(), Error> {
        if self.file.is_none() {
            let folder = self.path.parent().unwrap_or(&self.path);
            fs::create_dir_all(folder).map_err(self.failed("make the folder of"))?;
            let mut file = BufWriter::new(File::create(&self.fresh).map_err(self.failed("make"))?);
            file.write_all(HEADER.as_bytes()).map_err(self.failed("write"))?;
            self.file = Some(file);
        }
        let cells = [row, refusal.column, &refusal.value, &refusal.reason].map(quoted);
        let line = cells.join(",") + "\n";
        let written = self.file.as_mut().map(|file| file.write_all(line.as_bytes()));
        written.transpose().map_err(self.failed("write"))?;
        self.count += 1;
        if self.first.len() < caps::REFUSALS_SHOWN {
            self.first.push((number, refusal));
        }
        Ok(())
    }

    /// Where the slice begins.
    pub fn start(&self) -> &str {
        &self.start
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Some of them, each with the number of its row.
    pub fn first(&self) -> &[(u64, Refusal)] {
        &self.first
    }

    /// Brings the file to the disk under its name, in place of one that was there; returns it, if there is one. Once, at the
    /// end of the slice.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn keep(&mut self) -> Result<Option<PathBuf>, Error> {
        let Some(file) = self.file.take() else {
            return match fs::remove_file(&self.path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(self.failed("remove")(e)),
                _ => Ok(None),
            };
        };
        let file = file.into_inner().map_err(|e| self.failed("write")(e.into_error()))?;
        file.sync_all().map_err(self.failed("sync"))?;
        fs::rename(&self.fresh, &self.path).map_err(self.failed("name"))?;
        let folder = self.path.parent().unwrap_or(&self.path);
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(self.failed("sync the folder of"))?;
        Ok(Some(self.path.clone()))
    }

    fn failed(&self, what: &'static str) -> impl FnOnce(std::io::Error) -> Error + use<> {
        let path = self.path.clone();
        move |source| Error::Rejects { what, path, source }
    }
}

/// A cell of the file.
fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_that_is_read_again_leaves_what_it_refuses_now() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("rejects");
        let rejects = || Rejects::of(&folder, ("public.raw/trades", "market_ticks"), "2026-01-02");
        let refusal =
            || Refusal { column: "last_price", value: "NaN".to_owned(), reason: "is, \"no\" number".to_owned() };
        let mut first = rejects();
        first.add(7, "price=NaN qty=1", refusal()).unwrap();
        assert_eq!((first.count(), first.first()[0].0), (1, 7));
        let path = folder.join("public.raw%2Ftrades-market_ticks-2026-01-02.csv");
        assert!(!path.exists(), "not under its name before it is whole");
        assert_eq!(first.keep().unwrap(), Some(path.clone()));
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{HEADER}price=NaN qty=1,last_price,NaN,\"is, \"\"no\"\" number\"\n"));
        assert_eq!(rejects().keep().unwrap(), None);
        assert!(!path.exists());
    }

    #[test]
    fn one_table_that_becomes_two_of_ours_has_a_file_for_each() {
        let temp = tempfile::tempdir().unwrap();
        let of = |into| Rejects::of(temp.path(), ("public.raw", into), "2026-01-02");
        let mut bars = of("ohlcv_bars");
        bars.add(1, "row", Refusal { column: "open", value: "x".to_owned(), reason: "is none".to_owned() }).unwrap();
        let file = bars.keep().unwrap().unwrap();
        assert_eq!(of("market_ticks").keep().unwrap(), None);
        assert!(file.exists(), "what the other refuses stays");
    }
}
