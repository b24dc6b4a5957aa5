//! The parameters of a request, and how they are signed.
//!
//! What is signed is percent-encoded before (else -1022): over the WebSocket
//! API all parameters but the signature, sorted by name. Source: `rest-api.md`, `web-socket-api.md`.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::key::ApiKey;
use crate::wire::percent;

/// The names and values of a request, in the order in which they were added.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Parameters(Vec<(&'static str, Value)>);

impl Parameters {
    /// With one more: a text, or a whole number, which messages carry as one.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    /// With one more where there is one.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// As a query, percent-encoded: how the venue's own examples show what is signed.
    #[cfg(test)]
    pub fn query(&self) -> String {
        joined(&self.0)
    }

    /// As `params` of a message without a signature.
    #[must_use]
    pub fn message(&self) -> Map<String, Value> {
        self.0.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    /// As `params` on a connection that is logged on, which need no signature.
    #[must_use]
    pub fn stamped_message(&self, stamp: &Stamp) -> Map<String, Value> {
        self.clone().stamped(stamp).message()
    }

    /// As signed `params` of a message.
    #[must_use]
    pub fn signed_message(&self, key: &ApiKey, stamp: &Stamp) -> Map<String, Value> {
        let all = self.clone().with("apiKey", key.reveal_name()).stamped(stamp);
        let mut sorted = all.0.clone();
        sorted.sort_by_key(|(name, _)| *name);
        let signature = key.sign(&joined(&sorted));
        all.with("signature", signature).message()
    }

    fn stamped(self, stamp: &Stamp) -> Self {
        self.with("recvWindow", stamp.recv_window_ms).with("timestamp", stamp.timestamp_ms)
    }
}

/// Names alone: a value may be the key or a signature.
impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// When a request is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// When it was signed, by the venue's clock, in milliseconds since 1970.
    pub timestamp_ms: i64,
    /// How long the venue may take it after that, in milliseconds.
    pub recv_window_ms: u32,
}

fn joined(pairs: &[(&'static str, Value)]) -> String {
    let mut query = String::new();
    for (name, value) in pairs {
        let separator = if query.is_empty() { "" } else { "&" };
        let number = value.to_string();
        let text = value.as_str().unwrap_or(&number);
        let _ = write!(query, "{separator}{name}={}", percent::encoded(text));
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key and the secret of the venue's own worked examples; they are public and open nothing.
    fn documented() -> ApiKey {
        ApiKey::new(
            "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
            "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
        )
        .unwrap()
    }

    fn order(symbol: &str) -> Parameters {
        Parameters::default()
            .with("symbol", symbol)
            .with("side", "BUY")
            .with("type", "LIMIT")
            .with("timeInForce", "GTC")
    }

    /// The worked example of `rest-api.md`.
    #[test]
    fn a_query_is_signed_as_documented() {
        let parameters = order("LTCBTC").with("quantity", 1).with("price", "0.1");
        let stamp = Stamp { timestamp_ms: 1_499_827_319_559, recv_window_ms: 5_000 };
        let query = parameters.stamped(&stamp).query();
        assert_eq!(
            query,
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
        );
        assert_eq!(documented().sign(&query), "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71");
    }

    /// The worked example with a query and a body: what is signed is one behind the other, without a sign between.
    #[test]
    fn a_payload_of_query_and_body_is_signed_as_documented() {
        let (query, body) = (order("LTCBTC").query(), "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559");
        assert_eq!(
            documented().sign(&format!("{query}{body}")),
            "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"
        );
    }

    /// The worked example of `web-socket-api.md`: parameters in any order are signed in that of their names.
    #[test]
    fn a_message_is_signed_as_documented() {
        let parameters = Parameters::default()
            .with("type", "LIMIT")
            .with("symbol", "BTCUSDT")
            .with("side", "SELL")
            .with("timeInForce", "GTC")
            .with("quantity", "0.01000000")
            .with("price", "52000.00")
            .with("newOrderRespType", "ACK");
        let stamp = Stamp { timestamp_ms: 1_645_423_376_532, recv_window_ms: 100 };
        let message = parameters.signed_message(&documented(), &stamp);
        assert_eq!(message["signature"], "cc15477742bd704c29492d96c7ead9414dfd8e0ec4a00f947bb5bb454ddbd08a");
        assert_eq!(message["apiKey"], documented().reveal_name());
        assert_eq!(message.len(), 11);
        assert!(!parameters.stamped_message(&stamp).contains_key("signature"), "one that is logged on needs none");
    }

    /// Symbols in other scripts are encoded before they are signed: what `openssl dgst -sha256 -hmac` says of the encoded text.
    #[test]
    fn what_has_a_meaning_in_a_url_is_encoded_before_it_is_signed() {
        let parameters = order("１２３４５６").with("quantity", 1).with("price", "0.1");
        let stamp = Stamp { timestamp_ms: 1_499_827_319_559, recv_window_ms: 5_000 };
        let query = parameters.stamped(&stamp).query();
        assert!(query.starts_with("symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&side=BUY"), "{query}");
        assert_eq!(documented().sign(&query), "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3");
    }

    #[test]
    fn parameters_show_their_names_alone() {
        let shown = format!("{:?}", Parameters::default().with("apiKey", "hush"));
        assert_eq!(shown, r#"{"apiKey"}"#);
    }
}
