//! The server's side of links: subscriptions, pings, and what it closes links for.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use messages::UtcNanos;
use serde_json::{Value, json};

use super::{BinanceServer, Say};

const PING_EVERY: Duration = Duration::from_secs(20);
const PONG_WITHIN: Duration = Duration::from_secs(60);
const MESSAGES_PER_SECOND: usize = 5;
const STREAMS: usize = 1_024;
const CONNECTS: usize = 300;
const CONNECTS_WITHIN: Duration = Duration::from_secs(300);
const METHODS: &str = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`";

/// A link.
#[derive(Debug)]
pub struct LinkState {
    pub streams: BTreeSet<String>,
    /// When it is closed whatever happens.
    pub goes_at: UtcNanos,
    pings_at: UtcNanos,
    /// The first ping that was not answered.
    unanswered: Option<(UtcNanos, Vec<u8>)>,
    messages: VecDeque<UtcNanos>,
}

impl LinkState {
    pub fn due(&self) -> UtcNanos {
        let pong_due = self.unanswered.as_ref().map_or(UtcNanos::MAX, |(at, _)| at.after(PONG_WITHIN));
        self.goes_at.min(self.pings_at).min(pong_due)
    }
}

impl BinanceServer {
    pub(super) fn open_link(&mut self, link: u64, path: &str, now: UtcNanos) {
        while self.connects.front().is_some_and(|at| at.after(CONNECTS_WITHIN) <= now) {
            self.connects.pop_front();
        }
        self.connects.push_back(now);
        let streams = path.split_once("streams=").map_or("", |(_, rest)| rest.split('&').next().unwrap_or(""));
        let streams = streams.split('/').filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect();
        let state = LinkState {
            streams,
            goes_at: now.after(self.settings.max_age),
            pings_at: now.after(PING_EVERY),
            unanswered: None,
            messages: VecDeque::new(),
        };
        self.links.insert(link, state);
        if self.connects.len() > CONNECTS {
            self.close(link, "too many connection attempts");
        }
    }

    fn close(&mut self, link: u64, why: &'static str) {
        if self.links.remove(&link).is_some() {
            self.closed_for.push(why);
            self.said.push((link, Say::Close));
        }
    }

    /// Pings, and closes those that are too old or do not answer.
    pub(super) fn care_for_links(&mut self, now: UtcNanos) {
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            let Some(state) = self.links.get_mut(&link) else { continue };
            let is_deaf = state.unanswered.as_ref().is_some_and(|(at, _)| at.after(PONG_WITHIN) <= now);
            if is_deaf || state.goes_at <= now {
                self.close(link, if is_deaf { "no pong" } else { "its time is over" });
            } else if state.pings_at <= now {
                let payload = (now.0 / 1_000_000).to_string().into_bytes();
                state.pings_at = now.after(PING_EVERY);
                state.unanswered.get_or_insert((now, payload.clone()));
                self.said.push((link, Say::Ping(payload)));
            }
        }
    }

    pub(super) fn hear_pong(&mut self, link: u64, payload: &[u8], now: UtcNanos) {
        if !self.count_message(link, now) {
            return;
        }
        if let Some(state) = self.links.get_mut(&link)
            && state.unanswered.as_ref().is_some_and(|(_, asked)| asked == payload)
        {
            state.unanswered = None;
        }
    }

    /// False when the link was closed for it.
    fn count_message(&mut self, link: u64, now: UtcNanos) -> bool {
        let Some(state) = self.links.get_mut(&link) else { return false };
        while state.messages.front().is_some_and(|at| at.after(Duration::from_secs(1)) <= now) {
            state.messages.pop_front();
        }
        state.messages.push_back(now);
        if state.messages.len() > MESSAGES_PER_SECOND {
            self.close(link, "too many messages");
            return false;
        }
        true
    }

    pub(super) fn hear(&mut self, link: u64, text: &str, now: UtcNanos) {
        if self.count_message(link, now) {
            let reply = self.reply(link, text);
            self.said.push((link, Say::Text(reply)));
        }
    }

    fn reply(&mut self, link: u64, text: &str) -> String {
        let Ok(message) = serde_json::from_str::<Value>(text) else {
            return r#"{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}"#.to_owned();
        };
        let id = message["id"].clone();
        let refused = |msg: String| json!({ "code": 2, "msg": msg, "id": id }).to_string();
        let empty = Vec::new();
        let params = message["params"].as_array().unwrap_or(&empty);
        let names: Vec<String> = params.iter().filter_map(|name| name.as_str().map(ToOwned::to_owned)).collect();
        let known = |name: &String| {
            let symbol = name.split('@').next().unwrap_or_default().to_uppercase();
            self.books.contains_key(&symbol)
        };
        match message["method"].as_str() {
            Some("SUBSCRIBE") => {
                if self.settings.refuses_unknown && !names.iter().all(known) {
                    return refused("Invalid request: unknown symbol".to_owned());
                }
                let Some(state) = self.links.get_mut(&link) else { return String::new() };
                state.streams.extend(names);
                if state.streams.len() > STREAMS {
                    self.close(link, "too many streams");
                }
            }
            Some("UNSUBSCRIBE") => {
                let Some(state) = self.links.get_mut(&link) else { return String::new() };
                state.streams.retain(|name| !names.contains(name));
            }
            Some("LIST_SUBSCRIPTIONS") => {
                let streams = self.links.get(&link).map(|state| state.streams.iter().collect::<Vec<_>>());
                return json!({ "result": streams, "id": id }).to_string();
            }
            other => {
                let other = other.unwrap_or_default();
                return refused(format!("Invalid request: unknown variant {other}, expected one of {METHODS}"));
            }
        }
        json!({ "result": null, "id": id }).to_string()
    }
}
