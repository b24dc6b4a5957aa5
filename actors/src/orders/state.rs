//! The pure state of the orders actor: every order, its life, and what risk needs to judge the next.
//!
//! Hears commands, venue reports, prices, timers and ledger records; says effects. It knows no clock,
//! no disk and no actor. What it says with [`Effect::Update`] and [`Effect::Record`] must be durable
//! before any effect behind it is performed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use messages::caps;
use messages::instrument::{Asset, Calendar, Exchange, Rules, Sessions};
use messages::ledger::{Action, LedgerRecord};
use messages::market::{Batch, EventBody, TickBody};
use messages::orders::{
    Attempt, Command, EventKind, Fee, Fill, Order, OrderEvent, OrderRequest, OrderUpdate, Replacement, Sender, Side,
    Status,
};
use messages::risk::{Refusal, StateChange, TradingState};
use messages::strategies::Fault;
use messages::venues::{Capabilities, ReportKind, VenueReport, VenueRequest};
use messages::{
    Account, Cash, ClientOrderId, CorrelationId, ExecutionId, Instrument, Notional, OrderId, Price, Quantity, Reason,
    StrategyId, UtcNanos, ids::ClientOrderIds,
};

use serde::{Deserialize, Serialize};

use super::risk::average::Average;
use super::risk::book::Book;
use super::risk::recent::Recent;
use super::risk::rulebook::Rulebook;
use super::risk::{self, AccountKind, Limits, Prices};
use super::table::{self, Outcome};
use crate::accounting;
use crate::by_instrument::ByInstrument;
use crate::rates::Rates;
use crate::venue_rules::{self, VenueRules};

mod bust;
mod commands;
mod entry;
mod exposure;
mod families;
mod flatten;
mod happening;
mod marks;
mod preview;
mod reconciling;
mod replace;
mod reports;
mod resolve;
mod results;
mod rules;
mod saved;
mod status;
mod watch;

use bust::has_room_again;
use entry::{Entry, Executed};
use families::Families;
pub use happening::Counters;
use happening::Happening;
use marks::Marks;
use reconciling::Reconciling;
pub use reconciling::{ForeignOrders, ReconcileStatus};
pub use status::{LimitRow, RiskStatus, StatusRow};
use watch::Watch;

pub(crate) use resolve::NEVER_SENT;
pub use saved::SavedOrders;

/// What the state is made with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whose money.
    pub account: Account,
    /// What the account may do.
    pub kind: AccountKind,
    /// What it is valued in.
    pub currency: Asset,
    /// With what its day ends.
    pub account_day: Sessions,
    /// When sessions are.
    pub calendar: Calendar,
    /// The limits.
    pub limits: Limits,
    /// The instruments' rules.
    pub rules: BTreeMap<Instrument, Rules>,
    /// The venue's own rules, where it told them.
    pub venue_rules: BTreeMap<Instrument, Arc<dyn VenueRules>>,
    /// Reads them where the venue tells them again.
    pub read_rules: venue_rules::Read,
    /// How often they are asked for again, beside each connection; zero for never.
    pub rules_every: Duration,
    /// What each exchange's venue can do.
    pub venues: BTreeMap<Exchange, Capabilities>,
    /// When an unanswered request is asked about, and how often.
    pub query_after: Duration,
    /// When an order that the venue does not know can no longer arrive there.
    pub not_received_after: Duration,
    /// How often our books are held against the venue's while it is reached; zero for never.
    pub reconcile_every: Duration,
    /// What is done about orders there that are none of ours.
    pub foreign_orders: ForeignOrders,
}

/// What is to be done, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Write it to the ledger; tell it to its strategy, and to positions if it is a fill.
    Update(Box<OrderUpdate>),
    /// Write it to the ledger.
    Record(LedgerRecord),
    /// Hand it to the venue of the exchange.
    Send(Exchange, VenueRequest),
    /// Tell people.
    Alert(String),
}

/// When a delivery happens, and which it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The virtual now.
    pub now: UtcNanos,
    /// The number of the `handled` record.
    pub as_of: u64,
}

