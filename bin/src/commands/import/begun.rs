//! Imports that were begun: the ledger says so before the first row is written, and again when the last one is.
//!
//! The same files make the same records again. So an import that was broken off is taken up by making its records anew:
//! those that are in the journals already are compared and not written, and the rest is.

use std::path::Path;

use actors::backtest::recorder::Recorder;
use anyhow::{bail, ensure};
use messages::ledger::{Action, ImportBegun, Imported, LedgerRecord, MarketRecord, Seq};
use messages::market::Batch;
use messages::{MarketId, caps};
use storage::journal::Reader;

/// The name of the action that remembers an import.
pub const IMPORTED: &str = "imported";

/// What the ledger says of imports.
#[derive(Debug, Default)]
pub struct Imports {
    /// Files that were imported, as the ledger remembers them.
    done: Vec<Action>,
    /// The import that can be taken up: nothing was written since but what belongs to it.
    open: Option<Broken>,
    /// Those that cannot, for the directory has gone on.
    left: Vec<ImportBegun>,
}

/// An import that has not ended.
#[derive(Debug, Clone)]
pub struct Broken {
    /// How it began.
    pub begun: ImportBegun,
    /// Blocks of market ids that it has reserved.
    pub blocks: u64,
}

impl Imports {
    /// Reads the ledger.
    pub fn read(ledger: &Path) -> anyhow::Result<Self> {
        let mut imports = Self::default();
        let mut reader = Reader::<LedgerRecord>::new(ledger, Seq(1));
        while let Some(group) = reader.next_group(Seq(u64::MAX))? {
            group.records.into_iter().for_each(|(_, record)| imports.hear(record));
        }
        Ok(imports)
    }

    fn hear(&mut self, record: LedgerRecord) {
        match record {
            LedgerRecord::ImportBegun(begun) => {
                self.leave();
                self.open = Some(Broken { begun: *begun, blocks: 0 });
            }
            LedgerRecord::Action(action) if action.what == IMPORTED => {
                let has_ended = |begun: &ImportBegun| begun.files.iter().any(|file| file.content == action.subject);
                self.open.take_if(|open| has_ended(&open.begun));
                self.done.push(action);
            }
            LedgerRecord::MarketIds { .. } if self.open.is_some() => {
                self.open.as_mut().into_iter().for_each(|open| open.blocks += 1);
            }
            _ => self.leave(),
        }
    }

    /// What is open cannot be taken up any more.
    fn leave(&mut self) {
        self.left.extend(self.open.take().map(|open| open.begun));
    }

    /// Imports that have not ended, in words.
    pub fn unfinished(&self) -> Vec<String> {
        let open = self.open.iter().map(|open| format!("{}; repeat it, and it goes on", say(&open.begun)));
        let left = self.left.iter().map(|begun| format!("{}; {}", say(begun), cannot_go_on()));
        open.chain(left).collect()
    }

    /// What is to be done for these files: `None` for an import from the beginning.
    pub fn of(&self, files: &[Imported]) -> anyhow::Result<Option<Broken>> {
        for file in files {
            let same = |other: &Imported| other.content == file.content;
            if let Some(done) = self.done.iter().find(|done| done.subject == file.content) {
                bail!("{} was imported at {}; importing it again would double its data", done.why, done.at);
            }
            if let Some(begun) = self.left.iter().find(|begun| begun.files.iter().any(same)) {
                bail!("{}, and what is there of it would be doubled: {}", say(begun), cannot_go_on());
            }
        }
        let Some(open) = &self.open else { return Ok(None) };
        let contents = |files: &[Imported]| files.iter().map(|f| f.content.clone()).collect::<Vec<_>>();
        ensure!(
            contents(&open.begun.files) == contents(files),
            "{}: end that first, with the same files in the same order, then import others",
            say(&open.begun)
        );
        Ok(Some(open.clone()))
    }
}

fn say(begun: &ImportBegun) -> String {
    let files: Vec<&str> = begun.files.iter().map(|file| file.path.as_str()).collect();
    format!("the import of {} was begun at {} and has not ended", files.join(", "), begun.at)
}

fn cannot_go_on() -> &'static str {
    "it cannot go on, for the directory was used since; import into a new directory, or restore a backup from before it"
}

/// Both journals, behind what an import that was broken off has written.
pub struct Writing {
    recorder: Recorder,
    written: Option<Reader<MarketRecord>>,
    next: std::vec::IntoIter<(Seq, MarketRecord)>,
    /// The last record that was there.
    until: Seq,
    /// Blocks of market ids that are reserved already.
    blocks: u64,
}

