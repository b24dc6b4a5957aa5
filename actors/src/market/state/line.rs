//! The bars of one instrument and length: the open ones, and the closed ones that may still be
//! revised. Hears what is to be added and when; says which bars changed since they were published.
//!
//! Invariant: slots are sorted by open time and do not overlap; `changed` counts the changed ones;
//! an interval whose slot was forgotten is never opened again, so a bar id stands for all of a bar.

mod judged;

use std::collections::VecDeque;
use std::time::Duration;

use messages::market::{Bar, Timeframe};
use messages::{Instrument, MarketId, UtcNanos};

pub use judged::Corrected;

use super::summary::{Mark, Summary};

/// How long after its end a closed bar may still be revised, in venue time: longer than a feed
/// takes to reconnect and fetch what it missed.
pub const REVISABLE: Duration = Duration::from_secs(600);

/// Slots looked at before the others are searched: the open bar, the closing one, and two late.
const NEWEST: usize = 4;

/// A publication of a bar.
#[derive(Debug, Clone, Copy)]
struct Published {
    bar_id: MarketId,
    revision: u16,
    is_complete: bool,
}

/// One bar in the making.
#[derive(Debug, Clone)]
pub struct Slot {
    /// When it opens.
    pub open: UtcNanos,
    /// The first instant after it.
    pub end: UtcNanos,
    summary: Summary,
    published: Option<Published>,
    /// Differs from its last publication.
    changed: bool,
    /// Longer bars have taken it in, so they must hear of later trades directly.
    merged: bool,
    /// Something of it is missing or wrong for good: it is never called complete again.
    is_doubtful: bool,
}

/// Where something was added.
#[derive(Debug, Clone, Copy)]
pub struct Added {
    /// The end of its bar.
    pub end: UtcNanos,
    /// Longer bars have taken that bar in already.
    pub merged: bool,
}

/// Which bar to publish, and what only its surroundings know.
#[derive(Debug, Clone, Copy)]
pub struct Publication {
    /// Whose bar.
    pub instrument: Instrument,
    /// Its length.
    pub timeframe: Timeframe,
    /// When it opens.
    pub open: UtcNanos,
    /// All of it was watched.
    pub is_complete: bool,
}

/// Why something was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Its interval can no longer be revised.
    TooLate,
    /// A sum or the revision does not fit its column.
    Overflow,
}

/// The bars of one length.
#[derive(Debug)]
pub struct Line {
    width: Duration,
    slots: VecDeque<Slot>,
    changed: usize,
    /// Intervals that end here or before are forgotten.
    forgotten: UtcNanos,
}

impl Line {
    /// No bars yet.
    pub fn new(timeframe: Timeframe) -> Self {
        Self { width: timeframe.duration(), slots: VecDeque::new(), changed: 0, forgotten: UtcNanos::MIN }
    }

    /// Adds to the bar that holds the instant `time`.
    pub fn add(&mut self, time: UtcNanos, part: &Summary, venue_now: UtcNanos) -> Result<Added, Refused> {
        let Some(slot) = self.slot_of(time) else {
            return self.insert(time, *part, venue_now).map(|slot| Added { end: slot.end, merged: false });
        };
        if !slot.summary.merge(part) {
            return Err(Refused::Overflow);
        }
        let was_changed = std::mem::replace(&mut slot.changed, true);
        let added = Added { end: slot.end, merged: slot.merged };
        self.changed += usize::from(!was_changed);
        Ok(added)
    }

    /// The bar that holds `time`: nearly always the newest.
    fn slot_of(&mut self, time: UtcNanos) -> Option<&mut Slot> {
        if self.slots.back().is_some_and(|slot| slot.open <= time && time < slot.end) {
            return self.slots.back_mut();
        }
        let place = self.place(time);
        self.slots.get_mut(place).filter(|slot| slot.open <= time)
    }

    /// The first slot that ends after `time`: the one that holds it, or the place for it.
    fn place(&self, time: UtcNanos) -> usize {
        // Nearly always one of the newest; a search by halves would touch slots long out of cache.
        let newer = self.slots.iter().rev().take(NEWEST).take_while(|slot| slot.end > time).count();
        if newer < NEWEST { self.slots.len() - newer } else { self.slots.partition_point(|slot| slot.end <= time) }
    }

    /// Opens the bar that holds `time`.
    fn insert(&mut self, time: UtcNanos, summary: Summary, venue_now: UtcNanos) -> Result<&mut Slot, Refused> {
        let open = time.floor_to(self.width);
        let end = open.after(self.width);
        if end <= self.forgotten {
            return Err(Refused::TooLate);
        }
        self.forget(venue_now);
        let place = self.place(time);
        self.slots.insert(
            place,
            Slot { open, end, summary, published: None, changed: true, merged: false, is_doubtful: false },
        );
        self.changed += 1;
        Ok(&mut self.slots[place])
    }

    fn forget(&mut self, venue_now: UtcNanos) {
        while let Some(slot) = self.slots.front().filter(|slot| !slot.changed && slot.end.after(REVISABLE) <= venue_now)
        {
            self.forgotten = self.forgotten.max(slot.end);
            self.slots.pop_front();
        }
    }

