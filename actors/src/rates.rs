//! What assets are worth in the account's currency: one rule for all who value the account. Losses are counted from what its
//! snapshots say over a restart, so that who takes them and who counts must not differ.
//!
//! An asset is valued by an instrument between it and the currency. One that no instrument here trades (dust, an airdrop, a fee
//! in a third asset) is worth nothing; where one is traded and has no mark, what it is worth is unknown.

use std::collections::{BTreeMap, BTreeSet};

use messages::instrument::{Asset, Rules};
use messages::{Cash, Instrument, Price, Quantity};

/// By which instruments assets are valued.
#[derive(Debug, Clone)]
pub struct Rates {
    currency: Asset,
    /// Those between an asset and the currency.
    between: BTreeMap<Asset, Vec<Instrument>>,
    /// What any instrument trades, and the currency.
    traded: BTreeSet<Asset>,
}

impl Rates {
    /// Of an account that trades these instruments and is valued in a currency.
    pub fn new<'a>(rules: impl Iterator<Item = &'a Rules>, currency: Asset) -> Self {
        let mut between = BTreeMap::<Asset, Vec<Instrument>>::new();
        let mut traded = BTreeSet::from([currency]);
        for r in rules {
            traded.extend([r.base, r.quote]);
            if r.quote == currency {
                between.entry(r.base).or_default().push(r.instrument);
            }
        }
        Self { currency, between, traded }
    }

    /// Whether any instrument here trades an asset.
    #[must_use]
    pub fn trades(&self, asset: Asset) -> bool {
        self.traded.contains(&asset)
    }

    /// An amount of an asset, by what instruments are marked at; `None` while it is unknown.
    pub fn worth(&self, asset: Asset, amount: Cash, mark: impl Fn(Instrument) -> Option<Price>) -> Option<Cash> {
        if asset == self.currency || amount.is_zero() {
            return Some(amount);
        }
        if !self.trades(asset) {
            return Some(Cash::ZERO);
        }
        let mark = self.between.get(&asset)?.iter().find_map(|between| mark(*between))?;
        mark.times(Quantity::from_raw(amount.raw())?)
    }

    /// All balances; `None` while one of them is unknown.
    pub fn value(&self, balances: &BTreeMap<Asset, Cash>, mark: impl Fn(Instrument) -> Option<Price>) -> Option<Cash> {
        let worth = |(asset, total): (&Asset, &Cash)| self.worth(*asset, *total, &mark);
        balances.iter().map(worth).try_fold(Cash::ZERO, |sum, worth| sum.checked_add(worth?))
    }
}

#[cfg(test)]
mod tests {
    use messages::Exchange;
    use messages::instrument::Sessions;

    use super::*;

    fn rules(base: &str, quote: &str) -> Rules {
        Rules {
            instrument: Instrument { exchange: Exchange::Simulated, symbol: format!("{base}{quote}").parse().unwrap() },
            base: base.parse().unwrap(),
            quote: quote.parse().unwrap(),
            price_step: Price::ZERO,
            quantity_step: Quantity::ZERO,
            min_quantity: Quantity::ZERO,
            max_quantity: Quantity::ZERO,
            min_notional: Cash::ZERO,
            sessions: Sessions::AroundTheClock,
        }
    }

    #[test]
    fn the_account_is_worth_what_it_trades_and_unknown_while_that_has_no_mark() {
        let traded = [rules("A", "USD"), rules("B", "A")];
        let rates = Rates::new(traded.iter(), "USD".parse().unwrap());
        let check = |held: &[(&str, &str)], mark: Option<&str>, expected: Option<&str>| {
            let held_of = |(asset, total): &(&str, &str)| (asset.parse().unwrap(), total.parse().unwrap());
            let balances: BTreeMap<Asset, Cash> = held.iter().map(held_of).collect();
            let mark = |instrument: Instrument| {
                mark.filter(|_| instrument == traded[0].instrument).map(|price| price.parse().unwrap())
            };
            let value = rates.value(&balances, mark);
            assert_eq!(value, expected.map(|value| value.parse().unwrap()), "{held:?}");
        };
        check(&[], None, Some("0"));
        check(&[("USD", "7")], None, Some("7"));
        check(&[("USD", "7"), ("A", "2")], Some("10"), Some("27"));
        check(&[("USD", "7"), ("A", "2")], None, None);
        check(&[("USD", "7"), ("A", "0")], None, Some("7"));
        check(&[("USD", "7"), ("A", "-2"), ("DUST", "3")], Some("10"), Some("-13"));
        check(&[("USD", "7"), ("DUST", "3")], None, Some("7"));
        // One that is traded for something else than the currency has no rate into it.
        check(&[("USD", "7"), ("B", "1")], Some("10"), None);
    }
}
