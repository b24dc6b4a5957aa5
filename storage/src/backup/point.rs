//! A point in time: where the journals of a restore end.
//!
//! The ledger ends with the last group before the first one that holds a record of a later time; records without a
//! time (reserved ids, rules of instruments) go with those around them. The market journal ends likewise, by the time
//! at which a frame was received or a delivery was made; and no later than what the shortened ledger allows: no tick
//! whose number that ledger has not reserved, and nothing restored from records that it does not hold. Both ends are
//! those of a crash, and a start behind them is one behind a crash.

use std::path::Path;

use messages::UtcNanos;
use messages::ledger::{LedgerRecord, MarketRecord, Seq};

use super::Error;
use crate::datadir::Paths;
use crate::journal::{self, Group, Reader};

/// Where a restore ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Nothing that happened later.
    At(UtcNanos),
    /// No record behind these; all of a log where none is given.
    Records {
        /// Of the ledger.
        ledger: Option<Seq>,
        /// Of the market journal.
        market: Option<Seq>,
    },
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let record = |seq: &Option<Seq>| seq.map_or("all".to_owned(), |seq| seq.to_string());
        match self {
            Self::At(at) => write!(f, "{at}"),
            Self::Records { ledger, market } => write!(f, "ledger {} and market {}", record(ledger), record(market)),
        }
    }
}

impl Point {
    fn ledger(self) -> Option<Seq> {
        if let Self::Records { ledger, .. } = self { ledger } else { None }
    }

    fn market(self) -> Option<Seq> {
        if let Self::Records { market, .. } = self { market } else { None }
    }

    fn is_before(self, at: Option<UtcNanos>) -> bool {
        matches!((self, at), (Self::At(point), Some(at)) if point < at)
    }
}

/// The last records of both journals that lie at or before the point. Tables that hold the market records up to
/// `applied` need not be looked at again.
pub fn find(paths: &Paths, point: Point, applied: Seq) -> Result<(Seq, Seq), Error> {
    let mut reserved = None;
    let ledger = end(&paths.ledger, Seq(0), point.ledger(), |group: &Group<LedgerRecord>| {
        if group.records.iter().any(|(_, record)| point.is_before(ledger_time(record))) {
            return false;
        }
        for (_, record) in &group.records {
            if let LedgerRecord::MarketIds { end, .. } = record {
                reserved = reserved.max(Some(*end));
            }
        }
        true
    })?;
    let market = end(&paths.market, applied, point.market(), |group: &Group<MarketRecord>| {
        group.records.iter().all(|(_, record)| {
            let allowed = match record {
                MarketRecord::Batch(batch) => batch.events.iter().all(|e| reserved.is_none_or(|end| e.id < end)),
                MarketRecord::Restored { ledger: upto, .. } => *upto <= ledger,
                _ => true,
            };
            allowed && !point.is_before(market_time(record))
        })
    })?;
    Ok((ledger, market))
}

/// The last record of the groups, from behind `after` on, that all belong.
fn end<R: journal::Record>(
    dir: &Path,
    after: Seq,
    most: Option<Seq>,
    mut belongs: impl FnMut(&Group<R>) -> bool,
) -> Result<Seq, Error> {
    let first = journal::segments(dir)?.first().map_or(1, |segment| segment.first_seq);
    let mut last = Seq(after.0.max(first - 1));
    let mut reader = Reader::<R>::new(dir, last.next());
    while let Some(group) = reader.next_group(most.unwrap_or(Seq(u64::MAX)))? {
        if most.is_some_and(|most| group.last > most) || !belongs(&group) {
            break;
        }
        last = group.last;
    }
    Ok(last)
}

fn ledger_time(record: &LedgerRecord) -> Option<UtcNanos> {
    match record {
        LedgerRecord::Started(r) => Some(r.at),
        LedgerRecord::Order(r) => Some(r.event.at),
        LedgerRecord::Booked(r) => Some(r.position.at),
        LedgerRecord::Deposit(r) => Some(r.at),
        LedgerRecord::Snapshot(r) => Some(r.portfolio.at),
        LedgerRecord::Checkpoint(r) => Some(r.at),
        LedgerRecord::Action(r) => Some(r.at),
        LedgerRecord::ImportBegun(r) => Some(r.at),
        LedgerRecord::Migration(r) => Some(r.at),
        LedgerRecord::Risk(r) => Some(r.at),
        LedgerRecord::Reconciled(r) => Some(r.at),
        LedgerRecord::Opened(r) => Some(r.at),
        LedgerRecord::Trading { at, .. } | LedgerRecord::Stopped { at } => Some(*at),
        LedgerRecord::MarketIds { .. } | LedgerRecord::Instruments(_) => None,
    }
}

fn market_time(record: &MarketRecord) -> Option<UtcNanos> {
    match record {
        MarketRecord::Batch(r) => Some(r.received),
        MarketRecord::Handled(r) => Some(r.now),
        MarketRecord::Undecodable { received, .. } => Some(*received),
        MarketRecord::Restored { .. } => None,
    }
}
