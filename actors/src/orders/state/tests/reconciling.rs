//! Reconciliation with a venue that keeps books of its own and whose words are lost now and then.

use messages::account::{
    AccountSnapshot, Cause, DifferenceKind, Outcome as Ended, ReconcileAsk, Reconciliation, VenueBalance, VenueFill,
    VenueOrder, VenuePosition, Wanted,
};
use messages::orders::OrderType;
use proptest::prelude::*;

use super::*;
use crate::orders::risk::reconciling::Waits;
use crate::orders::state::reconciling::Reconciling;

/// An order as the venue has it.
#[derive(Debug, Clone)]
struct There {
    request: OrderRequest,
    fills: Vec<Fill>,
    end: Option<ReportKind>,
}

impl There {
    fn filled(&self) -> Quantity {
        self.fills.last().map_or(Quantity::ZERO, |fill| fill.cumulative)
    }
}

/// The venue: its own books, and no word that is not asked for.
#[derive(Debug, Default)]
struct Venue {
    orders: BTreeMap<ClientOrderId, There>,
    foreign: Vec<VenueOrder>,
    cash: Cash,
    position: Quantity,
    executions: u32,
    /// It answers no question about orders.
    is_silent: bool,
    missing: Vec<String>,
}

impl Venue {
    fn trade(&mut self, name: ClientOrderId, quantity: i128, now: UtcNanos) -> Option<ReportKind> {
        let there = self.orders.get_mut(&name).filter(|there| there.end.is_none())?;
        let rest = there.request.quantity.checked_sub(there.filled()).unwrap();
        let quantity = rest.min(Quantity::from_raw(quantity * Quantity::ONE.raw()).unwrap());
        if !quantity.is_positive() {
            return None;
        }
        self.executions += 1;
        let cumulative = there.filled().checked_add(quantity).unwrap();
        let made = fill(format!("x{}", self.executions).parse().unwrap(), quantity, cumulative, now);
        there.fills.push(made.clone());
        let side = there.request.side;
        self.move_by(side, quantity);
        Some(ReportKind::Filled(made))
    }

    /// At 100, with a fee of 1.
    fn move_by(&mut self, side: Side, quantity: Quantity) {
        let price: Price = "100".parse().unwrap();
        let value = price.times(side.signed(quantity)).unwrap();
        self.position = self.position.checked_add(side.signed(quantity)).unwrap();
        self.cash = self.cash.checked_sub(value).unwrap().checked_sub(Cash::ONE).unwrap();
    }

    /// All that it says to a request about an order.
    fn answer(&mut self, request: &VenueRequest) -> Vec<(ClientOrderId, ReportKind)> {
        match request {
            VenueRequest::Submit { client_order_id: name, request, .. } => {
                self.orders.insert(*name, There { request: (**request).clone(), fills: Vec::new(), end: None });
                vec![(*name, ReportKind::Accepted)]
            }
            VenueRequest::Cancel { client_order_id: name, .. } => {
                let open = self.orders.get_mut(name).filter(|there| there.end.is_none());
                let kind = open.map(|there| {
                    there.end = Some(ReportKind::Canceled);
                    ReportKind::Canceled
                });
                let reason = Reason::code("venue.unknown");
                vec![(*name, kind.unwrap_or(ReportKind::CancelRejected { reason }))]
            }
            VenueRequest::Query { client_order_id: name, .. } => {
                let Some(there) = self.orders.get(name) else { return vec![(*name, ReportKind::Unknown)] };
                let fills = there.fills.iter().map(|fill| ReportKind::Filled(fill.clone()));
                let end = there.end.clone().unwrap_or(ReportKind::Accepted);
                fills.chain([end]).map(|kind| (*name, kind)).collect()
            }
            VenueRequest::Replace { .. } | VenueRequest::Account { .. } => Vec::new(),
        }
    }

