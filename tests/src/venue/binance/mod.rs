//! Binance Spot before the exchange: REST below /api/v3 and the WebSocket API at /ws-api/v3, with signatures, clock, weights
//! and order counts checked, and the user data stream. Source: `rest-api.md`, `web-socket-api.md`, `user-data-stream.md`.
//!
//! Invariant: a request that is refused before the matching engine changes nothing but the counters.

mod calls;
mod events;
mod limits;
mod orders;
mod params;
mod reads;
pub mod signing;
mod telling;
mod terms;
mod websocket;

use std::collections::BTreeMap;

use messages::UtcNanos;
use serde_json::{Value, json};

use super::exchange::Exchange;
use super::exchange::rules::{ClientIds, Fees, Instrument, Rules};
use super::face::{Answer, Asked, Face, Failure, Frame, Said};
use calls::{CALLS, Call, Entry};
use limits::{Limits, Over};
use orders::By;
use params::{ApiError, Params};
use signing::Key;
use terms::Extras;
use websocket::Link;

/// How Binance does things.
pub const RULES: Rules = Rules {
    client_ids: ClientIds::AmongLiving,
    fees: Fees::OfReceived(1_000),
    leverage: None,
    market_rest_expires: true,
    takes_while_halted: false,
    met_trigger_refused: true,
    first_fill_ends_partner: true,
    partner_expires: true,
};

/// How the server is.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Who may ask.
    pub keys: Vec<Key>,
    /// What is traded.
    pub instruments: Vec<Instrument>,
    /// Weight in a minute.
    pub weight: u32,
    /// New orders in ten seconds and in a day.
    pub orders: [u32; 2],
    /// The number before the first order's and the first trade's.
    pub first: u64,
}

/// The server.
#[derive(Debug)]
pub struct BinanceVenue {
    exchange: Exchange,
    keys: Vec<Key>,
    limits: Limits,
    extras: BTreeMap<u64, Extras>,
    links: BTreeMap<u64, Link>,
    lists_told: BTreeMap<u64, bool>,
    said: Vec<Said>,
    made_ids: u64,
    first: u64,
}

impl BinanceVenue {
    /// A server whose accounts own what `owned` says: account, asset, amount.
    #[must_use]
    pub fn new(setup: Setup, owned: &[(&str, &str, messages::Cash)]) -> Self {
        let mut exchange = Exchange::new(RULES, setup.instruments, setup.first);
        for (account, asset, much) in owned {
            exchange.accounts.entry((*account).to_owned()).or_default().add(asset, *much);
        }
        Self {
            exchange,
            keys: setup.keys,
            limits: Limits::new(setup.weight, setup.orders),
            extras: BTreeMap::new(),
            links: BTreeMap::new(),
            lists_told: BTreeMap::new(),
            said: Vec::new(),
            made_ids: 0,
            first: setup.first,
        }
    }

    /// The same server with other limits: weight in a minute, new orders in ten seconds and in a day.
    #[must_use]
    pub fn with_limits(self, weight: u32, orders: [u32; 2]) -> Self {
        Self { limits: Limits::new(weight, orders), ..self }
    }

    /// Looks whether a request may be looked at, and counts it.
    fn admit(&mut self, weight: u32, now: UtcNanos) -> Result<(), (ApiError, u64)> {
        self.limits.ask(weight, now).map_err(|over| match over {
            Over::Weight(wait) => (too_many(), wait.as_secs().max(1)),
            Over::Banned(wait) => (banned(now.after(wait)), wait.as_secs().max(1)),
        })
    }

