//! The recent trades of one instrument, as they can still be corrected or cancelled. Hears each trade that is used, and
//! corrections; says what a stretch of time adds up to.
//!
//! Only an exchange that corrects trades has its trades remembered: Binance never does, so nothing is spent there for each
//! tick. What is remembered stands in one ring that grows to its bound and is then used again, without allocation.
//!
//! Invariant: the ring holds the last trades by arrival, at most [`KEPT`] and none beyond the window in which bars are
//! revised. Whether it holds all trades of a bar is not claimed: who asks compares the sums.

use std::collections::VecDeque;

use messages::market::{Tick, TickBody};
use messages::{Exchange, MarketId, UtcNanos};

use super::line::REVISABLE;
use super::summary::{Mark, Summary};
use super::trades::LastTrade;

/// Trades kept per instrument, 4 MiB of them: 100 a second for all of the window.
const KEPT: usize = 1 << 16;

/// A trade as it is known now; one that was cancelled has the size 0.
#[derive(Debug, Clone, Copy)]
pub struct Kept {
    /// Its place.
    pub mark: Mark,
    trade: LastTrade,
    revision: u16,
}

impl Kept {
    /// What it adds to a bar; `None` when it was cancelled.
    pub fn summary(&self) -> Option<Summary> {
        let LastTrade { price, size, .. } = self.trade;
        Summary::of_trade(self.mark, price, size).filter(|_| !size.is_zero())
    }
}

/// The ring.
#[derive(Debug)]
pub struct Recent {
    is_kept: bool,
    ring: VecDeque<Kept>,
}

impl Recent {
    /// Nothing yet.
    pub fn of(exchange: Exchange) -> Self {
        Self { is_kept: exchange == Exchange::Alpaca, ring: VecDeque::new() }
    }

    /// Remembers a trade where it can be corrected.
    pub fn keep(&mut self, mark: Mark, trade: LastTrade, venue_now: UtcNanos) {
        if !self.is_kept || mark.sequence.is_none() {
            return;
        }
        let is_over = |kept: &Kept| kept.mark.time.after(REVISABLE) <= venue_now;
        while self.ring.front().is_some_and(|front| self.ring.len() >= KEPT || is_over(front)) {
            self.ring.pop_front();
        }
        self.ring.push_back(Kept { mark, trade, revision: 0 });
    }

    /// Whether this revision of a trade, or a later one, is known already.
    pub fn has_heard(&self, correction: &Tick) -> bool {
        self.find(correction).is_some_and(|at| self.ring[at].revision >= correction.revision)
    }

    /// The time of the trade that is corrected.
    pub fn time_of(&self, correction: &Tick) -> Option<UtcNanos> {
        self.find(correction).map(|at| self.ring[at].mark.time)
    }

    /// Changes a trade. Returns it as it was and as it is, unless it is not remembered.
    pub fn correct(&mut self, correction: &Tick, id: MarketId) -> Option<(Kept, Kept)> {
        let TickBody::Trade { price, size, .. } = correction.body else { return None };
        let at = self.find(correction)?;
        let before = self.ring[at];
        let trade =
            LastTrade { price: if size.is_zero() { before.trade.price } else { price }, size, id, ..before.trade };
        self.ring[at] = Kept { trade, revision: correction.revision, ..before };
        Some((before, self.ring[at]))
    }

    /// A correction may bear its own time, so the number decides, and the time only between trades of one number.
    fn find(&self, correction: &Tick) -> Option<usize> {
        let sequence = Some(correction.sequence?);
        let mut same = (0..self.ring.len()).rev().filter(|&at| self.ring[at].mark.sequence == sequence);
        let newest = same.next()?;
        let others: Vec<usize> = same.collect();
        if others.is_empty() {
            return Some(newest);
        }
        let of_time = |&at: &usize| self.ring[at].mark.time == correction.time;
        std::iter::once(newest).chain(others).find(of_time)
    }

    /// The newest trade that stands.
    pub fn newest(&self) -> Option<(Mark, LastTrade)> {
        let standing = self.ring.iter().filter(|kept| !kept.trade.size.is_zero());
        standing.max_by_key(|kept| kept.mark).map(|kept| (kept.mark, kept.trade))
    }

    /// The trades between `open` and `end`, by arrival.
    pub fn between(&self, open: UtcNanos, end: UtcNanos) -> impl Iterator<Item = &Kept> {
        self.ring.iter().filter(move |kept| open <= kept.mark.time && kept.mark.time < end)
    }
}
