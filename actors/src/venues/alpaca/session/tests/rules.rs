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
