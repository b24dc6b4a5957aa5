//! Messages of a frame that could not be read. Alpaca's arrays hold messages of many symbols: what is wrong with one is
//! no matter of the others, but whose it was must be known, for nothing else tells that it is missing.

use serde_json::value::RawValue;

use messages::Symbol;

use super::tick::Message;
use crate::wire::{DecodeError, cut};

/// One message that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub error: DecodeError,
    /// Its kind (`T`), as far as that can be read; else empty.
    pub kind: String,
    /// Whose it is, as far as that can be read.
    pub symbol: Option<Symbol>,
    /// Its text.
    pub text: String,
}

impl Fault {
    pub(super) fn new(error: DecodeError, text: &str) -> Self {
        // Each field by itself: the one that is wrong must not hide the others.
        let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
        let field = |name: &str| fields.get(name).and_then(serde_json::Value::as_str);
        let kind = field("T").map(cut).unwrap_or_default();
        Self { error, kind, symbol: field("S").and_then(|symbol| symbol.parse().ok()), text: text.to_owned() }
    }
}

/// The messages of a frame, each read by itself; how it looks says nothing about the others.
pub fn each<'a>(texts: &[&'a RawValue]) -> Vec<Result<Message<'a>, DecodeError>> {
    texts.iter().map(|text| crate::wire::json::read(text.get(), "message")).collect()
}
