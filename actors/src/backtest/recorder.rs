//! The recorder: both journals written in line, groups closed by size alone, so that the same records
//! give the same bytes.

use messages::MarketId;
use messages::ledger::{Handled, LedgerRecord, MarketRecord};
use messages::market::Batch;
use storage::datadir::Paths;
use storage::journal::{Error, Writer};

/// Writes both journals. Without journals it only counts, which is what a benchmark of the states wants.
pub struct Recorder {
    journals: Option<(Writer<LedgerRecord>, Writer<MarketRecord>)>,
    error: Option<Error>,
    /// Ledger records are kept here until somebody takes them.
    held: Option<Vec<LedgerRecord>>,
}

impl Recorder {
    /// Writes into the journals of a data directory.
    ///
    /// # Errors
    /// The disk refuses, or a journal that is there is damaged.
    pub fn open(paths: &Paths, segment_bytes: u64) -> Result<Self, Error> {
        let ledger = Writer::open(&paths.ledger, segment_bytes)?;
        let market = Writer::open(&paths.market, segment_bytes)?;
        Ok(Self { journals: Some((ledger, market)), error: None, held: None })
    }

    /// Keeps ledger records back: [`Self::take_held`] gives them, [`Self::write`] writes what shall stand.
    #[must_use]
    pub fn holding(self) -> Self {
        Self { held: Some(Vec::new()), ..self }
    }

    /// The ledger records that were kept back.
    pub fn take_held(&mut self) -> Vec<LedgerRecord> {
        self.held.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Writes nothing.
    #[must_use]
    pub fn none() -> Self {
        Self { journals: None, error: None, held: None }
    }

    /// True when records are written.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.journals.is_some()
    }

    /// Writes a ledger record. An error is kept for [`Self::finish`]; nothing is written after it.
    pub fn ledger(&mut self, record: &LedgerRecord) {
        match &mut self.held {
            Some(held) => held.push(record.clone()),
            None => self.write(record),
        }
    }

    /// Writes a ledger record at once.
    pub fn write(&mut self, record: &LedgerRecord) {
        let Some((ledger, _)) = &mut self.journals else { return };
        if self.error.is_none() {
            self.error = append(ledger, record).err();
        }
    }

    /// Reserves a block of market ids: durable before one of them is given.
    pub fn reserve(&mut self, first: MarketId, end: MarketId) {
        self.ledger(&LedgerRecord::MarketIds { first, end });
        if let (Some((ledger, _)), None) = (&mut self.journals, &self.error) {
            self.error = ledger.sync().err();
        }
    }

    /// Writes a market record.
    pub fn market(&mut self, record: &MarketRecord) {
        let Some((_, market)) = &mut self.journals else { return };
        if self.error.is_none() {
            self.error = append(market, record).err();
        }
    }

    /// Writes a batch.
    pub fn batch(&mut self, batch: &Batch) {
        if self.is_on() && !batch.events.is_empty() {
            self.market(&MarketRecord::Batch(batch.clone()));
        }
    }

    /// Writes a delivery.
    pub fn handled(&mut self, handled: impl FnOnce() -> Handled) {
        if self.is_on() {
            self.market(&MarketRecord::Handled(handled()));
        }
    }

    /// The error that stopped the writing, if any.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// The first error since the start.
    pub fn finish(&mut self) -> Result<(), Error> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let Some((ledger, market)) = &mut self.journals else { return Ok(()) };
        ledger.sync()?;
        market.sync()?;
        Ok(())
    }
}

fn append<R: storage::journal::Record>(writer: &mut Writer<R>, record: &R) -> Result<(), Error> {
    writer.append(record)?;
    if writer.is_full() {
        writer.sync()?;
    }
    Ok(())
}
