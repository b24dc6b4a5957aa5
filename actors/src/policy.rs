//! Who is replaced when an actor fails: one pure function.
//!
//! Orders, positions and the venue are one group, for their states follow from the same ledger: they
//! are restored together. What numbers the market, and what writes, cannot be replaced in a running
//! process without losing its place: the runtime stops in order and starts again from disk.

/// A child of the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Child {
    /// The market actor.
    Market,
    /// Orders, positions, venue.
    Trading,
    /// A strategy's shell; its thread is the shell's own business.
    Strategy,
    /// Snapshots on schedule.
    Snapshots,
    /// A feed.
    Feed,
    /// Metrics.
    Telemetry,
    /// The tiers of history.
    Archive,
    /// What a person should look at.
    Alerts,
    /// The way out of PostgreSQL.
    Migration,
    /// The edge.
    Http,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// This one starts again.
    Replace,
    /// The trading group starts again from the ledger.
    RestoreTrading,
    /// It stays away; everything else goes on.
    GoOnWithout,
    /// The runtime stops.
    Stop,
}

/// Failures of one kind within the window beyond which the runtime stops.
const MOST: u32 = 5;

/// Decides, given how often this kind of child failed within the last ten minutes, this time included.
#[must_use]
pub fn decide(child: Child, failures: u32) -> Action {
    match child {
        Child::Market => Action::Stop,
        Child::Http => Action::GoOnWithout,
        // Nobody stops trading for want of metrics, or because old rows stay where they are.
        Child::Telemetry | Child::Archive | Child::Alerts | Child::Migration if failures > MOST => Action::GoOnWithout,
        _ if failures > MOST => Action::Stop,
        Child::Trading => Action::RestoreTrading,
        Child::Strategy
        | Child::Snapshots
        | Child::Feed
        | Child::Telemetry
        | Child::Archive
        | Child::Alerts
        | Child::Migration => Action::Replace,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_replaced() {
        for (child, failures, expected) in [
            (Child::Market, 1, Action::Stop),
            (Child::Trading, 1, Action::RestoreTrading),
            (Child::Trading, 5, Action::RestoreTrading),
            (Child::Trading, 6, Action::Stop),
            (Child::Strategy, 1, Action::Replace),
            (Child::Snapshots, 5, Action::Replace),
            (Child::Feed, 1, Action::Replace),
            (Child::Feed, 6, Action::Stop),
            (Child::Telemetry, 5, Action::Replace),
            (Child::Telemetry, 6, Action::GoOnWithout),
            (Child::Archive, 1, Action::Replace),
            (Child::Alerts, 5, Action::Replace),
            (Child::Alerts, 6, Action::GoOnWithout),
            (Child::Archive, 6, Action::GoOnWithout),
            (Child::Http, 100, Action::GoOnWithout),
        ] {
            assert_eq!(decide(child, failures), expected, "{child:?} {failures}");
        }
    }
}
