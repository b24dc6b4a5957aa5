//! Alpaca's market data server as a pure state: one connection per account, authentication, subscriptions that are
//! acknowledged whole, error codes, a synthetic market behind it, and its history by REST.
//!
//! Invariant: all that the market did since the beginning is in [`AlpacaServer::truth`], heard or not.

mod market;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use messages::UtcNanos;

pub use market::{Fate, Trade};

use super::{Model, Response, Say};
use market::{Market, Message};

const AUTHENTICATE_WITHIN: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(20);
/// A client that answers no ping for so long is closed.
const DEAD_AFTER: Duration = Duration::from_secs(45);
const MINUTE: Duration = Duration::from_secs(60);
/// Channels that a client may name.
const CHANNELS: [&str; 9] =
    ["trades", "quotes", "bars", "updatedBars", "dailyBars", "statuses", "lulds", "orderbooks", "imbalances"];

/// How the server is.
#[derive(Debug, Clone)]
pub struct Setup {
    /// What is traded.
    pub symbols: Vec<String>,
    /// Crypto, with books, instead of stocks.
    pub crypto: bool,
    /// The key's id and the secret that it takes.
    pub keys: (String, String),
    /// Symbols that a client may subscribe.
    pub symbol_limit: usize,
    /// How long the slot of a connection stays taken when it is gone.
    pub slot_held: Duration,
    /// Requests by REST in a minute.
    pub requests_per_minute: usize,
    /// Of so many requests by REST one is refused (429), whatever the rate.
    pub refuse_every: Option<u64>,
    /// Rows of a page.
    pub page: usize,
    /// Of the market.
    pub seed: u64,
}

impl Default for Setup {
    /// A free plan's server, whose keys are `id` and `secret`.
    fn default() -> Self {
        Self {
            symbols: Vec::new(),
            crypto: false,
            keys: ("id".to_owned(), "secret".to_owned()),
            symbol_limit: 30,
            slot_held: Duration::ZERO,
            requests_per_minute: 200,
            refuse_every: None,
            page: 1_000,
            seed: 1,
        }
    }
}

#[derive(Debug)]
struct Client {
    opened: UtcNanos,
    authenticated: bool,
    heard: UtcNanos,
    pinged: UtcNanos,
    channels: BTreeMap<String, BTreeSet<String>>,
}

/// The server.
#[derive(Debug)]
pub struct AlpacaServer {
    setup: Setup,
    market: Market,
    clients: BTreeMap<u64, Client>,
    slot_until: UtcNanos,
    asked: VecDeque<UtcNanos>,
    requests: u64,
    said: Vec<(u64, Say)>,
    /// Connections refused for the slot, and requests for the rate.
    pub refused: (u64, u64),
}

impl AlpacaServer {
    /// A server whose market begins at `begin`.
    #[must_use]
    pub fn new(setup: Setup, begin: UtcNanos) -> Self {
        let market = Market::new(setup.symbols.clone(), setup.crypto, setup.seed, begin);
        let (clients, asked) = (BTreeMap::new(), VecDeque::new());
        Self {
            setup,
            market,
            clients,
            slot_until: UtcNanos::MIN,
            asked,
            requests: 0,
            said: Vec::new(),
            refused: (0, 0),
        }
    }

    /// Every trade that there was, by symbol, in order of time.
    #[must_use]
    pub fn truth(&self) -> &BTreeMap<String, Vec<Trade>> {
        &self.market.trades
    }

    /// The books as they stand: bids and asks by price in hundredths.
    #[must_use]
    pub fn books(&self) -> &BTreeMap<String, [BTreeMap<i64, i64>; 2]> {
        &self.market.books
    }

    /// Tells every client that it is too slow (407), and drops it.
    pub fn drop_slow(&mut self) {
        for link in self.clients.keys().copied().collect::<Vec<_>>() {
            self.error(link, 407, "slow client");
            self.drop_client(link);
        }
    }

    /// Says an error to every client, on demand.
    pub fn say_error(&mut self, code: u32) {
        for link in self.clients.keys().copied().collect::<Vec<_>>() {
            self.error(link, code, "on demand");
        }
    }

    fn say(&mut self, link: u64, json: &str) {
        self.said.push((link, Say::Text(format!("[{json}]"))));
    }

