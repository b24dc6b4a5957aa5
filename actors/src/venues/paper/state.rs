//! The pure state of the paper venue: an exchange that fills our orders from the market that it sees.
//!
//! Hears market batches and requests, says reports. It keeps nothing of its own on disk: after a start
//! it is told the open orders of the ledger. The same inputs and the same seed give the same fills.
//!
//! Fill rules, as stated in the guide:
//! - A request arrives its latency after it was made; the market that it meets is the one then. Reports travel, too.
//! - What crosses takes the levels that are shown: the book where one is synced, else the best quote. What
//!   was taken stays taken until the venue shows a new size there. Where only trades are known, the last
//!   trade's price and size stand for both sides.
//! - A resting order queues at its price as its fill model says. Trades at its price shorten the queue, then fill it. A trade
//!   beyond its price, or a quote that crosses it, fills it at its price, up to the size that is shown.
//! - A market order takes what is shown; what is left of it expires (no order waits without a price).
//!
//! Invariant: nothing looks ahead. An order enters the market in [`Paper::on_timer`] alone, with the number of the last event
//! before it, and no event up to that number does anything to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use messages::instrument::{Asset, Calendar, Exchange, Rules, Sessions};
use messages::market::{Batch, Depth, EventBody, GapCause, GapChannel, Level, Tick, TickBody};
use messages::orders::{
    Contingency, Fee, Fill, Liquidity, Order, OrderRequest, OrderType, Replacement, Side, Status, TimeInForce,
};
use messages::venues::{Capabilities, ReportKind, VenueReport, VenueRequest};
use messages::{Account, Cash, ClientOrderId, Instrument, OrderId, Price, Quantity, Reason, Size, UtcNanos};

use super::models::{Change, Chosen, Filled, Take};
use crate::book::Book;
use crate::by_instrument::ByInstrument;
use crate::chance::SplitMix64;
use crate::settings::PaperSettings;
use crate::timer::earliest;

mod balances;
mod family;
mod limits;
mod market;
mod matching;
mod rejects;
mod requests;
mod triggers;
mod working;

use balances::Balances;
use family::Ended;
use limits::{Bands, Halt};
use market::{Market, is_better, reaches};
use working::{Place, Working, WorkingOrders};

/// What the paper venue can do.
pub const CAPABILITIES: Capabilities = Capabilities {
    exchanges: Exchange::ALL,
    order_types: OrderType::ALL,
    times_in_force: TimeInForce::ALL,
    replace: true,
    quote_quantity: false,
    post_only: true,
    contingencies: Contingency::ALL,
    // More than any model of its ways delays.
    not_received_after: Duration::from_secs(60),
    account: false,
};

/// What the state is made with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whose orders.
    pub account: Account,
    /// What a new account begins with; `None` for nothing.
    pub deposit: Option<(Asset, Cash)>,
    /// The instruments' rules.
    pub rules: BTreeMap<Instrument, Rules>,
    /// When days end.
    pub calendar: Calendar,
    /// How the venue behaves.
    pub paper: PaperSettings,
    /// What its chances are drawn from.
    pub seed: u64,
}

/// What is drawn, each from its own stream of the seed.
struct Chances {
    fills: SplitMix64,
    to_venue: SplitMix64,
    to_us: SplitMix64,
    slippage: SplitMix64,
    rejects: SplitMix64,
}

/// The state.
pub struct Paper {
    settings: Settings,
    models: Chosen,
    chance: Chances,
    halts: Vec<Halt>,
    markets: ByInstrument<Market>,
    orders: WorkingOrders,
    ended: Ended,
    balances: Balances,
    /// Requests on their way, by arrival and by the order in which they were made.
    travelling: BTreeMap<(UtcNanos, u64), VenueRequest>,
    /// When the last of them arrives.
    last_arrival: UtcNanos,
    /// Reports on their way with the time of their arrival, which rises.
    reporting: VecDeque<(UtcNanos, VenueReport)>,
    requests: u64,
    /// Market events seen so far.
    events: u64,
    /// The orders that an event is matched with; kept for its room.
    ids: Vec<ClientOrderId>,
    now: UtcNanos,
}

