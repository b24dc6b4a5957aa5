//! What the account has at the venue, where the venue refuses what it cannot pay or does not hold.

use super::*;
use crate::accounting;

/// Balances by asset; `None` where the venue does not ask.
#[derive(Debug, Default)]
pub struct Balances(Option<BTreeMap<Asset, Cash>>);

impl Balances {
    /// Of a new account.
    pub fn new(settings: &Settings) -> Self {
        let asks = settings.paper.rejects.balance;
        Self(asks.then(|| settings.deposit.into_iter().collect()))
    }

    /// What the ledger says is there, at start.
    pub fn restore(&mut self, balances: impl Iterator<Item = (Asset, Cash)>) {
        if let Some(held) = &mut self.0 {
            *held = balances.collect();
        }
    }

    pub fn fill(&mut self, rules: &Rules, side: Side, fill: &Fill) {
        let Some(held) = &mut self.0 else { return };
        for (asset, change) in accounting::balance_changes(rules, side, fill).unwrap_or_default() {
            let balance = held.entry(asset).or_default();
            *balance = balance.checked_add(change).unwrap_or(*balance);
        }
    }
}

/// What an order may cost, and in what; `None` where nothing says its price.
fn cost(rules: &Rules, market: Option<&Market>, request: &OrderRequest, rest: Quantity) -> Option<(Asset, Cash)> {
    if request.side == Side::Sell {
        return Some((rules.base, Cash::from_raw(rest.raw())?));
    }
    let price = request.price.or(request.stop_price).or_else(|| market?.shown(Side::Buy).next().map(|l| l.price))?;
    Some((rules.quote, price.times(rest)?))
}

impl Paper {
    /// True when the account cannot pay the order, or does not hold what it sells, beside its other orders. Of two orders of
    /// which one cancels the other only the first counts, and one that waits for its parent does not.
    pub(super) fn is_short_of(&self, request: &OrderRequest) -> bool {
        let Some(held) = &self.balances.0 else { return false };
        let cost_of = |request: &OrderRequest, rest| {
            let rules = self.settings.rules.get(&request.instrument)?;
            cost(rules, self.markets.get(request.instrument), request, rest)
        };
        let Some((asset, wanted)) = cost_of(request, request.quantity) else { return false };
        let mut free = held.get(&asset).copied().unwrap_or_default();
        let counts = |w: &&Working| !w.held && w.request.contingency != Some(Contingency::Oco);
        for working in self.orders.iter().filter(counts) {
            if let Some((_, taken)) = cost_of(&working.request, working.remaining()).filter(|(a, _)| *a == asset) {
                free = free.checked_sub(taken).unwrap_or(free);
            }
        }
        wanted > free
    }
}
