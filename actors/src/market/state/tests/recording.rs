//! Ten minutes of Binance as they were: the book and the bars must be what the exchange's own
//! numbers say. The parser here is for this test only.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::super::Counters;
use super::*;
use crate::book::BookCounters;

#[derive(Deserialize)]
struct Frame {
    stream: String,
    data: Data,
}

/// All fields of the three streams; each uses its own.
#[derive(Deserialize)]
#[allow(non_snake_case)]
struct Data {
    E: Option<i64>,
    T: Option<i64>,
    U: Option<u64>,
    u: Option<u64>,
    t: Option<i64>,
    p: Option<String>,
    q: Option<String>,
    b: Option<serde_json::Value>,
    a: Option<serde_json::Value>,
    B: Option<String>,
    A: Option<String>,
}

#[derive(Deserialize)]
#[allow(non_snake_case)]
struct Rest {
    lastUpdateId: u64,
    bids: Vec<(String, String)>,
    asks: Vec<(String, String)>,
}

/// The folder of recordings, looked for upward from the crate.
fn folder() -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|up| up.join("shared/data/binance"));
    found.into_iter().find(|folder| folder.join("btcusdt_20240808.gz").exists())
}

fn levels(levels: &[(String, String)]) -> Vec<Level> {
    levels.iter().map(|(price, size)| level(price, size)).collect()
}

fn depth(time: UtcNanos, kind: DepthKind, last: u64, bids: &[(String, String)], asks: &[(String, String)]) -> FeedItem {
    FeedItem::Depth(Depth { instrument: btc(), time, kind, last, bids: levels(bids), asks: levels(asks) })
}

fn parse(received: UtcNanos, json: &str) -> FeedItem {
    let Ok(Frame { stream, data }) = serde_json::from_str(json) else {
        let rest: Rest = serde_json::from_str(json).unwrap();
        return depth(received, DepthKind::Snapshot, rest.lastUpdateId, &rest.bids, &rest.asks);
    };
    let text = |value: Option<serde_json::Value>| value.unwrap().as_str().unwrap().to_owned();
    let side =
        |value: Option<serde_json::Value>| -> Vec<(String, String)> { serde_json::from_value(value.unwrap()).unwrap() };
    match stream.split_once('@').unwrap().1 {
        "trade" => trade(data.T.unwrap(), data.t.unwrap(), &data.p.unwrap(), &data.q.unwrap()),
        "bookTicker" => {
            let bid = Some(level(&text(data.b), &data.B.unwrap()));
            let ask = Some(level(&text(data.a), &data.A.unwrap()));
            let body = TickBody::Quote { bid, ask };
            FeedItem::Tick(Tick { time: received, ..tick_of(0, data.u.unwrap() as i64, body) })
        }
        _ => {
            let kind = DepthKind::Diff { first: data.U.unwrap() };
            depth(ms(data.E.unwrap()), kind, data.u.unwrap(), &side(data.b), &side(data.a))
        }
    }
}

/// Every frame of the recording; `None`, with a printed line, when it is not there.
pub fn frames() -> Option<Vec<FeedBatch>> {
    let Some(folder) = folder() else {
        println!("skipped: no shared/data/binance above {}", env!("CARGO_MANIFEST_DIR"));
        return None;
    };
    let mut frames = Vec::new();
    for name in ["btcusdt_20240808.gz", "btcusdt_20240809.gz"] {
        let mut text = String::new();
        let file = std::fs::File::open(folder.join(name)).unwrap();
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
        frames.extend(text.lines().map(|line| {
            let (received, json) = line.split_once(' ').unwrap();
            let received = UtcNanos(received.parse().unwrap());
            FeedBatch { source: Source::Replay, received, items: vec![parse(received, json)] }
        }));
    }
    Some(frames)
}

/// Plays the recording to its end; checks at every frame that the book is not crossed.
fn played(frames: &[FeedBatch], bars: &[&str]) -> Desk {
    let mut desk = Desk::bars(bars);
    for frame in frames {
        desk.market.on_feed(frame, &mut desk.out);
        desk.note();
        if let Some(book) = desk.market.book(btc()).filter(|book| book.is_synced()) {
            assert!(book.best_bid().unwrap().price < book.best_ask().unwrap().price, "crossed at {:?}", frame.received);
        }
    }
    desk.stop(frames.last().unwrap().received.0 / MS);
    desk
}