impl Writing {
    /// From the beginning.
    pub fn begin(recorder: Recorder) -> Self {
        Self { recorder, written: None, next: Vec::new().into_iter(), until: Seq(0), blocks: 0 }
    }

    /// Behind what is there, up to the market record `until`.
    pub fn behind(recorder: Recorder, broken: &Broken, market: &Path, until: Seq) -> Self {
        let written = Some(Reader::new(market, broken.begun.market));
        Self { recorder, written, next: Vec::new().into_iter(), until, blocks: broken.blocks }
    }

    /// Reserves a block of market ids, unless it is.
    pub fn reserve(&mut self, first: MarketId) -> (MarketId, MarketId) {
        let end = MarketId(first.0 + caps::MARKET_ID_BLOCK);
        match self.blocks.checked_sub(1) {
            Some(left) => self.blocks = left,
            None => self.recorder.reserve(first, end),
        }
        (first, end)
    }

    /// Writes a market record, or sees that it is there.
    pub fn market(&mut self, record: &MarketRecord) -> anyhow::Result<()> {
        match self.there()? {
            None => self.recorder.market(record),
            Some((_, there)) if there == *record => {}
            Some((seq, _)) => bail!(
                "the import that was broken off wrote something else as market record {seq}: with other settings or by another \
                 version. Repeat it as it was, or import into a new directory"
            ),
        }
        Ok(())
    }

    /// Writes a batch, or sees that it is there.
    pub fn batch(&mut self, batch: &Batch) -> anyhow::Result<()> {
        if batch.events.is_empty() { Ok(()) } else { self.market(&MarketRecord::Batch(batch.clone())) }
    }

    /// The next record that is there already.
    fn there(&mut self) -> anyhow::Result<Option<(Seq, MarketRecord)>> {
        while let Some(reader) = &mut self.written {
            if let Some(found) = self.next.next() {
                return Ok(Some(found));
            }
            match reader.next_group(self.until)? {
                Some(group) => self.next = group.records.into_iter(),
                None => self.written = None,
            }
        }
        Ok(None)
    }

    /// Makes the rows durable, and only then that they are there.
    pub fn end(mut self, imported: Vec<Action>) -> anyhow::Result<()> {
        ensure!(
            self.there()?.is_none(),
            "the import that was broken off wrote more than these files hold; nothing was written"
        );
        self.recorder.finish()?;
        imported.into_iter().for_each(|action| self.recorder.ledger(&LedgerRecord::Action(action)));
        Ok(self.recorder.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use messages::UtcNanos;

    use super::*;

    fn file(content: &str) -> Imported {
        Imported { content: content.to_owned(), path: format!("{content}.csv") }
    }

    fn begun(content: &str) -> LedgerRecord {
        let (files, at) = (vec![file(content)], UtcNanos(0));
        LedgerRecord::ImportBegun(Box::new(ImportBegun { files, first: MarketId(1), market: Seq(1), at }))
    }

    fn ended(content: &str) -> LedgerRecord {
        let [by, what, subject, why] = ["merganser import", IMPORTED, content, "x.csv"].map(str::to_owned);
        LedgerRecord::Action(Action { by, what, subject, why, at: UtcNanos(0) })
    }

    fn imports(records: Vec<LedgerRecord>) -> Imports {
        let mut imports = Imports::default();
        records.into_iter().for_each(|record| imports.hear(record));
        imports
    }

    const BLOCK: LedgerRecord = LedgerRecord::MarketIds { first: MarketId(1), end: MarketId(9) };

    #[test]
    fn an_import_goes_on_unless_the_directory_was_used_since() {
        let nothing = imports(vec![begun("a"), BLOCK, ended("a")]);
        assert!(nothing.unfinished().is_empty() && nothing.of(&[file("b")]).unwrap().is_none());
        assert!(nothing.of(&[file("a")]).unwrap_err().to_string().contains("would double"));

        let broken = imports(vec![begun("a"), BLOCK, BLOCK]);
        assert_eq!(broken.of(&[file("a")]).unwrap().unwrap().blocks, 2);
        assert!(broken.of(&[file("b")]).unwrap_err().to_string().contains("end that first"));
        assert!(broken.unfinished()[0].contains("repeat it"));

        let used = imports(vec![begun("a"), BLOCK, LedgerRecord::Stopped { at: UtcNanos(0) }]);
        assert!(used.of(&[file("a")]).unwrap_err().to_string().contains("new directory"));
        assert!(used.of(&[file("b")]).unwrap().is_none());
        assert!(used.unfinished()[0].contains("cannot go on"));
    }
}
