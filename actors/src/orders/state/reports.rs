//! Venue reports: what a venue says happened, applied once.

use super::*;

/// What a name of an order means to its venue, as far as we know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// A replacement took effect after it.
    Retired,
    /// The order is known by it.
    Current,
    /// A replacement that was not confirmed, and may have taken effect all the same.
    Unconfirmed,
}

impl Orders {
    /// Handles a report.
    pub fn on_report(&mut self, report: VenueReport, at: Moment, out: &mut Vec<Effect>) {
        self.heard_at = self.heard_at.max(at.now);
        let name = report.client_order_id;
        let Some(id) = self.by_client_id.get(&name).copied() else {
            return self.unknown_order(&report, at, out);
        };
        let Some(mut entry) = self.take(id) else { return };
        entry.asked_at = at.now;
        if let (Some(venue_id), Some(attempt)) =
            (report.venue_order_id, entry.order.attempts.iter_mut().find(|a| a.client_order_id == name))
        {
            attempt.venue_order_id = Some(venue_id);
        }
        let before = entry.order.current_client_order_id();
        match standing(&entry.order, name) {
            // What is said of a name that was replaced is old; only its fills count.
            Standing::Retired if !matches!(report.kind, ReportKind::Filled(_)) => self.counters.ignored += 1,
            Standing::Unconfirmed if is_alive(&report.kind) && entry.order.status.is_open() => {
                self.replaced_unheard(&mut entry, name, at, out);
                self.apply(&mut entry, report, at, out);
            }
            _ => self.apply(&mut entry, report, at, out),
        }
        if entry.order.status == Status::PendingCancel && entry.order.current_client_order_id() != before {
            // The cancel on its way names an order that is gone.
            out.push(cancel_request(&entry.order, at.now));
        }
        self.index(entry);
        self.settle_families(at, out);
    }

