//! What trades add up to: the content of a bar, for one trade or for many. Two summaries merge into
//! one, whichever came first, so a bar is the same in any order of arrival and a long bar is the
//! merge of its short ones.
//!
//! Invariant: sums are exact; one that its column cannot hold refuses the merge and changes nothing.

use messages::UtcNanos;
use messages::market::Bar;
use messages::number::{Notional, Price, Quantity, Size};

/// Where a trade stands in its market: by exchange time, then by the venue's own number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Exchange time.
    pub time: UtcNanos,
    /// The venue's number.
    pub sequence: Option<i64>,
}

/// Open, high, low, close and exact sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    first: Mark,
    last: Mark,
    /// Price of the first trade.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Price of the last trade.
    pub close: Price,
    /// Base asset traded.
    pub volume: Quantity,
    /// Quote asset traded, exact.
    pub notional: Notional,
    /// Trades.
    pub count: u64,
}

impl Summary {
    /// Of one trade; `None` when price × size is beyond 128 bits.
    pub fn of_trade(mark: Mark, price: Price, size: Size) -> Option<Self> {
        let volume = size.to_quantity();
        let notional = price.notional(volume)?;
        let (open, high, low, close) = (price, price, price, price);
        Some(Self { first: mark, last: mark, open, high, low, close, volume, notional, count: 1 })
    }

    /// Of a bar that an earlier run published and whose trades are not all at hand. Its open stays
    /// whatever comes; its close gives way to trades after `last`, the newest that it can hold.
    pub fn of_bar(bar: &Bar, last: Mark) -> Self {
        let first = Mark { time: bar.open_time, sequence: None };
        let &Bar { open, high, low, close, volume, notional, trade_count: count, .. } = bar;
        Self { first, last, open, high, low, close, volume, notional, count }
    }

    /// True when `bar` says the same.
    pub fn agrees_with(&self, bar: &Bar) -> bool {
        *self == Self { first: self.first, ..Self::of_bar(bar, self.last) }
    }

    /// True when `bar` has the same prices, volume and trades. Its notional is not looked at: where a venue gives none, it
    /// is made from a rounded average.
    pub fn has_content_of(&self, bar: &Bar) -> bool {
        let ours = (self.open, self.high, self.low, self.close, self.volume, self.count);
        ours == (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trade_count)
    }

    /// The place of the first trade.
    pub fn first(&self) -> Mark {
        self.first
    }

    /// The place of the last trade.
    pub fn last(&self) -> Mark {
        self.last
    }

    /// What is left when all its trades were taken back: no trades and no volume. The prices stay, for a bar that was
    /// published has some; its count says that nothing stands behind them.
    pub fn emptied(&self) -> Self {
        Self { volume: Quantity::ZERO, notional: Notional::from_raw(0), count: 0, ..*self }
    }

    /// Takes out one trade and puts in another, where the others are not at hand. False when its prices may be wrong then,
    /// or when it cannot hold the change and stays as it was.
    pub fn replace(&mut self, old: Option<&Self>, new: Option<&Self>) -> bool {
        let volume = |part: Option<&Self>| part.map_or(Quantity::ZERO, |part| part.volume);
        let notional = |part: Option<&Self>| part.map_or(0, |part| part.notional.raw());
        let count = |part: Option<&Self>| u64::from(part.is_some());
        let less = self.volume.checked_sub(volume(old)).filter(|rest| !rest.is_negative());
        let sums = (
            less.and_then(|rest| rest.checked_add(volume(new))),
            self.notional.raw().checked_sub(notional(old)).and_then(|rest| rest.checked_add(notional(new))),
            self.count.checked_sub(count(old)).map(|rest| rest + count(new)),
        );
        let (Some(volume), Some(notional), Some(count)) = sums else { return false };
        (self.volume, self.notional, self.count) = (volume, Notional::from_raw(notional), count);
        let edges = [self.open, self.high, self.low, self.close];
        let price = |part: Option<&Self>| part.map(|part| part.open);
        let is_exact = price(old) == price(new) || price(old).is_some_and(|old| !edges.contains(&old));
        if let Some(new) = price(new) {
            (self.high, self.low) = (self.high.max(new), self.low.min(new));
        }
        is_exact
    }

    /// Takes in `other`; false, and unchanged, when a sum does not fit. Where places are equal (a
    /// venue without numbers) the order of arrival decides.
    #[must_use]
    pub fn merge(&mut self, other: &Self) -> bool {
        if self.count == 0 || other.count == 0 {
            *self = if self.count == 0 { *other } else { *self };
            return true;
        }
        let sums = (self.volume.checked_add(other.volume), self.notional.checked_add(other.notional));
        let (Some(volume), Some(notional)) = sums else { return false };
        (self.volume, self.notional) = (volume, notional);
        self.count += other.count;
        if other.first < self.first {
            (self.first, self.open) = (other.first, other.open);
        }
        if other.last >= self.last {
            (self.last, self.close) = (other.last, other.close);
        }
        self.high = self.high.max(other.high);
        self.low = self.low.min(other.low);
        true
    }
}
