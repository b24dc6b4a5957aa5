//! The section `[alerts]`; `config/default.toml` says what each key is for.

use std::time::Duration;

use messages::alerts::Rule;
use serde::{Deserialize, Serialize};

use super::secret_url::SecretUrl;

/// `[alerts]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertSettings {
    /// How long an alert that stays open, or opens again, is not told again.
    #[serde(with = "crate::durations")]
    pub repeat_after: Duration,
    /// The most messages of an hour.
    pub messages_per_hour: u32,
    /// Over what time rates and gaps are counted.
    #[serde(with = "crate::durations")]
    pub window: Duration,
    /// Where messages go.
    pub webhook_url: SecretUrl,
    /// Who is told regularly that we live.
    pub heartbeat_url: SecretUrl,
    /// How regularly.
    #[serde(with = "crate::durations")]
    pub heartbeat_every: Duration,
    /// How long a request to either may take.
    #[serde(with = "crate::durations")]
    pub request_timeout: Duration,
    /// `[alerts.rules]`
    pub rules: Rules,
}

/// `[alerts.rules]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Percent of the highest value.
    pub drawdown: Bounds,
    /// Percent of the day's first value.
    pub daily_loss: Bounds,
    /// Percent of the orders of the window.
    pub reject_rate: Bounds,
    /// Symbols.
    pub stale_feed: Bounds,
    /// Gaps of the window.
    pub feed_gap: Bounds,
    /// Percent of a queue.
    pub queue_depth: Bounds,
    /// MiB that are free.
    pub disk_space: Bounds,
    /// 1 while the last run has failed.
    pub archive_failure: Bounds,
    /// 1 while it is quarantined.
    pub strategy_quarantined: Bounds,
    /// Seconds for which PostgreSQL has lacked something.
    pub postgres_lag: Bounds,
    /// Percent of `timescale.journal_max_bytes`, or of what the disk has room for.
    pub postgres_journal: Bounds,
    /// Market records of the window that were not kept for PostgreSQL.
    pub postgres_given_up: Bounds,
    /// Alarms of orders in the window.
    pub order_alarm: Bounds,
    /// Notes of one kind in the window.
    pub venue_note: Bounds,
    /// Seconds without market data, or without a sample.
    pub dead_man: Bounds,
}

/// When an alert of a rule is opened and closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// It is opened here; 0 switches the rule off.
    pub limit: u64,
    /// It is closed only on the other side of this.
    pub clear: u64,
    /// How long either must hold.
    #[serde(rename = "for", with = "crate::durations")]
    pub lasts: Duration,
}

impl Rules {
    /// The bounds of a rule.
    #[must_use]
    pub fn of(&self, rule: Rule) -> &Bounds {
        match rule {
            Rule::Drawdown => &self.drawdown,
            Rule::DailyLoss => &self.daily_loss,
            Rule::RejectRate => &self.reject_rate,
            Rule::StaleFeed => &self.stale_feed,
            Rule::FeedGap => &self.feed_gap,
            Rule::QueueDepth => &self.queue_depth,
            Rule::DiskSpace => &self.disk_space,
            Rule::ArchiveFailure => &self.archive_failure,
            Rule::StrategyQuarantined => &self.strategy_quarantined,
            Rule::PostgresLag => &self.postgres_lag,
            Rule::PostgresJournal => &self.postgres_journal,
            Rule::PostgresGivenUp => &self.postgres_given_up,
            Rule::OrderAlarm => &self.order_alarm,
            Rule::VenueNote => &self.venue_note,
            Rule::DeadMan => &self.dead_man,
        }
    }
}

impl AlertSettings {
    /// What is wrong with them, one line each, with paths.
    #[must_use]
    pub fn problems(&self, sampled_every: Duration) -> Vec<String> {
        let mut problems = Vec::new();
        for rule in Rule::ALL {
            let Bounds { limit, clear, .. } = self.rules.of(rule);
            let is_sound = if super::rules::is_floor(rule) { clear >= limit } else { clear <= limit };
            if *limit > 0 && !is_sound {
                let side = if super::rules::is_floor(rule) { "below" } else { "above" };
                problems.push(format!("alerts.rules.{rule}.clear: {clear} must not be {side} the limit, {limit}"));
            }
        }
        let (dead, every) = (self.rules.dead_man.limit, sampled_every.as_secs());
        if dead > 0 && dead < every * 3 {
            problems.push(format!(
                "alerts.rules.dead_man.limit: {dead} is less than three times telemetry.every, {every} s"
            ));
        }
        for (key, time) in [
            ("window", self.window),
            ("request_timeout", self.request_timeout),
            ("heartbeat_every", self.heartbeat_every),
        ] {
            if time < Duration::from_secs(1) {
                problems.push(format!("alerts.{key}: must be at least 1s"));
            }
        }
        if self.messages_per_hour == 0 {
            problems.push("alerts.messages_per_hour: at least 1 is needed; an empty webhook_url sends none".to_owned());
        }
        problems
    }
}
