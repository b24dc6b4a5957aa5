//! What each rule reads in a sample, and how it is said. Pure.
//!
//! A reading is one number about one subject. What the sample does not hold is not read: nothing is known of it then, and
//! what was open stays open.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use messages::UtcNanos;
use messages::alerts::Rule;
use messages::telemetry::Metric;

use super::settings::Bounds;
use crate::metrics::{self, Definition};

/// Orders of a window below which a share of them means nothing.
const FEWEST_ORDERS: f64 = 20.0;

/// One number about one subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The rule that it is for.
    pub rule: Rule,
    /// About what.
    pub subject: String,
    /// The number, in the unit of the rule's bounds.
    pub value: f64,
}

/// True where too little is wrong, not too much.
#[must_use]
pub const fn is_floor(rule: Rule) -> bool {
    matches!(rule, Rule::DiskSpace)
}

/// Metrics that are read as they are, and by how much they are multiplied.
const DIRECT: &[(Rule, Definition, f64)] = &[
    (Rule::Drawdown, metrics::PORTFOLIO_DRAWDOWN_RATIO, 100.0),
    (Rule::DailyLoss, metrics::PORTFOLIO_DAILY_LOSS_RATIO, 100.0),
    (Rule::StaleFeed, metrics::FEED_SYMBOLS_STALE, 1.0),
    (Rule::QueueDepth, metrics::BULK_QUEUE_RATIO, 100.0),
    (Rule::QueueDepth, metrics::JOURNAL_QUEUE_RATIO, 100.0),
    (Rule::DiskSpace, metrics::DISK_FREE_BYTES, 1.0 / (1 << 20) as f64),
    (Rule::ArchiveFailure, metrics::ARCHIVE_FAILING, 1.0),
    (Rule::StrategyQuarantined, metrics::STRATEGY_QUARANTINED, 1.0),
    (Rule::PostgresLag, metrics::POSTGRES_LAG_SECONDS, 1.0),
    (Rule::PostgresJournal, metrics::POSTGRES_JOURNAL_RATIO, 100.0),
    (Rule::DeadMan, metrics::MARKET_DATA_AGE_SECONDS, 1.0),
];

/// Counters of which it is read by how much they rose in the window.
const RISING: &[(Rule, Definition)] = &[
    (Rule::FeedGap, metrics::FEED_GAPS),
    (Rule::PostgresGivenUp, metrics::POSTGRES_RECORDS_GIVEN_UP),
    (Rule::OrderAlarm, metrics::ORDERS_ALARMS),
    (Rule::VenueNote, metrics::VENUE_NOTES),
];

/// Reads samples, and remembers what counters said within the window.
pub struct Reader {
    window: Duration,
    counters: BTreeMap<(&'static str, String), VecDeque<(UtcNanos, f64)>>,
}

impl Reader {
    /// Counts over this window.
    #[must_use]
    pub fn new(window: Duration) -> Self {
        Self { window, counters: BTreeMap::new() }
    }

    /// What a sample says.
    pub fn read(&mut self, sample: &[Metric], now: UtcNanos) -> Vec<Reading> {
        let mut readings = Vec::new();
        for (rule, metric, factor) in DIRECT {
            for found in sample.iter().filter(|m| m.name == metric.name) {
                readings.push(Reading { rule: *rule, subject: subject(metric, found), value: found.value * factor });
            }
        }
        for (rule, metric) in RISING {
            for found in sample.iter().filter(|m| m.name == metric.name) {
                let (subject, value) = (subject(metric, found), self.rise(metric, found, now));
                readings.push(Reading { rule: *rule, subject, value });
            }
        }
        readings.extend(self.reject_rate(sample, now));
        readings
    }

    /// The share of orders in the window that were denied or rejected, in percent; none while there were few.
    fn reject_rate(&mut self, sample: &[Metric], now: UtcNanos) -> Option<Reading> {
        let mut rise = |metric: &'static Definition| {
            let found = sample.iter().find(|m| m.name == metric.name)?;
            Some(self.rise(metric, found, now))
        };
        let (intended, denied, rejected) =
            (rise(&metrics::ORDERS_INTENDED)?, rise(&metrics::ORDERS_DENIED)?, rise(&metrics::ORDERS_REJECTED)?);
        let all = intended + denied;
        // Few orders are no sign of anything, and so end an alert as well.
        let value = if all < FEWEST_ORDERS { 0.0 } else { 100.0 * (denied + rejected) / all };
        Some(Reading { rule: Rule::RejectRate, subject: "orders".to_owned(), value })
    }

