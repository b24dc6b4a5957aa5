//! A PostgreSQL server, with TimescaleDB or without: how to reach it, what it says, and what is in it.
//!
//! It knows nothing of our tables, of DuckDB and of what the rows are wanted for.
//!
//! - [`Server`]: where it is and who asks, out of `[timescale]`; `tls`: whom it is believed to be.
//! - [`Session`]: one connection; it blocks, and every question to it ends.
//! - [`Error`]: told apart by what the reader can do about it.
//! - [`catalog`]: tables, columns, hypertables, rights, clock.
//! - [`numeric`], [`copy`]: the binary forms of numbers and of COPY.

pub mod catalog;
pub mod copy;
mod error;
pub mod numeric;
mod server;
mod session;
#[cfg(test)]
pub(crate) mod tests;
mod tls;

pub(crate) use error::DEPENDED;
pub use error::Error;
pub use server::Server;
pub use session::{Cancel, Session};

/// From 1970 to 2000, where PostgreSQL's times begin, in microseconds.
pub(crate) const EPOCH: i64 = 946_684_800_000_000;

/// The first instant that it has, in microseconds.
pub(crate) const FIRST: i64 = -210_866_803_200_000_000;

/// The last one.
pub(crate) const LAST: i64 = 9_223_371_331_199_999_999;

/// An instant without a zone, in microseconds, as SQL. A number times an interval is a float there, exact for days and for the
/// microseconds of one.
pub(crate) fn timestamp(micros: i64) -> String {
    const DAY: i64 = 86_400_000_000;
    let (days, rest) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
    format!("TIMESTAMP '1970-01-01' + INTERVAL '1 day' * {days} + INTERVAL '1 microsecond' * {rest}")
}

/// An instant, in microseconds, as SQL that is worked out before a table is opened: a sum of TIMESTAMPTZ would wait for the
/// session's time zone, and partitions that cannot have it would not be left out by then.
pub(crate) fn instant(micros: i64) -> String {
    format!("(({}) AT TIME ZONE 'UTC')", timestamp(micros.clamp(FIRST, LAST)))
}
