//! Each rule by what it lets pass and what it refuses.

use messages::orders::Side;

use super::super::request::tests::instrument;
use super::*;
use crate::wire::alpaca::asset;

const APPLE: &str =
    r#"{"class":"us_equity","symbol":"AAPL","status":"active","tradable":true,"shortable":true,"fractionable":true}"#;
const BITCOIN: &str = r#"{"class":"crypto","symbol":"BTC/USD","status":"active","tradable":true,"min_order_size":"0.00001","min_trade_increment":"0.000000001","price_increment":"0.5"}"#;

struct Case {
    asset: String,
    request: OrderRequest,
    position: Option<&'static str>,
    phase: Phase,
}

impl Case {
    fn stock(order_type: OrderType, time_in_force: TimeInForce) -> Self {
        Self::of(APPLE, "AAPL", "3", order_type, time_in_force)
    }

    fn crypto(order_type: OrderType, time_in_force: TimeInForce) -> Self {
        Self::of(BITCOIN, "BTC/USD", "0.5", order_type, time_in_force)
    }

    fn of(asset: &str, symbol: &str, quantity: &str, order_type: OrderType, time_in_force: TimeInForce) -> Self {
        let market = OrderRequest::market(instrument(symbol), Side::Buy, quantity.parse().unwrap());
        let is_trailing = order_type == OrderType::TrailingStop;
        let request = OrderRequest {
            order_type,
            time_in_force,
            price: order_type.has_limit().then(|| "100".parse().unwrap()),
            stop_price: (order_type.is_conditional() && !is_trailing).then(|| "101".parse().unwrap()),
            trail_amount: is_trailing.then(|| "1.5".parse().unwrap()),
            ..market
        };
        Self { asset: asset.to_owned(), request, position: None, phase: Phase::Regular }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn price(self, price: &str) -> Self {
        self.with(|case| case.request.price = Some(price.parse().unwrap()))
    }

    fn quantity(self, quantity: &str) -> Self {
        self.with(|case| case.request.quantity = quantity.parse().unwrap())
    }

    fn value(self, value: &str) -> Self {
        self.with(|case| case.request.quote_quantity = Some(value.parse().unwrap()))
    }

    fn sells_of(self, position: &'static str) -> Self {
        self.with(|case| (case.request.side, case.position) = (Side::Sell, Some(position)))
    }

    fn without(self, field: &str) -> Self {
        let (from, to) = (format!(r#""{field}":true"#), format!(r#""{field}":false"#));
        self.with(|case| case.asset = case.asset.replace(&from, &to))
    }

    #[track_caller]
    fn is(&self, expected: &str) {
        let listed = asset::read_one(self.asset.as_bytes()).unwrap();
        let position = self.position.map(|position| position.parse().unwrap());
        let market = Market { listed: &listed, position, phase: self.phase };
        let code =
            check(&self.request, &market).map_or_else(|refusal| refusal.reason.to_string(), |()| "ok".to_owned());
        assert_eq!(code, expected, "{:?}", self.request);
    }
}

use OrderType as T;
use TimeInForce as F;

#[test]
fn types_and_times_in_force_go_together_as_the_venue_lists_them() {
    let table = |make: fn(T, F) -> Case, order_type: T, expected: [&str; 4]| {
        for (time_in_force, expected) in [F::Day, F::Gtc, F::Ioc, F::Fok].into_iter().zip(expected) {
            make(order_type, time_in_force).is(expected);
        }
    };
    let tif = "alpaca.time_in_force";
    let none = ["alpaca.order_type"; 4];
    table(Case::stock, T::Market, ["ok"; 4]);
    table(Case::stock, T::Limit, ["ok"; 4]);
    for conditional in [T::Stop, T::StopLimit, T::TrailingStop] {
        table(Case::stock, conditional, ["ok", "ok", tif, tif]);
    }
    table(Case::stock, T::TakeProfit, none);
    for allowed in [T::Market, T::Limit, T::StopLimit] {
        table(Case::crypto, allowed, [tif, "ok", "ok", tif]);
    }
    for refused in [T::Stop, T::TrailingStop, T::TakeProfit] {
        table(Case::crypto, refused, none);
    }
}

#[test]
fn prices_have_two_decimals_from_a_dollar_on_and_four_below() {
    let limit = |price| Case::stock(T::Limit, F::Day).price(price);
    for price in ["290.12", "1", "1.01", "0.9999", "0.0001"] {
        limit(price).is("ok");
    }
    for price in ["290.123", "1.001", "0.99999", "0.00001"] {
        limit(price).is("alpaca.price_step");
    }
    limit("0").is("alpaca.price");
    Case::stock(T::Stop, F::Day)
        .with(|case| case.request.stop_price = Some("50.005".parse().unwrap()))
        .is("alpaca.price_step");
    Case::stock(T::TrailingStop, F::Day)
        .with(|case| case.request.trail_amount = Some("0.00005".parse().unwrap()))
        .is("alpaca.price_step");
    // Crypto tells its own step.
    Case::crypto(T::Limit, F::Gtc).price("60000.5").is("ok");
    Case::crypto(T::Limit, F::Gtc).price("60000.25").is("alpaca.price_step");
}

#[test]
fn an_asset_allows_what_it_is_listed_with() {
    Case::stock(T::Market, F::Day).without("tradable").is("alpaca.tradable");
    let part = || Case::stock(T::Market, F::Day).quantity("0.5");
    part().is("ok");
    part().without("fractionable").is("alpaca.quantity_step");
    part().with(|case| case.request.time_in_force = F::Gtc).is("alpaca.fraction");
    Case::stock(T::TrailingStop, F::Day).quantity("1.5").is("alpaca.fraction");
    Case::stock(T::StopLimit, F::Day).quantity("1.5").is("ok");
    Case::stock(T::Market, F::Day).quantity("0").is("alpaca.quantity");
    Case::crypto(T::Market, F::Gtc).quantity("0.00001").is("ok");
    Case::crypto(T::Market, F::Gtc).quantity("0.000009").is("alpaca.min_quantity");
}

#[test]
fn an_order_by_value_is_a_market_order_of_a_dollar_at_least() {
    let by_value = |value| Case::stock(T::Market, F::Day).value(value);
    by_value("1").is("ok");
    by_value("0.99").is("alpaca.notional");
    by_value("1").without("fractionable").is("alpaca.fraction");
    Case::stock(T::Limit, F::Day).value("5").is("alpaca.notional");
    Case::crypto(T::Market, F::Ioc).value("0.5").is("ok");
}

#[test]
fn what_is_sold_beyond_the_position_is_short() {
    let sells = |position| Case::stock(T::Market, F::Day).sells_of(position);
    sells("3").without("shortable").is("ok");
    sells("2").is("ok");
    sells("2").without("shortable").is("alpaca.short");
    sells("2").quantity("2.5").is("alpaca.short");
    Case::crypto(T::Market, F::Gtc).sells_of("0.4").is("alpaca.short");
    Case::crypto(T::Market, F::Gtc).sells_of("0.5").is("ok");
    // A position that is not known yet refuses nothing.
    Case::crypto(T::Market, F::Gtc).with(|case| case.request.side = Side::Sell).is("ok");
}

#[test]
fn market_orders_and_those_of_an_instant_need_a_session() {
    for phase in [Phase::Extended, Phase::Closed] {
        Case::stock(T::Market, F::Ioc).with(|case| case.phase = phase).is("alpaca.session");
        Case::stock(T::Limit, F::Fok).with(|case| case.phase = phase).is("alpaca.session");
        Case::stock(T::Market, F::Day).with(|case| case.phase = phase).is("alpaca.session");
        Case::crypto(T::Market, F::Gtc).with(|case| case.phase = phase).is("ok");
        Case::stock(T::Limit, F::Day).with(|case| case.phase = phase).is("ok");
        Case::stock(T::Stop, F::Gtc).with(|case| case.phase = phase).is("ok");
        Case::crypto(T::Limit, F::Ioc).with(|case| case.phase = phase).is("ok");
    }
}

#[test]
fn the_parts_of_a_day_follow_the_calendar() {
    let at = |text: &str| text.parse::<UtcNanos>().unwrap();
    let closes = ["2026-11-25T21:00:00Z", "2026-11-27T18:00:00Z", "2026-11-30T21:00:00Z"].map(at);
    let calendar = Calendar::of_us_equities(closes.to_vec());
    let check = |time: &str, expected: Phase| {
        assert_eq!(Phase::at(&calendar, Sessions::UsEquities, at(time)), expected, "{time}");
        assert_eq!(Phase::at(&calendar, Sessions::AroundTheClock, at(time)), Phase::Regular);
    };
    check("2026-11-25T08:59:59Z", Phase::Closed);
    check("2026-11-25T09:00:00Z", Phase::Extended);
    check("2026-11-25T14:29:59Z", Phase::Extended);
    check("2026-11-25T14:30:00Z", Phase::Regular);
    check("2026-11-25T21:00:00Z", Phase::Extended);
    check("2026-11-26T00:59:59Z", Phase::Extended);
    check("2026-11-26T01:00:00Z", Phase::Closed);
    // Thanksgiving, the short day behind it, a weekend.
    check("2026-11-26T17:00:00Z", Phase::Closed);
    check("2026-11-27T17:59:59Z", Phase::Regular);
    check("2026-11-27T21:59:59Z", Phase::Extended);
    check("2026-11-27T22:00:00Z", Phase::Closed);
    check("2026-11-28T17:00:00Z", Phase::Closed);
}

#[test]
fn only_a_working_order_of_a_quantity_is_replaced() {
    let terms = |price: &str| Replacement { quantity: None, price: price.parse().ok(), stop_price: None };
    let code = |status: OrderStatus, by_value, price: &str| {
        check_replacement(&status, by_value, &terms(price))
            .map_or_else(|refusal| refusal.reason.to_string(), |()| "ok".to_owned())
    };
    assert_eq!(code(OrderStatus::New, false, "1"), "ok");
    assert_eq!(code(OrderStatus::PartiallyFilled, false, "1"), "ok");
    assert_eq!(code(OrderStatus::New, true, "1"), "alpaca.replace");
    assert_eq!(code(OrderStatus::New, false, "0"), "alpaca.price");
    for status in ["accepted", "pending_new", "pending_cancel", "pending_replace", "filled", "canceled", "replaced"] {
        assert_eq!(code(OrderStatus::of(status), false, "1"), "alpaca.replace", "{status}");
    }
}
