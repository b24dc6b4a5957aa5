//! Tests across crates: the real states and stores, put together as the program puts them.

mod determinism;
mod golden;
mod supervision;
mod telemetry;
