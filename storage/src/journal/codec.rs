//! Record kinds and versions: how a typed record becomes bytes and comes back.
//!
//! A kind keeps its number for ever. A change of a payload gets the next version, and the decoder
//! of every earlier version stays in the match below; `tests/golden` holds a journal of each.

use messages::ledger::{LedgerRecord, MarketRecord};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::segment::Log;

/// What a decoder can answer.
pub enum Decoded<R> {
    /// The record.
    Record(R),
    /// No such kind or version here.
    Unknown,
    /// Bytes that do not decode.
    Failed(postcard::Error),
}

/// A record of one of the logs.
pub trait Record: Sized + Send + 'static {
    /// Its log.
    const LOG: Log;
    /// Its kind and version, and its bytes appended to `out`.
    fn encode(&self, out: &mut Vec<u8>) -> (u8, u8);
    /// The record of these bytes.
    fn decode(kind: u8, version: u8, bytes: &[u8]) -> Decoded<Self>;
}

/// The first version of every record kind.
const V1: u8 = 1;

/// Of the migration: with how many rows that did not fit are accepted. No release wrote its first version.
const V2: u8 = 2;

fn put<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    let buffer = std::mem::take(out);
    *out = postcard::to_extend(value, buffer).expect("plain data encodes into memory");
}

fn get<T: DeserializeOwned, R>(bytes: &[u8], wrap: impl FnOnce(T) -> R) -> Decoded<R> {
    match postcard::from_bytes(bytes) {
        Ok(value) => Decoded::Record(wrap(value)),
        Err(error) => Decoded::Failed(error),
    }
}

impl Record for LedgerRecord {
    const LOG: Log = Log::Ledger;

    fn encode(&self, out: &mut Vec<u8>) -> (u8, u8) {
        let kind = match self {
            Self::Started(r) => (put(r, out), 1).1,
            Self::MarketIds { first, end } => (put(&(first, end), out), 2).1,
            Self::Order(r) => (put(r, out), 3).1,
            Self::Booked(r) => (put(r, out), 4).1,
            Self::Deposit(r) => (put(r, out), 5).1,
            Self::Snapshot(r) => (put(r, out), 6).1,
            Self::Trading { change, at } => (put(&(change, at), out), 7).1,
            Self::Checkpoint(r) => (put(r, out), 8).1,
            Self::Action(r) => (put(r, out), 9).1,
            Self::Stopped { at } => (put(at, out), 10).1,
            Self::Instruments(r) => (put(r, out), 11).1,
            Self::ImportBegun(r) => (put(r, out), 12).1,
            Self::Migration(r) => {
                put(r, out);
                return (13, V2);
            }
            Self::Risk(r) => (put(r, out), 14).1,
            Self::Reconciled(r) => (put(r, out), 15).1,
            Self::Opened(r) => (put(r, out), 16).1,
        };
        (kind, V1)
    }

    fn decode(kind: u8, version: u8, bytes: &[u8]) -> Decoded<Self> {
        match (kind, version) {
            (1, V1) => get(bytes, Self::Started),
            (2, V1) => get(bytes, |(first, end)| Self::MarketIds { first, end }),
            (3, V1) => get(bytes, Self::Order),
            (4, V1) => get(bytes, Self::Booked),
            (5, V1) => get(bytes, Self::Deposit),
            (6, V1) => get(bytes, Self::Snapshot),
            (7, V1) => get(bytes, |(change, at)| Self::Trading { change, at }),
            (8, V1) => get(bytes, Self::Checkpoint),
            (9, V1) => get(bytes, Self::Action),
            (10, V1) => get(bytes, |at| Self::Stopped { at }),
            (11, V1) => get(bytes, Self::Instruments),
            (12, V1) => get(bytes, Self::ImportBegun),
            (13, V2) => get(bytes, Self::Migration),
            (14, V1) => get(bytes, Self::Risk),
            (15, V1) => get(bytes, Self::Reconciled),
            (16, V1) => get(bytes, Self::Opened),
            _ => Decoded::Unknown,
        }
    }
}

impl Record for MarketRecord {
    const LOG: Log = Log::Market;

    fn encode(&self, out: &mut Vec<u8>) -> (u8, u8) {
        let kind = match self {
            Self::Batch(r) => (put(r, out), 1).1,
            Self::Handled(r) => (put(r, out), 2).1,
            Self::Undecodable { feed, received, error, frame } => (put(&(feed, received, error, frame), out), 3).1,
            Self::Restored { epoch, ledger } => (put(&(epoch, ledger), out), 4).1,
        };
        (kind, V1)
    }

