//! What happens to an order, and what is counted of it.

use super::*;

/// What happened beside the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Orders that passed risk.
    pub intended: u64,
    /// Orders that were refused by us.
    pub denied: u64,
    /// Orders that the venue refused or never received.
    pub rejected: u64,
    /// Fills.
    pub fills: u64,
    /// Requests that made no sense in the order's state.
    pub refused: u64,
    /// Reports that were repeated or too late.
    pub ignored: u64,
    /// Reports about orders that nobody knows.
    pub unknown: u64,
    /// Events that should not have happened.
    pub alarms: u64,
}

/// What happens to an order.
pub(super) struct Happening {
    pub(super) kind: EventKind,
    pub(super) reason: Option<Reason>,
    pub(super) text: String,
    pub(super) fill: Option<Fill>,
}

impl Happening {
    pub(super) fn of(kind: EventKind) -> Self {
        Self { kind, reason: None, text: String::new(), fill: None }
    }
    pub(super) fn because(kind: EventKind, reason: Reason) -> Self {
        Self { reason: Some(reason), ..Self::of(kind) }
    }
    pub(super) fn refused(kind: EventKind, refusal: Refusal) -> Self {
        Self { reason: Some(refusal.reason), text: refusal.text, ..Self::of(kind) }
    }
}

impl Counters {
    pub(super) fn count(&mut self, what: &Happening) {
        self.fills += u64::from(what.fill.as_ref().is_some_and(|fill| fill.quantity.is_positive()));
        match what.kind {
            EventKind::Intended => self.intended += 1,
            EventKind::Rejected | EventKind::NotReceived => self.rejected += 1,
            _ => {}
        }
    }
}
