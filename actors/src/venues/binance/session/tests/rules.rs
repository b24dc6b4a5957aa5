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
    assert_eq!(
        play.written[0]["params"],
        json!({"symbols": ["BTCUSDT"], "showPermissionSets": false}),
        "ours alone, and without a signature"
    );
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
    assert_eq!(play.written[0]["params"], json!({"symbols": ["BTCUSDT"], "showPermissionSets": false}));
    play.answer(&info());
    play.take();
    assert_eq!(refused(&mut play, "me-1-c", -1013, filter), [said("me-1-c")], "it was asked a moment ago");
    play.now = play.now.after(Duration::from_secs(60));
    assert_eq!(refused(&mut play, "me-1-d", -1013, filter), [said("me-1-d"), "exchangeInfo".to_owned()]);
}

fn ask_many(play: &mut Play, count: usize) {
    let symbol = |n| Instrument { exchange: Exchange::Binance, symbol: format!("S{n}USDT").parse().unwrap() };
    play.request(VenueRequest::Rules { instruments: (0..count).map(symbol).collect(), at: play.now });
}

/// Answers all that was asked as a venue that knows these symbols; how many were asked for by each question, and how many were told.
fn answer_all(play: &mut Play, knows: impl Fn(&str) -> bool) -> (Vec<usize>, usize) {
    let (mut asked, mut told) = (Vec::new(), 0);
    while let Some(question) = play.written.first() {
        let symbols = question["params"]["symbols"].as_array().unwrap().clone();
        asked.push(symbols.len());
        if symbols.iter().all(|symbol| knows(symbol.as_str().unwrap())) {
            let one =
                |symbol: Value| json!({"symbol": symbol, "status": "TRADING", "orderTypes": ["LIMIT"], "filters": []});
            play.answer(&json!({"symbols": symbols.into_iter().map(one).collect::<Value>()}));
            let of = |effect: &Effect| if let Effect::Rules(told) = effect { told.len() } else { 0 };
            told += play.done.last().map(of).unwrap_or_default();
        } else {
            play.refuse(400, -1121, "Invalid symbol.");
        }
    }
    (asked, told)
}

#[test]
fn many_symbols_are_asked_for_in_parts_that_fit_a_frame() {
    let mut play = Play::up();
    ask_many(&mut play, 120);
    ask_many(&mut play, 120);
    assert_eq!(answer_all(&mut play, |_| true), (vec![50, 50, 20], 120));
}

#[test]
fn one_symbol_that_is_gone_leaves_the_others_their_rules() {
    let mut play = Play::up();
    ask_many(&mut play, 120);
    let (asked, told) = answer_all(&mut play, |symbol| symbol != "S7USDT");
    assert_eq!(told, 119);
    assert!(asked.len() <= 15, "{asked:?}");
    let said = play.take();
    let lost: Vec<_> = said.iter().filter(|line| line.starts_with("unknown")).collect();
    assert_eq!(lost, ["unknown: the rules of S7USDT stay as they were"]);
}

#[test]
fn symbols_that_are_all_gone_leave_the_weight_to_orders_and_other_questions() {
    let mut play = Play::up();
    ask_many(&mut play, 200);
    let (asked, _) = answer_all(&mut play, |_| false);
    assert_eq!(asked.len(), 149, "half of a minute's weight, less what the connection took");
    play.take();
    play.submit("me-1-a");
    play.query("me-1-b");
    play.check(&["order.place", "me-1-a Submitted", "order.status"]);
    play.written.clear();
    // What waited goes on in the next minute.
    play.pass(Duration::from_secs(40));
    assert!(!answer_all(&mut play, |_| false).0.is_empty());
}
