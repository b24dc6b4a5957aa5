//! The venue's own rules of a symbol, held against an order before it is sent. Source: `filters.md`, `enums.md`.
//!
//! What the venue would refuse is refused here under the name of its filter, with what was asked and what is allowed. What is not
//! known (an average price that nobody asked for) is not judged: then the venue judges.

mod price;
mod quantity;
mod read;

pub use read::{Unreadable, read};

use std::time::Duration;

use messages::instrument::Rules;
use messages::orders::{OrderRequest, OrderType, Side};
use messages::risk::Refusal;
use messages::{Instrument, Quantity};
use serde::{Deserialize, Serialize};

use super::terms::{Terms, refuse};
use crate::venue_rules::{Seen, VenueRules, When};
use price::{Notional, PercentPrice, PriceSteps, TrailingDelta};
use quantity::Lot;

/// How many of something the account may have on the symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Open orders (`MAX_NUM_ORDERS`).
    pub orders: Option<u32>,
    /// Open orders with a trigger price (`MAX_NUM_ALGO_ORDERS`).
    pub algo_orders: Option<u32>,
    /// Open orders on all symbols (`EXCHANGE_MAX_NUM_ORDERS`).
    pub everywhere: Option<u32>,
}

/// The rules of one symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filters {
    /// The symbol.
    pub instrument: Instrument,
    /// `TRADING`, `CANCEL_ONLY`, `HALT`, `BREAK` …, as the venue says it.
    pub status: String,
    /// Whether it trades on Spot at all.
    pub is_spot: bool,
    /// Order types that it takes, by the venue's names.
    pub order_types: Vec<String>,
    /// Whether market orders may say their quantity in quote asset.
    pub takes_quote_quantity: bool,
    /// Whether stops may trail.
    pub takes_trailing_stops: bool,
    /// How many of what.
    pub counts: Counts,
    /// Kinds of filters that we do not know: an order may meet them at the venue.
    pub unknown: Vec<String>,
    price: Option<PriceSteps>,
    lot: Option<Lot>,
    market_lot: Option<Lot>,
    notional: Vec<Notional>,
    percent: Vec<PercentPrice>,
    trailing: Option<TrailingDelta>,
    max_position: Option<Quantity>,
    /// Over how many minutes prices are averaged; 0 for the last trade. `None` where no filter says it, or two say it differently.
    average_minutes: Option<u32>,
}

impl VenueRules for Filters {
    fn check(&self, request: &OrderRequest, seen: &Seen, _: When<'_>) -> Result<(), Refusal> {
        self.check(request, seen)
    }

    fn averages_over(&self) -> Option<Duration> {
        self.average_minutes.map(|minutes| Duration::from_secs(60) * minutes)
    }

    /// A filter that is not there is a zero, which switches the rule off.
    fn amend(&self, rules: &Rules) -> Rules {
        let (price, lot) = (self.price.as_ref(), self.lot.as_ref());
        Rules {
            price_step: price.map(|filter| filter.tick).unwrap_or_default(),
            quantity_step: lot.map(|filter| filter.step).unwrap_or_default(),
            min_quantity: lot.map(|filter| filter.min).unwrap_or_default(),
            max_quantity: lot.map(|filter| filter.max).unwrap_or_default(),
            min_notional: self.notional.first().map(|filter| filter.min).unwrap_or_default(),
            ..rules.clone()
        }
    }

    fn as_value(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("plain data is written into memory")
    }
}

impl Filters {
    /// Whether the venue would take the order.
    ///
    /// # Errors
    /// It would not; the refusal names the filter, what was asked and what is allowed.
    pub fn check(&self, request: &OrderRequest, seen: &Seen) -> Result<(), Refusal> {
        let terms = Terms::of(request)?;
        self.check_symbol(&terms)?;
        for (name, price) in [("price", terms.price), ("trigger price", terms.stop_price)] {
            if let (Some(filter), Some(price)) = (&self.price, price) {
                filter.check(name, price)?;
            }
        }
        if let Some(quantity) = terms.quantity {
            // A market order must pass both: the venue refuses what is off LOT_SIZE by that name.
            let market = self.market_lot.as_ref().filter(|_| request.order_type == OrderType::Market);
            for (name, code, lot) in [
                ("LOT_SIZE", "binance.lot_size", self.lot.as_ref()),
                ("MARKET_LOT_SIZE", "binance.market_lot_size", market),
            ] {
                lot.map_or(Ok(()), |lot| lot.check(name, code, quantity))?;
            }
        }
        self.notional.iter().try_for_each(|filter| filter.check(&terms, seen))?;
        // Where the venue has a reference price of the symbol it judges by that, and we know the average alone: we may be wrong, and what
        // only reduces is left to the venue.
        if !request.reduce_only {
            self.percent.iter().try_for_each(|filter| filter.check(&terms, seen))?;
        }
        if let (Some(filter), Some(delta)) = (&self.trailing, terms.trailing_delta) {
            filter.check(request.side, delta)?;
        }
        self.check_position(request, seen)?;
        self.check_counts(request, seen)
    }

    fn check_symbol(&self, terms: &Terms) -> Result<(), Refusal> {
        let symbol = self.instrument.symbol;
        if self.status != "TRADING" || !self.is_spot {
            let status = if self.is_spot { &self.status } else { "no spot market" };
            return refuse("binance.status", format!("{symbol} is {status}; new orders are taken while it is TRADING"));
        }
        if !self.order_types.iter().any(|kind| kind == terms.kind) {
            let known = self.order_types.join(", ");
            return refuse("binance.order_type", format!("{symbol} takes no {} orders; it takes {known}", terms.kind));
        }
        if terms.quote_quantity.is_some() && !self.takes_quote_quantity {
            return refuse("binance.quote_quantity", format!("{symbol} takes no market orders by quote quantity"));
        }
        if terms.trailing_delta.is_some() && !self.takes_trailing_stops {
            return refuse("binance.order_type", format!("{symbol} takes no trailing stops"));
        }
        Ok(())
    }

    fn check_position(&self, request: &OrderRequest, seen: &Seen) -> Result<(), Refusal> {
        let (Some(most), Some(position), Side::Buy) = (self.max_position, seen.position, request.side) else {
            return Ok(());
        };
        let holds = position.checked_add(seen.open_buys).unwrap_or(Quantity::MAX);
        match holds.checked_add(request.quantity) {
            Some(after) if after <= most => Ok(()),
            _ => refuse(
                "binance.max_position",
                format!("MAX_POSITION: {holds} and this order's {} are above {most}", request.quantity),
            ),
        }
    }

    fn check_counts(&self, request: &OrderRequest, seen: &Seen) -> Result<(), Refusal> {
        let algo = if request.order_type.is_conditional() { self.counts.algo_orders } else { None };
        for (name, code, open, most) in [
            ("MAX_NUM_ORDERS", "binance.max_num_orders", seen.open_orders, self.counts.orders),
            ("MAX_NUM_ALGO_ORDERS", "binance.max_num_algo_orders", seen.open_algo_orders, algo),
            (
                "EXCHANGE_MAX_NUM_ORDERS",
                "binance.exchange_max_num_orders",
                seen.open_everywhere,
                self.counts.everywhere,
            ),
        ] {
            // A market order never stands open.
            if request.order_type != OrderType::Market && most.is_some_and(|most| open >= most) {
                return refuse(code, format!("{name}: {open} are open, and {} may be", most.unwrap_or_default()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
