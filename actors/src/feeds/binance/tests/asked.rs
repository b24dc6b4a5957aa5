//! Answers by REST: as lines of a recording, and what may be traded.

use messages::market::{DepthKind, FeedItem, TickBody};

use super::super::{exchange_info, rest};
use super::{Decoder, decode, level, one_tick};
use crate::wire::{DecodeError, testdata};

fn line(question: &str, body: &str) -> String {
    String::from_utf8(rest::line(question, body.as_bytes())).unwrap()
}

#[test]
fn a_book_is_read_with_the_symbol_that_was_asked_for() {
    let body = "{\"lastUpdateId\":11,\n\"bids\":[[\"1.5\",\"2\"]],\"asks\":[]}";
    let line = line("/api/v3/depth?symbol=%E5%B8%81%E5%AE%89USDT&limit=5000", body);
    assert!(!line.contains('\n'), "one line");
    let items = decode(&line).unwrap().1;
    let [FeedItem::Depth(depth)] = &items[..] else { panic!("{items:?}") };
    assert_eq!((depth.kind, depth.last, depth.instrument.symbol.as_str()), (DepthKind::Snapshot, 11, "币安USDT"));
    assert_eq!(depth.bids, [level("1.5", "2")]);
}

#[test]
fn a_trade_by_rest_is_the_trade_of_the_stream() {
    let row = r#"{"id":7,"price":"61837.63000000","qty":"0.02","quoteQty":"1","time":1723161255342,"isBuyerMaker":true,"isBestMatch":true}"#;
    let streamed = r#"{"e":"trade","E":2,"s":"BTCUSDT","t":7,"p":"61837.63000000","q":"0.02","T":1723161255342,"m":true,"M":true}"#;
    let asked = line("/api/v3/historicalTrades?symbol=BTCUSDT&fromId=7&limit=1", &format!("[{row}]"));
    assert_eq!(one_tick(&asked), one_tick(streamed));
    let aggregate = r#"{"a":9,"p":"1.5","q":"2","f":1,"l":3,"T":5,"m":false,"M":true}"#;
    let asked = one_tick(&line("/api/v3/aggTrades?symbol=BTCUSDT&fromId=9", &format!("[{aggregate}]")));
    assert_eq!(asked.sequence, Some(9));
    assert!(matches!(asked.body, TickBody::Trade { conditions, .. } if conditions.as_str() == "agg"));
}

#[test]
fn an_answer_that_cannot_be_read_says_why() {
    let check = |line: String, expected: &str| assert_eq!(decode(&line).unwrap_err().to_string(), expected);
    check(line("/api/v3/depth?limit=5", "{}"), "REST answer without field `symbol`");
    check(line("/api/v3/depth?symbol=A", "{}"), "depth message without field `lastUpdateId`");
    check(line("/api/v3/time", "{}"), "unknown event kind `/api/v3/time`");
    check(line("/api/v3/historicalTrades?symbol=A", r#"[{"id":1}]"#), "historical trade without field `price`");
    let none = decode(&line("/api/v3/historicalTrades?symbol=A", "[]")).unwrap().1;
    assert_eq!(none, []);
    assert!(
        Decoder::new()
            .decode(br#"{"rest":"/api/v3/depth?symbol=%ZZ","data":{}}"#, super::RECEIVED, &mut Vec::new())
            .is_err()
    );
}

#[test]
fn rules_are_read_and_what_is_switched_off_is_zero() {
    let body = r#"{"symbols":[
        {"symbol":"AUSDT","status":"BREAK","baseAsset":"A","quoteAsset":"USDT","filters":[
            {"filterType":"PRICE_FILTER","minPrice":"0","maxPrice":"0","tickSize":"0.00000000"},
            {"filterType":"NOTIONAL","minNotional":"5.00000000"}]},
        {"symbol":"BUSDT","status":"TRADING","baseAsset":"B","quoteAsset":"USDT","filters":[
            {"filterType":"PRICE_FILTER","tickSize":"x"}]},
        {"status":"TRADING"}]}"#;
    let info = exchange_info::read(body.as_bytes()).unwrap();
    let [only] = &info.symbols[..] else { panic!("{info:?}") };
    assert!(!only.is_trading() && only.rules.price_step.is_zero() && only.rules.quantity_step.is_zero());
    assert_eq!(only.rules.min_notional.to_string(), "5");
    let why: Vec<(&str, String)> = info.refused.iter().map(|(name, why)| (name.as_str(), why.to_string())).collect();
    assert_eq!(why[0].0, "BUSDT");
    assert!(why[0].1.contains("tickSize") && why[1].1.contains("without field `symbol`"), "{why:?}");
    assert!(matches!(exchange_info::read(b"<html>"), Err(DecodeError::NotJson { .. })));
}

#[test]
fn the_recorded_exchange_info_is_read() {
    let Some(body) = testdata::text("binance/rest/general/exchange_info.json") else { return };
    let info = exchange_info::read(body.as_bytes()).unwrap();
    assert_eq!((info.symbols.len(), info.refused.len()), (3, 0));
    let rules = &info.symbols[0].rules;
    assert!(info.symbols.iter().all(exchange_info::Listed::is_trading));
    assert_eq!((rules.base.as_str(), rules.quote.as_str()), ("ETH", "BTC"));
    let texts = [rules.price_step.to_string(), rules.quantity_step.to_string(), rules.min_notional.to_string()];
    assert_eq!(texts, ["0.000001", "0.001", "0.0001"]);
    let snapshot = testdata::text("binance/rest/market/get_depth.json").unwrap();
    let items = decode(&line("/api/v3/depth?symbol=LTCBTC", &snapshot)).unwrap().1;
    assert!(matches!(&items[..], [FeedItem::Depth(depth)] if depth.kind == DepthKind::Snapshot));
}
