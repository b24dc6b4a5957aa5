//! Venues of the testkit.
//!
//! [`books`], [`connector`] and [`server`]: an exchange in the test's own process that speaks our own messages, one line of
//! JSON each way: a [`messages::venues::VenueRequest`] to the venue, a [`messages::venues::VenueReport`] or what the account holds ([`holdings`]) back. It outlives a
//! killed runtime, and its own books are the witness. What happens while nobody is connected is reported to nobody, and told
//! when it is asked for.
//!
//! [`exchange`]: a spot exchange as a pure state, with [`binance`] and [`alpaca`] before it, which speak these venues' own
//! protocols ([`face`]), with [`faults`] ([`faulty`]) and behind a port ([`serve`]), steered by lines of text ([`control`]).

pub mod alpaca;
pub mod binance;
pub mod books;
pub mod connector;
pub mod control;
pub mod exchange;
pub mod face;
pub mod faults;
pub mod faulty;
mod holdings;
pub mod serve;
pub mod server;
pub mod standard;