    fn snapshot(&self, wanted: &[Wanted], asked: UtcNanos) -> AccountSnapshot {
        let since = wanted.iter().find(|w| w.instrument == instrument()).and_then(|w| w.since);
        let is_open = |there: &There| there.end.is_none() && there.filled() < there.request.quantity;
        let id = |name: &ClientOrderId| format!("V{name}").parse().unwrap();
        let open = self.orders.iter().filter(|(_, there)| is_open(there)).map(|(name, there)| VenueOrder {
            client_order_id: name.to_string(),
            venue_order_id: id(name),
            instrument: instrument(),
            side: there.request.side,
            order_type: Some(OrderType::Limit),
            time_in_force: Some(there.request.time_in_force),
            quantity: Some(there.request.quantity),
            price: there.request.price,
            stop_price: None,
            filled: there.filled(),
            filled_notional: None,
            status: "open".to_owned(),
        });
        let fills =
            self.orders.iter().flat_map(|(name, there)| there.fills.iter().map(move |fill| (name, there, fill)));
        let wanted = |(_, _, fill): &(&ClientOrderId, &There, &Fill)| since.is_some_and(|s| fill.executed_at >= s.at);
        let fills = fills.filter(wanted).map(|(name, there, fill)| VenueFill {
            venue_order_id: id(name),
            instrument: instrument(),
            side: there.request.side,
            execution_id: fill.execution_id,
            price: fill.price,
            quantity: fill.quantity,
            cumulative: None,
            liquidity: None,
            fee: fill.fee,
            executed_at: fill.executed_at,
        });
        let average_entry = "100".parse().ok();
        let position = VenuePosition { instrument: instrument(), quantity: self.position, average_entry };
        AccountSnapshot {
            account: "paper".parse().unwrap(),
            asked,
            time: asked,
            open: open.chain(self.foreign.iter().cloned()).collect(),
            fills: fills.collect(),
            positions: Some(vec![position]),
            balances: vec![VenueBalance { asset: "USD".parse().unwrap(), free: self.cash, locked: Cash::ZERO }],
            missing: self.missing.clone(),
        }
    }
}

/// The bench with that venue behind it.
struct Pair {
    bench: Bench,
    venue: Venue,
    orders: u32,
}

impl Pair {
    fn new() -> Self {
        let mut bench = Bench::new();
        let venues: BTreeMap<_, _> = [(Exchange::Simulated, Capabilities { account: true, ..CAPABILITIES })].into();
        bench.orders.reconciling = Reconciling::new(&venues);
        bench.orders.settings.venues = venues;
        Self { bench, venue: Venue { cash: "100000".parse().unwrap(), ..Venue::default() }, orders: 0 }
    }

    /// What is said goes to the venue, and its answers come back, until nothing more is said.
    fn exchange(&mut self, effects: Vec<Effect>) {
        let mut waiting: VecDeque<Effect> = effects.into();
        while let Some(effect) = waiting.pop_front() {
            let Effect::Send(_, request) = effect else { continue };
            if let VenueRequest::Account { wanted, at } = &request {
                let snapshot = self.venue.snapshot(wanted, *at);
                waiting.extend(self.bench.deliver(|orders, at, out| orders.on_account(snapshot, at, out)));
            } else if !self.venue.is_silent || !matches!(request, VenueRequest::Query { .. }) {
                for (name, kind) in self.venue.answer(&request) {
                    waiting.extend(self.report(name, kind));
                }
            }
            self.bench.check_restored();
        }
    }

    fn report(&mut self, name: ClientOrderId, kind: ReportKind) -> Vec<Effect> {
        let (time, account) = (self.bench.now, "paper".parse().unwrap());
        let venue_order_id = format!("V{name}").parse().ok();
        let report = VenueReport { account, client_order_id: name, venue_order_id, time, kind };
        self.bench.deliver(|orders, at, out| orders.on_report(report, at, out))
    }

    fn submit(&mut self, side: &str, quantity: u32) -> Vec<Effect> {
        self.orders += 1;
        self.bench.step(&format!("submit {} {side} {quantity} @ 100", self.orders))
    }

    fn place(&mut self, side: &str, quantity: u32) -> ClientOrderId {
        let effects = self.submit(side, quantity);
        self.exchange(effects);
        self.bench.orders.order(order_id(self.orders)).unwrap().client_order_id
    }

    fn connect(&mut self) {
        let effects = self.bench.deliver(|orders, at, out| orders.on_reconnected(at, out));
        self.exchange(effects);
    }

    fn ask(&mut self, ask: ReconcileAsk) -> Result<String, String> {
        let mut done = Ok(String::new());
        let effects = self.bench.deliver(|orders, at, out| done = orders.on_reconcile(ask, at, out));
        self.exchange(effects);
        done
    }

    /// Time passes, a second at a time.
    fn wait(&mut self, seconds: u32) {
        for _ in 0..seconds {
            let effects = self.bench.deliver(|orders, at, out| orders.on_timer(at, out));
            self.exchange(effects);
        }
    }

    fn last(&self) -> Reconciliation {
        self.bench.orders.reconcile_status().last.expect("one has ended")
    }

    fn waits(&self) -> Option<Waits> {
        self.bench.orders.reconcile_status().waits
    }

    fn kinds(&self) -> Vec<(DifferenceKind, bool)> {
        self.last().differences.iter().map(|d| (d.kind, d.settled)).collect()
    }

