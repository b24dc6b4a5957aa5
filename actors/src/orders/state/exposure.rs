//! What risk needs to know of balances, and what fills and payments do to them.

use super::*;

/// What an account may still spend; `None` while it is unknown.
pub(super) struct Free {
    pub quote: Option<Cash>,
    pub base: Option<Quantity>,
}

impl Orders {
    /// What the account may still spend on an instrument: balances less what open orders may take.
    pub(super) fn free(&self, instrument: Instrument) -> Free {
        let Some(rules) = self.settings.rules.get(&instrument) else { return Free { quote: None, base: None } };
        let mut quote = self.balances.get(&rules.quote).copied();
        let mut base = self.balances.get(&rules.base).copied().or(Some(Cash::ZERO));
        for (other, stake, reserved) in self.book.stakes() {
            let Some(theirs) = self.settings.rules.get(&other) else { continue };
            if theirs.base == rules.base {
                let sells = self.marks().sized(other, stake).map(|stake| stake.sells);
                base = base.and_then(|b| b.checked_sub(Cash::from_raw(sells?.raw())?));
            }
            if theirs.quote == rules.quote {
                let unpriced = || {
                    if reserved.unpriced.is_zero() {
                        return Some(Cash::ZERO);
                    }
                    self.prices.get(other)?.reference(Side::Buy)?.times(reserved.unpriced)
                };
                quote = quote.and_then(|q| q.checked_sub(reserved.priced)?.checked_sub(unpriced()?));
            }
        }
        Free { quote, base: base.and_then(|b| Quantity::from_raw(b.raw())) }
    }

    /// Takes a fill into positions and balances.
    pub(super) fn apply_exposure(&mut self, order: &Order, fill: &Fill) {
        let (side, instrument) = (order.request.side, order.request.instrument);
        self.book.fill(order.strategy, instrument, side.signed(fill.quantity));
        let Some(rules) = self.settings.rules.get(&instrument) else { return };
        let changes = accounting::balance_changes(rules, side, fill).unwrap_or_default();
        self.watch.results.fill(order.strategy, rules, fill, &changes);
        for (asset, change) in changes {
            let total = self.balances.entry(asset).or_default();
            *total = total.checked_add(change).unwrap_or(*total);
        }
    }

    /// Money was paid in (or taken out, when `amount` is negative).
    pub fn on_deposit(&mut self, asset: Asset, amount: Cash) {
        let total = self.balances.entry(asset).or_default();
        *total = total.checked_add(amount).unwrap_or(*total);
        let worth = self.marks().worth(asset, amount);
        self.paid(worth);
    }
}
