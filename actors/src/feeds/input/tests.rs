//! Inputs from files: the recording, every packing, every malformed table, and bytes that are nothing.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use messages::caps::{FRAME_BYTES, UNDECODABLE_KEPT};
use messages::market::{DepthKind, FeedBatch, FeedItem, Source, Tick, TickBody};
use messages::orders::Side;
use messages::{Size, UtcNanos};
use proptest::prelude::*;
use tempfile::TempDir;

use super::{Format, Input, InputError, Merged};
use crate::wire::testdata;

mod archive;

fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn all(input: &mut Input) -> Result<Vec<FeedBatch>, InputError> {
    let mut batches = Vec::new();
    while let Some(batch) = input.next_batch()? {
        batches.push(batch);
    }
    Ok(batches)
}

/// All that a text of this format says, or why it cannot be read.
fn read(format: Format, bytes: &[u8]) -> Result<Vec<FeedBatch>, InputError> {
    let folder = TempDir::new().unwrap();
    let path = file(&folder, "input", bytes);
    all(&mut Input::open(&path, format, Source::Import)?)
}

fn ticks(batches: &[FeedBatch]) -> Vec<Tick> {
    let tick = |item: &FeedItem| match item {
        FeedItem::Tick(tick) => Some(*tick),
        _ => None,
    };
    batches.iter().flat_map(|batch| batch.items.iter().filter_map(tick)).collect()
}

/// The innermost reason, for texts with a path in front.
fn problem(error: &InputError) -> String {
    let text = error.to_string();
    text.rsplit_once("/input").map_or(text.clone(), |(_, rest)| rest.to_owned())
}

#[test]
fn formats_are_named() {
    for format in Format::ALL {
        assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
    }
    let error = "xml".parse::<Format>().unwrap_err().to_string();
    assert_eq!(error, "`xml` is not an input format; expected binance-frames, alpaca-frames, csv or parquet");
}

#[test]
fn the_recording_is_read_whole_and_in_order() {
    let Some(data) = testdata::recorded() else { return };
    let open =
        |name: &str| Input::open(&data.join("binance").join(name), Format::BinanceFrames, Source::Replay).unwrap();
    // Named in the wrong order: the receive times put them right.
    let mut merged = Merged::new(vec![open("btcusdt_20240809.gz"), open("btcusdt_20240808.gz")]);
    let (mut trades, mut quotes, mut diffs, mut snapshots) = (0, 0, 0, 0);
    let (mut volume, mut last, mut trade_id) = (Size::ZERO, UtcNanos::MIN, None);
    while let Some(batch) = merged.next_batch().unwrap() {
        assert!(batch.received >= last);
        last = batch.received;
        for item in batch.items {
            match item {
                FeedItem::Tick(Tick { body: TickBody::Trade { size, .. }, sequence, .. }) => {
                    trades += 1;
                    volume = volume.checked_add(size).unwrap();
                    assert!(trade_id.is_none_or(|before| sequence == Some(before + 1)));
                    trade_id = sequence;
                }
                FeedItem::Tick(tick) => {
                    quotes += 1;
                    assert_eq!(tick.time, batch.received);
                }
                FeedItem::Depth(depth) if depth.kind == DepthKind::Snapshot => snapshots += 1,
                FeedItem::Depth(_) => diffs += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!([trades, quotes, diffs, snapshots], [19_904, 73_174, 6_495, 1]);
    assert_eq!(volume.to_string(), "437.91552");
    assert_eq!((merged.undecodable(), merged.backward_times()), (0, 0));
    let (read, total) = merged.progress();
    assert_eq!(read, total);
}

const TRADE: &str = r#"{"e":"trade","s":"BTCUSDT","t":1,"p":"2","q":"3","T":5,"m":true}"#;

#[test]
fn packings_are_told_by_their_bytes() {
    let plain = format!("1000 {TRADE}\n2000 {TRADE}\n");
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(plain.as_bytes()).unwrap();
    let gz = gz.finish().unwrap();
    let zst = zstd::encode_all(plain.as_bytes(), 3).unwrap();
    let expected = read(Format::BinanceFrames, plain.as_bytes()).unwrap();
    assert_eq!(expected.len(), 2);
    for packed in [&gz, &zst] {
        assert_eq!(read(Format::BinanceFrames, packed).unwrap(), expected);
    }
    for packed in [&gz, &zst] {
        let error = read(Format::BinanceFrames, &packed[..packed.len() - 5]).unwrap_err();
        assert!(matches!(error, InputError::Damaged { .. }), "{error}");
        assert!(problem(&error).contains("copy or download it again"));
    }
    let error = read(Format::BinanceFrames, b"PAR1....").unwrap_err();
    assert_eq!(problem(&error), " is not text, but Parquet; name its format with --format");
}

#[test]
fn a_missing_file_is_named() {
    let error = Input::open(Path::new("/no/such"), Format::Csv, Source::Import).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "cannot read /no/such; check that it is a file and that you may read it");
}

#[test]
fn undecodable_frames_are_set_aside_and_the_reading_goes_on() {
    let long = "x".repeat(FRAME_BYTES + 10);
    let text = format!("1000 {TRADE}\nno time\n1500 {{\n1600 {long}\n\n2000 {TRADE}\r\n1999 {TRADE}");
    let folder = TempDir::new().unwrap();
    let path = file(&folder, "input", text.as_bytes());
    let mut input = Input::open(&path, Format::BinanceFrames, Source::Replay).unwrap();
    let received: Vec<i64> = all(&mut input).unwrap().iter().map(|batch| batch.received.0).collect();
    assert_eq!(received, [1_000, 2_000, 2_000]);
    assert_eq!((input.undecodable(), input.backward_times()), (3, 1));
    let aside = input.take_undecodable();
    let seen: Vec<(i64, usize)> = aside.iter().map(|u| (u.received.0, u.frame.len())).collect();
    assert_eq!(seen, [(1_000, 7), (1_500, 1), (1_500, 4_096)]);
    assert!(aside[1].error.starts_with("not json"));
    assert!(input.take_undecodable().is_empty());
    assert_eq!(input.undecodable(), 3);
}

#[test]
fn what_is_set_aside_is_bounded_and_all_of_it_counted() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder, "input", "1 {\n".repeat(UNDECODABLE_KEPT + 7).as_bytes());
    let mut input = Input::open(&path, Format::AlpacaFrames, Source::Replay).unwrap();
    assert!(all(&mut input).unwrap().is_empty());
    assert_eq!(input.take_undecodable().len(), UNDECODABLE_KEPT);
    assert_eq!(input.undecodable(), UNDECODABLE_KEPT as u64 + 7);
}

