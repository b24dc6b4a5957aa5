//! Frames through one `check`: what each says, and how each is refused.

use messages::UtcNanos;
use messages::market::{DepthKind, FeedItem, Level, TickBody};
use messages::orders::Side;
use proptest::prelude::*;

use super::Decoder;
use crate::feeds::Frame;
use crate::wire::DecodeError;

mod kinds;

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

fn ticks(frame: &str) -> Vec<messages::market::Tick> {
    let (kind, items) = decode(frame).unwrap();
    assert_eq!(kind, Frame::Market, "{frame}");
    let tick = |item| match item {
        FeedItem::Tick(tick) => tick,
        other => panic!("{other:?}"),
    };
    items.into_iter().map(tick).collect()
}

/// The venue's own id in the sequence of a stock trade: its last fourteen digits.
fn stock_id(sequence: i64) -> i64 {
    sequence % 100_000_000_000_000
}

#[test]
fn a_frame_of_trades_and_quotes() {
    let found = ticks(
        r#"[{"T":"t","i":96921,"S":"AAPL","x":"D","p":126.55,"s":1,"t":"2021-02-22T15:51:44.208123456Z","c":["@","I"],"z":"C"},
           {"T":"q","S":"AMD","bx":"U","bp":87.66,"bs":1,"ax":"Q","ap":0,"as":0,"t":"2021-02-22T15:51:45.3359677Z","c":["R"],"z":"C"}]"#,
    );
    let [trade, quote] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(trade.instrument.to_string(), "alpaca:AAPL");
    assert_eq!(trade.time, UtcNanos(1_614_009_104_208_123_456));
    assert_eq!(trade.sequence.map(stock_id), Some(96_921));
    let TickBody::Trade { price, size, aggressor, conditions } = trade.body else { panic!("{trade:?}") };
    assert_eq!((price.to_string(), size.to_string()), ("126.55".to_owned(), "1".to_owned()));
    assert_eq!((aggressor, conditions.as_str()), (None, "@,I"));
    assert_eq!(quote.body, TickBody::Quote { bid: Some(level("87.66", "1")), ask: None });
    assert_eq!((quote.sequence, quote.time.0 % 1_000_000_000), (None, 335_967_700));
}

