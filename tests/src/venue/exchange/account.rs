//! Money at an exchange: what an account owns, what its open orders hold of it, and what a fill does to it.
//!
//! Invariant: what is held is always computed from the orders that live, so no order can leave something behind.

use std::collections::{BTreeMap, BTreeSet};

use messages::orders::Side;
use messages::{Cash, Price, Quantity};

use super::order::{Amount, Order, State};
use super::rules::Refusal;
use super::{Exchange, Execution};

/// An account.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// What it owns of each asset; below zero for a short position.
    pub owned: BTreeMap<String, Cash>,
    /// What the position in an asset has cost.
    pub basis: BTreeMap<String, Cash>,
}

/// What an account has of an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// The asset.
    pub asset: String,
    /// Free.
    pub free: Cash,
    /// Held for open orders.
    pub held: Cash,
}

/// A quantity of an asset as an amount of it.
#[must_use]
pub fn amount(quantity: Quantity) -> Cash {
    Cash::from_raw(quantity.raw()).unwrap_or(Cash::MAX)
}

/// An amount of an asset as a quantity.
#[must_use]
pub fn quantity(amount: Cash) -> Quantity {
    Quantity::from_raw(amount.raw()).unwrap_or(Quantity::MAX)
}

impl Account {
    /// What it owns of an asset.
    #[must_use]
    pub fn owns(&self, asset: &str) -> Cash {
        self.owned.get(asset).copied().unwrap_or_default()
    }

    /// Adds to what it owns.
    ///
    /// # Panics
    /// Beyond what the column of an amount can hold.
    pub fn add(&mut self, asset: &str, change: Cash) {
        let owned = self.owned.entry(asset.to_owned()).or_default();
        *owned = owned.checked_add(change).expect("within DECIMAL(38,9)");
    }

    /// Applies a fill: assets, fee and cost basis.
    pub fn settle(&mut self, fill: &Execution, base: &str, quote: &str) {
        let before = self.owns(base);
        let (got, paid) = (amount(fill.quantity), fill.quote);
        let (got, paid) = if fill.side == Side::Buy { (got, paid) } else { (-got, -paid) };
        self.add(base, got);
        self.add(quote, -paid);
        if let Some((asset, fee)) = &fill.fee {
            self.add(asset, -*fee);
        }
        let basis = self.basis.entry(base.to_owned()).or_default();
        let grows = before.is_zero() || before.is_negative() == got.is_negative();
        *basis = if grows {
            basis.checked_add(paid).expect("within DECIMAL(38,9)")
        } else if got.abs() <= before.abs() {
            let kept = quantity(before.abs()).checked_sub(fill.quantity).unwrap_or_default();
            basis.share(kept, quantity(before.abs())).unwrap_or_default()
        } else {
            // The position changes its sign: what is beyond the old one was got at this price.
            let beyond = quantity(got.abs()).checked_sub(quantity(before.abs())).unwrap_or_default();
            paid.share(beyond, fill.quantity).unwrap_or_default()
        };
    }
}

impl Exchange {
    /// What an order would spend: the asset, and how much of it.
    #[must_use]
    pub fn spends(&self, order: &Order) -> (String, Cash) {
        let on = &self.instruments[&order.terms.symbol];
        if order.terms.side == Side::Sell {
            let rest = order.rest().unwrap_or_else(|| match order.terms.amount {
                Amount::Quote(quote) => bought(quote, on.bid, on.step),
                Amount::Base(all) => all,
            });
            return (on.base.clone(), amount(rest));
        }
        let price = order.terms.limit.or_else(|| order.trigger_price()).unwrap_or(on.ask);
        let needed = match order.terms.amount {
            Amount::Base(_) => price.times(order.rest().unwrap_or_default()).unwrap_or(Cash::MAX),
            Amount::Quote(quote) => quote.checked_sub(order.quote_filled).unwrap_or_default(),
        };
        (on.quote.clone(), needed)
    }