    fn decode(kind: u8, version: u8, bytes: &[u8]) -> Decoded<Self> {
        match (kind, version) {
            (1, V1) => get(bytes, Self::Batch),
            (2, V1) => get(bytes, Self::Handled),
            (3, V1) => get(bytes, |(feed, received, error, frame)| Self::Undecodable { feed, received, error, frame }),
            (4, V1) => get(bytes, |(epoch, ledger)| Self::Restored { epoch, ledger }),
            _ => Decoded::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use messages::account::{Cause, Difference, DifferenceKind, Mark, OpeningEntry, Outcome, Reconciliation};
    use messages::positions::{Balance, Opened, Position};
    use messages::risk::{Latch, LimitName, RiskEvent, RiskRecord, Scope, TradingState};
    use messages::{Cash, Exchange, Instrument, StrategyId, UtcNanos};

    use super::*;

    fn instrument() -> Instrument {
        Instrument { exchange: Exchange::Alpaca, symbol: "AAPL".parse().unwrap() }
    }

    /// What is read is what was written, of the first version of the kind.
    fn check(kind: u8, record: LedgerRecord) {
        let mut bytes = Vec::new();
        let written = record.encode(&mut bytes);
        let Decoded::Record(again) = LedgerRecord::decode(written.0, written.1, &bytes) else {
            panic!("it does not decode: {record:?}")
        };
        assert_eq!((written, again), ((kind, V1), record));
    }

    #[test]
    fn what_became_of_risk_is_read_as_it_was_written() {
        let limit = RiskEvent::Limit {
            scope: Scope::Account,
            name: LimitName::MaxLeveragePercent,
            from: "0".to_owned(),
            to: Some("150".to_owned()),
        };
        let tripped = RiskEvent::Tripped { latch: Latch::Drawdown, strategy: None, state: TradingState::Halted };
        let (strategy, value) = ("a".parse().ok(), "-0.000000001".parse().ok());
        let reset = RiskEvent::Reset { latch: Latch::DailyLoss, strategy, value };
        for event in [limit, tripped, reset] {
            let record = RiskRecord { event, by: "ada".to_owned(), why: "ß".to_owned(), at: UtcNanos(7) };
            check(14, LedgerRecord::Risk(Box::new(record)));
        }
    }

    #[test]
    fn what_a_reconciliation_came_to_is_read_as_it_was_written() {
        let position = |change: &str, price: Option<&str>| OpeningEntry::Position {
            instrument: instrument(),
            strategy: StrategyId::manual(),
            change: change.parse().unwrap(),
            price: price.map(|price| price.parse().unwrap()),
        };
        let balance = OpeningEntry::Balance {
            asset: "USD".parse().unwrap(),
            change: "-1000.000000001".parse().unwrap(),
            worth: "-1000.000000001".parse().ok(),
        };
        let difference = |kind: &DifferenceKind| Difference {
            kind: *kind,
            subject: "t-1-1".to_owned(),
            text: "0 here and 4 there, ß".to_owned(),
            settled: *kind != DifferenceKind::Position,
        };
        let mark = |execution: Option<&str>| Mark {
            at: UtcNanos(5),
            execution_id: execution.map(|execution| execution.parse().unwrap()),
        };
        let settled = Reconciliation {
            number: 7,
            cause: Cause::Start,
            outcome: Outcome::Settled,
            began: UtcNanos(1),
            at: UtcNanos(9),
            rounds: 3,
            differences: DifferenceKind::ALL.iter().map(difference).collect(),
            left_out: 2,
            entries: vec![position("10", Some("101.25")), position("-0.5", None), balance],
            marks: vec![(instrument(), mark(Some("20261129::x1"))), (instrument(), mark(None))],
            by: "merganser".to_owned(),
            why: String::new(),
        };
        let accepted = Reconciliation {
            cause: Cause::Asked,
            outcome: Outcome::Accepted,
            differences: Vec::new(),
            entries: Vec::new(),
            marks: Vec::new(),
            by: "ada".to_owned(),
            why: "sold by hand".to_owned(),
            ..settled.clone()
        };
        for done in [settled, accepted] {
            check(15, LedgerRecord::Reconciled(Box::new(done)));
        }
    }

    #[test]
    fn what_its_entries_did_is_read_as_it_was_written() {
        let (account, at) = ("live".parse().unwrap(), UtcNanos(9));
        let long = Position {
            position_id: 4,
            account,
            instrument: instrument(),
            strategy: StrategyId::manual(),
            quantity: "10".parse().unwrap(),
            cost_basis: "1012.5".parse().unwrap(),
            mark_price: "101.3".parse().ok(),
            realized_pnl: "-0.000000001".parse().unwrap(),
            opened_at: Some(at),
            closed_at: None,
            at,
            correlation_id: None,
        };
        let flat = Position {
            quantity: "0".parse().unwrap(),
            cost_basis: Cash::ZERO,
            mark_price: None,
            opened_at: None,
            closed_at: Some(at),
            ..long.clone()
        };
        let total = "-1000.000000001".parse().unwrap();
        let balance = Balance { balance_id: 5, account, asset: "USD".parse().unwrap(), total, at };
        for (positions, balances) in [(vec![long, flat], vec![balance]), (Vec::new(), Vec::new())] {
            check(16, LedgerRecord::Opened(Box::new(Opened { number: 7, positions, balances, at })));
        }
    }
}
