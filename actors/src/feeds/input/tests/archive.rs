//! Parquet files made here: sorted as our archive sorts them, mistyped, and damaged.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, Int16Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use parquet::arrow::ArrowWriter;

use super::*;

fn decimals(values: Vec<Option<i128>>) -> ArrayRef {
    Arc::new(Decimal128Array::from(values).with_precision_and_scale(18, 8).unwrap())
}

/// Two quotes and two trades, quotes first as in the archive, though they came turn by turn.
fn columns() -> Vec<(&'static str, ArrayRef)> {
    let one = 100_000_000;
    let quotes = |value: i128| decimals(vec![Some(value), None, None, None]);
    let trades = |value: i128| decimals(vec![None, None, Some(value), Some(value + 1)]);
    let asks = |value: i128| decimals(vec![Some(value), Some(value), None, None]);
    vec![
        ("tick_id", Arc::new(Int64Array::from(vec![1, 4, 2, 3]))),
        ("exchange", Arc::new(StringArray::from(vec!["binance"; 4]))),
        ("symbol", Arc::new(StringArray::from(vec!["BTCUSDT"; 4]))),
        ("timestamp", Arc::new(TimestampMicrosecondArray::from(vec![10, 20, 11, 20]))),
        ("kind", Arc::new(StringArray::from(vec!["quote", "quote", "trade", "trade"]))),
        ("bid_price", quotes(3 * one)),
        ("ask_price", asks(4 * one)),
        ("bid_size", quotes(one)),
        ("ask_size", asks(one)),
        ("last_price", trades(4 * one)),
        ("volume", trades(one / 2)),
        ("aggressor_side", Arc::new(StringArray::from(vec![None, None, Some("buy"), None]))),
        ("sequence_number", Arc::new(Int64Array::from(vec![None, None, Some(7), Some(8)]))),
        ("conditions", Arc::new(StringArray::from(vec![None, None, Some("agg"), None]))),
        ("revision", Arc::new(Int16Array::from(vec![0, 0, 0, 1]))),
        ("ingestion_time", Arc::new(TimestampMicrosecondArray::from(vec![Some(12), Some(21), Some(13), Some(21)]))),
    ]
}

fn written(columns: Vec<(&'static str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn with(name: &str, column: ArrayRef) -> Vec<u8> {
    written(columns().into_iter().map(|(n, c)| if n == name { (n, column.clone()) } else { (n, c) }).collect())
}

#[test]
fn an_archive_plays_as_it_happened() {
    let batches = read(Format::Parquet, &written(columns())).unwrap();
    let received: Vec<i64> = batches.iter().map(|batch| batch.received.0).collect();
    assert_eq!(received, [12_000, 13_000, 21_000, 21_000]);
    let found = ticks(&batches);
    let kinds: Vec<bool> = found.iter().map(|t| matches!(t.body, TickBody::Trade { .. })).collect();
    // At 21 µs the trade has the lower tick_id.
    assert_eq!(kinds, [false, true, true, false]);
    assert_eq!((found[1].time.0, found[1].sequence, found[2].revision), (11_000, Some(7), 1));
    let TickBody::Trade { price, size, aggressor, conditions } = found[1].body else { panic!("{found:?}") };
    assert_eq!((price.to_string(), size.to_string()), ("4".to_owned(), "0.5".to_owned()));
    assert_eq!((aggressor, conditions.as_str()), (Some(Side::Buy), "agg"));
    assert!(matches!(found[3].body, TickBody::Quote { bid: None, ask: Some(_) }));
}

#[test]
fn the_optional_columns_may_be_absent() {
    let optional = ["tick_id", "conditions", "revision", "ingestion_time"];
    let few = columns().into_iter().filter(|(name, _)| !optional.contains(name)).collect();
    let batches = read(Format::Parquet, &written(few)).unwrap();
    let received: Vec<i64> = batches.iter().map(|batch| batch.received.0).collect();
    assert_eq!(received, [10_000, 11_000, 20_000, 20_000]);
}

#[test]
fn malformed_files_say_what_is_wrong() {
    fn check(bytes: &[u8], expected: &str) {
        assert_eq!(problem(&read(Format::Parquet, bytes).unwrap_err()), expected);
    }
    let packed = " is not a Parquet file (a packed one has to be unpacked first); name its format with --format";
    check(b"", packed);
    check(b"timestamp,symbol\n", packed);
    check(b"PAR1", " is damaged or written in a way that is not supported; write it again");
    let few = columns().into_iter().filter(|(name, _)| *name != "volume").collect();
    assert!(problem(&read(Format::Parquet, &written(few)).unwrap_err()).starts_with(" has no column `volume`"));
    let floats = with("last_price", Arc::new(Float64Array::from(vec![1.0; 4])));
    check(&floats, ": column `last_price` is Float64; expected DECIMAL(18,8)");
    let text = with("timestamp", Arc::new(StringArray::from(vec!["now"; 4])));
    check(&text, ": column `timestamp` is Utf8; expected TIMESTAMP");
    let kinds = with("kind", Arc::new(StringArray::from(vec!["quote", "trade", "bar", "trade"])));
    check(&kinds, " line 2, column `last_price`: `NULL` is not the price of a trade; correct it and start again");
    let kinds = with("kind", Arc::new(StringArray::from(vec!["quote", "quote", "bar", "trade"])));
    check(&kinds, " line 3, column `kind`: `bar` is not trade or quote; correct it and start again");
    let late = with("timestamp", Arc::new(TimestampMicrosecondArray::from(vec![i64::MAX; 4])));
    check(&late, " line 1, column `timestamp`: `NULL` is not a time between 1677 and 2262; correct it and start again");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn no_damage_panics(at: usize, byte: u8, cut: bool) {
        let mut bytes = written(columns());
        let at = at % bytes.len();
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        let _ = read(Format::Parquet, &bytes);
    }
}
