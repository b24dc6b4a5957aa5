//! Bars, corrections, cancels, signals, and answers by REST.

use messages::market::{Bar, FeedItem, Tick, TickBody};

use super::super::{Decoder, Signal};
use super::{Frame, decode, decode_with, level, stock_id};
use crate::wire::testdata;

fn tick(decoder: &mut Decoder, frame: &str) -> Option<Tick> {
    match decode_with(decoder, frame).unwrap().1.pop() {
        Some(FeedItem::Tick(tick)) => Some(tick),
        None => None,
        other => panic!("{other:?}"),
    }
}

fn bar(frame: &str) -> Bar {
    match decode(frame).unwrap().1.as_slice() {
        [FeedItem::Bar(bar)] => *bar,
        other => panic!("{other:?}"),
    }
}

#[test]
fn bars_of_a_minute_and_of_the_day() {
    let minute = r#"[{"T":"b","S":"SPY","o":388.985,"h":389.13,"l":388.975,"c":389.12,"v":49378,"t":"2021-02-22T19:15:00Z","n":461,"vw":389.062639}]"#;
    let found = bar(minute);
    assert_eq!(
        (found.timeframe.to_string(), found.open_time),
        ("1m".to_owned(), "2021-02-22T19:15:00Z".parse().unwrap())
    );
    assert_eq!(
        [found.open, found.high, found.low, found.close].map(|p| p.to_string()),
        ["388.985", "389.13", "388.975", "389.12"]
    );
    assert_eq!((found.volume.to_string(), found.trade_count, found.is_complete), ("49378".to_owned(), 461, true));
    // 389.062639 × 49378, exactly.
    assert_eq!(found.notional.to_cash().unwrap().to_string(), "19211134.988542");
    assert_eq!(bar(&minute.replace(r#""T":"b""#, r#""T":"u""#)), found);
    let day = bar(&minute.replace(r#""T":"b""#, r#""T":"d""#).replace("19:15", "05:00"));
    assert_eq!((day.timeframe.to_string(), day.open_time), ("1d".to_owned(), "2021-02-22".parse().unwrap()));
    assert!(!day.is_complete, "the day is running");
}

#[test]
fn sums_in_floating_point_are_rounded_and_a_bar_without_its_fields_costs_nothing_else() {
    let found = bar(
        r#"[{"T":"b","S":"BCH/USD","o":679.75,"h":679.76,"l":679.26,"c":679.26,"v":3.6796028500000003,"n":10,"vw":679.6324449731,"t":"2021-11-11T11:11:00Z"}]"#,
    );
    assert_eq!(found.volume.to_string(), "3.67960285");
    assert_eq!(found.notional.average(found.volume).unwrap().to_string(), "679.63244497");
    let mut decoder = Decoder::new();
    let frame = r#"[{"T":"b","S":"A","o":1,"h":1,"l":1,"c":1,"v":1,"t":"2021-02-22T19:15:00Z"},{"T":"t","S":"A","i":1,"x":"D","p":1,"s":1,"t":"2021-02-22T19:15:00Z"}]"#;
    assert!(tick(&mut decoder, frame).is_some());
    assert_eq!(decoder.counted.unusable_bars, 1);
}

fn correction(original: u32, corrected: u32, price: &str) -> String {
    format!(
        r#"[{{"T":"c","S":"EEM","x":"M","oi":{original},"op":39.1582,"os":440000,"oc":[" ","7"],"ci":{corrected},"cp":{price},"cs":100,"cc":["@"],"t":"2023-04-06T14:25:06.5Z","z":"B"}}]"#
    )
}

#[test]
fn a_correction_repeats_the_trade_with_the_next_revision_and_a_second_one_finds_it() {
    let mut decoder = Decoder::new();
    let first = tick(&mut decoder, &correction(7, 8, "39.1")).unwrap();
    assert_eq!((first.sequence.map(stock_id), first.revision), (Some(7), 1));
    let TickBody::Trade { price, size, conditions, .. } = first.body else { panic!("{first:?}") };
    assert_eq!((price.to_string().as_str(), size.to_string().as_str(), conditions.as_str()), ("39.1", "100", "@"));
    assert_eq!(tick(&mut decoder, &correction(7, 8, "39.1")), None, "the same one says nothing new");
    // By the new id, and by the old one again.
    let second = tick(&mut decoder, &correction(8, 9, "39.2")).unwrap();
    assert_eq!((second.sequence, second.revision), (first.sequence, 2));
    let third = tick(&mut decoder, &correction(7, 10, "39.3")).unwrap();
    assert_eq!((third.sequence, third.revision), (first.sequence, 3));
    let cancel = r#"[{"T":"x","S":"EEM","i":9,"x":"M","p":39.2,"s":100,"a":"C","z":"C","t":"2023-04-06T15:15:42.8Z"}]"#;
    let last = tick(&mut decoder, cancel).unwrap();
    assert_eq!((last.sequence, last.revision), (first.sequence, 4));
    assert!(matches!(last.body, TickBody::Trade { size, .. } if size.is_zero()));
    assert_eq!(tick(&mut decoder, cancel), None);
    assert_eq!((decoder.counted.corrections, decoder.counted.cancels), (4, 2));
}

#[test]
fn a_corrected_trade_has_the_sequence_that_the_trade_had() {
    let mut decoder = Decoder::new();
    let trade = r#"[{"T":"t","i":7,"S":"EEM","x":"M","p":39.1582,"s":1,"t":"2023-04-06T13:30:00Z"}]"#;
    let trade = tick(&mut decoder, trade).unwrap();
    assert_eq!(tick(&mut decoder, &correction(7, 8, "39.1")).unwrap().sequence, trade.sequence);
}

#[test]
fn signals_are_of_the_last_frame() {
    fn check(frame: &str, expected: Signal) {
        let mut decoder = Decoder::new();
        decode_with(&mut decoder, frame).unwrap();
        assert_eq!(decoder.take_signals(), [expected], "{frame}");
        decode_with(&mut decoder, frame).unwrap();
        decode_with(&mut decoder, "[]").unwrap();
        assert_eq!(decoder.take_signals(), []);
    }
    check(r#"[{"T":"success","msg":"connected"}]"#, Signal::Connected);
    check(r#"[{"T":"success","msg":"authenticated"}]"#, Signal::Authenticated);
    let error = Signal::Error { code: 406, text: "connection limit exceeded".to_owned() };
    check(r#"[{"T":"error","code":406,"msg":"connection limit exceeded"}]"#, error);
    let set = vec![("bars".to_owned(), vec![]), ("trades".to_owned(), vec!["AAPL".to_owned()])];
    check(r#"[{"T":"subscription","trades":["AAPL"],"bars":[]}]"#, Signal::Subscribed(set));
    check(
        r#"[{"T":"s","S":"AAPL","sc":"H","sm":"Trading Halt","rc":"T12","rm":"Info","t":"2021-02-22T19:15:00Z","z":"C"}]"#,
        Signal::Trading { symbol: "AAPL".to_owned(), halted: true, text: "Trading Halt (H), Info (T12)".to_owned() },
    );
}

#[test]
fn a_book_of_a_new_connection_waits_for_its_reset() {
    let mut decoder = Decoder::new();
    let mut book = |second: u8, reset: &str| {
        let frame = format!(
            r#"[{{"T":"o","S":"BTC/USD","t":"2024-01-01T00:00:0{second}Z","b":[{{"p":1.5,"s":1}}],"a":[]{reset}}}]"#
        );
        let found = decode_with(&mut decoder, &frame).unwrap().1.remove(0);
        let FeedItem::Depth(depth) = found else { panic!("{found:?}") };
        assert_eq!(depth.bids, [level("1.5", "1")]);
        if second == 2 {
            decode_with(&mut decoder, r#"[{"T":"success","msg":"connected"}]"#).unwrap();
        }
        depth
    };
    let whole = book(1, r#","r":true"#);
    let last = book(2, "");
    assert_eq!(last.kind, messages::market::DepthKind::Diff { first: whole.last + 1 });
    let after = book(2, "");
    let messages::market::DepthKind::Diff { first } = after.kind else { panic!("{after:?}") };
    assert!(first > last.last + 1, "what was missed is not known");
    assert_eq!(book(3, r#","r":true"#).kind, messages::market::DepthKind::Snapshot);
}

fn wrapped(path: &str, body: &str) -> String {
    format!(r#"{{"rest":"{path}","data":{body}}}"#)
}

#[test]
fn an_answer_by_rest_says_what_the_stream_would_have_said() {
    let body = r#"{"trades":{"AAPL":[{"t":"2022-03-09T05:00:02.183Z","x":"D","p":159.07,"s":1,"c":["@","T","I"],"i":151,"z":"C"}]},"next_page_token":null}"#;
    let fetched = decode(&wrapped("/v2/stocks/trades?symbols=AAPL", body)).unwrap().1;
    let stream = r#"[{"T":"t","S":"AAPL","t":"2022-03-09T05:00:02.183Z","x":"D","p":159.07,"s":1,"c":["@","T","I"],"i":151,"z":"C"}]"#;
    assert_eq!(fetched, decode(stream).unwrap().1);
    let body = r#"{"bars":{"BTC/USD":[{"t":"2022-05-27T10:18:00Z","o":28999,"h":29003,"l":28999,"c":29003,"v":0.01,"n":4,"vw":29001}]}}"#;
    let bars = decode(&wrapped("/v1beta3/crypto/us/bars?timeframe=1Min&symbols=BTC%2FUSD", body)).unwrap().1;
    assert!(matches!(bars.as_slice(), [FeedItem::Bar(bar)] if bar.trade_count == 4));
    assert_eq!(decode(&wrapped("/v2/assets", "[]")).unwrap(), (Frame::Ignored, Vec::new()));
    assert!(decode(r#"{"rest":"/v2/stocks/trades?"}"#).is_err());
}

#[test]
fn trades_of_history_say_what_became_of_them() {
    let row = |id: u32, update: &str| {
        format!(r#"{{"t":"2023-04-06T14:00:00Z","x":"M","p":39,"s":5,"i":{id},"u":"{update}"}}"#)
    };
    let answer = |decoder: &mut Decoder, rows: &[String]| {
        let body = format!(r#"{{"trades":{{"EEM":[{}]}},"next_page_token":null}}"#, rows.join(","));
        decode_with(decoder, &wrapped("/v2/stocks/trades?symbols=EEM", &body)).unwrap().1
    };
    let seen = |items: &[FeedItem]| -> Vec<(i64, u16, String)> {
        let one = |item: &FeedItem| match item {
            FeedItem::Tick(Tick { sequence, revision, body: TickBody::Trade { size, .. }, .. }) => {
                (stock_id(sequence.unwrap()), *revision, size.to_string())
            }
            other => panic!("{other:?}"),
        };
        items.iter().map(one).collect()
    };
    let mut decoder = Decoder::new();
    let rows = [row(1, ""), row(2, "canceled"), row(7, "incorrect"), row(8, "corrected")];
    let size = |text: &str| text.to_owned();
    let expected = [(1, 0, size("5")), (2, 1, size("0")), (7, 1, size("0")), (8, 0, size("5"))];
    assert_eq!(seen(&answer(&mut decoder, &rows)), expected);
    // Where the stream told of the correction, there is nothing new.
    let mut decoder = Decoder::new();
    decode_with(&mut decoder, &correction(7, 8, "39")).unwrap();
    assert_eq!(seen(&answer(&mut decoder, &rows[2..])), []);
}

#[test]
fn recorded_answers_are_read() {
    let mut trades = 0;
    for body in testdata::alpaca_bodies().iter().filter(|body| body["trades"].is_object()) {
        let rows = body["trades"].as_object().unwrap();
        if rows.values().any(|rows| !rows.is_array()) || body.to_string().contains("C00") {
            continue; // The newest trade alone, and options.
        }
        let expected: usize = rows.values().map(|rows| rows.as_array().unwrap().len()).sum();
        let line = wrapped("/v2/stocks/trades?symbols=X", &body.to_string());
        trades += expected;
        assert_eq!(decode(&line).map(|(_, items)| items.len()).unwrap_or(0), expected, "{body}");
    }
    println!("{trades} recorded trades");
}