    /// By how much a counter has risen in the window. One that has fallen began anew, with its actor.
    fn rise(&mut self, metric: &'static Definition, found: &Metric, now: UtcNanos) -> f64 {
        let seen = self.counters.entry((metric.name, found.labels.actor.clone().unwrap_or_default())).or_default();
        if seen.back().is_some_and(|(_, last)| *last > found.value) {
            seen.clear();
        }
        // The newest that is as old as the window stays: the rise is counted from there.
        while seen.get(1).is_some_and(|(at, _)| *at <= now.before(self.window)) {
            seen.pop_front();
        }
        seen.push_back((now, found.value));
        found.value - seen.front().map_or(found.value, |(_, first)| *first)
    }
}

/// Whom a metric is about: its label, or the part of the program where it has none.
fn subject(metric: &Definition, found: &Metric) -> String {
    found.labels.actor.clone().unwrap_or_else(|| metric.component.to_owned())
}

/// What is wrong, in words.
#[must_use]
pub fn words(rule: Rule, subject: &str, value: f64, bounds: &Bounds) -> String {
    let limit = bounds.limit;
    match rule {
        Rule::Drawdown => format!("{subject} is {value:.1} % below its highest value; the limit is {limit} %"),
        Rule::DailyLoss => format!("{subject} has lost {value:.1} % today; the limit is {limit} %"),
        Rule::RejectRate => format!(
            "{value:.0} % of the newest orders were denied or rejected; the limit is {limit} %; \
             see GET /api/v1/orders?status=all"
        ),
        Rule::StaleFeed => format!("{value:.0} symbols of {subject} are silent; see `merganser feeds`"),
        Rule::FeedGap => format!("{subject} missed data {value:.0} times; see the table feed_gaps"),
        Rule::QueueDepth => format!("the queue of {subject} is {value:.0} % full; the limit is {limit} %"),
        Rule::DiskSpace => {
            format!("the disk of {subject} has {value:.0} MiB free, less than {limit} MiB; make room there")
        }
        Rule::ArchiveFailure => {
            "the last run of the archive has failed; `merganser archive run` tries again".to_owned()
        }
        Rule::StrategyQuarantined => {
            format!("{subject} failed too often; `merganser strategies resume {subject}` starts it again")
        }
        Rule::PostgresLag => format!(
            "PostgreSQL has lacked something for {value:.0} s; the limit is {limit} s; \
             see `merganser migrate timescale status`"
        ),
        Rule::PostgresJournal => format!(
            "the market journal that is kept for PostgreSQL takes {value:.0} % of what may be kept \
             (timescale.journal_max_bytes, or what the disk has room for); the limit is {limit} %; at 100 % its \
             oldest market records are given up, orders and fills never are, and nobody waits: bring PostgreSQL back \
             (`merganser migrate timescale status` says what is wrong), make room on the disk, or raise \
             timescale.journal_max_bytes"
        ),
        Rule::PostgresGivenUp => format!(
            "{value:.0} market records were not kept for PostgreSQL any longer; once it is back, \
             `merganser migrate timescale compare --repair` brings their rows"
        ),
        Rule::OrderAlarm => format!(
            "{value:.0} times something happened to {subject} that should not have, or our books and the venue's differed; \
             `merganser sql \"SELECT * FROM actions WHERE what = 'alert' ORDER BY ledger_seq DESC LIMIT 20\"` tells what"
        ),
        Rule::VenueNote => format!(
            "{value:.0} times the venue said what no report of an order says: {subject}; `merganser sql \"SELECT * FROM \
             actions WHERE what = 'venue.{subject}' ORDER BY ledger_seq DESC LIMIT 20\"` tells what"
        ),
        Rule::DeadMan => format!("nothing has come from the {subject} for {value:.0} s; the limit is {limit} s"),
    }
}