    /// Both sides hold the same, and every order stands as it does there.
    fn check_agreed(&self) {
        let orders = &self.bench.orders;
        assert_eq!(orders.book.all(instrument()).position, self.venue.position, "the position");
        assert_eq!(orders.balances.get(&"USD".parse().unwrap()), Some(&self.venue.cash), "cash");
        for (name, there) in &self.venue.orders {
            let here = orders.by_client_id.get(name).and_then(|id| orders.order(*id)).expect("it is ours");
            assert_eq!(here.filled, there.filled(), "filled of {name}");
            let is_open = there.end.is_none() && there.filled() < there.request.quantity;
            assert_eq!(here.status.is_open(), is_open, "{name} is {}", here.status);
        }
    }
}

fn began() -> Pair {
    let mut pair = Pair::new();
    pair.connect();
    pair.wait(2);
    pair
}

fn accept() -> ReconcileAsk {
    ReconcileAsk::Accept { by: "ada".to_owned(), why: "a test".to_owned() }
}

fn begin() -> ReconcileAsk {
    ReconcileAsk::Begin { by: "ada".to_owned() }
}

#[test]
fn nothing_new_leaves_before_the_books_agree() {
    let mut pair = Pair::new();
    let said: Vec<String> = pair.submit("buy", 1).iter().map(say).collect();
    assert_eq!(said, ["1 denied (risk.reconciling)"]);
    pair.connect();
    assert_eq!(pair.waits(), Some(Waits::Books), "what the account begins with is looked at twice");
    pair.wait(2);
    assert_eq!((pair.waits(), pair.last().outcome, pair.last().cause), (None, Ended::Settled, Cause::Start));
    assert_eq!(pair.kinds(), [(DifferenceKind::Balance, true)]);
    pair.check_agreed();
    let name = pair.place("buy", 1);
    assert!(pair.venue.orders.contains_key(&name));
}

#[test]
fn a_venue_that_does_not_answer_is_told_once_and_keeps_orders_waiting() {
    let mut pair = Pair::new();
    let mut alerts = Vec::new();
    let mut questions = 0;
    let mut take = |effects: Vec<Effect>| {
        for effect in effects {
            match effect {
                Effect::Alert(text) => alerts.push(text),
                Effect::Send(_, VenueRequest::Account { .. }) => questions += 1,
                _ => {}
            }
        }
    };
    take(pair.bench.deliver(|orders, at, out| orders.on_reconnected(at, out)));
    for _ in 0..100 {
        take(pair.bench.deliver(|orders, at, out| orders.on_timer(at, out)));
    }
    assert_eq!((alerts.len(), questions), (1, 4), "{alerts:?}");
    assert_eq!(pair.waits(), Some(Waits::Books));
    assert!(pair.ask(accept()).unwrap_err().contains("has not said yet"));
}

#[test]
fn a_missed_fill_is_applied_once_and_an_end_that_was_not_heard_is_found() {
    let mut pair = began();
    let (filled, ended) = (pair.place("buy", 5), pair.place("sell", 2));
    let now = pair.bench.now;
    pair.venue.trade(filled, 3, now).unwrap();
    pair.venue.orders.get_mut(&ended).unwrap().end = Some(ReportKind::Canceled);
    pair.ask(begin()).unwrap();
    assert_eq!(pair.kinds(), [(DifferenceKind::MissedFill, true), (DifferenceKind::NotOpenThere, true)]);
    assert!(pair.last().entries.is_empty(), "nothing is entered that history explains");
    pair.check_agreed();
    pair.ask(begin()).unwrap();
    assert_eq!((pair.last().outcome, pair.last().differences), (Ended::Agreed, vec![]));
}

#[test]
fn a_fill_of_an_order_that_has_ended_is_found_in_the_list_of_fills() {
    let mut pair = began();
    // Its first fill is heard, and so fills are asked for from there on.
    let name = pair.place("buy", 5);
    let now = pair.bench.now;
    let heard = pair.venue.trade(name, 1, now).unwrap();
    pair.report(name, heard);
    pair.venue.trade(name, 2, now).unwrap();
    pair.venue.orders.get_mut(&name).unwrap().end = Some(ReportKind::Canceled);
    pair.report(name, ReportKind::Canceled);
    pair.ask(begin()).unwrap();
    assert_eq!(pair.kinds(), [(DifferenceKind::MissedFill, true)]);
    pair.check_agreed();
}

