//! Which trades of a symbol came, told by their ids, which the venue counts up by one. Hears every id; says which are
//! missing, and the gaps that these make.
//!
//! A hole has a grace in which its trades may still come by the stream; then it is asked for by REST. What REST does not
//! have after a bounded number of answers is given up: the gap is closed with the bounds that stay missing.
//!
//! Invariant: an id above the first one is seen, missing or given up; each hole that outlives its grace is reported when
//! it opens and once more when it closes.

mod asking;

use std::collections::VecDeque;
use std::time::Duration;

use messages::market::{Gap, GapCause, GapChannel, Source};
use messages::{Instrument, UtcNanos};

use super::holes::{Hole, Range};
use super::limits::{MISSING_RANGES, PLAUSIBLE_SKIP, ROWS};

/// What may be chosen about missing trades.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long a missing trade may still come by the stream.
    pub grace: Duration,
    /// Trades of one hole that are asked for at most.
    pub longest: i64,
    /// Answers without a missing trade before it is given up.
    pub answers: u32,
    /// Requests that come to nothing before it is given up.
    pub failures: u32,
}

/// What an id is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Not seen before.
    Fresh,
    /// Seen before.
    Known,
    /// Not to be believed: far ahead of all others. Its trade is left out; if the next ones agree with it, it is
    /// missing and is asked for.
    Absurd,
}

/// Ids to ask for, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The first.
    pub first: i64,
    /// The last.
    pub last: i64,
}

/// What was missed while nobody listened, before the first id tells how much.
#[derive(Debug, Clone, Copy)]
struct Away {
    from: UtcNanos,
    cause: GapCause,
}

/// The ids of one symbol.
#[derive(Debug)]
pub struct TradeIds {
    instrument: Instrument,
    patience: Patience,
    /// First and last id; `None` before the first trade.
    span: Option<(i64, i64)>,
    heard: Option<UtcNanos>,
    away: Option<Away>,
    /// An id that was not believed.
    doubted: Option<i64>,
    holes: VecDeque<Hole>,
    /// No two gaps begin in the same microsecond.
    last_from: UtcNanos,
}

impl TradeIds {
    /// Nothing seen.
    pub fn new(instrument: Instrument, patience: Patience) -> Self {
        Self {
            instrument,
            patience,
            span: None,
            heard: None,
            away: None,
            doubted: None,
            holes: VecDeque::new(),
            last_from: UtcNanos::MIN,
        }
    }

    /// The last id; `None` before the first trade.
    pub fn last(&self) -> Option<i64> {
        self.span.map(|(_, last)| last)
    }

    /// Since when trades were missed of which nobody knows how many; `None` where none were.
    pub fn away_since(&self) -> Option<UtcNanos> {
        self.away.map(|away| away.from)
    }

    /// Trades that are missing and not given up.
    pub fn missing(&self) -> u64 {
        let ranges = self.holes.iter().flat_map(|hole| &hole.ranges).filter(|range| !range.given_up);
        ranges.map(|range| range.last.abs_diff(range.first) + 1).sum()
    }

    /// A trade came. One that REST gives does not end the time away: only an answer with all of them does.
    pub fn saw(&mut self, id: i64, source: Source, now: UtcNanos, gaps: &mut Vec<Gap>) -> Seen {
        let away = if source == Source::Rest { None } else { self.away };
        let seen = self.place(id, away, now, gaps);
        if seen != Seen::Absurd && source != Source::Rest {
            self.heard = Some(now);
        }
        seen
    }

