//! How the session stands, for people.

use messages::UtcNanos;
use messages::time::nanos;

use super::BinanceSession;
use super::links::Slot;
use super::symbol::SymbolState;
use crate::feeds::session::{LinkStatus, Status, SymbolStatus};

impl BinanceSession {
    pub(super) fn report(&self, now: UtcNanos) -> Status {
        let why = self.slots.values().find_map(|slot| slot.why.clone());
        Status {
            state: self.state().to_owned(),
            why: why.or_else(|| self.paused.map(|why| format!("{why:?}").to_lowercase())),
            links: self.link_reports(),
            symbols: self.symbols.iter().map(|(symbol, state)| self.symbol_report(*symbol, state, now)).collect(),
            counters: self.counters,
        }
    }

    fn state(&self) -> &'static str {
        if self.paused.is_some() {
            return "paused";
        }
        // The slot that is worst off tells.
        let of_slot = |slot: &Slot| match slot.current.and_then(|link| self.links.get(&link)) {
            None => (0, "waiting"),
            Some(connection) if connection.opened_at.is_none() => (1, "connecting"),
            Some(connection) if !connection.is_settled() => (2, "subscribing"),
            Some(_) => (3, "live"),
        };
        self.slots.values().map(of_slot).min().map_or("live", |(_, state)| state)
    }

    fn link_reports(&self) -> Vec<LinkStatus> {
        let report = |(link, connection): (&crate::wire::Link, &super::Connection)| {
            let slot = self.slots.get(&connection.slot);
            let state = if connection.opened_at.is_none() {
                "connecting"
            } else if !connection.is_settled() {
                "subscribing"
            } else if slot.is_some_and(|slot| slot.current == Some(*link) && slot.next.is_some()) {
                "handing_over"
            } else {
                "live"
            };
            LinkStatus {
                link: link.0,
                state: state.to_owned(),
                since: connection.opened_at,
                streams: connection.confirmed() * self.settings.channels.count(),
            }
        };
        self.links.iter().map(report).collect()
    }

    fn symbol_report(&self, symbol: messages::Symbol, state: &SymbolState, now: UtcNanos) -> SymbolStatus {
        let is_fresh = |at: UtcNanos| now.since(at) <= nanos(self.settings.stale_after);
        let standing = if state.refused.is_some() {
            "refused"
        } else if state.ready_at.is_none() {
            "lost"
        } else {
            state.heard.map_or("silent", |at| if is_fresh(at) { "live" } else { "stale" })
        };
        let book = state.book.as_ref().map_or("none", |book| {
            if book.ids.is_synced() {
                "synced"
            } else if book.asking {
                "fetching"
            } else {
                "waiting"
            }
        });
        SymbolStatus {
            symbol,
            state: standing.to_owned(),
            last: state.heard,
            book: book.to_owned(),
            resyncs: state.book.as_ref().map_or(0, |book| book.resyncs),
            missing_trades: state.trades.as_ref().map_or(0, |trades| trades.ids.missing()),
        }
    }
}
