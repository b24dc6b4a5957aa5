//! The venue's own rules, over the orders that are open and the prices that were seen.

use messages::orders::{OrderType, TimeInForce};
use messages::venues::ToldRules;

use super::*;
use crate::venues::binance::filters;
use crate::venues::rules::Rules as Own;

const INFO: &str = r#"{"symbols":[{"symbol":"A","status":"TRADING","orderTypes":["LIMIT","STOP_LOSS_LIMIT"],"filters":[
    {"filterType":"PERCENT_PRICE","multiplierUp":"1.1","multiplierDown":"0.9","avgPriceMins":1},
    {"filterType":"MAX_NUM_ALGO_ORDERS","maxNumAlgoOrders":1},{"filterType":"MAX_POSITION","maxPosition":"30"}]}]}"#;

fn own(info: &str) -> Own {
    Own::Binance(Box::new(filters::read(info.as_bytes()).unwrap().0.remove(0)))
}

fn told(info: &str) -> ToldRules {
    ToldRules { instrument: instrument(), ..own(info).told() }
}

fn bench() -> Bench {
    bench_with(settings().rules_every)
}

fn bench_with(rules_every: Duration) -> Bench {
    let known: Arc<dyn VenueRules> = Arc::new(own(INFO));
    let settings = Settings { venue_rules: [(instrument(), known)].into(), rules_every, ..settings() };
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

#[test]
fn rules_are_asked_for_at_each_connection_and_on_the_schedule() {
    let mut bench = bench();
    let every = bench.orders.settings.rules_every;
    let asked = |effects: Vec<Effect>| {
        let asks = |effect: &&Effect| match effect {
            Effect::Send(_, VenueRequest::Rules { instruments, .. }) => *instruments == [instrument()],
            _ => false,
        };
        effects.iter().filter(asks).count()
    };
    assert_eq!(bench.orders.next_due(), None, "the venue is not reached yet");
    assert_eq!(asked(bench.deliver(|orders, at, out| orders.on_reconnected(at, out))), 1);
    for _ in 0..2 {
        let due = bench.now.after(every);
        assert_eq!(bench.orders.next_due(), Some(due));
        bench.now = due.before(Duration::from_secs(2));
        assert_eq!(asked(bench.deliver(|orders, at, out| orders.on_timer(at, out))), 0);
        assert_eq!(asked(bench.deliver(|orders, at, out| orders.on_timer(at, out))), 1);
    }
    let mut bench = bench_with(Duration::ZERO);
    assert_eq!(asked(bench.deliver(|orders, at, out| orders.on_reconnected(at, out))), 0, "never");
    assert_eq!(bench.orders.next_due(), None);
}

#[test]
fn a_connection_that_is_lost_again_and_again_asks_for_rules_once_a_minute() {
    let mut bench = bench();
    let asked = |effects: Vec<Effect>| {
        effects.iter().filter(|effect| matches!(effect, Effect::Send(_, VenueRequest::Rules { .. }))).count()
    };
    assert_eq!(asked(bench.deliver(|orders, at, out| orders.on_reconnected(at, out))), 1);
    let again = bench.now.after(Duration::from_secs(60));
    for _ in 0..5 {
        assert_eq!(asked(bench.deliver(|orders, at, out| orders.on_reconnected(at, out))), 0);
        assert_eq!(bench.orders.next_due(), Some(again), "the answer may have been lost");
    }
    bench.now = again.before(Duration::from_secs(1));
    assert_eq!(asked(bench.deliver(|orders, at, out| orders.on_timer(at, out))), 1);
    assert_eq!(bench.orders.next_due(), Some(again.after(bench.orders.settings.rules_every)));
    bench.now = again.after(Duration::from_secs(60));
    assert_eq!(asked(bench.deliver(|orders, at, out| orders.on_reconnected(at, out))), 1);
}

#[test]
fn a_rule_that_changed_holds_from_then_on_and_is_told_with_both_values() {
    let mut bench = bench();
    assert_eq!(bench.orders.news_of_rules(vec![told(INFO)]), [], "all is as it was");
    submit(&mut bench, 1, limit(Side::Buy, "1", "100.25"), "");
    let steps = r#"{"filterType":"PRICE_FILTER","minPrice":"0","maxPrice":"0","tickSize":"0.5"}"#;
    let info = INFO.replace(r#""filters":["#, &format!(r#""filters":[{steps},"#)).replace(r#""30""#, r#""2""#);
    let elsewhere = ToldRules { instrument: own(INFO).told().instrument, ..told(&info) };
    let news = bench.orders.news_of_rules(vec![elsewhere, told(&info)]);
    assert_eq!(news, [told(&info)], "what is not traded here is left out");
    let effects = bench.deliver(|orders, _, out| orders.on_rules(&news, out));
    let [Effect::Alert(text)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(
        text,
        r#"the venue has changed its rules of simulated:A: max_position "30" → "2"; price null → {"max":"0","min":"0","tick":"0.5"}"#
    );
    submit(&mut bench, 2, limit(Side::Buy, "1", "100.25"), "instrument.tick");
    submit(&mut bench, 3, limit(Side::Buy, "2", "100"), "binance.max_position");
    submit(&mut bench, 4, limit(Side::Buy, "1", "100.5"), "");
    assert_eq!(bench.orders.news_of_rules(vec![told(&info)]), []);
}

#[test]
fn rules_that_cannot_be_read_stay_as_they_were_and_that_is_told() {
    let mut bench = bench();
    let strange = vec![ToldRules { instrument: instrument(), text: r#"{"moon":{}}"#.to_owned() }];
    let elsewhere = ToldRules { instrument: own(INFO).told().instrument, ..strange[0].clone() };
    let news = bench.orders.news_of_rules([strange.clone(), vec![elsewhere]].concat());
    assert_eq!(news, strange);
    let effects = bench.deliver(|orders, _, out| orders.on_rules(&news, out));
    let [Effect::Alert(text)] = &effects[..] else { panic!("{effects:?}") };
    assert!(text.starts_with("the venue's rules of simulated:A cannot be read and stay as they were: "), "{text}");
    assert_eq!(bench.orders.news_of_rules(vec![told(INFO)]), [], "all is as it was");
}

/// A mean over another time is not known before it was watched for so long.
#[test]
fn a_mean_over_another_time_is_watched_anew() {
    let mut bench = bench();
    trade(&mut bench, "80", Duration::ZERO);
    trade(&mut bench, "80", Duration::from_secs(60));
    submit(&mut bench, 1, limit(Side::Buy, "1", "100"), "binance.percent_price");
    let news = [told(&INFO.replace(r#""avgPriceMins":1"#, r#""avgPriceMins":2"#))];
    bench.deliver(|orders, _, out| orders.on_rules(&news, out));
    submit(&mut bench, 2, limit(Side::Buy, "1", "100"), "");
    trade(&mut bench, "80", Duration::ZERO);
    trade(&mut bench, "80", Duration::from_secs(120));
    submit(&mut bench, 3, limit(Side::Buy, "1", "100"), "binance.percent_price");
}
