//! What a message that cannot be read costs.

use super::gaps::{STOCKS, page};
use super::*;

#[test]
fn a_trade_that_cannot_be_read_is_missing_and_asked_for() {
    let mut play = Play::live(settings(Feed::Iex, &["AAPL", "MSFT"], &STOCKS));
    play.frame(&trade("AAPL", 1, "2026-11-24T15:00:01Z"));
    play.pass(Duration::from_secs(2));
    let bad = r#"{"T":"t","S":"MSFT","x":"V","p":0.123456789,"s":1,"t":"2026-11-24T15:00:02Z","i":9}"#;
    let good = trade("AAPL", 2, "2026-11-24T15:00:02Z");
    play.frame(&format!("[{bad},{}", &good[1..]));
    assert_eq!((play.trades(), play.out.undecodable.len()), (1, 1));
    assert_eq!(play.gap_list(), ["MSFT trades sequence open"]);
    assert_eq!(play.gaps()[0].from, BEGIN.parse().unwrap(), "when something was heard before");
    // Those that follow are part of the same gap, and of one request.
    for _ in 0..9 {
        play.pass(Duration::from_secs(1));
        assert!(play.frame(&format!("[{bad}]")).items.is_empty());
    }
    play.wake();
    let (id, url) = play.request().unwrap();
    assert!(url.contains("symbols=MSFT&start=2026-11-24T14:59:50"), "{url}");
    play.answer(id, 200, &page(&[], "null"));
    assert_eq!(play.gap_list(), ["MSFT trades recovered closed"]);
    assert!(play.request().is_none() && play.state() == "live");
}

#[test]
fn what_nobody_can_tell_whose_it_is_is_asked_for_of_all() {
    for frame in ["[{\"T\":\"t\",\"p\":1}]", "[{\"S\":\"AAPL\"}]", "[5]", "[{\"T\":"] {
        let mut play = Play::live(settings(Feed::Iex, &["AAPL"], &[Channel::Trades]));
        assert_eq!(play.frame(frame).undecodable.len(), 1, "{frame}");
        assert_eq!(play.gap_list(), ["AAPL trades disconnect open"], "{frame}");
    }
}

#[test]
fn a_book_that_lacks_an_update_is_subscribed_anew() {
    let mut play = Play::live(settings(Feed::Crypto, &["BTC/USD"], &[Channel::Trades, Channel::Orderbooks]));
    let book = |price: &str, reset: bool| {
        format!(
            r#"[{{"T":"o","S":"BTC/USD","t":"2026-11-24T15:00:00Z","b":[{{"p":{price},"s":1}}],"a":[],"r":{reset}}}]"#
        )
    };
    play.frame(&book("1", true));
    play.frame(&book("null", false));
    assert_eq!(play.gap_list(), ["BTC/USD depth sequence open"]);
    assert_eq!(play.session.status(play.now).symbols[0].book, "waiting");
    assert_eq!(play.sent().unwrap(), ("unsubscribe".to_owned(), vec!["BTC/USD".to_owned()]));
    assert!(!format!("{:?}", play.out.effects).contains("trades"), "the trades go on");
    play.frame(r#"[{"T":"subscription","trades":["BTC/USD"],"orderbooks":[]}]"#);
    assert_eq!(play.sent().unwrap(), ("subscribe".to_owned(), vec!["BTC/USD".to_owned()]));
    play.acknowledge_all();
    play.frame(&book("2", true));
    assert_eq!(play.gap_list(), ["BTC/USD depth recovered closed"]);
    assert_eq!(play.session.status(play.now).symbols[0].book, "synced");
    // The next time it is not asked for at once: a book that can never be read would be asked for without end.
    let before = play.now;
    assert!(play.frame(&book("null", true)).effects.is_empty());
    play.pass(Duration::from_secs(30));
    play.hear(Heard::Alive(play.link));
    play.wake();
    assert_eq!(play.sent().unwrap().0, "unsubscribe");
    assert_eq!(play.now, before.after(Duration::from_secs(60)));
}
