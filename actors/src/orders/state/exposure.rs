//! What risk needs to know of positions, balances and open orders.

use super::*;

/// A strategy's stake in one instrument.
pub(super) struct Exposure {
    pub position: Quantity,
    pub open_buys: Quantity,
    pub open_sells: Quantity,
    pub open_orders: usize,
}

/// What an account may still spend; `None` while it is unknown.
pub(super) struct Free {
    pub quote: Option<Cash>,
    pub base: Option<Quantity>,
}

impl Orders {
    /// A strategy's stake, leaving out the order that is being replaced.
    pub(super) fn exposure(&self, strategy: StrategyId, instrument: Instrument, but: Option<OrderId>) -> Exposure {
        let position = self.positions.get(&(strategy, instrument)).copied().unwrap_or_default();
        let mut found = Exposure { position, open_buys: Quantity::ZERO, open_sells: Quantity::ZERO, open_orders: 0 };
        for order in self.open_orders().filter(|o| o.strategy == strategy && Some(o.order_id) != but) {
            found.open_orders += 1;
            if order.request.instrument != instrument {
                continue;
            }
            let side = match order.request.side {
                Side::Buy => &mut found.open_buys,
                Side::Sell => &mut found.open_sells,
            };
            *side = side.checked_add(stake(order)).unwrap_or(Quantity::MAX);
        }
        found
    }

    /// What the account may still spend on an instrument: balances less what open orders may take.
    pub(super) fn free(&self, instrument: Instrument, but: Option<OrderId>) -> Free {
        let Some(rules) = self.settings.rules.get(&instrument) else { return Free { quote: None, base: None } };
        let mut quote = self.balances.get(&rules.quote).copied();
        let mut base = self.balances.get(&rules.base).copied().or(Some(Cash::ZERO));
        for order in self.open_orders().filter(|o| Some(o.order_id) != but) {
            let Some(theirs) = self.settings.rules.get(&order.request.instrument) else { continue };
            if order.request.side == Side::Sell && theirs.base == rules.base {
                base = base.and_then(|b| b.checked_sub(Cash::from_raw(stake(order).raw())?));
            }
            if order.request.side == Side::Buy && theirs.quote == rules.quote {
                quote = quote.and_then(|q| q.checked_sub(self.cost(order)?));
            }
        }
        Free { quote, base: base.and_then(|b| Quantity::from_raw(b.raw())) }
    }

    /// The most that an open buy may still cost; `None` while that is unknown.
    fn cost(&self, order: &Order) -> Option<Cash> {
        let asked = order.replacing.and_then(|terms| terms.price).max(order.request.price);
        let reference = || self.prices.get(order.request.instrument)?.reference(Side::Buy);
        asked.or_else(reference)?.times(stake(order))
    }

    /// Takes a fill into positions and balances.
    pub(super) fn apply_exposure(&mut self, order: &Order, fill: &Fill) {
        let side = order.request.side;
        let position = self.positions.entry((order.strategy, order.request.instrument)).or_default();
        *position = position.checked_add(side.signed(fill.quantity)).unwrap_or(*position);
        let Some(rules) = self.settings.rules.get(&order.request.instrument) else { return };
        for (asset, change) in accounting::balance_changes(rules, side, fill).unwrap_or_default() {
            let total = self.balances.entry(asset).or_default();
            *total = total.checked_add(change).unwrap_or(*total);
        }
    }

    /// Money was paid in (or taken out, when `amount` is negative).
    pub fn on_deposit(&mut self, asset: Asset, amount: Cash) {
        let total = self.balances.entry(asset).or_default();
        *total = total.checked_add(amount).unwrap_or(*total);
    }
}

/// The most that an open order may still trade: by its terms, or by those on their way, which may be in
/// force already.
fn stake(order: &Order) -> Quantity {
    let replaced = order.replacing.and_then(|terms| terms.quantity?.checked_sub(order.filled));
    replaced.map_or(order.remaining(), |rest| rest.max(order.remaining()))
}