#[test]
fn frames_that_say_nothing_make_no_batch() {
    let text = format!("1 {{\"result\":null,\"id\":1}}\n2 {TRADE}\n");
    assert_eq!(read(Format::BinanceFrames, text.as_bytes()).unwrap().len(), 1);
}

#[test]
fn a_table_has_trades_and_quotes_in_any_order_of_columns() {
    let text = "symbol,Exchange,timestamp,price,size,side,id,bid_price,bid_size,ask_price,ask_size,note\n\
                BTCUSDT,binance,1723161255342,61837.63,0.02,sell,7,,,,,first\n\
                AAPL,alpaca,2024-08-09 00:00:00.5,,,,,1.5,2,1.6,3,\n\
                \"ETHUSDT\",,2024-08-09T00:00:01Z,\"3,5\",1,,,,,,,\n";
    let error = read(Format::Csv, text.as_bytes()).unwrap_err();
    let expected = " line 4, column `price`: `3,5` is not a price of at most 8 decimals; correct it and start again";
    assert_eq!(problem(&error), expected);
    let batches = read(Format::Csv, text.replace("3,5", "3.5").as_bytes()).unwrap();
    let found = ticks(&batches);
    assert_eq!(batches[0].received, found[0].time);
    assert_eq!((found[0].instrument.to_string().as_str(), found[0].sequence), ("binance:BTCUSDT", Some(7)));
    let TickBody::Trade { aggressor, .. } = found[0].body else { panic!("{found:?}") };
    assert_eq!(aggressor, Some(Side::Sell));
    assert!(matches!(found[1].body, TickBody::Quote { bid: Some(_), ask: Some(_) }));
    assert_eq!(found[2].instrument.to_string(), "binance:ETHUSDT");
}

