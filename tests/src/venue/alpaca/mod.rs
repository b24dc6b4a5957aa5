//! Alpaca's trading before the exchange: REST below /v2 and trade updates at /stream. Source: the trading API's reference;
//! recorded messages win over it.
//!
//! Invariant: an order's number stands in its id, so that no table of ids can disagree with the exchange.

mod errors;
mod orders;
mod reads;
mod stream;
mod terms;

use std::collections::BTreeMap;
use std::time::Duration;

use messages::{Cash, UtcNanos};
use serde_json::{Value, json};

use super::exchange::Exchange;
use super::exchange::rules::{ClientIds, Fees, Instrument, Rules};
use super::face::{Answer, Asked, Face, Failure, Frame, Said};
use errors::ApiError;
use stream::Link;
use terms::Extras;

/// How Alpaca does things.
pub const RULES: Rules = Rules {
    client_ids: ClientIds::Forever,
    fees: Fees::None,
    leverage: Some(2),
    market_rest_expires: false,
    takes_while_halted: true,
    met_trigger_refused: false,
    first_fill_ends_partner: false,
    partner_expires: false,
};

const MINUTE: Duration = Duration::from_secs(60);

/// How the server is.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The key's id and its secret.
    pub keys: (String, String),
    /// Whose money.
    pub account: String,
    /// What is traded; crypto if there is a slash in its symbol.
    pub instruments: Vec<Instrument>,
    /// Frames are binary, as the paper endpoint's are; else text.
    pub binary: bool,
    /// Requests by REST in a minute.
    pub requests: u32,
    /// When the account was opened.
    pub since: UtcNanos,
}

/// The server.
#[derive(Debug)]
pub struct AlpacaVenue {
    exchange: Exchange,
    setup: Setup,
    extras: BTreeMap<u64, Extras>,
    links: BTreeMap<u64, Link>,
    said: Vec<Said>,
    made_ids: u64,
    updates: u64,
    minute: (UtcNanos, u32),
}

impl AlpacaVenue {
    /// A server whose account owns so much of each asset.
    #[must_use]
    pub fn new(setup: Setup, owned: &[(&str, Cash)]) -> Self {
        let mut exchange = Exchange::new(RULES, setup.instruments.clone(), 0);
        for (asset, much) in owned {
            exchange.accounts.entry(setup.account.clone()).or_default().add(asset, *much);
        }
        let (extras, links) = (BTreeMap::new(), BTreeMap::new());
        let minute = (UtcNanos::MIN, 0);
        Self { exchange, setup, extras, links, said: Vec::new(), made_ids: 0, updates: 0, minute }
    }

    /// The same server, which takes so many requests in a minute.
    #[must_use]
    pub fn with_requests(mut self, requests: u32) -> Self {
        self.setup.requests = requests;
        self
    }

    fn route(&mut self, asked: &Asked, now: UtcNanos) -> Result<Answer, ApiError> {
        let path: Vec<&str> = asked.path.trim_matches('/').split('/').collect();
        // A pair's slash comes percent-encoded.
        let decoded = |text: &str| {
            form_urlencoded::parse(format!("s={}", text.replace('+', "%2B")).as_bytes())
                .next()
                .map_or(String::new(), |(_, v)| v.to_string())
        };
        let body = || match asked.body.as_str() {
            "" => Ok(Value::Null),
            text => serde_json::from_str(text)
                .map_err(|e| ApiError::new(400, 40_010_000, format!("request body format is invalid: {e}"))),
        };
        let ok = |value: Value| Answer::json(200, &value);
        Ok(match (asked.method.as_str(), &path[..]) {
            ("POST", ["v2", "orders"]) => ok(self.place(&body()?, now)?),
            ("GET", ["v2", "orders"]) => ok(self.orders(&asked.query)?),
            ("DELETE", ["v2", "orders"]) => Answer::json(207, &self.cancel_all(now)),
            ("GET", ["v2", "orders:by_client_order_id"]) => ok(self.by_client_id(&asked.query)?),
            ("GET", ["v2", "orders", id]) => ok(self.order_json(self.named(id)?, true)),
            ("PATCH", ["v2", "orders", id]) => ok(self.replace(id, &body()?, now)?),
            ("DELETE", ["v2", "orders", id]) => {
                self.cancel(id, now)?;
                Answer { status: 204, headers: Vec::new(), body: String::new() }
            }
            ("GET", ["v2", "positions"]) => ok(self.positions()),
            ("GET", ["v2", "positions", symbol]) => ok(self.position(&decoded(symbol))?),
            ("DELETE", ["v2", "positions"]) => Answer::json(207, &self.close_all(&asked.query, now)),
            ("DELETE", ["v2", "positions", symbol]) => {
                ok(self.close(&decoded(symbol), &reads::query(&asked.query), now)?)
            }
            ("GET", ["v2", "account"]) => ok(self.account()),
            ("GET", ["v2", "account", "activities"] | ["v2", "account", "activities", "FILL"]) => {
                ok(self.fills(&asked.query)?)
            }
            ("GET", ["v2", "clock"]) => ok(self.clock(now)),
            ("GET", ["v2", "calendar"]) => ok(self.calendar(&asked.query, now)?),
            ("GET", ["v2", "assets"]) => ok(self.assets(&asked.query)),
            ("GET", ["v2", "assets", name]) => ok(self.asset(&decoded(name))?),
            _ => return Err(ApiError::missing(format!("endpoint not found: {}", asked.point()))),
        })
    }

