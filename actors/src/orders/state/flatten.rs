//! Closing every position at the market: what a person does when all is to end.
//!
//! Each position is closed by reduce-only orders under the name of the strategy that holds it, so that its own books go to
//! zero and nobody else's change. One that is larger than an order may be is closed by several; what is on its way to close it
//! already is left out.
//!
//! One strategy can be closed alone: the account's position is the sum of what its strategies hold, so the others keep theirs.

use super::*;

/// Orders that one flattening may make for one position: more only repeat the same mistake in a limit.
const MOST_PARTS: u32 = 100;

/// What stands with an order that closes a position.
const NOTE: &str = "flatten";

impl Orders {
    pub(super) fn flatten(&mut self, id: OrderId, at: Moment, out: &mut Vec<Effect>) {
        let held: Vec<_> = self.book.positions().collect();
        let mut made = 0;
        for ((strategy, instrument), position) in held {
            self.close(strategy, instrument, position, (id, &mut made), at, out);
        }
    }

    /// Cancels a strategy's orders, and closes what it holds where none of them is open any more: it is said again until
    /// nothing is held.
    pub(super) fn flatten_strategy(&mut self, strategy: StrategyId, id: OrderId, at: Moment, out: &mut Vec<Effect>) {
        let is_closing = |order: &Order| order.request.reduce_only && order.request.note == NOTE;
        let others = self.open_orders().filter(|order| order.strategy == strategy && !is_closing(order));
        let others: Vec<(OrderId, Instrument)> = others.map(|o| (o.order_id, o.request.instrument)).collect();
        for (order_id, _) in &others {
            self.cancel_unasked(*order_id, at, out);
        }
        // What is being cancelled may still fill, and holds at its venue what is to be closed.
        let is_busy = |instrument| {
            others.iter().any(|(order_id, of)| {
                *of == instrument && self.entries.get(order_id).is_some_and(|entry| entry.order.status.is_open())
            })
        };
        let held = self.book.positions().filter(|((owner, instrument), _)| *owner == strategy && !is_busy(*instrument));
        let held: Vec<_> = held.collect();
        let mut made = 0;
        for ((_, instrument), position) in held {
            self.close(strategy, instrument, position, (id, &mut made), at, out);
        }
    }

    /// Closes a position by as many orders as it takes; `id` and how many were `made` of it name them.
    fn close(
        &mut self,
        strategy: StrategyId,
        instrument: Instrument,
        position: Quantity,
        (id, made): (OrderId, &mut u32),
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let side = if position.is_negative() { Side::Buy } else { Side::Sell };
        let mut left = self.closable(strategy, instrument, position);
        let most = self.largest_order(strategy, instrument, side);
        for _ in 0..MOST_PARTS {
            let quantity = most.map_or(left, |most| left.min(most));
            if !quantity.is_positive() {
                break;
            }
            *made += 1;
            let request = OrderRequest {
                reduce_only: true,
                note: NOTE.to_owned(),
                ..OrderRequest::market(instrument, side, quantity)
            };
            let generation = self.generations.get(&strategy).copied().unwrap_or_default();
            self.submit(Sender { strategy, generation }, id.part(*made), request, false, at, out);
            left = left.checked_sub(quantity).unwrap_or_default();
        }
    }

    /// How much of a position may still be closed: less what open orders close, and in a cash account what is there.
    fn closable(&self, strategy: StrategyId, instrument: Instrument, position: Quantity) -> Quantity {
        let own = self.book.own(strategy, instrument);
        let own = self.marks().sized(instrument, own).unwrap_or(own);
        let open = if position.is_negative() { own.buys } else { own.sells };
        let left = position.abs().checked_sub(open).unwrap_or_default();
        let held = self.free(instrument).base.filter(|_| self.settings.kind == AccountKind::Cash);
        let left = held.map_or(left, |held| left.min(held));
        let step = self.settings.rules.get(&instrument).map_or(Quantity::ZERO, |r| r.quantity_step);
        if step.is_positive() {
            Quantity::from_raw(left.raw() - left.raw() % step.raw()).unwrap_or_default()
        } else {
            left
        }
    }

    /// The largest quantity of one order that the limits allow at the newest price; `None` without a limit.
    fn largest_order(&mut self, strategy: StrategyId, instrument: Instrument, side: Side) -> Option<Quantity> {
        let limits = self.rulebook.of(strategy, instrument);
        let rules = self.settings.rules.get(&instrument);
        let price = self.prices.get(instrument).and_then(|prices| prices.reference(side));
        let by_value = price.filter(|_| limits.max_order_notional.is_positive());
        let by_value = by_value.and_then(|price| accounting::quantity_for(limits.max_order_notional, price));
        let by_quantity = [limits.max_order_quantity, rules.map_or(Quantity::ZERO, |r| r.max_quantity)];
        let most = by_quantity.into_iter().filter(|q| q.is_positive()).chain(by_value).min()?;
        let step = rules.map_or(Quantity::ZERO, |r| r.quantity_step).raw();
        let whole = if step > 0 { most.raw() - most.raw() % step } else { most.raw() };
        Quantity::from_raw(whole)
    }
}
