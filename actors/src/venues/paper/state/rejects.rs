//! What the venue refuses when an order arrives. Each rule has its code.

use super::*;
use crate::settings::Reached;

/// A code and its words.
pub type Refused = (&'static str, String);

fn refuse(code: &'static str, text: impl Into<String>) -> Result<(), Refused> {
    Err((code, text.into()))
}

impl Paper {
    /// The verdict on an order that has just arrived.
    pub(super) fn admit(&mut self, id: ClientOrderId, working: &mut Working, now: UtcNanos) -> Result<(), Refused> {
        let request = &working.request;
        if self.orders.get(id).is_some() {
            return refuse("paper.duplicate", "this client order id is in use");
        }
        if self.is_halted(request.instrument, now) {
            return refuse("paper.halted", format!("{} does not trade at the moment", request.instrument));
        }
        let rejects = self.settings.paper.rejects;
        if rejects.rate_ppm > 0 && self.chance.rejects.per_million(rejects.rate_ppm) {
            return refuse("paper.random", "refused at random, as paper.rejects.rate_ppm asks for");
        }
        if rejects.filters {
            self.filters(request)?;
        }
        self.percent_price(request)?;
        if working.held {
            return Ok(());
        }
        let Some(market) = self.markets.get(request.instrument) else { return self.affords(request) };
        if request.post_only && market.crosses(request) {
            return refuse("paper.would_match", "a post-only order would have matched");
        }
        let triggers = self.settings.paper.triggers;
        let waits = request.order_type.is_conditional();
        if waits && triggers.reached == Reached::Reject && working.triggers(market, triggers.by) {
            return refuse("paper.would_trigger", "its trigger price is reached already");
        }
        self.affords(&working.request)
    }

    /// The instrument's steps, sizes and least value.
    fn filters(&self, r: &OrderRequest) -> Result<(), Refused> {
        let Some(rules) = self.settings.rules.get(&r.instrument) else {
            return refuse("paper.symbol", format!("{} is not traded here", r.instrument));
        };
        if let Some(off) = [r.price, r.stop_price].into_iter().flatten().find(|p| !p.is_multiple_of(rules.price_step)) {
            return refuse("paper.filter_price", format!("price {off} is no multiple of {}", rules.price_step));
        }
        let too_large = rules.max_quantity.is_positive() && r.quantity > rules.max_quantity;
        if !r.quantity.is_multiple_of(rules.quantity_step) || r.quantity < rules.min_quantity || too_large {
            return refuse(
                "paper.filter_lot",
                format!(
                    "quantity {} is no multiple of {} from {} to {}",
                    r.quantity, rules.quantity_step, rules.min_quantity, rules.max_quantity
                ),
            );
        }
        let price = r.price.or(r.stop_price).or_else(|| self.reference(r.instrument));
        let value = price.and_then(|price| price.times(r.quantity));
        match value.filter(|value| *value < rules.min_notional) {
            Some(value) => refuse("paper.filter_notional", format!("{value} is less than {}", rules.min_notional)),
            None => Ok(()),
        }
    }

    /// A limit price must lie near the last trade, as Binance's PERCENT_PRICE filter asks.
    fn percent_price(&self, r: &OrderRequest) -> Result<(), Refused> {
        let percent = i128::from(self.settings.paper.rejects.price_percent);
        let (Some(price), Some(last)) = (r.price, self.reference(r.instrument)) else { return Ok(()) };
        let (price, last) = (i128::from(price.raw()), i128::from(last.raw()));
        if percent == 0 || (price - last).abs() * 100 <= last * percent {
            return Ok(());
        }
        refuse("paper.percent_price", format!("the price lies more than {percent} % from the last trade"))
    }

    fn reference(&self, instrument: Instrument) -> Option<Price> {
        self.markets.get(instrument).and_then(|market| market.last).map(|last| last.price)
    }

    fn affords(&self, request: &OrderRequest) -> Result<(), Refused> {
        if self.is_short_of(request) {
            return refuse("paper.insufficient_balance", "the account does not hold what the order may cost");
        }
        Ok(())
    }
}
