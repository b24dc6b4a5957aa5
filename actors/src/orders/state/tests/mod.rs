//! The bench: the state with a ledger beside it, driven by a script of one line per step.
//!
//! A line is `what happens | what is said`. Orders are numbered in the order in which they were made; the
//! venue knows order 1 as `1` and its second replacement as `1-r2`. Whatever the script, the bench checks
//! after each line that the ledger alone gives the same state again.

use messages::account::OpeningEntry;
use messages::instrument::Sessions;
use messages::ledger::LedgerRecord;
use messages::market::{Event, Level, Source, Tick};
use messages::orders::{Contingency, Exits, OrderType};
use messages::risk::{LimitName, RiskAct, RiskChange, Scope};
use messages::venues::NOT_CONNECTED;
use messages::{ExecutionId, MarketId, Price, Size};

use super::*;
use crate::orders::risk::AccountLimits;
use crate::orders::risk::book::{OpenHere, remaining};
use crate::venues::paper::state::CAPABILITIES;

mod answers;
mod busts;
mod by_value;
mod families;
mod flatten;
mod properties;
mod reconciling;
mod refusals;
mod replacements;
mod restarts;
mod risk_changes;
mod snapshots;
mod types;
mod unvalued;
mod venue_rules;

const QUERY_AFTER: Duration = Duration::from_secs(5);
const NOT_RECEIVED_AFTER: Duration = Duration::from_secs(60);

fn instrument() -> Instrument {
    Instrument { exchange: Exchange::Simulated, symbol: "A".parse().unwrap() }
}

fn settings() -> Settings {
    let rules = Rules {
        instrument: instrument(),
        base: "A".parse().unwrap(),
        quote: "USD".parse().unwrap(),
        price_step: "0.01".parse().unwrap(),
        quantity_step: "1".parse().unwrap(),
        min_quantity: "1".parse().unwrap(),
        max_quantity: Quantity::ZERO,
        min_notional: Cash::ZERO,
        sessions: Sessions::AroundTheClock,
    };
    let account = AccountLimits { reject_window: 4, ..AccountLimits::default() };
    let limits = Limits { max_position_notional: "5000".parse().unwrap(), account, ..Limits::default() };
    Settings {
        account: "paper".parse().unwrap(),
        kind: AccountKind::Margin,
        currency: "USD".parse().unwrap(),
        account_day: Sessions::AroundTheClock,
        calendar: Calendar::default(),
        limits,
        rules: [(instrument(), rules)].into(),
        venues: [(Exchange::Simulated, CAPABILITIES)].into(),
        query_after: QUERY_AFTER,
        venue_rules: BTreeMap::new(),
        read_rules: crate::venues::rules::read,
        rules_every: Duration::from_secs(3_600),
        not_received_after: NOT_RECEIVED_AFTER,
        reconcile_every: Duration::from_secs(300),
        foreign_orders: ForeignOrders::Ignore,
    }
}

/// The epoch is one digit, so that client order ids read `t-1-<number>`.
fn empty() -> Orders {
    Orders::new(settings(), ClientOrderIds::new("t", 1).unwrap())
}

fn order_id(number: u32) -> OrderId {
    OrderId(format!("00000000-0000-0000-0000-{number:012}").parse().unwrap())
}

fn client_id(name: &str) -> ClientOrderId {
    format!("t-1-{name}").parse().unwrap()
}

struct Bench {
    orders: Orders,
    now: UtcNanos,
    deliveries: u64,
    ledger: Vec<LedgerRecord>,
    effects: Vec<Effect>,
}

impl Bench {
    /// The market stands at 99.99 / 100.01.
    fn new() -> Self {
        let mut orders = empty();
        let level = |price: &str| Some(Level { price: price.parse().unwrap(), size: Size::ONE });
        let body = TickBody::Quote { bid: level("99.99"), ask: level("100.01") };
        let now = UtcNanos::from_secs(1_000_000).unwrap();
        let tick = Tick { instrument: instrument(), time: now, sequence: None, revision: 0, body };
        let event = Event { id: MarketId(1), body: EventBody::Tick(tick) };
        orders.on_market(&Batch { source: Source::Simulated, received: now, events: vec![event] });
        Self { orders, now, deliveries: 0, ledger: Vec::new(), effects: Vec::new() }
    }

