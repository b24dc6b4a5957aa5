//! Risk: the trading state, the verdicts of the rules, and what may be changed of them while orders are made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{Reason, StrategyId};
use crate::instrument::Instrument;
use crate::number::Cash;
use crate::orders::named;
use crate::time::UtcNanos;

/// What may be traded at all. Survives a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TradingState {
    /// Everything.
    Active,
    /// Only what makes positions smaller.
    Reducing,
    /// Nothing; cancels go through.
    Halted,
}

impl fmt::Display for TradingState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Active => "ACTIVE",
            Self::Reducing => "REDUCING",
            Self::Halted => "HALTED",
        })
    }
}

/// A change of the trading state, with who asked and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// The new state.
    pub state: TradingState,
    /// Who: `manual`, or the part of the runtime.
    pub by: String,
    /// Why.
    pub why: String,
}

/// A refusal by a rule: a value, not an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The stable code.
    pub reason: Reason,
    /// What was asked, what was allowed.
    pub text: String,
}

named! {
    /// A limit, by its key in the settings.
    LimitName {
        /// Quantity of one order.
        MaxOrderQuantity = "max_order_quantity",
        /// Value of one order.
        MaxOrderNotional = "max_order_notional",
        /// How far a limit price may lie beyond the other side's best price.
        PriceCollarPercent = "price_collar_percent",
        /// How far a price may lie from the market on either side.
        MaxPriceDistancePercent = "max_price_distance_percent",
        /// How many times the usual size an order may have.
        MaxSizeRatio = "max_size_ratio",
        /// How long the same terms are a duplicate.
        DuplicateWindow = "duplicate_window",
        /// How old a price may be.
        StaleQuoteAfter = "stale_quote_after",
        /// Quantity of a strategy's position in one instrument.
        MaxPositionQuantity = "max_position_quantity",
        /// Value of a strategy's position in one instrument.
        MaxPositionNotional = "max_position_notional",
        /// Quantity of the account's position in one instrument.
        MaxAccountPositionQuantity = "max_account_position_quantity",
        /// Value of the account's position in one instrument.
        MaxAccountPositionNotional = "max_account_position_notional",
        /// Value of all positions, long and short added.
        MaxGrossExposure = "max_gross_exposure",
        /// Value of all positions, short taken from long.
        MaxNetExposure = "max_net_exposure",
        /// Open orders.
        MaxOpenOrders = "max_open_orders",
        /// New orders and replacements per second.
        MaxOrdersPerSecond = "max_orders_per_second",
        /// One symbol's share of the gross exposure.
        MaxConcentrationPercent = "max_concentration_percent",
        /// Gross exposure up to which nothing is concentrated.
        ConcentrationAbove = "concentration_above",
        /// Gross exposure over what the account is worth, in percent.
        MaxLeveragePercent = "max_leverage_percent",
        /// Loss since the day's first valuation.
        MaxDailyLossPercent = "max_daily_loss_percent",
        /// Loss of a strategy since the day's first valuation.
        MaxDailyLoss = "max_daily_loss",
        /// Fall from the highest value.
        MaxDrawdownPercent = "max_drawdown_percent",
        /// Share of the last orders that the venue refused.
        MaxRejectPercent = "max_reject_percent",
    }
}

named! {
    /// What stops new risk until a person sets it free.
    Latch {
        /// The day's loss.
        DailyLoss = "daily_loss",
        /// The fall from the highest value.
        Drawdown = "drawdown",
        /// Orders that the venue refused.
        Rejects = "rejects",
    }
}

named! {
    /// What its venue takes for an instrument.
    InstrumentStatus {
        /// Everything.
        Trading = "trading",
        /// Cancels only.
        CancelOnly = "cancel_only",
        /// Nothing.
        Halted = "halted",
    }
}

/// A name that is none of a closed list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}; known are {known}")]
pub struct UnknownName {
    /// What was to be read.
    pub what: &'static str,
    /// The text.
    pub text: String,
    /// All that there are.
    pub known: String,
}

macro_rules! from_name {
    ($($name:ident, $what:literal;)*) => {
        $(impl FromStr for $name {
            type Err = UnknownName;
            fn from_str(text: &str) -> Result<Self, UnknownName> {
                let all = Self::ALL.iter();
                all.clone().find(|name| name.as_str() == text).copied().ok_or_else(|| UnknownName {
                    what: $what,
                    text: text.chars().take(80).collect(),
                    known: all.map(|name| name.as_str()).collect::<Vec<_>>().join(", "),
                })
            }
        })*
    };
}

from_name! {
    LimitName, "limit";
    Latch, "latch";
    InstrumentStatus, "status of an instrument";
}

/// Whom a limit binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Every order and every strategy, where nothing nearer is said.
    All,
    /// The account as a whole.
    Account,
    /// One strategy.
    Strategy(StrategyId),
    /// One instrument.
    Symbol(Instrument),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.pad("all"),
            Self::Account => f.pad("account"),
            Self::Strategy(name) => write!(f, "strategy:{name}"),
            Self::Symbol(instrument) => write!(f, "symbol:{instrument}"),
        }
    }
}

