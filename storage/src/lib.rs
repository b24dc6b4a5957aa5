//! What is remembered: the journals, DuckDB behind them, and the questions that can be asked.
//!
//! This crate knows nothing of actors and of what the rows are for. It is the only one that names
//! DuckDB; what leaves it are typed messages and Arrow batches.

pub mod archive;
pub mod background;
pub mod backup;
pub mod checkpoint;
pub mod cold;
pub mod datadir;
pub mod disk;
pub mod duck;
pub mod journal;
pub mod migrate;
pub mod pool;
pub mod postgres;
pub mod query;
pub mod recent;
pub mod service;
pub mod settings;
pub mod sql;
pub mod sql_tiers;
pub mod telemetry;
pub mod tiers;

pub use datadir::DataDir;