    fn place(&mut self, id: i64, away: Option<Away>, now: UtcNanos, gaps: &mut Vec<Gap>) -> Seen {
        if !(0..i64::MAX - 2 * ROWS).contains(&id) {
            return Seen::Absurd;
        }
        let Some((first, last)) = self.span else { return self.begin(id, now, gaps) };
        if id <= last {
            return if id < first || self.fill(id, now, gaps) { Seen::Fresh } else { Seen::Known };
        }
        let doubted = self.doubted.take();
        let is_confirmed = doubted.is_some_and(|doubted| (1..=PLAUSIBLE_SKIP).contains(&(id - doubted)));
        if !self.is_plausible(id - last) && !is_confirmed {
            self.doubted = Some(id);
            return Seen::Absurd;
        }
        if away.is_some() {
            self.away = None;
        }
        if id - last > 1 {
            self.open(last + 1, id - 1, away, now, gaps);
        } else if let Some(away) = away {
            gaps.push(self.gap(away.from, GapCause::Recovered, Some(now), None));
        }
        self.span = Some((first, id));
        Seen::Fresh
    }

    fn is_plausible(&self, step: i64) -> bool {
        step <= if self.away.is_some() { self.patience.longest } else { PLAUSIBLE_SKIP }
    }

    fn begin(&mut self, id: i64, now: UtcNanos, gaps: &mut Vec<Gap>) -> Seen {
        self.span = Some((id, id));
        if let Some(away) = self.away.take() {
            let gap = self.gap(away.from, away.cause, Some(now), None);
            gaps.push(Gap { resumed_at: Some(id), ..gap });
        }
        Seen::Fresh
    }

    /// The link is gone. Opens a gap, unless one that has no end yet is open.
    pub fn lost(&mut self, cause: GapCause, linked: Option<UtcNanos>, gaps: &mut Vec<Gap>) {
        let Some(from) = self.heard.or(linked).filter(|_| self.away.is_none()) else { return };
        let from = self.distinct(from);
        self.away = Some(Away { from, cause });
        let gap = self.gap(from, cause, None, None);
        gaps.push(Gap { first_missing: self.last().map(|last| last + 1), ..gap });
    }

    /// All trades up to now were seen, as REST says.
    pub fn caught_up(&mut self, now: UtcNanos, gaps: &mut Vec<Gap>) {
        if let Some(away) = self.away.take() {
            self.heard = Some(now);
            gaps.push(self.gap(away.from, GapCause::Recovered, Some(now), None));
        }
    }

    /// Nobody listens any more: what is open is closed as it is.
    pub fn close(&mut self, now: UtcNanos, gaps: &mut Vec<Gap>) {
        if let Some(away) = self.away.take() {
            let gap = self.gap(away.from, away.cause, Some(now), None);
            gaps.push(Gap { first_missing: self.last().map(|last| last + 1), ..gap });
        }
        for mut hole in std::mem::take(&mut self.holes) {
            hole.ranges.iter_mut().for_each(|range| range.given_up = true);
            self.report_end(&hole, now, gaps);
        }
    }

    fn open(&mut self, first: i64, last: i64, away: Option<Away>, now: UtcNanos, gaps: &mut Vec<Gap>) {
        let cause = away.map_or(GapCause::Sequence, |away| away.cause);
        let mut from = away.map_or_else(|| self.distinct(self.heard.unwrap_or(now)), |away| away.from);
        let mut reported = away.is_some();
        let kept_from = first.max(last.saturating_sub(self.patience.longest - 1));
        if kept_from > first {
            // More than is worth asking for: the oldest stay missing, which their own gap says.
            gaps.push(self.gap(from, cause, Some(now), Some(Page { first, last: kept_from - 1 })));
            (from, reported) = (self.distinct(from), false);
        }
        let due = now.after(self.patience.grace);
        let range = Range { first: kept_from, last, answers: 0, failures: 0, due, given_up: false };
        self.holes.push_back(Hole { from, cause, reported, due, ranges: vec![range] });
        self.forget_oldest(now, gaps);
    }

