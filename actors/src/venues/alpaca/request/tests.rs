//! The bodies, as the venue's documents write them.

use messages::instrument::{Exchange, Instrument};

use super::*;

pub fn instrument(symbol: &str) -> Instrument {
    Instrument { exchange: Exchange::Alpaca, symbol: symbol.parse().unwrap() }
}

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn order(side: Side, order_type: OrderType, limit: Option<&str>, stop: Option<&str>) -> OrderRequest {
    OrderRequest {
        order_type,
        time_in_force: TimeInForce::Gtc,
        price: limit.map(number),
        stop_price: stop.map(number),
        ..OrderRequest::market(instrument("SPY"), side, number("100"))
    }
}

fn id() -> ClientOrderId {
    "m-1-2".parse().unwrap()
}

fn body(call: Result<Call, Refusal>) -> serde_json::Value {
    let call = call.unwrap();
    assert_eq!((call.method, call.path.as_str()), (Method::Post, "/v2/orders"));
    serde_json::from_str(&call.body.unwrap()).unwrap()
}

fn check(call: Result<Call, Refusal>, expected: &str) {
    assert_eq!(body(call), serde_json::from_str::<serde_json::Value>(expected).unwrap());
}

#[test]
fn every_type_has_its_prices_and_no_others() {
    let submit = |request: &OrderRequest| submit(id(), request, Hours::Extended);
    let market = OrderRequest::market(instrument("BTC/USD"), Side::Sell, number("0.000000001"));
    check(
        submit(&market),
        r#"{"symbol":"BTC/USD","qty":"0.000000001","side":"sell","type":"market","time_in_force":"ioc","client_order_id":"m-1-2"}"#,
    );
    check(
        submit(&OrderRequest { quote_quantity: Some(number("10.5")), quantity: Quantity::ZERO, ..market }),
        r#"{"symbol":"BTC/USD","notional":"10.5","side":"sell","type":"market","time_in_force":"ioc","client_order_id":"m-1-2"}"#,
    );
    let limit = OrderRequest {
        time_in_force: TimeInForce::Day,
        position_intent: Some(PositionIntent::BuyToOpen),
        ..order(Side::Buy, OrderType::Limit, Some("301.25"), None)
    };
    check(
        submit(&limit),
        r#"{"symbol":"SPY","qty":"100","side":"buy","type":"limit","time_in_force":"day","limit_price":"301.25","extended_hours":true,"client_order_id":"m-1-2","position_intent":"buy_to_open"}"#,
    );
    assert_eq!(body(super::submit(id(), &limit, Hours::Regular)).get("extended_hours"), None);
    check(
        submit(&order(Side::Sell, OrderType::StopLimit, Some("298.5"), Some("299"))),
        r#"{"symbol":"SPY","qty":"100","side":"sell","type":"stop_limit","time_in_force":"gtc","limit_price":"298.5","stop_price":"299","client_order_id":"m-1-2"}"#,
    );
    check(
        submit(&order(Side::Sell, OrderType::Stop, None, Some("299"))),
        r#"{"symbol":"SPY","qty":"100","side":"sell","type":"stop","time_in_force":"gtc","stop_price":"299","client_order_id":"m-1-2"}"#,
    );
    let trailing = OrderRequest {
        trail_amount: Some(number("6.15")),
        ..order(Side::Sell, OrderType::TrailingStop, None, Some("290"))
    };
    check(
        submit(&trailing),
        r#"{"symbol":"SPY","qty":"100","side":"sell","type":"trailing_stop","time_in_force":"gtc","trail_price":"6.15","client_order_id":"m-1-2"}"#,
    );
}

#[test]
fn what_has_no_place_leaves_nothing() {
    let reason = |request: &OrderRequest| submit(id(), request, Hours::Regular).unwrap_err().reason.to_string();
    let by_value = OrderRequest::market(instrument("SPY"), Side::Buy, number("0.001"));
    assert_eq!(reason(&OrderRequest { quote_quantity: Some(number("100000")), ..by_value }), "alpaca.notional");
    let limit = order(Side::Buy, OrderType::Limit, Some("1"), None);
    assert_eq!(reason(&OrderRequest { post_only: true, ..limit }), "alpaca.post_only");
    assert_eq!(reason(&order(Side::Sell, OrderType::TakeProfit, None, Some("1"))), "alpaca.order_type");
}

#[test]
fn a_replacement_tells_what_changes_and_its_new_name() {
    let terms = Replacement { quantity: Some(number("4.5")), price: Some(number("10.01")), stop_price: None };
    let call = replace("b28e2b24-b1b2".parse().unwrap(), id(), &terms);
    assert_eq!((call.method, call.path.as_str()), (Method::Patch, "/v2/orders/b28e2b24-b1b2"));
    assert_eq!(call.body.unwrap(), r#"{"qty":"4.5","limit_price":"10.01","client_order_id":"m-1-2"}"#);
}