    /// One delivery, one second after the last.
    fn deliver(&mut self, change: impl FnOnce(&mut Orders, Moment, &mut Vec<Effect>)) -> Vec<Effect> {
        self.now = self.now.after(Duration::from_secs(1));
        self.deliveries += 1;
        let mut out = Vec::new();
        let due = self.orders.watch.value_due;
        change(&mut self.orders, Moment { now: self.now, as_of: self.deliveries }, &mut out);
        for effect in &out {
            match effect {
                Effect::Update(update) => self.ledger.push(LedgerRecord::Order(update.clone())),
                Effect::Record(record) => self.ledger.push(record.clone()),
                Effect::Send(..) | Effect::Alert(_) => {}
            }
        }
        self.snapshot_if_valued(due);
        self.effects.extend(out.iter().cloned());
        out
    }

    fn command(&mut self, by: &str, generation: u32, command: Command) -> Vec<Effect> {
        let sender = Sender { strategy: by.parse().unwrap(), generation };
        self.deliver(|orders, at, out| orders.on_command(sender, command, at, out))
    }

    /// A report that the venue made `age` ago.
    fn report(&mut self, name: ClientOrderId, age: Duration, kind: ReportKind) -> Vec<Effect> {
        let time = self.now.after(Duration::from_secs(1)).before(age);
        let account = "paper".parse().unwrap();
        let report = VenueReport { account, client_order_id: name, venue_order_id: None, time, kind };
        self.deliver(|orders, at, out| orders.on_report(report, at, out))
    }

    /// Throws the state away, as a crash does, and makes it again from the ledger.
    fn restart(&mut self) -> Vec<Effect> {
        self.orders = self.restored();
        self.deliver(|orders, at, out| orders.on_restarted(at, out))
    }

    fn restored(&self) -> Orders {
        let mut orders = empty();
        orders.settings.clone_from(&self.orders.settings);
        self.ledger.iter().for_each(|record| orders.restore(record));
        // Prices are no part of the ledger: they come again with the market.
        orders.prices.clone_from(&self.orders.prices);
        orders
    }

    /// The ledger alone gives the open orders, the positions, the money and the trading state.
    fn check_restored(&self) {
        self.check_book();
        let restored = self.restored();
        assert_eq!(open(&restored), open(&self.orders), "open orders after a restore");
        assert_eq!(restored.book, self.orders.book, "positions and what is on its way after a restore");
        assert_eq!(restored.balances, self.orders.balances, "balances after a restore");
        assert_eq!(restored.trading(), self.orders.trading(), "the trading state after a restore");
        let watched = |orders: &Orders| {
            let watch = &orders.watch;
            (
                watch.latches.clone(),
                watch.losses,
                watch.answers,
                watch.results.clone(),
                watch.statuses.clone(),
                orders.rulebook.changes().clone(),
            )
        };
        assert_eq!(
            watched(&restored),
            watched(&self.orders),
            "latches, losses, answers, instruments and limits after a restore"
        );
    }

    /// A person changes risk; what is said then.
    fn risk(&mut self, act: RiskAct) -> Vec<Effect> {
        let change = RiskChange { act, by: "ada".to_owned(), why: "a test".to_owned() };
        self.deliver(|orders, at, out| drop(orders.on_risk(change, at, out)))
    }

    /// A person changes risk; what was done, or why not.
    fn change(&mut self, act: RiskAct) -> Result<String, String> {
        let change = RiskChange { act, by: "ada".to_owned(), why: "a test".to_owned() };
        let mut done = Ok(String::new());
        self.deliver(|orders, at, out| done = orders.on_risk(change, at, out));
        done
    }

    /// What is on its way, as a walk over all open orders adds it up.
    fn check_book(&self) {
        let mut walked = BTreeMap::<(StrategyId, Instrument), (Quantity, Quantity)>::new();
        let at_venue = || self.orders.open_orders().filter(|order| order.status != Status::Held);
        for order in at_venue() {
            let (buys, sells) = walked.entry((order.strategy, order.request.instrument)).or_default();
            let sum = if order.request.side == Side::Buy { buys } else { sells };
            *sum = sum.checked_add(remaining(order)).unwrap();
        }
        walked.retain(|_, (buys, sells)| buys.is_positive() || sells.is_positive());
        let booked: BTreeMap<_, _> =
            self.orders.book.owners().map(|(s, i, stake)| ((s, i), (stake.buys, stake.sells))).collect();
        let booked: BTreeMap<_, _> = booked.into_iter().filter(|(_, (b, s))| !b.is_zero() || !s.is_zero()).collect();
        assert_eq!(booked, walked, "what is on its way");
        assert_eq!(self.orders.book.open_of_all(), at_venue().count(), "open orders");
        let here = at_venue().filter(|order| order.request.instrument == instrument());
        let walked = here.fold(OpenHere::default(), |open, order| OpenHere {
            orders: open.orders + 1,
            conditional: open.conditional + u32::from(order.request.order_type.is_conditional()),
        });
        assert_eq!(self.orders.book.open_here(instrument()), walked, "open orders in the instrument");
        self.check_positions();
    }

