//! The pure state of the paper venue: an exchange that fills our orders from the market that it sees.
//!
//! Hears market batches and requests, says reports. It keeps nothing of its own on disk: after a start
//! it is told the open orders of the ledger. The same inputs give the same fills.
//!
//! Fill rules, as stated in the guide:
//! - A request arrives `latency` after it was made; the market that it meets is the one then.
//! - What crosses takes the levels that are shown: the book where one is synced, else the best quote. What
//!   was taken stays taken until the venue shows a new size there. Where only trades are known, the last
//!   trade's price and size stand for both sides.
//! - A resting order queues behind all that is shown at its price when it arrives. Trades at its price
//!   shorten the queue, then fill it; a size that shrinks below the queue shortens it, too. A trade beyond
//!   its price, or a quote that crosses it, fills it at its price, up to the size that is shown.
//! - A market order takes what is shown; what is left of it expires (no order waits without a price).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use messages::instrument::{Calendar, Rules, Sessions};
use messages::market::{Batch, Depth, EventBody, GapCause, GapChannel, Level, Tick, TickBody};
use messages::orders::{Fee, Fill, Liquidity, Order, OrderRequest, OrderType, Replacement, Side, Status, TimeInForce};
use messages::venues::{Capabilities, ReportKind, VenueReport, VenueRequest};
use messages::{Account, ClientOrderId, Instrument, Price, Quantity, Reason, Size, UtcNanos};

use crate::book::Book;
use crate::by_instrument::ByInstrument;
use crate::timer::earliest;

mod matching;
mod requests;
mod working;

use working::{Working, WorkingOrders};

/// What the paper venue can do.
pub const CAPABILITIES: Capabilities = Capabilities {
    order_types: &[OrderType::Market, OrderType::Limit, OrderType::Stop, OrderType::StopLimit],
    times_in_force: &[TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok, TimeInForce::Day],
    replace: true,
    quote_quantity: false,
    post_only: true,
};

/// What the state is made with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whose orders.
    pub account: Account,
    /// From the request to the market.
    pub latency: Duration,
    /// Fee of a fill that rested, in millionths of its value.
    pub maker_fee_ppm: i64,
    /// Fee of a fill that took, in millionths of its value.
    pub taker_fee_ppm: i64,
    /// The instruments' rules.
    pub rules: BTreeMap<Instrument, Rules>,
    /// When days end.
    pub calendar: Calendar,
}

/// The state.
pub struct Paper {
    settings: Settings,
    markets: ByInstrument<Market>,
    orders: WorkingOrders,
    /// Requests on their way, by arrival and by the order in which they were made.
    travelling: BTreeMap<(UtcNanos, u64), VenueRequest>,
    requests: u64,
    now: UtcNanos,
}

/// What is seen of one instrument.
#[derive(Default)]
struct Market {
    bid: Option<Level>,
    ask: Option<Level>,
    last: Option<Level>,
    book: Book,
    /// What our orders took of the sizes that are shown, by side and price.
    taken: BTreeMap<(Side, Price), Quantity>,
    /// Our orders here, oldest first.
    orders: BTreeSet<(u64, ClientOrderId)>,
}

