//! What things are worth now, in the account's currency: assets, stakes, everything.

use messages::orders::Side;

use super::*;
use crate::orders::risk::book::Stake;
use crate::orders::risk::exposure::Totals;

/// What values are made from.
pub(super) struct Marks<'a> {
    pub settings: &'a Settings,
    pub prices: &'a ByInstrument<Prices>,
    pub rates: &'a Rates,
}

impl Marks<'_> {
    fn mark(&self, instrument: Instrument) -> Option<messages::Price> {
        self.prices.get(instrument)?.mark()
    }

    /// An amount of an asset: nothing where no instrument here trades it, and `None` where one does and there is no rate.
    pub fn worth(&self, asset: Asset, amount: Cash) -> Option<Cash> {
        self.rates.worth(asset, amount, |instrument| self.mark(instrument))
    }

    /// All balances; `None` where one has no rate.
    pub fn equity(&self, balances: &BTreeMap<Asset, Cash>) -> Option<Cash> {
        self.rates.value(balances, |instrument| self.mark(instrument))
    }

    /// A signed quantity of an instrument.
    pub fn value(&self, instrument: Instrument, quantity: Quantity) -> Option<Cash> {
        if quantity.is_zero() {
            return Some(Cash::ZERO);
        }
        let quote = self.settings.rules.get(&instrument)?.quote;
        self.worth(quote, self.mark(instrument)?.times(quantity)?)
    }

    /// What stakes come to once an order is filled.
    pub fn totals(
        &self,
        stakes: impl Iterator<Item = (Instrument, Stake)>,
        instrument: Instrument,
        side: Side,
        quantity: Quantity,
    ) -> Totals {
        let mut own = Stake::default();
        let mut totals = Totals { gross: Some(Cash::ZERO), net: Some(Cash::ZERO), symbol: None };
        for (other, stake) in stakes {
            if other == instrument {
                own = stake;
            } else {
                self.add(&mut totals, other, stake, side);
            }
        }
        let after = own.with(side, quantity);
        self.add(&mut totals, instrument, after, side);
        let worst = self.sized(instrument, after).map(|after| after.worst());
        Totals { symbol: worst.and_then(|worst| self.value(instrument, worst)), ..totals }
    }

    fn add(&self, totals: &mut Totals, instrument: Instrument, stake: Stake, side: Side) {
        let plus = |sum: Option<Cash>, more: Option<Cash>| sum?.checked_add(more?);
        let value = |end: fn(&Stake) -> Quantity| self.value(instrument, end(&self.sized(instrument, stake)?));
        totals.gross = plus(totals.gross, value(Stake::worst));
        totals.net = plus(
            totals.net,
            match side {
                Side::Buy => value(Stake::longest),
                Side::Sell => value(|stake| -stake.shortest()),
            },
        );
    }

    /// A stake with what is open by value as quantities; `None` where that has no price.
    pub fn sized(&self, instrument: Instrument, stake: Stake) -> Option<Stake> {
        stake.at(&self.prices.get(instrument).copied().unwrap_or_default())
    }
}