    /// What each strategy holds is the sum of its fills and of what was entered for it, and what the account holds the sum of
    /// what they hold.
    fn check_positions(&self) {
        let mut filled = BTreeMap::<StrategyId, Quantity>::new();
        let mut add = |strategy, change| {
            let held = filled.entry(strategy).or_default();
            *held = held.checked_add(change).unwrap();
        };
        for record in &self.ledger {
            match record {
                LedgerRecord::Order(update) => {
                    let Some(fill) = &update.event.fill else { continue };
                    add(update.order.strategy, update.order.request.side.signed(fill.quantity));
                }
                LedgerRecord::Reconciled(done) => {
                    for entry in &done.entries {
                        if let OpeningEntry::Position { strategy, change, .. } = entry {
                            add(*strategy, *change);
                        }
                    }
                }
                _ => {}
            }
        }
        let all = filled.values().fold(Quantity::ZERO, |sum, held| sum.checked_add(*held).unwrap());
        filled.retain(|_, held| !held.is_zero());
        let held: BTreeMap<_, _> = self.orders.book.positions().map(|((strategy, _), held)| (strategy, held)).collect();
        assert_eq!(held, filled, "what each strategy holds");
        assert_eq!(self.orders.book.all(instrument()).position, all, "what the account holds");
    }

    /// A person changes a limit of all.
    fn limit(&mut self, name: LimitName, value: &str) {
        self.change(RiskAct::Limit { scope: Scope::All, name, value: value.to_owned() }).unwrap();
    }

    /// A person changes a limit of the account.
    fn limit_account(&mut self, name: LimitName, value: &str) {
        self.change(RiskAct::Limit { scope: Scope::Account, name, value: value.to_owned() }).unwrap();
    }

    /// A trade at a price; what is done at once because of it.
    fn trade(&mut self, price: Price) -> Vec<Effect> {
        self.now = self.now.after(Duration::from_secs(1));
        let body = TickBody::Trade { price, size: Size::ONE, aggressor: None, conditions: Default::default() };
        let tick = Tick { instrument: instrument(), time: self.now, sequence: None, revision: 0, body };
        let event = Event { id: MarketId(1), body: EventBody::Tick(tick) };
        self.orders.on_market(&Batch { source: Source::Simulated, received: self.now, events: vec![event] });
        if self.orders.next_due().is_some_and(|due| due <= self.now) {
            self.deliver(|orders, at, out| orders.on_timer(at, out))
        } else {
            Vec::new()
        }
    }

    /// At a venue that holds no order for another.
    fn without_ties() -> Self {
        let mut bench = Self::new();
        let venue = Capabilities { contingencies: &[], ..CAPABILITIES };
        bench.orders.settings.venues = [(Exchange::Simulated, venue)].into();
        bench
    }

