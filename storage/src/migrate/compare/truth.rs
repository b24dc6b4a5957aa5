//! The truth about rows: what the records of the journals make of them, up to a record.
//!
//! They become rows as they do for both databases, by [`Rows`]. A ledger is kept whole; of the market journal the oldest segments
//! may have gone, and then it is not known what became of a row that none of the others tells of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{filter_record_batch, interleave_record_batch};
use arrow::datatypes::Int16Type;
use messages::ledger::{LedgerRecord, MarketRecord, Seq};
use messages::market::{Batch, Event, EventBody};

use super::duck::without_nul;
use super::rows::{self, Key};
use super::shape::Shape;
use crate::archive::digest::PlainRows;
use crate::duck::rows::Rows;
use crate::journal::{self, Group, Log, Reader, Record};

/// Rows that are gathered before they are looked through: as many as of a transaction of the tables.
const BATCH_ROWS: usize = 100_000;

/// The journals' folders.
#[derive(Debug, Clone)]
pub struct Folders {
    /// The ledger's.
    pub ledger: PathBuf,
    /// The market journal's.
    pub market: PathBuf,
}

/// Where a row stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    batch: usize,
    row: usize,
    /// Its hash, as both sides are compared.
    hash: u128,
}

/// What the journals make of some rows of a table.
#[derive(Debug, Clone)]
pub struct Truth {
    shape: Shape,
    wanted: Arc<BTreeSet<Key>>,
    folders: Folders,
    /// The last record that it knows of the journal in which the table's records stand.
    at: Seq,
    /// False when there were records that the journal does not have any more.
    is_whole: bool,
    rows: Vec<RecordBatch>,
    newest: Arc<BTreeMap<Key, Place>>,
}

impl Truth {
    /// Nothing yet: about these rows, from the first record on. What it has not read it must not claim to know.
    #[must_use]
    pub fn about(shape: &Shape, wanted: BTreeSet<Key>, folders: Folders) -> Self {
        let wanted = Arc::new(wanted);
        let shape = shape.clone();
        Self { shape, wanted, folders, at: Seq(0), is_whole: true, rows: Vec::new(), newest: Arc::default() }
    }

    /// The journal in which the records of a table stand.
    #[must_use]
    pub fn log(table: &str) -> Log {
        if matches!(table, "market_ticks" | "ohlcv_bars") { Log::Market } else { Log::Ledger }
    }

    /// The shape of its rows.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The rows that it is about.
    #[must_use]
    pub fn wanted(&self) -> &BTreeSet<Key> {
        &self.wanted
    }

    /// True if it knows that this is all that there is to say about a row.
    #[must_use]
    pub fn knows(&self, key: &Key) -> bool {
        self.is_whole || self.newest.contains_key(key)
    }

    /// Reads on up to these records, of the ledger and the market journal. Once `go_on` says no it ends, and does not know all.
    ///
    /// # Errors
    /// A journal is damaged.
    pub fn read_to(&mut self, (ledger, market): (Seq, Seq), go_on: &dyn Fn() -> bool) -> Result<(), journal::Error> {
        match Self::log(self.shape.table.name) {
            Log::Ledger => {
                let dir = self.folders.ledger.clone();
                self.read(&dir, (ledger, go_on), |rows, group: Group<LedgerRecord>, _| {
                    group.records.into_iter().for_each(|(seq, record)| rows.ledger(seq, record));
                })
            }
            Log::Market => {
                let dir = self.folders.market.clone();
                self.read(&dir, (market, go_on), |rows, group: Group<MarketRecord>, wanted| {
                    for (seq, record) in group.records {
                        if let MarketRecord::Batch(batch) = record {
                            rows.market(seq, 0, &MarketRecord::Batch(wanted.of(batch)));
                        }
                    }
                })
            }
        }
    }

