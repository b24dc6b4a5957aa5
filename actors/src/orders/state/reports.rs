//! Venue reports: what a venue says happened, applied once.

use super::*;

impl Orders {
    /// Handles a report.
    pub fn on_report(&mut self, report: VenueReport, at: Moment, out: &mut Vec<Effect>) {
        self.heard_at = self.heard_at.max(at.now);
        let Some(id) = self.by_client_id.get(&report.client_order_id) else {
            return self.unknown_order(&report, at, out);
        };
        let Some(mut entry) = self.entries.remove(id) else { return };
        entry.asked_at = at.now;
        if let (Some(venue_id), Some(attempt)) = (
            report.venue_order_id,
            entry.order.attempts.iter_mut().find(|a| a.client_order_id == report.client_order_id),
        ) {
            attempt.venue_order_id = Some(venue_id);
        }
        let current = report.client_order_id == entry.order.current_client_order_id();
        match report.kind {
            ReportKind::Filled(fill) => self.fill(&mut entry, fill, at, out),
            ReportKind::Replaced { replacement } => {
                self.replaced(&mut entry, report.client_order_id, replacement, at, out)
            }
            // The answer to a cancel of a name that a replacement has retired: the cancel goes out again by the new one.
            ReportKind::CancelRejected { .. } if !current => self.counters.ignored += 1,
            ReportKind::Accepted if entry.order.status == Status::PendingReplace && self.is_lost(&entry, at.now) => {
                self.replace_rejected(&mut entry, Reason::code(resolve::NOT_RECEIVED), at, out);
            }
            // The answer to a question, and nothing new.
            ReportKind::Accepted if entry.order.acknowledged && entry.requested_at.is_some() => {
                self.counters.ignored += 1
            }
            ReportKind::ReplaceRejected { reason } => self.replace_rejected(&mut entry, reason, at, out),
            ReportKind::Unknown => self.not_known(&mut entry, at, out),
            other => {
                entry.order.triggered |= other == ReportKind::Triggered;
                entry.order.acknowledged |= matches!(other, ReportKind::Accepted | ReportKind::Triggered);
                if matches!(other, ReportKind::Canceled | ReportKind::CancelRejected { .. }) {
                    entry.requested_at = None;
                }
                self.happen(&mut entry, happening(other), at, out);
            }
        }
        self.index(entry);
    }

    /// Kept, told, never dropped: it may be somebody's money.
    fn unknown_order(&mut self, report: &VenueReport, at: Moment, out: &mut Vec<Effect>) {
        self.counters.unknown += 1;
        out.push(Effect::Record(LedgerRecord::Action(Action {
            by: "venue".to_owned(),
            what: "report.unknown_order".to_owned(),
            subject: report.client_order_id.to_string(),
            why: format!("{:?}", report.kind),
            at: at.now,
        })));
        out.push(Effect::Alert(format!(
            "the venue reported order {}, which nobody here knows",
            report.client_order_id
        )));
    }

    fn fill(&mut self, entry: &mut Entry, fill: Fill, at: Moment, out: &mut Vec<Effect>) {
        if !entry.executions.insert(fill.execution_id) {
            self.counters.ignored += 1;
            return;
        }
        let order = &mut entry.order;
        let Some(filled) = order.filled.checked_add(fill.quantity) else {
            self.counters.alarms += 1;
            return out.push(Effect::Alert(format!(
                "a fill of {} on {} is out of range",
                fill.quantity, order.client_order_id
            )));
        };
        // The second guard: the venue's own count. More than it ever counted: we have that quantity already, under another key.
        entry.reported = entry.reported.max(fill.cumulative);
        if filled > entry.reported {
            self.counters.alarms += 1;
            return out.push(Effect::Alert(format!(
                "fill {} of {} would bring {} to {filled}, and the venue counts {}",
                fill.execution_id, fill.quantity, order.client_order_id, entry.reported
            )));
        }
        if fill.cumulative > filled {
            self.counters.alarms += 1;
            out.push(Effect::Alert(format!(
                "{} misses fills: {} here, {} there",
                order.client_order_id, filled, fill.cumulative
            )));
            out.push(resolve::query(order, at.now));
        }
        order.filled = filled;
        order.acknowledged = true;
        let notional = fill.price.notional(fill.quantity).and_then(|n| order.filled_notional.checked_add(n));
        order.filled_notional = notional.unwrap_or(order.filled_notional);
        order.commission = add_fee(order.commission, fill.fee);
        let kind = if filled >= order.request.quantity { EventKind::Filled } else { EventKind::PartiallyFilled };
        let order = order.clone();
        self.apply_exposure(&order, &fill);
        self.happen(entry, Happening { fill: Some(fill), ..Happening::of(kind) }, at, out);
    }

    fn replaced(
        &mut self,
        entry: &mut Entry,
        name: ClientOrderId,
        terms: Replacement,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        if let Some(attempt) = entry.order.attempts.iter_mut().find(|a| a.client_order_id == name) {
            attempt.confirmed = true;
        }
        entry.order.acknowledged = true;
        entry.order.request = with_terms(&entry.order.request, terms);
        entry.order.replacing = None;
        let cancels = entry.order.status == Status::PendingCancel;
        entry.requested_at = entry.requested_at.filter(|_| cancels);
        self.happen(entry, Happening::of(EventKind::Replaced), at, out);
        if cancels {
            // The cancel on its way names an order that is gone.
            out.push(cancel_request(&entry.order, at.now));
        }
    }

    pub(super) fn replace_rejected(&mut self, entry: &mut Entry, reason: Reason, at: Moment, out: &mut Vec<Effect>) {
        // Its name stays among the attempts, unconfirmed: should the venue have replaced it after all, its reports find it.
        entry.order.replacing = None;
        entry.requested_at = None;
        self.happen(entry, Happening::because(EventKind::ReplaceRejected, reason), at, out);
    }
}

fn happening(kind: ReportKind) -> Happening {
    match kind {
        ReportKind::Submitted => Happening::of(EventKind::Submitted),
        ReportKind::Accepted => Happening::of(EventKind::Accepted),
        ReportKind::Rejected { reason, mut text } => {
            let cut = text.floor_char_boundary(caps::NOTE_BYTES);
            text.truncate(cut);
            Happening { text, ..Happening::because(EventKind::Rejected, reason) }
        }
        ReportKind::Triggered => Happening::of(EventKind::Triggered),
        ReportKind::Canceled => Happening::of(EventKind::Canceled),
        ReportKind::CancelRejected { reason } => Happening::because(EventKind::CancelRejected, reason),
        ReportKind::Expired { reason } => Happening::because(EventKind::Expired, reason),
        ReportKind::Filled(_)
        | ReportKind::Replaced { .. }
        | ReportKind::ReplaceRejected { .. }
        | ReportKind::Unknown => {
            unreachable!("handled by its own function")
        }
    }
}

/// The order's row has one fee in one asset: that of its first fill. The trades have every fee.
fn add_fee(sum: Option<Fee>, fee: Option<Fee>) -> Option<Fee> {
    match (sum, fee) {
        (None, fee) => fee,
        (Some(sum), Some(fee)) if sum.asset == fee.asset => {
            Some(Fee { amount: sum.amount.checked_add(fee.amount).unwrap_or(sum.amount), ..sum })
        }
        (sum, _) => sum,
    }
}