    /// Does what a line of a script says; returns what was said.
    fn step(&mut self, line: &str) -> Vec<Effect> {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        let (mut by, mut generation) = ("a", 0);
        if words[0] == "by" {
            let (name, number) = words[1].split_once('/').unwrap_or((words[1], "0"));
            (by, generation) = (name, number.parse().unwrap());
            words.drain(..2);
        }
        match words[..] {
            ["submit", number, side, quantity, "@", price] => {
                let request = Box::new(limit(side, quantity, price));
                self.command(by, generation, Command::Submit { order_id: order_id(number.parse().unwrap()), request })
            }
            ["bracket", number, side, quantity, "@", price, "profit", profit, "loss", loss] => {
                let entry = limit(side, quantity, price);
                let [first, second, third] = [0, 1, 2].map(|n| order_id(number.parse::<u32>().unwrap() + n));
                let exits = Exits { take_profit: profit.parse().ok(), stop_loss: loss.parse().ok(), stop_limit: None };
                let mut orders = exits.bracket(first, entry);
                orders.iter_mut().zip([first, second, third]).for_each(|((id, _), named)| *id = named);
                self.command(by, generation, Command::SubmitList { orders })
            }
            ["exit", number, "of", parent, how, side, quantity, ref terms @ ..] => {
                let mut request = limit(side, quantity, terms[1]);
                if terms[0] == "stop" {
                    (request.order_type, request.price) = (OrderType::Stop, None);
                    request.stop_price = terms[1].parse().ok();
                }
                request.parent = Some(order_id(parent.parse().unwrap()));
                request.contingency = Some(if how == "oco" { Contingency::Oco } else { Contingency::Oto });
                let order_id = order_id(number.parse().unwrap());
                self.command(by, generation, Command::Submit { order_id, request: Box::new(request) })
            }
            ["flatten", strategy, id] => {
                let (strategy, id) = (strategy.parse().unwrap(), order_id(id.parse().unwrap()));
                self.command("manual", 0, Command::FlattenStrategy { strategy, id })
            }
            ["trade", price] => self.trade(price.parse().unwrap()),
            ["cancel", "all"] => self.command(by, generation, Command::CancelAll),
            ["cancel", number] => {
                self.command(by, generation, Command::Cancel { order_id: order_id(number.parse().unwrap()) })
            }
            ["replace", number, ref terms @ ..] => {
                let (order_id, replacement) = (order_id(number.parse().unwrap()), replacement(terms));
                self.command(by, generation, Command::Replace { order_id, replacement })
            }
            ["venue", name, ref kind @ .., "said", age, "ago"] => {
                self.report(client_id(name), crate::durations::parse(age).unwrap(), report_kind(kind, self.now))
            }
            ["venue", name, ref kind @ ..] => self.report(client_id(name), Duration::ZERO, report_kind(kind, self.now)),
            ["wait", time] => {
                self.now = self.now.after(crate::durations::parse(time).unwrap());
                self.deliver(|orders, at, out| orders.on_timer(at, out))
            }
            ["restart"] => self.restart(),
            ["limit", scope, name, value] => {
                let (scope, name, value) = (scope.parse().unwrap(), name.parse().unwrap(), value.to_owned());
                self.risk(RiskAct::Limit { scope, name, value })
            }
            ["reset", latch] => self.risk(RiskAct::Reset { latch: latch.parse().unwrap(), strategy: None }),
            ["instrument", status] => {
                let status = status.parse().unwrap();
                self.risk(RiskAct::Instrument { instrument: instrument(), status })
            }
            ["reconnect"] => self.deliver(|orders, at, out| orders.on_reconnected(at, out)),
            ["fault", strategy, next_generation, what] => {
                let (strategy, next) = (strategy.parse().unwrap(), next_generation.parse().unwrap());
                let cancel = what == "cancel";
                self.deliver(|orders, at, out| orders.on_fault(strategy, next, Fault::Panicked, cancel, at, out))
            }
            ["trading", state] => {
                let state = match state {
                    "HALTED" => TradingState::Halted,
                    "REDUCING" => TradingState::Reducing,
                    _ => TradingState::Active,
                };
                let change = StateChange { state, by: "manual".to_owned(), why: "test".to_owned() };
                self.deliver(|orders, at, out| orders.on_trading(change, at, out))
            }
            _ => panic!("no step: {line}"),
        }
    }

    /// An order as its owner sees it: `status filled/quantity @ price`, and why it ended.
    fn show(&self, number: u32) -> String {
        let order = self.orders.order(order_id(number)).expect("the order is remembered");
        let price = order.request.price.unwrap_or_default();
        let reason = order.reason.map_or_else(String::new, |r| format!(" {r}"));
        format!("{} {}/{} @ {price}{reason}", order.status, order.filled, order.request.quantity)
    }
}

fn limit(side: &str, quantity: &str, price: &str) -> OrderRequest {
    let side = if side == "buy" { Side::Buy } else { Side::Sell };
    OrderRequest::limit(instrument(), side, quantity.parse().unwrap(), price.parse().unwrap())
}

/// Open orders without the venue's own ids: one that was first told in a repeated report is not worth a record.
fn open(orders: &Orders) -> Vec<Order> {
    let mut open: Vec<Order> = orders.open_orders().cloned().collect();
    open.iter_mut().flat_map(|o| &mut o.attempts).for_each(|a| a.venue_order_id = None);
    open
}

