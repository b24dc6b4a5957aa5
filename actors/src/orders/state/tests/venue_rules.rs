//! The venue's own rules, over the orders that are open and the prices that were seen.

use messages::orders::{OrderType, TimeInForce};

use super::*;
use crate::venues::binance::filters;
use crate::venues::rules::Rules as Own;

fn bench() -> Bench {
    let info = r#"{"symbols":[{"symbol":"A","status":"TRADING","orderTypes":["LIMIT","STOP_LOSS_LIMIT"],"filters":[
        {"filterType":"PERCENT_PRICE","multiplierUp":"1.1","multiplierDown":"0.9","avgPriceMins":1},
        {"filterType":"MAX_NUM_ALGO_ORDERS","maxNumAlgoOrders":1},{"filterType":"MAX_POSITION","maxPosition":"30"}]}]}"#;
    let told: Arc<dyn VenueRules> =
        Arc::new(Own::Binance(Box::new(filters::read(info.as_bytes()).unwrap().0.remove(0))));
    let settings = Settings { venue_rules: [(instrument(), told)].into(), ..settings() };
    Bench { orders: Orders::new(settings, ClientOrderIds::new("t", 1).unwrap()), ..Bench::new() }
}

fn submit(bench: &mut Bench, number: u32, request: OrderRequest, expected: &str) {
    let order_id = order_id(number);
    bench.command("a", 0, Command::Submit { order_id, request: Box::new(request) });
    let found = bench.orders.order(order_id).unwrap().reason.map(|reason| reason.to_string());
    assert_eq!(found.unwrap_or_default(), expected, "order {number}");
}

fn limit(side: Side, quantity: &str, price: &str) -> OrderRequest {
    OrderRequest::limit(instrument(), side, quantity.parse().unwrap(), price.parse().unwrap())
}

fn trade(bench: &mut Bench, price: &str, after: Duration) {
    bench.now = bench.now.after(after);
    let body = TickBody::Trade {
        price: price.parse().unwrap(),
        size: Size::ONE,
        aggressor: None,
        conditions: messages::market::Conditions::default(),
    };
    let tick = Tick { instrument: instrument(), time: bench.now, sequence: None, revision: 0, body };
    let event = Event { id: MarketId(2), body: EventBody::Tick(tick) };
    bench.orders.on_market(&Batch { source: Source::Simulated, received: bench.now, events: vec![event] });
}

#[test]
fn prices_are_held_against_the_mean_of_the_trades_once_it_was_watched_for_long_enough() {
    let mut bench = bench();
    trade(&mut bench, "80", Duration::ZERO);
    submit(&mut bench, 1, limit(Side::Buy, "1", "100"), "");
    trade(&mut bench, "80", Duration::from_secs(60));
    submit(&mut bench, 2, limit(Side::Buy, "1", "100"), "binance.percent_price");
    submit(&mut bench, 3, limit(Side::Buy, "1", "88"), "");
}

#[test]
fn open_orders_and_what_is_held_are_counted() {
    let mut bench = bench();
    let stop = |side| OrderRequest {
        order_type: OrderType::StopLimit,
        stop_price: Some("100".parse().unwrap()),
        time_in_force: TimeInForce::Gtc,
        ..limit(side, "1", "100")
    };
    submit(&mut bench, 1, stop(Side::Sell), "");
    submit(&mut bench, 2, stop(Side::Sell), "binance.max_num_algo_orders");
    submit(&mut bench, 3, limit(Side::Buy, "20", "100"), "");
    submit(&mut bench, 4, limit(Side::Buy, "11", "100"), "binance.max_position");
    submit(&mut bench, 5, limit(Side::Buy, "10", "100"), "");
    // A replacement is judged without the order that it takes the place of.
    let replacement = Replacement { quantity: None, price: Some("99.5".parse().unwrap()), stop_price: None };
    bench.report(client_id("1"), Duration::ZERO, ReportKind::Accepted);
    bench.command("a", 0, Command::Replace { order_id: order_id(1), replacement });
    assert_eq!(bench.orders.order(order_id(1)).unwrap().status, Status::PendingReplace);
}
