//! Alpaca execution: our orders as calls of its trading API, and what it says of them as reports.
//!
//! All but [`connector`] is pure: values in, values out. [`request`] and [`call`] make calls, [`rules`] refuse before anything
//! leaves, [`stream`], [`order`], [`activity`] and [`account`] read, [`outcome`] judges an answer, [`budget`] tells when the
//! next request may go. [`books`] make reports of updates, an [`inquiry`] makes them of answers, and a [`session`] keeps the
//! connection and puts them together.
//!
//! Invariants: a number is never read through floating point; what is unknown (an event, a status, a field) is said and never
//! dropped; an order is refused only where the venue says so.

pub mod account;
pub mod activity;
pub mod books;
pub mod budget;
pub mod call;
pub mod connector;
mod fields;
mod http;
pub mod inquiry;
pub mod note;
pub mod order;
pub mod outcome;
pub mod request;
pub mod rules;
pub mod session;
pub mod settings;
pub mod stream;

use messages::caps;
use messages::orders::{OrderType, TimeInForce};
use messages::venues::Capabilities;

/// What Alpaca can do. What a single asset cannot, [`rules::check`] tells.
pub const CAPABILITIES: Capabilities = Capabilities {
    order_types: &[OrderType::Market, OrderType::Limit, OrderType::Stop, OrderType::StopLimit, OrderType::TrailingStop],
    times_in_force: &[TimeInForce::Day, TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok],
    replace: true,
    quote_quantity: true,
    post_only: false,
    contingencies: &[],
};

/// The longest client order id that Alpaca takes (the published trading API, `client_order_id`).
const CLIENT_ORDER_ID_BYTES: usize = 48;
const _: () = assert!(caps::CLIENT_ORDER_ID_BYTES <= CLIENT_ORDER_ID_BYTES);

#[cfg(test)]
mod recorded;
