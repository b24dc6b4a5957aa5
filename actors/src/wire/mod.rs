//! What feeds and venues speak to an exchange with: the ways out of this machine, a socket, the waits between attempts,
//! texts in addresses, JSON and why it could not be read; and by venue, what its market data and its orders have in common.
//!
//! Nothing here decides what is said or when: the sessions of feeds and venues do. Only `socket` does input and output, by
//! the ways that `reach` opens.
//!
//! Invariant: it imports no actor, neither feeds nor venues; they import it, and not each other.

pub mod alpaca;
pub mod backoff;
mod decode;
pub(crate) mod json;
pub(crate) mod percent;
pub mod reach;
pub(crate) mod socket;

pub use decode::DecodeError;
pub(crate) use decode::{Field, cut};
pub use socket::Link;

#[cfg(test)]
pub(crate) mod testdata;
