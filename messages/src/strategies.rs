//! What strategies hear and say, beside market data and orders.

use serde::{Deserialize, Serialize};

use crate::ids::{MarketId, OrderId, StrategyId};
use crate::time::UtcNanos;

/// Where a strategy starts again after a fault or a restart: market data in between was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// The last instant that its saved state has seen.
    pub from: UtcNanos,
    /// The first instant that it will see.
    pub to: UtcNanos,
}

/// A strategy's saved state, as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Whose.
    pub strategy: StrategyId,
    /// Its restart count when it was taken.
    pub generation: u32,
    /// When it was taken: the newest input that it has seen.
    pub at: UtcNanos,
    /// The newest market event that it has seen.
    pub market: MarketId,
    /// Own order events that it has seen: for each open order, and each that ended since the checkpoint
    /// before, the number of its newest event.
    pub seen: Vec<(OrderId, u32)>,
    /// Orders that it has made, so that ids never repeat.
    pub orders_made: u64,
    /// The state itself, at most [`crate::caps::STRATEGY_STATE_BYTES`].
    pub state: Vec<u8>,
}

/// Why a strategy was stopped by the runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It panicked.
    Panicked,
    /// A callback took longer than `strategies.hang_after`.
    Hung,
    /// Its queue of trades was full.
    Lagging,
}

impl Fault {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Panicked, Self::Hung, Self::Lagging];

    /// The name in events and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Panicked => "panicked",
            Self::Hung => "hung",
            Self::Lagging => "lagging",
        }
    }
}
