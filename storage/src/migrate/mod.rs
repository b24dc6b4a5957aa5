//! The way out of TimescaleDB, or of plain PostgreSQL: what stands there becomes rows of ours, exactly or not at all.
//!
//! - [`targets`]: our tables, and what a row of each must have.
//! - [`mapping`]: the file that says which of their columns become which of ours: proposed from the catalog, and checked.
//! - [`server`]: whether a server can be left at all.
//! - [`plan`]: a checked mapping of one table: the question to ask, and rows out of the answer.
//! - [`sink`]: what we write there while rows go to both sides.
//! - [`phase`]: which step may be taken, forward or back.
//! - [`trial`]: reads all of a table and keeps none of it: what does not fit, and what the rest is.
//! - [`backfill`]: what stood there before, slice by slice into the tiers, each once.
//! - [`compare`]: both sides held against each other, and put right.
//! - [`reads`]: who answers questions meanwhile, and PostgreSQL as who does.
//! - [`way`]: all of it put together, as the migration actor uses it.
//! - `convert`: one cell by one rule; `whole`: the cells of a row together; `encode`: the other way round.
//! - [`leave`]: the last step: all of it exported and verified, and only then dropped there.
//! - `apart`: long questions, which nobody need wait for.
//!
//! Invariant: no value is rounded, cut or guessed. What does not fit is refused, with its column and the reason.

mod apart;
pub mod backfill;
pub mod compare;
mod convert;
pub(crate) mod encode;
pub mod leave;
pub mod mapping;
pub mod phase;
pub mod plan;
pub mod reads;
pub mod server;
pub mod sink;
pub mod targets;
#[cfg(test)]
mod tests;
pub mod trial;
pub mod way;
mod whole;