/// The state.
pub struct Orders {
    settings: Settings,
    client_ids: ClientOrderIds,
    entries: BTreeMap<OrderId, Entry>,
    by_client_id: BTreeMap<ClientOrderId, OrderId>,
    open: BTreeSet<OrderId>,
    /// Orders that have ended, oldest first: kept for late reports, up to [`caps::ENDED_ORDERS`].
    ended: VecDeque<OrderId>,
    /// Orders that the venue was asked about and has not answered yet.
    asked: BTreeSet<OrderId>,
    /// Orders that nobody here knows, of which people were told.
    strangers: BTreeSet<ClientOrderId>,
    /// Open orders that their venue does not know, as people were told.
    lost_there: BTreeSet<OrderId>,
    prices: ByInstrument<Prices>,
    /// Mean prices, where the venue's rules ask for them.
    averages: BTreeMap<Instrument, Average>,
    balances: BTreeMap<Asset, Cash>,
    /// What is held and on its way.
    book: Book,
    /// What was ordered of late.
    recent: Recent,
    /// The limits in force.
    rulebook: Rulebook,
    /// What trips by itself.
    watch: Watch,
    /// By which instruments assets are valued.
    rates: Rates,
    /// How far our books are held against the venue's.
    reconciling: Reconciling,
    /// When the venue is asked for its rules again.
    rules_due: Option<UtcNanos>,
    /// When it last was.
    rules_asked_at: Option<UtcNanos>,
    generations: BTreeMap<StrategyId, u32>,
    trading: TradingState,
    /// Orders that belong together.
    families: Families,
    /// When the venue was last heard.
    heard_at: UtcNanos,
    counters: Counters,
}

/// What is averaged: where the venue's rules look further back than at the last trade.
fn averages(rules: &BTreeMap<Instrument, Arc<dyn VenueRules>>) -> BTreeMap<Instrument, Average> {
    let lengths = rules.iter().filter_map(|(instrument, rules)| Some((*instrument, rules.averages_over()?)));
    lengths.filter(|(_, length)| !length.is_zero()).map(|(i, length)| (i, Average::over(length))).collect()
}

impl Orders {
    /// An empty state; orders made here get their ids from `client_ids`.
    #[must_use]
    pub fn new(settings: Settings, client_ids: ClientOrderIds) -> Self {
        Self {
            rulebook: Rulebook::new(settings.limits.clone()),
            reconciling: Reconciling::new(&settings.venues),
            rates: Rates::new(settings.rules.values(), settings.currency),
            averages: averages(&settings.venue_rules),
            settings,
            client_ids,
            entries: BTreeMap::new(),
            by_client_id: BTreeMap::new(),
            open: BTreeSet::new(),
            ended: VecDeque::new(),
            asked: BTreeSet::new(),
            strangers: BTreeSet::new(),
            lost_there: BTreeSet::new(),
            prices: ByInstrument::default(),
            balances: BTreeMap::new(),
            book: Book::default(),
            recent: Recent::default(),
            watch: Watch::default(),
            rules_due: None,
            rules_asked_at: None,
            generations: BTreeMap::new(),
            trading: TradingState::Active,
            families: Families::default(),
            heard_at: UtcNanos::MIN,
            counters: Counters::default(),
        }
    }

    /// Takes what a ledger record says, at start.
    pub fn restore(&mut self, record: &LedgerRecord) {
        match record {
            LedgerRecord::Order(update) => self.restore_order(update),
            LedgerRecord::Deposit(balance) => {
                let before = self.balances.insert(balance.asset, balance.total).unwrap_or_default();
                let change = balance.total.checked_sub(before).unwrap_or_default();
                // No price is known at a start: what has no rate for that reason alone leaves the losses as they are.
                if let Some(worth) = self.marks().worth(balance.asset, change) {
                    self.paid(Some(worth));
                }
            }
            LedgerRecord::Trading { change, .. } => self.trading = change.state,
            LedgerRecord::Snapshot(snapshot) => {
                let portfolio = &snapshot.portfolio;
                portfolio.value.into_iter().for_each(|value| self.follow_value(value, portfolio.at));
            }
            LedgerRecord::Risk(record) => self.restore_risk(record),
            LedgerRecord::Reconciled(done) => self.restore_reconciled(done),
            _ => {}
        }
    }

    fn restore_order(&mut self, update: &OrderUpdate) {
        let (event, order) = (&update.event, &update.order);
        self.client_ids.go_on_behind(order.client_order_id);
        self.heard_at = self.heard_at.max(event.at);
        let known = self.take(order.order_id);
        let was_known = known.as_ref().is_some_and(|entry| entry.order.acknowledged);
        self.watch.note_answer(was_known, order, event);
        match event.kind {
            EventKind::Intended => self.recent.ordered(order.strategy, &order.request, event.at),
            EventKind::ReplaceRequested => self.recent.asked(order.strategy, event.at),
            _ => {}
        }
        // What waits here waits for all that was asked, whatever it had left for.
        let asked = known.as_ref().filter(|_| order.status != Status::Held).map(|entry| entry.asked);
        let (executions, reported) = known.map(|e| (e.executions, e.reported)).unwrap_or_default();
        let mut entry = Entry {
            order: order.clone(),
            asked: asked.unwrap_or(order.request.quantity),
            events: event.number,
            executions,
            refused: BTreeSet::new(),
            reported,
            asked_at: event.at,
            requested_at: None,
            left_by: None,
            terms_unknown: false,
            whole: None,
        };
        if let Some(fill) = &event.fill {
            entry.note(fill);
            self.apply_exposure(order, fill);
        }
        self.index(entry);
    }

