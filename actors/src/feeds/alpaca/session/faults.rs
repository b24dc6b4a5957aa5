//! What a message that could not be read does: what it said is missing, and is asked for where that is possible.

use messages::market::GapChannel;
use messages::{Symbol, UtcNanos};

use super::AlpacaSession;
use crate::feeds::alpaca::Fault;
use crate::feeds::session::Out;

/// What was known before the frame: when market data was last received, and from when on, in the venue's time, something
/// may be missing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    fed: Option<UtcNanos>,
    start: Option<UtcNanos>,
}

impl AlpacaSession {
    pub(super) fn before(&mut self) -> Before {
        let start = self.missing_from();
        Before { fed: self.connection().and_then(|connection| connection.fed), start }
    }

    /// Bars have no gaps, and of a kind that we do not know nothing is missing: those are only shown.
    pub(super) fn on_fault(&mut self, fault: &Fault, before: Before, now: UtcNanos, out: &mut Out) {
        let channel = match fault.kind.as_str() {
            // Corrections and cancels stand in history on the trades themselves.
            "t" | "c" | "x" => GapChannel::Trades,
            "q" => GapChannel::Quotes,
            "o" => GapChannel::Depth,
            "" => return self.reconnect_after(fault, now, out),
            _ => return,
        };
        match fault.symbol {
            Some(symbol) => self.flawed(symbol, channel, before, now, out),
            None => self.reconnect_after(fault, now, out),
        }
    }

    /// Nobody knows what is missing, so all is asked for again.
    fn reconnect_after(&mut self, fault: &Fault, now: UtcNanos, out: &mut Out) {
        if self.connection().is_some() {
            self.reconnect_soon(&format!("a message cannot be read: {}", fault.error), now, out);
        }
    }

    fn flawed(&mut self, symbol: Symbol, channel: GapChannel, before: Before, now: UtcNanos, out: &mut Out) {
        let (Some(watched), Some(start)) = (self.symbols.get_mut(&symbol), before.start) else { return };
        let mut gaps = Vec::new();
        watched.flawed(channel, before.fed, start, now, &mut gaps);
        self.report(gaps, out);
        match channel {
            GapChannel::Trades => self.plan_backfill(&[symbol], now, out),
            // Only a reset makes the book whole, and it comes with a subscription.
            GapChannel::Depth => {
                self.subscriptions.renew(symbol, now);
                self.subscribe(now, out);
            }
            GapChannel::Quotes | GapChannel::Ticks => {}
        }
    }
}
