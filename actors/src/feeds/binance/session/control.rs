//! What the venue says about the connection itself.

use serde::Deserialize;
use serde_json::Value;

/// A message that is no market data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// A message of ours was done.
    Confirmed(i64),
    /// A message of ours was refused.
    Refused {
        /// Which, where it says so.
        id: Option<i64>,
        /// Why, by number.
        code: Option<i64>,
        /// Why, in words.
        why: String,
    },
    /// The server is about to go.
    Shutdown,
    /// An answer to nothing that we ask.
    Other,
}

#[derive(Deserialize)]
struct Message {
    stream: Option<String>,
    e: Option<String>,
    #[serde(default)]
    id: Value,
    code: Option<i64>,
    msg: Option<String>,
    error: Option<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    code: Option<i64>,
    msg: Option<String>,
}

/// Reads such a message. The decoder has read it before and found that it is one.
pub fn read(frame: &[u8]) -> Control {
    let Ok(message) = serde_json::from_slice::<Message>(frame) else { return Control::Other };
    if message.stream.as_deref() == Some("!serverShutdown") || message.e.as_deref() == Some("serverShutdown") {
        return Control::Shutdown;
    }
    let id = message.id.as_i64();
    let problem = message.error.map_or((message.code, message.msg), |error| (error.code, error.msg));
    match (problem, id) {
        ((None, None), Some(id)) => Control::Confirmed(id),
        ((None, None), None) => Control::Other,
        ((code, text), id) => Control::Refused { id, code, why: described(code, text) },
    }
}

/// An error of the venue in one line, bounded.
pub fn described(code: Option<i64>, text: Option<String>) -> String {
    let text: String = text.unwrap_or_default().chars().take(200).collect();
    code.map_or_else(|| text.clone(), |code| format!("{text} (code {code})"))
}