    /// Does what is asked, for an account that was checked.
    fn call(&mut self, call: Call, by: By) -> Result<Value, ApiError> {
        let now = ms_of(by.now);
        Ok(match call {
            Call::Ping => json!({}),
            Call::Time => json!({"serverTime": now}),
            Call::Info => self.info(by.params, now)?,
            Call::Depth => self.depth(by.params)?,
            Call::Price => self.quoted(by.params, reads::last_json)?,
            Call::Best => self.quoted(by.params, reads::best_json)?,
            Call::Average => self.quoted(by.params, reads::average_json)?,
            Call::Place => self.place(by)?,
            Call::Test => self.test(by)?,
            Call::Cancel => self.cancel(by)?,
            Call::CancelAll => self.cancel_all(by)?,
            Call::CancelReplace => self.cancel_replace(by)?,
            Call::Amend => self.amend(by)?,
            Call::Status => self.status(by)?,
            Call::Open => self.open_orders(by)?,
            Call::All => self.all_orders(by)?,
            Call::Trades => self.trades(by)?,
            Call::Oco => self.place_oco(by)?,
            Call::Oto => self.place_oto(by)?,
            Call::Otoco => self.place_otoco(by)?,
            Call::CancelList => self.cancel_list(by)?,
            Call::ListStatus => self.list_status(by)?,
            Call::OpenLists => self.lists(by, true),
            Call::AllLists => self.lists(by, false),
            Call::Account => self.account(by),
            Call::Commission => self.commission(by)?,
            Call::OrderCounts => self.limits.json(false, true, true),
            Call::Gone => return Err(gone()),
        })
    }

    /// The account of a signed REST request.
    fn signer(&self, asked: &Asked, params: &Params, now: UtcNanos) -> Result<String, ApiError> {
        let unauthorized = |code, text| ApiError { status: 401, ..ApiError::new(code, text) };
        let api_key = asked.header("X-MBX-APIKEY").ok_or_else(|| unauthorized(-2014, "API-key format invalid."))?;
        let key = self.key(api_key)?;
        params.need("timestamp")?;
        let (text, signed) = signing::signed_parts(&asked.query, &asked.body);
        let signed = signed.ok_or_else(|| params.need("signature").err().unwrap_or_else(gone))?;
        key.verify(&text, &signed)?;
        signing::in_time(params, now)?;
        Ok(key.account.clone())
    }

    fn key(&self, api_key: &str) -> Result<&Key, ApiError> {
        let unknown =
            || ApiError { status: 401, ..ApiError::new(-2015, "Invalid API-key, IP, or permissions for action.") };
        self.keys.iter().find(|key| key.api_key == api_key).ok_or_else(unknown)
    }

    fn answer(&mut self, entry: &Entry, asked: &Asked, now: UtcNanos) -> Result<Value, ApiError> {
        let params = Params::from_forms(&asked.query, &asked.body)?;
        let account = if entry.call.is_signed() { self.signer(asked, &params, now)? } else { String::new() };
        self.call(entry.call, By { account: &account, params: &params, now })
    }
}

impl Face for BinanceVenue {
    fn asked(&mut self, asked: &Asked, now: UtcNanos) -> Answer {
        let known = CALLS.iter().find(|e| e.rest == (asked.method.as_str(), asked.path.as_str()));
        let Some(entry) = known else {
            return Answer::json(404, &json!({"code": -1000, "msg": format!("no such path: {}", asked.point())}));
        };
        let weight = weight(entry, |name| form_urlencoded::parse(asked.query.as_bytes()).any(|(n, _)| n == name));
        if let Err((error, wait)) = self.admit(weight, now) {
            let mut answer = Answer::json(error.status, &error.json());
            answer.headers.push(("Retry-After", wait.to_string()));
            return answer;
        }
        let outcome = self.answer(entry, asked, now);
        if entry.call.trades() && outcome.is_ok() {
            self.limits.give_back(weight);
        }
        self.tell();
        let mut answer = match outcome {
            Ok(value) => Answer::json(200, &value),
            Err(error) => Answer::json(error.status, &error.json()),
        };
        answer.headers = self.limits.headers(entry.call.trades());
        answer
    }

    fn opened(&mut self, link: u64, asked: &Asked, now: UtcNanos) -> bool {
        let known = asked.path.trim_end_matches('/') == "/ws-api/v3" && self.admit(2, now).is_ok();
        if known {
            let rates = !asked.query.contains("returnRateLimits=false");
            self.links.insert(link, Link::new(rates, now));
        }
        known
    }

