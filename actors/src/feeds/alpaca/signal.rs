//! What frames say about the connection and about trading itself, beside market data: answers to what we sent, errors,
//! subscriptions, and trading halts.

use serde::Deserialize;

use super::Counted;
use crate::wire::json::{self, Text};
use crate::wire::{DecodeError, cut};

/// Status codes by which trading stops: a halt on tapes A and B, a halt and a volatility pause on tape C.
const HALTED: [&str; 3] = ["2", "H", "P"];
/// Status codes by which it goes on.
const RESUMED: [&str; 2] = ["3", "T"];

/// Something about the connection or about trading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// The server has taken the connection.
    Connected,
    /// And our keys.
    Authenticated,
    /// All that is subscribed now: channels with their symbols.
    Subscribed(Vec<(String, Vec<String>)>),
    /// It refuses or reports something.
    Error {
        /// Its code.
        code: u32,
        /// Its text.
        text: String,
    },
    /// Trading of a symbol stopped or went on.
    Trading {
        /// Which.
        symbol: String,
        /// Whether it stopped.
        halted: bool,
        /// In the venue's words.
        text: String,
    },
}

#[derive(Deserialize)]
struct Control<'a> {
    #[serde(borrow, rename = "msg")]
    text: Option<Text<'a>>,
    code: Option<u32>,
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(borrow, rename = "S")]
    symbol: Option<Text<'a>>,
    #[serde(borrow, rename = "sc")]
    code: Option<Text<'a>>,
    #[serde(borrow, rename = "sm")]
    text: Option<Text<'a>>,
    #[serde(borrow, rename = "rc")]
    reason_code: Option<Text<'a>>,
    #[serde(borrow, rename = "rm")]
    reason: Option<Text<'a>>,
}

/// Reads a `success`, `error` or `subscription`. `None` for a success that says nothing that we know.
pub fn control(kind: &str, message: &str) -> Result<Option<Signal>, DecodeError> {
    if kind == "subscription" {
        return subscribed(message).map(Some);
    }
    let Control { text, code } = json::read(message, "control message")?;
    let text = text.as_deref().unwrap_or_default();
    Ok(match (kind, text) {
        ("error", _) => Some(Signal::Error { code: code.unwrap_or(0), text: cut(text) }),
        (_, "connected") => Some(Signal::Connected),
        (_, "authenticated") => Some(Signal::Authenticated),
        _ => None,
    })
}

fn subscribed(message: &str) -> Result<Signal, DecodeError> {
    let all: serde_json::Map<String, serde_json::Value> = json::read(message, "subscription")?;
    let texts = |value: serde_json::Value| -> Option<Vec<String>> {
        value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
    };
    Ok(Signal::Subscribed(all.into_iter().filter_map(|(name, value)| Some((name, texts(value)?))).collect()))
}

/// Reads a trading status. One that neither stops nor resumes trading is only counted.
pub fn status(message: &str, counted: &mut Counted) -> Result<Option<Signal>, DecodeError> {
    let status: Status<'_> = json::read(message, "status")?;
    counted.statuses += 1;
    let (Some(symbol), Some(code)) = (status.symbol.as_deref(), status.code.as_deref()) else { return Ok(None) };
    let halted = HALTED.contains(&code);
    if !halted && !RESUMED.contains(&code) {
        return Ok(None);
    }
    let part = |text: &Option<Text<'_>>| text.as_deref().unwrap_or("-").to_owned();
    let text = format!("{} ({code}), {} ({})", part(&status.text), part(&status.reason), part(&status.reason_code));
    Ok(Some(Signal::Trading { symbol: cut(symbol), halted, text: text.chars().take(200).collect() }))
}
