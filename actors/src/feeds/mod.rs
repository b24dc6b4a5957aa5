//! Feeds: what a venue, a recording or the simulated market says, as typed market data.
//!
//! Everything here but the player's thread and `live` is pure: a decoder takes the bytes of one frame with its receive
//! time and gives [`messages::market::FeedItem`]s, a session keeps a venue's connections, an input takes a file and gives
//! batches, the simulated market takes a seed. None of them knows a socket, a clock or an actor.
//!
//! Invariant: a message is decoded wholly or not at all (and a frame with it, unless it holds many messages, as
//! Alpaca's do). A venue's text becomes a number without a
//! detour through floating point, and what cannot be read is an error that says so, never a guess.

pub mod alpaca;
pub mod binance;
pub mod input;
pub mod live;
pub mod player;
pub mod session;
pub mod simulated;

use messages::UtcNanos;

/// What kind of frame was decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// Market data; its items were pushed.
    Market,
    /// An answer or notice about the connection itself: subscriptions, errors, shutdown.
    Control,
    /// Something known that we do not use.
    Ignored,
}

/// An integer time of a venue: milliseconds, or microseconds from 1e14 on (milliseconds reach 1e14
/// in the year 5138, microseconds passed it in 1973).
fn millis_or_micros(value: i64) -> Option<UtcNanos> {
    const MICROS_FROM: i64 = 100_000_000_000_000;
    match value {
        ..0 => None,
        MICROS_FROM.. => value.checked_mul(1_000).map(UtcNanos),
        _ => UtcNanos::from_millis(value),
    }
}
