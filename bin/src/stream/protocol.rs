//! The words of the stream: what a client may say, and what it hears. docs/guide/api.md is the contract.

use bytestring::ByteString;
use messages::UtcNanos;
use serde::{Deserialize, Serialize};

use super::topic::Topic;

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
pub enum Request {
    /// It wants these topics, each from a new snapshot on.
    Subscribe {
        /// Their names.
        topics: Vec<String>,
    },
    /// It wants them no longer.
    Unsubscribe {
        /// Their names.
        topics: Vec<String>,
    },
}

/// Whether a message says all or what is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// All that is known of the topic.
    Snapshot,
    /// What is new since the message before.
    Update,
}

/// The head of a message with data.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// Snapshot or update.
    pub kind: Kind,
    /// Of which topic.
    pub topic: Topic,
    /// The topic's n-th message.
    pub seq: u64,
    /// When it was written.
    pub at: UtcNanos,
}

impl Head {
    /// The whole message, for all who are subscribed.
    pub fn write(&self, data: &impl Serialize) -> ByteString {
        let Self { kind, topic, seq, at } = *self;
        text(&Data { kind, topic: &topic.to_string(), seq, at: &at.to_string(), data })
    }
}

/// A message with data.
#[derive(Serialize)]
struct Data<'a, T> {
    #[serde(rename = "type")]
    kind: Kind,
    topic: &'a str,
    seq: u64,
    at: &'a str,
    data: &'a T,
}

/// A request that is not done, in a message; the connection stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    topic: Option<String>,
    code: &'static str,
    detail: String,
}

impl Refusal {
    /// Of a request as a whole.
    pub fn new(code: &'static str, detail: String) -> Self {
        Self { topic: None, code, detail }
    }

    /// Of one topic among those that were asked for.
    pub fn of(topic: String, code: &'static str, detail: String) -> Self {
        Self { topic: Some(topic), code, detail }
    }

    /// The message.
    pub fn write(&self) -> ByteString {
        text(&Said { kind: "error", topic: self.topic.as_deref(), code: self.code, detail: &self.detail })
    }
}

/// Why a client is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// Orders and fills alone did not fit its queue.
    Slow,
    /// Nothing was heard of it for too long, not even an answer to a ping.
    Silent,
    /// It says more than anybody has to say.
    Flood,
    /// What it says is no text, too long, or no WebSocket at all.
    Faulty,
    /// Whoever it is has logged out, or was logged out.
    LoggedOut,
    /// Merganser stops, or its stream has ended.
    Stopping,
}

impl Closing {
    /// A stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Silent => "silent",
            Self::Flood => "flood",
            Self::Faulty => "faulty",
            Self::LoggedOut => "logged_out",
            Self::Stopping => "stopping",
        }
    }

    /// What to do about it.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Slow => "orders and fills did not fit any more; read faster or subscribe to less, and connect again",
            Self::Silent => "no answer to pings; connect again",
            Self::Flood => "too many messages in a second; subscribe to many topics with one of them",
            Self::Faulty => {
                "expected short messages of JSON text, as {\"op\": \"subscribe\", \"topics\": [\"orders\"]}"
            }
            Self::LoggedOut => "the session with which it was opened has ended; log in and connect again",
            Self::Stopping => "merganser stops; connect again when it runs",
        }
    }

    /// The message.
    pub fn write(self) -> ByteString {
        text(&Said { kind: "closing", topic: None, code: self.code(), detail: self.detail() })
    }
}

/// A message without data.
#[derive(Serialize)]
struct Said<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    code: &'static str,
    detail: &'a str,
}

fn text(message: &impl Serialize) -> ByteString {
    serde_json::to_string(message).expect("messages are plain data").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_as_the_contract_says() {
        let head = Head { kind: Kind::Update, topic: Topic::Orders, seq: 42, at: UtcNanos(1_500_000) };
        let expected = r#"{"type":"update","topic":"orders","seq":42,"at":"1970-01-01 00:00:00.001500","data":[1]}"#;
        assert_eq!(head.write(&[1]), expected);
        let refusal = Refusal::of("x".to_owned(), "unknown_topic", "why".to_owned());
        assert_eq!(refusal.write(), r#"{"type":"error","topic":"x","code":"unknown_topic","detail":"why"}"#);
        assert!(Closing::Slow.write().starts_with(r#"{"type":"closing","code":"slow","detail":""#));
    }

    #[test]
    fn requests_are_read_strictly() {
        let read = |text| serde_json::from_str::<Request>(text).ok();
        let topics = vec!["orders".to_owned()];
        assert_eq!(read(r#"{"op":"subscribe","topics":["orders"]}"#), Some(Request::Subscribe { topics }));
        for wrong in
            [r#"{"op":"shout","topics":[]}"#, r#"{"op":"subscribe"}"#, r#"{"op":"subscribe","topics":[],"a":1}"#]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