#[test]
fn the_book_ends_as_the_exchange_says() {
    let Some(frames) = frames() else { return };
    let desk = played(&frames, &["1m"]);
    let book = desk.market.book(btc()).unwrap();
    let BookCounters { seen, applied, dropped, gaps, .. } = *book.counters();
    assert_eq!((seen, applied, dropped, gaps), (6_495, 6_493, 2, 0));
    assert_eq!((book.is_synced(), book.last_id()), (true, Some(50_093_696_318)));
    assert_eq!((book.bid_levels(), book.ask_levels()), (1_971, 2_962));
    assert_eq!(book.best_bid(), Some(level("61602.01", "1.67177")));
    assert_eq!(book.best_ask(), Some(level("61602.02", "2.66795")));
    assert_eq!(book.bid_total().to_string(), "3720.36033");
    assert_eq!(book.ask_total().to_string(), "4039.815274");
}

#[test]
fn the_bars_are_the_recordings() {
    let Some(frames) = frames() else { return };
    let desk = played(&frames, &["1s", "1m", "5m"]);
    let counters = desk.market.counters();
    assert_eq!((counters.trades, counters.quotes, counters.depths), (19_904, 73_174, 6_496));
    let expected = Counters { bars: counters.bars, ..Counters::default() };
    let other = Counters { trades: 0, quotes: 0, depths: 0, ..*counters };
    assert_eq!(other, expected, "nothing late, twice, crossed or revised");

    let bars = desk.said_bars();
    let minutes: Vec<&Bar> = bars.iter().filter(|bar| bar.timeframe == Timeframe::MINUTE).collect();
    assert_eq!(minutes.len(), 12);
    assert_eq!(line(minutes[0]), "1m 1723161240 61837.63/61855.37/61824/61828 12.43238 875 r0 incomplete");
    assert!(minutes[1..11].iter().all(|bar| bar.is_complete) && !minutes[11].is_complete);
    for length in [Timeframe::SECOND, Timeframe::MINUTE, "5m".parse().unwrap()] {
        let of = || bars.iter().filter(|bar| bar.timeframe == length);
        assert_eq!(of().map(|bar| bar.trade_count).sum::<u64>(), 19_904, "{length}");
        assert_eq!(of().map(|bar| bar.volume.raw()).sum::<i128>(), 437_915_520_000, "{length}");
        assert_eq!(of().map(|bar| bar.notional.raw()).sum::<i128>(), 2_700_692_959_103_480_000_000_000, "{length}");
    }
    let offset = desk.market.clock_offset(Exchange::Binance).unwrap();
    assert!((1_250 * MS..1_280 * MS).contains(&offset), "{offset}");
}

#[test]
fn a_restart_in_the_middle_ends_in_the_same_book_and_bars() {
    let Some(frames) = frames() else { return };
    let (first, rest) = frames.split_at(frames.len() / 3);
    let mut desk = Desk::new();
    for frame in first {
        desk.market.on_feed(frame, &mut desk.out);
        desk.note();
    }
    let mut market = Market::new(Settings::default());
    desk.said.iter().for_each(|batch| market.rebuild(batch));
    market.reserve(MarketId(1 << 30), MarketId(1 << 31));
    desk.market = market;
    for frame in rest {
        desk.market.on_feed(frame, &mut desk.out);
        desk.note();
    }
    desk.stop(frames.last().unwrap().received.0 / MS);
    let whole = played(&frames, &["1s", "1m"]);
    let (one, two) = (desk.market.book(btc()).unwrap(), whole.market.book(btc()).unwrap());
    assert_eq!((one.bid_total(), one.ask_total(), one.last_id()), (two.bid_total(), two.ask_total(), two.last_id()));
    let bars = |desk: &Desk| -> Vec<Bar> {
        let plain = |bar: Bar| Bar { bar_id: MarketId(0), is_complete: true, ..bar };
        desk.said_bars().into_iter().map(plain).collect()
    };
    assert_eq!(bars(&desk), bars(&whole));
}
