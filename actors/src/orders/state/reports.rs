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
        let told = Reconciling::told_of(&entry.order);
        let stands = says_where_it_stands(&report.kind);
        match standing(&entry.order, name) {
            // What is said of a name that was replaced is old; only its fills count, and what became of them.
            Standing::Retired if !is_of_fills(&report.kind) => self.counters.ignored += 1,
            Standing::Unconfirmed if is_alive(&report.kind) && entry.order.status.is_open() => {
                self.replaced_unheard(&mut entry, name, at, out);
                self.apply(&mut entry, report, at, out);
            }
            _ => self.apply(&mut entry, report, at, out),
        }
        self.note_told(&entry.order, stands);
        if entry.order.status == Status::PendingCancel && entry.order.current_client_order_id() != before {
            // The cancel on its way names an order that is gone.
            out.push(cancel_request(&entry.order, at.now));
        }
        self.reconciling.heard(&entry.order, told, at.now);
        self.index(entry);
        self.settle_families(at, out);
        if !self.asked.contains(&id) {
            self.reconcile_answered(id, at, out);
        }
    }

    fn apply(&mut self, entry: &mut Entry, report: VenueReport, at: Moment, out: &mut Vec<Effect>) {
        // A report that was long on its way says what was true when it was sent.
        let said = report.time.min(at.now);
        match report.kind {
            ReportKind::Filled(fill) => self.fill(entry, fill, at, out),
            ReportKind::Busted { execution_id } => self.undo(entry, execution_id, report.time, at, out),
            ReportKind::Corrected { execution_id, fill } => self.correct(entry, execution_id, *fill, at, out),
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
            ReportKind::Completed { filled } => self.completed(entry, filled, at, out),
            ReportKind::NotTaken { reason, text } => {
                self.not_taken(entry, Refusal { reason, text: cut(text) }, at, out);
            }
            other => {
                self.happen(entry, happening(other), at, out);
            }
        }
    }

    /// Every report is kept, and people are told once of each order: it may be somebody's money.
    fn unknown_order(&mut self, report: &VenueReport, at: Moment, out: &mut Vec<Effect>) {
        self.counters.unknown += 1;
        out.push(Effect::Record(LedgerRecord::Action(Action {
            by: "venue".to_owned(),
            what: "report.unknown_order".to_owned(),
            subject: report.client_order_id.to_string(),
            why: format!("{:?}", report.kind),
            at: at.now,
        })));
        if self.strangers.len() < caps::STRANGERS && self.strangers.insert(report.client_order_id) {
            self.alarm(format!("the venue reported order {}, which nobody here knows", report.client_order_id), out);
        }
    }

    pub(super) fn fill(&mut self, entry: &mut Entry, fill: Fill, at: Moment, out: &mut Vec<Effect>) {
        let key = fill.execution_id;
        // What an adopted order came with is counted, and nobody here has its keys.
        let came_with_it = entry.adopted_with().is_some_and(|filled| fill.cumulative <= filled);
        let is_known = entry.knows(key) || came_with_it;
        let is_refused = entry.refused.contains(&(key, fill.cumulative));
        // Where the venue undid something, its counts before and after do not compare: what did not fit once may fit now.
        let is_judged_anew = (is_known || is_refused) && entry.is_amended();
        if is_known && is_judged_anew {
            entry.reported = entry.reported.max(fill.cumulative);
        }
        if is_known || is_refused && !is_judged_anew {
            self.counters.ignored += 1;
            return;
        }
        let name = entry.order.client_order_id;
        let filled = entry.order.filled.checked_add(fill.quantity).filter(|_| fill.quantity.is_positive());
        let Some(filled) = filled else {
            let why = format!("a fill of {} on {name} is out of range", fill.quantity);
            return self.refuse(entry, &fill, why, out);
        };
        // The second guard: the venue's own count. More than it ever counted: we have that quantity already, under another key.
        entry.reported = entry.reported.max(fill.cumulative);
        if filled > entry.reported {
            let (quantity, there) = (fill.quantity, entry.reported);
            let why = format!("fill {key} of {quantity} would bring {name} to {filled}, and the venue counts {there}");
            return self.refuse(entry, &fill, why, out);
        }
        if fill.cumulative > filled {
            self.alarm(format!("{name} misses fills: {filled} here, {} there", fill.cumulative), out);
            self.ask(&entry.order, at, out);
        }
        let has_room_again = has_room_again(&entry.order);
        self.take_in(entry, &fill);
        let kind = if entry.is_complete(filled) { EventKind::Filled } else { EventKind::PartiallyFilled };
        let happening = Happening { fill: Some(fill), ..Happening::of(kind) };
        if has_room_again {
            self.record(entry, happening, at, out);
        } else {
            self.happen(entry, happening, at, out);
        }
    }

    /// All of an order is filled, by its venue's word; its fills may come before it or behind.
    fn completed(&mut self, entry: &mut Entry, filled: Quantity, at: Moment, out: &mut Vec<Effect>) {
        entry.whole = Some(filled);
        if entry.order.status.is_open() && entry.order.filled.is_positive() && entry.is_complete(entry.order.filled) {
            self.happen(entry, Happening::of(EventKind::Filled), at, out);
        } else {
            self.counters.ignored += 1;
        }
    }

    /// A fill is not applied. Its key stays free: the same fill with a count that fits is taken.
    fn refuse(&mut self, entry: &mut Entry, fill: &Fill, why: String, out: &mut Vec<Effect>) {
        if !entry.refused.insert((fill.execution_id, fill.cumulative)) {
            self.counters.ignored += 1;
            return;
        }
        if entry.refused.len() > caps::REFUSED_FILLS {
            entry.refused.pop_first();
        }
        self.alarm(why, out);
    }

    /// An order never came to its venue's books, and nothing is on its way there. What was held here for others is held on.
    fn not_taken(&mut self, entry: &mut Entry, why: Refusal, at: Moment, out: &mut Vec<Effect>) {
        let is_on_its_way = matches!(entry.order.status, Status::PendingSubmit | Status::Submitted);
        if !is_on_its_way || !self.is_ours(&entry.order.request) {
            self.happen(entry, Happening::refused(EventKind::Rejected, why), at, out);
            return;
        }
        entry.left_by = None;
        entry.order.submitted_at = None;
        self.hold_on(&entry.order, &entry.order.request, &why, at, out);
        // What is left for it may be more by the time it is said again.
        entry.order.request.quantity = entry.asked;
        self.happen(entry, Happening::refused(EventKind::Held, why), at, out);
    }

    /// Something that should not have happened: people are told.
    pub(super) fn alarm(&mut self, why: String, out: &mut Vec<Effect>) {
        self.counters.alarms += 1;
        out.push(Effect::Alert(why));
    }

    /// An order lives under the name of a replacement whose confirmation was lost or is late.
    fn replaced_unheard(&mut self, entry: &mut Entry, name: ClientOrderId, at: Moment, out: &mut Vec<Effect>) {
        let unknown = Replacement { quantity: None, price: None, stop_price: None };
        let terms = entry.order.replacing.filter(|_| answers_replacement(&entry.order, name));
        self.replaced(entry, name, terms.unwrap_or(unknown), at, out);
        if terms.is_none() {
            entry.terms_unknown = true;
            self.ask(&entry.order, at, out);
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
            self.ask(&entry.order, at, out);
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

/// True for fills, and for what became of them.
fn is_of_fills(kind: &ReportKind) -> bool {
    matches!(kind, ReportKind::Filled(_) | ReportKind::Busted { .. } | ReportKind::Corrected { .. })
}

/// True for what a venue says only of an order that it works or has worked.
fn is_alive(kind: &ReportKind) -> bool {
    match kind {
        ReportKind::Accepted
        | ReportKind::Triggered
        | ReportKind::Filled(_)
        | ReportKind::Canceled
        | ReportKind::Expired { .. }
        | ReportKind::Busted { .. }
        | ReportKind::Corrected { .. }
        | ReportKind::Completed { .. } => true,
        ReportKind::Submitted
        | ReportKind::Rejected { .. }
        | ReportKind::CancelRejected { .. }
        | ReportKind::Replaced { .. }
        | ReportKind::ReplaceRejected { .. }
        | ReportKind::NotTaken { .. }
        | ReportKind::Unknown => false,
    }
}

/// True for the last word of an answer to a question.
fn says_where_it_stands(kind: &ReportKind) -> bool {
    match kind {
        ReportKind::Accepted
        | ReportKind::Canceled
        | ReportKind::Expired { .. }
        | ReportKind::Rejected { .. }
        | ReportKind::Unknown
        | ReportKind::NotTaken { .. }
        | ReportKind::Completed { .. } => true,
        ReportKind::Submitted
        | ReportKind::Triggered
        | ReportKind::Filled(_)
        | ReportKind::CancelRejected { .. }
        | ReportKind::Replaced { .. }
        | ReportKind::ReplaceRejected { .. }
        | ReportKind::Busted { .. }
        | ReportKind::Corrected { .. } => false,
    }
}

fn happening(kind: ReportKind) -> Happening {
    match kind {
        ReportKind::Submitted => Happening::of(EventKind::Submitted),
        ReportKind::Accepted => Happening::of(EventKind::Accepted),
        ReportKind::Rejected { reason, text } => {
            Happening::refused(EventKind::Rejected, Refusal { reason, text: cut(text) })
        }
        ReportKind::Triggered => Happening::of(EventKind::Triggered),
        ReportKind::Canceled => Happening::of(EventKind::Canceled),
        ReportKind::Expired { reason } => Happening::because(EventKind::Expired, reason),
        ReportKind::Filled(_)
        | ReportKind::CancelRejected { .. }
        | ReportKind::Replaced { .. }
        | ReportKind::ReplaceRejected { .. }
        | ReportKind::Unknown
        | ReportKind::Busted { .. }
        | ReportKind::Corrected { .. }
        | ReportKind::NotTaken { .. }
        | ReportKind::Completed { .. } => {
            unreachable!("handled by its own function")
        }
    }
}

/// The beginning of what a venue says.
fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(caps::NOTE_BYTES));
    text
}
