//! What is asked of history after a connection was lost: which symbols, from when to when, page by page, within the rate
//! that the venue allows.
//!
//! Invariant: one request is on its way at most; a job ends after [`PAGES`] pages, [`TRIES`] failures of one page or
//! [`WAITS`] waits for the rate.

use std::collections::VecDeque;
use std::time::Duration;

use messages::{Symbol, UtcNanos};

use super::settings::History;
use crate::feeds::session::RequestId;
use crate::wire::backoff::Backoff;
use crate::wire::percent;

/// Symbols of one request; their names must fit a URL.
pub const SYMBOLS: usize = 50;
/// Pages of a job: a million trades. At a hundred requests a minute they take a minute.
pub const PAGES: u32 = 100;
/// Failures of one page before the rest stays missing.
const TRIES: u32 = 8;
/// Times that the venue may ask a job to wait: an hour of quarters of a minute.
const WAITS: u32 = 240;
/// The longest wait that it is granted at once.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);
/// Rows of a page, the most that Alpaca gives.
const LIMIT: u32 = 10_000;
/// How long after a subscription history is asked: what was traded before it has arrived there by then.
pub const SETTLE: Duration = Duration::from_secs(5);
/// How much longer, where the stream is late and REST refuses what is younger than that: our clock may be ahead.
const MARGIN: Duration = Duration::from_secs(10);
/// A message's time may be ahead of our clock by that much and be believed.
const AHEAD: Duration = Duration::from_secs(600);
const MINUTE: Duration = Duration::from_secs(60);

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Trades.
    Trades,
    /// Bars of a minute.
    Bars,
}

impl What {
    /// As Alpaca writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::Bars => "bars",
        }
    }
}

/// One range of time of some symbols.
#[derive(Debug)]
pub struct Job {
    /// Trades or bars.
    pub what: What,
    /// Sorted, as the pages are.
    pub symbols: Vec<Symbol>,
    /// The first instant, in the venue's time.
    pub start: UtcNanos,
    /// The last.
    pub end: UtcNanos,
    /// When it was planned, by our clock: it stands for what its symbols missed up to then, and for nothing later.
    pub planned: UtcNanos,
    /// Of the next page.
    pub token: Option<String>,
    /// Up to where its pages have come.
    pub reached: Option<(Symbol, UtcNanos)>,
    pages: u32,
    tries: u32,
    waits: u32,
    not_before: UtcNanos,
}

impl Job {
    /// Its path and query.
    fn path(&self, history: History) -> String {
        let symbols: Vec<String> = self.symbols.iter().map(|symbol| percent::encoded(symbol.as_str())).collect();
        let timeframe = if self.what == What::Bars { "timeframe=1Min&" } else { "" };
        let mut path = format!(
            "{}{}?{timeframe}symbols={}&start={:?}&end={:?}&limit={LIMIT}&sort=asc",
            history.path,
            self.what.name(),
            symbols.join(","),
            self.start,
            self.end
        );
        for (name, value) in [("feed", history.feed), ("page_token", self.token.as_deref())] {
            if let Some(value) = value {
                path.push_str(&format!("&{name}={}", percent::encoded(value)));
            }
        }
        path
    }

    /// A page came. True when there is another, and it may still be asked for.
    pub fn goes_on(&mut self, next: Option<String>) -> bool {
        self.tries = 0;
        self.pages += 1;
        self.token = next;
        self.token.is_some() && self.pages < PAGES
    }
}

/// The jobs, in turn.
#[derive(Debug)]
pub struct Backfill {
    jobs: VecDeque<Job>,
    on_its_way: Option<RequestId>,
    /// When the requests of the last minute were sent.
    sent: VecDeque<UtcNanos>,
    per_minute: usize,
    backoff: Backoff,
    requests: u64,
}

impl Backfill {
    /// Nothing to ask.
    pub fn new(per_minute: usize, backoff: Backoff) -> Self {
        let per_minute = per_minute.max(1);
        Self { jobs: VecDeque::new(), on_its_way: None, sent: VecDeque::new(), per_minute, backoff, requests: 0 }
    }

