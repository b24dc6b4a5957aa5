//! Holding our books against the venue's, as comparisons: values in, values out.
//!
//! [`orders`] finds what the two sides tell differently of orders and fills, [`holdings`] of positions and balances. Neither
//! decides anything: what is done about it is the state's (`state/reconciling.rs`).
//!
//! Invariant: what came after the question is no difference. A snapshot says what was true when the venue made it, and an order
//! that was made or has ended since is left to the reports.

pub mod holdings;
pub mod orders;

#[cfg(test)]
mod tests;