    fn apply(&mut self, entry: &mut Entry, report: VenueReport, at: Moment, out: &mut Vec<Effect>) {
        // A report that was long on its way says what was true when it was sent.
        let said = report.time.min(at.now);
        match report.kind {
            ReportKind::Filled(fill) => self.fill(entry, fill, at, out),
            ReportKind::Replaced { replacement } => {
                self.replaced(entry, report.client_order_id, replacement, at, out);
            }
            ReportKind::Accepted if entry.order.replacing.is_some() && self.is_lost(entry, said) => {
                self.replace_rejected(entry, Reason::code(resolve::NOT_RECEIVED), at, out);
            }
            // The answer to a question, and nothing new.
            ReportKind::Accepted if entry.order.acknowledged && entry.requested_at.is_some() => {
                self.counters.ignored += 1;
            }
            ReportKind::ReplaceRejected { reason } if answers_replacement(&entry.order, report.client_order_id) => {
                self.replace_rejected(entry, reason, at, out);
            }
            ReportKind::ReplaceRejected { .. } => self.counters.ignored += 1,
            ReportKind::CancelRejected { reason } => self.cancel_rejected(entry, reason, at, out),
            ReportKind::Unknown => self.not_known(entry, said, at, out),
            other => {
                self.happen(entry, happening(other), at, out);
            }
        }
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
        let filled = order.filled.checked_add(fill.quantity).filter(|_| fill.quantity.is_positive());
        let Some(filled) = filled else {
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
        let notional = fill.price.notional(fill.quantity).and_then(|n| order.filled_notional.checked_add(n));
        order.filled_notional = notional.unwrap_or(order.filled_notional);
        order.commission = add_fee(order.commission, fill.fee);
        let complete = filled >= order.request.quantity && !entry.terms_unknown;
        let kind = if complete { EventKind::Filled } else { EventKind::PartiallyFilled };
        let order = order.clone();
        self.apply_exposure(&order, &fill);
        self.happen(entry, Happening { fill: Some(fill), ..Happening::of(kind) }, at, out);
    }

    /// An order lives under the name of a replacement whose confirmation was lost or is late.
    fn replaced_unheard(&mut self, entry: &mut Entry, name: ClientOrderId, at: Moment, out: &mut Vec<Effect>) {
        let unknown = Replacement { quantity: None, price: None, stop_price: None };
        let terms = entry.order.replacing.filter(|_| answers_replacement(&entry.order, name));
        self.replaced(entry, name, terms.unwrap_or(unknown), at, out);
        if terms.is_none() {
            entry.terms_unknown = true;
            out.push(resolve::query(&entry.order, at.now));
        }
    }

    fn replaced(
        &mut self,
        entry: &mut Entry,
        name: ClientOrderId,
        terms: Replacement,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let request = with_terms(&entry.order.request, terms);
        let known = standing(&entry.order, name) == Standing::Current && request == entry.order.request;
        let settled = !entry.terms_unknown && entry.order.remaining().is_positive();
        if known && settled || entry.order.status.is_terminal() {
            self.counters.ignored += 1;
            return;
        }
        entry.terms_unknown = false;
        let answered = entry.order.replacing.is_some() && answers_replacement(&entry.order, name);
        if let Some(attempt) = entry.order.attempts.iter_mut().find(|a| a.client_order_id == name) {
            attempt.confirmed = true;
        }
        entry.order.request = request;
        if entry.order.status == Status::PendingReplace && !answered {
            // Another one than the one on its way: that one still owes its answer.
            return self.record(entry, Happening::of(EventKind::Replaced), at, out);
        }
        self.replacement_answered(entry);
        self.happen(entry, Happening::of(EventKind::Replaced), at, out);
    }

    pub(super) fn replace_rejected(&mut self, entry: &mut Entry, reason: Reason, at: Moment, out: &mut Vec<Effect>) {
        // Its name stays among the attempts, unconfirmed: should the venue have replaced it after all, its reports find it.
        self.replacement_answered(entry);
        self.happen(entry, Happening::because(EventKind::ReplaceRejected, reason), at, out);
    }

    /// No answer to a replacement is owed any more; one to a cancel may be.
    fn replacement_answered(&mut self, entry: &mut Entry) {
        entry.order.replacing = None;
        let cancels = entry.order.status == Status::PendingCancel;
        entry.requested_at = entry.requested_at.filter(|_| cancels);
    }

    fn cancel_rejected(&mut self, entry: &mut Entry, reason: Reason, at: Moment, out: &mut Vec<Effect>) {
        if entry.order.status != Status::PendingCancel {
            self.counters.ignored += 1;
            return;
        }
        if entry.order.acknowledged && entry.order.replacing.is_none() {
            entry.requested_at = None;
            self.happen(entry, Happening::because(EventKind::CancelRejected, reason), at, out);
        } else {
            // The cancel overtook its order, or named one that is being replaced: it still stands, and is said again.
            self.counters.ignored += 1;
        }
        self.families.not_canceled(&entry.order, at.now.after(self.settings.query_after));
        if entry.order.status.is_open() {
            // What cannot be cancelled may have ended without our hearing of it.
            out.push(resolve::query(&entry.order, at.now));
        }
    }
}

fn standing(order: &Order, name: ClientOrderId) -> Standing {
    let place = |name| order.attempts.iter().position(|a| a.client_order_id == name);
    match place(name).cmp(&place(order.current_client_order_id())) {
        std::cmp::Ordering::Less => Standing::Retired,
        std::cmp::Ordering::Equal => Standing::Current,
        std::cmp::Ordering::Greater => Standing::Unconfirmed,
    }
}

/// True for the name of the replacement that was asked for last.
fn answers_replacement(order: &Order, name: ClientOrderId) -> bool {
    order.replacing.is_some() && order.attempts.last().is_some_and(|a| a.client_order_id == name)
}

/// True for what a venue says only of an order that it works or has worked.
fn is_alive(kind: &ReportKind) -> bool {
    match kind {
        ReportKind::Accepted
        | ReportKind::Triggered
        | ReportKind::Filled(_)
        | ReportKind::Canceled
        | ReportKind::Expired { .. } => true,
        ReportKind::Submitted
        | ReportKind::Rejected { .. }
        | ReportKind::CancelRejected { .. }
        | ReportKind::Replaced { .. }
        | ReportKind::ReplaceRejected { .. }
        | ReportKind::Unknown => false,
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
        ReportKind::Expired { reason } => Happening::because(EventKind::Expired, reason),
        ReportKind::Filled(_)
        | ReportKind::CancelRejected { .. }
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
