//! Questions and their answers, and that whatever is lost, late or twice, the fills come to what the venue filled.

use std::collections::{BTreeMap, BTreeSet};

use messages::orders::Side;
use proptest::prelude::*;

use super::super::books::tests::{at, fill as stream_fill, id, name, object, quantity, short, update};
use super::super::stream::{Event, Update};
use super::*;

/// A venue that answers from what it has.
#[derive(Debug)]
struct Venue {
    orders: Vec<OrderObject>,
    history: Vec<Activity>,
    /// The last answer could not tell all.
    is_behind: std::cell::Cell<bool>,
    /// When it is asked.
    now: UtcNanos,
}

impl Default for Venue {
    fn default() -> Self {
        Self { orders: Vec::new(), history: Vec::new(), is_behind: false.into(), now: at(10) }
    }
}

fn activity(order: &str, key: &str, price: &str, of: &str, cumulative: &str) -> Activity {
    Activity {
        id: format!("2026::{key}"),
        execution_id: key.parse().unwrap(),
        order_id: id(order),
        symbol: "AAPL".to_owned(),
        side: Some(Side::Buy),
        price: price.parse().unwrap(),
        quantity: quantity(of),
        cumulative: quantity(cumulative),
        time: at(5),
    }
}

fn json(order: &OrderObject) -> String {
    let text = |value: Option<String>| value.map_or("null".to_owned(), |text| format!("\"{text}\""));
    format!(
        r#"{{"id":"{}","client_order_id":"{}","symbol":"AAPL","status":"{}","type":"limit","side":"buy","qty":{},"notional":{},"limit_price":"100","filled_qty":"{}","filled_avg_price":{},"replaced_by":{},"replaces":{},"submitted_at":"2027-01-15T08:00:00Z","updated_at":"2027-01-15T08:00:09Z"}}"#,
        order.id,
        order.client_order_id,
        order.status,
        text(order.quantity.map(|q| q.to_string())),
        text(order.notional.map(|value| value.to_string())),
        order.filled,
        text(order.average.map(|p| p.to_string())),
        text(order.replaced_by.map(|id| id.to_string())),
        text(order.replaces.map(|id| id.to_string())),
    )
}

