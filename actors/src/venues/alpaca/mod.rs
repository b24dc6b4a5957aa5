//! Alpaca execution: our orders as calls of its trading API, and what it says of them as reports.
//!
//! All but [`connector`] is pure: values in, values out. [`request`] and [`call`] make calls, [`rules`] are what risk holds
//! against an order before it comes here, [`stream`], [`order`], [`activity`] and [`account`] read, [`outcome`] judges an answer, [`budget`] tells when the
//! next request may go. [`books`] make reports of updates, an [`inquiry`] makes them of answers, and a [`session`] keeps the
//! connection and puts them together.
//!
//! Invariants: a number is never read through floating point; what is unknown (an event, a status, a field) is said and never
//! dropped; an order is refused where the venue would refuse it, or would keep it for a session that nobody had in mind.

/// Defines what the venue has names for, and one variant for a name that we do not know.
macro_rules! named_there {
    ($(#[$of:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$of])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name {
            $($(#[$doc])* $variant),+,
            /// One that we do not know, as the venue names it.
            Other(String),
        }
        impl $name {
            /// All names that we know.
            #[cfg(test)]
            pub const KNOWN: &'static [&'static str] = &[$($text),+];
            /// From the venue's name.
            #[must_use]
            pub fn of(text: &str) -> Self {
                match text { $($text => Self::$variant),+, other => Self::Other($crate::wire::cut(other)) }
            }
            /// The venue's name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self { $(Self::$variant => $text),+, Self::Other(text) => text }
            }
        }
    };
}

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

use std::time::Duration;

use messages::orders::{OrderType, TimeInForce};
use messages::venues::Capabilities;
use messages::{Exchange, caps};

/// What Alpaca can do. What a single asset cannot, [`rules::check`] tells.
pub const CAPABILITIES: Capabilities = Capabilities {
    exchanges: &[Exchange::Alpaca],
    order_types: &[OrderType::Market, OrderType::Limit, OrderType::Stop, OrderType::StopLimit, OrderType::TrailingStop],
    times_in_force: &[TimeInForce::Day, TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok],
    replace: true,
    quote_quantity: true,
    post_only: false,
    account: true,
    contingencies: &[],
    // A call is given up after ten seconds and has no validity at the venue; nothing says how long a gateway there may hold it.
    not_received_after: Duration::from_secs(60),
};

/// The longest client order id that Alpaca takes (the published trading API, `client_order_id`).
const CLIENT_ORDER_ID_BYTES: usize = 48;
const _: () = assert!(caps::CLIENT_ORDER_ID_BYTES <= CLIENT_ORDER_ID_BYTES);

#[cfg(test)]
mod recorded;