/// `20`, `20 @ 101` or `@ 101`.
fn replacement(words: &[&str]) -> Replacement {
    let (quantity, price) = match words {
        ["@", price] => (None, Some(*price)),
        [quantity, "@", price] => (Some(*quantity), Some(*price)),
        [quantity] => (Some(*quantity), None),
        _ => panic!("no terms: {words:?}"),
    };
    let parse = |price: &str| price.parse().unwrap();
    Replacement { quantity: quantity.map(|q| q.parse().unwrap()), price: price.map(parse), stop_price: None }
}

/// A fill is `fill KEY QUANTITY of CUMULATIVE`; a fee of 1 USD goes with each. A correction is `corrected KEY by` and what stands
/// behind `fill`.
fn report_kind(words: &[&str], now: UtcNanos) -> ReportKind {
    let reason = Reason::code("venue.says_so");
    match words {
        ["submitted"] => ReportKind::Submitted,
        ["accepted"] => ReportKind::Accepted,
        ["rejected"] => ReportKind::Rejected { reason, text: "no".to_owned() },
        ["unreached"] => ReportKind::NotTaken { reason: Reason::code(NOT_CONNECTED), text: "no connection".to_owned() },
        ["not_taken"] => ReportKind::NotTaken { reason, text: "too many requests".to_owned() },
        ["triggered"] => ReportKind::Triggered,
        ["canceled"] => ReportKind::Canceled,
        ["cancel_rejected"] => ReportKind::CancelRejected { reason },
        ["replaced", terms @ ..] => ReportKind::Replaced { replacement: replacement(terms) },
        ["replace_rejected"] => ReportKind::ReplaceRejected { reason },
        ["expired"] => ReportKind::Expired { reason },
        ["unknown"] => ReportKind::Unknown,
        ["completed", filled] => ReportKind::Completed { filled: filled.parse().unwrap() },
        ["fill", key, quantity, "of", cumulative] => {
            ReportKind::Filled(fill(key.parse().unwrap(), quantity.parse().unwrap(), cumulative.parse().unwrap(), now))
        }
        ["busted", key] => ReportKind::Busted { execution_id: key.parse().unwrap() },
        ["corrected", key, "by", of_fill @ ..] => match report_kind(&[&["fill"][..], of_fill].concat(), now) {
            ReportKind::Filled(fill) => {
                ReportKind::Corrected { execution_id: key.parse().unwrap(), fill: Box::new(fill) }
            }
            other => panic!("no fill: {other:?}"),
        },
        _ => panic!("no report: {words:?}"),
    }
}

fn fill(execution_id: ExecutionId, quantity: Quantity, cumulative: Quantity, executed_at: UtcNanos) -> Fill {
    let fee = Some(Fee { amount: Cash::ONE, asset: "USD".parse().unwrap() });
    let price: Price = "100".parse().unwrap();
    Fill { execution_id, price, quantity, cumulative, liquidity: None, fee, executed_at }
}

/// What people and venues hear: `1 accepted` where event and status have one name, else `1 event → status`.
fn say(effect: &Effect) -> String {
    let name = |id: &ClientOrderId| id.as_str().trim_start_matches("t-1-").to_owned();
    match effect {
        Effect::Update(update) => {
            let (event, order) = (&update.event, name(&update.order.client_order_id));
            let reason = event.reason.map_or_else(String::new, |r| format!(" ({r})"));
            if event.kind.as_str() == event.status.as_str() {
                format!("{order} {}{reason}", event.kind)
            } else {
                format!("{order} {} → {}{reason}", event.kind, event.status)
            }
        }
        Effect::Record(LedgerRecord::Trading { change, .. }) => format!("trading {}", change.state),
        Effect::Record(LedgerRecord::Action(action)) => action.what.clone(),
        Effect::Record(LedgerRecord::Risk(record)) => record.event.words().0.to_owned(),
        Effect::Record(record) => format!("{record:?}"),
        Effect::Send(_, VenueRequest::Submit { client_order_id, request, .. }) => {
            let kind = if request.order_type == OrderType::Limit { "" } else { request.order_type.as_str() };
            format!("send {} {kind}", name(client_order_id)).trim_end().to_owned()
        }
        Effect::Send(_, VenueRequest::Cancel { client_order_id, .. }) => format!("cancel {}", name(client_order_id)),
        Effect::Send(_, VenueRequest::Query { client_order_id, .. }) => format!("ask {}", name(client_order_id)),
        Effect::Send(_, VenueRequest::Replace { client_order_id, new_client_order_id, .. }) => {
            format!("replace {} by {}", name(client_order_id), name(new_client_order_id))
        }
        Effect::Send(_, VenueRequest::Account { .. }) => "ask for the account".to_owned(),
        Effect::Send(_, VenueRequest::Rules { .. }) => "ask for the rules".to_owned(),
        Effect::Alert(_) => "alert".to_owned(),
    }
}