    /// Takes the newest prices of a batch.
    pub fn on_market(&mut self, batch: &Batch) {
        for event in &batch.events {
            let EventBody::Tick(tick) = &event.body else { continue };
            if !batch.is_price(tick) {
                continue;
            }
            let prices = self.prices.get_or_default(tick.instrument);
            prices.received = batch.received;
            match tick.body {
                TickBody::Trade { price, size, .. } => {
                    prices.last = Some(price);
                    if let Some(average) = self.averages.get_mut(&tick.instrument) {
                        average.trade(price, size, batch.received);
                    }
                    self.touch(tick.instrument, price, batch.received);
                }
                TickBody::Quote { bid, ask } => (prices.bid, prices.ask) = (bid, ask),
            }
        }
    }

    /// Changes the trading state. While a latch has fallen it is not ACTIVE.
    pub fn on_trading(&mut self, change: StateChange, at: Moment, out: &mut Vec<Effect>) {
        if change.state == TradingState::Active
            && let Some(latch) = self.watch.first_fallen()
        {
            let remedy = risk::latch::remedy(latch, None);
            let text = format!("trading stays {}: {latch} has fallen; {remedy} first", self.trading);
            return out.push(Effect::Alert(text));
        }
        if change.state != self.trading {
            self.trading = change.state;
            out.push(Effect::Record(LedgerRecord::Trading { change, at: at.now }));
        }
    }

    /// A strategy has failed: its generation ends here, its open orders are cancelled if it wants that.
    pub fn on_fault(
        &mut self,
        strategy: StrategyId,
        next_generation: u32,
        fault: Fault,
        cancel: bool,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        self.generations.insert(strategy, next_generation);
        out.push(Effect::Record(LedgerRecord::Action(Action {
            by: "merganser".to_owned(),
            what: format!("strategy.{}", fault.as_str()),
            subject: strategy.to_string(),
            why: format!("generation {next_generation} follows"),
            at: at.now,
        })));
        if cancel {
            self.cancel_all(strategy, at, out);
            self.settle_families(at, out);
        }
    }

    /// Lets something happen to an order by the table. True when it did.
    fn happen(&mut self, entry: &mut Entry, what: Happening, at: Moment, out: &mut Vec<Effect>) -> bool {
        // What the venue never received may have been on its way all along: a later report is the truth.
        let ours = matches!(what.kind, EventKind::CancelRequested | EventKind::ReplaceRequested);
        let not_received = entry.order.status == Status::Rejected
            && entry.order.reason == Some(Reason::code(resolve::NOT_RECEIVED))
            && !ours
            && what.kind != EventKind::Busted;
        let ends = matches!(what.kind, EventKind::Canceled | EventKind::Expired);
        let status = match entry.order.status {
            _ if not_received => Status::Submitted,
            // Filled no more: what the venue says of its end is the truth.
            Status::Filled if ends && has_room_again(&entry.order) => Status::PartiallyFilled,
            status => status,
        };
        match table::decide(status, what.kind) {
            Outcome::To(next) => entry.order.status = next,
            Outcome::Working => entry.order.status = working(entry),
            Outcome::Stay => {}
            Outcome::Ignore => {
                self.counters.ignored += 1;
                return false;
            }
            Outcome::Refuse => {
                self.counters.refused += 1;
                return false;
            }
            Outcome::Alarm => {
                self.counters.alarms += 1;
                let order = &entry.order;
                out.push(Effect::Alert(format!(
                    "order {} is {} and was reported {}",
                    order.client_order_id, order.status, what.kind
                )));
                if what.fill.is_none() {
                    return false;
                }
            }
        }
        if not_received {
            out.push(Effect::Alert(format!("order {} was taken for lost and is not", entry.order.client_order_id)));
            entry.order.reason = None;
            entry.order.reason_text.clear();
        }
        if entry.order.status.is_terminal() {
            entry.requested_at = None;
            entry.order.replacing = None;
        }
        self.doubt(&entry.order, status, what.kind);
        self.record(entry, what, at, out);
        true
    }

