//! What Alpaca's market data and its trading have in common: the keys, the assets with their rules, the calendar, and how
//! it writes numbers.

pub mod asset;
pub mod calendar;
mod keys;
pub(crate) mod number;

use messages::Symbol;
use messages::instrument::{Exchange, Instrument};

pub use keys::Keys;

/// An instrument at Alpaca.
pub(crate) fn instrument(symbol: Symbol) -> Instrument {
    Instrument { exchange: Exchange::Alpaca, symbol }
}
