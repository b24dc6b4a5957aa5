//! Every type of order on its whole way: from the command over the paper venue to its last fill; and at a venue that lacks it.

use messages::orders::TimeInForce;

use super::*;
use crate::venues::paper::models::Models;
use crate::venues::paper::state::{Paper, Settings as PaperSettings};

/// Orders, and the venue that they go to.
struct Way {
    bench: Bench,
    paper: Paper,
}

impl Way {
    fn new() -> Self {
        let bench = Bench::new();
        let paper = toml::from_str("latency = '0s'\nmaker_fee_ppm = 0\ntaker_fee_ppm = 1000\n").unwrap();
        let settings = PaperSettings {
            account: "paper".parse().unwrap(),
            deposit: Some(("USD".parse().unwrap(), "100000".parse().unwrap())),
            rules: bench.orders.settings.rules.clone(),
            calendar: Calendar::default(),
            paper,
            seed: 1,
        };
        let models = Models::shipped().choose(&settings.paper).unwrap();
        let mut way = Self { bench, paper: Paper::new(settings, models).unwrap() };
        let level = |price: &str| Some(Level { price: price.parse().unwrap(), size: "100".parse().unwrap() });
        way.see(TickBody::Quote { bid: level("99.99"), ask: level("100.01") });
        way
    }

    fn see(&mut self, body: TickBody) {
        self.bench.now = self.bench.now.after(Duration::from_secs(1));
        let tick = Tick { instrument: instrument(), time: self.bench.now, sequence: None, revision: 0, body };
        let event = Event { id: MarketId(1), body: EventBody::Tick(tick) };
        let mut reports = Vec::new();
        let batch = Batch { source: Source::Simulated, received: self.bench.now, events: vec![event] };
        self.paper.on_market(&batch, &mut reports);
        self.bench.orders.on_market(&batch);
        self.hear(reports);
    }

    fn hear(&mut self, reports: Vec<VenueReport>) {
        for report in reports {
            self.bench.deliver(|orders, at, out| orders.on_report(report, at, out));
        }
    }

    fn submit(&mut self, request: OrderRequest) {
        let command = Command::Submit { order_id: order_id(1), request: Box::new(request) };
        for effect in self.bench.command("a", 0, command) {
            let Effect::Send(_, request) = effect else { continue };
            let mut reports = Vec::new();
            self.paper.on_request(request, self.bench.now, &mut reports);
            self.paper.on_timer(self.bench.now, &mut reports);
            self.hear(reports);
        }
    }

    /// What happened to the order, in its order.
    fn events(&self) -> String {
        let events = self.bench.ledger.iter().filter_map(|record| match record {
            LedgerRecord::Order(update) => Some(update.event.kind.as_str()),
            _ => None,
        });
        events.collect::<Vec<_>>().join(" ")
    }
}

fn request(order_type: OrderType, side: Side, [price, stop, trail]: [&str; 3]) -> OrderRequest {
    OrderRequest {
        order_type,
        time_in_force: if order_type == OrderType::Market { TimeInForce::Ioc } else { TimeInForce::Gtc },
        price: price.parse().ok(),
        stop_price: stop.parse().ok(),
        trail_amount: trail.parse().ok(),
        ..OrderRequest::market(instrument(), side, Quantity::ONE)
    }
}

/// One of each type, and the trades that fill it.
fn one_of_each() -> Vec<(OrderRequest, &'static [&'static str], &'static str)> {
    let triggered = "intended submitted accepted triggered filled";
    vec![
        (request(OrderType::Market, Side::Buy, ["", "", ""]), &[], "intended submitted accepted filled"),
        (request(OrderType::Limit, Side::Buy, ["99", "", ""]), &["98"], "intended submitted accepted filled"),
        (request(OrderType::Stop, Side::Sell, ["", "95", ""]), &["96", "95"], triggered),
        (request(OrderType::StopLimit, Side::Sell, ["94", "95", ""]), &["96", "95"], triggered),
        (request(OrderType::TakeProfit, Side::Sell, ["", "105", ""]), &["104", "105"], triggered),
        (request(OrderType::TrailingStop, Side::Sell, ["", "", "2"]), &["101", "103", "101"], triggered),
    ]
}

#[test]
fn every_type_of_order_goes_to_its_last_fill() {
    let all = one_of_each();
    assert!(OrderType::ALL.iter().all(|kind| all.iter().any(|(request, ..)| request.order_type == *kind)));
    for (request, trades, expected) in all {
        let kind = request.order_type;
        let mut way = Way::new();
        way.submit(request);
        for price in trades {
            let (price, size) = (price.parse().unwrap(), Size::ONE);
            way.see(TickBody::Trade { price, size, aggressor: None, conditions: Default::default() });
        }
        assert_eq!(way.events(), expected, "{kind}");
        way.bench.check_restored();
    }
}

#[test]
fn what_a_venue_lacks_is_denied_by_name() {
    let check = |venue: Capabilities, request: OrderRequest, code: &str| {
        let mut bench = Bench::new();
        bench.orders.settings.venues = [(Exchange::Simulated, venue)].into();
        let what = format!("{} {}", request.order_type, request.time_in_force);
        let command = Command::Submit { order_id: order_id(1), request: Box::new(request) };
        let said: Vec<String> = bench.command("a", 0, command).iter().map(say).collect();
        assert_eq!(said, [format!("1 denied ({code})")], "{what}");
    };
    for (request, ..) in one_of_each() {
        check(Capabilities { order_types: &[], ..CAPABILITIES }, request.clone(), "venue.order_type");
        check(Capabilities { times_in_force: &[], ..CAPABILITIES }, request, "venue.time_in_force");
    }
    let limit = request(OrderType::Limit, Side::Buy, ["99", "", ""]);
    check(
        Capabilities { post_only: false, ..CAPABILITIES },
        OrderRequest { post_only: true, ..limit.clone() },
        "venue.post_only",
    );
    let quote_quantity = Some(Cash::ONE);
    check(
        Capabilities { quote_quantity: false, ..CAPABILITIES },
        OrderRequest { quote_quantity, ..limit },
        "venue.quote_quantity",
    );
}
