//! Each filter refuses by its name, with its figures, on both of its sides, and what it does not know it leaves to the venue.

use messages::orders::TimeInForce;

use super::*;
use crate::wire::testdata;

const INFO: &str = r#"{"exchangeFilters":[{"filterType":"EXCHANGE_MAX_NUM_ORDERS","maxNumOrders":1000}],"symbols":[
 {"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT","isSpotTradingAllowed":true,
  "orderTypes":["LIMIT","LIMIT_MAKER","MARKET","STOP_LOSS","STOP_LOSS_LIMIT"],"quoteOrderQtyMarketAllowed":true,"allowTrailingStop":true,
  "filters":[
   {"filterType":"PRICE_FILTER","minPrice":"0.01","maxPrice":"1000000.00","tickSize":"0.01"},
   {"filterType":"LOT_SIZE","minQty":"0.00001","maxQty":"9000.0","stepSize":"0.00001"},
   {"filterType":"MARKET_LOT_SIZE","minQty":"0.00000000","maxQty":"100.0","stepSize":"0.00000000"},
   {"filterType":"NOTIONAL","minNotional":"5.0","applyMinToMarket":true,"maxNotional":"9000000.0","applyMaxToMarket":false,"avgPriceMins":5},
   {"filterType":"PERCENT_PRICE_BY_SIDE","bidMultiplierUp":"1.2","bidMultiplierDown":"0.2","askMultiplierUp":"5","askMultiplierDown":"0.8","avgPriceMins":5},
   {"filterType":"TRAILING_DELTA","minTrailingAboveDelta":10,"maxTrailingAboveDelta":2000,"minTrailingBelowDelta":20,"maxTrailingBelowDelta":2000},
   {"filterType":"ICEBERG_PARTS","limit":10},
   {"filterType":"MAX_POSITION","maxPosition":"10.0"},
   {"filterType":"MAX_NUM_ORDERS","maxNumOrders":200},
   {"filterType":"MAX_NUM_ALGO_ORDERS","maxNumAlgoOrders":5},
   {"filterType":"FULL_MOON","phase":1}]},
 {"symbol":"ETHUSDT","status":"CANCEL_ONLY","filters":[]},
 {"symbol":"BADUSDT","status":"TRADING","filters":[{"filterType":"LOT_SIZE","minQty":"none","maxQty":"1","stepSize":"1"}]}]}"#;

fn all() -> (Vec<Filters>, Vec<Unreadable>) {
    read(INFO.as_bytes()).unwrap()
}

fn limit(side: Side, quantity: &str, price: &str) -> OrderRequest {
    OrderRequest::limit(all().0[0].instrument, side, quantity.parse().unwrap(), price.parse().unwrap())
}

fn seen() -> Seen {
    Seen { average: Some("60000".parse().unwrap()), ..Seen::default() }
}

fn check(request: &OrderRequest, seen: &Seen, expected: &str) {
    let said =
        all().0[0].check(request, seen).map_or_else(|r| format!("{} {}", r.reason, r.text), |()| "taken".to_owned());
    assert!(said.starts_with(expected), "{said}, expected {expected}: {request:?}");
}

#[test]
fn prices_keep_to_their_steps_and_to_the_average() {
    check(&limit(Side::Buy, "1", "60000"), &seen(), "taken");
    check(
        &limit(Side::Buy, "1", "60000.005"),
        &seen(),
        "binance.price_filter PRICE_FILTER: price 60000.005 is no multiple of 0.01",
    );
    check(&limit(Side::Buy, "1", "0.001"), &seen(), "binance.price_filter PRICE_FILTER: price 0.001 is below 0.01");
    check(
        &limit(Side::Buy, "1", "1000000.01"),
        &seen(),
        "binance.price_filter PRICE_FILTER: price 1000000.01 is above 1000000",
    );
    check(&limit(Side::Buy, "1", "72000"), &seen(), "taken");
    check(
        &limit(Side::Buy, "1", "72000.01"),
        &seen(),
        "binance.percent_price PERCENT_PRICE_BY_SIDE: price 72000.01 is above 1.2 times",
    );
    check(
        &limit(Side::Sell, "1", "47999.99"),
        &seen(),
        "binance.percent_price PERCENT_PRICE_BY_SIDE: price 47999.99 is below 0.8 times",
    );
    // Without an average price the venue judges.
    check(&limit(Side::Sell, "1", "47999.99"), &Seen::default(), "taken");
    // So it does of what only reduces: it may know a better price than the average.
    check(&OrderRequest { reduce_only: true, ..limit(Side::Sell, "1", "47999.99") }, &seen(), "taken");
    let stop = OrderRequest {
        order_type: OrderType::StopLimit,
        stop_price: Some("60000.001".parse().unwrap()),
        ..limit(Side::Buy, "1", "60000")
    };
    check(&stop, &seen(), "binance.price_filter PRICE_FILTER: trigger price 60000.001");
}

