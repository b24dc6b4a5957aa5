//! The limits as the settings write them.
//!
//! Zero switches a limit off, except where it says otherwise. `[risk]` binds every order and every strategy; what stands
//! under a strategy or a symbol takes its place there, and where both say something the tighter one holds. `[risk.account]`
//! binds the account as a whole, over all strategies.

use std::collections::BTreeMap;
use std::time::Duration;

use messages::risk::{LimitName, TradingState};
use messages::{Cash, Quantity, StrategyId};
use serde::{Deserialize, Deserializer, Serialize};

use super::blackout::Blackout;

/// `[risk]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Largest quantity of one order, in base asset.
    pub max_order_quantity: Quantity,
    /// Largest value of one order, in quote asset.
    pub max_order_notional: Cash,
    /// Largest value of a strategy's position in one instrument, open orders included, in quote asset.
    pub max_position_notional: Cash,
    /// Most open orders of one strategy.
    pub max_open_orders: u32,
    /// Farthest that a limit price may lie beyond the other side's best price, in percent.
    pub price_collar_percent: u32,
    /// Most new orders and replacements of one strategy per second.
    pub max_orders_per_second: u32,
    /// Oldest quote, by receive time, on which an order may be based.
    #[serde(with = "crate::durations")]
    pub stale_quote_after: Duration,
    // What follows was not there when older sessions were recorded: off.
    /// Largest quantity of a strategy's position in one instrument, open orders included, in base asset.
    #[serde(default)]
    pub max_position_quantity: Quantity,
    /// The same of all strategies together.
    #[serde(default)]
    pub max_account_position_quantity: Quantity,
    /// Largest value of the account's position in one instrument, open orders included, in quote asset.
    #[serde(default)]
    pub max_account_position_notional: Cash,
    /// Largest value of a strategy's positions, long and short added, in the account's currency.
    #[serde(default)]
    pub max_gross_exposure: Cash,
    /// Largest value of a strategy's positions, short taken from long, in the account's currency.
    #[serde(default)]
    pub max_net_exposure: Cash,
    /// Loss of a strategy since the day's first valuation at which its latch falls, in the account's currency.
    #[serde(default)]
    pub max_daily_loss: Cash,
    /// Farthest that any price of an order may lie from the market, in percent.
    #[serde(default)]
    pub max_price_distance_percent: u32,
    /// How many times the mean of its newest orders in the instrument a strategy's order may have.
    #[serde(default)]
    pub max_size_ratio: u32,
    /// How long an order with the terms of another of its strategy is taken for a mistake.
    #[serde(default, with = "crate::durations")]
    pub duplicate_window: Duration,
    /// When nothing new may be begun: times of day in UTC.
    #[serde(default)]
    pub blackouts: Vec<Blackout>,
    /// When an instrument may be traded.
    #[serde(default)]
    pub session: SessionRule,
    /// `[risk.account]`
    #[serde(default)]
    pub account: AccountLimits,
    /// `[risk.strategies.NAME]`
    #[serde(default)]
    pub strategies: BTreeMap<StrategyId, Overrides>,
    /// `[risk.symbols."exchange:symbol"]`
    #[serde(default)]
    pub symbols: BTreeMap<String, Overrides>,
}

/// `[risk.account]`: what binds all strategies together, in the account's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccountLimits {
    /// Largest value of all positions, long and short added, open orders included.
    pub max_gross_exposure: Cash,
    /// Largest value of all positions, short taken from long, open orders included.
    pub max_net_exposure: Cash,
    /// Largest gross exposure, in percent of what the account is worth.
    pub max_leverage_percent: u32,
    /// Largest share of one symbol of the gross exposure, in percent.
    pub max_concentration_percent: u32,
    /// Gross exposure up to which nothing is concentrated.
    pub concentration_above: Cash,
    /// Most open orders.
    pub max_open_orders: u32,
    /// Most new orders and replacements per second.
    pub max_orders_per_second: u32,
    /// Loss since the day's first valuation at which the latch falls, in percent.
    pub max_daily_loss_percent: u32,
    /// Fall from the highest value at which the latch falls, in percent.
    pub max_drawdown_percent: u32,
    /// What may be traded once one of these two has fallen.
    pub on_loss: TradingState,
    /// Share of rejected orders among the last `reject_window` at which the latch falls, in percent.
    pub max_reject_percent: u32,
    /// How many orders that a venue answered are looked at, 1 to 64.
    pub reject_window: u32,
    /// What may be traded once that has fallen.
    pub on_rejects: TradingState,
}

impl Default for AccountLimits {
    fn default() -> Self {
        Self {
            max_gross_exposure: Cash::ZERO,
            max_net_exposure: Cash::ZERO,
            max_leverage_percent: 0,
            max_concentration_percent: 0,
            concentration_above: Cash::ZERO,
            max_open_orders: 0,
            max_orders_per_second: 0,
            max_daily_loss_percent: 0,
            max_drawdown_percent: 0,
            on_loss: TradingState::Reducing,
            max_reject_percent: 0,
            reject_window: 20,
            on_rejects: TradingState::Halted,
        }
    }
}

impl AccountLimits {
    /// True where what the account loses is limited.
    #[must_use]
    pub fn limits_losses(&self) -> bool {
        self.max_daily_loss_percent > 0 || self.max_drawdown_percent > 0
    }

    /// True where a rule asks what all stakes come to.
    #[must_use]
    pub fn looks_at_totals(&self) -> bool {
        let exposed = self.max_gross_exposure.is_positive() || self.max_net_exposure.is_positive();
        exposed || self.max_leverage_percent > 0 || self.max_concentration_percent > 0
    }
}

/// When an instrument may be traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionRule {
    /// Whenever its venue takes orders.
    #[default]
    Any,
    /// In its regular session alone.
    Regular,
}

/// What a strategy or a symbol has instead of `[risk]`.
pub type Overrides = BTreeMap<LimitName, LimitText>;

/// A limit as the settings write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct LimitText(pub String);

impl<'de> Deserialize<'de> for LimitText {
    /// Text, or a whole number. A floating-point number is refused, for it is not what was written.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a limit as text, like \"2.5\" or \"5s\", or a whole number")]
        enum Written {
            Whole(u64),
            Text(String),
        }
        Ok(Self(match Written::deserialize(from)? {
            Written::Whole(whole) => whole.to_string(),
            Written::Text(text) => text,
        }))
    }
}