    fn close_all(&mut self, query: &str, now: UtcNanos) -> Value {
        if reads::query(query).iter().any(|(n, v)| n == "cancel_orders" && v.eq_ignore_ascii_case("true")) {
            self.cancel_all(now);
        }
        let symbols: Vec<String> = self.held().into_iter().map(|on| on.symbol.clone()).collect();
        let mut told = Vec::new();
        for symbol in symbols {
            let (status, body) = match self.close(&symbol, &[], now) {
                Ok(order) => (200, order),
                Err(error) => (error.status, serde_json::from_str(&error.answer().body).unwrap_or_default()),
            };
            told.push(json!({"symbol": symbol, "status": status, "body": body}));
        }
        Value::Array(told)
    }

    /// Counts a request; false beyond the limit.
    fn count(&mut self, now: UtcNanos) -> bool {
        let begin = now.floor_to(MINUTE);
        if self.minute.0 != begin {
            self.minute = (begin, 0);
        }
        self.minute.1 += 1;
        self.minute.1 <= self.setup.requests
    }

    fn rates(&self) -> Vec<(&'static str, String)> {
        vec![
            ("X-RateLimit-Limit", self.setup.requests.to_string()),
            ("X-RateLimit-Remaining", self.setup.requests.saturating_sub(self.minute.1).to_string()),
            ("X-RateLimit-Reset", self.minute.0.after(MINUTE).secs().to_string()),
        ]
    }
}

impl Face for AlpacaVenue {
    fn asked(&mut self, asked: &Asked, now: UtcNanos) -> Answer {
        let (id, secret) = (asked.header("APCA-API-KEY-ID"), asked.header("APCA-API-SECRET-KEY"));
        let known = id == Some(&self.setup.keys.0) && secret == Some(&self.setup.keys.1);
        let mut answer = if !known {
            ApiError::new(401, 40_110_000, "request is not authorized").answer()
        } else if self.count(now) {
            self.route(asked, now).unwrap_or_else(|error| error.answer())
        } else {
            too_many().answer()
        };
        self.tell();
        answer.headers = self.rates();
        answer
    }

    fn opened(&mut self, link: u64, asked: &Asked, _now: UtcNanos) -> bool {
        let known = asked.path.trim_end_matches('/') == "/stream";
        if known {
            self.links.insert(link, Link::default());
        }
        known
    }

    fn heard(&mut self, link: u64, text: &str, _now: UtcNanos) {
        self.frame(link, text);
    }

    fn closed(&mut self, link: u64) {
        self.links.remove(&link);
    }

    fn says(&mut self, _now: UtcNanos) -> Vec<Said> {
        self.tell();
        std::mem::take(&mut self.said)
    }

    fn point(&self, text: &str) -> String {
        let action = serde_json::from_str::<Value>(text).ok().and_then(|v| v["action"].as_str().map(str::to_owned));
        action.unwrap_or_else(|| "unreadable".to_owned())
    }

    fn fails(&self, failure: Failure, _now: UtcNanos) -> Answer {
        let (error, wait) = match failure {
            Failure::TooMany(wait) => (too_many(), Some(wait)),
            Failure::Banned(wait) => (ApiError { status: 418, ..too_many() }, Some(wait)),
            Failure::Broken(status) => (ApiError::new(status, 50_010_000, "internal server error occurred"), None),
        };
        let mut answer = error.answer();
        answer.headers.extend(wait.map(|seconds| ("Retry-After", seconds.to_string())));
        answer
    }

    /// The stream has no words for a failure.
    fn fails_frame(&self, _text: &str, _failure: Failure, _now: UtcNanos) -> Option<Frame> {
        None
    }

    fn exchange(&mut self) -> &mut Exchange {
        &mut self.exchange
    }
}

fn too_many() -> ApiError {
    ApiError::new(429, 42_910_000, "rate limit exceeded")
}

#[cfg(test)]
mod tests;