#[test]
fn what_history_does_not_explain_is_entered_under_manual() {
    let mut pair = began();
    pair.venue.move_by(Side::Buy, "7".parse().unwrap());
    pair.ask(begin()).unwrap();
    assert!(pair.last().entries.is_empty(), "one answer alone is no proof");
    pair.wait(2);
    let entries: Vec<String> = pair.last().entries.iter().map(ToString::to_string).collect();
    assert_eq!(entries, ["simulated:A 7 under manual at 100", "7 A", "-701 USD"]);
    assert_eq!(pair.bench.orders.book.own(StrategyId::manual(), instrument()).position.to_string(), "7");
    pair.check_agreed();
    // It cost what it is worth: nobody earned or lost by it.
    let result = pair.bench.orders.result(StrategyId::manual());
    assert_eq!(result, Some(Cash::ZERO));
}

#[test]
fn foreign_orders_are_left_alone_or_adopted() {
    let theirs = VenueOrder {
        client_order_id: "web_1".to_owned(),
        venue_order_id: "V9".parse().unwrap(),
        instrument: instrument(),
        side: Side::Buy,
        order_type: Some(OrderType::Limit),
        time_in_force: Some(messages::orders::TimeInForce::Gtc),
        quantity: "4".parse().ok(),
        price: "90".parse().ok(),
        stop_price: None,
        filled: Quantity::ZERO,
        filled_notional: None,
        status: "new".to_owned(),
    };
    let mut pair = began();
    pair.venue.foreign.push(theirs.clone());
    pair.ask(begin()).unwrap();
    assert_eq!(pair.kinds(), [(DifferenceKind::ForeignOrder, true)]);
    assert_eq!(pair.bench.orders.open_orders().count(), 0);

    pair.bench.orders.settings.foreign_orders = ForeignOrders::Adopt;
    pair.ask(begin()).unwrap();
    let adopted = pair.bench.orders.open_orders().next().expect("it is ours now").clone();
    assert_eq!(
        (adopted.client_order_id.as_str(), adopted.strategy, adopted.status),
        ("web_1", StrategyId::manual(), Status::Accepted)
    );
    let canceled = pair.bench.step("by manual cancel all");
    assert!(
        matches!(&canceled[1], Effect::Send(_, VenueRequest::Cancel { venue_order_id: Some(id), .. }) if id.as_str() == "V9")
    );
    pair.bench.check_restored();
}

#[test]
fn what_the_answers_do_not_settle_waits_for_a_person() {
    let mut pair = began();
    let name = pair.place("buy", 5);
    // The venue has lost the order, and says so to every question.
    pair.venue.orders.remove(&name);
    pair.connect();
    assert_eq!(pair.waits(), Some(Waits::Accept));
    assert_eq!((pair.last().outcome, pair.last().cause), (Ended::Unsettled, Cause::Reconnect));
    assert_eq!(pair.kinds(), [(DifferenceKind::NotOpenThere, false)]);
    let said: Vec<String> = pair.submit("buy", 1).iter().map(say).collect();
    assert_eq!(said, ["2 denied (risk.reconciling)"]);
    let nothing = ReconcileAsk::Accept { by: "ada".to_owned(), why: " ".to_owned() };
    assert!(pair.ask(nothing).unwrap_err().contains("--why"));
    pair.ask(accept()).unwrap();
    assert_eq!((pair.waits(), pair.last().outcome), (None, Ended::Accepted));
    assert_eq!(pair.bench.show(1), "canceled 0/5 @ 100 reconcile.not_open_there");
    assert!(pair.ask(accept()).unwrap_err().contains("nothing is left"));
    pair.place("buy", 1);
}

#[test]
fn an_order_that_lives_there_and_has_ended_here_is_cancelled_once_accepted() {
    let mut pair = began();
    let name = pair.place("buy", 5);
    pair.report(name, ReportKind::Expired { reason: Reason::code("venue.wrong") });
    pair.connect();
    assert_eq!((pair.waits(), pair.kinds()), (Some(Waits::Accept), vec![(DifferenceKind::OpenThere, false)]));
    pair.ask(accept()).unwrap();
    assert_eq!(pair.venue.orders[&name].end, Some(ReportKind::Canceled));
}

#[test]
fn what_could_not_be_learned_is_not_taken_for_nothing() {
    let mut pair = began();
    pair.venue.missing.push("positions: 500".to_owned());
    pair.venue.position = "3".parse().unwrap();
    pair.connect();
    pair.wait(20);
    assert_eq!((pair.waits(), pair.kinds()), (Some(Waits::Accept), vec![(DifferenceKind::Incomplete, false)]));
    // The schedule finds it whole again, and lets orders pass.
    pair.venue.missing.clear();
    pair.wait(320);
    assert_eq!((pair.waits(), pair.last().outcome), (None, Ended::Settled));
    pair.check_agreed();
}