#[test]
fn times_of_a_table_are_read_by_magnitude() {
    fn check(time: &str, nanos: i64) {
        let text = format!("timestamp,symbol,price,size\n{time},A,1,1\n");
        assert_eq!(ticks(&read(Format::Csv, text.as_bytes()).unwrap())[0].time.0, nanos, "{time}");
    }
    check("1723161255", 1_723_161_255_000_000_000);
    check("1723161255342", 1_723_161_255_342_000_000);
    check("1723161255342001", 1_723_161_255_342_001_000);
    check("1723161255342001002", 1_723_161_255_342_001_002);
    check("1970-01-01 00:00:01.5", 1_500_000_000);
    check("1970-01-01T01:00:00+01:00", 0);
}

#[test]
fn malformed_tables_say_where() {
    fn check(text: &str, expected: &str) {
        assert_eq!(problem(&read(Format::Csv, text.as_bytes()).unwrap_err()), expected, "{text}");
    }
    let needed = "its header needs timestamp, symbol and price, size (trades) or bid_price, bid_size, ask_price, \
                  ask_size (quotes)";
    check("", &format!(" has no column `timestamp`; {needed}"));
    check("timestamp,price,size\n", &format!(" has no column `symbol`; {needed}"));
    check("timestamp,symbol\n", &format!(" has no column `price`; {needed}"));
    check("timestamp,symbol,price\n", &format!(" has no column `size`; {needed}"));
    check("timestamp,symbol,bid_price\n", &format!(" has no column `bid_size`; {needed}"));
    let row = |row: &str| format!("timestamp,symbol,price,size,side,exchange,id\n1,A,1,1,,,\n{row}\n");
    let again = "correct it and start again";
    let check_row = |text: &str, problem: &str| check(&row(text), &format!(" line 3{problem}; {again}"));
    check_row(
        "soon,A,1,1,,,",
        ", column `timestamp`: `soon` is not a UTC time: text, or seconds, ms, µs or ns since 1970",
    );
    check_row("1,,1,1,,,", ", column `symbol`: `` is not a symbol");
    check_row("1,A,1,-1,,,", ", column `size`: `-1` is not a size");
    check_row("1,A,1,,,,", ", column `size`: `` is not a size");
    check_row("1,A,,,,,", ", column `price`: `` is not a price, and there is no bid or ask either");
    check_row("1,A,1,1,up,,", ", column `side`: `up` is not a side: buy, sell or nothing");
    check_row("1,A,1,1,,nyse,", ", column `exchange`: `nyse` is not an exchange: binance, alpaca or simulated");
    check_row("1,A,1,1,,,x", ", column `id`: `x` is not a whole number");
    check_row("1,A,1", ": 3 fields; the header has 7");
}

#[test]
fn a_table_that_never_ends_its_record_is_refused() {
    let text = format!("timestamp,symbol,price,size\n\"{}", "1,A\n".repeat(FRAME_BYTES / 4 + 1));
    assert!(matches!(read(Format::Csv, text.as_bytes()).unwrap_err(), InputError::Row { .. }));
}

#[test]
fn ties_are_merged_in_the_order_of_the_inputs() {
    let folder = TempDir::new().unwrap();
    let open = |name: &str, times: &[i64]| {
        let text: String = times.iter().map(|t| format!("{t} {}\n", TRADE.replace("BTCUSDT", name))).collect();
        Input::open(&file(&folder, name, text.as_bytes()), Format::BinanceFrames, Source::Replay).unwrap()
    };
    let mut merged = Merged::new(vec![open("A", &[1, 3, 3]), open("B", &[2, 3]), open("C", &[])]);
    let mut found = Vec::new();
    while let Some(batch) = merged.next_batch().unwrap() {
        let received = batch.received.0;
        found.push(format!("{}{received}", ticks(&[batch])[0].instrument.symbol));
    }
    assert_eq!(found, ["A1", "B2", "A3", "A3", "B3"]);
    assert!(merged.take_undecodable().is_empty());
}

#[test]
fn an_input_can_move_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Merged>();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_panic(
        format in proptest::sample::select(Format::ALL.to_vec()),
        magic in proptest::sample::select(vec![&b""[..], b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"PAR1", b"timestamp,symbol,price,size\n"]),
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let _ = read(format, &[magic, &bytes].concat());
    }

    #[test]
    fn no_text_panics(format in proptest::sample::select(Format::ALL.to_vec()), text in "([0-9]{0,25} ?[\\[{\":,a-zT0-9}\\]\n]{0,20}){0,8}") {
        let _ = read(format, format!("timestamp,symbol,price,size\n{text}").as_bytes());
    }
}
