//! The session of one Alpaca feed: one connection, for an account has one per feed, on which all symbols are subscribed.
//!
//! Hears frames, answers by REST and the passing of time; says market data, gaps and what to do. The keys stand in the
//! handshake's headers and not in an `auth` message, so that no text that is sent ever holds them, and a new connection
//! is the one way to prove ourselves again. Alpaca numbers no messages and replays none: after a loss, trades (bars,
//! where no trades are subscribed) are fetched from history, quotes stay missing, and a book is whole with its reset.
//!
//! Compression is not offered. Frames may be binary; they hold JSON text all the same.
//!
//! Invariant: every channel of every symbol that was subscribed and is not has an open gap.

mod answers;
mod connection;
mod faults;
mod frames;
mod losses;
mod status;

use std::collections::{BTreeMap, VecDeque};

use messages::market::GapCause;
use messages::{Symbol, UtcNanos};

use super::Decoder;
use super::backfill::Backfill;
use super::settings::{Channel, Feed, Settings};
use super::subscriptions::Subscriptions;
use super::watch::Watched;
use crate::feeds::session::{Counters, Do, Heard, Notice, Out, Pause, Session, Status};
use crate::wire::backoff::Backoff;
use connection::{Stage, State};

/// The session.
#[derive(Debug)]
pub struct AlpacaSession {
    settings: Settings,
    decoder: Decoder,
    state: State,
    subscriptions: Subscriptions,
    symbols: BTreeMap<Symbol, Watched>,
    /// What nobody wants at present, oldest first: their gaps are open, and close when they come back.
    gone: VecDeque<Watched>,
    backfill: Backfill,
    /// From when on bars are missing, where they stand for trades.
    bars_from: Option<UtcNanos>,
    backoff: Backoff,
    slot: Backoff,
    /// Symbols that are left out, as people were last told.
    told: Vec<Symbol>,
    counters: Counters,
    links: u32,
}

impl AlpacaSession {
    /// A session that has not begun. Channels that the feed does not have are left out, for a request for them is refused
    /// whole; the session tells.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let channels: Vec<Channel> =
            settings.channels.iter().copied().filter(|channel| channel.is_in(settings.feed)).collect();
        let watched = |symbol: &Symbol| (*symbol, Watched::new(*symbol, &channels));
        let symbols = settings.symbols.iter().map(watched).collect();
        let backoff = |first, longest, seed: u64| Backoff::new(first, longest, settings.seed.wrapping_add(seed));
        let (first, longest, slot) = (settings.backoff_first, settings.backoff_longest, settings.backoff_slot);
        Self {
            decoder: Decoder::new(),
            state: State::Idle,
            subscriptions: Subscriptions::new(settings.symbols.clone(), channels, settings.symbol_limit),
            symbols,
            gone: VecDeque::new(),
            backfill: Backfill::new(settings.requests_per_minute, backoff(first, longest, 1)),
            bars_from: None,
            backoff: backoff(first, longest, 0),
            slot: backoff(slot, slot * 4, 2),
            told: Vec::new(),
            counters: Counters::default(),
            links: 0,
            settings,
        }
    }

    /// Sends what is to be subscribed next, or is live.
    fn subscribe(&mut self, now: UtcNanos, out: &mut Out) {
        let State::Connected(connection) = &mut self.state else { return };
        if !matches!(connection.stage, Stage::Subscribing | Stage::Live) || self.subscriptions.asked_at().is_some() {
            return;
        }
        if let Some(request) = self.subscriptions.next_request(now) {
            out.effects.push(Do::Send(connection.link, request));
            return;
        }
        if self.subscriptions.waits_until().is_some() {
            return;
        }
        if connection.stage == Stage::Subscribing {
            connection.stage = Stage::Live;
            let symbols = self.subscriptions.whole().len();
            out.notices.push(Notice::Info(format!("{symbols} symbols are live")));
            self.plan_bars(now);
        }
        self.tell_left_out(out);
    }

    fn tell_left_out(&mut self, out: &mut Out) {
        let left_out = self.subscriptions.left_out();
        let symbols: Vec<Symbol> = left_out.iter().map(|(symbol, _)| *symbol).collect();
        if symbols != self.told && !symbols.is_empty() {
            let why = |(symbol, why): &(Symbol, String)| format!("{symbol} ({why})");
            let list: Vec<String> = left_out.iter().map(why).collect();
            out.notices.push(Notice::Warning(format!("symbols that are not subscribed: {}", list.join(", "))));
        }
        self.told = symbols;
    }

    fn check(&self, add: &[Symbol]) -> Result<(), String> {
        let crypto = self.settings.feed == Feed::Crypto;
        if let Some(wrong) = add.iter().find(|symbol| symbol.as_str().contains('/') != crypto) {
            let expected = if crypto { "a pair, like BTC/USD" } else { "a stock, like AAPL" };
            return Err(format!("`{wrong}` is not a symbol of this feed; expected {expected}"));
        }
        Ok(())
    }
}

