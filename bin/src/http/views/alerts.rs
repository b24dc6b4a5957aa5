//! Alerts.

use messages::alerts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{maybe, text};

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Alert)]
pub struct Alert {
    /// What it is known by.
    #[schema(example = "drawdown.paper.1764360000")]
    pub alert_id: String,
    /// The rule, as `alerts.rules` names it.
    pub rule: String,
    /// About what: a strategy, a feed, an account.
    pub subject: String,
    /// `warning` or `critical`.
    pub severity: String,
    /// What is wrong, in words, with the value and the limit.
    pub text: String,
    /// When it was opened.
    pub opened_at: String,
    /// When it was over; null while it is open.
    pub closed_at: Option<String>,
    /// Who has seen it; null while nobody has.
    pub acknowledged: Option<Acknowledgement>,
}

/// A person has seen an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AlertAcknowledgement)]
pub struct Acknowledgement {
    /// Who.
    pub by: String,
    /// Why it is no more to be told.
    pub why: String,
    /// When.
    pub at: String,
}

impl Alert {
    /// As it is shown.
    pub fn of(alert: &alerts::Alert) -> Self {
        let severity = match alert.severity {
            alerts::Severity::Warning => "warning",
            alerts::Severity::Critical => "critical",
        };
        let seen =
            |a: &alerts::Acknowledgement| Acknowledgement { by: a.by.clone(), why: a.why.clone(), at: text(a.at) };
        Self {
            alert_id: text(&alert.alert_id),
            rule: text(alert.alert_id.rule),
            subject: alert.alert_id.subject.clone(),
            severity: severity.to_owned(),
            text: alert.text.clone(),
            opened_at: text(alert.opened_at),
            closed_at: maybe(alert.closed_at),
            acknowledged: alert.acknowledged.as_ref().map(seen),
        }
    }
}
