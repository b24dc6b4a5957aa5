//! Binance Spot as a venue: orders, their fills and what ends them, over its REST and WebSocket APIs.
//!
//! Everything here but the [`connector`], the shell around it, is pure: a key signs text, a request becomes a [`call::Call`], an answer or an event becomes what is
//! [`heard`], [`filters`] and [`limits`] are values that are asked, and the [`session`] puts them together. None of it knows a
//! socket or a clock. Sources are the documents of the Spot API of July 2026: `rest-api.md`, `web-socket-api.md`, `user-data-stream.md`, `filters.md`, `errors.md`, `enums.md`.
//!
//! Invariants: no outcome that is not certain becomes a rejection; what the venue says of an order that we do not know, and what we
//! cannot read, is handed on as it came.

pub mod answer;
pub mod call;
pub mod clock;
pub mod connector;
pub mod failure;
pub mod filters;
pub mod heard;
pub mod key;
pub mod limits;
pub mod order;
pub mod parameters;
pub mod report;
pub mod session;
pub mod settings;
mod terms;

use std::time::Duration;

use messages::Exchange;
use messages::orders::{OrderType, TimeInForce};
use messages::venues::Capabilities;

/// What the venue can do. Orders for a day do not exist there. What a single symbol cannot, [`filters`] tell.
pub const CAPABILITIES: Capabilities = Capabilities {
    exchanges: &[Exchange::Binance],
    order_types: OrderType::ALL,
    times_in_force: &[TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok],
    replace: true,
    quote_quantity: true,
    post_only: true,
    account: true,
    contingencies: &[],
    // A message is written within 5 s, is valid for 5 s more (`recvWindow`, which the venue looks at again before the matching
    // engine), and the venue gives up on the engine after 10 s (-1007); the rest is for clocks.
    not_received_after: Duration::from_secs(30),
};
