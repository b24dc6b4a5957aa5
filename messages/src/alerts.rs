//! Alerts: what a person should look at, from when it began until it is over.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::time::UtcNanos;

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The account has fallen from its highest value.
    Drawdown,
    /// The account has lost today.
    DailyLoss,
    /// Orders are denied and rejected.
    RejectRate,
    /// Symbols of a feed are silent.
    StaleFeed,
    /// A feed has missed data.
    FeedGap,
    /// A queue is filling.
    QueueDepth,
    /// A disk is filling.
    DiskSpace,
    /// The archive fails.
    ArchiveFailure,
    /// A strategy has failed too often and stays down.
    StrategyQuarantined,
    /// PostgreSQL, to which rows go as well, lacks them for long.
    PostgresLag,
    /// The market journal that is kept for PostgreSQL alone nears its bound.
    PostgresJournal,
    /// Market records were not kept for PostgreSQL any longer.
    PostgresGivenUp,
    /// Something happened to an order that should not have, a trade of it was undone, or our books and the venue's differed.
    OrderAlarm,
    /// A venue said something that no report of an order says.
    VenueNote,
    /// No market data comes, or nobody takes samples any more.
    DeadMan,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Drawdown,
        Self::DailyLoss,
        Self::RejectRate,
        Self::StaleFeed,
        Self::FeedGap,
        Self::QueueDepth,
        Self::DiskSpace,
        Self::ArchiveFailure,
        Self::StrategyQuarantined,
        Self::PostgresLag,
        Self::PostgresJournal,
        Self::PostgresGivenUp,
        Self::OrderAlarm,
        Self::VenueNote,
        Self::DeadMan,
    ];

    /// The name in settings and rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Drawdown => "drawdown",
            Self::DailyLoss => "daily_loss",
            Self::RejectRate => "reject_rate",
            Self::StaleFeed => "stale_feed",
            Self::FeedGap => "feed_gap",
            Self::QueueDepth => "queue_depth",
            Self::DiskSpace => "disk_space",
            Self::ArchiveFailure => "archive_failure",
            Self::StrategyQuarantined => "strategy_quarantined",
            Self::PostgresLag => "postgres_lag",
            Self::PostgresJournal => "postgres_journal",
            Self::PostgresGivenUp => "postgres_given_up",
            Self::OrderAlarm => "order_alarm",
            Self::VenueNote => "venue_note",
            Self::DeadMan => "dead_man",
        }
    }

    /// How much it matters.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::Drawdown | Self::DailyLoss | Self::DiskSpace | Self::StrategyQuarantined | Self::DeadMan => {
                Severity::Critical
            }
            Self::RejectRate
            | Self::StaleFeed
            | Self::FeedGap
            | Self::QueueDepth
            | Self::ArchiveFailure
            | Self::PostgresLag
            | Self::PostgresJournal
            | Self::PostgresGivenUp
            | Self::OrderAlarm
            | Self::VenueNote => Severity::Warning,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How much an alert matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Today.
    Warning,
    /// Now.
    Critical,
}

/// What an alert is known by: its rule, what it is about, and the second in which it began.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AlertId {
    /// The rule.
    pub rule: Rule,
    /// About what: a strategy, a feed, an account.
    pub subject: String,
    /// Seconds since 1970.
    pub since: i64,
}

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.rule, self.subject, self.since)
    }
}

impl FromStr for AlertId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = || {
            let (rule, rest) = text.split_once('.')?;
            let (subject, since) = rest.rsplit_once('.')?;
            let rule = Rule::ALL.into_iter().find(|known| known.as_str() == rule)?;
            Some(Self { rule, subject: subject.to_owned(), since: since.parse().ok()? })
        };
        parts().ok_or_else(|| format!("`{text}` is no alert; expected rule.subject.seconds, as GET /alerts lists them"))
    }
}

impl TryFrom<String> for AlertId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<AlertId> for String {
    fn from(id: AlertId) -> Self {
        id.to_string()
    }
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// What it is known by.
    pub alert_id: AlertId,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in words, with the value and the limit.
    pub text: String,
    /// When it was opened.
    pub opened_at: UtcNanos,
    /// When it was over; `None` while it is open.
    pub closed_at: Option<UtcNanos>,
    /// Who has seen it.
    pub acknowledged: Option<Acknowledgement>,
}

/// A person has seen an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who.
    pub by: String,
    /// Why it is no more to be told.
    pub why: String,
    /// When.
    pub at: UtcNanos,
}

/// An alert that is not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no open alert `{alert_id}`; GET /api/v1/alerts lists those that are")]
pub struct NoSuchAlert {
    /// What was asked for.
    pub alert_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        for rule in Rule::ALL {
            let id = AlertId { rule, subject: "alpaca-paper.2".to_owned(), since: 1_764_360_000 };
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        for wrong in ["", "drawdown", "drawdown.paper", "fall.paper.1", "drawdown.paper.x"] {
            assert!(wrong.parse::<AlertId>().is_err(), "{wrong}");
        }
    }
}
