//! Refusals of the venue: which of them say for certain that nothing happened, and what each asks of us. Source: `errors.md`,
//! `rest-api.md` (HTTP return codes).
//!
//! Invariant: only what the venue documents as never having reached its matching engine, or as refused by it, is a refusal. Any 5xx,
//! and every code that says that the outcome is not known, leaves the outcome open, whatever else it says.

use messages::{Reason, UtcNanos, caps};
use serde::Deserialize;
use serde_json::Value;

/// What the venue said instead of what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failure {
    /// The status of HTTP, which the WebSocket API says as well.
    pub status: u16,
    /// The venue's code, where it says one.
    pub code: Option<i64>,
    /// Its words, cut to [`caps::NOTE_BYTES`].
    pub text: String,
    /// When it may be asked again, where it says so.
    pub again_at: Option<UtcNanos>,
    /// What else it says: the two halves of a replacement.
    pub data: Value,
}

/// What became of what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was refused, and did nothing.
    Refused(Reason),
    /// It may have been done or not, or may still be done.
    Open,
    /// The venue does not know the order.
    NotKnown,
    /// An order that ended long ago without a fill.
    Archived,
}

/// What the failure asks of us, beside its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// Nothing.
    Nothing,
    /// To say nothing until then; `None` for a wait that the venue does not name.
    Wait(Option<UtcNanos>),
    /// To send nothing that counts as an order until then; `None` for a wait that the venue does not name.
    NoOrders(Option<UtcNanos>),
    /// To look at the venue's clock again.
    Clock,
    /// Another key, or more permissions for it: asking again changes nothing.
    Key,
    /// Another connection.
    Reconnect,
}

/// The body of a failure by REST, and the member `error` of one over the WebSocket API.
#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    code: Value,
    #[serde(default)]
    msg: String,
    #[serde(default)]
    data: Value,
}

impl Failure {
    /// From the status, the body and the header `Retry-After` (seconds) of an answer that was received at `now`.
    #[must_use]
    pub fn read(status: u16, body: &str, retry_after_secs: Option<u64>, now: UtcNanos) -> Self {
        let wait = retry_after_secs.map(|secs| now.after(std::time::Duration::from_secs(secs)));
        let Ok(read) = serde_json::from_str::<Body>(body) else {
            // A proxy or a firewall says what it says.
            return Self { status, text: cut(body), again_at: wait, ..Self::default() };
        };
        let code = read.code.as_i64().or_else(|| read.code.as_str()?.parse().ok());
        let said = read.data["retryAfter"].as_i64().or_else(|| banned_until(&read.msg)).and_then(UtcNanos::from_millis);
        Self { status, code, text: cut(&read.msg), again_at: said.or(wait), data: read.data }
    }

    /// What became of what was asked.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if (500..600).contains(&self.status) || self.status == 0 && self.code.is_none() {
            return Outcome::Open;
        }
        let refused = |code| Outcome::Refused(Reason::code(code));
        match self.code {
            // Internal errors and time-outs: the venue itself does not know.
            Some(-1000 | -1001 | -1004 | -1006 | -1007 | -1099) => Outcome::Open,
            Some(-1002 | -1022 | -2014 | -2015) => refused("binance.key"),
            Some(-1003) => refused("binance.rate_limit"),
            Some(-1008) => refused("binance.busy"),
            Some(-1013) => filter(&self.text),
            Some(-1015) => refused("binance.order_limit"),
            Some(-1016) => refused("binance.shutting_down"),
            Some(-1021) => refused("binance.clock"),
            Some(-1034) => refused("binance.connections"),
            Some(-1130..=-1100) => {
                refused(if self.code == Some(-1121) { "binance.symbol" } else { "binance.parameter" })
            }
            Some(-2010) => new_order(&self.text),
            Some(-2011) if self.text.contains("restrictions") => refused("binance.partially_filled"),
            Some(-2011 | -2013) => Outcome::NotKnown,
            Some(-2026) => Outcome::Archived,
            Some(-2021 | -2022) => refused("binance.replace"),
            Some(-2038) => refused("binance.amend"),
            Some(-2039) => refused("binance.client_order_id"),
            // 4xx is documented as a fault of who asks; a status that is none of HTTP says nothing.
            _ if self.status == 403 => refused("binance.firewall"),
            _ if matches!(self.status, 418 | 429) => refused("binance.rate_limit"),
            _ if (400..500).contains(&self.status) => refused("binance.refused"),
            _ => Outcome::Open,
        }
    }

    /// Whether the venue turned the request away without looking at what it asks: for its rate, for its stamp, because the venue is
    /// busy or about to go. The same request may be taken later.
    #[must_use]
    pub fn is_of_the_moment(&self) -> bool {
        matches!(self.status, 403 | 418 | 429) || matches!(self.code, Some(-1003 | -1008 | -1016 | -1021 | -1034))
    }

    /// Whether a filter of the symbol refused an order that passed it here: the filter may be another by now. Of a cancel and a new
    /// order in one the new order's refusal stands in the data.
    #[must_use]
    pub fn is_of_a_filter(&self) -> bool {
        let is = |code: Option<i64>, text: &str| code == Some(-1013) && text.starts_with(FILTER);
        let second = &self.data["newOrderResponse"];
        is(self.code, &self.text) || is(second["code"].as_i64(), second["msg"].as_str().unwrap_or_default())
    }

    /// Whether a symbol that was asked about is not there: of many it says not which.
    #[must_use]
    pub fn is_of_a_symbol(&self) -> bool {
        self.code == Some(-1121)
    }

    /// What it asks of us.
    #[must_use]
    pub fn demand(&self) -> Demand {
        match (self.status, self.code) {
            (418 | 403, _) => Demand::Wait(self.again_at),
            // Too many orders come with 429, as too many requests do; what counts as none may go on.
            (_, Some(-1008 | -1015)) => Demand::NoOrders(self.again_at),
            (429, _) | (_, Some(-1003 | -1034)) => Demand::Wait(self.again_at),
            (_, Some(-1021)) => Demand::Clock,
            (_, Some(-1002 | -1022 | -2014 | -2015)) => Demand::Key,
            (_, Some(-1016 | -2042)) => Demand::Reconnect,
            _ => Demand::Nothing,
        }
    }
}

