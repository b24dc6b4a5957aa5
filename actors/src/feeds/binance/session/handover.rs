//! One link takes over from another while both are open, so that nothing is missed between them.
//!
//! Hears which links are old, which server is about to go, and what the new link has shown; says which old link may be
//! closed. Invariant: an old link is closed only when all its streams are confirmed on the new one, and of each either an
//! update was seen that leaves nothing out, or nothing came for a bounded time.

use std::time::Duration;

use messages::market::GapCause;
use messages::{Symbol, UtcNanos};

use super::BinanceSession;
use super::connection::Proof;
use super::symbol::Lost;
use crate::feeds::session::{Do, Notice, Out};
use crate::wire::Link;

impl BinanceSession {
    /// Opens a link that takes over from one that is old.
    pub(super) fn replace_old(&mut self, slot: u32, now: UtcNanos, out: &mut Out) {
        let Some((current, next)) = self.slots.get(&slot).map(|slot| (slot.current, slot.next)) else { return };
        let old = current.and_then(|link| self.links.get(&link)).and_then(|link| link.retire_at);
        if next.is_some() || old.is_none_or(|at| at > now) {
            return;
        }
        let next = self.open(slot, now, out);
        let Some(state) = self.slots.get_mut(&slot) else { return };
        state.next = next;
        let retry_at = state.retry_at.take();
        if next.is_none()
            && let Some(current) = current.and_then(|link| self.links.get_mut(&link))
        {
            current.retire_at = retry_at;
        }
    }

    /// The server of a link is about to go.
    pub(super) fn on_shutdown(&mut self, link: Link, now: UtcNanos, out: &mut Out) {
        let Some(connection) = self.links.get_mut(&link) else { return };
        out.notices.push(Notice::Info(format!("binance: the server of link {} is about to go", link.0)));
        connection.retire_at = Some(now);
    }

    /// Closes the old link once the new one has everything.
    pub(super) fn finish_handover(&mut self, slot: u32, now: UtcNanos, out: &mut Out) {
        let Some(next) = self.slots.get(&slot).and_then(|slot| slot.next) else { return };
        if self.takes_over_at(next).is_none_or(|at| at > now) {
            return;
        }
        let Some(state) = self.slots.get_mut(&slot) else { return };
        state.next = None;
        if let Some(old) = state.current.replace(next) {
            self.links.remove(&old);
            out.effects.push(Do::Close(old));
        }
        self.counters.handovers += 1;
        if let Some(connection) = self.links.get_mut(&next) {
            connection.unproven.clear();
            connection.ahead.clear();
        }
        for symbol in state.symbols.clone() {
            if let Some(state) = self.symbols.get_mut(&symbol).filter(|s| s.refused.is_none() && s.ready_at.is_none()) {
                state.confirmed(now, &self.settings);
            }
            self.plan(symbol);
        }
    }

    /// When a link may take over: confirmed and proven, or confirmed for so long that what is unproven is quiet.
    pub(super) fn takes_over_at(&self, next: Link) -> Option<UtcNanos> {
        let connection = self.links.get(&next)?;
        let settled_at = connection.settled_at?;
        let wait = if connection.unproven.is_empty() { Duration::ZERO } else { self.settings.handover_wait };
        Some(settled_at.after(wait))
    }

    /// The old link is gone before the new one has taken over.
    pub(super) fn promote_early(&mut self, slot: u32, next: Link, opened_at: Option<UtcNanos>, now: UtcNanos) {
        let Some(state) = self.slots.get_mut(&slot) else { return };
        state.current = Some(next);
        let Some(connection) = self.links.get_mut(&next) else { return };
        let unproven = std::mem::take(&mut connection.unproven);
        let symbols: Vec<(Symbol, bool)> =
            state.symbols.iter().map(|symbol| (*symbol, connection.has(*symbol))).collect();
        for (symbol, confirmed) in symbols {
            let is_lost = |proof| !confirmed || unproven.contains(&(symbol, proof));
            let lost =
                Lost { trades: is_lost(Proof::Trades), quotes: is_lost(Proof::Quotes), book: is_lost(Proof::Depth) };
            let Some(state) = self.symbols.get_mut(&symbol).filter(|state| state.refused.is_none()) else { continue };
            state.lost(GapCause::Disconnect, opened_at, lost, &mut self.gaps);
            state.ready_at = None;
            if confirmed {
                state.confirmed(now, &self.settings);
            }
            self.forget_questions(symbol, lost);
        }
        self.plan_slot(slot);
    }
}
