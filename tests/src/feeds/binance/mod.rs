//! Binance's market data server as a model: streams by subscription with the venue's limits, and its REST answers.
//!
//! It plays a timeline, recorded or made from a seed, and keeps all of it: what a client was told late or not at all can be
//! held against what there was. Source of its manners: `web-socket-streams.md` and `rest-api.md` of the Spot API.

mod answers;
mod book;
mod links;
mod recorded;
mod synthetic;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use messages::UtcNanos;

pub use book::{Book, Levels};
pub use recorded::recorded;
pub use synthetic::{Plan, synthetic};

use super::{Model, Response, Say};
use answers::Weights;
use links::LinkState;

/// A trade, as stream and REST tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trade {
    /// Its number.
    pub id: i64,
    /// Price, as text.
    pub price: String,
    /// Quantity, as text.
    pub quantity: String,
    /// Milliseconds.
    pub time: i64,
    /// The seller was the aggressor.
    pub buyer_is_maker: bool,
}

/// What happened at the venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A trade.
    Trade(Trade),
    /// The best bid and ask changed; the update id.
    Quote(i64),
    /// The book changed.
    Depth {
        /// First update id.
        first: u64,
        /// Last update id.
        last: u64,
        /// Bids: price and size in units of 1e-8.
        bids: Levels,
        /// Asks.
        asks: Levels,
    },
    /// Something that did not happen: the venue errs.
    Error,
}

/// Something of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: UtcNanos,
    /// Upper case.
    pub symbol: String,
    /// The stream that tells it.
    pub stream: String,
    /// The payload of that stream.
    pub payload: String,
    /// What it is.
    pub body: Body,
}

/// What may be chosen about a server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Age at which a link is closed.
    pub max_age: Duration,
    /// Weight that an address has in a minute.
    pub weight: u32,
    /// When the server says that it is about to go.
    pub shutdowns: Vec<UtcNanos>,
    /// How long it stays then.
    pub shutdown_notice: Duration,
    /// Whether a subscription with an unknown symbol is refused; else it is confirmed and stays silent.
    pub refuses_unknown: bool,
    /// Trades that REST does not have.
    pub unavailable: BTreeSet<(String, i64)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(86_400),
            weight: 6_000,
            shutdowns: Vec::new(),
            shutdown_notice: Duration::from_secs(10),
            refuses_unknown: true,
            unavailable: BTreeSet::new(),
        }
    }
}

/// The server.
#[derive(Debug)]
pub struct BinanceServer {
    settings: Settings,
    timeline: Vec<Event>,
    played: usize,
    books: BTreeMap<String, Book>,
    first_books: BTreeMap<String, Book>,
    trades: BTreeMap<String, Vec<Trade>>,
    links: BTreeMap<u64, LinkState>,
    connects: VecDeque<UtcNanos>,
    weights: Weights,
    shutdowns: VecDeque<UtcNanos>,
    said: Vec<(u64, Say)>,
    /// Why links were closed by the server, in its words.
    pub closed_for: Vec<&'static str>,
}

impl BinanceServer {
    /// A server with these books at its start and this timeline, which is in order of time.
    #[must_use]
    pub fn new(settings: Settings, books: BTreeMap<String, Book>, timeline: Vec<Event>) -> Self {
        Self {
            shutdowns: settings.shutdowns.iter().copied().collect(),
            weights: Weights::new(settings.weight),
            settings,
            timeline,
            played: 0,
            first_books: books.clone(),
            trades: books.keys().map(|symbol| (symbol.clone(), Vec::new())).collect(),
            books,
            links: BTreeMap::new(),
            connects: VecDeque::new(),
            said: Vec::new(),
            closed_for: Vec::new(),
        }
    }

    /// All that has happened up to now.
    #[must_use]
    pub fn truth(&self) -> &[Event] {
        &self.timeline[..self.played]
    }

    /// All that happens, what is still to come included.
    #[must_use]
    pub fn all(&self) -> &[Event] {
        &self.timeline
    }

    /// The book of a symbol as it was behind an update id; `None` where no message ended there.
    #[must_use]
    pub fn book_at(&self, symbol: &str, update_id: u64) -> Option<Book> {
        let mut book = self.first_books.get(symbol)?.clone();
        let mut depths = self.truth().iter().filter(|event| event.symbol == symbol);
        while book.last < update_id {
            book.apply(&depths.next()?.body);
        }
        (book.last == update_id).then_some(book)
    }

    /// Links that are open.
    #[must_use]
    pub fn open_links(&self) -> usize {
        self.links.len()
    }

    /// Times that a client was refused by REST for asking too much.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.weights.refusals
    }

    /// Lets time pass: everything up to `now` happens.
    fn play(&mut self, now: UtcNanos) {
        while let Some(due) = self.next_own_due().filter(|due| *due <= now) {
            self.play_timeline(due);
            self.announce_shutdowns(due);
            self.care_for_links(due);
        }
    }

    fn play_timeline(&mut self, now: UtcNanos) {
        while let Some(event) = self.timeline.get(self.played).filter(|event| event.at <= now) {
            self.played += 1;
            if let Some(book) = self.books.get_mut(&event.symbol) {
                book.apply(&event.body);
            }
            if let (Body::Trade(trade), Some(trades)) = (&event.body, self.trades.get_mut(&event.symbol)) {
                trades.push(trade.clone());
            }
            let text = format!(r#"{{"stream":"{}","data":{}}}"#, event.stream, event.payload);
            let listening = self.links.iter().filter(|(_, link)| link.streams.contains(&event.stream));
            self.said.extend(listening.map(|(link, _)| (*link, Say::Text(text.clone()))));
        }
    }

    fn announce_shutdowns(&mut self, now: UtcNanos) {
        while self.shutdowns.front().is_some_and(|at| *at <= now) {
            self.shutdowns.pop_front();
            let millis = now.0 / 1_000_000;
            let text = format!(r#"{{"stream":"!serverShutdown","data":{{"e":"serverShutdown","E":{millis}}}}}"#);
            for (link, state) in &mut self.links {
                self.said.push((*link, Say::Text(text.clone())));
                state.goes_at = state.goes_at.min(now.after(self.settings.shutdown_notice));
            }
        }
    }

    fn next_own_due(&self) -> Option<UtcNanos> {
        let event = self.timeline.get(self.played).map(|event| event.at);
        let links = self.links.values().map(LinkState::due).min();
        [event, self.shutdowns.front().copied(), links].into_iter().flatten().min()
    }
}

impl Model for BinanceServer {
    fn opened(&mut self, link: u64, path_and_query: &str, _headers: &[(String, String)], now: UtcNanos) {
        self.play(now);
        self.open_link(link, path_and_query, now);
    }

    fn heard(&mut self, link: u64, text: &str, now: UtcNanos) {
        self.play(now);
        self.hear(link, text, now);
    }

    fn pong(&mut self, link: u64, payload: &[u8], now: UtcNanos) {
        self.play(now);
        self.hear_pong(link, payload, now);
    }

    fn closed(&mut self, link: u64, _now: UtcNanos) {
        self.links.remove(&link);
    }

    fn asked(&mut self, path_and_query: &str, _headers: &[(String, String)], now: UtcNanos) -> Response {
        self.play(now);
        self.answer(path_and_query, now)
    }

    fn says(&mut self, now: UtcNanos, out: &mut Vec<(u64, Say)>) {
        self.play(now);
        out.append(&mut self.said);
    }

    fn next_due(&self) -> Option<UtcNanos> {
        if self.said.is_empty() { self.next_own_due() } else { Some(UtcNanos::MIN) }
    }
}