impl FromStr for Scope {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let unknown = || UnknownName {
            what: "scope of a limit",
            text: text.chars().take(80).collect(),
            known: "all, account, strategy:NAME and symbol:EXCHANGE:SYMBOL".to_owned(),
        };
        let found = match text.split_once(':') {
            None if text == "all" => Some(Self::All),
            None if text == "account" => Some(Self::Account),
            Some(("strategy", name)) => name.parse().ok().map(Self::Strategy),
            Some(("symbol", rest)) => rest.split_once(':').and_then(|(exchange, symbol)| {
                let (exchange, symbol) = (exchange.parse().ok()?, symbol.parse().ok()?);
                Some(Self::Symbol(Instrument { exchange, symbol }))
            }),
            _ => None,
        };
        found.ok_or_else(unknown)
    }
}

/// What is asked of risk while orders are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RiskAct {
    /// A limit becomes another.
    Limit {
        /// Whom it binds.
        scope: Scope,
        /// Which.
        name: LimitName,
        /// Its new value as the settings write it, or `settings` for what they say.
        value: String,
    },
    /// A latch is set free; what it measures begins anew from here.
    Reset {
        /// Which.
        latch: Latch,
        /// Of which strategy; `None` for the account's.
        strategy: Option<StrategyId>,
    },
    /// An instrument's status is this.
    Instrument {
        /// Which instrument.
        instrument: Instrument,
        /// What its venue takes.
        status: InstrumentStatus,
    },
}

/// A change of risk, with who asked and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskChange {
    /// What is asked.
    pub act: RiskAct,
    /// Who: a person, a venue, or a part of the runtime.
    pub by: String,
    /// Why.
    pub why: String,
}

/// What became of risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RiskEvent {
    /// A limit was changed.
    Limit {
        /// Whom it binds.
        scope: Scope,
        /// Which.
        name: LimitName,
        /// What it was.
        from: String,
        /// What it is now; `None` for what the settings say.
        to: Option<String>,
    },
    /// A latch fell.
    Tripped {
        /// Which.
        latch: Latch,
        /// Of which strategy; `None` for the account's.
        strategy: Option<StrategyId>,
        /// What was left to be traded at once, by all for the account's, by itself for a strategy's.
        state: TradingState,
    },
    /// A latch was set free.
    Reset {
        /// Which.
        latch: Latch,
        /// Of which strategy; `None` for the account's.
        strategy: Option<StrategyId>,
        /// What the account was worth, or the strategy's result, from where losses are counted anew; `None` while that was
        /// unknown.
        value: Option<Cash>,
    },
    /// A strategy's day begins with this result: from here its loss of the day is counted.
    DayBegan {
        /// Which strategy.
        strategy: StrategyId,
        /// What it has made or lost so far, all days together.
        result: Cash,
    },
    /// An instrument's status changed.
    Instrument {
        /// Which instrument.
        instrument: Instrument,
        /// What its venue takes.
        status: InstrumentStatus,
    },
}

/// What became of risk, as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskRecord {
    /// What happened.
    pub event: RiskEvent,
    /// Who: a person, a venue, or `merganser`.
    pub by: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: UtcNanos,
}

impl RiskEvent {
    /// Its stable name in the table of actions, and about what it is.
    #[must_use]
    pub fn words(&self) -> (&'static str, String) {
        match self {
            Self::Limit { scope, name, from, to } => {
                let to = to.as_deref().unwrap_or("settings");
                ("risk.limit", format!("{scope} {name}: {from} → {to}"))
            }
            Self::Tripped { latch, strategy, state } => {
                ("risk.tripped", format!("{}: {state}", whose(*latch, *strategy)))
            }
            Self::Reset { latch, strategy, .. } => ("risk.reset", whose(*latch, *strategy)),
            Self::DayBegan { strategy, result } => ("risk.day_began", format!("{strategy}: {result}")),
            Self::Instrument { instrument, status } => ("risk.instrument", format!("{instrument}: {status}")),
        }
    }
}

/// A latch with whose it is, as `daily_loss of ema_cross`; the account's alone.
#[must_use]
pub fn whose(latch: Latch, strategy: Option<StrategyId>) -> String {
    strategy.map_or_else(|| latch.to_string(), |strategy| format!("{latch} of {strategy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_and_names_are_read_as_they_are_written() {
        for text in ["all", "account", "strategy:ema_cross", "symbol:binance:BTCUSDT", "symbol:alpaca:BTC/USD"] {
            assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
        }
        for text in ["", "strategy:", "symbol:BTCUSDT", "symbol:nyse:AAPL", "account:x"] {
            assert!(text.parse::<Scope>().is_err(), "{text}");
        }
        for name in LimitName::ALL {
            assert_eq!(name.as_str().parse::<LimitName>().as_ref(), Ok(name));
        }
        assert!("max_levrage_percent".parse::<LimitName>().unwrap_err().to_string().contains("max_leverage_percent"));
    }
}