impl Paper {
    /// An empty venue.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            markets: ByInstrument::default(),
            orders: WorkingOrders::default(),
            travelling: BTreeMap::new(),
            requests: 0,
            now: UtcNanos::MIN,
        }
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
        let mut working = Working::new(order.request.clone(), self.requests, expires);
        working.filled = order.filled;
        working.triggered = order.triggered;
        self.markets.get_or_default(order.request.instrument).orders.insert((working.arrival, id));
        self.orders.insert(id, working);
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

    /// Takes a request; it arrives after the latency.
    pub fn on_request(&mut self, request: VenueRequest, now: UtcNanos, out: &mut Vec<VenueReport>) {
        self.requests += 1;
        if let VenueRequest::Submit { client_order_id, .. } = &request {
            out.push(self.report(*client_order_id, now, ReportKind::Submitted));
        }
        let arrival = now.max(self.now).after(self.settings.latency);
        self.travelling.insert((arrival, self.requests), request);
    }

    /// Takes a batch: first what arrived before it, then its events in order.
    pub fn on_market(&mut self, batch: &Batch, out: &mut Vec<VenueReport>) {
        self.on_timer(batch.received, out);
        for event in &batch.events {
            match &event.body {
                // Nothing is filled by a trade that was corrected afterwards, or that was fetched after a gap.
                EventBody::Tick(tick) if !batch.is_price(tick) => {}
                EventBody::Tick(tick) => self.on_tick(tick, batch.received, out),
                EventBody::Depth(depth) => self.on_depth(depth, batch.received, out),
                // Until it is whole again nothing is filled by a book that may be wrong.
                EventBody::Gap(gap) if gap.channel == GapChannel::Depth && gap.cause != GapCause::Recovered => {
                    self.markets.get_or_default(gap.instrument).book.lost();
                }
                EventBody::Bar(_) | EventBody::Gap(_) => {}
            }
        }
    }

    /// Lets time pass: requests arrive, days end.
    pub fn on_timer(&mut self, now: UtcNanos, out: &mut Vec<VenueReport>) {
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

    /// When [`Self::on_timer`] has something to do next.
    #[must_use]
    pub fn next_due(&self) -> Option<UtcNanos> {
        earliest(self.next_arrival(), self.orders.next_expiry())
    }

    /// When the next request arrives.
    fn next_arrival(&self) -> Option<UtcNanos> {
        self.travelling.first_key_value().map(|((at, _), _)| *at)
    }

    fn on_tick(&mut self, tick: &Tick, now: UtcNanos, out: &mut Vec<VenueReport>) {
        let market = self.markets.get_or_default(tick.instrument);
        market.see(tick);
        if market.orders.is_empty() {
            return;
        }
        match tick.body {
            TickBody::Trade { price, size, .. } => self.match_trade(tick.instrument, price, size, now, out),
            TickBody::Quote { .. } => self.match_shown(tick.instrument, now, out),
        }
    }

    fn on_depth(&mut self, depth: &Depth, now: UtcNanos, out: &mut Vec<VenueReport>) {
        let market = self.markets.get_or_default(depth.instrument);
        market.book.on_depth(depth, now);
        market.forget_taken(depth);
        if !market.orders.is_empty() {
            self.match_shown(depth.instrument, now, out);
        }
    }

    fn expire(&mut self, now: UtcNanos, out: &mut Vec<VenueReport>) {
        for id in self.orders.expired(now) {
            self.end(id, now, ReportKind::Expired { reason: Reason::code("day_ended") }, out);
        }
    }

    /// Takes an order out and says why.
    fn end(&mut self, id: ClientOrderId, now: UtcNanos, why: ReportKind, out: &mut Vec<VenueReport>) {
        if let Some(working) = self.orders.remove(id) {
            if let Some(market) = self.markets.get_mut(working.request.instrument) {
                market.orders.remove(&(working.arrival, id));
            }
            out.push(self.report(id, now, why));
        }
    }

    fn report(&self, id: ClientOrderId, now: UtcNanos, kind: ReportKind) -> VenueReport {
        let venue_order_id = format!("P{id}").parse().ok();
        VenueReport { account: self.settings.account, client_order_id: id, venue_order_id, time: now, kind }
    }
}

impl Market {
    fn see(&mut self, tick: &Tick) {
        match tick.body {
            TickBody::Trade { price, size, .. } => {
                if !self.taken.is_empty() && self.is_unquoted() {
                    self.taken.clear();
                }
                self.last = Some(Level { price, size });
            }
            TickBody::Quote { bid, ask } => {
                if self.bid != bid {
                    self.taken.retain(|(side, _), _| *side != Side::Sell);
                }
                if self.ask != ask {
                    self.taken.retain(|(side, _), _| *side != Side::Buy);
                }
                (self.bid, self.ask) = (bid, ask);
            }
        }
    }

    /// True where only trades are known, as in a recording of trades.
    fn is_unquoted(&self) -> bool {
        self.bid.is_none() && self.ask.is_none() && !self.book.is_synced()
    }

    /// A new size at a price is what is there now.
    fn forget_taken(&mut self, depth: &Depth) {
        for level in &depth.asks {
            self.taken.remove(&(Side::Buy, level.price));
        }
        for level in &depth.bids {
            self.taken.remove(&(Side::Sell, level.price));
        }
    }
}

#[cfg(test)]
mod tests;
