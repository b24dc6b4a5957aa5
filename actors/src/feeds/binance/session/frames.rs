//! What came over a link: decoded, then followed symbol by symbol.
//!
//! Two things are not handed on: a trade that was seen before (the market knows only the newest thousands), and, while a
//! new link takes over, a diff that runs ahead of the old link, for the market would see a gap where none is. Such a frame is
//! not recorded either ([`Out::record`] is an empty line), so that a replay leaves out the same.

use messages::market::{Depth, DepthKind, FeedItem, Source, Tick, TickBody};
use messages::{Symbol, UtcNanos};

use super::BinanceSession;
use super::connection::Proof;
use super::control::{self, Control};
use super::trade_ids::Seen;
use crate::feeds::Frame;
use crate::feeds::session::{Do, Notice, Out, Undecodable};
use crate::wire::Link;

/// The venue's code for a message that it does not take as it is: a symbol that it does not have.
const INVALID_REQUEST: i64 = 2;
/// Bytes of an undecodable frame that are kept.
const KEPT: usize = 512;

/// What a link is to its slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The only one.
    Alone,
    /// The one that is replaced by another.
    Old(Link),
    /// The one that takes over.
    New,
}

impl BinanceSession {
    pub(super) fn on_frame(&mut self, link: Link, frame: &[u8], now: UtcNanos, out: &mut Out) {
        let Some(connection) = self.links.get_mut(&link) else { return };
        connection.heard_at = now;
        self.counters.frames += 1;
        self.counters.bytes += frame.len() as u64;
        let slot = self.slots.get(&connection.slot);
        let role = match slot.map(|slot| (slot.current, slot.next)) {
            Some((Some(current), Some(next))) if current == link => Role::Old(next),
            Some((_, Some(next))) if next == link => Role::New,
            _ => Role::Alone,
        };
        match self.decoder.decode(frame, now, &mut out.items) {
            Ok(Frame::Market) => self.follow(link, role, now, out),
            Ok(Frame::Control) => self.on_control(link, frame, now, out),
            Ok(Frame::Ignored) => {}
            Err(error) => self.undecodable(error.to_string(), frame, out),
        }
    }

    pub(super) fn undecodable(&mut self, error: String, frame: &[u8], out: &mut Out) {
        self.counters.undecodable += 1;
        out.undecodable.push(Undecodable { error, frame: frame[..frame.len().min(KEPT)].to_vec() });
    }

    fn follow(&mut self, link: Link, role: Role, now: UtcNanos, out: &mut Out) {
        let mut items = std::mem::take(&mut out.items);
        let came = items.len();
        items.retain(|item| self.follow_item(link, role, item, now, out));
        if items.is_empty() && came > 0 {
            out.record = Some(Vec::new());
        }
        out.items = items;
    }

    /// Takes in one item. False when it is not to be handed on.
    fn follow_item(&mut self, link: Link, role: Role, item: &FeedItem, now: UtcNanos, out: &mut Out) -> bool {
        let symbol = match item {
            FeedItem::Tick(tick) => tick.instrument.symbol,
            FeedItem::Depth(depth) => depth.instrument.symbol,
            FeedItem::Bar(bar) => bar.instrument.symbol,
            FeedItem::Gap(_) => return true,
        };
        // One that was removed may still say something.
        let Some(state) = self.symbols.get_mut(&symbol) else { return true };
        if state.refused.is_some() {
            // On its way yet; nobody watches what is missing of it.
            return false;
        }
        state.heard = Some(now);
        let hand_on = match item {
            FeedItem::Tick(tick) if matches!(tick.body, TickBody::Trade { .. }) => {
                self.follow_trade(link, role, tick, now, out)
            }
            FeedItem::Tick(tick) => self.follow_quote(link, role, tick, now),
            FeedItem::Depth(depth) if depth.is_sound(now) => self.follow_depth(link, role, depth, now),
            // The market does not take it either; the next diff shows the gap.
            FeedItem::Depth(_) | FeedItem::Bar(_) | FeedItem::Gap(_) => true,
        };
        self.plan(symbol);
        hand_on
    }

    fn follow_trade(&mut self, link: Link, role: Role, tick: &Tick, now: UtcNanos, out: &mut Out) -> bool {
        let symbol = tick.instrument.symbol;
        let Some(trades) = self.symbols.get_mut(&symbol).and_then(|state| state.trades.as_mut()) else { return true };
        let is_aggregate = matches!(tick.body, TickBody::Trade { conditions, .. } if !conditions.is_empty());
        let Some(id) = tick.sequence.filter(|_| is_aggregate != self.settings.channels.trade) else { return true };
        let seen = trades.ids.saw(id, Source::Stream, now, &mut self.gaps);
        let is_whole = trades.ids.missing() == 0;
        if seen == Seen::Absurd {
            self.counters.errors += 1;
            if !std::mem::replace(&mut trades.told, true) {
                let text =
                    format!("binance: {symbol} has a trade with the id {id}, far from all others; it is left out");
                out.notices.push(Notice::Warning(text));
            }
        }
        if role == Role::New && is_whole {
            self.prove(link, symbol, Proof::Trades);
        }
        seen == Seen::Fresh
    }