impl Paper {
    /// An empty venue.
    ///
    /// # Errors
    /// A halt of the settings that is none, in words.
    pub fn new(settings: Settings, models: Chosen) -> Result<Self, String> {
        let stream = |name| SplitMix64::stream(settings.seed, name);
        Ok(Self {
            chance: Chances {
                fills: stream("paper.fills"),
                to_venue: stream("paper.to_venue"),
                to_us: stream("paper.to_us"),
                slippage: stream("paper.slippage"),
                rejects: stream("paper.rejects"),
            },
            halts: limits::halts(&settings.paper)?,
            balances: Balances::new(&settings),
            settings,
            models,
            markets: ByInstrument::default(),
            orders: WorkingOrders::default(),
            ended: Ended::default(),
            travelling: BTreeMap::new(),
            last_arrival: UtcNanos::MIN,
            reporting: VecDeque::new(),
            requests: 0,
            events: 0,
            ids: Vec::new(),
            now: UtcNanos::MIN,
        })
    }

    /// Takes an open order of the ledger, at start. It joins the end of its queue.
    pub fn restore(&mut self, order: &Order) {
        let accepted = matches!(
            order.status,
            Status::Accepted
                | Status::Triggered
                | Status::PartiallyFilled
                | Status::PendingCancel
                | Status::PendingReplace
        );
        if !accepted || !order.acknowledged {
            return;
        }
        self.requests += 1;
        let id = order.current_client_order_id();
        let expires = self.expiry(&order.request, order.created_at);
        let mut working = Working::new(order.order_id, order.request.clone(), self.requests, expires);
        working.filled = order.filled;
        working.triggered = order.triggered;
        working.value = order.filled_notional.to_cash().unwrap_or_default();
        working.paid = order.commission.map(|fee| fee.amount).unwrap_or_default();
        self.markets.get_or_default(order.request.instrument).orders.insert((working.arrival, id));
        self.orders.insert(id, working);
        self.hold(id);
    }

    /// When an order that lives since `since` ends by itself: with the day of its instrument, else with UTC's.
    fn expiry(&self, request: &OrderRequest, since: UtcNanos) -> Option<UtcNanos> {
        let rules = self.settings.rules.get(&request.instrument);
        let sessions = rules.map_or(Sessions::AroundTheClock, |r| r.sessions);
        (request.time_in_force == TimeInForce::Day).then(|| self.settings.calendar.day_ends(sessions, since))
    }

    /// A fill that the ledger holds, at start: so that execution ids go on where they were.
    pub fn restore_fills(&mut self, id: ClientOrderId, fills: u32) {
        if let Some(working) = self.orders.get_mut(id) {
            working.fills = fills;
        }
    }

    /// What the ledger says that the account has, at start.
    pub fn restore_balances(&mut self, balances: impl Iterator<Item = (Asset, Cash)>) {
        self.balances.restore(balances);
    }

    /// Takes a request; it arrives after its latency, and behind those that were made before it.
    pub fn on_request(&mut self, request: VenueRequest, now: UtcNanos, out: &mut Vec<VenueReport>) {
        self.requests += 1;
        if let VenueRequest::Submit { client_order_id, .. } = &request {
            out.push(self.report(*client_order_id, now, ReportKind::Submitted));
        }
        let delay = self.models.to_venue.delay(&mut self.chance.to_venue);
        self.last_arrival = now.max(self.now).after(delay).max(self.last_arrival);
        self.travelling.insert((self.last_arrival, self.requests), request);
    }

    /// Takes a batch: first what arrived before it, then its events in order.
    pub fn on_market(&mut self, batch: &Batch, out: &mut Vec<VenueReport>) {
        let (now, begins) = (batch.received, out.len());
        self.pass_time(now, out);
        for event in &batch.events {
            self.events += 1;
            match &event.body {
                // Nothing is filled by a trade that was corrected afterwards, or that was fetched after a gap.
                EventBody::Tick(tick) if !batch.is_price(tick) => {}
                EventBody::Tick(tick) => self.on_tick(tick, now, out),
                EventBody::Depth(depth) => self.on_depth(depth, now, out),
                // Until it is whole again nothing is filled by a book that may be wrong.
                EventBody::Gap(gap) if gap.channel == GapChannel::Depth && gap.cause != GapCause::Recovered => {
                    self.markets.get_or_default(gap.instrument).book.lost();
                }
                EventBody::Bar(_) | EventBody::Gap(_) => {}
            }
        }
        self.post(begins, now, out);
    }