#[test]
fn numbers_are_read_from_their_text() {
    let trade = |price: &str, size: &str| {
        format!(r#"[{{"T":"t","S":"X/USD","p":{price},"s":{size},"t":"2024-01-01T00:00:00Z","i":1,"tks":"S"}}]"#)
    };
    let check = |price: &str, size: &str, expected: [&str; 2]| {
        let TickBody::Trade { price, size, aggressor, .. } = ticks(&trade(price, size))[0].body else { panic!() };
        assert_eq!([price.to_string(), size.to_string()], expected);
        assert_eq!(aggressor, Some(Side::Sell));
    };
    check("1e-05", "2.5e2", ["0.00001", "250"]);
    // Floating point would make 0.1 + something of these.
    check("9007199254.74099301", "0.30000001", ["9007199254.74099301", "0.30000001"]);
    for wrong in ["\"1.5\"", "null", "1e400", "1e-400", "[1]", "-1e-9"] {
        assert!(decode(&trade(wrong, "1")).is_err(), "{wrong}");
        // A size of 1e-400 is refused as well: it is no size of ours.
        assert!(decode(&trade("1", wrong)).is_err() || wrong == "-1e-9", "{wrong}");
    }
    let mut decoder = Decoder::new();
    decode_with(&mut decoder, &trade("1", "1.5e-8")).unwrap();
    assert_eq!(decoder.rounded_sizes, 1);
}

#[test]
fn conditions_are_kept_whole_as_many_as_fit() {
    let frame = r#"[{"T":"t","S":"A","p":1,"s":1,"t":"2024-01-01T00:00:00Z","i":123456789012345678901,"c":["1234567890","12345","X"]}]"#;
    let trade = ticks(frame)[0];
    let TickBody::Trade { conditions, .. } = trade.body else { panic!("{trade:?}") };
    assert_eq!(conditions.as_str(), "1234567890,12345");
    assert_eq!(trade.sequence, None);
    assert!(decode(&frame.replace(r#"["1234567890","12345","X"]"#, "7")).is_err());
}

#[test]
fn a_crypto_book_is_numbered_without_holes_after_a_reset() {
    let mut decoder = Decoder::new();
    let mut book = |time: &str, reset: bool| {
        let reset = if reset { r#","r":true"# } else { "" };
        let frame = format!(
            r#"[{{"T":"o","S":"BTC/USD","t":"2024-01-01T00:00:0{time}Z","b":[{{"p":1.5,"s":0}}],"a":[]{reset}}}]"#
        );
        match decode_with(&mut decoder, &frame).unwrap().1.remove(0) {
            FeedItem::Depth(depth) => depth,
            other => panic!("{other:?}"),
        }
    };
    // Without a reset before it, a diff follows nothing that is known.
    let orphan = book("0", false);
    assert_eq!(orphan.kind, DepthKind::Diff { first: orphan.last });
    let reset = book("1", true);
    assert_eq!((reset.kind, reset.bids), (DepthKind::Snapshot, vec![level("1.5", "0")]));
    let diff = book("2", false);
    assert_eq!(diff.kind, DepthKind::Diff { first: reset.last + 1 });
    // Two of one time, and one of an earlier, still rise.
    let same = book("2", false);
    assert_eq!((same.kind, same.last), (DepthKind::Diff { first: diff.last + 1 }, diff.last + 1));
    assert_eq!(book("0", false).last, same.last + 1);
}

#[test]
fn control_and_unused_messages_are_told_apart() {
    fn check(frame: &str, expected: Frame) {
        let (kind, items) = decode(frame).unwrap();
        assert_eq!((kind, items.len()), (expected, 0), "{frame}");
    }
    check(r#"[{"T":"success","msg":"connected"}]"#, Frame::Control);
    check(r#"[{"T":"error","code":406,"msg":"connection limit exceeded"}]"#, Frame::Control);
    check(r#"[{"T":"subscription","trades":["AAPL"],"quotes":[],"bars":["*"]}]"#, Frame::Control);
    check("[]", Frame::Ignored);
    for unused in [
        r#"{"T":"u","S":"SPY","o":1,"h":1,"l":1,"c":1,"v":1e-05,"t":"2021-02-22T19:15:00Z"}"#,
        r#"{"T":"s","S":"AAPL","sc":"H","sm":"Trading Halt","rc":"T12","rm":"Info","t":"2021-02-22T19:15:00Z","z":"C"}"#,
        r#"{"T":"l","S":"IONM","u":3.24,"d":2.65,"i":"B","t":"2021-04-05T13:34:45.565004401Z","z":"C"}"#,
        r#"{"T":"i","S":"INAQU","p":9.12,"z":"C","t":"2024-12-13T19:58:09.242138635Z"}"#,
        r#"{"T":"n","id":1,"headline":"h","summary":"s","author":"a","symbols":["TSLA"],"url":"u","content":"c"}"#,
    ] {
        check(&format!("[{unused}]"), Frame::Ignored);
    }
}

#[test]
fn errors_name_the_field_and_its_text() {
    fn check(frame: &str, expected: &str) {
        assert_eq!(decode(frame).unwrap_err().to_string(), expected, "{frame}");
    }
    check(r#"[{"T":"t","S":"A","s":1,"t":"2024-01-01T00:00:00Z"}]"#, "trade without field `p`");
    check(
        r#"[{"T":"t","S":"A","p":1,"s":1,"t":"yesterday"}]"#,
        "field `t` of a trade: `\"yesterday\"` is not an RFC 3339 time",
    );
    check(r#"[{"T":"t","S":"A","p":1,"s":-2,"t":"2024-01-01T00:00:00Z"}]"#, "field `s` of a trade: `-2` is negative");
    check(r#"[{"S":"A"}]"#, "message without field `T`");
    check(r#"[{"T":"z"}]"#, "unknown event kind `z`");
    assert!(matches!(decode(r#"{"T":"t"}"#), Err(DecodeError::Shape { .. })));
    assert!(matches!(decode("[{"), Err(DecodeError::NotJson { .. })));
}

#[test]
fn a_message_that_cannot_be_read_costs_its_frame_nothing_else() {
    let trade = |symbol: &str, price: &str| {
        format!(r#"{{"T":"t","S":"{symbol}","x":"V","p":{price},"s":1,"t":"2024-01-01T00:00:00Z","i":1}}"#)
    };
    let good = trade("AAPL", "1");
    for (bad, kind, symbol) in [
        (trade("PENNY", "0.123456789"), "t", Some("PENNY")),
        (r#"{"T":"z"}"#.to_owned(), "z", None),
        (r#"{"T":"t","S":null,"p":1}"#.to_owned(), "t", None),
        // A text where a number stands, and the other way round: the whole array has the wrong shape then.
        (r#"{"T":"t","S":5}"#.to_owned(), "t", None),
        (r#"{"T":7,"S":"PENNY"}"#.to_owned(), "", Some("PENNY")),
        (r#"{"T":"c","S":"PENNY","x":"V","t":"2024-01-01T00:00:00Z","cp":null}"#.to_owned(), "c", Some("PENNY")),
        ("5".to_owned(), "", None),
    ] {
        let mut decoder = Decoder::new();
        let (_, items) = decode_with(&mut decoder, &format!("[{good},{bad},{good}]")).unwrap();
        assert_eq!(items.len(), 2, "{bad}");
        let faults = decoder.take_faults();
        let [fault] = faults.as_slice() else { panic!("{faults:?}") };
        let found = (fault.kind.as_str(), fault.symbol.map(|symbol| symbol.to_string()), fault.text.as_str());
        assert_eq!(found, (kind, symbol.map(str::to_owned), bad.as_str()));
    }
}

#[test]
fn a_book_that_lacks_an_update_has_a_hole() {
    let update = |price: &str, reset: bool| {
        format!(
            r#"{{"T":"o","S":"BTC/USD","t":"2024-01-01T00:00:00Z","b":[{{"p":{price},"s":1}}],"a":[],"r":{reset}}}"#
        )
    };
    let mut decoder = Decoder::new();
    let frame = format!("[{},{},{}]", update("1", true), update("null", false), update("2", false));
    let (_, items) = decode_with(&mut decoder, &frame).unwrap();
    let [FeedItem::Depth(whole), FeedItem::Depth(diff)] = items.as_slice() else { panic!("{items:?}") };
    let DepthKind::Diff { first } = diff.kind else { panic!("{diff:?}") };
    assert!(first > whole.last + 1, "it does not join");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Decoder::new().decode(&bytes, RECEIVED, &mut Vec::new());
    }

    #[test]
    fn no_number_panics(text in "-?[0-9]{1,30}(\\.[0-9]{0,30})?([eE][+-]?[0-9]{1,6})?") {
        let frame = format!(r#"[{{"T":"t","S":"A","p":1,"s":{text},"t":"2024-01-01T00:00:00Z","i":{text}}}]"#);
        let _ = Decoder::new().decode(frame.as_bytes(), RECEIVED, &mut Vec::new());
    }

    #[test]
    fn no_damage_panics(at in 0usize..200, byte: u8) {
        let frame = r#"[{"T":"o","S":"BTC/USD","t":"2024-01-01T00:00:00Z","b":[{"p":1e-5,"s":0}],"a":[{"p":2,"s":1.5e2}],"r":true}]"#;
        let mut frame = frame.as_bytes().to_vec();
        let at = at % frame.len();
        frame[at] = byte;
        let mut out = Vec::new();
        if Decoder::new().decode(&frame, RECEIVED, &mut out).is_err() {
            prop_assert!(out.is_empty());
        }
    }
}
