//! The bodies, as the venue's documents write them.

use messages::instrument::{Exchange, Instrument};

use super::legs::{submit_entry, submit_exits};
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

#[test]
fn legs_make_the_class() {
    let entry = order(Side::Buy, OrderType::Market, None, None);
    let take = order(Side::Sell, OrderType::Limit, Some("301"), None);
    let stop = order(Side::Sell, OrderType::StopLimit, Some("298.5"), Some("299"));
    check(
        submit_entry(id(), &entry, &[&stop, &take]),
        r#"{"symbol":"SPY","qty":"100","side":"buy","type":"market","time_in_force":"gtc","client_order_id":"m-1-2","order_class":"bracket","take_profit":{"limit_price":"301"},"stop_loss":{"stop_price":"299","limit_price":"298.5"}}"#,
    );
    let oto = body(submit_entry(id(), &entry, &[&take]));
    assert_eq!((&oto["order_class"], oto.get("stop_loss")), (&"oto".into(), None));
    check(
        submit_exits(id(), [&stop, &take]),
        r#"{"symbol":"SPY","qty":"100","side":"sell","type":"limit","time_in_force":"gtc","client_order_id":"m-1-2","order_class":"oco","take_profit":{"limit_price":"301"},"stop_loss":{"stop_price":"299","limit_price":"298.5"}}"#,
    );
}

#[test]
fn legs_that_do_not_fit_are_refused() {
    let entry = order(Side::Buy, OrderType::Limit, Some("300"), None);
    let take = order(Side::Sell, OrderType::Limit, Some("301"), None);
    let stop = order(Side::Sell, OrderType::Stop, None, Some("299"));
    assert!(submit_entry(id(), &entry, &[&take, &stop]).is_ok());
    let with = |change: fn(&mut OrderRequest), request: &OrderRequest| {
        let mut changed = request.clone();
        change(&mut changed);
        changed
    };
    let refused = |entry: &OrderRequest, exits: &[&OrderRequest]| submit_entry(id(), entry, exits).unwrap_err().text;
    assert!(refused(&entry, &[]).contains("without legs"));
    assert!(refused(&entry, &[&take, &take]).contains("at most one limit"));
    assert!(refused(&entry, &[&entry]).contains("other side"));
    assert!(refused(&entry, &[&with(|o| o.quantity = Quantity::ONE, &take)]).contains("one symbol, quantity"));
    // A cent at least from the entry's limit, and from the take-profit.
    assert!(refused(&entry, &[&with(|o| o.stop_price = Some(number("299.991")), &stop)]).contains("0.01"));
    let market = order(Side::Buy, OrderType::Market, None, None);
    assert!(refused(&market, &[&take, &with(|o| o.stop_price = Some(number("301")), &stop)]).contains("0.01"));
    let ioc = with(|o| o.time_in_force = TimeInForce::Ioc, &entry);
    assert!(refused(&ioc, &[&take]).contains("day or gtc"));
    let crypto = with(|o| o.instrument = instrument("BTC/USD"), &entry);
    assert!(refused(&crypto, &[&take]).contains("crypto"));
    assert!(submit_exits(id(), [&stop, &stop]).is_err());
}
