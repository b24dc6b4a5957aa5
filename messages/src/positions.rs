//! Positions and balances: what we hold, and how it came to be.

use serde::{Deserialize, Serialize};

use crate::ids::{Account, CorrelationId, ExecutionId, OrderId, StrategyId, TradeId};
use crate::instrument::{Asset, Instrument};
use crate::number::{Cash, Price, Quantity};
use crate::orders::{Fee, Liquidity, Side};
use crate::time::UtcNanos;

/// A fill as it was booked, or the undoing of one: the row of `trades`. The rows of an order add up to what is filled of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trade {
    /// hash(account, exchange, execution id).
    pub trade_id: TradeId,
    /// Whose money.
    pub account: Account,
    /// Which order.
    pub order_id: OrderId,
    /// Which instrument.
    pub instrument: Instrument,
    /// Which way.
    pub side: Side,
    /// How much; negative where the venue undid a fill.
    pub quantity: Quantity,
    /// At what price.
    pub price: Price,
    /// When, by the venue.
    pub executed_at: UtcNanos,
    /// When we heard of it.
    pub reported_at: UtcNanos,
    /// Its fee.
    pub fee: Option<Fee>,
    /// Made or took.
    pub liquidity: Option<Liquidity>,
    /// Profit of the part that closed a position, before fees, in quote asset.
    pub realized_pnl: Cash,
    /// The venue's key of the execution.
    pub execution_id: ExecutionId,
    /// Who traded.
    pub strategy: StrategyId,
    /// What belongs together.
    pub correlation_id: CorrelationId,
    /// The number of the `handled` record.
    pub as_of: u64,
}

/// A position as it stands after a fill or at a snapshot: the row of `positions`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Counts the rows; rising.
    pub position_id: u64,
    /// Whose money.
    pub account: Account,
    /// Which instrument.
    pub instrument: Instrument,
    /// Whose decision.
    pub strategy: StrategyId,
    /// Positive when long, negative when short.
    pub quantity: Quantity,
    /// What the open quantity cost: positive when long, negative when short. Exact.
    pub cost_basis: Cash,
    /// The price that it is valued at; `None` while no price is known.
    pub mark_price: Option<Price>,
    /// Profit of all that was closed, before fees, in quote asset.
    pub realized_pnl: Cash,
    /// When it left zero.
    pub opened_at: Option<UtcNanos>,
    /// When it came back to zero.
    pub closed_at: Option<UtcNanos>,
    /// When this row was made.
    pub at: UtcNanos,
    /// The order of the fill that made this row; `None` at a snapshot.
    pub correlation_id: Option<CorrelationId>,
}

/// What a signed quantity is: `long`, `short` or `flat`.
#[must_use]
pub fn side_of(quantity: Quantity) -> &'static str {
    match quantity.raw().signum() {
        1 => "long",
        -1 => "short",
        _ => "flat",
    }
}

impl Position {
    /// `long`, `short` or `flat`.
    #[must_use]
    pub fn side(&self) -> &'static str {
        side_of(self.quantity)
    }
    /// Average entry price, derived from the exact cost basis; `None` when flat.
    #[must_use]
    pub fn average_entry(&self) -> Option<Price> {
        self.cost_basis.abs().per(self.quantity.abs())
    }
    /// mark × quantity − cost basis; `None` while no price is known.
    #[must_use]
    pub fn unrealized_pnl(&self) -> Option<Cash> {
        if self.quantity.is_zero() {
            return Some(Cash::ZERO);
        }
        self.mark_price?.times(self.quantity)?.checked_sub(self.cost_basis)
    }
}

/// An amount of one asset in one account: the row of `balances`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Balance {
    /// Counts the rows; rising.
    pub balance_id: u64,
    /// Whose money.
    pub account: Account,
    /// Of what.
    pub asset: Asset,
    /// How much; negative when borrowed.
    pub total: Cash,
    /// When it became this much.
    pub at: UtcNanos,
}

/// All that one fill did, in one record: the trade, the position after it, the balances after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Booked {
    /// The fill.
    pub trade: Trade,
    /// The position after it.
    pub position: Position,
    /// The balances that it changed.
    pub balances: Vec<Balance>,
}

/// All that the entries of one reconciliation did: the positions and balances after them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// The number of the reconciliation.
    pub number: u64,
    /// The positions that changed.
    pub positions: Vec<Position>,
    /// The balances that changed.
    pub balances: Vec<Balance>,
    /// When they were booked.
    pub at: UtcNanos,
}
