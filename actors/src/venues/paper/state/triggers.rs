//! When conditional orders trigger.
//!
//! A stop waits for the price to go against it, a take-profit for the price to go its way. A trailing stop remembers the best
//! price since it began to trail: at once, or from its `stop_price` on where it has one (the activation price of Binance's
//! trailing orders). The best price is not in the ledger: after a restart it begins to trail anew.

use super::*;
use crate::settings::TriggerBy;

impl Market {
    /// The price that an order on `side` triggers by.
    fn trigger_price(&self, side: Side, by: TriggerBy) -> Option<Price> {
        match by {
            TriggerBy::Last => self.last.map(|level| level.price),
            TriggerBy::Quote => self.newest_best(side),
        }
    }
}

/// True when the price has come up to `stop` for a buy, down to it for a sell.
fn stopped(side: Side, stop: Price, price: Price) -> bool {
    price == stop || is_better(side, stop, price)
}

impl Working {
    /// True when the order triggers in this market. A trailing stop follows it.
    pub(super) fn triggers(&mut self, market: &Market, by: TriggerBy) -> bool {
        let side = self.request.side;
        let Some(price) = market.trigger_price(side, by) else { return false };
        match (self.request.order_type, self.request.stop_price) {
            (OrderType::TrailingStop, activation) => self.trails(price, activation),
            (OrderType::TakeProfit, Some(stop)) => stopped(side.opposite(), stop, price),
            (_, Some(stop)) => stopped(side, stop, price),
            (_, None) => false,
        }
    }

    fn trails(&mut self, price: Price, activation: Option<Price>) -> bool {
        let side = self.request.side;
        let begins = || activation.is_none_or(|at| stopped(side.opposite(), at, price));
        let best = match self.best {
            None if begins() => price,
            None => return false,
            Some(best) if is_better(side, price, best) => price,
            Some(best) => best,
        };
        self.best = Some(best);
        let trail = self.request.trail_amount.unwrap_or_default();
        let stop = match side {
            Side::Buy => best.checked_add(trail),
            Side::Sell => best.checked_sub(trail),
        };
        stop.is_some_and(|stop| stopped(side, stop, price))
    }
}
