//! The rules of symbols, asked for again: on request, and where a filter refused what passed here.

use super::*;
use crate::venues::rules;

fn info() -> Value {
    let lot = json!({"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "10", "stepSize": "0.001"});
    json!({"symbols": [{"symbol": "BTCUSDT", "status": "HALT", "orderTypes": ["LIMIT"], "filters": [lot]}]})
}

fn ask(play: &mut Play) {
    let stock = Instrument { exchange: Exchange::Alpaca, symbol: "AAPL".parse().unwrap() };
    play.request(VenueRequest::Rules { instruments: vec![btc(), stock], at: play.now });
}

#[test]
fn rules_are_asked_for_once_and_told() {
    let mut play = Play::up();
    ask(&mut play);
    ask(&mut play);
    play.check(&["exchangeInfo"]);
    assert_eq!(play.written[0]["params"], json!({"symbols": ["BTCUSDT"]}), "ours alone, and without a signature");
    play.answer(&info());
    let done = std::mem::take(&mut play.done);
    let [Effect::Rules(told)] = &done[..] else { panic!("{done:?}") };
    let read = rules::read(&told[0]).unwrap().as_value();
    assert_eq!((told.len(), told[0].instrument), (1, btc()));
    assert_eq!((&read["status"], &read["lot"]["step"]), (&json!("HALT"), &json!("0.001")));
    ask(&mut play);
    play.check(&["exchangeInfo"]);
}

#[test]
fn what_cannot_be_learned_is_said() {
    let mut play = Play::up();
    for _ in 0..2 {
        ask(&mut play);
        play.refuse(400, -1121, "Invalid symbol.");
        play.check(&["exchangeInfo", "unknown: the rules of BTCUSDT stay as they were"]);
    }
    ask(&mut play);
    play.answer(&json!({"symbols": "none"}));
    play.check(&["exchangeInfo", "unknown: the rules of BTCUSDT stay as they were"]);
    play.request(VenueRequest::Rules { instruments: Vec::new(), at: play.now });
    play.check(&[]);
}

#[test]
fn a_refusal_by_a_filter_makes_us_ask_but_not_each_of_a_row() {
    let mut play = Play::up();
    let refused = |play: &mut Play, name: &str, code, text: &str| {
        play.submit(name);
        play.refuse(400, code, text);
        play.take().split_off(2)
    };
    let (filter, said) = ("Filter failure: LOT_SIZE", |name: &str| format!("{name} rejected binance.lot_size"));
    assert_eq!(
        refused(&mut play, "me-1-a", -2010, "Market is closed."),
        ["me-1-a rejected binance.market_closed"],
        "not by a filter"
    );
    assert_eq!(refused(&mut play, "me-1-b", -1013, filter), [said("me-1-b"), "exchangeInfo".to_owned()]);
    assert_eq!(play.written[0]["params"], json!({"symbols": ["BTCUSDT"]}));
    play.answer(&info());
    play.take();
    assert_eq!(refused(&mut play, "me-1-c", -1013, filter), [said("me-1-c")], "it was asked a moment ago");
    play.now = play.now.after(Duration::from_secs(60));
    assert_eq!(refused(&mut play, "me-1-d", -1013, filter), [said("me-1-d"), "exchangeInfo".to_owned()]);
}