    /// Keeps the number of ranges bounded: the oldest hole is given up, then forgotten.
    fn forget_oldest(&mut self, now: UtcNanos, gaps: &mut Vec<Gap>) {
        while self.holes.iter().map(|hole| hole.ranges.len()).sum::<usize>() > MISSING_RANGES {
            let Some(mut hole) = self.holes.pop_front() else { return };
            if hole.is_open() {
                hole.ranges.iter_mut().for_each(|range| range.given_up = true);
                self.report_end(&hole, now, gaps);
            }
            // Ids below are not told apart any more: their trades are handed on, the market knows the newest ones.
            if let (Some(span), Some(range)) = (&mut self.span, hole.ranges.last()) {
                span.0 = span.0.max(range.last + 1);
            }
        }
    }

    /// Takes an id out of the missing ones. False when it was not missing.
    fn fill(&mut self, id: i64, now: UtcNanos, gaps: &mut Vec<Gap>) -> bool {
        let holds = |range: &Range| range.first <= id && id <= range.last;
        let Some(at) = self.holes.iter().position(|hole| hole.ranges.iter().any(holds)) else { return false };
        let hole = &mut self.holes[at];
        let was_open = hole.is_open();
        let place = hole.ranges.iter().position(holds).unwrap_or_default();
        let range = hole.ranges.remove(place);
        let parts = [Range { last: id - 1, ..range }, Range { first: id + 1, ..range }];
        let rest = parts.into_iter().filter(|part| part.first <= part.last);
        hole.ranges.splice(place..place, rest);
        if was_open {
            self.end_if_done(at, now, gaps);
        }
        self.forget_oldest(now, gaps);
        true
    }

    /// Reports the end of a hole of which nothing is asked for any more.
    fn end_if_done(&mut self, at: usize, now: UtcNanos, gaps: &mut Vec<Gap>) {
        if self.holes.get(at).is_none_or(Hole::is_open) {
            return;
        }
        let Some(hole) = self.holes.remove(at) else { return };
        self.report_end(&hole, now, gaps);
        if !hole.ranges.is_empty() {
            // Given up, but a trade of it that comes yet is still fresh.
            self.holes.insert(at, hole);
        }
    }

    fn report_end(&mut self, hole: &Hole, now: UtcNanos, gaps: &mut Vec<Gap>) {
        let mut from = hole.from;
        for range in hole.ranges.iter().filter(|range| range.given_up) {
            let lost = Page { first: range.first, last: range.last };
            gaps.push(self.gap(from, hole.cause, Some(now), Some(lost)));
            from = self.distinct(from);
        }
        if hole.ranges.is_empty() && hole.reported {
            gaps.push(self.gap(from, GapCause::Recovered, Some(now), None));
        }
    }

    /// When the next hole outlives its grace.
    pub fn report_due(&self) -> Option<UtcNanos> {
        self.holes.iter().filter(|hole| hole.is_open() && !hole.reported).map(|hole| hole.due).min()
    }

    /// Reports the holes that outlived their grace.
    pub fn report(&mut self, now: UtcNanos, gaps: &mut Vec<Gap>) {
        for at in 0..self.holes.len() {
            let hole = &mut self.holes[at];
            if hole.is_open() && !hole.reported && hole.due <= now {
                hole.reported = true;
                let (from, cause) = (hole.from, hole.cause);
                let bounds = hole.ranges.first().zip(hole.ranges.last());
                let bounds = bounds.map(|(first, last)| Page { first: first.first, last: last.last });
                gaps.push(self.gap(from, cause, None, bounds));
            }
        }
    }

    /// An instant at or after `from` at which no gap of this symbol begins yet, to the microsecond: rows know no less.
    fn distinct(&mut self, from: UtcNanos) -> UtcNanos {
        self.last_from = from.max(UtcNanos((self.last_from.micros() + 1).saturating_mul(1_000)));
        self.last_from
    }

    fn gap(&self, from: UtcNanos, cause: GapCause, to: Option<UtcNanos>, missing: Option<Page>) -> Gap {
        Gap {
            instrument: self.instrument,
            channel: GapChannel::Trades,
            cause,
            from,
            to,
            first_missing: missing.map(|page| page.first),
            resumed_at: missing.map(|page| page.last + 1),
        }
    }
}
