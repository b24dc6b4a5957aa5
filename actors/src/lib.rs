//! What is done: the actors, each a thin shell around a pure state, and what drives the states.
//!
//! This crate knows nothing of DuckDB and of HTTP. An actor imports no other actor: the tree and the
//! backtest's machine put them together.

pub mod accounting;
pub mod alerts;
pub mod archive;
pub mod assembly;
pub mod audience;
pub mod backtest;
pub mod book;
pub mod bulk;
mod by_instrument;
pub mod chance;
pub mod clock;
pub mod conflate;
pub mod deliveries;
pub mod feeds;
pub mod gate;
pub mod market;
pub mod metrics;
pub mod migration;
pub mod orders;
pub mod policy;
pub mod ports;
pub mod positions;
mod rates;
pub mod restore;
pub mod runtime;
pub mod settings;
pub mod snapshots;
pub mod strategies;
pub mod telemetry;
pub mod timer;
pub mod traffic;
mod tree;
pub mod venue_rules;
pub mod venues;
pub mod wire;

pub use messages::durations;
