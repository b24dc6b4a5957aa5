//! What an exchange allows: an instrument's filters, the house rules by which venues differ, and refusals by name.

use messages::orders::Side;
use messages::{Cash, Price, Quantity};

use super::order::{Amount, Terms};

/// An instrument, its filters, and its market as the test has set it.
#[derive(Debug, Clone)]
pub struct Instrument {
    /// As the venue writes it.
    pub symbol: String,
    /// What is bought.
    pub base: String,
    /// What it is paid in.
    pub quote: String,
    /// Prices are multiples of it.
    pub tick: Price,
    /// Quantities are multiples of it.
    pub step: Quantity,
    /// Smallest quantity.
    pub min_quantity: Quantity,
    /// Largest quantity.
    pub max_quantity: Quantity,
    /// Smallest price × quantity.
    pub min_notional: Cash,
    /// Largest price × quantity of a market order.
    pub max_notional: Cash,
    /// A limit may be so many percent of the market: from, to; `None` for any.
    pub percent: Option<(i64, i64)>,
    /// Open orders of an account.
    pub max_orders: usize,
    /// Open orders of an account with a trigger.
    pub max_conditional: usize,
    /// Best bid.
    pub bid: Price,
    /// Best ask.
    pub ask: Price,
    /// What a taker finds at the best price, until the next price; `None` for any amount.
    pub available: Option<Quantity>,
    /// Nothing trades, and no order is taken.
    pub halted: bool,
}

impl Instrument {
    /// The price that triggers look at: the middle of the market.
    #[must_use]
    pub fn last(&self) -> Price {
        let middle = self.bid.raw() / 2 + self.ask.raw() / 2 + (self.bid.raw() % 2 + self.ask.raw() % 2) / 2;
        Price::from_raw(middle).unwrap_or(self.bid)
    }

    /// The price that a taker gets.
    #[must_use]
    pub const fn taken_at(&self, side: Side) -> Price {
        match side {
            Side::Buy => self.ask,
            Side::Sell => self.bid,
        }
    }

    /// True when an order with this limit would take.
    #[must_use]
    pub fn crosses(&self, side: Side, limit: Option<Price>) -> bool {
        match (side, limit) {
            (_, None) => true,
            (Side::Buy, Some(limit)) => limit >= self.ask,
            (Side::Sell, Some(limit)) => limit <= self.bid,
        }
    }
}

/// Among which orders a client's id must be unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientIds {
    /// Those that live: a used id may come again.
    AmongLiving,
    /// All that there ever were.
    Forever,
}

/// Who pays fees in what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fees {
    /// Of what is received, so many millionths.
    OfReceived(i64),
    /// None.
    None,
}

/// What differs between houses.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Among which orders a client's id must be unique.
    pub client_ids: ClientIds,
    /// Fees.
    pub fees: Fees,
    /// Equity may be used so many times, and positions may be short; `None`: what is spent must be owned.
    pub leverage: Option<i64>,
    /// What is left of a market order expires; else it waits.
    pub market_rest_expires: bool,
    /// Orders are taken while nothing trades, and wait; else they are refused.
    pub takes_while_halted: bool,
    /// An order whose trigger is met already is refused; else it works at once.
    pub met_trigger_refused: bool,
    /// The first fill of one order of a pair ends the other; else the other shrinks until the fill is whole.
    pub first_fill_ends_partner: bool,
    /// A pair's partner expires; else it is canceled.
    pub partner_expires: bool,
}

/// Why a request is refused, without a venue's code for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No such instrument.
    UnknownSymbol,
    /// No such order, or it has ended.
    UnknownOrder,
    /// Nothing trades now.
    Halted,
    /// What it would spend is not there.
    Insufficient {
        /// The asset.
        asset: String,
        /// What it needs.
        needed: Cash,
        /// What there is.
        free: Cash,
    },
    /// The client's id is taken.
    DuplicateId,
    /// A post-only order would take.
    WouldTake,
    /// The trigger is met already.
    WouldTrigger,
    /// The prices of a list do not lie around the market.
    ListPrices,
    /// A filter by its name: PRICE_FILTER, LOT_SIZE, …
    Filter(&'static str),
    /// New terms that are none, or do not fit what is filled.
    Change(&'static str),
}

/// Holds terms against an instrument's filters, in the venue's order.
///
/// # Errors
/// The filter that they fail, or what is wrong with the moment.
pub fn filters(terms: &Terms, on: &Instrument) -> Result<(), Refusal> {
    let fails = |name| Err(Refusal::Filter(name));
    for price in [terms.limit, terms.trigger_price()].into_iter().flatten() {
        if !price.is_positive() || !price.is_multiple_of(on.tick) {
            return fails("PRICE_FILTER");
        }
    }
    if let (Some(limit), Some((low, high))) = (terms.limit, on.percent) {
        let (limit, last) = (i128::from(limit.raw()) * 100, i128::from(on.last().raw()));
        if limit < last * i128::from(low) || limit > last * i128::from(high) {
            return fails("PERCENT_PRICE_BY_SIDE");
        }
    }
    let price = terms.limit.or_else(|| terms.trigger_price()).unwrap_or_else(|| on.taken_at(terms.side));
    let notional = match terms.amount {
        Amount::Base(quantity) => {
            if quantity < on.min_quantity || quantity > on.max_quantity || !quantity.is_multiple_of(on.step) {
                return fails("LOT_SIZE");
            }
            price.times(quantity).unwrap_or(Cash::MAX)
        }
        Amount::Quote(quote) => quote,
    };
    if notional < on.min_notional || (terms.limit.is_none() && notional > on.max_notional) {
        return fails("NOTIONAL");
    }
    Ok(())
}