/// In one line.
impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = if self.text.is_empty() { "no words" } else { self.text.trim() };
        match self.code {
            Some(code) => write!(f, "{text} (code {code}, status {})", self.status),
            None => write!(f, "{text} (status {})", self.status),
        }
    }
}

/// In front of a filter's name.
const FILTER: &str = "Filter failure: ";

/// `Filter failure: LOT_SIZE` and other messages that never reached the matching engine.
fn filter(text: &str) -> Outcome {
    let code = match text.strip_prefix(FILTER).map(str::trim) {
        Some("PRICE_FILTER") => "binance.price_filter",
        Some("LOT_SIZE") => "binance.lot_size",
        Some("MARKET_LOT_SIZE") => "binance.market_lot_size",
        Some("NOTIONAL" | "MIN_NOTIONAL") => "binance.notional",
        Some("PERCENT_PRICE" | "PERCENT_PRICE_BY_SIDE") => "binance.percent_price",
        Some("TRAILING_DELTA") => "binance.trailing_delta",
        Some("MAX_POSITION") => "binance.max_position",
        Some("MAX_NUM_ORDERS") => "binance.max_num_orders",
        Some("MAX_NUM_ALGO_ORDERS") => "binance.max_num_algo_orders",
        Some("EXCHANGE_MAX_NUM_ORDERS") => "binance.exchange_max_num_orders",
        Some(_) => "binance.filter",
        None => "binance.message",
    };
    Outcome::Refused(Reason::code(code))
}

/// The matching engine's refusals of a new order have one code and tell why in words.
fn new_order(text: &str) -> Outcome {
    let says = |part: &str| text.contains(part);
    if says("Duplicate order sent") {
        // An order of this id is open: the one that we ask about, sent before.
        return Outcome::Open;
    }
    let code = if says("insufficient balance") {
        "binance.insufficient_balance"
    } else if says("immediately match") {
        "binance.would_match"
    } else if says("trigger immediately") {
        "binance.would_trigger"
    } else if says("Market is closed") {
        "binance.market_closed"
    } else if says("disabled on this account") || says("not enabled") {
        "binance.disabled"
    } else {
        "binance.new_order"
    };
    Outcome::Refused(Reason::code(code))
}

