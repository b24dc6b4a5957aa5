//! Frames through one `check`: what each says, and how each is refused.

use messages::instrument::Symbol;
use messages::market::{DepthKind, FeedItem, Level, TickBody, Timeframe};
use messages::orders::Side;
use messages::{Price, Size, UtcNanos};
use proptest::prelude::*;

use super::Decoder;
use crate::feeds::Frame;
use crate::wire::DecodeError;

mod asked;
mod recorded;

const RECEIVED: UtcNanos = UtcNanos(1_700_000_000_000_000_000);

fn decode_with(decoder: &mut Decoder, frame: &str) -> Result<(Frame, Vec<FeedItem>), DecodeError> {
    let mut out = Vec::new();
    let result = decoder.decode(frame.as_bytes(), RECEIVED, &mut out);
    if result.is_err() {
        assert!(out.is_empty(), "an error pushes nothing: {frame}");
    }
    result.map(|frame| (frame, out))
}

fn decode(frame: &str) -> Result<(Frame, Vec<FeedItem>), DecodeError> {
    decode_with(&mut Decoder::new(), frame)
}

fn level(price: &str, size: &str) -> Level {
    Level { price: price.parse().unwrap(), size: size.parse().unwrap() }
}

fn one_tick(frame: &str) -> messages::market::Tick {
    match decode(frame).unwrap() {
        (Frame::Market, items) => match items.as_slice() {
            [FeedItem::Tick(tick)] => *tick,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn one_depth(decoder: &mut Decoder, frame: &str) -> messages::market::Depth {
    match decode_with(decoder, frame).unwrap().1.remove(0) {
        FeedItem::Depth(depth) => depth,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_trade_says_who_took() {
    let payload = r#"{"e":"trade","E":2,"s":"BTCUSDT","t":7,"p":"61837.63000000","q":"0.02","T":1723161255342,"m":true,"M":true}"#;
    let combined = format!(r#"{{"stream":"btcusdt@trade","data":{payload}}}"#);
    assert_eq!(one_tick(payload), one_tick(&combined));
    let tick = one_tick(&combined);
    assert_eq!(tick.instrument.to_string(), "binance:BTCUSDT");
    assert_eq!((tick.time, tick.sequence), (UtcNanos(1_723_161_255_342_000_000), Some(7)));
    let TickBody::Trade { price, size, aggressor, conditions } = tick.body else { panic!("{tick:?}") };
    assert_eq!((price, size), ("61837.63".parse().unwrap(), "0.02".parse().unwrap()));
    assert_eq!((aggressor, conditions.as_str()), (Some(Side::Sell), ""));
}

#[test]
fn microseconds_are_told_by_their_size() {
    let frame = |time: &str| format!(r#"{{"e":"trade","s":"A","t":1,"p":"1","q":"1","T":{time},"m":false}}"#);
    assert_eq!(one_tick(&frame("1723161255342")).time, UtcNanos(1_723_161_255_342_000_000));
    assert_eq!(one_tick(&frame("1723161255342987")).time, UtcNanos(1_723_161_255_342_987_000));
    assert!(decode(&frame("-1")).is_err());
    assert!(decode(&frame("9223372036854775807")).is_err());
}

#[test]
fn an_aggregate_trade_is_told_apart() {
    let tick = one_tick(
        r#"{"e":"aggTrade","E":1,"s":"BTCUSDT","a":640283266,"p":"58942.01","q":"1","f":1,"l":1,"T":1616176861893,"m":false,"M":true}"#,
    );
    assert_eq!(tick.sequence, Some(640_283_266));
    let TickBody::Trade { aggressor, conditions, .. } = tick.body else { panic!("{tick:?}") };
    assert_eq!((aggressor, conditions.as_str()), (Some(Side::Buy), "agg"));
}

#[test]
fn a_book_ticker_is_stamped_when_received_unless_it_has_a_time() {
    let spot = one_tick(r#"{"u":9,"s":"BTCUSDT","b":"1.5","B":"2","a":"1.6","A":"3"}"#);
    assert_eq!((spot.time, spot.sequence), (RECEIVED, Some(9)));
    assert_eq!(spot.body, TickBody::Quote { bid: Some(level("1.5", "2")), ask: Some(level("1.6", "3")) });
    let futures = one_tick(r#"{"e":"bookTicker","u":9,"s":"BTCUSDT","b":"1.5","B":"2","a":"1.6","A":"3","T":5,"E":6}"#);
    assert_eq!(futures.time, UtcNanos(5_000_000));
    let empty = one_tick(r#"{"u":9,"s":"BTCUSDT","b":"0.00000000","B":"0.00000000","a":"1.6","A":"3"}"#);
    assert_eq!(empty.body, TickBody::Quote { bid: None, ask: Some(level("1.6", "3")) });
}

#[test]
fn escapes_and_other_scripts_are_read() {
    let tick = one_tick(r#"{"u":9,"s":"\u5e01\u5b89USDT","b":"1.5","B":"2","a":"1.6","A":"3"}"#);
    assert_eq!(tick.instrument.symbol.as_str(), "币安USDT");
}

#[test]
fn a_ninth_decimal_of_a_size_is_rounded_and_counted() {
    let mut decoder = Decoder::new();
    let good = r#"{"u":9,"s":"A","b":"1","B":"0.000000015","a":"2","A":"1"}"#;
    decode_with(&mut decoder, good).unwrap();
    assert_eq!(decoder.rounded_sizes, 1);
    // A refused frame counts nothing.
    let bad = r#"{"u":9,"s":"A","b":"1","B":"0.000000015","a":"2"}"#;
    decode_with(&mut decoder, bad).unwrap_err();
    assert_eq!(decoder.rounded_sizes, 1);
}

#[test]
fn depth_comes_as_diff_partial_or_snapshot() {
    let mut decoder = Decoder::new();
    let diff = r#"{"e":"depthUpdate","E":5,"s":"BTCUSDT","U":10,"u":12,"b":[["1.5","0.00000000",[]]],"a":[]}"#;
    let snapshot = r#"{"lastUpdateId":11,"bids":[["1.5","2"]],"asks":[["1.6","3"]]}"#;
    let refused = decode_with(&mut decoder, snapshot).unwrap_err();
    assert_eq!(refused, DecodeError::SnapshotWithoutSymbol { seen: "no" });

    let first = one_depth(&mut decoder, diff);
    assert_eq!((first.kind, first.last, first.time), (DepthKind::Diff { first: 10 }, 12, UtcNanos(5_000_000)));
    assert_eq!((first.bids, first.asks), (vec![level("1.5", "0")], vec![]));

    let whole = one_depth(&mut decoder, snapshot);
    assert_eq!((whole.kind, whole.last, whole.time), (DepthKind::Snapshot, 11, RECEIVED));
    assert_eq!(whole.instrument.symbol.as_str(), "BTCUSDT");

    let partial = format!(r#"{{"stream":"ethusdt@depth20@100ms","data":{snapshot}}}"#);
    let partial = one_depth(&mut decoder, &partial);
    assert_eq!((partial.kind, partial.instrument.symbol.as_str()), (DepthKind::Partial, "ETHUSDT"));

    decode_with(&mut decoder, &diff.replace("BTCUSDT", "ETHUSDT")).unwrap();
    let refused = decode_with(&mut decoder, snapshot).unwrap_err();
    assert_eq!(refused, DecodeError::SnapshotWithoutSymbol { seen: "several" });
}

#[test]
fn levels_are_bounded() {
    let side = |count: usize| vec![r#"["1","1"]"#; count].join(",");
    let frame = |count| format!(r#"{{"e":"depthUpdate","E":5,"s":"A","U":1,"u":2,"b":[{}],"a":[]}}"#, side(count));
    assert_eq!(one_depth(&mut Decoder::new(), &frame(5_000)).bids.len(), 5_000);
    assert_eq!(decode(&frame(5_001)).unwrap_err(), DecodeError::TooManyLevels { field: "b", max: 5_000 });
    let long = " ".repeat(messages::caps::FRAME_BYTES + 1);
    assert!(matches!(decode(&long), Err(DecodeError::TooLong { .. })));
}

#[test]
fn klines_become_bars_where_their_length_is_ours() {
    let frame = |interval: &str, open: &str| {
        format!(
            r#"{{"e":"kline","E":1,"s":"BTCUSDT","k":{{"t":{open},"T":1,"s":"BTCUSDT","i":"{interval}","f":1,"L":2,
            "o":"2","c":"3","h":"4","l":"1","v":"0.20926000","n":31,"x":true,"q":"6076.58918320","V":"0","Q":"0"}}}}"#
        )
    };
    let (kind, items) = decode(&frame("1m", "1653818760000")).unwrap();
    let [FeedItem::Bar(bar)] = items[..] else { panic!("{items:?}") };
    assert_eq!(kind, Frame::Market);
    assert_eq!((bar.timeframe, bar.open_time.secs()), (Timeframe::MINUTE, 1_653_818_760));
    assert_eq!([bar.open, bar.high, bar.low, bar.close].map(Price::raw), [2, 4, 1, 3].map(|p| p * 100_000_000));
    assert_eq!((bar.volume, bar.trade_count, bar.is_complete), ("0.20926".parse().unwrap(), 31, true));
    assert_eq!(bar.notional.to_cash().unwrap().to_string(), "6076.5891832");
    // A running one, three days, and a day of another time zone, are no bars of ours.
    let running = frame("1m", "1653818760000").replace("true", "false");
    assert_eq!(decode(&running).unwrap(), (Frame::Ignored, vec![]));
    assert_eq!(decode(&frame("3d", "1653818760000")).unwrap().0, Frame::Ignored);
    assert_eq!(decode(&frame("1d", "1653840000000")).unwrap().0, Frame::Ignored);
    assert!(decode(&frame("7q", "1653818760000")).is_err());
}

#[test]
fn answers_notices_and_unused_streams_are_told_apart() {
    fn check(frame: &str, expected: Frame) {
        let (kind, items) = decode(frame).unwrap();
        assert_eq!((kind, items.len()), (expected, 0), "{frame}");
    }
    check(r#"{"result":null,"id":1}"#, Frame::Control);
    check(r#"{"result":null,"id":null}"#, Frame::Control);
    check(r#"{"error":{"code":2,"msg":"Invalid request"},"id":1}"#, Frame::Control);
    check(r#"{"code":2,"msg":"Invalid request"}"#, Frame::Control);
    check(r#"{"e":"serverShutdown","E":1}"#, Frame::Control);
    check(r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}"#, Frame::Control);
    check(r#"{"stream":"btcusdt@avgPrice","data":{"e":"avgPrice","E":1}}"#, Frame::Ignored);
    check(r#"[{"e":"24hrMiniTicker","E":1},{"e":"24hrMiniTicker","E":1}]"#, Frame::Ignored);
}

#[test]
fn an_array_is_decoded_wholly_or_not_at_all() {
    let quote = r#"{"u":9,"s":"A","b":"1","B":"1","a":"2","A":"1"}"#;
    let (kind, items) = decode(&format!(r#"{{"stream":"!bookTicker","data":[{quote},{quote}]}}"#)).unwrap();
    assert_eq!((kind, items.len()), (Frame::Market, 2));
    decode(&format!(r#"[{quote},{{"e":"other"}}]"#)).unwrap_err();
}

#[test]
fn errors_name_the_field_and_its_text() {
    fn check(frame: &str, expected: &str) {
        assert_eq!(decode(frame).unwrap_err().to_string(), expected, "{frame}");
    }
    check(r#"{"e":"trade","t":1,"p":"1","q":"1","T":1,"m":true}"#, "trade without field `s`");
    check(
        r#"{"e":"trade","s":"A","t":1,"p":"1,5","q":"1","T":1,"m":true}"#,
        "field `p` of a trade: `1,5` is not a decimal number",
    );
    check(
        r#"{"e":"trade","s":"A","t":1,"p":"1.123456789","q":"1","T":1,"m":true}"#,
        "field `p` of a trade: `1.123456789` is too fine: it has more decimals than are kept exactly",
    );
    check(r#"{"e":"trade","s":"A","t":1,"p":"1","q":"-1","T":1,"m":true}"#, "field `q` of a trade: `-1` is negative");
    let number = decode(r#"{"e":"trade","s":"A","t":1,"p":1.5,"q":"1","T":1,"m":true}"#).unwrap_err();
    assert!(
        matches!(number, DecodeError::Shape { event: "trade", ref detail } if detail.contains("expected a string"))
    );
    check(
        r#"{"e":"depthUpdate","s":"A","E":1,"U":1,"u":2,"b":[["x","1"]],"a":[]}"#,
        "field `b[][0]` of a depth message: `x` is not a decimal number",
    );
    check(r#"{"e":"trade_all"}"#, "unknown event kind `trade_all`");
    check(r#"{"openInterest":"1"}"#, r#"a message of no known shape: `{"openInterest":"1"}`"#);
    check("{", "not json: EOF while parsing an object at line 1 column 1: `{`");
    assert!(matches!(Decoder::new().decode(b"\xff", RECEIVED, &mut vec![]), Err(DecodeError::NotJson { .. })));
}

#[test]
fn a_symbol_that_does_not_fit_is_refused() {
    assert!("A".repeat(29).parse::<Symbol>().is_err());
    let frame = format!(r#"{{"u":9,"s":"{}","b":"1","B":"1","a":"2","A":"1"}}"#, "A".repeat(29));
    assert!(matches!(decode(&frame), Err(DecodeError::Invalid { field: "s", .. })));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Decoder::new().decode(&bytes, RECEIVED, &mut Vec::new());
    }

    /// A good frame with one byte changed: decoded or refused, never a panic.
    #[test]
    fn no_damage_panics(at in 0usize..200, byte: u8, which in 0usize..4) {
        let frames = [
            r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1,"s":"BTCUSDT","t":3,"p":"61837.63","q":"0.02","T":1723161255342,"m":true,"M":true}}"#,
            r#"{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}"#,
            r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[["1","0"]],"a":[["2","1.5"]]}}"#,
            r#"{"e":"kline","k":{"t":1653818760000,"s":"A","i":"1m","o":"2","c":"3","h":"4","l":"1","v":"0.2","n":31,"x":true,"q":"60"}}"#,
        ];
        let mut frame = frames[which].as_bytes().to_vec();
        let at = at % frame.len();
        frame[at] = byte;
        let mut out = Vec::new();
        if Decoder::new().decode(&frame, RECEIVED, &mut out).is_err() {
            prop_assert!(out.is_empty());
        }
    }

    /// A space in every object sends a frame past the fast path; what it says must not change.
    #[test]
    fn the_fast_path_says_what_serde_says(at in 0usize..200, byte: u8, which in 0usize..2, drop: bool) {
        let frames = [
            r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1,"s":"BTCUSDT","t":3,"p":"61837.63","q":"0.02","T":1723161255342,"m":true,"M":true}}"#,
            r#"{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64","A":"1"}}"#,
        ];
        prop_assume!(byte != b'{');
        let mut frame = frames[which].as_bytes().to_vec();
        let at = at % frame.len();
        if drop { frame.remove(at); } else { frame[at] = byte; }
        let Ok(frame) = String::from_utf8(frame) else { return Ok(()) };
        prop_assert_eq!(decode(&frame).ok(), decode(&frame.replace('{', "{ ")).ok());
    }

    #[test]
    fn prices_and_sizes_come_through_exactly(price in 0i64..=999_999_999_999_999_999, size in 0i64..=999_999_999_999_999_999) {
        let (price, size) = (Price::from_raw(price).unwrap(), Size::from_raw(size).unwrap());
        let tick = one_tick(&format!(r#"{{"e":"trade","s":"A","t":1,"p":"{price}","q":"{size}","T":1,"m":false}}"#));
        let TickBody::Trade { price: p, size: s, .. } = tick.body else { panic!("{tick:?}") };
        prop_assert_eq!((p, s), (price, size));
    }
}
