//! What a venue's protocol hears and says, without sockets and clock: requests by REST, frames over links.

use messages::UtcNanos;

use super::exchange::Exchange;

/// A request by REST.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// GET, POST, …
    pub method: String,
    /// Without the query.
    pub path: String,
    /// As it was sent, without the question mark.
    pub query: String,
    /// As they were sent.
    pub headers: Vec<(String, String)>,
    /// As it was sent.
    pub body: String,
}

impl Asked {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// What faults call it: method and path.
    #[must_use]
    pub fn point(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// An answer by REST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Beside the usual ones.
    pub headers: Vec<(&'static str, String)>,
    /// JSON, or nothing.
    pub body: String,
}

impl Answer {
    /// JSON with a status.
    #[must_use]
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self { status, headers: Vec::new(), body: body.to_string() }
    }
}

/// A frame to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Of text.
    Text(String),
    /// Of bytes, which hold text.
    Binary(String),
    /// A ping with its payload.
    Ping(String),
    /// The link is closed.
    Close,
}

/// A frame for a link, and what faults call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The link.
    pub link: u64,
    /// `answer:order.place`, `event:executionReport:TRADE`, `event:fill`, …
    pub point: String,
    /// The frame.
    pub frame: Frame,
}

/// A way for a whole venue to fail, told in the venue's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The client asks too often: wait so many seconds.
    TooMany(u64),
    /// The client is banned: for so many seconds.
    Banned(u64),
    /// The venue fails with this HTTP status: the outcome is unknown.
    Broken(u16),
}

/// A venue's protocol.
pub trait Face: Send {
    /// A client asks by REST.
    fn asked(&mut self, asked: &Asked, now: UtcNanos) -> Answer;
    /// A client has opened a link; false when the venue has none there.
    fn opened(&mut self, link: u64, asked: &Asked, now: UtcNanos) -> bool;
    /// A client has sent a frame.
    fn heard(&mut self, link: u64, text: &str, now: UtcNanos);
    /// The link is gone for both sides.
    fn closed(&mut self, link: u64);
    /// All that it has to say, in order.
    fn says(&mut self, now: UtcNanos) -> Vec<Said>;
    /// What faults call a frame of a client.
    fn point(&self, text: &str) -> String;
    /// How it tells a failure by REST.
    fn fails(&self, failure: Failure, now: UtcNanos) -> Answer;
    /// How it tells a failure over a link in answer to `text`; `None` when it has no words for that.
    fn fails_frame(&self, text: &str, failure: Failure, now: UtcNanos) -> Option<Frame>;
    /// The exchange behind it.
    fn exchange(&mut self) -> &mut Exchange;
}
