//! Fills that were not told, and ends that wait for them.
//!
//! An end that counts more than was told waits: what is held for the order would leave for too much. The venue may list a fill some
//! time after it counts it, and an answer may be lost: the order is asked about again until all its fills are listed, and the answer
//! tells the end behind them. A lost connection ends the waiting, for then orders asks about all that the venue lists as open no more.

use std::time::Duration;

use messages::venues::{ReportKind, VenueReport};
use messages::{ClientOrderId, Quantity, Symbol, UtcNanos};

use super::super::answer::{self, Answer};
use super::super::call::{Call, FILLS};
use super::super::heard::Heard;
use super::super::order::{self, OrderBody, TradeBody};
use super::{Asked, Effect, Session};

/// The first wait before an order is asked about again, doubled each time.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// The longest wait: a row that cannot be read will not be better.
const AGAIN_AT_LEAST_EVERY: Duration = Duration::from_secs(60);

/// An end that waits for fills.
#[derive(Debug, Clone, Copy)]
pub(super) struct WaitingEnd {
    symbol: Symbol,
    wait: Duration,
    /// When its order is asked about again.
    pub(super) again_at: UtcNanos,
}

impl Session {
    /// Asks where an order stands, and for its fills.
    pub(super) fn ask_for_missing(
        &mut self,
        order: ClientOrderId,
        symbol: Symbol,
        now: UtcNanos,
        out: &mut Vec<Effect>,
    ) {
        self.send_or_wait(Call::order_status(order, symbol), Asked::Missing { order, symbol }, now, out);
    }

    /// Keeps an end back until its fills are told.
    pub(super) fn hold_end(&mut self, order: ClientOrderId, symbol: Symbol, now: UtcNanos) {
        let (wait, again_at) = (AGAIN_AFTER, now.after(AGAIN_AFTER));
        self.waiting_ends.entry(order).or_insert(WaitingEnd { symbol, wait, again_at });
    }

    /// Asks again about orders whose ends have waited.
    pub(super) fn ask_for_ends(&mut self, now: UtcNanos, out: &mut Vec<Effect>) {
        let mut due = Vec::new();
        for (order, end) in self.waiting_ends.iter_mut().filter(|(_, end)| end.again_at <= now) {
            end.wait = (end.wait * 2).min(AGAIN_AT_LEAST_EVERY);
            end.again_at = now.after(end.wait);
            due.push((*order, end.symbol));
        }
        for (order, symbol) in due {
            if !self.is_listing(order) {
                self.ask_for_missing(order, symbol, now, out);
            }
        }
    }

    /// Whether an answer about the order's fills is owed, or waits to be asked for.
    fn is_listing(&self, id: ClientOrderId) -> bool {
        self.asked().any(|asked| match asked {
            Asked::Missing { order, .. } => *order == id,
            Asked::Fills { order, .. } => order.name() == id.as_str(),
            _ => false,
        })
    }

    /// Tells an order with every fill, which are asked for if there are any.
    pub(super) fn ask_fills(&mut self, order: OrderBody, now: UtcNanos, out: &mut Vec<Effect>) {
        if order.executed().is_positive() {
            let call = Call::fills_of(order.symbol, order.order_id, None);
            self.send_or_wait(call, Asked::Fills { order: Box::new(order), so_far: Vec::new() }, now, out);
        } else {
            self.heard(order.heard(self.account, now), now, out);
        }
    }

    pub(super) fn fills_answered(
        &mut self,
        order: OrderBody,
        mut trades: Vec<TradeBody>,
        answer: &Answer,
        now: UtcNanos,
        out: &mut Vec<Effect>,
    ) {
        let body = match answer {
            Ok(body) => body,
            Err(failure) => {
                let (order, why) = (order.name().to_owned(), failure.to_string());
                return out
                    .push(Effect::heard(Heard::unreadable(format!("the fills of order {order} were refused"), &why)));
            }
        };
        let (page, unread) = answer::trades(body);
        self.heard(unread, now, out);
        let is_full = page.len() >= FILLS as usize;
        trades.extend(page);
        if let (true, Some(last)) = (is_full, trades.iter().map(|trade| trade.id).max()) {
            let call = Call::fills_of(order.symbol, order.order_id, Some(last + 1));
            return self.send_or_wait(call, Asked::Fills { order: Box::new(order), so_far: trades }, now, out);
        }
        self.listed(&order, &trades, now, out);
    }

    /// All fills that the venue lists of an order are known: they come first, then where it stands.
    fn listed(&mut self, order: &OrderBody, trades: &[TradeBody], now: UtcNanos, out: &mut Vec<Effect>) {
        let mut heard = order::fills(order, trades, self.account);
        let ended = if order.is_open() { None } else { order.name().parse::<ClientOrderId>().ok() };
        if let Some(client_order_id) = ended {
            if quantity(&heard) < order.executed() {
                self.hold_end(client_order_id, order.symbol, now);
                let why = format!("the venue lists less than the {} that are filled", order.executed());
                heard.push(Heard::Open { client_order_id, why });
                return self.heard(heard, now, out);
            }
            self.waiting_ends.remove(&client_order_id);
        }
        // Its count has been asked about.
        heard.extend(order.heard(self.account, now).into_iter().filter(|said| !matches!(said, Heard::Executed { .. })));
        self.heard(heard, now, out);
    }
}

/// How much fills come to.
fn quantity(heard: &[Heard]) -> Quantity {
    let quantities = heard.iter().filter_map(|said| match said {
        Heard::Report(VenueReport { kind: ReportKind::Filled(fill), .. }) => Some(fill.quantity),
        _ => None,
    });
    quantities.fold(Quantity::ZERO, |sum, quantity| sum.checked_add(quantity).unwrap_or(Quantity::MAX))
}