    /// What the living orders of an account hold of an asset; the two orders of a pair hold it once.
    #[must_use]
    pub fn held(&self, account: &str, asset: &str) -> Cash {
        let mut lists: BTreeMap<u64, Cash> = BTreeMap::new();
        let mut held = Cash::ZERO;
        let open = self.living.iter().filter_map(|id| self.orders.get(id));
        for order in open.filter(|o| o.account == account && o.state == State::Open) {
            let (spent, much) = self.spends(order);
            if spent != asset {
                continue;
            }
            match order.list {
                Some(list) => {
                    let most = lists.entry(list).or_default();
                    *most = (*most).max(much);
                }
                None => held = held.checked_add(much).unwrap_or(Cash::MAX),
            }
        }
        lists.values().fold(held, |sum, much| sum.checked_add(*much).unwrap_or(Cash::MAX))
    }

    /// What an account has of an asset.
    #[must_use]
    pub fn balance(&self, account: &str, asset: &str) -> Balance {
        let held = self.held(account, asset);
        let owned = self.accounts.get(account).map(|a| a.owns(asset)).unwrap_or_default();
        let free = owned.checked_sub(held).unwrap_or_default();
        Balance { asset: asset.to_owned(), free, held }
    }

    /// What an account has of every asset that it ever had.
    #[must_use]
    pub fn balances(&self, account: &str) -> Vec<Balance> {
        let assets: BTreeSet<String> =
            self.accounts.get(account).into_iter().flat_map(|a| a.owned.keys().cloned()).collect();
        assets.iter().map(|asset| self.balance(account, asset)).collect()
    }

    /// The money at work: cash, and the value of long and of short positions (below zero) at the market.
    #[must_use]
    pub fn equity(&self, account: &str) -> (Cash, Cash, Cash) {
        let (mut cash, mut long, mut short) = (Cash::ZERO, Cash::ZERO, Cash::ZERO);
        let Some(account) = self.accounts.get(account) else { return (cash, long, short) };
        for (asset, owned) in &account.owned {
            let Some(on) = self.instruments.values().find(|i| i.base == *asset) else {
                cash = cash.checked_add(*owned).unwrap_or(cash);
                continue;
            };
            let value = on.last().times(quantity(*owned)).unwrap_or_default();
            let sum = if value.is_negative() { &mut short } else { &mut long };
            *sum = sum.checked_add(value).unwrap_or(*sum);
        }
        (cash, long, short)
    }

    /// What an account with leverage may still spend on new positions.
    #[must_use]
    pub fn buying_power(&self, account: &str) -> Cash {
        let (cash, long, short) = self.equity(account);
        let times = i128::from(self.rules.leverage.unwrap_or(1));
        let equity = cash.raw() + long.raw() + short.raw();
        let quotes: BTreeSet<&String> = self.instruments.values().map(|i| &i.quote).collect();
        let held: i128 = quotes.into_iter().map(|asset| self.held(account, asset).raw()).sum();
        Cash::from_raw((equity * times - long.raw() + short.raw() - held).max(0)).unwrap_or(Cash::MAX)
    }

    /// Looks whether an account can pay for an order.
    pub(super) fn affords(&self, order: &Order) -> Result<(), Refusal> {
        let (asset, needed) = self.spends(order);
        let free = match (self.rules.leverage, order.terms.side) {
            (None, _) => self.balance(&order.account, &asset).free,
            (Some(_), Side::Buy) => self.buying_power(&order.account),
            (Some(_), Side::Sell) => {
                let owned = self.accounts.get(&order.account).map(|a| a.owns(&asset)).unwrap_or_default();
                let free = self.balance(&order.account, &asset).free;
                // Beyond a long position nothing may be sold by the same order; without one it opens a short one.
                if owned.is_positive() { free } else { self.can_short(order, needed) }
            }
        };
        if needed <= free { Ok(()) } else { Err(Refusal::Insufficient { asset, needed, free }) }
    }

    /// As much as `needed` if the account's equity carries a short position of it.
    fn can_short(&self, order: &Order, needed: Cash) -> Cash {
        let on = &self.instruments[&order.terms.symbol];
        let value = on.last().times(quantity(needed)).unwrap_or(Cash::MAX);
        if value <= self.buying_power(&order.account) { needed } else { Cash::ZERO }
    }
}

/// What a quote amount buys at a price, in whole steps.
#[must_use]
pub fn bought(quote: Cash, price: Price, step: Quantity) -> Quantity {
    if !price.is_positive() {
        return Quantity::ZERO;
    }
    let raw = quote.raw().saturating_mul(100_000_000) / i128::from(price.raw());
    Quantity::from_raw(raw).unwrap_or_default().floor_to(step)
}
