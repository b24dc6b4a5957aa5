//! When an instrument was not watched: before it was first seen, after a stop, and in reported
//! gaps. Bars ask it whether they are complete.
//!
//! All spans are in receive time, because gaps are; whoever asks gives the clock offset, which is
//! better known by then. Invariant: memory is bounded, and forgetting only ever widens a span, so
//! a bar may be called incomplete wrongly but never complete.

use messages::UtcNanos;

/// Spans kept per instrument: more than the reconnections of ten minutes at the slowest back-off.
const SPANS: usize = 64;

/// A stretch of receive time in which messages may have been missed.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: UtcNanos,
    to: UtcNanos,
    /// The venue's own stamp on the message that ended it, which no estimate of its clock can move.
    stamp: UtcNanos,
    /// A feed reported it, so that it can be recovered.
    is_gap: bool,
}

/// What is known of one instrument's unwatched time.
#[derive(Debug)]
pub struct Watch {
    spans: Vec<Span>,
    /// Since when nobody listens; the next message ends it.
    away: Option<UtcNanos>,
}

impl Default for Watch {
    fn default() -> Self {
        Self { spans: Vec::new(), away: Some(UtcNanos::MIN) }
    }
}

impl Watch {
    /// A message of the instrument arrived, with the venue's stamp where it bears one.
    pub fn seen(&mut self, received: UtcNanos, stamp: Option<UtcNanos>) {
        if let Some(from) = self.away.take() {
            self.add(Span { from, to: received, stamp: stamp.unwrap_or(UtcNanos::MIN), is_gap: false });
        }
    }

    /// From here on nobody listens, until a message is seen.
    pub fn leave(&mut self, received: UtcNanos) {
        self.away.get_or_insert(received);
    }

    /// A feed reported missing ticks: open, or closing the one that it opened at `from`.
    pub fn gap(&mut self, from: UtcNanos, to: Option<UtcNanos>) {
        let open = self.spans.iter_mut().find(|span| span.is_gap && span.from == from && span.to == UtcNanos::MAX);
        match (open, to) {
            (Some(span), Some(to)) => span.to = to,
            (Some(_), None) => {}
            (None, to) => {
                self.add(Span { from, to: to.unwrap_or(UtcNanos::MAX), stamp: UtcNanos::MIN, is_gap: true });
            }
        }
    }

    /// What was missing in the gap that a feed opened last at `from` has come. An earlier one may have begun at the same
    /// instant, for an instrument that is quiet, and what it missed stays missing.
    pub fn recovered(&mut self, from: UtcNanos) {
        if let Some(at) = self.spans.iter().rposition(|span| span.is_gap && span.from == from) {
            self.spans.remove(at);
        }
    }

    fn add(&mut self, span: Span) {
        if self.spans.len() == SPANS {
            let oldest = self.spans.remove(0);
            let next = &mut self.spans[0];
            let (from, to) = (oldest.from.min(next.from), oldest.to.max(next.to));
            *next = Span { from, to, stamp: oldest.stamp.max(next.stamp), is_gap: false };
        }
        self.spans.push(span);
    }

    /// True when something may be missing between `open` and `end` in venue time, whose clock is
    /// `ahead` nanoseconds ahead of ours.
    pub fn misses(&self, open: UtcNanos, end: UtcNanos, ahead: i64) -> bool {
        let there = |here: UtcNanos| UtcNanos(here.0.saturating_add(ahead));
        self.away.is_some_and(|from| there(from) < end)
            || self.spans.iter().any(|span| there(span.from) < end && there(span.to).max(span.stamp) >= open)
    }
}
