//! The tail of the market journal: enough of it to rebuild the open bars, books and last quotes.

use std::path::Path;

use messages::MarketId;
use messages::ledger::{MarketRecord, Seq};
use messages::market::Batch;
use storage::journal::{Error, Log, Reader, tail_start};

/// Bytes read back: about half a million ticks. Open bars reach back a minute and the revisable window ten; what lies
/// further is in the tables. Bounded, so that a start stays quick.
const BYTES: u64 = 32 << 20;

/// The first market id that these batches leave free: a ledger that lost records does not make ids repeat.
#[must_use]
pub fn next_id(tail: &[Batch]) -> MarketId {
    let last = tail.iter().filter_map(|b| b.events.last()).map(|e| e.id).max();
    MarketId(last.map_or(1, |id| id.0 + 1))
}

/// Batches among the newest records, oldest first.
///
/// # Errors
/// The journal cannot be read.
pub fn read(dir: &Path, durable: Seq) -> Result<Vec<Batch>, Error> {
    let mut reader = Reader::<MarketRecord>::new(dir, tail_start(dir, Log::Market, BYTES)?);
    let mut batches = Vec::new();
    loop {
        let group = match reader.next_group(durable) {
            Ok(Some(group)) => group,
            Ok(None) => return Ok(batches),
            // Older segments have been dropped: begin where the journal does.
            Err(Error::Gone { oldest, .. }) => {
                reader = Reader::new(dir, Seq(oldest));
                continue;
            }
            Err(error) => return Err(error),
        };
        batches.extend(group.records.into_iter().filter_map(|(_, record)| match record {
            MarketRecord::Batch(batch) => Some(batch),
            _ => None,
        }));
    }
}
