//! What alerts can be about in this process. Pure.
//!
//! An alert of the last process whose feed, strategy or account is no more would never be read again, and so never end.

use std::collections::BTreeSet;

use messages::alerts::{AlertId, Rule};

/// By kind, under the names that samples use.
#[derive(Debug, Clone, Default)]
pub struct Subjects {
    /// Whose money it is.
    pub account: String,
    /// Live feeds.
    pub feeds: BTreeSet<String>,
    /// Strategies.
    pub strategies: BTreeSet<String>,
    /// Queues of the market, by who drains them, and journals.
    pub queues: BTreeSet<String>,
    /// Folders whose disks are watched.
    pub folders: BTreeSet<String>,
}

impl Subjects {
    /// Whether what an alert is about is here.
    #[must_use]
    pub fn has(&self, alert: &AlertId) -> bool {
        let subject = &alert.subject;
        match alert.rule {
            Rule::Drawdown | Rule::DailyLoss => self.account == *subject,
            Rule::StaleFeed | Rule::FeedGap => self.feeds.contains(subject),
            Rule::QueueDepth => self.queues.contains(subject),
            Rule::DiskSpace => self.folders.contains(subject),
            Rule::StrategyQuarantined => self.strategies.contains(subject),
            // There is one of each, always.
            Rule::RejectRate
            | Rule::ArchiveFailure
            | Rule::PostgresLag
            | Rule::PostgresJournal
            | Rule::PostgresGivenUp
            | Rule::OrderAlarm
            | Rule::VenueNote
            | Rule::DeadMan => true,
        }
    }
}