#[test]
fn quantities_and_values_keep_to_theirs() {
    check(
        &limit(Side::Sell, "0.000001", "60000"),
        &seen(),
        "binance.lot_size LOT_SIZE: quantity 0.000001 is below 0.00001",
    );
    check(
        &limit(Side::Sell, "0.000011", "60000"),
        &seen(),
        "binance.lot_size LOT_SIZE: quantity 0.000011 is no multiple",
    );
    check(&limit(Side::Sell, "9001", "60"), &seen(), "binance.lot_size LOT_SIZE: quantity 9001 is above 9000");
    check(&limit(Side::Sell, "0", "60000"), &seen(), "binance.lot_size LOT_SIZE: quantity 0 is not positive");
    check(&limit(Side::Sell, "0.00005", "60000"), &seen(), "binance.notional NOTIONAL: value 3 at 60000 is below 5");
    check(
        &limit(Side::Sell, "151", "60000"),
        &seen(),
        "binance.notional NOTIONAL: value 9060000 at 60000 is above 9000000",
    );
    let market = |quantity: &str| OrderRequest::market(all().0[0].instrument, Side::Sell, quantity.parse().unwrap());
    check(&market("0.00005"), &seen(), "binance.notional NOTIONAL: value 3 at 60000 is below 5");
    check(&market("0.00005"), &Seen::default(), "taken");
    check(&market("101"), &seen(), "binance.market_lot_size MARKET_LOT_SIZE: quantity 101 is above 100");
    check(&market("0.000011"), &seen(), "binance.lot_size");
    let by_quote = |value: &str| OrderRequest { quote_quantity: Some(value.parse().unwrap()), ..market("0") };
    check(&by_quote("5"), &Seen::default(), "taken");
    check(&by_quote("4.99"), &Seen::default(), "binance.notional NOTIONAL: value 4.99 is below 5");
}

#[test]
fn stops_trail_within_their_distance() {
    let trailing = |side, amount: &str| OrderRequest {
        order_type: OrderType::TrailingStop,
        stop_price: Some("50000".parse().unwrap()),
        trail_amount: Some(amount.parse().unwrap()),
        price: None,
        ..limit(side, "1", "1")
    };
    check(&trailing(Side::Buy, "100"), &seen(), "taken");
    check(&trailing(Side::Buy, "25"), &seen(), "binance.trailing_delta TRAILING_DELTA: a distance of 5 hundredths");
    check(
        &trailing(Side::Sell, "75"),
        &seen(),
        "binance.trailing_delta TRAILING_DELTA: a distance of 15 hundredths of a percent is outside of 20 to 2000",
    );
    check(
        &OrderRequest { order_type: OrderType::TakeProfit, ..trailing(Side::Sell, "100") },
        &seen(),
        "binance.order_type",
    );
}

#[test]
fn counts_and_positions_are_held_against_what_is_open() {
    let buys = limit(Side::Buy, "1", "60000");
    let stop =
        OrderRequest { order_type: OrderType::StopLimit, stop_price: Some("60000".parse().unwrap()), ..buys.clone() };
    check(&buys, &Seen { open_orders: 199, open_algo_orders: 5, ..seen() }, "taken");
    check(
        &buys,
        &Seen { open_orders: 200, ..seen() },
        "binance.max_num_orders MAX_NUM_ORDERS: 200 are open, and 200 may be",
    );
    check(&stop, &Seen { open_algo_orders: 5, ..seen() }, "binance.max_num_algo_orders");
    check(&buys, &Seen { open_everywhere: 1_000, ..seen() }, "binance.exchange_max_num_orders");
    let market =
        OrderRequest { order_type: OrderType::Market, time_in_force: TimeInForce::Ioc, price: None, ..buys.clone() };
    check(&market, &Seen { open_orders: 200, ..seen() }, "taken");
    let holds = |position: &str| Seen { position: Some(position.parse().unwrap()), ..seen() };
    check(&buys, &holds("9"), "taken");
    check(&buys, &holds("9.1"), "binance.max_position MAX_POSITION: 9.1 and this order's 1 are above 10");
    check(&limit(Side::Sell, "1", "60000"), &holds("9.1"), "taken");
}

#[test]
fn only_what_trades_takes_orders_and_what_is_not_known_is_said() {
    let (symbols, refused) = all();
    assert_eq!(symbols[0].unknown, ["FULL_MOON"]);
    let cancel_only = &symbols[1];
    let request = OrderRequest { instrument: cancel_only.instrument, ..limit(Side::Buy, "1", "60000") };
    let refusal = cancel_only.check(&request, &seen()).unwrap_err();
    assert_eq!((refusal.reason.as_str(), refusal.text.contains("ETHUSDT is CANCEL_ONLY")), ("binance.status", true));
    assert_eq!(refused.len(), 1);
    assert!(
        refused[0].to_string().starts_with("symbol `BADUSDT` of exchangeInfo: filter LOT_SIZE: `none`"),
        "{}",
        refused[0]
    );
}

#[test]
fn the_recorded_rules_are_read_whole() {
    let Some(body) = testdata::text("binance/rest/general/exchange_info.json") else { return };
    let (symbols, refused) = read(body.as_bytes()).unwrap();
    assert_eq!(refused, []);
    let (eth, unknown) = (&symbols[0], symbols.iter().flat_map(|s| s.unknown.clone()).collect::<Vec<_>>());
    assert_eq!((eth.instrument.symbol.as_str(), eth.counts.algo_orders, unknown.len()), ("ETHBTC", Some(5), 0));
    let order = OrderRequest::limit(eth.instrument, Side::Buy, "0.0015".parse().unwrap(), "0.05".parse().unwrap());
    assert!(eth.check(&order, &Seen::default()).unwrap_err().text.contains("0.0015 is no multiple of 0.001"));
}

/// One answer gives both: what risk holds against orders first, and the filters behind it.
#[test]
fn steps_and_sizes_are_those_that_the_feed_reads() {
    let listed = crate::feeds::binance::exchange_info::read(INFO.as_bytes()).unwrap().symbols.remove(0).rules;
    let other = Rules {
        price_step: "3".parse().unwrap(),
        quantity_step: "3".parse().unwrap(),
        min_quantity: "3".parse().unwrap(),
        max_quantity: "3".parse().unwrap(),
        min_notional: "3".parse().unwrap(),
        ..listed.clone()
    };
    assert_eq!(all().0[0].amend(&other), listed);
}
