//! Links: opened, kept alive, replaced before they are too old, and opened again when they are lost.

use std::collections::BTreeSet;
use std::time::Duration;

use messages::market::GapCause;
use messages::{Symbol, UtcNanos};

use super::BinanceSession;
use super::connection::{Connection, Proof};
use super::limits::{CONNECTS, CONNECTS_WITHIN, OPENS_WITHIN, PROVEN_BY};
use super::symbol::Lost;
use crate::feeds::session::{Do, Notice, Out};
use crate::wire::Link;
use crate::wire::backoff::Backoff;

/// The symbols of one link, and the links that serve them.
#[derive(Debug)]
pub struct Slot {
    /// Its symbols, those that were refused included.
    pub symbols: BTreeSet<Symbol>,
    /// The link that counts.
    pub current: Option<Link>,
    /// The one that takes over.
    pub next: Option<Link>,
    /// When a link is opened again.
    pub retry_at: Option<UtcNanos>,
    /// Why there is none.
    pub why: Option<String>,
    /// The waits before it is opened again.
    pub backoff: Backoff,
}

impl Slot {
    /// Its links.
    pub fn links(&self) -> impl Iterator<Item = Link> + use<> {
        self.current.into_iter().chain(self.next)
    }

    /// Has no link and waits for none.
    pub fn rest(&mut self) {
        (self.current, self.next, self.retry_at) = (None, None, None);
    }
}

impl BinanceSession {
    pub(super) fn new_slot(&mut self) -> u32 {
        self.last_slot += 1;
        let seed = self.settings.seed.wrapping_add(self.last_slot.into());
        let backoff = Backoff::new(self.settings.backoff_first, self.settings.backoff_longest, seed);
        let slot = Slot { symbols: BTreeSet::new(), current: None, next: None, retry_at: None, why: None, backoff };
        self.slots.insert(self.last_slot, slot);
        self.last_slot
    }

    /// Opens what is missing, replaces what is old, gives up what is silent.
    pub(super) fn care_for_links(&mut self, now: UtcNanos, out: &mut Out) {
        self.drop_empty_slots(out);
        self.close_silent(now, out);
        for slot in self.slots.keys().copied().collect::<Vec<_>>() {
            self.replace_old(slot, now, out);
            self.finish_handover(slot, now, out);
            let waits = |slot: &Slot| slot.current.is_none() && slot.retry_at.is_none_or(|at| at <= now);
            if self.slots.get(&slot).is_some_and(waits)
                && let Some(link) = self.open(slot, now, out)
                && let Some(slot) = self.slots.get_mut(&slot)
            {
                (slot.current, slot.retry_at) = (Some(link), None);
            }
        }
    }

    fn drop_empty_slots(&mut self, out: &mut Out) {
        let links = &mut self.links;
        self.slots.retain(|_, slot| {
            if !slot.symbols.is_empty() {
                return true;
            }
            for link in slot.links() {
                links.remove(&link);
                out.effects.push(Do::Close(link));
            }
            false
        });
    }

    /// Asks for a link, unless the venue would find that too many: then later.
    pub(super) fn open(&mut self, slot: u32, now: UtcNanos, out: &mut Out) -> Option<Link> {
        while self.connects.front().is_some_and(|at| at.after(CONNECTS_WITHIN) <= now) {
            self.connects.pop_front();
        }
        if self.connects.len() >= CONNECTS {
            let at = self.connects.front()?.after(CONNECTS_WITHIN);
            let slot = self.slots.get_mut(&slot)?;
            slot.retry_at = Some(at);
            slot.why = Some(format!("{CONNECTS} connection attempts in five minutes; the venue bans who makes many"));
            return None;
        }
        self.connects.push_back(now);
        self.last_link += 1;
        let link = Link(self.last_link);
        self.links.insert(link, Connection::new(slot, now));
        let url = format!("{}/stream", self.settings.stream_url.trim_end_matches('/'));
        out.effects.push(Do::Open { link, url, headers: Vec::new() });
        Some(link)
    }

    pub(super) fn on_opened(&mut self, link: Link, now: UtcNanos) {
        let retire_at = now.after(self.max_age(link));
        let Some(connection) = self.links.get_mut(&link) else { return };
        let Some(slot) = self.slots.get(&connection.slot) else { return };
        (connection.opened_at, connection.heard_at) = (Some(now), now);
        connection.retire_at = Some(retire_at);
        let refused = |symbol: &Symbol| self.symbols.get(symbol).is_none_or(|state| state.refused.is_some());
        let wanted: Vec<Symbol> = slot.symbols.iter().copied().filter(|symbol| !refused(symbol)).collect();
        if slot.next == Some(link) {
            for symbol in &wanted {
                let state = self.symbols.get(symbol);
                let proof = |wanted: bool, proof| wanted.then_some((*symbol, proof));
                connection.unproven.extend(proof(state.is_some_and(|s| s.trades.is_some()), Proof::Trades));
                connection.unproven.extend(proof(state.is_some_and(|s| s.quotes.is_some()), Proof::Quotes));
                connection.unproven.extend(proof(state.is_some_and(|s| s.book.is_some()), Proof::Depth));
            }
        }
        connection.subscribe(&wanted, &self.settings.channels);
        self.counters.connects += 1;
        self.note_settled(link, now);
    }

    /// The age at which a link is replaced: not all at once.
    fn max_age(&self, link: Link) -> Duration {
        let hash = messages::ids::hash(format!("{}/age/{}", self.settings.seed, link.0).as_bytes());
        let share = u32::from(u16::from_le_bytes([hash[0], hash[1]]));
        self.settings.max_age - (self.settings.max_age / 100) * share / 65_536
    }

