//! Bars of one instrument and length: the newest that closed, and the one that is open, made here from its trades.
//!
//! The open bar is for the eye: the market's own, which is published when it closes, is the one that counts. It is unknown
//! where its first trades were not heard.

use std::collections::VecDeque;

use messages::market::{Bar, TickBody, Timeframe};
use messages::number::Quantity;
use messages::{UtcNanos, caps};

use super::market::Print;
use super::tape::{Fresh, Tape};

/// Bars of one length.
pub struct Bars {
    timeframe: Timeframe,
    newest: VecDeque<Bar>,
    /// Bars that closed or were revised.
    changed: Tape<Bar>,
    open: Option<Bar>,
    is_open_new: bool,
    /// The bar whose sums fit no column: it is not begun again from a part of its trades.
    unknown: Option<UtcNanos>,
}

/// What is to be shown of bars.
pub struct Shown {
    /// Those that closed or were revised.
    pub closed: Vec<Bar>,
    /// The open one, if it is known and has changed.
    pub open: Option<Bar>,
}

impl Bars {
    /// None yet.
    pub fn new(timeframe: Timeframe) -> Self {
        let changed = Tape::new(0, caps::TAPE_FRESH);
        Self { timeframe, newest: VecDeque::new(), changed, open: None, is_open_new: false, unknown: None }
    }

    /// Somebody watches, or nobody any more.
    pub fn watch(&mut self, is_watched: bool) {
        self.changed.watch(is_watched);
    }

    /// A bar closed or was revised.
    pub fn close(&mut self, bar: Bar) {
        if self.open.is_some_and(|open| open.open_time <= bar.open_time) {
            self.open = None;
        }
        if let Some(known) = self.newest.iter_mut().find(|b| b.open_time == bar.open_time) {
            *known = bar;
        } else if self.newest.back().is_none_or(|b| b.open_time < bar.open_time) {
            self.newest.push_back(bar);
            if self.newest.len() > caps::BARS_SHOWN {
                self.newest.pop_front();
            }
        }
        // A revision of one that is not among the newest is shown as well.
        self.changed.push(bar);
    }

    /// A trade makes or changes the open bar. Everything since `since` was heard.
    pub fn trade(&mut self, print: &Print, since: UtcNanos) {
        let TickBody::Trade { price, size, .. } = print.tick.body else { return };
        let open_time = print.tick.time.floor_to(self.timeframe.duration());
        let is_later = |bar: &Bar| bar.open_time < open_time;
        if self.newest.back().is_some_and(|bar| !is_later(bar)) {
            return;
        }
        if self.open.as_ref().is_none_or(is_later) {
            let is_known = since < open_time && self.unknown != Some(open_time);
            self.open = is_known.then_some(Bar {
                bar_id: print.id,
                instrument: print.tick.instrument,
                timeframe: self.timeframe,
                open_time,
                open: price,
                high: price,
                low: price,
                close: price,
                volume: Quantity::ZERO,
                notional: messages::Notional::ZERO,
                trade_count: 0,
                revision: 0,
                is_complete: false,
            });
        }
        let Some(bar) = self.open.as_mut().filter(|bar| bar.open_time == open_time) else { return };
        let volume = size.to_quantity();
        let sums = price.notional(volume).and_then(|n| bar.notional.checked_add(n)).zip(bar.volume.checked_add(volume));
        let Some((notional, volume)) = sums else {
            self.unknown = self.open.take().map(|bar| bar.open_time);
            return;
        };
        (bar.notional, bar.volume, bar.close) = (notional, volume, price);
        (bar.high, bar.low) = (bar.high.max(price), bar.low.min(price));
        bar.trade_count += 1;
        self.is_open_new = true;
    }

    /// Some was lost on its way here.
    pub fn lost(&mut self) {
        self.open = None;
        self.changed.lost();
    }

    /// What is to be shown now; `None` when only a snapshot is true.
    pub fn take(&mut self) -> Option<Shown> {
        let is_open_new = std::mem::take(&mut self.is_open_new);
        let closed = match self.changed.take() {
            Fresh::TooMany => return None,
            Fresh::Nothing => Vec::new(),
            Fresh::Entries(closed) => closed,
        };
        Some(Shown { closed, open: self.open.filter(|_| is_open_new) })
    }

    /// The newest, and the open one.
    pub fn all(&self) -> Shown {
        Shown { closed: self.newest.iter().copied().collect(), open: self.open }
    }
}