/// `… IP banned until 1659146400000 …`, in milliseconds since 1970.
fn banned_until(text: &str) -> Option<i64> {
    let (_, rest) = text.split_once("until ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The beginning of a text.
pub(super) fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(caps::NOTE_BYTES)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcNanos = UtcNanos(1_700_000_000_000_000_000);

    fn read(status: u16, code: i64, text: &str) -> Failure {
        Failure::read(status, &serde_json::json!({"code": code, "msg": text}).to_string(), None, NOW)
    }

    #[test]
    fn only_what_is_certain_is_a_refusal() {
        let check = |status, code, text: &str, expected: &str| {
            let said = match read(status, code, text).outcome() {
                Outcome::Refused(reason) => reason.to_string(),
                other => format!("{other:?}"),
            };
            assert_eq!(said, expected, "{status} {code} {text}");
        };
        // The same words with a status of the server's own fault are open, always.
        for (code, text) in
            [(-1013, "Filter failure: LOT_SIZE"), (-1008, "busy"), (-2010, "insufficient balance"), (-9999, "?")]
        {
            for status in [500, 502, 503, 504, 599] {
                check(status, code, text, "Open");
            }
        }
        check(
            400,
            -1007,
            "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
            "Open",
        );
        check(
            400,
            -1006,
            "An unexpected response was received from the message bus. Execution status unknown.",
            "Open",
        );
        check(400, -1000, "An unknown error occurred while processing the request.", "Open");
        check(200, -7777, "new", "Open");
        check(400, -1013, "Filter failure: LOT_SIZE", "binance.lot_size");
        check(400, -1013, "Filter failure: SOMETHING_NEW", "binance.filter");
        check(400, -1013, "Invalid quantity.", "binance.message");
        check(400, -1015, "Too many new orders; current limit is 50 orders per 10 SECOND.", "binance.order_limit");
        check(400, -1021, "Timestamp for this request is outside of the recvWindow.", "binance.clock");
        check(400, -1022, "Signature for this request is not valid.", "binance.key");
        check(400, -1102, "Mandatory parameter 'side' was not sent", "binance.parameter");
        check(400, -1121, "Invalid symbol.", "binance.symbol");
        check(400, -2010, "Account has insufficient balance for requested action.", "binance.insufficient_balance");
        check(400, -2010, "Order would immediately match and take.", "binance.would_match");
        check(400, -2010, "Stop price would trigger immediately.", "binance.would_trigger");
        check(400, -2010, "Market is closed.", "binance.market_closed");
        check(400, -2010, "Something new.", "binance.new_order");
        check(400, -2010, "Duplicate order sent.", "Open");
        check(400, -2011, "Unknown order sent.", "NotKnown");
        check(400, -2011, "Order was not canceled due to cancel restrictions.", "binance.partially_filled");
        check(400, -2013, "Order does not exist.", "NotKnown");
        check(
            400,
            -2026,
            "Order was canceled or expired with no executed qty over 90 days ago and has been archived.",
            "Archived",
        );
        check(400, -9999, "A code that nobody knows yet.", "binance.refused");
        check(403, 0, "", "binance.firewall");
    }

    #[test]
    fn a_refusal_by_a_filter_is_told_from_others() {
        assert!(read(400, -1013, "Filter failure: LOT_SIZE").is_of_a_filter());
        assert!(!read(400, -1013, "Invalid quantity.").is_of_a_filter());
        assert!(!read(400, -2010, "Filter failure: LOT_SIZE").is_of_a_filter());
        let partly = |code: i64, text: &str| {
            let second = serde_json::json!({"code": code, "msg": text});
            let data =
                serde_json::json!({"cancelResult": "SUCCESS", "newOrderResult": "FAILURE", "newOrderResponse": second});
            let body =
                serde_json::json!({"code": -2021, "msg": "Order cancel-replace partially failed.", "data": data});
            Failure::read(409, &body.to_string(), None, NOW)
        };
        assert!(partly(-1013, "Filter failure: LOT_SIZE").is_of_a_filter());
        assert!(!partly(-2010, "Account has insufficient balance for requested action.").is_of_a_filter());
    }

    #[test]
    fn waits_are_read_wherever_they_stand() {
        let header = Failure::read(429, r#"{"code":-1003,"msg":"Too many requests"}"#, Some(7), NOW);
        assert_eq!(header.demand(), Demand::Wait(Some(UtcNanos(NOW.0 + 7_000_000_000))));
        let data = r#"{"code":-1003,"msg":"x","data":{"serverTime":1659146399000,"retryAfter":1659146400000}}"#;
        let until = UtcNanos::from_millis(1_659_146_400_000);
        assert_eq!(Failure::read(418, data, None, NOW).demand(), Demand::Wait(until));
        let words = "Way too much request weight used; IP banned until 1659146400000. Please use WebSocket Streams.";
        assert_eq!(read(418, -1003, words).demand(), Demand::Wait(until));
        assert_eq!(Failure::read(418, "<html>teapot</html>", None, NOW).demand(), Demand::Wait(None));
        for (status, code) in [(503, -1008), (400, -1015), (429, -1015)] {
            assert_eq!(read(status, code, "x").demand(), Demand::NoOrders(None), "{status} {code}");
        }
        assert_eq!(read(418, -1015, "x").demand(), Demand::Wait(None), "banned is banned");
        assert_eq!(read(400, -1021, "x").demand(), Demand::Clock);
        assert_eq!(read(401, -2015, "x").demand(), Demand::Key);
        assert_eq!(read(400, -1016, "x").demand(), Demand::Reconnect);
        assert_eq!(read(400, -2010, "x").demand(), Demand::Nothing);
    }

    proptest::proptest! {
        /// Whatever comes is a failure with words of bounded length.
        #[test]
        fn anything_is_read(status: u16, body in ".{0,900}") {
            let failure = Failure::read(status, &body, None, NOW);
            assert!(failure.text.len() <= caps::NOTE_BYTES);
            let _ = (failure.outcome(), failure.demand(), failure.to_string());
        }
    }
}
