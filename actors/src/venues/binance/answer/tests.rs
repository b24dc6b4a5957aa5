//! Answers as the venue gives them: recorded where there is a recording, else by its document.

use messages::orders::{OrderRequest, Side};
use messages::{Exchange, Instrument, OrderId};
use serde_json::json;

use super::*;
use crate::venues::binance::order;
use crate::wire::testdata;

const NOW: UtcNanos = UtcNanos(1_700_000_000_000_000_000);

fn context() -> Context {
    Context { account: "binance-test".parse().unwrap(), now: NOW }
}

fn instrument() -> Instrument {
    Instrument { exchange: Exchange::Binance, symbol: "BTCUSDT".parse().unwrap() }
}

fn id(text: &str) -> ClientOrderId {
    text.parse().unwrap()
}

fn submit() -> VenueRequest {
    let request = OrderRequest::limit(instrument(), Side::Buy, Quantity::ONE, "100".parse().unwrap());
    let order_id = OrderId::of_key("test".parse().unwrap(), "1");
    VenueRequest::Submit { client_order_id: id("me-1-a"), order_id, request: Box::new(request), at: NOW }
}

fn cancel() -> VenueRequest {
    VenueRequest::Cancel { client_order_id: id("me-1-a"), venue_order_id: None, instrument: instrument(), at: NOW }
}

fn query() -> VenueRequest {
    VenueRequest::Query { client_order_id: id("me-1-a"), instrument: instrument(), at: NOW }
}

fn replace() -> VenueRequest {
    VenueRequest::Replace {
        client_order_id: id("me-1-a"),
        new_client_order_id: id("me-1-a-r1"),
        venue_order_id: None,
        instrument: instrument(),
        replacement: Replacement { quantity: None, price: Some("101".parse().unwrap()), stop_price: None },
        at: NOW,
    }
}

fn failed(status: u16, code: i64, text: &str, data: &Value) -> Answer {
    Err(Failure::read(status, &json!({"code": code, "msg": text, "data": data}).to_string(), None, NOW))
}

/// What was said, a line each: the name and the beginning of the kind.
fn lines(heard: &[Heard]) -> Vec<String> {
    let line = |said: &Heard| match said {
        Heard::Report(r) => match &r.kind {
            ReportKind::Filled(f) => {
                format!("{} fill {} {}@{} of {}", r.client_order_id, f.execution_id, f.quantity, f.price, f.cumulative)
            }
            ReportKind::Rejected { reason, .. } => format!("{} rejected {reason}", r.client_order_id),
            ReportKind::NotTaken { reason, .. } => format!("{} not taken: {reason}", r.client_order_id),
            ReportKind::CancelRejected { reason } => format!("{} cancel rejected {reason}", r.client_order_id),
            ReportKind::ReplaceRejected { reason } => format!("{} replace rejected {reason}", r.client_order_id),
            ReportKind::Replaced { replacement: t } => {
                format!("{} replaced {:?} {:?}", r.client_order_id, t.quantity, t.price)
            }
            other => format!("{} {other:?}", r.client_order_id),
        },
        Heard::Executed { client_order_id, quantity, .. } => format!("{client_order_id} executed {quantity}"),
        Heard::Open { client_order_id, .. } => format!("{client_order_id} open"),
        Heard::Inexact(_) => "inexact".to_owned(),
        other => format!("{other:?}"),
    };
    heard.iter().map(line).collect()
}

fn check(asked: &VenueRequest, answer: &Answer, expected: &[&str]) {
    assert_eq!(lines(&heard(asked, answer, context())), expected, "{answer:?}");
}

