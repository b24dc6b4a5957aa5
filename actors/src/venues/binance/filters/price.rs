//! Filters of prices and values: PRICE_FILTER, NOTIONAL and MIN_NOTIONAL, PERCENT_PRICE and its variant by side, TRAILING_DELTA.

use messages::orders::Side;
use messages::risk::Refusal;
use messages::{Cash, Price};
use serde::{Deserialize, Serialize};

use super::super::terms::{Terms, refuse};
use crate::venue_rules::Seen;

/// PRICE_FILTER. A zero switches its part off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceSteps {
    pub min: Price,
    pub max: Price,
    pub tick: Price,
}

impl PriceSteps {
    pub fn check(&self, name: &str, price: Price) -> Result<(), Refusal> {
        let problem = if price < self.min {
            format!("below {}", self.min)
        } else if self.max.is_positive() && price > self.max {
            format!("above {}", self.max)
        } else if !price.is_multiple_of(self.tick) {
            format!("no multiple of {}", self.tick)
        } else {
            return Ok(());
        };
        refuse("binance.price_filter", format!("PRICE_FILTER: {name} {price} is {problem}"))
    }
}

/// NOTIONAL, or MIN_NOTIONAL, which has no maximum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notional {
    /// The venue's name of it.
    pub name: String,
    pub min: Cash,
    pub min_for_market: bool,
    pub max: Option<Cash>,
    pub max_for_market: bool,
}

impl Notional {
    pub fn check(&self, terms: &Terms, seen: &Seen) -> Result<(), Refusal> {
        let is_market = terms.kind == "MARKET";
        let price = if is_market { seen.average } else { terms.price };
        let value = match (terms.quote_quantity, price, terms.quantity) {
            (Some(value), _, _) => Some(value),
            (None, Some(price), Some(quantity)) => price.times(quantity),
            // A stop without a limit price trades at a price that nobody knows yet.
            (None, ..) => None,
        };
        let Some(value) = value else { return Ok(()) };
        let at = price.map_or_else(String::new, |price| format!(" at {price}"));
        let (min, max) = (!is_market || self.min_for_market, !is_market || self.max_for_market);
        if min && value < self.min {
            return refuse("binance.notional", format!("{}: value {value}{at} is below {}", self.name, self.min));
        }
        match self.max.filter(|most| max && value > *most) {
            Some(most) => refuse("binance.notional", format!("{}: value {value}{at} is above {most}", self.name)),
            None => Ok(()),
        }
    }
}

/// How far a limit price may be from the average price; since May 2026 from the reference price of a symbol that has one, which
/// `exchangeInfo` does not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PercentPrice {
    /// The venue's name of it.
    pub name: String,
    pub buy: Multipliers,
    pub sell: Multipliers,
}

/// Of the average price; a number without a unit, exact as a price is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Multipliers {
    pub up: Price,
    pub down: Price,
}

impl PercentPrice {
    pub fn check(&self, terms: &Terms, seen: &Seen) -> Result<(), Refusal> {
        let (Some(price), Some(average)) = (terms.price, seen.average) else { return Ok(()) };
        let side = if terms.side == "BUY" { self.buy } else { self.sell };
        let asked = i128::from(price.raw()) * i128::from(Price::ONE.raw());
        let times = |multiplier: Price| i128::from(average.raw()) * i128::from(multiplier.raw());
        let (problem, multiplier) = if asked > times(side.up) {
            ("above", side.up)
        } else if asked < times(side.down) {
            ("below", side.down)
        } else {
            return Ok(());
        };
        let text = format!("{}: price {price} is {problem} {multiplier} times the average price {average}", self.name);
        refuse("binance.percent_price", text)
    }
}

/// TRAILING_DELTA, in hundredths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailingDelta {
    pub above: (i64, i64),
    pub below: (i64, i64),
}

impl TrailingDelta {
    /// A stop that sells waits below the price, one that buys above it.
    pub fn check(&self, side: Side, delta: i64) -> Result<(), Refusal> {
        let (least, most) = if side == Side::Buy { self.above } else { self.below };
        if (least..=most).contains(&delta) {
            return Ok(());
        }
        refuse(
            "binance.trailing_delta",
            format!("TRAILING_DELTA: a distance of {delta} hundredths of a percent is outside of {least} to {most}"),
        )
    }
}
