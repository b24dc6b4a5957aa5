//! The connections to Binance Spot's market streams, as a pure state.
//!
//! Hears links, frames, answers and the passing of time; says market data, what to open, send and ask, and which data are
//! missing. Symbols stand in slots of as many as one link can carry; each slot has one link, and two while the second
//! takes over: before the first is a day old, or when its server is about to go.
//!
//! Trades that a link missed are fetched by their ids, books by the venue's procedure; quotes cannot be fetched.
//! Source: `web-socket-streams.md` and `rest-api.md` of the Spot API.
//!
//! Invariant: of every symbol that is wanted and not refused, whatever was not heard stands in a gap that was reported.

mod answers;
mod book_ids;
mod connection;
mod control;
mod frames;
mod handover;
mod holes;
mod limits;
mod links;
mod report;
mod requests;
mod settings;
mod symbol;
mod trade_ids;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use messages::market::{Gap, GapCause};
use messages::{Symbol, UtcNanos};

pub use settings::{Channels, Settings};

use connection::Connection;
use limits::{LINKS, STREAMS_PER_LINK};
use links::Slot;
use requests::Requests;
use symbol::{Lost, SymbolState};

use super::Decoder;
use crate::feeds::session::{Counters, Heard, Notice, Out, Pause, Session, Status};
use crate::wire::Link;

/// The connections to Binance.
#[derive(Debug)]
pub struct BinanceSession {
    settings: Settings,
    decoder: Decoder,
    symbols: BTreeMap<Symbol, SymbolState>,
    slots: BTreeMap<u32, Slot>,
    links: BTreeMap<Link, Connection>,
    requests: Requests,
    /// Symbols of which something is due, by time.
    agenda: BTreeSet<(UtcNanos, Symbol)>,
    /// When links were asked for, as far as the venue counts back.
    connects: VecDeque<UtcNanos>,
    last_link: u32,
    last_slot: u32,
    paused: Option<Pause>,
    /// It has begun once.
    begun: bool,
    counters: Counters,
    /// Gaps of the call that is under way; kept for its memory.
    gaps: Vec<Gap>,
}

impl BinanceSession {
    /// A session that has not begun.
    ///
    /// # Errors
    /// Symbols of the settings that cannot be subscribed, or too many; no channel.
    pub fn new(settings: Settings) -> Result<Self, String> {
        if settings.channels.count() == 0 {
            return Err("no channel is chosen; expected one of trade, agg_trade, book_ticker, depth, kline".to_owned());
        }
        let symbols = settings.symbols.clone();
        let mut session = Self {
            requests: Requests::new(settings.weight_per_minute),
            settings,
            decoder: Decoder::new(),
            symbols: BTreeMap::new(),
            slots: BTreeMap::new(),
            links: BTreeMap::new(),
            agenda: BTreeSet::new(),
            connects: VecDeque::new(),
            last_link: 0,
            last_slot: 0,
            paused: Some(Pause::Stop),
            begun: false,
            counters: Counters::default(),
            gaps: Vec::new(),
        };
        session.check_symbols(&symbols)?;
        session.place(&symbols);
        Ok(session)
    }

    fn symbols_per_slot(&self) -> usize {
        STREAMS_PER_LINK / self.settings.channels.count()
    }

    fn check_symbols(&self, add: &[Symbol]) -> Result<(), String> {
        for symbol in add {
            let text = symbol.as_str();
            if text.to_lowercase().to_uppercase() != text || text.contains(['@', '/', '!', ' ']) {
                return Err(format!("`{text}` is not a symbol of Binance; expected upper case, as BTCUSDT"));
            }
        }
        let new: BTreeSet<_> = add.iter().filter(|symbol| !self.symbols.contains_key(symbol)).collect();
        let most = self.symbols_per_slot() * LINKS;
        if self.symbols.len() + new.len() > most {
            return Err(format!("{} symbols; with these channels at most {most}", self.symbols.len() + new.len()));
        }
        Ok(())
    }

    /// Gives each new symbol its place in a slot. Returns those that are to be subscribed, by slot.
    fn place(&mut self, add: &[Symbol]) -> BTreeMap<u32, Vec<Symbol>> {
        let mut placed: BTreeMap<u32, Vec<Symbol>> = BTreeMap::new();
        for &symbol in add {
            if let Some(known) = self.symbols.get_mut(&symbol) {
                // One that was refused is tried again, for somebody asks for it.
                if known.refused.take().is_some() {
                    placed.entry(known.slot).or_default().push(symbol);
                }
                continue;
            }
            let most = self.symbols_per_slot();
            let free = self.slots.iter().find(|(_, slot)| slot.symbols.len() < most).map(|(id, _)| *id);
            let id = free.unwrap_or_else(|| self.new_slot());
            if let Some(slot) = self.slots.get_mut(&id) {
                slot.symbols.insert(symbol);
            }
            self.symbols.insert(symbol, SymbolState::new(symbol, id, &self.settings));
            placed.entry(id).or_default().push(symbol);
        }
        placed
    }