    fn error(&mut self, link: u64, code: u32, text: &str) {
        self.say(link, &format!(r#"{{"T":"error","code":{code},"msg":"{text}"}}"#));
    }

    fn success(&mut self, link: u64, text: &str) {
        self.say(link, &format!(r#"{{"T":"success","msg":"{text}"}}"#));
    }

    fn drop_client(&mut self, link: u64) {
        self.said.push((link, Say::Close));
        self.clients.remove(&link);
    }

    fn knows(&self, headers: &[(String, String)]) -> bool {
        let value = |name: &str| headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, v)| v);
        let (id, secret) = &self.setup.keys;
        value("APCA-API-KEY-ID") == Some(id) && value("APCA-API-SECRET-KEY") == Some(secret)
    }

    /// Takes the connection if the account has none, and the keys are right.
    fn authenticate(&mut self, link: u64, right: bool, now: UtcNanos) {
        let taken = self.clients.iter().any(|(other, client)| *other != link && client.authenticated);
        if !right {
            self.error(link, 402, "auth failed");
            return self.drop_client(link);
        }
        if taken || now < self.slot_until {
            self.refused.0 += 1;
            self.error(link, 406, "connection limit exceeded");
            return self.drop_client(link);
        }
        if let Some(client) = self.clients.get_mut(&link) {
            client.authenticated = true;
        }
        self.success(link, "authenticated");
    }

    fn request(&mut self, link: u64, request: &serde_json::Value, now: UtcNanos) {
        let action = request["action"].as_str().unwrap_or("");
        let Some(client) = self.clients.get(&link) else { return };
        match action {
            "auth" if client.authenticated => self.error(link, 403, "already authenticated"),
            "auth" => {
                let right = (request["key"].as_str(), request["secret"].as_str());
                let right = right == (Some(&self.setup.keys.0), Some(&self.setup.keys.1));
                self.authenticate(link, right, now);
            }
            "subscribe" | "unsubscribe" if !client.authenticated => self.error(link, 401, "not authenticated"),
            "subscribe" => self.subscribe(link, request, now),
            "unsubscribe" => self.unsubscribe(link, request),
            _ => self.error(link, 400, "invalid syntax"),
        }
    }

    fn subscribe(&mut self, link: u64, request: &serde_json::Value, now: UtcNanos) {
        let Some(wanted) = named(request) else { return self.error(link, 400, "invalid syntax") };
        if wanted.iter().any(|(_, symbol)| !self.market.has(symbol)) {
            return self.error(link, 400, "invalid symbol");
        }
        if wanted.iter().any(|(channel, _)| (channel == "orderbooks") != self.setup.crypto && channel == "orderbooks") {
            return self.error(link, 410, "invalid subscribe action for this feed");
        }
        let Some(client) = self.clients.get_mut(&link) else { return };
        let before = client.channels.clone();
        for (channel, symbol) in &wanted {
            client.channels.entry(channel.clone()).or_default().insert(symbol.clone());
        }
        let all: BTreeSet<&String> = client.channels.values().flatten().collect();
        if all.len() > self.setup.symbol_limit {
            client.channels = before;
            return self.error(link, 405, "symbol limit exceeded");
        }
        self.acknowledge(link);
        for (_, symbol) in wanted.iter().filter(|(channel, _)| channel == "orderbooks") {
            if let Some(book) = self.market.whole_book(symbol, now) {
                self.say(link, &book);
            }
        }
    }

    fn unsubscribe(&mut self, link: u64, request: &serde_json::Value) {
        let Some(unwanted) = named(request) else { return self.error(link, 400, "invalid syntax") };
        if let Some(client) = self.clients.get_mut(&link) {
            for (channel, symbol) in unwanted {
                client.channels.entry(channel).or_default().remove(&symbol);
            }
        }
        self.acknowledge(link);
    }

    /// The whole set, corrections and cancels with the trades.
    fn acknowledge(&mut self, link: u64) {
        let Some(client) = self.clients.get(&link) else { return };
        let mut ack = serde_json::json!({"T": "subscription"});
        for channel in CHANNELS {
            ack[channel] = client.channels.get(channel).into_iter().flatten().cloned().collect::<Vec<_>>().into();
        }
        ack["corrections"] = ack["trades"].clone();
        ack["cancelErrors"] = ack["trades"].clone();
        self.say(link, &ack.to_string());
    }

    /// What the market did goes to whom it concerns.
    fn publish(&mut self, message: &Message) {
        let concerned = |client: &Client| {
            client.channels.get(message.channel).is_some_and(|symbols| symbols.contains(&message.symbol))
        };
        let links: Vec<u64> =
            self.clients.iter().filter(|(_, client)| concerned(client)).map(|(link, _)| *link).collect();
        links.into_iter().for_each(|link| self.say(link, &message.json));
    }

    /// Pings, and closes who is late or dead.
    fn watch(&mut self, now: UtcNanos) {
        for link in self.clients.keys().copied().collect::<Vec<_>>() {
            let Some(client) = self.clients.get_mut(&link) else { continue };
            if !client.authenticated && client.opened.after(AUTHENTICATE_WITHIN) <= now {
                self.error(link, 404, "auth timeout");
                self.drop_client(link);
            } else if client.heard.after(DEAD_AFTER) <= now {
                self.drop_client(link);
            } else if client.pinged.after(PING_EVERY) <= now {
                client.pinged = now;
                self.said.push((link, Say::Ping(b"alpaca".to_vec())));
            }
        }
    }

    fn may_ask(&mut self, now: UtcNanos) -> bool {
        while self.asked.front().is_some_and(|asked| asked.after(MINUTE) <= now) {
            self.asked.pop_front();
        }
        self.requests += 1;
        let unlucky = self.setup.refuse_every.is_some_and(|every| self.requests.is_multiple_of(every));
        let may = !unlucky && self.asked.len() < self.setup.requests_per_minute;
        if may {
            self.asked.push_back(now);
        } else {
            self.refused.1 += 1;
        }
        may
    }

    /// A page of trades: by symbol, then by time. The token is the number of rows before it.
    fn page(&self, query: &BTreeMap<String, String>) -> Option<String> {
        let time = |name: &str| query.get(name)?.parse::<UtcNanos>().ok();
        let (start, end) = (time("start")?, time("end")?);
        let skip: usize = query.get("page_token").map_or(Some(0), |token| token.parse().ok())?;
        let wanted: BTreeSet<&str> = query.get("symbols")?.split(',').collect();
        let mut rows = Vec::new();
        for symbol in wanted {
            let trades = self.market.trades.get(symbol).into_iter().flatten();
            rows.extend(trades.filter(|t| start <= t.time && t.time <= end).map(|t| (symbol, t.row())));
        }
        let more = rows.len() > skip + self.setup.page;
        let mut by_symbol: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (symbol, row) in rows.into_iter().skip(skip).take(self.setup.page) {
            by_symbol.entry(symbol).or_default().push(row);
        }
        let symbols: Vec<String> =
            by_symbol.iter().map(|(symbol, rows)| format!(r#""{symbol}":[{}]"#, rows.join(","))).collect();
        let next = if more { format!("\"{}\"", skip + self.setup.page) } else { "null".to_owned() };
        Some(format!(r#"{{"trades":{{{}}},"next_page_token":{next}}}"#, symbols.join(",")))
    }
}

/// Channels and symbols that a request names; `None` when it names anything else.
fn named(request: &serde_json::Value) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    for (channel, symbols) in request.as_object()?.iter().filter(|(name, _)| *name != "action") {
        if !CHANNELS.contains(&channel.as_str()) {
            return None;
        }
        for symbol in symbols.as_array()? {
            found.push((channel.clone(), symbol.as_str()?.to_owned()));
        }
    }
    Some(found)
}

fn unescaped(text: &str) -> String {
    let mut parts = text.split('%');
    let mut plain = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let (code, rest) = part.split_at(part.len().min(2));
        plain.push(u8::from_str_radix(code, 16).map_or('?', char::from));
        plain.push_str(rest);
    }
    plain
}

impl Model for AlpacaServer {
    fn opened(&mut self, link: u64, _path_and_query: &str, headers: &[(String, String)], now: UtcNanos) {
        let client = Client { opened: now, authenticated: false, heard: now, pinged: now, channels: BTreeMap::new() };
        self.clients.insert(link, client);
        self.success(link, "connected");
        if headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("APCA-API-KEY-ID")) {
            self.authenticate(link, self.knows(headers), now);
        }
    }

    fn heard(&mut self, link: u64, text: &str, now: UtcNanos) {
        match serde_json::from_str(text) {
            Ok(request) => self.request(link, &request, now),
            Err(_) => self.error(link, 400, "invalid syntax"),
        }
    }

    fn pong(&mut self, link: u64, _payload: &[u8], now: UtcNanos) {
        if let Some(client) = self.clients.get_mut(&link) {
            client.heard = now;
        }
    }

    fn closed(&mut self, link: u64, now: UtcNanos) {
        if self.clients.remove(&link).is_some_and(|client| client.authenticated) {
            self.slot_until = now.after(self.setup.slot_held);
        }
    }

    fn asked(&mut self, path_and_query: &str, headers: &[(String, String)], now: UtcNanos) -> Response {
        let answer = |status, body: String| Response { status, headers: Vec::new(), body };
        if !self.knows(headers) {
            return answer(401, r#"{"message":"unauthorized"}"#.to_owned());
        }
        if !self.may_ask(now) {
            let headers = vec![("Retry-After", "3".to_owned())];
            return Response { headers, ..answer(429, r#"{"message":"too many requests"}"#.to_owned()) };
        }
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let query = query.split('&').filter_map(|pair| pair.split_once('='));
        let query = query.map(|(name, value)| (name.to_owned(), unescaped(value))).collect();
        let known = if self.setup.crypto { "/v1beta3/crypto/us/trades" } else { "/v2/stocks/trades" };
        if path != known {
            return answer(404, r#"{"message":"not found"}"#.to_owned());
        }
        match self.page(&query) {
            Some(body) => answer(200, body),
            None => answer(400, r#"{"message":"invalid request"}"#.to_owned()),
        }
    }

    fn says(&mut self, now: UtcNanos, out: &mut Vec<(u64, Say)>) {
        let mut messages = Vec::new();
        self.market.happens(now, &mut messages);
        messages.iter().for_each(|message| self.publish(message));
        self.watch(now);
        out.append(&mut self.said);
    }

    fn next_due(&self) -> Option<UtcNanos> {
        Some(self.market.next_due())
    }
}
