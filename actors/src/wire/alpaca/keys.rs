//! What proves to Alpaca who asks: the same two keys open its data and its trading.

use std::fmt;

/// Alpaca's keys. Nobody prints them.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// The key's id.
    pub id: String,
    /// The secret.
    pub secret: String,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(hidden)")
    }
}

impl Keys {
    /// The headers that prove who asks, of a handshake as well as of a request.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        vec![("APCA-API-KEY-ID", self.id.clone()), ("APCA-API-SECRET-KEY", self.secret.clone())]
    }
}