    pub(super) fn alive(&mut self, link: Link, now: UtcNanos) {
        if let Some(connection) = self.links.get_mut(&link) {
            connection.heard_at = now;
        }
    }

    pub(super) fn on_closed(&mut self, link: Link, why: &str, now: UtcNanos, out: &mut Out) {
        let Some(connection) = self.links.remove(&link) else { return };
        let opened_at = connection.opened_at;
        self.counters.disconnects += u64::from(opened_at.is_some());
        let Some(slot) = self.slots.get_mut(&connection.slot) else { return };
        if opened_at.is_some_and(|at| at.after(PROVEN_BY) <= now) {
            slot.backoff.succeeded();
        }
        let wait = slot.backoff.next_wait();
        out.notices.push(Notice::Warning(format!("binance: link {} is lost: {why}", link.0)));
        if slot.next == Some(link) {
            slot.next = None;
            // The old one still serves; another try when it is due again.
            if let Some(current) = slot.current.and_then(|current| self.links.get_mut(&current)) {
                current.retire_at = Some(now.after(wait));
            }
        } else if slot.current == Some(link) {
            (slot.current, slot.why) = (None, Some(why.to_owned()));
            match slot.next.take() {
                Some(next) => self.promote_early(connection.slot, next, opened_at, now),
                None => {
                    slot.retry_at = Some(now.after(wait));
                    self.lose_slot_since(connection.slot, GapCause::Disconnect, Lost::ALL, opened_at);
                }
            }
        }
    }

    /// The links of a slot are gone: what comes until there are new ones is missed.
    pub(super) fn lose_slot(&mut self, slot: u32, cause: GapCause, lost: Lost) {
        let current = self.slots.get(&slot).and_then(|slot| slot.current);
        let opened_at = current.and_then(|link| self.links.get(&link)).and_then(|link| link.opened_at);
        self.lose_slot_since(slot, cause, lost, opened_at);
    }

    fn lose_slot_since(&mut self, slot: u32, cause: GapCause, lost: Lost, opened_at: Option<UtcNanos>) {
        let Some(symbols) = self.slots.get(&slot).map(|slot| slot.symbols.clone()) else { return };
        for symbol in symbols {
            let Some(state) = self.symbols.get_mut(&symbol).filter(|state| state.refused.is_none()) else { continue };
            state.lost(cause, opened_at, lost, &mut self.gaps);
            state.ready_at = None;
            self.forget_questions(symbol, lost);
            self.plan(symbol);
        }
    }

    /// Forgets what was asked of a symbol whose link is lost: an answer would speak of the time before.
    pub(super) fn forget_questions(&mut self, symbol: Symbol, lost: Lost) {
        if lost.book {
            self.requests.forget_book(symbol);
        }
        if lost.trades
            && self.requests.forget_newer(symbol)
            && let Some(trades) = self.symbols.get_mut(&symbol).and_then(|state| state.trades.as_mut())
        {
            trades.asking = false;
        }
    }

    pub(super) fn plan_slot(&mut self, slot: u32) {
        for symbol in self.slots.get(&slot).map(|slot| slot.symbols.clone()).unwrap_or_default() {
            self.plan(symbol);
        }
    }

    fn close_silent(&mut self, now: UtcNanos, out: &mut Out) {
        let dead: Vec<Link> =
            self.links.iter().filter(|(_, c)| self.dies_at(c) <= now).map(|(link, _)| *link).collect();
        for link in dead {
            out.effects.push(Do::Close(link));
            self.on_closed(link, "it says nothing any more", now, out);
        }
    }

    /// When a link is given up if nothing is heard of it.
    fn dies_at(&self, connection: &Connection) -> UtcNanos {
        if connection.opened_at.is_none() {
            return connection.asked_at.after(OPENS_WITHIN);
        }
        let silent_at = connection.heard_at.after(self.settings.silence);
        connection.unanswered_at().map_or(silent_at, |at| at.min(silent_at))
    }

    /// Notes that a link has everything confirmed.
    pub(super) fn note_settled(&mut self, link: Link, now: UtcNanos) {
        let Some(connection) = self.links.get_mut(&link) else { return };
        if connection.settled_at.is_some() || !connection.is_settled() {
            return;
        }
        connection.settled_at = Some(now);
        if let Some(slot) = self.slots.get_mut(&connection.slot).filter(|slot| slot.current == Some(link)) {
            slot.why = None;
        }
    }

    /// Sends what may be sent.
    pub(super) fn send(&mut self, now: UtcNanos, out: &mut Out) {
        for (link, connection) in &mut self.links {
            if let Some(text) = connection.next_message(&self.settings.channels, now) {
                out.effects.push(Do::Send(*link, text));
            }
        }
    }

    /// When something of the links is due.
    pub(super) fn links_due(&self) -> Option<UtcNanos> {
        let links = self.links.iter().flat_map(|(link, connection)| {
            let slot = self.slots.get(&connection.slot);
            let is_next = slot.is_some_and(|slot| slot.next == Some(*link));
            let takes_over_at = if is_next { self.takes_over_at(*link) } else { None };
            // While another takes over, and until it is lost itself, an old link is not replaced once more.
            let is_alone = slot.is_some_and(|slot| slot.current == Some(*link) && slot.next.is_none());
            let retire_at = connection.retire_at.filter(|_| is_alone);
            [Some(self.dies_at(connection)), connection.sends_at(), takes_over_at, retire_at]
        });
        let slots = self.slots.values().map(|slot| {
            let is_due = slot.current.is_none() || slot.symbols.is_empty();
            is_due.then(|| slot.retry_at.unwrap_or(UtcNanos::MIN))
        });
        links.chain(slots).flatten().min()
    }
}