    /// Asks for `symbols` from `start` to now.
    pub fn add(&mut self, what: What, symbols: Vec<Symbol>, start: UtcNanos, history: History, now: UtcNanos) {
        let settled = now.after(SETTLE);
        let end = settled.before(history.delay);
        let not_before = if history.delay.is_zero() { settled } else { settled.after(MARGIN) };
        let (token, reached) = (None, None);
        self.jobs.push_back(Job {
            what,
            symbols,
            start,
            end,
            planned: now,
            token,
            reached,
            pages: 0,
            tries: 0,
            waits: 0,
            not_before,
        });
    }

    /// A symbol's trades are asked for anew, from as early on: what was planned of it and has not begun is not needed.
    pub fn withdraw(&mut self, symbol: Symbol) {
        let begun = usize::from(self.on_its_way.is_some());
        for job in self.jobs.iter_mut().skip(begun).filter(|job| job.what == What::Trades && job.pages == 0) {
            job.symbols.retain(|other| *other != symbol);
        }
        self.jobs.retain(|job| !job.symbols.is_empty());
    }

    /// Forgets the jobs; an answer on its way is not waited for. Returns from when on bars were still to come.
    pub fn clear(&mut self) -> Option<UtcNanos> {
        self.on_its_way = None;
        self.jobs.drain(..).filter(|job| job.what == What::Bars).map(|job| job.start).min()
    }

    /// When the next request may be sent; `None` while one is on its way or none is left.
    pub fn due(&self) -> Option<UtcNanos> {
        let job = self.jobs.front().filter(|_| self.on_its_way.is_none())?;
        let oldest = self.sent.front().filter(|_| self.sent.len() >= self.per_minute);
        Some(oldest.map_or(job.not_before, |oldest| job.not_before.max(oldest.after(MINUTE))))
    }

    /// The request that is due, with its path and query. `heard` is the newest time of a message: where our clock is
    /// behind the venue's, that is where the stream has come, and history is asked for up to there.
    pub fn next_request(
        &mut self,
        history: History,
        heard: Option<UtcNanos>,
        now: UtcNanos,
    ) -> Option<(RequestId, String)> {
        self.due().filter(|due| *due <= now)?;
        while self.sent.len() >= self.per_minute {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
        self.requests += 1;
        let id = RequestId(self.requests);
        self.on_its_way = Some(id);
        let job = self.jobs.front_mut()?;
        if let Some(heard) = heard.filter(|_| history.delay.is_zero() && job.pages == 0) {
            job.end = job.end.max(heard.min(now.after(AHEAD)));
        }
        Some((id, job.path(history)))
    }

    /// The job that the answer is for; `None` when nobody waits for it any more.
    pub fn answered(&mut self, id: RequestId) -> Option<Job> {
        if self.on_its_way != Some(id) {
            return None;
        }
        self.on_its_way = None;
        self.jobs.pop_front()
    }

    /// It has another page.
    pub fn resume(&mut self, job: Job) {
        self.backoff.succeeded();
        self.jobs.push_front(job);
    }

    /// The venue asks to wait; that is no failure of the request. Gives the job back when it has waited too often.
    pub fn wait(&mut self, job: Job, wait: Duration, now: UtcNanos) -> Option<Job> {
        let waits = job.waits + 1;
        if waits >= WAITS {
            return Some(job);
        }
        let not_before = now.after(wait.clamp(Duration::from_secs(1), LONGEST_WAIT));
        self.jobs.push_front(Job { waits, not_before, ..job });
        None
    }

    /// The page failed; gives the job back when it has failed too often.
    pub fn retry(&mut self, job: Job, now: UtcNanos) -> Option<Job> {
        let tries = job.tries + 1;
        if tries >= TRIES {
            return Some(job);
        }
        let not_before = now.after(self.backoff.next_wait());
        self.jobs.push_front(Job { tries, not_before, ..job });
        None
    }

    /// The path and query of the page that is being answered.
    pub fn path(job: &Job, history: History) -> String {
        job.path(history)
    }
}
