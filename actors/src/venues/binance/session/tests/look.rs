//! What the account holds, as it is asked for and put together.

use messages::account::{AccountSnapshot, Mark, Wanted};

use super::*;

fn look(play: &mut Play) {
    let mark = Mark { at: UtcNanos(1), execution_id: "BTCUSDT:70:7".parse().ok() };
    let eth = Instrument { exchange: Exchange::Binance, symbol: "ETHUSDT".parse().unwrap() };
    let stock = Instrument { exchange: Exchange::Alpaca, symbol: "AAPL".parse().unwrap() };
    let wanted = vec![
        Wanted { instrument: stock, since: Some(mark) },
        Wanted { instrument: btc(), since: Some(mark) },
        Wanted { instrument: eth, since: None },
    ];
    play.request(VenueRequest::Account { wanted, at: play.now });
}

fn said(play: &mut Play) -> AccountSnapshot {
    let account = |effect| if let Effect::Account(snapshot) = effect { Some(*snapshot) } else { None };
    std::mem::take(&mut play.done).into_iter().find_map(account).expect("the account is said")
}

#[test]
fn orders_then_the_fills_that_are_wanted_then_balances() {
    let mut play = Play::up();
    look(&mut play);
    play.check(&["openOrders.status"]);
    let mut ours = order("me-1-a", 7, "PARTIALLY_FILLED", "0.4");
    ours["cummulativeQuoteQty"] = json!("40.0");
    play.answer(&json!([ours, order("web_1", 8, "NEW", "0")]));
    play.check(&["myTrades"]);
    assert_eq!(play.written[0]["params"]["fromId"], json!(70), "from the fill on that is known");
    let mut fill = trade(7, 71, "0.4");
    fill["isBuyer"] = json!(true);
    play.answer(&json!([fill]));
    play.check(&["account.status"]);
    play.answer(&json!({"balances": [{"asset": "USDT", "free": "60", "locked": "40"}]}));
    let said = said(&mut play);
    assert_eq!((said.asked, said.positions, said.missing), (play.now, None, Vec::<String>::new()));
    let open: Vec<_> = said.open.iter().map(|o| (o.client_order_id.as_str(), o.filled.to_string())).collect();
    assert_eq!(open, [("me-1-a", "0.4".to_owned()), ("web_1", "0".to_owned())]);
    assert_eq!(
        said.open[0].filled_notional,
        "100".parse::<messages::Price>().unwrap().notional("0.4".parse().unwrap())
    );
    let fills: Vec<_> = said.fills.iter().map(|f| (f.execution_id.as_str(), f.side)).collect();
    assert_eq!(fills, [("BTCUSDT:71:7", Side::Buy)], "the key is that of its report");
    assert_eq!(said.balances[0].total(), "100".parse().ok());
}

#[test]
fn what_cannot_be_learned_is_named_and_the_rest_is_asked_for() {
    let mut play = Play::up();
    look(&mut play);
    play.refuse(500, -1000, "down");
    play.answer(&json!([{"symbol": "BTCUSDT"}]));
    play.answer(&json!({"balances": []}));
    let missing = said(&mut play).missing;
    assert!(
        missing[0].starts_with("open orders: ") && missing[1].starts_with("fills of binance:BTCUSDT: 1 "),
        "{missing:?}"
    );
}

/// Without a fill to begin at the venue lists the newest thousand: where all of them are wanted, older ones may be, too.
#[test]
fn a_page_of_the_newest_fills_that_does_not_reach_back_is_not_whole() {
    let at = UtcNanos::from_millis(1_700_000_000_000).unwrap();
    for (mark, is_whole) in [(at, false), (at.after(Duration::from_secs(1)), true)] {
        let mut play = Play::up();
        let since = Some(Mark { at: mark, execution_id: None });
        play.request(VenueRequest::Account { wanted: vec![Wanted { instrument: btc(), since }], at: play.now });
        play.answer(&json!([]));
        let fill = |id: u64| {
            let mut fill = trade(7, id, "0.001");
            fill["isBuyer"] = json!(true);
            fill
        };
        play.answer(&(501..=1_500).map(fill).collect());
        assert_eq!(play.written[0]["params"]["fromId"], json!(1_501));
        play.answer(&json!([]));
        play.answer(&json!({"balances": []}));
        let missing = said(&mut play).missing;
        assert_eq!(missing.is_empty(), is_whole, "{missing:?}");
    }
}

#[test]
fn an_older_question_is_given_up() {
    let mut play = Play::up();
    look(&mut play);
    play.now = play.now.after(Duration::from_secs(1));
    look(&mut play);
    play.answer(&json!([order("me-1-a", 7, "NEW", "0")]));
    play.check(&["openOrders.status", "openOrders.status"]);
    play.answer(&json!([]));
    play.check(&["myTrades"]);
    play.step(|session, now, out| session.closed("gone", now, out));
    play.connect();
    play.pass(Duration::from_secs(5));
    assert!(play.written.is_empty(), "nothing of it goes on over another connection");
}
