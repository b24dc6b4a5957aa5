//! Pure statistics: series and fills in, figures out. No clock, no input, no output. `f64` is for ratios and charts; sums of
//! money are exact until they are divided.
//!
//! The formulas and their conventions are stated for people in docs/guide/reports.md.

pub mod curve;
pub mod drawdown;
pub mod earned;
pub mod execution;
mod exposure;
pub mod figure;
pub mod fills;
pub mod grid;
pub mod growth;
pub mod marks;
pub mod months;
pub mod performance;
pub mod results;
mod returns;
pub mod samples;
mod sum;
pub mod trips;