impl Venue {
    fn answer(&self, call: &Call) -> (u16, String) {
        if call.path.starts_with("/v2/account/activities/FILL") {
            let rows: Vec<String> = self
                .history
                .iter()
                .map(|fill| {
                    format!(
                        r#"{{"id":"{}","activity_type":"FILL","order_id":"{}","price":"{}","qty":"{}","cum_qty":"{}","transaction_time":"2027-01-15T08:00:05Z"}}"#,
                        fill.id, fill.order_id, fill.price, fill.quantity, fill.cumulative
                    )
                })
                .collect();
            return (200, format!("[{}]", rows.join(",")));
        }
        let of_path = |order: &&OrderObject| {
            let by_id = format!("/v2/orders/{}?", order.id);
            call.path.starts_with(&by_id) || call.path.ends_with(&format!("client_order_id={}", order.client_order_id))
        };
        let found = self.orders.iter().find(of_path);
        found.map_or((404, r#"{"code":40410000,"message":"order not found"}"#.to_owned()), |order| (200, json(order)))
    }

    fn ask(&self, subject: Subject, books: &mut Books) -> (Vec<String>, Vec<Said>) {
        self.is_behind.set(false);
        let (mut inquiry, mut call) = Inquiry::new(subject, self.now);
        let mut paths = Vec::new();
        loop {
            paths.push(call.path.clone());
            let (status, body) = self.answer(&call);
            let answer = Answer { status, retry_after: None, remaining: None, reset: None, body: body.as_bytes() };
            match inquiry.hear(Ok(&answer)) {
                Next::Ask(next) => call = next,
                Next::Tell => {
                    let mut out = Vec::new();
                    self.is_behind.set(inquiry.tell(books, self.now, &mut out) == Told::NotYet);
                    return (paths, out);
                }
                Next::NotKnown => return (paths, Vec::new()),
                other => panic!("{other:?}"),
            }
        }
    }

    fn check(&self, subject: Subject, expected: &[&str]) {
        let mut books = books();
        assert_eq!(short(&self.ask(subject, &mut books).1), expected);
    }
}

fn books() -> Books {
    Books::new("alpaca-paper".parse().unwrap())
}

fn ours(text: &str) -> Subject {
    Subject::Ours(name(text))
}

fn with(order: OrderObject, average: &str) -> OrderObject {
    OrderObject { average: average.parse().ok(), ..order }
}

#[test]
fn an_order_without_fills_costs_one_call() {
    let venue =
        Venue { orders: vec![object("v1", "m-1", OrderStatus::New, "0")], history: Vec::new(), ..Venue::default() };
    let (paths, said) = venue.ask(ours("m-1"), &mut books());
    assert_eq!((paths.len(), short(&said)), (1, vec!["m-1 accepted".to_owned()]));
    let (paths, said) = venue.ask(ours("m-2"), &mut books());
    assert_eq!((paths.len(), said), (1, Vec::new()), "not known");
}

#[test]
fn every_status_has_its_last_word() {
    let check = |status: &str, expected: &[&str]| {
        let venue = Venue {
            orders: vec![object("v1", "m-1", OrderStatus::of(status), "0")],
            history: Vec::new(),
            ..Venue::default()
        };
        venue.check(ours("m-1"), expected);
    };
    for working in [
        "new",
        "partially_filled",
        "done_for_day",
        "pending_cancel",
        "accepted",
        "pending_new",
        "accepted_for_bidding",
        "stopped",
        "suspended",
        "calculated",
        "held",
        "pending_review",
    ] {
        check(working, &["m-1 accepted"]);
    }
    check("canceled", &["m-1 canceled"]);
    check("expired", &["m-1 alpaca.expired"]);
    check("rejected", &["m-1 alpaca.rejected"]);
    check("pending_replace", &[]);
    check("melted", &["UnknownStatus"]);
}

#[test]
fn fills_come_from_history_with_their_keys() {
    let venue = Venue {
        orders: vec![object("v1", "m-1", OrderStatus::Canceled, "5")],
        history: vec![
            activity("v1", "a", "100", "2", "2"),
            activity("v9", "x", "1", "7", "7"),
            activity("v1", "b", "101", "3", "5"),
        ],
        ..Venue::default()
    };
    venue.check(ours("m-1"), &["m-1 filled 2 of 2 (a)", "m-1 filled 3 of 5 (b)", "m-1 canceled"]);
}

#[test]
fn an_order_by_value_is_filled_by_the_venues_word() {
    let of_ten = object("v1", "m-1", OrderStatus::Filled, "2");
    let order = OrderObject { quantity: None, notional: "200".parse().ok(), ..of_ten };
    let venue = Venue { orders: vec![order], history: vec![activity("v1", "a", "100", "2", "2")], ..Venue::default() };
    venue.check(ours("m-1"), &["m-1 filled 2 of 2 (a)", "m-1 completed { filled: 2 }"]);
}

#[test]
fn what_history_does_not_tell_is_the_difference_at_the_price_that_is_left() {
    // 2 at 100 and 3 at 110 are 5 at 106.
    let order = with(object("v1", "m-1", OrderStatus::PartiallyFilled, "5"), "106");
    let venue =
        Venue { orders: vec![order.clone()], history: vec![activity("v1", "a", "100", "2", "2")], ..Venue::default() };
    let mut books = books();
    // While history may be behind it is asked again.
    assert_eq!(short(&venue.ask(ours("m-1"), &mut books).1), ["m-1 filled 2 of 2 (a)"]);
    assert!(venue.is_behind.get());
    let venue = Venue { now: at(100), ..venue };
    let (_, said) = venue.ask(Subject::Theirs(id("v1")), &mut books);
    assert_eq!(short(&said), ["m-1 filled 2 of 2 (a)", "m-1 filled 3 of 5 (v1:5)", "m-1 accepted"]);
    let prices: Vec<String> = fills(&said).iter().map(|fill| fill.price.to_string()).collect();
    assert_eq!(prices, ["100", "110"]);
    assert_eq!(venue.ask(ours("m-1"), &mut books).1, said, "the same question, the same keys");
    // Without any price nothing is made up.
    let venue = Venue {
        orders: vec![object("v1", "m-1", OrderStatus::PartiallyFilled, "5")],
        now: at(100),
        ..Venue::default()
    };
    venue.check(ours("m-1"), &["NoPrice", "m-1 accepted"]);
}

#[test]
fn a_replaced_order_is_told_whole() {
    let old =
        OrderObject { replaced_by: Some(id("v2")), ..with(object("v1", "m-1", OrderStatus::Replaced, "4"), "100") };
    let new = |filled: &str| OrderObject {
        replaces: Some(id("v1")),
        ..with(object("v2", "m-1-r1", OrderStatus::New, filled), "102")
    };
    let history = |cumulative| vec![activity("v1", "a", "100", "4", "4"), activity("v2", "b", "102", "5", cumulative)];
    let expected = ["m-1-r1 filled 4 of 4 (a)", "m-1-r1 filled 5 of 9 (b)", "m-1-r1 accepted"];
    // Counted anew, and counted on.
    for (filled, replaced) in [("5", "m-1-r1 replaced 14"), ("9", "m-1-r1 replaced 10")] {
        let venue = Venue { orders: vec![old.clone(), new(filled)], history: history(filled), ..Venue::default() };
        for subject in [ours("m-1"), ours("m-1-r1"), Subject::Theirs(id("v2"))] {
            let said = short(&venue.ask(subject, &mut books()).1);
            assert_eq!(said[0], replaced, "{subject:?} {filled}");
            assert_eq!(said[1..], expected, "{subject:?} {filled}");
        }
    }
}

#[test]
fn a_replacement_that_is_not_in_force_is_not_told() {
    let old = OrderObject { replaced_by: Some(id("v2")), ..object("v1", "m-1", OrderStatus::PendingReplace, "0") };
    let new = |status| OrderObject { replaces: Some(id("v1")), ..object("v2", "m-1-r1", status, "0") };
    let check = |old: &OrderObject, status: OrderStatus, expected: &[&str]| {
        let venue = Venue { orders: vec![old.clone(), new(status)], history: Vec::new(), ..Venue::default() };
        venue.check(ours("m-1"), expected);
    };
    check(&old, OrderStatus::PendingNew, &[]);
    let kept = OrderObject { status: OrderStatus::New, ..old.clone() };
    check(&kept, OrderStatus::Rejected, &["m-1-r1 alpaca.replace_rejected", "m-1 accepted"]);
    // Taken before the session begins: the older one stands no more.
    let gone = OrderObject { status: OrderStatus::Replaced, ..old };
    check(&gone, OrderStatus::Accepted, &["m-1-r1 replaced 10", "m-1-r1 accepted"]);
}

#[test]
fn an_order_stands_when_it_is_asked_about_unless_its_replacement_has_arrived() {
    let check = |orders: Vec<OrderObject>, expected: UtcNanos| {
        let venue = Venue { orders, now: at(100), ..Venue::default() };
        let said = venue.ask(ours("m-1"), &mut books()).1;
        let [Said::Report(report)] = &said[..] else { panic!("{said:?}") };
        assert_eq!((&report.kind, report.time), (&ReportKind::Accepted, expected));
    };
    let old = object("v1", "m-1", OrderStatus::New, "0");
    check(vec![old.clone()], at(100));
    let new = OrderObject { replaces: Some(id("v1")), ..object("v2", "m-1-r1", OrderStatus::PendingNew, "0") };
    check(vec![OrderObject { replaced_by: Some(id("v2")), ..old }, new], at(9));
}

#[test]
fn ids_in_a_circle_end() {
    let one = OrderObject {
        replaces: Some(id("v2")),
        replaced_by: Some(id("v2")),
        ..object("v1", "m-1", OrderStatus::Replaced, "0")
    };
    let two = OrderObject {
        replaces: Some(id("v1")),
        replaced_by: Some(id("v1")),
        ..object("v2", "m-2", OrderStatus::New, "0")
    };
    let venue = Venue { orders: vec![one, two], history: Vec::new(), ..Venue::default() };
    assert!(venue.ask(ours("m-1"), &mut books()).0.len() < 5);
}

fn fills(said: &[Said]) -> Vec<Fill> {
    let of = |one: &Said| match one {
        Said::Report(report) => match &report.kind {
            ReportKind::Filled(fill) => Some(fill.clone()),
            _ => None,
        },
        _ => None,
    };
    said.iter().filter_map(of).collect()
}

/// What orders keep of an order's fills: one key counts once, and never more than the venue ever counted.
#[derive(Debug, Default)]
struct Kept {
    keys: BTreeSet<ExecutionId>,
    reported: Quantity,
    filled: Quantity,
    by_key: BTreeMap<ExecutionId, Quantity>,
}

impl Kept {
    /// True when the venue counts more than we have: orders ask then.
    fn take(&mut self, fill: &Fill) -> bool {
        if !self.keys.insert(fill.execution_id) {
            return false;
        }
        self.reported = self.reported.max(fill.cumulative);
        let filled = self.filled.checked_add(fill.quantity).unwrap();
        if filled > self.reported {
            return false;
        }
        self.filled = filled;
        self.by_key.insert(fill.execution_id, fill.quantity);
        fill.cumulative > filled
    }
}

/// An order's life at the venue: fills, and after some of them a replacement, perhaps.
#[derive(Debug, Clone)]
struct Life {
    fills: Vec<(u32, u32)>,
    replaced_after: Option<usize>,
    carries: bool,
}

impl Life {
    /// The updates as they happened, and the venue at the end.
    fn live(&self) -> (Vec<Update>, Venue) {
        let mut venue =
            Venue { orders: vec![object("v1", "m-1", OrderStatus::New, "0")], history: Vec::new(), ..Venue::default() };
        let mut updates = vec![update(Event::New, venue.orders[0].clone())];
        for (at, (of, price)) in self.fills.iter().enumerate() {
            if self.replaced_after == Some(at) {
                self.replace(&mut venue, &mut updates);
            }
            let order = venue.orders.last_mut().unwrap();
            let (of, price) = (quantity(&of.to_string()), Price::from_raw(i64::from(*price) * 1_000_000).unwrap());
            let before = order.average.and_then(|average| average.notional(order.filled)).unwrap_or(Notional::ZERO);
            order.filled = order.filled.checked_add(of).unwrap();
            order.status = OrderStatus::PartiallyFilled;
            order.average = price.notional(of).unwrap().checked_add(before).unwrap().average(order.filled);
            let key = format!("e{at}");
            updates.push(Update { price: Some(price), ..stream_fill(&key, &of.to_string(), order.clone()) });
            let (order_id, cumulative) = (order.id, order.filled);
            let id = format!("2026::{key}");
            let execution_id = key.parse().unwrap();
            venue.history.push(Activity {
                id,
                execution_id,
                order_id,
                symbol: "AAPL".to_owned(),
                side: Some(Side::Buy),
                price,
                quantity: of,
                cumulative,
                time: super::super::books::tests::at(5),
            });
        }
        (updates, venue)
    }

    fn replace(&self, venue: &mut Venue, updates: &mut Vec<Update>) {
        let old = venue.orders.last_mut().unwrap();
        (old.status, old.replaced_by) = (OrderStatus::Replaced, Some(id("v2")));
        let mut new = OrderObject { replaces: Some(old.id), ..object("v2", "m-1-r1", OrderStatus::New, "0") };
        if self.carries {
            (new.filled, new.average) = (old.filled, old.average);
        }
        updates.push(update(Event::Replaced, old.clone()));
        updates.push(update(Event::New, new.clone()));
        venue.orders.push(new);
    }

    fn total(&self) -> Quantity {
        quantity(&self.fills.iter().map(|(of, _)| of).sum::<u32>().to_string())
    }
}

fn life() -> impl Strategy<Value = Life> {
    let fills = prop::collection::vec((1u32..50, 1u32..20_000), 1..6);
    (fills, prop::option::of(0usize..6), any::<bool>()).prop_map(|(fills, replaced_after, carries)| Life {
        fills,
        replaced_after,
        carries,
    })
}

/// What happens to an update on its way, and where it goes to among the others.
#[derive(Debug, Clone, Copy)]
struct Fate {
    copies: usize,
    place: u32,
}

fn fate() -> impl Strategy<Value = Fate> {
    (0usize..3, any::<u32>()).prop_map(|(copies, place)| Fate { copies, place })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn whatever_is_lost_late_or_twice_the_fills_come_to_what_the_venue_filled(
        life in life(),
        fates in prop::collection::vec(fate(), 10),
        shuffles in any::<bool>(),
        lags in 0usize..6,
        hole in prop::option::of(0usize..6),
        restarts in any::<bool>(),
        is_late in any::<bool>(),
    ) {
        let (updates, mut venue) = life.live();
        venue.now = at(if is_late { 100 } else { 10 });
        let mut sent: Vec<(u32, Update)> = Vec::new();
        for (at, update) in updates.into_iter().enumerate() {
            let fate = fates[at % fates.len()];
            let place = if shuffles { fate.place } else { at as u32 };
            sent.extend((0..fate.copies).map(|_| (place, update.clone())));
        }
        sent.sort_by_key(|(place, _)| *place);
        let mut books = books();
        let mut kept = Kept::default();
        // History is not whole at first.
        let whole = venue.history.clone();
        venue.history.truncate(whole.len().saturating_sub(lags));
        // A hole and a replacement together may leave it open what is counted.
        if let Some(at) = hole.filter(|at| *at < venue.history.len() && life.replaced_after.is_none()) {
            venue.history.remove(at);
        }
        let has_all = venue.history.len() == whole.len();
        for (_, update) in &sent {
            let mut said = Vec::new();
            books.update(update, at(9), &mut said);
            let mut questions: Vec<Subject> = said
                .iter()
                .filter_map(|one| match one { Said::LookUp(id) => Some(Subject::Theirs(*id)), _ => None })
                .collect();
            for fill in fills(&said) {
                prop_assert!(fill.cumulative >= fill.quantity);
                if kept.take(&fill) {
                    questions.push(ours("m-1"));
                }
            }
            for question in questions {
                for fill in fills(&venue.ask(question, &mut books).1) {
                    kept.take(&fill);
                }
            }
            prop_assert!(kept.filled <= life.total());
        }
        if restarts {
            books = self::books();
        }
        for fill in fills(&venue.ask(ours("m-1"), &mut books).1) {
            kept.take(&fill);
        }
        // History that is not whole after its time breaks its word: all that is asked then is that nothing counts twice.
        let is_whole = has_all && !venue.is_behind.get();
        prop_assert!(kept.filled == life.total() || !is_whole && kept.filled < life.total(), "{:?}", kept);
        venue.history = whole;
        for fill in fills(&venue.ask(ours("m-1"), &mut books).1) {
            kept.take(&fill);
        }
        prop_assert_eq!(kept.filled, life.total(), "asked again: {:?}", kept);
    }
}
