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
mod frames;
mod status;

use std::collections::BTreeMap;
use std::time::Duration;

use messages::market::{Gap, GapCause};
use messages::{Symbol, UtcNanos};

use super::backfill::{Backfill, SYMBOLS, What};
use super::settings::{Channel, Feed, Settings};
use super::subscriptions::Subscriptions;
use super::watch::{OVERLAP, Watched};
use super::{Counted, Decoder};
use crate::feeds::backoff::Backoff;
use crate::feeds::session::{Counters, Do, Heard, Link, Notice, Out, Pause, Session, Status};

/// A connection that takes longer to open is given up.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
/// Alpaca closes a connection that has not proved itself in ten seconds; so do we.
const AUTHENTICATE_WITHIN: Duration = Duration::from_secs(10);
/// An answer to a subscription comes at once or not at all.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(10);

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connecting,
    Authenticating,
    Subscribing,
    Live,
}

/// What did not come in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Overdue {
    Opening,
    Authentication,
    Acknowledgement,
    Life,
}

impl Overdue {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "the connection does not open",
            Self::Authentication => "the venue does not authenticate us",
            Self::Acknowledgement => "the venue does not acknowledge the subscription",
            Self::Life => "the connection is silent",
        }
    }
}

#[derive(Debug)]
struct Connection {
    link: Link,
    stage: Stage,
    /// When it was begun, and from when it is open on, when it opened.
    since: UtcNanos,
    opened: Option<UtcNanos>,
    /// When it last showed life.
    heard: UtcNanos,
    /// The newest time of a message, in the venue's time, and never ahead of ours.
    newest: Option<UtcNanos>,
}

#[derive(Debug)]
enum State {
    /// Not begun.
    Idle,
    Connected(Connection),
    /// To connect again at an instant.
    Waiting(UtcNanos, String),
    Paused(&'static str),
    Failed(String),
}

/// The session.
#[derive(Debug)]
pub struct AlpacaSession {
    settings: Settings,
    decoder: Decoder,
    state: State,
    subscriptions: Subscriptions,
    symbols: BTreeMap<Symbol, Watched>,
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
    /// whole; [`Session::begin`] tells.
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

    /// What the frames said beside market data.
    #[must_use]
    pub fn counted(&self) -> &Counted {
        &self.decoder.counted
    }

    fn connection(&mut self) -> Option<&mut Connection> {
        match &mut self.state {
            State::Connected(connection) => Some(connection),
            _ => None,
        }
    }

    fn is_current(&self, link: Link) -> bool {
        matches!(&self.state, State::Connected(connection) if connection.link == link)
    }

    fn connect(&mut self, now: UtcNanos, out: &mut Out) {
        self.links += 1;
        let link = Link(self.links);
        let url = format!("{}{}", self.settings.stream_url, self.settings.feed.path());
        out.effects.push(Do::Open { link, url, headers: self.settings.keys.headers() });
        let stage = Stage::Connecting;
        self.state = State::Connected(Connection { link, stage, since: now, opened: None, heard: now, newest: None });
    }

    fn opened(&mut self, now: UtcNanos) {
        self.counters.connects += 1;
        if let Some(connection) = self.connection() {
            connection.opened = Some(now);
            connection.heard = now;
            connection.since = now;
            connection.stage = Stage::Authenticating;
        }
    }

    /// The connection is gone or to be given up: opens the gaps. Does not say what comes next.
    fn leave(&mut self, cause: GapCause, out: &mut Out) {
        let State::Connected(connection) = std::mem::replace(&mut self.state, State::Idle) else { return };
        out.effects.push(Do::Close(connection.link));
        self.subscriptions.disconnected();
        self.backfill.clear();
        let Some(opened) = connection.opened else { return };
        self.counters.disconnects += 1;
        let start = connection.newest.unwrap_or(opened.before(self.delay())).before(OVERLAP);
        let symbols: Vec<Symbol> = self.symbols.keys().copied().collect();
        self.lose(&symbols, cause, start, out);
        if connection.stage == Stage::Live && self.bars_stand_for_trades() {
            self.bars_from.get_or_insert(start);
        }
    }

    /// By how much the stream is late.
    fn delay(&self) -> Duration {
        self.settings.feed.history().map_or(Duration::ZERO, |history| history.delay)
    }

    fn lose(&mut self, symbols: &[Symbol], cause: GapCause, start: UtcNanos, out: &mut Out) {
        let mut gaps = Vec::new();
        for symbol in symbols {
            if let Some(watched) = self.symbols.get_mut(symbol) {
                watched.lost(cause, start, &mut gaps);
            }
        }
        self.report(gaps, out);
    }

    /// The connection is gone: to connect again after a while.
    fn reconnect(&mut self, why: &str, wait: Duration, now: UtcNanos, out: &mut Out) {
        self.leave(GapCause::Disconnect, out);
        out.notices.push(Notice::Warning(format!("{why}; connecting again in {} ms", wait.as_millis())));
        self.state = State::Waiting(now.after(wait), why.to_owned());
    }

    fn reconnect_soon(&mut self, why: &str, now: UtcNanos, out: &mut Out) {
        let wait = self.backoff.next_wait();
        self.reconnect(why, wait, now, out);
    }

    fn fail(&mut self, why: String, out: &mut Out) {
        self.leave(GapCause::Disconnect, out);
        out.notices.push(Notice::Fatal(why.clone()));
        self.state = State::Failed(why);
    }