#[test]
fn a_schedule_that_finds_nothing_new_writes_nothing() {
    let mut pair = began();
    let kept = |pair: &Pair| pair.bench.ledger.iter().filter(|r| matches!(r, LedgerRecord::Reconciled(_))).count();
    let before = kept(&pair);
    pair.wait(700);
    assert_eq!((kept(&pair), pair.last().cause, pair.last().outcome), (before, Cause::Schedule, Ended::Agreed));
}

/// What may happen between two reconciliations.
#[derive(Debug, Clone)]
enum Step {
    /// An order; whether it arrives, and whether its answer does.
    Submit(bool, u32, bool, bool),
    /// A fill of an order; whether it is heard of.
    Fill(usize, u32, bool),
    /// Somebody cancels an order at the venue; whether that is heard of.
    End(usize, bool),
    /// Money comes, or goes.
    Money(i64),
    /// Somebody trades by hand.
    Hand(bool, u32),
    Connect,
    Wait(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<bool>(), 1..9u32, prop::bool::weighted(0.8), any::<bool>()).prop_map(|(a, b, c, d)| Step::Submit(a, b, c, d)),
        6 => (0..9usize, 1..6u32, any::<bool>()).prop_map(|(a, b, c)| Step::Fill(a, b, c)),
        2 => (0..9usize, any::<bool>()).prop_map(|(a, b)| Step::End(a, b)),
        1 => (-500..500i64).prop_map(Step::Money),
        1 => (any::<bool>(), 1..5u32).prop_map(|(a, b)| Step::Hand(a, b)),
        1 => Just(Step::Connect),
        1 => (1..9u32).prop_map(Step::Wait),
    ]
}

impl Pair {
    fn does(&mut self, step: Step) {
        let now = self.bench.now;
        let pick = |venue: &Venue, n: usize| venue.orders.keys().nth(n % venue.orders.len().max(1)).copied();
        match step {
            Step::Submit(is_buy, quantity, arrives, is_heard) => {
                let effects = self.submit(if is_buy { "buy" } else { "sell" }, quantity);
                for effect in effects {
                    let Effect::Send(_, request) = effect else { continue };
                    if arrives {
                        let answers = self.venue.answer(&request);
                        answers.into_iter().filter(|_| is_heard).for_each(|(name, kind)| drop(self.report(name, kind)));
                    }
                }
            }
            Step::Fill(n, quantity, is_heard) => {
                let Some(name) = pick(&self.venue, n) else { return };
                if let Some(kind) = self.venue.trade(name, i128::from(quantity), now).filter(|_| is_heard) {
                    let effects = self.report(name, kind);
                    // It may ask what it has missed.
                    self.exchange(effects);
                }
            }
            Step::End(n, is_heard) => {
                let Some(name) = pick(&self.venue, n) else { return };
                let there = self.venue.orders.get_mut(&name).unwrap();
                if there.end.is_none() && there.filled() < there.request.quantity {
                    there.end = Some(ReportKind::Canceled);
                    if is_heard {
                        self.report(name, ReportKind::Canceled);
                    }
                }
            }
            Step::Money(amount) => {
                let amount = Cash::from_raw(i128::from(amount) * Cash::ONE.raw()).unwrap();
                self.venue.cash = self.venue.cash.checked_add(amount).unwrap();
            }
            Step::Hand(is_buy, quantity) => {
                let quantity = Quantity::from_raw(i128::from(quantity) * Quantity::ONE.raw()).unwrap();
                self.venue.move_by(if is_buy { Side::Buy } else { Side::Sell }, quantity);
            }
            Step::Connect => self.connect(),
            Step::Wait(seconds) => self.wait(seconds),
        }
        self.bench.check_restored();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever was lost: after a reconciliation both books are the same, and the next finds nothing.
    #[test]
    fn books_agree_after_it_and_the_next_finds_nothing(steps in prop::collection::vec(step(), 1..60)) {
        let mut pair = began();
        steps.into_iter().for_each(|step| pair.does(step));
        pair.connect();
        // Orders that never arrived end in their own time.
        pair.wait(130);
        prop_assert_eq!(pair.waits(), None, "{:?}", pair.last());
        pair.check_agreed();
        pair.ask(begin()).unwrap();
        pair.wait(3);
        let last = pair.last();
        prop_assert_eq!((last.outcome, last.differences.len()), (Ended::Agreed, 0), "{}", last.words());
    }
}