    /// Lets time pass: requests and reports arrive, days end.
    pub fn on_timer(&mut self, now: UtcNanos, out: &mut Vec<VenueReport>) {
        let begins = out.len();
        self.pass_time(now, out);
        self.post(begins, now, out);
    }

    fn pass_time(&mut self, now: UtcNanos, out: &mut Vec<VenueReport>) {
        while let Some(arrival) = self.next_arrival().filter(|at| *at <= now) {
            let Some((_, request)) = self.travelling.pop_first() else { break };
            self.now = self.now.max(arrival);
            self.arrive(request, arrival, out);
        }
        self.now = self.now.max(now);
        if self.orders.next_expiry().is_some_and(|at| at <= now) {
            self.expire(now, out);
        }
    }

    /// Sends off what was said since `begins`, and hands over what has arrived.
    fn post(&mut self, begins: usize, now: UtcNanos, out: &mut Vec<VenueReport>) {
        if out.len() == begins && self.reporting.is_empty() {
            return;
        }
        for report in out.drain(begins..) {
            let arrival = report.time.after(self.models.to_us.delay(&mut self.chance.to_us));
            let last = self.reporting.back().map_or(UtcNanos::MIN, |(at, _)| *at);
            self.reporting.push_back((arrival.max(last), report));
        }
        while self.reporting.front().is_some_and(|(at, _)| *at <= now) {
            out.extend(self.reporting.pop_front().map(|(_, report)| report));
        }
    }

    /// When [`Self::on_timer`] has something to do next.
    #[must_use]
    pub fn next_due(&self) -> Option<UtcNanos> {
        let report = self.reporting.front().map(|(at, _)| *at);
        earliest(earliest(self.next_arrival(), report), self.orders.next_expiry())
    }

    /// When the next request arrives.
    fn next_arrival(&self) -> Option<UtcNanos> {
        self.travelling.first_key_value().map(|((at, _), _)| *at)
    }

    fn on_tick(&mut self, tick: &Tick, now: UtcNanos, out: &mut Vec<VenueReport>) {
        let (drops, has_bands) = (self.settings.paper.drop_stale_levels, self.has_bands());
        let market = self.markets.get_or_default(tick.instrument);
        market.see(tick, drops);
        if let TickBody::Trade { price, .. } = tick.body
            && has_bands
        {
            market.bands.on_trade(price, now, &self.settings.paper.price_limits);
        }
        if market.orders.is_empty() || self.is_halted(tick.instrument, now) {
            return;
        }
        match tick.body {
            TickBody::Trade { price, size, .. } => self.match_trade(tick.instrument, price, size, now, out),
            TickBody::Quote { .. } => self.match_shown(tick.instrument, now, out),
        }
    }

    fn on_depth(&mut self, depth: &Depth, now: UtcNanos, out: &mut Vec<VenueReport>) {
        let market = self.markets.get_or_default(depth.instrument);
        market.see_depth(depth, now);
        if !market.orders.is_empty() && !self.is_halted(depth.instrument, now) {
            self.match_shown(depth.instrument, now, out);
        }
    }

    fn expire(&mut self, now: UtcNanos, out: &mut Vec<VenueReport>) {
        for id in self.orders.expired(now) {
            self.end(id, now, ReportKind::Expired { reason: Reason::code("day_ended") }, out);
        }
    }

    /// Takes an order out and says why; what belongs to it follows.
    fn end(&mut self, id: ClientOrderId, now: UtcNanos, why: ReportKind, out: &mut Vec<VenueReport>) {
        if let Some(working) = self.take_out(id) {
            out.push(self.report(id, now, why));
            self.ended(&working, now, out);
        }
    }

    fn take_out(&mut self, id: ClientOrderId) -> Option<Working> {
        let working = self.orders.remove(id)?;
        if let Some(market) = self.markets.get_mut(working.request.instrument) {
            market.orders.remove(&(working.arrival, id));
        }
        Some(working)
    }

    fn report(&self, id: ClientOrderId, now: UtcNanos, kind: ReportKind) -> VenueReport {
        let venue_order_id = format!("P{id}").parse().ok();
        VenueReport { account: self.settings.account, client_order_id: id, venue_order_id, time: now, kind }
    }
}

#[cfg(test)]
mod tests;