fn body(changes: &Value) -> Value {
    let mut body = json!({
        "symbol": "BTCUSDT", "orderId": 28, "orderListId": -1, "clientOrderId": "me-1-a", "transactTime": 1507725176595_i64,
        "price": "100.00000000", "origQty": "1.00000000", "executedQty": "0.00000000", "cummulativeQuoteQty": "0.00000000",
        "status": "NEW", "timeInForce": "GTC", "type": "LIMIT", "side": "BUY", "fills": []
    });
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[test]
fn a_placed_order_is_told_with_its_fills_and_its_end() {
    check(&submit(), &Ok(body(&json!({}))), &["me-1-a Accepted"]);
    let fills = json!([
        {"price": "99.0", "qty": "0.25", "commission": "0.1", "commissionAsset": "USDT", "tradeId": 56},
        {"price": "100.0", "qty": "0.25", "commission": "0.1", "commissionAsset": "USDT", "tradeId": 57}
    ]);
    let part = body(&json!({"status": "EXPIRED", "timeInForce": "IOC", "executedQty": "0.5", "fills": fills}));
    check(
        &submit(),
        &Ok(part),
        &[
            "me-1-a Accepted",
            "me-1-a fill BTCUSDT:56:28 0.25@99 of 0.25",
            "me-1-a fill BTCUSDT:57:28 0.25@100 of 0.5",
            "me-1-a Expired { reason: \"binance.expired\" }",
        ],
    );
    let whole = json!({"status": "FILLED", "origQuoteOrderQty": "50.0", "executedQty": "0.25", "fills": [
        {"price": "100.0", "qty": "0.25", "commission": "0.1", "commissionAsset": "USDT", "tradeId": 57}
    ]});
    let last = "me-1-a fill BTCUSDT:57:28 0.25@100 of 0.25";
    check(&submit(), &Ok(body(&whole)), &["me-1-a Accepted", last, "me-1-a Completed { filled: 0.25 }"]);
    // More is filled than it tells: that is asked for.
    check(&submit(), &Ok(body(&json!({"executedQty": "0.5"}))), &["me-1-a Accepted", "me-1-a executed 0.5"]);
    check(
        &submit(),
        &Ok(json!({"symbol": "BTCUSDT", "orderId": 28, "clientOrderId": "me-1-a", "transactTime": 1})),
        &["me-1-a Accepted"],
    );
    let new = heard(&submit(), &Ok(body(&json!({"status": "LEVITATING"}))), context());
    assert!(matches!(&new[1], Heard::Unknown { what, .. } if what == "order status LEVITATING"), "{new:?}");
    assert!(matches!(&heard(&submit(), &Ok(json!([1])), context())[..], [Heard::Unknown { .. }]));
}

/// Orders takes a replacement for lost when the venue says, late enough, that it still has the order as it was.
#[test]
fn where_an_order_stands_is_said_at_the_time_of_the_answer() {
    let time_of = |body: Value| {
        let heard = heard(&query(), &Ok(body), context());
        let Some(Heard::Report(report)) = heard.first() else { panic!("{heard:?}") };
        report.time
    };
    let asked = json!({"transactTime": null, "time": 1_507_725_176_000_i64, "updateTime": 1_507_725_176_595_i64});
    assert_eq!(time_of(body(&asked)), NOW);
    assert_eq!(time_of(body(&json!({}))), UtcNanos::from_millis(1_507_725_176_595).unwrap());
}

#[test]
fn refusals_are_told_and_what_is_open_is_not() {
    let no = |code, text: &str| failed(400, code, text, &Value::Null);
    check(
        &submit(),
        &no(-2010, "Account has insufficient balance for requested action."),
        &["me-1-a rejected binance.insufficient_balance"],
    );
    check(&cancel(), &no(-2011, "Unknown order sent."), &["me-1-a cancel rejected binance.unknown_order"]);
    check(&query(), &no(-2013, "Order does not exist."), &["me-1-a Unknown"]);
    check(&query(), &no(-2026, "archived"), &["me-1-a Canceled"]);
    check(&query(), &no(-1003, "Too many requests."), &["me-1-a open"]);
    check(&replace(), &no(-2038, "amend rejected"), &["me-1-a-r1 replace rejected binance.amend"]);
    for (asked, name) in [(submit(), "me-1-a"), (cancel(), "me-1-a"), (query(), "me-1-a"), (replace(), "me-1-a-r1")] {
        for answer in [
            failed(503, -1008, "busy", &Value::Null),
            no(-1007, "Timeout"),
            failed(500, -2010, "insufficient balance", &Value::Null),
        ] {
            check(&asked, &answer, &[&format!("{name} open")]);
        }
    }
    check(&submit(), &no(-2010, "Duplicate order sent."), &["me-1-a open"]);
}

#[test]
fn a_cancel_that_was_turned_away_unseen_is_still_wanted() {
    for (status, code) in
        [(429, -1003), (418, -1003), (429, -1015), (400, -1021), (400, -1008), (400, -1016), (400, -1034), (403, 0)]
    {
        check(&cancel(), &failed(status, code, "Not now.", &Value::Null), &["me-1-a open"]);
    }
    check(&cancel(), &failed(400, -1102, "Missing.", &Value::Null), &["me-1-a cancel rejected binance.parameter"]);
    check(&cancel(), &failed(401, -2015, "No key.", &Value::Null), &["me-1-a cancel rejected binance.key"]);
    let late = failed(429, -1003, "Too many requests.", &Value::Null);
    check(&submit(), &late, &["me-1-a not taken: binance.rate_limit"]);
}

#[test]
fn a_cancel_is_told_under_the_orders_name() {
    let canceled = body(
        &json!({"origClientOrderId": "me-1-a", "clientOrderId": "cancelMyOrder1", "status": "CANCELED", "executedQty": "0.25"}),
    );
    check(&cancel(), &Ok(canceled), &["me-1-a Accepted", "me-1-a executed 0.25", "me-1-a Canceled"]);
}

#[test]
fn replacements_are_told_by_what_became_of_their_halves() {
    let amended = json!({"transactTime": 1741926410255_i64, "executionId": 75, "amendedOrder": {
        "symbol": "BTCUSDT", "orderId": 28, "orderListId": -1, "origClientOrderId": "me-1-a", "clientOrderId": "me-1-a-r1",
        "price": "100.0", "qty": "0.5", "executedQty": "0.0", "status": "NEW", "timeInForce": "GTC", "type": "LIMIT", "side": "BUY"}});
    check(&replace(), &Ok(amended), &["me-1-a-r1 replaced Some(0.5) None"]);
    let fills = json!([{"price": "101", "qty": "1", "commission": "0", "commissionAsset": "BNB", "tradeId": 9}]);
    let new = body(
        &json!({"clientOrderId": "me-1-a-r1", "orderId": 29, "status": "FILLED", "executedQty": "1", "fills": fills}),
    );
    let both = json!({"cancelResult": "SUCCESS", "newOrderResult": "SUCCESS", "cancelResponse": body(&json!({})), "newOrderResponse": new});
    check(&replace(), &Ok(both), &["me-1-a-r1 replaced None Some(101)", "me-1-a-r1 fill BTCUSDT:9:29 1@101 of 1"]);

    let half = |code: i64, text: &str| json!({"code": code, "msg": text});
    let canceled = body(&json!({"origClientOrderId": "me-1-a", "clientOrderId": "me-1-a-r1.c", "status": "CANCELED"}));
    let partly = |second: Value| json!({"cancelResult": "SUCCESS", "newOrderResult": "FAILURE", "cancelResponse": canceled, "newOrderResponse": second});
    let answer =
        failed(409, -2021, "Order cancel-replace partially failed.", &partly(half(-2010, "insufficient balance")));
    check(
        &replace(),
        &answer,
        &["me-1-a-r1 replace rejected binance.insufficient_balance", "me-1-a Accepted", "me-1-a Canceled"],
    );
    // Whether the second half was done is not known: then neither is the end of the first.
    let answer = failed(409, -2021, "Order cancel-replace partially failed.", &partly(half(-1007, "Timeout")));
    check(&replace(), &answer, &["me-1-a-r1 open"]);
    let none = |first: Value| json!({"cancelResult": "FAILURE", "newOrderResult": "NOT_ATTEMPTED", "cancelResponse": first, "newOrderResponse": null});
    let refused = |first| failed(400, -2022, "Order cancel-replace failed.", &none(first));
    check(
        &replace(),
        &refused(half(-2011, "Unknown order sent.")),
        &["me-1-a-r1 replace rejected binance.unknown_order"],
    );
    check(
        &replace(),
        &refused(half(-2011, "Order was not canceled due to cancel restrictions.")),
        &["me-1-a-r1 replace rejected binance.partially_filled"],
    );
    check(&replace(), &refused(half(-1006, "unexpected response")), &["me-1-a-r1 open"]);
    check(&replace(), &refused(Value::Null), &["me-1-a-r1 open"]);
}

#[test]
fn an_order_is_found_under_the_name_of_its_newest_replacement_and_no_other() {
    let order = |name: &str| OrderBody::deserialize(&body(&json!({"clientOrderId": name}))).unwrap();
    let orders: Vec<OrderBody> =
        ["me-1-r1", "me-1-r2", "me-1-a", "me-1-a-r1", "me-1-a-r12", "me-1-a-r3", "me-1-b-r9"].map(order).into();
    let found = |of: &str| successor(id(of), &orders).map(|order| order.name().to_owned());
    assert_eq!(found("me-1-a").as_deref(), Some("me-1-a-r12"));
    assert_eq!(found("me-1-a-r3").as_deref(), Some("me-1-a-r12"));
    assert_eq!(found("me-1-a-r12"), None);
    assert_eq!(found("me-1-r1"), None, "the counter of a first id, which looks like a replacement");
    assert_eq!(found("x-abc"), None);
    assert!(is_later(id("me-1-a-r1"), id("me-1-a")) && !is_later(id("me-1-r2"), id("me-1-r1")));
}

/// Every recorded message about orders is read; those of the derivatives market say orders, too.
#[test]
fn the_recorded_answers_are_read() {
    let read = |name: &str| {
        let text = testdata::text(&format!("binance/rest/account/{name}.json"))?;
        Some(serde_json::from_str::<Value>(&text).unwrap())
    };
    let check = |name: &str, asked: &VenueRequest, expected: &[&str]| {
        let Some(body) = read(name) else { return };
        assert_eq!(lines(&heard(asked, &Ok(body), context())), expected, "{name}");
    };
    let mock = "6gCrw2kRUAF9CvJDGP16IP";
    let (accepted, triggered, executed) =
        (format!("{mock} Accepted"), format!("{mock} Triggered"), format!("{mock} executed 1"));
    for name in ["limit_buy", "limit_sell", "market_buy", "market_sell"] {
        check(name, &submit(), &[&accepted, &executed]);
    }
    for name in ["stop_limit_buy", "stop_limit_sell"] {
        check(name, &submit(), &[&accepted, &triggered, &executed]);
    }
    for name in ["stop_market_close_position_buy", "stop_market_close_position_sell"] {
        check(name, &submit(), &[&accepted]);
    }
    let fill = "myOrder1 fill BNBBTC:1566397:1 2.682403433@0.00007456 of 2.682403433";
    for name in ["market_buy_using_quote_quantity", "market_sell_using_quote_quantity"] {
        check(name, &submit(), &["myOrder1 Accepted", fill, "inexact"]);
    }
    check("order_status", &query(), &["myOrder1 Accepted"]);
    check("cancel_order", &cancel(), &["myOrder1 Accepted", "myOrder1 Canceled"]);
    // Of the derivatives market, and an answer to nothing that we ask: said as it came.
    if let Some(body) = read("cancel_all_open_orders") {
        assert!(matches!(&heard(&cancel(), &Ok(body), context())[..], [Heard::Unknown { .. }]));
    }
}

#[test]
fn the_recorded_lists_are_read() {
    let read = |name: &str| {
        testdata::text(&format!("binance/rest/{name}")).map(|text| serde_json::from_str::<Value>(&text).unwrap())
    };
    let Some(open) = read("account/get_open_orders.json") else { return };
    let (open, unread) = orders(&open);
    assert_eq!((open[0].name(), open[0].is_open(), unread.len()), ("myOrder1", true, 0));
    let terms = open[0].terms().unwrap();
    assert_eq!((terms.quantity.to_string(), terms.price.unwrap().to_string()), ("1".to_owned(), "0.1".to_owned()));
    let (traded, unread) = trades(&read("account/trade_history.json").unwrap());
    let of = json!({"symbol": "BNBBTC", "orderId": 100_234, "clientOrderId": "myOrder1", "status": "FILLED"});
    let of = OrderBody::deserialize(&of).unwrap();
    let told = lines(&order::fills(&of, &traded, context().account));
    assert_eq!((told, unread.len()), (vec!["myOrder1 fill BNBBTC:28457:100234 12@4.000001 of 12".to_owned()], 0));
    let Heard::Balances { balances, .. } = balances(&read("account/get_account.json").unwrap(), NOW) else { panic!() };
    assert_eq!(balances[1].free.to_string(), "4763368.68006011");
    let time = server_time(&read("general/server_time.json").unwrap());
    assert_eq!(time, UtcNanos::from_millis(1_499_827_319_559));
}
