//! One link: what it was asked to subscribe, what was confirmed, and when it may be spoken over.
//!
//! Symbols are subscribed with all their streams, many in one message. A message that the venue refuses is halved until
//! the symbol is found that it does not want.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use messages::{Symbol, UtcNanos};
use serde_json::json;

use super::limits::{ANSWERS_WITHIN, MESSAGE_SPACING, STREAMS_PER_MESSAGE};
use super::settings::Channels;

/// What a message asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Subscribe,
    Unsubscribe,
}

/// A message of ours.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    pub symbols: Vec<Symbol>,
}

#[derive(Debug)]
struct Pending {
    id: i64,
    sent_at: UtcNanos,
    request: Request,
}

/// What continuity a new link has yet to show before the old one may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    Trades,
    Quotes,
    Depth,
}

/// A link and its subscriptions.
#[derive(Debug)]
pub struct Connection {
    /// The group of symbols that it serves.
    pub slot: u32,
    pub asked_at: UtcNanos,
    pub opened_at: Option<UtcNanos>,
    pub heard_at: UtcNanos,
    /// When it is to be replaced.
    pub retire_at: Option<UtcNanos>,
    /// When the last of its subscriptions was confirmed.
    pub settled_at: Option<UtcNanos>,
    /// What it has yet to show, while it takes over.
    pub unproven: BTreeSet<(Symbol, Proof)>,
    /// Quotes that it had before the old link.
    pub ahead: BTreeMap<Symbol, i64>,
    symbols: BTreeMap<Symbol, bool>,
    outbox: VecDeque<Request>,
    pending: VecDeque<Pending>,
    last_id: i64,
    last_sent: Option<UtcNanos>,
}

impl Connection {
    /// One that was just asked for.
    pub fn new(slot: u32, now: UtcNanos) -> Self {
        Self {
            slot,
            asked_at: now,
            opened_at: None,
            heard_at: now,
            retire_at: None,
            settled_at: None,
            unproven: BTreeSet::new(),
            ahead: BTreeMap::new(),
            symbols: BTreeMap::new(),
            outbox: VecDeque::new(),
            pending: VecDeque::new(),
            last_id: 0,
            last_sent: None,
        }
    }

    /// Symbols that are confirmed.
    pub fn confirmed(&self) -> usize {
        self.symbols.values().filter(|confirmed| **confirmed).count()
    }

    /// Whether a symbol is confirmed.
    pub fn has(&self, symbol: Symbol) -> bool {
        self.symbols.get(&symbol) == Some(&true)
    }

    /// Whether a symbol is confirmed or is to be.
    pub fn wants(&self, symbol: Symbol) -> bool {
        self.symbols.contains_key(&symbol)
    }

    /// Whether all that was asked for is confirmed.
    pub fn is_settled(&self) -> bool {
        self.opened_at.is_some() && self.outbox.is_empty() && self.pending.is_empty()
    }

    /// Wants symbols as well.
    pub fn subscribe(&mut self, symbols: &[Symbol], channels: &Channels) {
        self.settled_at = None;
        self.symbols.extend(symbols.iter().map(|symbol| (*symbol, false)));
        for some in symbols.chunks((STREAMS_PER_MESSAGE / channels.count().max(1)).max(1)) {
            self.outbox.push_back(Request { method: Method::Subscribe, symbols: some.to_vec() });
        }
    }

    /// Wants symbols no more.
    pub fn unsubscribe(&mut self, symbols: &[Symbol], channels: &Channels) {
        self.settled_at = None;
        for symbol in symbols {
            self.symbols.remove(symbol);
            self.unproven.retain(|(unproven, _)| unproven != symbol);
        }
        for some in symbols.chunks((STREAMS_PER_MESSAGE / channels.count().max(1)).max(1)) {
            self.outbox.push_back(Request { method: Method::Unsubscribe, symbols: some.to_vec() });
        }
    }

    /// The next message, if it may be sent now.
    pub fn next_message(&mut self, channels: &Channels, now: UtcNanos) -> Option<String> {
        if self.sends_at().is_none_or(|at| at > now) {
            return None;
        }
        let request = self.outbox.pop_front()?;
        self.last_id += 1;
        self.last_sent = Some(now);
        let streams: Vec<String> = request.symbols.iter().flat_map(|symbol| channels.streams(*symbol)).collect();
        let method = match request.method {
            Method::Subscribe => "SUBSCRIBE",
            Method::Unsubscribe => "UNSUBSCRIBE",
        };
        self.pending.push_back(Pending { id: self.last_id, sent_at: now, request });
        Some(json!({ "method": method, "params": streams, "id": self.last_id }).to_string())
    }

    /// When the next message may be sent; `None` while nothing is to be said.
    pub fn sends_at(&self) -> Option<UtcNanos> {
        let opened_at = self.opened_at.filter(|_| !self.outbox.is_empty())?;
        Some(self.last_sent.map_or(opened_at, |sent| sent.after(MESSAGE_SPACING)))
    }

    /// When the oldest message without an answer is too old.
    pub fn unanswered_at(&self) -> Option<UtcNanos> {
        self.pending.front().map(|pending| pending.sent_at.after(ANSWERS_WITHIN))
    }

    /// A message was confirmed. Returns the symbols that are subscribed now.
    pub fn confirm(&mut self, id: i64) -> Vec<Symbol> {
        let Some(request) = self.take(Some(id)) else { return Vec::new() };
        if request.method == Method::Unsubscribe {
            return Vec::new();
        }
        let mut confirmed = request.symbols;
        confirmed.retain(|symbol| self.symbols.get_mut(symbol).map(|known| *known = true).is_some());
        confirmed
    }

    /// A message was refused. Returns the symbol that the venue does not want, where it is known which.
    ///
    /// Many refusals do not say to which message they belong: then it is the oldest, for the venue answers in order.
    pub fn refuse(&mut self, id: Option<i64>) -> Option<Symbol> {
        let mut request = self.take(id)?;
        if request.method == Method::Unsubscribe {
            return None;
        }
        if let [symbol] = request.symbols.as_slice() {
            self.symbols.remove(symbol)?;
            self.unproven.retain(|(unproven, _)| unproven != symbol);
            return Some(*symbol);
        }
        // What is not wanted any more is not asked for again; it may be what was refused.
        request.symbols.retain(|symbol| self.symbols.contains_key(symbol));
        let (first, second) = request.symbols.split_at(request.symbols.len() / 2);
        for half in [second, first].into_iter().filter(|half| !half.is_empty()) {
            self.outbox.push_front(Request { method: Method::Subscribe, symbols: half.to_vec() });
        }
        None
    }

    /// Whether a message waits for an answer: this one, or any where the answer does not say to which it belongs.
    pub fn awaits(&self, id: Option<i64>) -> bool {
        self.pending.iter().any(|pending| id.is_none_or(|id| pending.id == id))
    }

    fn take(&mut self, id: Option<i64>) -> Option<Request> {
        let at = match id {
            Some(id) => self.pending.iter().position(|pending| pending.id == id)?,
            None => 0,
        };
        self.pending.remove(at).map(|pending| pending.request)
    }
}
