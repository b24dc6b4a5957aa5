//! How the readers do: counts since the start, quantiles of the newest questions.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::recent::{Recent, Spread};

/// What a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Ticks of an instrument.
    Ticks,
    /// Bars of an instrument.
    Bars,
    /// Orders and their events.
    Orders,
    /// Fills.
    Trades,
    /// Positions and balances.
    Positions,
    /// Portfolio snapshots.
    Equity,
    /// SQL from outside.
    Sql,
    /// Our own upkeep.
    Internal,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Ticks, Self::Bars, Self::Orders, Self::Trades, Self::Positions, Self::Equity, Self::Sql, Self::Internal];

    /// The name in metrics and log lines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ticks => "ticks",
            Self::Bars => "bars",
            Self::Orders => "orders",
            Self::Trades => "trades",
            Self::Positions => "positions",
            Self::Equity => "equity",
            Self::Sql => "sql",
            Self::Internal => "internal",
        }
    }
}

/// How the readers do.
#[derive(Debug, Clone, PartialEq)]
pub struct Stats {
    /// Readers that there are.
    pub readers: usize,
    /// Readers that are lent out.
    pub in_use: usize,
    /// Questions that are being executed.
    pub executing: usize,
    /// Questions that wait for a reader or for their turn.
    pub waiting: usize,
    /// Questions that waited in vain, since the start.
    pub busy: u64,
    /// True when DuckDB has failed and answers nothing any more.
    pub has_failed: bool,
    /// Seconds that the newest questions waited.
    pub wait_seconds: Option<Spread>,
    /// Questions that did not wait in vain, since the start.
    pub begun: u64,
    /// Class by class; only those of which there were questions.
    pub classes: Vec<ClassStats>,
}

/// How the questions of one class did, since the start.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassStats {
    /// Which class.
    pub class: Class,
    /// Questions that ended, in whatever way.
    pub ended: u64,
    /// Of them, those that failed or were refused.
    pub failed: u64,
    /// Of them, those that were interrupted.
    pub timed_out: u64,
    /// Of them, those that were slow.
    pub slow: u64,
    /// Rows read.
    pub rows: u64,
    /// Seconds that the newest took, without waiting.
    pub seconds: Option<Spread>,
}

/// How a question ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome {
    Answered,
    Failed,
    TimedOut,
}

impl Outcome {
    /// The name in log lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
        }
    }
}

/// What is counted.
#[derive(Default)]
pub(super) struct Book(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    busy: u64,
    begun: u64,
    waits: Recent,
    classes: [Page; Class::ALL.len()],
}

#[derive(Default)]
struct Page {
    ended: u64,
    failed: u64,
    timed_out: u64,
    slow: u64,
    rows: u64,
    seconds: Recent,
}

impl Book {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn busy(&self) {
        self.pages().busy += 1;
    }

    pub fn begun(&self, waited: Duration) {
        let mut pages = self.pages();
        pages.begun += 1;
        pages.waits.push(waited);
    }

    pub fn ended(&self, class: Class, outcome: Outcome, took: Duration, rows: u64, is_slow: bool) {
        let page = &mut self.pages().classes[class as usize];
        page.ended += 1;
        page.failed += u64::from(matches!(outcome, Outcome::Failed));
        page.timed_out += u64::from(matches!(outcome, Outcome::TimedOut));
        page.slow += u64::from(is_slow);
        page.rows += rows;
        page.seconds.push(took);
    }

    /// Adds what is counted to what is now.
    pub fn fill(&self, now: Stats) -> Stats {
        let pages = self.pages();
        let classes = Class::ALL.into_iter().zip(&pages.classes).filter(|(_, page)| page.ended > 0);
        let classes = classes.map(|(class, page)| ClassStats {
            class,
            ended: page.ended,
            failed: page.failed,
            timed_out: page.timed_out,
            slow: page.slow,
            rows: page.rows,
            seconds: page.seconds.spread(),
        });
        let (wait_seconds, classes) = (pages.waits.spread(), classes.collect());
        Stats { busy: pages.busy, begun: pages.begun, wait_seconds, classes, ..now }
    }
}
