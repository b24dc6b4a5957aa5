//! The names of what goes through ports, as people and metrics see them.

use super::{ToAlerts, ToFeed, ToMarket, ToMigration, ToOrders, ToPositions, ToStrategy, ToTelemetry, ToVenue};

macro_rules! names {
    ($($message:ident { $($variant:pat => $name:literal,)* })*) => {
        $(impl $message {
            /// The stable name of the message.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $($variant => $name,)*
                }
            }
        })*
    };
}

names! {
    ToMarket {
        Self::Wake => "wake",
        Self::FeedBeginsAnew(_) => "feed_begins_anew",
        Self::Stop(_) => "stop",
        Self::Status(_) => "status",
        Self::View { .. } => "view",
    }
    ToOrders {
        Self::Commands(..) => "commands",
        Self::Reports(_) => "reports",
        Self::Manual(..) => "manual",
        Self::Trading(..) => "trading",
        Self::Fault { .. } => "fault",
        Self::Deposit(..) => "deposit",
        Self::Connected => "connected",
        Self::Account(_) => "account",
        Self::Rules(_) => "rules",
        Self::Reconcile(..) => "reconcile",
        Self::ReconcileStatus(_) => "reconcile_status",
        Self::TellOpen => "tell_open",
        Self::Find(..) => "find",
        Self::Preview(..) => "preview",
        Self::Risk(..) => "risk",
        Self::RiskStatus(_) => "risk_status",
        Self::Status(_) => "status",
    }
    ToPositions {
        Self::Updates(_) => "updates",
        Self::Snapshot(..) => "snapshot",
        Self::Deposit(..) => "deposit",
        Self::Opened { .. } => "opened",
        Self::Highest(_) => "highest",
        Self::Status(_) => "status",
    }
    ToVenue {
        Self::Begin => "begin",
        Self::Requests(_) => "requests",
        Self::Status(_) => "status",
    }
    ToFeed {
        Self::Change { .. } => "change",
        Self::Status(_) => "status",
        Self::Stop(_) => "stop",
    }
    ToTelemetry {
        Self::Sample(_) => "sample",
        Self::Look(_) => "look",
    }
    ToAlerts {
        Self::Sampled(_) => "sampled",
        Self::Acknowledge { .. } => "acknowledge",
        Self::List(_) => "list",
        Self::Status(_) => "status",
    }
    ToMigration {
        Self::Status(_) => "status",
        Self::Act { .. } => "act",
    }
    ToStrategy {
        Self::Updates(_) => "updates",
        Self::Restored(_) => "restored",
        Self::Begin => "begin",
        Self::Lagging => "lagging",
        Self::Stop(_) => "stop",
        Self::Steer(..) => "steer",
        Self::Status(_) => "status",
    }
}