    fn remove(&mut self, symbol: Symbol, now: UtcNanos) {
        let Some(mut state) = self.symbols.remove(&symbol) else { return };
        state.close(now, &mut self.gaps);
        if let Some(planned) = state.planned {
            self.agenda.remove(&(planned, symbol));
        }
        self.requests.forget(symbol);
        if let Some(slot) = self.slots.get_mut(&state.slot) {
            slot.symbols.remove(&symbol);
        }
        self.unsubscribe(symbol);
    }

    /// Ends the subscriptions of a symbol, over whichever links it has some.
    fn unsubscribe(&mut self, symbol: Symbol) {
        for connection in self.links.values_mut().filter(|connection| connection.wants(symbol)) {
            connection.unsubscribe(&[symbol], &self.settings.channels);
        }
    }

    /// Puts a symbol on the agenda at the time at which something of it is due.
    fn plan(&mut self, symbol: Symbol) {
        let Some(state) = self.symbols.get_mut(&symbol) else { return };
        let due = state.due();
        if due == state.planned {
            return;
        }
        if let Some(planned) = state.planned {
            self.agenda.remove(&(planned, symbol));
        }
        state.planned = due;
        self.agenda.extend(due.map(|due| (due, symbol)));
    }

    /// Does what time and room allow, then says what was found missing.
    fn go_on(&mut self, now: UtcNanos, out: &mut Out) {
        if self.paused.is_none() {
            // Most frames leave the links as they are.
            if self.links_due().is_some_and(|due| due <= now) {
                self.care_for_links(now, out);
            }
            self.care_for_symbols(now);
            self.send(now, out);
            self.ask(now, out);
        }
        self.say_gaps(out);
    }

    fn say_gaps(&mut self, out: &mut Out) {
        for gap in self.gaps.drain(..) {
            // A gap is counted when it opens.
            self.counters.gaps += u64::from(gap.to.is_none());
            out.gap(gap);
        }
    }
}

impl Session for BinanceSession {
    fn begin(&mut self, now: UtcNanos, out: &mut Out) {
        if !std::mem::replace(&mut self.begun, true) {
            // Until the first links are open and subscribed, everything is missed.
            self.symbols.values_mut().for_each(|state| state.begin(now, &mut self.gaps));
        }
        if self.paused.take().is_some() {
            self.go_on(now, out);
        }
    }

    fn hear(&mut self, heard: Heard<'_>, now: UtcNanos, out: &mut Out) {
        match heard {
            Heard::Opened(link) => self.on_opened(link, now),
            Heard::Frame(link, frame) => self.on_frame(link, frame, now, out),
            Heard::Alive(link) => self.alive(link, now),
            Heard::Closed(link, why) => self.on_closed(link, why, now, out),
            Heard::Answered(id, answer) => self.on_answer(id, answer, now, out),
            Heard::Timer => {}
        }
        self.go_on(now, out);
    }

    fn change(&mut self, add: &[Symbol], remove: &[Symbol], now: UtcNanos, out: &mut Out) -> Result<(), String> {
        self.check_symbols(add)?;
        for symbol in remove.iter().filter(|symbol| !add.contains(symbol)) {
            self.remove(*symbol, now);
        }
        for (id, symbols) in self.place(add) {
            let links: Vec<Link> = self.slots.get(&id).map(|slot| slot.links().collect()).unwrap_or_default();
            for link in links {
                if let Some(connection) = self.links.get_mut(&link).filter(|c| c.opened_at.is_some()) {
                    connection.subscribe(&symbols, &self.settings.channels);
                }
            }
        }
        self.go_on(now, out);
        Ok(())
    }

    fn pause(&mut self, why: Pause, now: UtcNanos, out: &mut Out) {
        if self.paused.replace(why).is_some() {
            return;
        }
        let cause = match why {
            Pause::Overload => GapCause::Overload,
            Pause::Stop => GapCause::Stopped,
        };
        for slot in self.slots.keys().copied().collect::<Vec<_>>() {
            self.lose_slot(slot, cause, Lost::ALL);
        }
        out.effects.extend(self.links.keys().map(|link| crate::feeds::session::Do::Close(*link)));
        self.links.clear();
        self.slots.values_mut().for_each(Slot::rest);
        self.requests.forget_all();
        for symbol in self.symbols.keys().copied().collect::<Vec<_>>() {
            if let Some(trades) = self.symbols.get_mut(&symbol).and_then(|state| state.trades.as_mut()) {
                trades.asking = false;
            }
            self.plan(symbol);
        }
        out.notices.push(Notice::Info(format!("binance: all links closed at {now}")));
        self.say_gaps(out);
    }

    fn next_due(&self) -> Option<UtcNanos> {
        if self.paused.is_some() {
            return None;
        }
        let symbols = self.agenda.first().map(|(due, _)| *due);
        [symbols, self.requests.due(), self.links_due()].into_iter().flatten().min()
    }

    fn status(&self, now: UtcNanos) -> Status {
        self.report(now)
    }
}
