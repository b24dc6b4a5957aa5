use messages::ledger::{Action, Decider, Delivery, Handled};
use messages::market::{Batch, Event, EventBody, Source, Tick, TickBody};
use messages::orders::Side;
use messages::positions::Balance;
use messages::risk::{StateChange, TradingState};
use messages::strategies::Checkpoint;
use messages::{Cash, Exchange, Instrument, MarketId, Price, Size};

use super::*;

/// Records as a run writes them, several to a frame.
pub trait Sample: Record + PartialEq + std::fmt::Debug {
    /// The records of the `n`th frame.
    fn group(n: u64) -> Vec<Self>;
}

impl Sample for LedgerRecord {
    fn group(n: u64) -> Vec<Self> {
        let at = UtcNanos(n as i64);
        let text = |what: &str| format!("{what} {n}");
        let action = Action { by: text("by"), what: text("what"), subject: text("subject"), why: text("why"), at };
        let checkpoint = Checkpoint {
            strategy: "ema_cross".parse().unwrap(),
            generation: 0,
            at,
            market: MarketId(n),
            seen: Vec::new(),
            orders_made: n,
            state: (0..1_500).map(|b| (b * 7 + n) as u8).collect(),
        };
        let (account, asset) = ("paper".parse().unwrap(), "USDT".parse().unwrap());
        let change = StateChange { state: TradingState::Halted, by: text("by"), why: text("why") };
        vec![
            Self::MarketIds { first: MarketId(n), end: MarketId(n + 1) },
            Self::Action(action),
            Self::Checkpoint(Box::new(checkpoint)),
            Self::Deposit(Balance { balance_id: n, account, asset, total: Cash::ZERO, at }),
            Self::Trading { change, at },
        ]
    }
}

impl Sample for MarketRecord {
    fn group(n: u64) -> Vec<Self> {
        let received = UtcNanos(n as i64);
        let instrument = Instrument { exchange: Exchange::Binance, symbol: "BTCUSDT".parse().unwrap() };
        let trade = |k: u64| {
            let price = Price::from_raw(6_000_000_000_000 + (k * n) as i64).unwrap();
            let body =
                TickBody::Trade { price, size: Size::ONE, aggressor: Some(Side::Buy), conditions: Default::default() };
            let tick = Tick { instrument, time: received, sequence: Some(k as i64), revision: 0, body };
            Event { id: MarketId(n * 100 + k), body: EventBody::Tick(tick) }
        };
        let handled = Handled {
            actor: Decider::Orders,
            number: n,
            generation: 0,
            now: received,
            market_from: MarketId(n * 100),
            market_to: MarketId(n * 100 + 49),
            delivery: Delivery::Timer,
        };
        let frame = (0..400).map(|b| (b * 3 + n) as u8).collect();
        vec![
            Self::Batch(Batch { source: Source::Stream, received, events: (0..50).map(trade).collect() }),
            Self::Handled(handled),
            Self::Undecodable { feed: "binance".to_owned(), received, error: "not json".to_owned(), frame },
        ]
    }
}

/// Frames of several records in one segment: its bytes, and where each frame ends.
pub fn frames_of<R: Sample>(dir: &Path, groups: u64) -> (std::path::PathBuf, Vec<u8>, Vec<usize>) {
    let mut writer = Writer::<R>::open(dir, 1 << 30).unwrap();
    let mut ends = vec![segment::HEADER];
    for n in 1..=groups {
        append(&mut writer, n);
        ends.push(fs::metadata(last_segment(dir)).unwrap().len() as usize);
    }
    let path = last_segment(dir);
    let bytes = fs::read(&path).unwrap();
    (path, bytes, ends)
}

pub fn append<R: Sample>(writer: &mut Writer<R>, n: u64) {
    for record in R::group(n) {
        writer.append(&record).unwrap();
    }
    writer.sync().unwrap();
}

pub fn records<R: Sample>(dir: &Path) -> Result<Vec<R>, Error> {
    let mut reader = Reader::<R>::new(dir, Seq(1));
    let mut found = Vec::new();
    while let Some(group) = reader.next_group(Seq(u64::MAX))? {
        found.extend(group.records.into_iter().map(|(_, record)| record));
    }
    Ok(found)
}

fn a_cut_at_every_byte_of_the_last_frame_recovers<R: Sample>() {
    let dir = folder();
    let (path, whole, ends) = frames_of::<R>(dir.path(), 3);
    let last = ends[2]..ends[3];
    assert!(last.len() > 1_000, "a frame worth cutting");
    let expected: Vec<R> = [1, 2, 9].into_iter().flat_map(R::group).collect();
    for cut in last {
        fs::write(&path, &whole[..cut]).unwrap();
        let mut writer = Writer::<R>::open(dir.path(), 1 << 30).unwrap();
        append(&mut writer, 9);
        assert_eq!(records::<R>(dir.path()).unwrap(), expected, "cut at {cut}");
    }
}

#[test]
fn a_ledger_cut_at_every_byte_of_its_last_frame_recovers() {
    a_cut_at_every_byte_of_the_last_frame_recovers::<LedgerRecord>();
}

#[test]
fn a_market_journal_cut_at_every_byte_of_its_last_frame_recovers() {
    a_cut_at_every_byte_of_the_last_frame_recovers::<MarketRecord>();
}

fn a_flip_in_an_earlier_frame_is_refused<R: Sample>() {
    let dir = folder();
    let (path, whole, ends) = frames_of::<R>(dir.path(), 3);
    for at in 0..ends[2] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&path, &bytes).unwrap();
        let frame = ends.iter().rev().find(|end| **end <= at).copied().unwrap_or(0) as u64;
        let named = |error: Option<Error>, who| match error {
            Some(Error::Damaged { path: named, offset, .. }) => {
                assert_eq!((named, offset), (path.clone(), frame), "{who}: byte {at}");
            }
            other => panic!("{who} did not notice byte {at}: {other:?}"),
        };
        named(Writer::<R>::open(dir.path(), 1 << 30).err(), "recovery");
        named(records::<R>(dir.path()).err(), "the reader");
        named(verify(dir.path(), R::LOG).unwrap().remove(0).problem, "verify");
        assert_eq!(fs::read(&path).unwrap(), bytes, "nothing is changed");
    }
}

#[test]
fn a_byte_flipped_in_an_earlier_frame_of_a_ledger_is_refused_with_file_and_offset() {
    a_flip_in_an_earlier_frame_is_refused::<LedgerRecord>();
}

#[test]
fn a_byte_flipped_in_an_earlier_frame_of_a_market_journal_is_refused_with_file_and_offset() {
    a_flip_in_an_earlier_frame_is_refused::<MarketRecord>();
}
