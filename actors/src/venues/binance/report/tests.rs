//! Events as the venue sends them: recorded where there is a recording, else by its document.

use serde_json::json;

use super::*;
use crate::wire::testdata;

fn account() -> Account {
    "binance-test".parse().unwrap()
}

fn shown(heard: &[Heard]) -> String {
    let lines: Vec<String> = heard
        .iter()
        .map(|said| match said {
            Heard::Report(r) => format!("{} {} {:?}", r.client_order_id, r.venue_order_id.unwrap(), r.kind),
            other => format!("{other:?}"),
        })
        .collect();
    lines.join("\n")
}

/// An execution report of a limit order, with some of its fields changed.
fn execution(changes: &Value) -> Value {
    let mut event = json!({
        "e": "executionReport", "E": 1700000000000_i64, "s": "ETHBTC", "c": "me-1-a", "S": "BUY", "o": "LIMIT", "f": "GTC",
        "q": "1.00000000", "p": "0.10264410", "P": "0.00000000", "F": "0.00000000", "g": -1, "C": "", "x": "NEW", "X": "NEW",
        "r": "NONE", "i": 4293153, "l": "0.00000000", "z": "0.00000000", "L": "0.00000000", "n": "0", "N": null,
        "T": 1700000000001_i64, "t": -1, "I": 8641984, "w": true, "m": false, "M": false, "O": 1700000000000_i64,
        "Z": "0.00000000", "Y": "0.00000000", "Q": "0.00000000", "V": "NONE", "somethingNew": {"a": 1}
    });
    for (name, value) in changes.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

fn check(changes: &Value, expected: &str) {
    let heard = event(&execution(changes), account());
    let said = shown(&heard);
    assert!(said.starts_with(expected), "{said}\nexpected {expected}");
    if let Heard::Report(report) = &heard[0] {
        assert_eq!(report.time, UtcNanos::from_millis(1_700_000_000_001).unwrap());
    }
}

#[test]
fn every_kind_of_execution_is_told_under_the_orders_own_name() {
    check(&json!({}), "me-1-a 4293153 Accepted");
    check(&json!({"X": "PENDING_NEW", "w": false}), "me-1-a 4293153 Accepted");
    let canceled = json!({"x": "CANCELED", "X": "CANCELED", "c": "qFGZ0s6xR2", "C": "me-1-a"});
    check(&canceled, "me-1-a 4293153 Canceled");
    // The venue cancels without being asked: there is no second name.
    check(&json!({"x": "CANCELED", "X": "CANCELED"}), "me-1-a 4293153 Canceled");
    let amended = json!({"x": "REPLACED", "X": "NEW", "c": "me-1-a-r1", "C": "me-1-a", "q": "0.50000000"});
    check(
        &amended,
        "me-1-a-r1 4293153 Replaced { replacement: Replacement { quantity: Some(0.5), price: None, stop_price: None } }",
    );
    let rejected = json!({"x": "REJECTED", "X": "REJECTED", "r": "INSUFFICIENT_BALANCES"});
    check(
        &rejected,
        "me-1-a 4293153 Rejected { reason: \"binance.insufficient_balance\", text: \"INSUFFICIENT_BALANCES\" }",
    );
    check(
        &json!({"x": "REJECTED", "X": "REJECTED", "r": "NEW_ONE"}),
        "me-1-a 4293153 Rejected { reason: \"binance.new_order\", text: \"NEW_ONE\" }",
    );
    let ioc = json!({"x": "EXPIRED", "X": "EXPIRED", "eR": "UNFILLED_IOC_QUANTITY_EXPIRED"});
    check(&ioc, "me-1-a 4293153 Expired { reason: \"binance.ioc\" }");
    check(&json!({"x": "EXPIRED", "X": "EXPIRED", "eR": 17}), "me-1-a 4293153 Expired { reason: \"binance.expired\" }");
    check(
        &json!({"x": "EXPIRED", "X": "EXPIRED_IN_MATCH"}),
        "me-1-a 4293153 Expired { reason: \"binance.trade_prevention\" }",
    );
    let prevented = json!({"x": "TRADE_PREVENTION", "X": "EXPIRED_IN_MATCH", "A": "1.00000000", "B": "1.00000000"});
    check(&prevented, "me-1-a 4293153 Expired { reason: \"binance.trade_prevention\" }");
    let smaller = json!({"x": "TRADE_PREVENTION", "X": "NEW", "A": "0.25000000", "B": "0.25000000"});
    check(&smaller, "me-1-a 4293153 Replaced { replacement: Replacement { quantity: Some(0.75)");
}

#[test]
fn the_last_fill_of_an_order_by_value_says_that_it_is_the_last() {
    let trade = |status: &str| json!({"x": "TRADE", "X": status, "o": "MARKET", "Q": "250.50000000", "t": 5, "l": "1.00000000", "L": "0.1", "z": "2.00000000"});
    check(&trade("FILLED"), "me-1-a 4293153 Completed { filled: 2 }\nme-1-a 4293153 Filled(Fill {");
    check(&trade("PARTIALLY_FILLED"), "me-1-a 4293153 Filled(Fill {");
}

#[test]
fn a_stop_is_triggered_when_it_goes_into_the_book() {
    check(&json!({"o": "STOP_LOSS_LIMIT", "w": false}), "me-1-a 4293153 Accepted");
    let working = event(&execution(&json!({"o": "STOP_LOSS_LIMIT", "w": true})), account());
    assert_eq!(shown(&working), "me-1-a 4293153 Accepted\nme-1-a 4293153 Triggered");
}

#[test]
fn the_first_half_of_a_replacement_is_no_end() {
    let half = json!({"x": "CANCELED", "X": "CANCELED", "c": "me-1-a-r1.c", "C": "me-1-a"});
    check(&half, "FirstHalf { order: \"me-1-a\", replacement: \"me-1-a-r1\"");
}

#[test]
fn an_end_says_first_how_much_is_filled() {
    for (kind, status) in [("CANCELED", "CANCELED"), ("EXPIRED", "EXPIRED"), ("TRADE_PREVENTION", "EXPIRED_IN_MATCH")] {
        let heard = event(&execution(&json!({"x": kind, "X": status, "z": "0.25000000"})), account());
        let [Heard::Executed { client_order_id, order, quantity }, Heard::Report(end)] = &heard[..] else {
            panic!("{}", shown(&heard))
        };
        assert_eq!(
            (client_order_id.as_str(), order.number, quantity.to_string().as_str()),
            ("me-1-a", 4_293_153, "0.25")
        );
        assert!(matches!(end.kind, ReportKind::Canceled | ReportKind::Expired { .. }), "{end:?}");
    }
}

#[test]
fn what_is_not_ours_or_not_known_is_said_as_it_came() {
    let foreign = json!({"c": "x-012345678901234567890123456789012345"});
    check(&foreign, "Foreign { client_order_id: \"x-012345678901234567890123456789012345\"");
    check(&json!({"x": "TELEPORTED"}), "Unknown { what: \"executionReport: execution type TELEPORTED\"");
    check(&json!({"x": "TRADE", "t": -1}), "Unknown { what: \"executionReport: a trade without a trade id\"");
    check(&json!({"q": "many"}), "Unknown { what: \"`many`: not a decimal number\"");
    check(&json!({"T": i64::MAX}), "Unknown { what: \"executionReport: its time is out of range\"");
    let unknown = |text: &str| shown(&event(&serde_json::from_str(text).unwrap(), account()));
    assert!(unknown(r#"{"e":"moonPhase","phase":1}"#).starts_with("Unknown { what: \"event moonPhase\""));
    assert!(
        unknown(r#"{"e":"externalLockUpdate","a":"BTC","d":"1"}"#)
            .starts_with("Unknown { what: \"event externalLockUpdate\"")
    );
    assert!(unknown(r#"{"phase":1}"#).starts_with("Unknown { what: \"event without a kind\""));
}

#[test]
fn accounts_lists_and_the_stream_itself_are_heard() {
    let heard = |text: &str| event(&serde_json::from_str(text).unwrap(), account());
    let position = r#"{"e":"outboundAccountPosition","E":1564034571105,"u":1564034571073,"B":[{"a":"ETH","f":"10000.00000000","l":"0.50000000"}]}"#;
    let eth: Asset = "ETH".parse().unwrap();
    let balance = Balance { asset: eth, free: "10000".parse().unwrap(), locked: "0.5".parse().unwrap() };
    let at = |ms| UtcNanos::from_millis(ms).unwrap();
    assert_eq!(heard(position), [Heard::Balances { balances: vec![balance], at: at(1_564_034_571_073) }]);
    let change = r#"{"e":"balanceUpdate","E":1573200697110,"a":"ETH","d":"-100.00000000","T":1573200697068}"#;
    let delta = "-100".parse().unwrap();
    assert_eq!(heard(change), [Heard::BalanceChange { asset: eth, delta, at: at(1_573_200_697_068) }]);
    let list = r#"{"e":"listStatus","E":1564035303637,"s":"ETHBTC","g":2,"c":"OCO","l":"EXEC_STARTED","L":"EXECUTING","r":"NONE",
        "C":"F4QN4G8DlFATFlIUQ0cjdD","T":1564035303625,"O":[{"s":"ETHBTC","i":17,"c":"AJYsMjErWJesZvqlJCTUgL"}]}"#;
    let [Heard::List(list)] = &heard(list)[..] else { panic!("no list") };
    assert_eq!((list.number, list.order_status.as_str(), list.orders[0].number), (2, "EXECUTING", 17));
    assert_eq!(heard(r#"{"e":"eventStreamTerminated","E":1728973001334}"#), [Heard::StreamEnded]);
    assert_eq!(heard(r#"{"e":"serverShutdown","E":1728973001334}"#), [Heard::ShuttingDown]);
}

#[test]
fn the_recorded_market_order_is_accepted_and_filled() {
    let Some(text) = testdata::text("binance/user_data_market_fill_2026.jsonl") else { return };
    let frames = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let events: Vec<Value> = frames.filter_map(|frame| frame.get("event").cloned()).collect();
    let heard: Vec<Heard> = events.iter().flat_map(|frame| event(frame, account())).collect();
    let [Heard::Report(accepted), Heard::Report(filled)] = &heard[..] else { panic!("{}", shown(&heard)) };
    assert_eq!(accepted.client_order_id.as_str(), "x-TKT5PX2F5329a0a4bfe64396a1b79c");
    assert_eq!(accepted.kind, ReportKind::Accepted);
    let ReportKind::Filled(fill) = &filled.kind else { panic!("{filled:?}") };
    assert_eq!(fill.execution_id.as_str(), "BTCUSDT:276374166:55945750590");
    let figures = [fill.price.to_string(), fill.quantity.to_string(), fill.cumulative.to_string()];
    assert_eq!(figures, ["63817.61", "0.0002", "0.0002"]);
    assert_eq!(fill.liquidity, Some(Liquidity::Taker));
    let fee = fill.fee.unwrap();
    assert_eq!((fee.amount.to_string().as_str(), fee.asset.as_str()), ("0.00001563", "BNB"));
}