    /// The changed bars that end by `limit`, newest first.
    pub fn changed_by(&self, limit: UtcNanos) -> impl Iterator<Item = &Slot> {
        self.slots.iter().rev().filter(|slot| slot.changed).take(self.changed).filter(move |slot| slot.end <= limit)
    }

    /// The earliest end of a changed bar that ends after `limit`.
    pub fn next_end(&self, limit: UtcNanos) -> Option<UtcNanos> {
        self.changed_by(UtcNanos::MAX).map(|slot| slot.end).filter(|&end| end > limit).min()
    }

    /// The bars that end by `limit` and that longer bars have not taken in; from now on they have.
    pub fn take_unmerged(&mut self, limit: UtcNanos) -> Vec<Summary> {
        let closing = self.slots.iter_mut().rev().filter(|slot| slot.changed).take(self.changed);
        let unmerged = closing.filter(|slot| !slot.merged && slot.end <= limit);
        unmerged
            .map(|slot| {
                slot.merged = true;
                slot.summary
            })
            .collect()
    }

    /// Settles the changed bars that end by `limit` without publishing them: scaffolding.
    pub fn settle(&mut self, limit: UtcNanos) {
        let changed = self.slots.iter_mut().rev().filter(|slot| slot.changed).take(self.changed);
        for slot in changed.filter(|slot| slot.end <= limit) {
            slot.changed = false;
            self.changed -= 1;
        }
    }

    /// Takes over what an earlier run published, at the venue time `venue_now`. Returns what longer
    /// bars must still take in.
    pub fn adopt(&mut self, bar: &Bar, venue_now: UtcNanos) -> Result<Option<Summary>, Refused> {
        let place = self.place(bar.open_time);
        let known = self.slots.get(place).filter(|slot| slot.open == bar.open_time).map(|slot| slot.summary);
        let by_then = UtcNanos(venue_now.0.min(bar.end_time().0.saturating_sub(1)));
        let last = known.map_or(Mark { time: by_then, sequence: None }, |summary| summary.last());
        if known.is_none() {
            self.insert(bar.open_time, Summary::of_bar(bar, last), venue_now)?;
        }
        let place = self.place(bar.open_time);
        let slot = &mut self.slots[place];
        if !slot.summary.agrees_with(bar) {
            // The journal's tail begins inside the bar: its own numbers hold more trades than we saw.
            slot.summary = Summary::of_bar(bar, last);
        }
        self.changed -= usize::from(slot.changed);
        slot.changed = false;
        slot.published = Some(Published { bar_id: bar.bar_id, revision: bar.revision, is_complete: bar.is_complete });
        Ok((!std::mem::replace(&mut slot.merged, true)).then_some(slot.summary))
    }

    /// What the bar that opens at `open` holds; `None` where there is none, or none any more.
    pub fn summary_at(&self, open: UtcNanos) -> Option<&Summary> {
        self.slot_at(open).map(|slot| &slot.summary)
    }

    /// The last publication of the bar that opens at `open`.
    pub fn published_at(&self, instrument: Instrument, timeframe: Timeframe, open: UtcNanos) -> Option<Bar> {
        let slot = self.slot_at(open)?;
        Some(slot.bar(instrument, timeframe, slot.published?))
    }

    fn slot_at(&self, open: UtcNanos) -> Option<&Slot> {
        self.slots.get(self.place(open)).filter(|slot| slot.open == open)
    }

    /// Settles a changed bar without publishing it.
    pub fn settle_one(&mut self, open: UtcNanos) {
        let place = self.place(open);
        let was_changed = std::mem::replace(&mut self.slots[place].changed, false);
        self.changed -= usize::from(was_changed);
    }

    /// The next publication of a changed bar; its number is `id`.
    pub fn publish(&mut self, which: Publication, id: MarketId) -> Result<Bar, Refused> {
        let Publication { instrument, timeframe, open, is_complete } = which;
        let place = self.place(open);
        let slot = &mut self.slots[place];
        slot.changed = false;
        self.changed -= 1;
        let (bar_id, revision) = match slot.published {
            None => (id, 0),
            Some(last) => (last.bar_id, last.revision.checked_add(1).ok_or(Refused::Overflow)?),
        };
        let is_complete = is_complete && !slot.is_doubtful;
        let published = Published { bar_id, revision, is_complete };
        slot.published = Some(published);
        Ok(slot.bar(instrument, timeframe, published))
    }
}

impl Slot {
    /// Its bar under a name.
    fn bar(&self, instrument: Instrument, timeframe: Timeframe, name: Published) -> Bar {
        let Summary { open, high, low, close, volume, notional, count: trade_count, .. } = self.summary;
        let Published { bar_id, revision, is_complete } = name;
        let open_time = self.open;
        Bar {
            bar_id,
            instrument,
            timeframe,
            open_time,
            open,
            high,
            low,
            close,
            volume,
            notional,
            trade_count,
            revision,
            is_complete,
        }
    }
}
