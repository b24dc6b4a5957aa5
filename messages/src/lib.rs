//! What is said: the typed messages that Merganser's actors exchange and its journals keep.
//!
//! Plain data only. This crate knows nothing of I/O, of the clock, of actors or of DuckDB, and no
//! message carries a reply port. Whatever is here can be written to a journal and read back.

pub mod account;
pub mod alerts;
pub mod caps;
pub mod durations;
pub mod ids;
pub mod instrument;
pub mod ledger;
pub mod market;
pub mod migration;
pub mod number;
pub mod orders;
pub mod positions;
pub mod risk;
pub mod snapshots;
pub mod strategies;
pub mod telemetry;
pub mod time;
pub mod venues;

pub use ids::{
    Account, ClientOrderId, CorrelationId, ExecutionId, MarketId, OrderId, Reason, StrategyId, TradeId, VenueOrderId,
};
pub use instrument::{Asset, Exchange, Instrument, Symbol};
pub use number::{Cash, Notional, Price, Quantity, Size};
pub use time::UtcNanos;
