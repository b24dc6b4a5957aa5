//! The WebSocket API: requests by frame, sessions, and subscriptions to the user data stream.
//! Source: `web-socket-api.md`.

use std::collections::BTreeMap;
use std::time::Duration;

use messages::UtcNanos;
use serde_json::{Value, json};

use super::calls::CALLS;
use super::orders::By;
use super::params::{ApiError, Params};
use super::signing::{self, Secret};
use super::{BinanceVenue, ms_of, weight};

/// How often the server pings.
const PING_EVERY: Duration = Duration::from_secs(20);
/// Subscriptions of a link that live at once.
const SUBSCRIPTIONS: usize = 1_000;

/// A link of the WebSocket API.
#[derive(Debug)]
pub struct Link {
    /// The key that has logged on, and since when.
    session: Option<(String, UtcNanos)>,
    /// The account of each subscription.
    pub subscriptions: BTreeMap<u64, String>,
    next_subscription: u64,
    tells_rates: bool,
    since: UtcNanos,
    pinged: UtcNanos,
}

impl Link {
    /// A link that was opened now.
    #[must_use]
    pub const fn new(tells_rates: bool, now: UtcNanos) -> Self {
        let subscriptions = BTreeMap::new();
        Self { session: None, subscriptions, next_subscription: 0, tells_rates, since: now, pinged: now }
    }

    /// The payload of a ping, when one is due.
    pub fn ping(&mut self, now: UtcNanos) -> Option<String> {
        if now < self.pinged.after(PING_EVERY) {
            return None;
        }
        self.pinged = now;
        Some(ms_of(now).to_string())
    }
}

impl BinanceVenue {
    /// The answer to a frame.
    pub(super) fn frame(&mut self, link: u64, text: &str, now: UtcNanos) -> Value {
        let Ok(frame) = serde_json::from_str::<Value>(text) else {
            let error = ApiError::new(-1135, "Invalid JSON Request");
            return json!({"id": null, "status": 400, "error": error.json()});
        };
        let id = frame["id"].clone();
        let method = frame["method"].as_str().unwrap_or_default();
        let params = Params::from_json(&frame["params"]);
        let outcome = self.method(link, method, &params, now);
        let mut answer = match outcome {
            Ok(result) => json!({"id": id, "status": 200, "result": result}),
            Err(error) => json!({"id": id, "status": error.status, "error": error.json()}),
        };
        let rates = self.links.get(&link).is_some_and(|l| l.tells_rates);
        if rates && params.get("returnRateLimits") != Some("false") {
            let orders = CALLS.iter().any(|e| e.method == method && e.call.trades());
            answer["rateLimits"] = self.limits.json(true, orders, true);
        }
        answer
    }

    fn method(&mut self, link: u64, method: &str, params: &Params, now: UtcNanos) -> Result<Value, ApiError> {
        let entry = CALLS.iter().find(|e| e.method == method);
        let weight = entry.map_or(2, |entry| weight(entry, |name| params.get(name).is_some()));
        if let Err((mut error, wait)) = self.admit(weight, now) {
            let until = ms_of(now) + i64::try_from(wait).unwrap_or_default() * 1_000;
            error.data = Some(json!({"serverTime": ms_of(now), "retryAfter": until}));
            return Err(error);
        }
        let Some(entry) = entry else { return self.session(link, method, params, now) };
        let account = if entry.call.is_signed() { self.asker(link, params, now)? } else { String::new() };
        let outcome = self.call(entry.call, By { account: &account, params, now });
        if entry.call.trades() && outcome.is_ok() {
            self.limits.give_back(weight);
        }
        outcome
    }

    /// The account of a request: by its own signature, or by the session's.
    fn asker(&self, link: u64, params: &Params, now: UtcNanos) -> Result<String, ApiError> {
        let session = self.links.get(&link).and_then(|l| l.session.as_ref());
        if let (None, Some((api_key, _))) = (params.get("apiKey"), session) {
            signing::in_time(params, now)?;
            return Ok(self.key(api_key)?.account.clone());
        }
        let key = self.key(params.need("apiKey")?)?;
        let signed = params.need("signature")?;
        key.verify(&params.signed_text(), signed)?;
        signing::in_time(params, now)?;
        Ok(key.account.clone())
    }

    /// What is about the link itself.
    fn session(&mut self, link: u64, method: &str, params: &Params, now: UtcNanos) -> Result<Value, ApiError> {
        match method {
            "session.logon" => {
                let api_key = params.need("apiKey")?.to_owned();
                if matches!(self.key(&api_key)?.secret, Secret::Hmac(_)) {
                    return Err(ApiError::new(-4056, "HMAC_SHA256 API key is not supported."));
                }
                self.asker(link, params, now)?;
                self.link(link)?.session = Some((api_key, now));
                self.session_json(link, now)
            }
            "session.status" => self.session_json(link, now),
            "session.logout" => {
                self.link(link)?.session = None;
                self.session_json(link, now)
            }
            "userDataStream.subscribe" => {
                let session = self.link(link)?.session.clone();
                let (api_key, _) = session.ok_or_else(|| ApiError {
                    status: 401,
                    ..ApiError::new(-2014, "Authentication required: use session.logon first.")
                })?;
                let account = self.key(&api_key)?.account.clone();
                self.subscribe(link, account)
            }
            "userDataStream.subscribe.signature" => {
                let account = self.asker(link, params, now)?;
                self.subscribe(link, account)
            }
            "userDataStream.unsubscribe" => {
                let one: Option<u64> = params.parsed("subscriptionId")?;
                let state = self.link(link)?;
                match one {
                    None => state.subscriptions.clear(),
                    Some(id) => {
                        let inactive = || ApiError::new(-2036, "The subscription is not active.");
                        state.subscriptions.remove(&id).map(drop).ok_or_else(inactive)?;
                    }
                }
                Ok(json!({}))
            }
            "session.subscriptions" => {
                let ids: Vec<u64> = self.link(link)?.subscriptions.keys().copied().collect();
                Ok(ids.into_iter().map(|id| json!({"subscriptionId": id})).collect())
            }
            other => Err(ApiError::new(-1000, format!("Unknown method '{other}'."))),
        }
    }

    fn subscribe(&mut self, link: u64, account: String) -> Result<Value, ApiError> {
        let state = self.link(link)?;
        if state.subscriptions.len() >= SUBSCRIPTIONS {
            return Err(ApiError::new(-2042, "The limit of subscriptions of this connection is reached."));
        }
        if state.subscriptions.values().any(|whose| *whose == account) {
            return Err(ApiError::new(-2035, "The subscription is already active."));
        }
        let id = state.next_subscription;
        state.next_subscription += 1;
        state.subscriptions.insert(id, account);
        Ok(json!({"subscriptionId": id}))
    }

    fn link(&mut self, link: u64) -> Result<&mut Link, ApiError> {
        self.links.get_mut(&link).ok_or_else(|| ApiError::new(-1000, "The connection is gone."))
    }

    fn session_json(&mut self, link: u64, now: UtcNanos) -> Result<Value, ApiError> {
        let state = self.link(link)?;
        let (api_key, since) = match &state.session {
            Some((api_key, since)) => (json!(api_key), json!(ms_of(*since))),
            None => (Value::Null, Value::Null),
        };
        Ok(json!({
            "apiKey": api_key, "authorizedSince": since, "connectedSince": ms_of(state.since),
            "returnRateLimits": state.tells_rates, "serverTime": ms_of(now),
            "userDataStream": !state.subscriptions.is_empty(),
        }))
    }
}