    fn read<R: Record>(
        &mut self,
        dir: &std::path::Path,
        (to, go_on): (Seq, &dyn Fn() -> bool),
        add: impl Fn(&mut Rows, Group<R>, &Wanted),
    ) -> Result<(), journal::Error> {
        let (mut reader, mut rows) = (Reader::<R>::new(dir, self.at.next()), Rows::new());
        let wanted = Wanted::of_keys(&self.shape, &self.wanted);
        while go_on() {
            match reader.next_group(to) {
                Ok(Some(group)) => {
                    self.is_whole &= group.lost() == 0;
                    add(&mut rows, group, &wanted);
                }
                Ok(None) => break,
                // What is left tells of most rows still.
                Err(journal::Error::Gone { oldest, .. }) => {
                    self.is_whole = false;
                    reader = Reader::new(dir, Seq(oldest));
                }
                Err(error) => return Err(error),
            }
            if rows.len() >= BATCH_ROWS {
                self.keep(&mut rows);
            }
        }
        self.keep(&mut rows);
        // Records that both databases have, and no segment.
        self.is_whole &= reader.next_seq() > to;
        self.at = self.at.max(to);
        Ok(())
    }

    /// Keeps of some rows those that are wanted.
    fn keep(&mut self, rows: &mut Rows) {
        for (table, batch) in rows.take() {
            if table.name != self.shape.table.name {
                continue;
            }
            let keys: Vec<Key> = (0..batch.num_rows()).map(|row| rows::key(&self.shape, &batch, row)).collect();
            let mask: BooleanArray = keys.iter().map(|key| Some(self.wanted.contains(key))).collect();
            let kept = filter_record_batch(&batch, &mask).expect("a mark for each row");
            let own: Vec<Key> = keys.into_iter().filter(|key| self.wanted.contains(key)).collect();
            if own.is_empty() {
                continue;
            }
            let compared = without_nul(&kept);
            let (plain, mut bytes) = (PlainRows::of(&compared).expect("columns of our tables"), Vec::new());
            for (row, key) in own.into_iter().enumerate() {
                let place = Place { batch: self.rows.len(), row, hash: plain.hash(row, &mut bytes) };
                match self.newest.get(&key) {
                    Some(known) if !self.replaces((&kept, row), *known) => {}
                    _ => drop(Arc::make_mut(&mut self.newest).insert(key, place)),
                }
            }
            self.rows.push(kept);
        }
    }

    /// Whether a row takes the place of an earlier one, as it does in both databases.
    fn replaces(&self, (batch, row): (&RecordBatch, usize), known: Place) -> bool {
        let revision = |batch: &RecordBatch, row: usize| {
            batch.column_by_name("revision").map(|column| column.as_primitive::<Int16Type>().value(row))
        };
        // One of this batch is not among the rows yet, and batches are consolidated.
        match (self.shape.table.name, self.rows.get(known.batch)) {
            ("orders" | "order_ids", _) => true,
            ("ohlcv_bars", Some(before)) => revision(batch, row) >= revision(before, known.row),
            _ => false,
        }
    }

    /// The hash of a row, if there is one.
    #[must_use]
    pub fn hash(&self, key: &Key) -> Option<u128> {
        self.newest.get(key).map(|place| place.hash)
    }

    /// The rows of those of `keys` that there are; `None` without any.
    ///
    /// # Panics
    /// Never: all batches are of one table.
    #[must_use]
    pub fn rows<'k>(&self, keys: impl Iterator<Item = &'k Key>) -> Option<RecordBatch> {
        let places: Vec<(usize, usize)> =
            keys.filter_map(|key| self.newest.get(key)).map(|place| (place.batch, place.row)).collect();
        let batches: Vec<&RecordBatch> = self.rows.iter().collect();
        (!places.is_empty()).then(|| interleave_record_batch(&batches, &places).expect("rows of batches of one table"))
    }
}

/// Which events of a batch can become a row that is wanted.
enum Wanted {
    /// Ticks with these numbers.
    Ticks(BTreeSet<u64>),
    /// Bars, whichever: there are few.
    Bars,
}

impl Wanted {
    fn of_keys(shape: &Shape, keys: &BTreeSet<Key>) -> Self {
        if shape.table.name != "market_ticks" {
            return Self::Bars;
        }
        Self::Ticks(keys.iter().flatten().filter_map(|id| id.as_deref()?.parse().ok()).collect())
    }

    fn of(&self, batch: Batch) -> Batch {
        let keeps = |event: &Event| match (&event.body, self) {
            (EventBody::Tick(_), Self::Ticks(ids)) => ids.contains(&event.id.0),
            (EventBody::Bar(_), Self::Bars) => true,
            _ => false,
        };
        let Batch { source, received, mut events } = batch;
        events.retain(keeps);
        Batch { source, received, events }
    }
}
