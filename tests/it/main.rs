//! Tests across crates: the real states and stores, put together as the program puts them.

mod audience;
mod checkpoint;
mod conformance;
mod decoders;
mod determinism;
mod golden;
mod migration;
mod restore;
mod steering;
mod supervision;
mod telemetry;
mod trading_messages;
