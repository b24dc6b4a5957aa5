//! Parquet files with our tick columns: an archive of ours, or one that a person made like it.
//!
//! Our archive is sorted by kind first, so that all quotes of a day stand before its trades. Two
//! cursors, one per kind, read the file side by side and are merged by receive time, so that a day
//! plays as it happened. Ties go by `tick_id`, where there is one, else by row.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use messages::UtcNanos;
use messages::market::{FeedItem, Tick};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;

use super::Step;
use super::batch::{self, Kind, TickBatch};
use super::bytes::Progress;
use super::error::InputError;

/// Rows decoded at once, per cursor.
const ROWS: usize = 8_192;
/// Smallest Parquet file: two magics, a footer's length and a footer.
const MAGIC: &[u8; 4] = b"PAR1";

/// Reads a Parquet file of ticks.
pub struct Parquet {
    quotes: Cursor,
    trades: Cursor,
}

/// Reads the rows of one kind.
struct Cursor {
    path: PathBuf,
    kind: Kind,
    reader: ParquetRecordBatchReader,
    batch: Option<TickBatch>,
    /// The next row within the batch.
    row: usize,
    /// Rows before the batch.
    before: u64,
    head: Option<Head>,
    progress: Progress,
    /// Bytes of the file per row of one cursor, for the progress.
    bytes_per_row: u64,
}

/// The next tick of a cursor.
struct Head {
    tick: Tick,
    received: UtcNanos,
    /// `tick_id`, else the row: the order at one receive time.
    order: i64,
}

impl Parquet {
    /// Opens the file and checks its columns.
    pub fn open(path: &Path) -> Result<(Self, Progress), InputError> {
        let total = check_magic(path)?;
        let progress = Progress::new(total);
        let quotes = Cursor::open(path, Kind::Quote, &progress)?;
        let trades = Cursor::open(path, Kind::Trade, &progress)?;
        Ok((Self { quotes, trades }, progress))
    }

    /// The next tick of either kind.
    pub fn step(&mut self) -> Result<Step, InputError> {
        self.quotes.fill()?;
        self.trades.fill()?;
        let key = |head: &Option<Head>| head.as_ref().map(|head| (head.received, head.order));
        let next = match (key(&self.quotes.head), key(&self.trades.head)) {
            (Some(quote), Some(trade)) if trade < quote => self.trades.head.take(),
            (None, _) => self.trades.head.take(),
            _ => self.quotes.head.take(),
        };
        Ok(match next {
            None => Step::End,
            Some(head) => Step::Items(head.received, vec![FeedItem::Tick(head.tick)]),
        })
    }
}

impl Cursor {
    fn open(path: &Path, kind: Kind, progress: &Progress) -> Result<Self, InputError> {
        let file = File::open(path).map_err(|e| InputError::io(path, e))?;
        let failed = |source| InputError::Parquet { path: path.to_owned(), source };
        let builder = caught(|| ParquetRecordBatchReaderBuilder::try_new(file)).map_err(failed)?;
        batch::check_columns(path, builder.schema())?;
        let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        let columns = ProjectionMask::columns(builder.parquet_schema(), batch::COLUMNS);
        let builder = builder.with_projection(columns).with_batch_size(ROWS);
        let reader = caught(|| builder.build()).map_err(failed)?;
        // Both cursors read every row, so each row counts half.
        let bytes_per_row = progress.get().1 / rows.saturating_mul(2).max(1);
        Ok(Self {
            path: path.to_owned(),
            kind,
            reader,
            batch: None,
            row: 0,
            before: 0,
            head: None,
            progress: progress.clone(),
            bytes_per_row,
        })
    }

    /// Finds the next row of this cursor's kind, unless one is held already.
    fn fill(&mut self) -> Result<(), InputError> {
        while self.head.is_none() {
            let Some(batch) = &self.batch else {
                if !self.next_batch()? {
                    return Ok(());
                }
                continue;
            };
            if self.row == batch.rows() {
                self.before += batch.rows() as u64;
                self.batch = None;
                continue;
            }
            let (row, number) = (self.row, self.before + self.row as u64 + 1);
            self.row += 1;
            if batch.kind(row, number)? == self.kind {
                let order = batch.tick_id(row).unwrap_or_else(|| i64::try_from(number).unwrap_or(i64::MAX));
                let (tick, received) = batch.tick(row, number)?;
                self.head = Some(Head { tick, received, order });
            }
        }
        Ok(())
    }

    fn next_batch(&mut self) -> Result<bool, InputError> {
        let failed = |source| InputError::Parquet { path: self.path.clone(), source };
        let next = caught(|| self.reader.next().transpose().map_err(|e| ParquetError::External(Box::new(e))));
        let Some(batch) = next.map_err(failed)? else { return Ok(false) };
        self.progress.add(self.bytes_per_row * batch.num_rows() as u64);
        self.batch = Some(TickBatch::new(&self.path, &batch)?);
        self.row = 0;
        Ok(true)
    }
}

/// The parquet crate asserts some things about a file that a damaged one breaks (found by the
/// property test: a negative length of a column). Such a file is an error here as well; the
/// reader is not used again.
fn caught<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(ParquetError::General("the file breaks an assertion of its reader".to_owned())))
}

/// Refuses what is no Parquet file before its footer is looked for. Returns the file's length.
fn check_magic(path: &Path) -> Result<u64, InputError> {
    use std::io::Read as _;
    let mut magic = [0; MAGIC.len()];
    let mut file = File::open(path).map_err(|e| InputError::io(path, e))?;
    let total = file.metadata().map_err(|e| InputError::io(path, e))?.len();
    match file.read_exact(&mut magic) {
        Ok(()) if &magic == MAGIC => Ok(total),
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Err(InputError::io(path, error)),
        _ => {
            let expected = "a Parquet file (a packed one has to be unpacked first)";
            Err(InputError::WrongFormat { path: path.to_owned(), expected })
        }
    }
}
