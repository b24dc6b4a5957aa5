//! What the account holds, as it is asked for and put together.

use messages::account::{AccountSnapshot, Mark, Wanted};
use messages::{Exchange, Instrument};

use super::*;

fn look(play: &mut Play) {
    let mark = Mark { at: play.now.before(Duration::from_secs(600)), execution_id: "e1".parse().ok() };
    let of = |symbol: &str| Instrument { exchange: Exchange::Alpaca, symbol: symbol.parse().unwrap() };
    let wanted =
        vec![Wanted { instrument: of("AAPL"), since: Some(mark) }, Wanted { instrument: of("BTC/USD"), since: None }];
    play.request(&VenueRequest::Account { wanted, at: play.now });
}

fn account(play: &mut Play) -> AccountSnapshot {
    let account = |one| if let Do::Account(snapshot) = one { Some(*snapshot) } else { None };
    std::mem::take(&mut play.out).into_iter().find_map(account).expect("the account is said")
}

const ORDER: &str = r#"[{"id":"v1","client_order_id":"m-1-1","symbol":"AAPL","status":"partially_filled","type":"limit",
    "time_in_force":"gtc","side":"buy","qty":"10","limit_price":"100","filled_qty":"4","filled_avg_price":"99.5",
    "submitted_at":"2026-11-27T14:00:00Z"}]"#;

fn activity(key: &str, symbol: &str, time: &str) -> String {
    format!(
        r#"{{"id":"1::{key}","activity_type":"FILL","order_id":"v1","symbol":"{symbol}","side":"buy","price":"99.5","qty":"4","cum_qty":"4","transaction_time":"{time}"}}"#
    )
}

#[test]
fn orders_then_the_fills_that_are_wanted_then_positions_and_cash() {
    let mut play = Play::live("[]");
    play.said();
    look(&mut play);
    play.answer("status=open", 200, ORDER);
    let fills = [
        activity("e1", "AAPL", "2026-11-27T14:55:00Z"),
        activity("e0", "AAPL", "2026-11-27T14:49:30Z"),
        activity("e2", "MSFT", "2026-11-27T14:55:00Z"),
    ];
    play.answer("activities/FILL", 200, &format!("[{}]", fills.join(",")));
    let positions = r#"[{"symbol":"BTCUSD","asset_class":"crypto","qty":"0.5","side":"long","avg_entry_price":"60000"},
        {"symbol":"MSFT","asset_class":"us_equity","qty":"2","side":"short","avg_entry_price":"400"}]"#;
    play.answer("/v2/positions", 200, positions);
    play.answer("/v2/account", 200, r#"{"status":"ACTIVE","currency":"USD","cash":"-12.5"}"#);
    let said = account(&mut play);
    assert_eq!((said.asked, said.missing), (play.now, Vec::<String>::new()));
    assert_eq!((said.open[0].client_order_id.as_str(), said.open[0].filled.to_string()), ("m-1-1", "4".to_owned()));
    let fills: Vec<_> = said.fills.iter().map(|fill| fill.execution_id.as_str()).collect();
    assert_eq!(fills, ["e1"], "of what was traded, from the fill on that is known");
    let held: Vec<_> = said.positions.unwrap().iter().map(|p| format!("{} {}", p.instrument, p.quantity)).collect();
    assert_eq!(held, ["alpaca:BTC/USD 0.5", "alpaca:MSFT -2"], "under the name that we have for it");
    assert_eq!(said.balances[0].total(), "-12.5".parse().ok());
}

#[test]
fn what_cannot_be_learned_is_named_and_too_many_requests_wait_for_their_turn() {
    let mut play = Play::live("[]");
    look(&mut play);
    play.answer("status=open", 500, "");
    play.answer("activities/FILL", 200, "[]");
    play.answer_with("/v2/positions", Ok((429, Some(Duration::from_secs(3)), "")));
    play.wait(3.0);
    play.answer("/v2/positions", 200, "[]");
    play.answer("/v2/account", 200, "{}");
    let missing = account(&mut play).missing;
    assert!(missing[0].starts_with("open orders: ") && missing[1].starts_with("cash: "), "{missing:?}");
}
