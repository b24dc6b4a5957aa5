//! What is traded and where: exchanges, symbols, assets and the rules of an instrument.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::number::{Cash, Price, Quantity};

pub use crate::ids::{AssetName as Asset, SymbolName as Symbol};

/// A market. `simulated` is ours and marked so in every row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Exchange {
    /// Binance Spot.
    Binance,
    /// Alpaca: US stocks and crypto.
    Alpaca,
    /// The seeded market inside Merganser.
    Simulated,
}

impl Exchange {
    /// The name in rows, files and settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::Alpaca => "alpaca",
            Self::Simulated => "simulated",
        }
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A name that is no exchange of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an exchange; expected binance, alpaca or simulated")]
pub struct UnknownExchange(pub String);

impl FromStr for Exchange {
    type Err = UnknownExchange;
    fn from_str(text: &str) -> Result<Self, UnknownExchange> {
        [Self::Binance, Self::Alpaca, Self::Simulated]
            .into_iter()
            .find(|e| e.as_str() == text)
            .ok_or_else(|| UnknownExchange(text.to_owned()))
    }
}

/// One instrument: a symbol on its exchange. Copies without allocation and sorts by exchange and name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Instrument {
    /// The market.
    pub exchange: Exchange,
    /// The symbol as that market writes it.
    pub symbol: Symbol,
}

impl fmt::Display for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.exchange, self.symbol)
    }
}

impl fmt::Debug for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// When an instrument trades, which decides the end of DAY orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sessions {
    /// Around the clock; the day ends at 00:00 UTC.
    AroundTheClock,
    /// US equities; the day ends with the regular session.
    UsEquities,
}

/// The rules of an instrument. A zero step or limit switches that rule off, as at Binance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// The instrument.
    pub instrument: Instrument,
    /// What is bought and sold.
    pub base: Asset,
    /// What it is paid in.
    pub quote: Asset,
    /// Prices are multiples of this.
    pub price_step: Price,
    /// Quantities are multiples of this.
    pub quantity_step: Quantity,
    /// The smallest order.
    pub min_quantity: Quantity,
    /// The largest order.
    pub max_quantity: Quantity,
    /// The smallest price × quantity.
    pub min_notional: Cash,
    /// When it trades.
    pub sessions: Sessions,
}