/// Runs a script: each line is a step and, behind `|`, what is said in answer, or, for `see N`, how order N stands.
fn check(script: &str) {
    check_at(Bench::new(), script);
}

/// The same, from a state on.
fn check_at(mut bench: Bench, script: &str) {
    for (number, line) in script.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty()) {
        let (step, expected) = line.split_once('|').unwrap_or((line, ""));
        let said = match step.trim().strip_prefix("see ") {
            Some(order) => bench.show(order.trim().parse().unwrap()),
            None => bench.step(step).iter().map(say).collect::<Vec<_>>().join("; "),
        };
        assert_eq!(said, expected.trim(), "line {number}: {step}");
        bench.check_restored();
    }
}

#[test]
fn an_order_goes_from_its_intent_to_its_last_fill() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 submitted         | 1 submitted
        venue 1 accepted          | 1 accepted
        venue 1 fill x 4 of 4     | 1 partially_filled
        see 1                     | partially_filled 4/10 @ 100
        venue 1 fill y 6 of 10    | 1 filled
        see 1                     | filled 10/10 @ 100
        ",
    );
}

#[test]
fn answers_may_overtake_each_other() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 fill x 10 of 10   | 1 filled
        venue 1 accepted          |
        venue 1 submitted         |
        see 1                     | filled 10/10 @ 100
        submit 2 buy 10 @ 100     | 2 intended → pending_submit; send 2
        venue 2 rejected          | 2 rejected (venue.says_so)
        submit 3 buy 10 @ 100     | 3 intended → pending_submit; send 3
        venue 3 accepted          | 3 accepted
        venue 3 submitted         |
        venue 3 expired           | 3 expired (venue.says_so)
        see 3                     | expired 0/10 @ 100 venue.says_so
        ",
    );
}

#[test]
fn fills_count_once_in_any_order() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 fill y 3 of 7     | alert; ask 1; 1 partially_filled
        venue 1 fill y 3 of 7     |
        venue 1 fill x 4 of 4     | 1 partially_filled
        venue 1 fill z 3 of 10    | 1 filled
        venue 1 fill x 4 of 4     |
        see 1                     | filled 10/10 @ 100
        ",
    );
}

#[test]
fn the_venues_count_guards_against_a_fill_under_two_keys() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 fill x 4 of 4     | 1 partially_filled
        venue 1 fill x2 4 of 4    | alert
        venue 1 fill none 0 of 4  | alert
        venue 1 fill less -1 of 3 | alert
        see 1                     | partially_filled 4/10 @ 100
        venue 1 fill y 8 of 12    | 1 filled
        see 1                     | filled 12/10 @ 100
        venue 1 fill z 1 of 13    | alert; 1 filled
        see 1                     | filled 13/10 @ 100
        ",
    );
}

#[test]
fn a_fill_after_the_end_counts() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 accepted          | 1 accepted
        venue 1 canceled          | 1 canceled
        venue 1 fill x 4 of 4     | 1 partially_filled → canceled
        see 1                     | canceled 4/10 @ 100
        venue 1 fill y 6 of 10    | 1 filled
        submit 2 buy 10 @ 100     | 2 intended → pending_submit; send 2
        venue 2 rejected          | 2 rejected (venue.says_so)
        venue 2 fill z 1 of 1     | alert; 2 partially_filled → rejected
        see 2                     | rejected 1/10 @ 100 venue.says_so
        ",
    );
}

#[test]
fn a_report_of_an_order_that_nobody_knows_is_kept_and_told() {
    check(
        "
        venue 9 fill x 4 of 4     | report.unknown_order; alert
        venue 9 fill y 6 of 10    | report.unknown_order
        venue 8 canceled          | report.unknown_order; alert
        ",
    );
}