    fn heard(&mut self, link: u64, text: &str, now: UtcNanos) {
        let answer = self.frame(link, text, now);
        let point = format!("answer:{}", self.point(text));
        self.said.push(Said { link, point, frame: Frame::Text(answer.to_string()) });
        self.tell();
    }

    fn closed(&mut self, link: u64) {
        self.links.remove(&link);
    }

    fn says(&mut self, now: UtcNanos) -> Vec<Said> {
        self.tell();
        for (link, state) in &mut self.links {
            if let Some(payload) = state.ping(now) {
                self.said.push(Said { link: *link, point: "ping".to_owned(), frame: Frame::Ping(payload) });
            }
        }
        std::mem::take(&mut self.said)
    }

    fn point(&self, text: &str) -> String {
        let method = serde_json::from_str::<Value>(text).ok().and_then(|v| v["method"].as_str().map(str::to_owned));
        method.unwrap_or_else(|| "unreadable".to_owned())
    }

    fn fails(&self, failure: Failure, now: UtcNanos) -> Answer {
        let (error, wait) = failed(failure, now);
        let mut answer = Answer::json(error.status, &error.json());
        answer.headers.extend(wait.map(|seconds| ("Retry-After", seconds.to_string())));
        answer
    }

    fn fails_frame(&self, text: &str, failure: Failure, now: UtcNanos) -> Option<Frame> {
        let id = serde_json::from_str::<Value>(text).ok()?["id"].clone();
        let (error, wait) = failed(failure, now);
        let mut told = error.json();
        if let Some(seconds) = wait {
            let until = ms_of(now) + i64::try_from(seconds).unwrap_or(i64::MAX / 1_000) * 1_000;
            told["data"] = json!({"serverTime": ms_of(now), "retryAfter": until});
        }
        Some(Frame::Text(json!({"id": id, "status": error.status, "error": told}).to_string()))
    }

    fn exchange(&mut self) -> &mut Exchange {
        &mut self.exchange
    }
}

const fn ms_of(at: UtcNanos) -> i64 {
    terms::ms(at)
}

/// A call's weight with its parameters.
fn weight(entry: &Entry, has: impl Fn(&str) -> bool) -> u32 {
    match entry.call {
        Call::Open if !has("symbol") => 80,
        Call::Trades if has("orderId") => 5,
        Call::Price | Call::Best if !has("symbol") => 4,
        _ => entry.weight,
    }
}

fn too_many() -> ApiError {
    let text = "Too much request weight used; current limit is 6000 request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API.";
    ApiError { status: 429, ..ApiError::new(-1003, text) }
}

fn banned(until: UtcNanos) -> ApiError {
    let text = format!(
        "Way too much request weight used; IP banned until {}. Please use WebSocket Streams for live updates to avoid bans.",
        ms_of(until)
    );
    ApiError { status: 418, ..ApiError::new(-1003, text) }
}

/// The documents give the status; the code is that of an unknown error.
fn gone() -> ApiError {
    ApiError { status: 410, ..ApiError::new(-1000, "An unknown error occurred while processing the request.") }
}

fn failed(failure: Failure, now: UtcNanos) -> (ApiError, Option<u64>) {
    match failure {
        Failure::TooMany(seconds) => (too_many(), Some(seconds)),
        Failure::Banned(seconds) => (banned(now.after(std::time::Duration::from_secs(seconds))), Some(seconds)),
        Failure::Broken(503) => (
            ApiError {
                status: 503,
                ..ApiError::new(
                    -1008,
                    "Server is currently overloaded with other requests. Please try again in a few minutes.",
                )
            },
            None,
        ),
        Failure::Broken(status) => {
            let text =
                "Timeout waiting for response from backend server. Send status unknown; execution status unknown.";
            (ApiError { status, ..ApiError::new(-1007, text) }, None)
        }
    }
}

#[cfg(test)]
mod tests;