    fn report(&mut self, gaps: Vec<Gap>, out: &mut Out) {
        self.counters.gaps += gaps.iter().filter(|gap| gap.to.is_none()).count() as u64;
        gaps.into_iter().for_each(|gap| out.gap(gap));
    }

    fn bars_stand_for_trades(&self) -> bool {
        let has = |channel| self.settings.channels.contains(&channel);
        has(Channel::Bars) && !has(Channel::Trades)
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
        if connection.stage == Stage::Subscribing {
            connection.stage = Stage::Live;
            self.backoff.succeeded();
            self.slot.succeeded();
            let symbols = self.subscriptions.whole().len();
            out.notices.push(Notice::Info(format!("{symbols} symbols are live")));
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

    /// Symbols whose trades are missing and whose stream is back: asks history for them.
    fn plan_backfill(&mut self, resumed: &[Symbol], now: UtcNanos, out: &mut Out) {
        let Some(history) = self.settings.feed.history() else { return self.abandon(resumed, out) };
        let mut by_start: BTreeMap<UtcNanos, Vec<Symbol>> = BTreeMap::new();
        for symbol in resumed {
            if let Some(start) = self.symbols.get(symbol).and_then(Watched::asks_from) {
                by_start.entry(start).or_default().push(*symbol);
            }
        }
        for (start, symbols) in by_start {
            for symbols in symbols.chunks(SYMBOLS) {
                self.backfill.add(What::Trades, symbols.to_vec(), start, history, now);
            }
        }
    }

    /// Bars of the time without a connection.
    fn plan_bars(&mut self, now: UtcNanos) {
        let live = matches!(&self.state, State::Connected(connection) if connection.stage == Stage::Live);
        let Some(history) = self.settings.feed.history().filter(|_| live) else { return };
        let Some(start) = self.bars_from.take() else { return };
        let symbols: Vec<Symbol> = self.subscriptions.whole().iter().copied().collect();
        for symbols in symbols.chunks(SYMBOLS) {
            let start = start.floor_to(Duration::from_secs(60));
            self.backfill.add(What::Bars, symbols.to_vec(), start, history, now);
        }
    }

    fn abandon(&mut self, symbols: &[Symbol], out: &mut Out) {
        let delay = self.delay();
        let mut gaps = Vec::new();
        for symbol in symbols {
            if let Some(watched) = self.symbols.get_mut(symbol) {
                watched.abandoned(delay, &mut gaps);
            }
        }
        self.report(gaps, out);
    }

    fn on_timer(&mut self, now: UtcNanos, out: &mut Out) {
        match &self.state {
            State::Waiting(at, _) if *at <= now => self.connect(now, out),
            State::Connected(connection) => {
                if let Some((_, overdue)) = self.deadline(connection).filter(|(at, _)| *at <= now) {
                    self.missed(overdue, now, out);
                }
            }
            _ => {}
        }
        self.fetch(now, out);
    }

    /// What the connection must do next, and by when.
    fn deadline(&self, connection: &Connection) -> Option<(UtcNanos, Overdue)> {
        let silence = (connection.heard.after(self.settings.silence), Overdue::Life);
        let stage = match connection.stage {
            Stage::Connecting => return Some((connection.since.after(CONNECT_WITHIN), Overdue::Opening)),
            Stage::Authenticating => Some((connection.since.after(AUTHENTICATE_WITHIN), Overdue::Authentication)),
            Stage::Subscribing | Stage::Live => {
                let asked = self.subscriptions.asked_at();
                asked.map(|at| (at.after(ACKNOWLEDGE_WITHIN), Overdue::Acknowledgement))
            }
        };
        stage.into_iter().chain([silence]).min()
    }

    fn missed(&mut self, overdue: Overdue, now: UtcNanos, out: &mut Out) {
        if overdue == Overdue::Acknowledgement && !self.subscriptions.unanswered() {
            return self.subscribe(now, out);
        }
        self.reconnect_soon(overdue.as_str(), now, out);
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
        if matches!(self.state, State::Idle | State::Paused(_)) {
            self.connect(now, out);
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
        let mut gaps = Vec::new();
        for mut watched in remove.iter().filter_map(|symbol| self.symbols.remove(symbol)) {
            watched.dismissed(now, &mut gaps);
        }
        self.report(gaps, out);
        let channels = self.subscriptions.channels();
        self.symbols.extend(new.iter().map(|symbol| (*symbol, Watched::new(*symbol, channels))));
        self.subscribe(now, out);
        Ok(())
    }

    fn pause(&mut self, why: Pause, _now: UtcNanos, out: &mut Out) {
        let (cause, word) = match why {
            Pause::Overload => (GapCause::Overload, "storage or the market cannot keep up"),
            Pause::Stop => (GapCause::Stopped, "the runtime stops"),
        };
        self.leave(cause, out);
        if !matches!(self.state, State::Failed(_)) {
            self.state = State::Paused(word);
        }
    }

    fn next_due(&self) -> Option<UtcNanos> {
        match &self.state {
            State::Waiting(at, _) => Some(*at),
            State::Connected(connection) => {
                let deadline = self.deadline(connection).map(|(at, _)| at);
                deadline.into_iter().chain(self.backfill.due()).min()
            }
            _ => None,
        }
    }

    fn status(&self, now: UtcNanos) -> Status {
        self.status_at(now)
    }
}

#[cfg(test)]
pub(super) mod tests;
