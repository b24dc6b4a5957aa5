//! What an answer by HTTP means for the order that was asked about.
//!
//! The rule: an order is refused only where the venue says so. Whatever leaves room for an order that was taken (a
//! time-out, a 5xx, a proxy's answer, "an order of that name exists") is ambiguous, and the venue is asked by our id.
//! Sources: docs.alpaca.markets, `POST /v2/orders` and rate limits; codes as recorded and as clients met them.

use std::time::Duration;

use messages::{Reason, UtcNanos};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::wire::json::{self, Text};
use crate::wire::{DecodeError, cut};

/// An answer, whatever its status.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After`.
    pub retry_after: Option<Duration>,
    /// `X-RateLimit-Remaining`: requests left until `reset`.
    pub remaining: Option<u32>,
    /// `X-RateLimit-Reset`.
    pub reset: Option<UtcNanos>,
    /// The body.
    pub body: &'a [u8],
}

/// What it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done; of a replacement and a cancel only that it was taken.
    Done,
    /// It was refused, and is not there.
    Refused {
        /// Our stable code.
        reason: Reason,
        /// The venue's words.
        text: String,
    },
    /// What was asked about is not there.
    NotKnown,
    /// Too many requests: this one was not looked at.
    Limited,
    /// The keys are not taken: this request and all that follow are not looked at.
    Unauthorized {
        /// The venue's words.
        text: String,
    },
    /// It may have been done or not.
    Ambiguous {
        /// What came instead of an answer.
        text: String,
    },
}

/// What the venue says is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Its code; the first three digits repeat the HTTP status.
    pub code: Option<i64>,
    /// Its words; empty where it says none.
    pub message: String,
}

#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<Text<'a>>,
}

impl Complaint {
    /// Reads the body of a refusal; what is no such body is its own message.
    #[must_use]
    pub fn read(body: &[u8]) -> Self {
        let shape: Result<Shape<'_>, DecodeError> = json::text(body).and_then(|text| json::read(text, "error"));
        let Ok(Shape { code, message }) = shape else {
            let beginning = String::from_utf8_lossy(&body[..body.len().min(320)]);
            return Self { code: None, message: cut(beginning.trim()) };
        };
        let code = code.and_then(|code| code.get().trim_matches('"').parse().ok());
        let message = message.map_or_else(String::new, |text| text.chars().take(400).collect());
        Self { code, message }
    }

    fn words(&self, status: u16) -> String {
        match self.code {
            Some(code) => format!("{status}, {code}: {}", self.message),
            None => format!("{status}: {}", self.message),
        }
    }

    fn reason(&self, status: u16) -> Reason {
        let says = |word: &str| self.message.to_ascii_lowercase().contains(word);
        Reason::code(match status {
            403 if says("insufficient") => "alpaca.insufficient",
            403 if says("short") => "alpaca.short",
            403 if says("wash") => "alpaca.wash_trade",
            403 if says("pattern day") => "alpaca.pattern_day_trading",
            403 => "alpaca.forbidden",
            404 => "alpaca.not_found",
            422 if says("sub-penny") => "alpaca.price_step",
            422 if says("not active") || says("not tradable") => "alpaca.tradable",
            400 | 422 => "alpaca.invalid",
            _ => "alpaca.refused",
        })
    }
}

impl Answer<'_> {
    /// What it means.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        outcome(self.status, self.body)
    }
}

fn outcome(status: u16, body: &[u8]) -> Outcome {
    if (200..300).contains(&status) {
        return Outcome::Done;
    }
    let complaint = Complaint::read(body);
    let text = complaint.words(status);
    match status {
        401 => Outcome::Unauthorized { text },
        // Without a code it is the gate in front of the venue that forbids.
        403 if complaint.code.is_none() => Outcome::Unauthorized { text },
        404 => Outcome::NotKnown,
        429 => Outcome::Limited,
        // An order of that name is there: it may be this one, sent a moment ago.
        422 if complaint.message.contains("client_order_id must be unique") => Outcome::Ambiguous { text },
        // A request that was given up under way may have arrived.
        408 | 499 => Outcome::Ambiguous { text },
        400..500 => Outcome::Refused { reason: complaint.reason(status), text },
        _ => Outcome::Ambiguous { text },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Outcome {
        Answer { status, retry_after: None, remaining: None, reset: None, body: body.as_bytes() }.outcome()
    }

    #[test]
    fn only_what_the_venue_refuses_is_refused() {
        let check = |status: u16, message: &str, expected: &str| {
            let body = format!(r#"{{"code":{status}10000,"message":"{message}"}}"#);
            let Outcome::Refused { reason, text } = of(status, &body) else { panic!("{status}: {message}") };
            assert_eq!(reason.as_str(), expected, "{message}");
            assert!(text.contains(message) && text.contains(&format!("{status}10000")), "{text}");
        };
        check(
            422,
            "invalid limit_price 290.123. sub-penny increment does not fulfill minimum pricing criteria",
            "alpaca.price_step",
        );
        check(422, "qty must be > 0", "alpaca.invalid");
        check(422, "asset XYZ is not active", "alpaca.tradable");
        check(403, "insufficient buying power", "alpaca.insufficient");
        check(403, "account is not allowed to short", "alpaca.short");
        check(403, "potential wash trade detected", "alpaca.wash_trade");
        check(403, "trading is blocked", "alpaca.forbidden");
        check(400, "request body format is invalid", "alpaca.invalid");
        check(418, "a teapot", "alpaca.refused");
    }

    #[test]
    fn what_leaves_room_for_an_order_is_ambiguous() {
        for status in [100, 301, 307, 408, 499, 500, 502, 503, 504, 520, 599] {
            assert!(matches!(of(status, "<html>"), Outcome::Ambiguous { .. }), "{status}");
        }
        let twice = r#"{"code":40010001,"message":"client_order_id must be unique"}"#;
        assert!(matches!(of(422, twice), Outcome::Ambiguous { .. }));
    }

    #[test]
    fn the_rest_has_its_meaning() {
        for status in [200, 201, 204, 207] {
            assert_eq!(of(status, ""), Outcome::Done);
        }
        assert_eq!(of(404, r#"{"code":40410000,"message":"order not found"}"#), Outcome::NotKnown);
        assert_eq!(of(429, "too many requests."), Outcome::Limited);
        assert!(matches!(of(401, ""), Outcome::Unauthorized { .. }));
        assert!(matches!(of(403, "Forbidden"), Outcome::Unauthorized { .. }));
    }

    #[test]
    fn a_complaint_that_is_none_is_its_own_text() {
        let complaint = Complaint::read(b"\xff<html>gateway</html>");
        assert!(complaint.message.contains("gateway") && complaint.code.is_none());
        let coded = Complaint::read(br#"{"code":"42210000","message":null,"other":{}}"#);
        assert_eq!(coded, Complaint { code: Some(42_210_000), message: String::new() });
    }
}
