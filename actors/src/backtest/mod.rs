//! The deterministic driver: the pure states of all deciding actors on one thread, in virtual time.
//!
//! - [`machine`]: the states and the messages between them; one delivery at a time.
//! - [`driver`]: chooses the deliveries from an input: frame by frame, stage by stage.
//! - [`session`]: takes the deliveries from the `handled` records of an earlier run.
//! - [`parts`]: what comes out of a re-run, held against what came out then.
//! - [`recorder`]: the journals, written in line.
//! - [`summary`]: what came out of it.
//!
//! Invariant: the same inputs in the same order give the same records, byte for byte.

pub mod driver;
pub mod machine;
mod parts;
pub mod recorder;
pub mod session;
pub mod summary;

#[cfg(test)]
mod tests;