impl Session for AlpacaSession {
    fn begin(&mut self, now: UtcNanos, out: &mut Out) {
        match self.state {
            State::Idle => {
                self.begin_missing(now, out);
                self.connect(now, out);
            }
            // A pause cuts no wait short: the venue may count who comes too early.
            State::Paused(_, Some(at)) if at > now => {
                self.state = State::Waiting(at, "a wait from before the pause".to_owned());
            }
            State::Paused(..) => self.connect(now, out),
            _ => {}
        }
    }

    fn hear(&mut self, heard: Heard<'_>, now: UtcNanos, out: &mut Out) {
        match heard {
            Heard::Opened(link) if self.is_current(link) => self.opened(now),
            Heard::Frame(link, frame) if self.is_current(link) => self.on_frame(frame, now, out),
            Heard::Alive(link) if self.is_current(link) => {
                if let Some(connection) = self.connection() {
                    connection.heard = now;
                }
            }
            Heard::Closed(link, why) if self.is_current(link) => {
                self.reconnect_soon(&format!("the connection is closed: {why}"), now, out);
            }
            // Of a connection that was given up.
            Heard::Opened(_) | Heard::Frame(..) | Heard::Alive(_) | Heard::Closed(..) => {}
            Heard::Answered(id, answer) => self.on_answer(id, answer, now, out),
            Heard::Timer => self.on_timer(now, out),
        }
    }

    fn change(&mut self, add: &[Symbol], remove: &[Symbol], now: UtcNanos, out: &mut Out) -> Result<(), String> {
        self.check(add)?;
        let new: Vec<Symbol> = add.iter().copied().filter(|symbol| !self.symbols.contains_key(symbol)).collect();
        let freed = remove.iter().filter(|symbol| self.symbols.contains_key(symbol)).count();
        let room = self.subscriptions.room().saturating_add(freed);
        if new.len() > room {
            return Err(format!("{} symbols are too many; the plan has room for {room} more", new.len()));
        }
        self.subscriptions.change(&new, remove);
        self.dismiss(remove, now, out);
        self.welcome(&new);
        self.subscribe(now, out);
        Ok(())
    }

    fn pause(&mut self, why: Pause, now: UtcNanos, out: &mut Out) {
        let (cause, word) = match why {
            Pause::Overload => (GapCause::Overload, "storage or the market cannot keep up"),
            Pause::Stop => (GapCause::Stopped, "the runtime stops"),
        };
        let wait = match &self.state {
            State::Failed(_) => return,
            State::Waiting(at, _) => Some(*at),
            State::Paused(_, wait) => *wait,
            _ => None,
        };
        self.credit(now);
        self.leave(cause, out);
        self.state = State::Paused(word, wait);
    }

    fn next_due(&self) -> Option<UtcNanos> {
        match &self.state {
            State::Waiting(at, _) => Some(*at),
            State::Connected(connection) => {
                let deadline = self.deadline(connection).map(|(at, _)| at);
                deadline.into_iter().chain(self.backfill.due()).chain(self.subscriptions.due()).min()
            }
            _ => None,
        }
    }

    fn status(&self, now: UtcNanos) -> Status {
        self.status_at(now)
    }
}

#[cfg(test)]
mod tests;
