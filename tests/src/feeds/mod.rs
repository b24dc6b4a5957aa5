//! Venues' market data servers for tests: a model without sockets and clock, which the simulation drives in virtual
//! time and a local socket server puts behind a port.

pub mod alpaca;
pub mod binance;
pub mod serve;

use messages::UtcNanos;

/// What a server says over a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Say {
    /// A frame of text.
    Text(String),
    /// A ping with its payload.
    Ping(Vec<u8>),
    /// It closes the link.
    Close,
}

/// An answer by REST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers beside the usual ones.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

/// A venue's server, as a pure state.
pub trait Model: Send {
    /// A client has opened a link at `path_and_query`; `headers` are those of its handshake.
    fn opened(&mut self, link: u64, path_and_query: &str, headers: &[(String, String)], now: UtcNanos);
    /// A client has sent a text.
    fn heard(&mut self, link: u64, text: &str, now: UtcNanos);
    /// A client has answered a ping.
    fn pong(&mut self, link: u64, payload: &[u8], now: UtcNanos);
    /// The link is gone for both sides.
    fn closed(&mut self, link: u64, now: UtcNanos);
    /// A client asks by GET.
    fn asked(&mut self, path_and_query: &str, headers: &[(String, String)], now: UtcNanos) -> Response;
    /// All that the server says up to `now`, in order.
    fn says(&mut self, now: UtcNanos, out: &mut Vec<(u64, Say)>);
    /// When it has something to say next.
    fn next_due(&self) -> Option<UtcNanos>;
}