    /// Writes down what happened.
    fn record(&mut self, entry: &mut Entry, what: Happening, at: Moment, out: &mut Vec<Effect>) {
        entry.events += 1;
        self.counters.count(&what);
        let was_known = entry.order.acknowledged;
        let order = &mut entry.order;
        order.updated_at = at.now;
        order.triggered |= what.kind == EventKind::Triggered;
        // Of an order that is held here the venue knows nothing, whatever happens to it.
        order.acknowledged |= order.status != Status::Held && tells_that_it_is_known(what.kind);
        if what.kind == EventKind::Submitted {
            order.submitted_at = Some(at.now);
        }
        if order.status == Status::Filled && order.filled_at.is_none() {
            order.filled_at = Some(what.fill.as_ref().map_or(at.now, |f| f.executed_at));
        }
        if order.status.is_terminal() && what.reason.is_some() {
            order.reason = what.reason;
            order.reason_text.clone_from(&what.text);
        }
        let event = OrderEvent {
            order_id: order.order_id,
            number: entry.events,
            kind: what.kind,
            status: order.status,
            reason: what.reason,
            reason_text: what.text,
            at: at.now,
            fill: what.fill,
            as_of: at.as_of,
        };
        let trips = self.watch.note_answer(was_known, order, &event);
        out.push(Effect::Update(Box::new(OrderUpdate { event, order: order.clone() })));
        if trips {
            self.trip_on_answers(at, out);
        }
    }

    /// Takes an order out for a change; [`Self::index`] puts it back.
    fn take(&mut self, id: OrderId) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        self.book.take(&entry.order);
        Some(entry)
    }

    /// Puts an order back where all can find it.
    fn index(&mut self, entry: Entry) {
        let id = entry.order.order_id;
        self.reconciling.ordered(&entry.order);
        self.book.put(&entry.order);
        self.families.note(&entry.order);
        for attempt in &entry.order.attempts {
            self.by_client_id.insert(attempt.client_order_id, id);
        }
        if entry.order.status.is_open() {
            self.open.insert(id);
        } else if self.open.remove(&id) || !self.entries.contains_key(&id) && !self.ended.contains(&id) {
            self.ended.push_back(id);
        }
        self.entries.insert(id, entry);
        while self.ended.len() > caps::ENDED_ORDERS {
            let place = self.ended.iter().position(|id| !self.is_kin_to_open(*id));
            let Some(oldest) = place.and_then(|place| self.ended.remove(place)) else { break };
            if !self.open.contains(&oldest)
                && let Some(gone) = self.entries.remove(&oldest)
            {
                self.asked.remove(&oldest);
                self.lost_there.remove(&oldest);
                for attempt in &gone.order.attempts {
                    self.by_client_id.remove(&attempt.client_order_id);
                }
                self.families.forget(&gone.order);
            }
        }
    }

    /// The trading state.
    #[must_use]
    pub fn trading(&self) -> TradingState {
        self.trading
    }
    /// What happened beside the rows.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }
    /// Open orders, by id.
    pub fn open_orders(&self) -> impl Iterator<Item = &Order> {
        self.open.iter().filter_map(|id| self.entries.get(id)).map(|e| &e.order)
    }
    /// Questions about orders that the venue has not answered.
    #[must_use]
    pub fn questions(&self) -> usize {
        self.asked.len()
    }
    /// True when orders that ended may have left memory.
    #[must_use]
    pub fn forgets(&self) -> bool {
        self.ended.len() >= caps::ENDED_ORDERS
    }
    /// One order, while it is remembered.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<&Order> {
        self.entries.get(&id).map(|e| &e.order)
    }
}

/// True for what a venue can only say of an order that it has.
fn tells_that_it_is_known(kind: EventKind) -> bool {
    use EventKind::{Accepted, Busted, Filled, PartiallyFilled, Replaced, Triggered};
    matches!(kind, Accepted | Triggered | PartiallyFilled | Filled | Replaced | Busted)
}

fn working(entry: &Entry) -> Status {
    let order = &entry.order;
    if order.filled.is_positive() && entry.is_complete(order.filled) {
        // A replacement to what was filled already.
        Status::Filled
    } else if order.filled.is_positive() {
        Status::PartiallyFilled
    } else if !order.acknowledged {
        // A venue that refuses to cancel what it may never have received has not accepted it; what triggered here did not there.
        Status::Submitted
    } else if order.triggered {
        Status::Triggered
    } else {
        Status::Accepted
    }
}

fn with_terms(request: &OrderRequest, terms: Replacement) -> OrderRequest {
    let mut request = request.clone();
    request.quantity = terms.quantity.unwrap_or(request.quantity);
    request.price = terms.price.or(request.price);
    request.stop_price = terms.stop_price.or(request.stop_price);
    request
}

fn cancel_request(order: &Order, now: UtcNanos) -> Effect {
    let request = VenueRequest::Cancel {
        client_order_id: order.current_client_order_id(),
        venue_order_id: order.current().and_then(|a| a.venue_order_id),
        instrument: order.request.instrument,
        at: now,
    };
    Effect::Send(order.request.instrument.exchange, request)
}

#[cfg(test)]
mod tests;
