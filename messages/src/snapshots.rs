//! Portfolio snapshots: what an account was worth at a moment.

use serde::{Deserialize, Serialize};

use crate::ids::Account;
use crate::instrument::Asset;
use crate::number::{Cash, Price};
use crate::positions::{Balance, Position};
use crate::time::UtcNanos;

/// Why a snapshot was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SnapshotType {
    /// At start.
    Startup,
    /// On schedule.
    Intraday,
    /// At the end of a day.
    Eod,
    /// Someone asked.
    Manual,
    /// At stop.
    Shutdown,
}

impl SnapshotType {
    /// The name in rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Intraday => "intraday",
            Self::Eod => "eod",
            Self::Manual => "manual",
            Self::Shutdown => "shutdown",
        }
    }
}

/// The row of `portfolio_snapshots`. What cannot be valued is `None`, never zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Portfolio {
    /// Counts the snapshots; rising.
    pub snapshot_id: u64,
    /// Whose money.
    pub account: Account,
    /// What it is valued in.
    pub currency: Asset,
    /// When.
    pub at: UtcNanos,
    /// Why.
    pub kind: SnapshotType,
    /// Balance of the currency.
    pub cash: Option<Cash>,
    /// All balances at their rates, without those that no instrument trades; `None` when one that is traded has no rate.
    pub value: Option<Cash>,
    /// Value less what was paid in.
    pub total_pnl: Option<Cash>,
    /// Value less the value at the last end of day.
    pub daily_pnl: Option<Cash>,
    /// The largest fall of the value from its highest, so far; not negative.
    pub max_drawdown: Option<Cash>,
    /// Gross exposure / value at 1e-8; `None` when the value is unknown or not positive.
    pub leverage: Option<Price>,
    /// Long positions.
    pub long_positions: u32,
    /// Short positions.
    pub short_positions: u32,
}

/// A snapshot as the ledger keeps it: the portfolio with its positions and balances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The account as a whole.
    pub portfolio: Portfolio,
    /// Every position that is not flat.
    pub positions: Vec<Position>,
    /// Every balance.
    pub balances: Vec<Balance>,
}
