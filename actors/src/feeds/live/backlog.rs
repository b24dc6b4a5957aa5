//! What a feed has decoded and the market has not taken yet. When it grows, quotes are conflated: of each instrument
//! only the newest stays. Trades, depth and gaps are kept in their order, and beyond a limit the feed is to pause.
//!
//! Invariant: no trade is ever dropped here, and what stays is in the order in which it was received.

use std::collections::{BTreeSet, VecDeque};

use messages::caps;
use messages::market::{FeedBatch, FeedItem, TickBody};

/// Frames beyond which quotes are conflated: a tenth of a second of a busy market.
const CONFLATE_FROM: usize = 2_048;

/// Frames that wait for the market.
#[derive(Debug, Default)]
pub struct Backlog {
    frames: VecDeque<FeedBatch>,
    /// Frames at which the next conflation is worth its while.
    conflate_at: usize,
    conflated: u64,
}

impl Backlog {
    /// Adds a frame.
    pub fn push(&mut self, frame: FeedBatch) {
        self.frames.push_back(frame);
        if self.frames.len() >= self.conflate_at.max(CONFLATE_FROM) {
            self.conflate();
            // What is left holds trades: it is looked at again only when there is half as much again.
            self.conflate_at = self.frames.len() + self.frames.len() / 2;
        }
    }

    /// Hands frames over, oldest first, until one is given back.
    pub fn hand_over(&mut self, mut take: impl FnMut(FeedBatch) -> Option<FeedBatch>) {
        while let Some(frame) = self.frames.pop_front() {
            if let Some(back) = take(frame) {
                self.frames.push_front(back);
                return;
            }
        }
        self.conflate_at = 0;
    }

    /// True when nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Frames that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// More waits than may.
    #[must_use]
    pub fn is_too_much(&self) -> bool {
        self.frames.len() > caps::FEED_BACKLOG
    }

    /// Quotes left out so far.
    #[must_use]
    pub fn conflated(&self) -> u64 {
        self.conflated
    }

    fn conflate(&mut self) {
        let mut newest = BTreeSet::new();
        for frame in self.frames.iter_mut().rev() {
            let before = frame.items.len();
            // From the newest item on, so that the newest quote is the one that stays.
            let mut keep: Vec<bool> = frame
                .items
                .iter()
                .rev()
                .map(|item| match item {
                    FeedItem::Tick(tick) if matches!(tick.body, TickBody::Quote { .. }) => {
                        newest.insert(tick.instrument)
                    }
                    _ => true,
                })
                .collect();
            frame.items.retain(|_| keep.pop().unwrap_or(true));
            self.conflated += (before - frame.items.len()) as u64;
        }
        self.frames.retain(|frame| !frame.items.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use messages::market::{Conditions, Source, Tick};
    use messages::{Exchange, Instrument, UtcNanos};
    use proptest::prelude::*;

    use super::*;

    /// A frame with one tick: of an instrument out of three, a trade or a quote, numbered.
    fn frame(number: i64, symbol: u8, is_trade: bool) -> FeedBatch {
        let symbol = ["A", "B", "C"][usize::from(symbol % 3)].parse().unwrap();
        let body = if is_trade {
            let (price, size) = ("1".parse().unwrap(), "1".parse().unwrap());
            TickBody::Trade { price, size, aggressor: None, conditions: Conditions::new() }
        } else {
            TickBody::Quote { bid: None, ask: None }
        };
        let instrument = Instrument { exchange: Exchange::Binance, symbol };
        let tick = Tick { instrument, time: UtcNanos(number), sequence: Some(number), revision: 0, body };
        FeedBatch { source: Source::Stream, received: UtcNanos(number), items: vec![FeedItem::Tick(tick)] }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]
        #[test]
        fn trades_stay_in_order_and_the_newest_quotes_too(ticks in proptest::collection::vec((any::<u8>(), any::<bool>()), 0..9_000)) {
            let mut backlog = Backlog::default();
            let frames: Vec<_> =
                ticks.iter().enumerate().map(|(n, (symbol, is_trade))| frame(n as i64, *symbol, *is_trade)).collect();
            frames.iter().for_each(|frame| backlog.push(frame.clone()));
            let conflated = backlog.conflated();
            let mut out = Vec::new();
            backlog.hand_over(|frame| { out.push(frame); None });
            prop_assert_eq!(out.len() as u64 + conflated, frames.len() as u64);
            prop_assert!(out.is_sorted_by_key(|f| f.received));
            let is_trade = |f: &&FeedBatch| matches!(&f.items[0], FeedItem::Tick(t) if matches!(t.body, TickBody::Trade { .. }));
            let trades = |all: &[FeedBatch]| all.iter().filter(is_trade).map(|f| f.received).collect::<Vec<_>>();
            prop_assert_eq!(trades(&out), trades(&frames));
            let newest = |all: &[FeedBatch]| {
                let mut newest = std::collections::BTreeMap::new();
                for f in all.iter().filter(|f| !is_trade(f)) {
                    if let FeedItem::Tick(t) = &f.items[0] { newest.insert(t.instrument, f.received); }
                }
                newest
            };
            prop_assert_eq!(newest(&out), newest(&frames));
        }
    }

    #[test]
    fn what_is_given_back_stays_first() {
        let mut backlog = Backlog::default();
        (0..3).for_each(|n| backlog.push(frame(n, 0, true)));
        let mut room = 1;
        backlog.hand_over(|frame| {
            if room > 0 {
                room -= 1;
                None
            } else {
                Some(frame)
            }
        });
        assert_eq!(backlog.len(), 2);
        let mut out = Vec::new();
        backlog.hand_over(|frame| {
            out.push(frame.received.0);
            None
        });
        assert_eq!(out, [1, 2]);
    }
}
