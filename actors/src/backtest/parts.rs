//! A part of a session: what came out of a re-run, held against what the ledger says came out then.

use std::collections::BTreeMap;

use messages::OrderId;
use messages::ledger::LedgerRecord;
use messages::orders::OrderUpdate;
use storage::journal::Record;

use super::session::Error;

/// How a record of the ledger stands to what came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// It came out again, byte by byte.
    Again,
    /// It is no decision: a start, a reserved block, a saved state, what a person did.
    NoDecision,
    /// It did not come out: its delivery was lost.
    TakenOver,
}

/// What came out, by its bytes.
pub struct Part {
    records: BTreeMap<Vec<u8>, u64>,
    orders: BTreeMap<(OrderId, u32), OrderUpdate>,
}

impl Part {
    /// Of these records.
    pub fn of(records: Vec<LedgerRecord>) -> Self {
        let mut part = Self { records: BTreeMap::new(), orders: BTreeMap::new() };
        for record in records {
            *part.records.entry(bytes(&record)).or_default() += 1;
            if let LedgerRecord::Order(update) = record {
                part.orders.insert((update.event.order_id, update.event.number), *update);
            }
        }
        part
    }

    /// Holds one record of the ledger against what came out.
    ///
    /// # Errors
    /// The same event of the same order came out otherwise.
    pub fn hold(&mut self, record: &LedgerRecord) -> Result<Held, Error> {
        if !is_decision(record) {
            return Ok(Held::NoDecision);
        }
        let key = bytes(record);
        if let Some(count) = self.records.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.records.remove(&key);
            }
            return Ok(Held::Again);
        }
        if let LedgerRecord::Order(theirs) = record
            && let Some(ours) = self.orders.get(&(theirs.event.order_id, theirs.event.number))
        {
            return Err(Error::Otherwise {
                order: theirs.event.order_id,
                number: theirs.event.number,
                ours: words(ours),
                theirs: words(theirs),
            });
        }
        Ok(Held::TakenOver)
    }

    /// How many came out that the ledger does not hold.
    pub fn left(self) -> u64 {
        self.records.values().sum()
    }
}

fn is_decision(record: &LedgerRecord) -> bool {
    match record {
        LedgerRecord::Order(_)
        | LedgerRecord::Booked(_)
        | LedgerRecord::Deposit(_)
        | LedgerRecord::Snapshot(_)
        | LedgerRecord::Trading { .. }
        | LedgerRecord::Risk(_)
        | LedgerRecord::Reconciled(_)
        | LedgerRecord::Opened(_) => true,
        LedgerRecord::Action(action) => action.is_decision(),
        _ => false,
    }
}

fn bytes(record: &LedgerRecord) -> Vec<u8> {
    let mut out = Vec::new();
    let (kind, _) = record.encode(&mut out);
    out.push(kind);
    out
}

fn words(update: &OrderUpdate) -> String {
    format!("{} {} at {}", update.event.kind, update.event.status, update.event.at)
}