    fn follow_quote(&mut self, link: Link, role: Role, tick: &Tick, now: UtcNanos) -> bool {
        let symbol = tick.instrument.symbol;
        let Some(quotes) = self.symbols.get_mut(&symbol).and_then(|state| state.quotes.as_mut()) else { return true };
        let id = tick.sequence.unwrap_or(i64::MAX);
        let newest = quotes.newest;
        quotes.heard(id, now, &mut self.gaps);
        match role {
            Role::Alone => {}
            Role::New if id <= newest => self.prove(link, symbol, Proof::Quotes),
            Role::New => {
                if let Some(connection) = self.links.get_mut(&link) {
                    connection.ahead.entry(symbol).or_insert(id);
                }
            }
            Role::Old(next) => {
                let ahead = self.links.get(&next).and_then(|next| next.ahead.get(&symbol));
                if ahead.is_some_and(|ahead| *ahead <= id) {
                    self.prove(next, symbol, Proof::Quotes);
                }
            }
        }
        true
    }

    fn follow_depth(&mut self, link: Link, role: Role, depth: &Depth, now: UtcNanos) -> bool {
        let symbol = depth.instrument.symbol;
        let Some(book) = self.symbols.get_mut(&symbol).and_then(|state| state.book.as_mut()) else { return true };
        let DepthKind::Diff { first } = depth.kind else { return true };
        if role == Role::New && self.links.get(&link).is_some_and(|c| c.unproven.contains(&(symbol, Proof::Depth))) {
            if !book.ids.is_continued_by(first) {
                return false;
            }
            self.prove(link, symbol, Proof::Depth);
        }
        let Some(book) = self.symbols.get_mut(&symbol).and_then(|state| state.book.as_mut()) else { return true };
        self.counters.resyncs += u64::from(book.diff(first, depth.last, now));
        true
    }

    fn prove(&mut self, link: Link, symbol: Symbol, proof: Proof) {
        if let Some(connection) = self.links.get_mut(&link) {
            connection.unproven.remove(&(symbol, proof));
        }
    }

    fn on_control(&mut self, link: Link, frame: &[u8], now: UtcNanos, out: &mut Out) {
        match control::read(frame) {
            Control::Confirmed(id) => self.on_confirmed(link, id, now),
            Control::Refused { id, code: Some(INVALID_REQUEST), why } => self.on_refused(link, id, &why, now, out),
            Control::Refused { id, why, .. } => self.on_trouble(link, id, &why, now, out),
            Control::Shutdown => self.on_shutdown(link, now, out),
            Control::Other => {}
        }
    }

    fn on_confirmed(&mut self, link: Link, id: i64, now: UtcNanos) {
        let Some(connection) = self.links.get_mut(&link) else { return };
        let confirmed = connection.confirm(id);
        let counts = self.slots.get(&connection.slot).is_some_and(|slot| slot.current == Some(link));
        for symbol in confirmed.into_iter().filter(|_| counts) {
            if let Some(state) = self.symbols.get_mut(&symbol) {
                state.confirmed(now, &self.settings);
            }
            self.plan(symbol);
        }
        self.note_settled(link, now);
    }

    fn on_refused(&mut self, link: Link, id: Option<i64>, why: &str, now: UtcNanos, out: &mut Out) {
        self.counters.errors += 1;
        let refused = self.links.get_mut(&link).and_then(|connection| connection.refuse(id));
        if let Some(symbol) = refused {
            self.refuse(symbol, why, now, out);
        }
        self.note_settled(link, now);
    }

    /// The venue could not do what it was asked to, whatever the symbols: another link tries again, a little later.
    fn on_trouble(&mut self, link: Link, id: Option<i64>, why: &str, now: UtcNanos, out: &mut Out) {
        self.counters.errors += 1;
        if self.links.get(&link).is_some_and(|connection| connection.awaits(id)) {
            out.effects.push(Do::Close(link));
            self.on_closed(link, why, now, out);
        }
    }

    /// The venue does not want a symbol: it is left out until somebody asks for it again.
    pub(super) fn refuse(&mut self, symbol: Symbol, why: &str, now: UtcNanos, out: &mut Out) {
        let Some(state) = self.symbols.get_mut(&symbol).filter(|state| state.refused.is_none()) else { return };
        out.notices.push(Notice::Warning(format!("binance: {symbol} is refused and left out: {why}")));
        state.close(now, &mut self.gaps);
        let mut fresh = super::SymbolState::new(symbol, state.slot, &self.settings);
        (fresh.refused, fresh.planned) = (Some(why.to_owned()), state.planned);
        *state = fresh;
        self.requests.forget(symbol);
        // A link may have it all the same, for not every subscription of an unknown one is refused.
        self.unsubscribe(symbol);
        self.plan(symbol);
    }
}
