//! How assets are listed, asked for again.

use super::*;
use crate::venues::rules;

#[test]
fn assets_are_asked_for_once_each_and_told() {
    let mut play = Play::live("[]");
    play.said();
    for _ in 0..2 {
        let instruments = vec![instrument("AAPL"), instrument("BTC/USD")];
        play.request(&VenueRequest::Rules { instruments, at: play.now });
    }
    play.says(&["assets/AAPL", "assets/BTC%2FUSD"]);
    let listed = r#"{"symbol":"AAPL","class":"us_equity","status":"inactive","tradable":true,"shortable":true}"#;
    play.answer("assets/AAPL", 200, listed);
    let out = std::mem::take(&mut play.out);
    let [Do::Rules(told)] = &out[..] else { panic!("{out:?}") };
    assert_eq!((told.len(), told[0].instrument), (1, instrument("AAPL")));
    assert_eq!(rules::read(&told[0]).unwrap().as_value()["tradable"], false);
    play.answer("assets/BTC", 404, r#"{"code":40410000,"message":"asset not found"}"#);
    assert!(matches!(&play.out[..], [Do::Tell(Note::Unreadable { .. })]), "{:?}", play.out);
}

#[test]
fn too_many_requests_wait_for_their_turn() {
    let mut play = Play::live("[]");
    play.said();
    play.request(&VenueRequest::Rules { instruments: vec![instrument("AAPL")], at: play.now });
    play.answer_with("assets/AAPL", Ok((429, Some(Duration::from_secs(3)), "")));
    play.says(&["Limited"]);
    play.wait(3.0);
    play.says(&["assets/AAPL"]);
}

/// Each asset is a call: a look, which new orders wait for, must not stand behind them, nor must orders.
#[test]
fn many_assets_keep_neither_the_look_nor_orders_waiting() {
    let mut play = Play::live("[]");
    play.said();
    let instruments: Vec<_> = (0..150).map(|n| instrument(&format!("S{n}"))).collect();
    play.request(&VenueRequest::Rules { instruments: instruments.clone(), at: play.now });
    assert_eq!(play.said().len(), 79, "with the sweep, 40 of a hundred");
    play.request(&VenueRequest::Account { wanted: Vec::new(), at: play.now });
    for (path, body) in [
        ("status=open", "[]"),
        ("/v2/positions", "[]"),
        ("/v2/account", r#"{"status":"ACTIVE","currency":"USD","cash":"1"}"#),
    ] {
        play.answer(path, 200, body);
    }
    let said = std::mem::take(&mut play.out);
    let whole = |one: &Do| matches!(one, Do::Account(told) if told.missing.is_empty());
    assert!(said.iter().any(whole), "{said:?}");
    play.request(&submit("m-1"));
    play.says(&["POST orders", "m-1 submitted"]);
    // Those that wait are not asked for twice, and have their turn in the next minute.
    play.request(&VenueRequest::Rules { instruments, at: play.now });
    assert_eq!(play.said(), [""; 0]);
    play.wait(30.0);
    play.hear(Heard::Alive);
    play.wait(30.0);
    assert_eq!(play.said().len(), 71);
}
