//! What the API and the stream show: plain shapes whose fields are named as the columns of the tables. Prices, quantities
//! and money are texts at full scale, times are UTC texts, what is unknown is null.

mod account;
mod alerts;
mod logs;
mod market;
pub mod migration;
mod net;
mod orders;
mod strategies;
mod tree;

pub use account::{Portfolio, Position, Trade, is_simulated};
pub use alerts::Alert;
pub use logs::LogLine;
pub use market::{Bar, Book, Instrument, Market, Quote, Tick};
pub use migration::Migration;
pub use net::NetPosition;
pub use orders::{Event, Order};
pub use strategies::{Results, Strategy};
pub use tree::Actor;

use std::fmt::Display;

/// A number, a time or a name as text.
pub fn text(value: impl Display) -> String {
    value.to_string()
}

/// The same, where it is known.
pub fn maybe(value: Option<impl Display>) -> Option<String> {
    value.map(text)
}
