//! Ambiguous outcomes: an order without an answer is asked about, never sent again.

use super::*;
use crate::timer::earliest;
use messages::time::nanos;

/// The reason of an order that was held back after its intent was written.
pub(crate) const NEVER_SENT: &str = "never_sent";

/// The reason of an order that its venue never received.
pub(super) const NOT_RECEIVED: &str = "not_received";

/// A start looks for fills of orders that ended this long before the last words of its predecessor: the process before
/// may have died again before it heard the answers to its own questions.
const ENDS_ASKED_AT_START: Duration = Duration::from_secs(600);

impl Orders {
    /// Asks about orders that have waited too long for an answer, values the account where a loss is limited, and lets a
    /// reconciliation go on.
    pub fn on_timer(&mut self, at: Moment, out: &mut Vec<Effect>) {
        self.value_if_due(at, out);
        self.reconcile_if_due(at, out);
        if self.rules_due.is_some_and(|due| due <= at.now) {
            self.ask_for_rules(at, out);
        }
        let due: Vec<OrderId> = self
            .open
            .iter()
            .filter(|id| self.due(&self.entries[*id]).is_some_and(|due| due <= at.now))
            .copied()
            .collect();
        for id in due {
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            entry.asked_at = at.now;
            // A cancel may be said twice; anything else is asked about.
            if entry.order.status == Status::PendingCancel && entry.order.acknowledged {
                out.push(cancel_request(&entry.order, at.now));
            } else {
                out.push(query(&entry.order, at.now));
                self.asked.insert(id);
            }
        }
        self.settle_families(at, out);
    }

    /// When [`Self::on_timer`] has something to do next.
    #[must_use]
    pub fn next_due(&self) -> Option<UtcNanos> {
        let asked = self.open.iter().filter_map(|id| self.due(&self.entries[id])).min();
        let own = earliest(earliest(self.watch.value_due, self.families.due()), self.rules_due);
        earliest(earliest(asked, own), self.reconciling.next_due())
    }

    fn due(&self, entry: &Entry) -> Option<UtcNanos> {
        waits(entry).then(|| entry.asked_at.after(self.settings.query_after))
    }

    /// After a start: whatever was on its way may have arrived or not, and its answer may have been lost.
    pub fn on_restarted(&mut self, at: Moment, out: &mut Vec<Effect>) {
        self.value_from(at.now);
        for id in &self.open {
            let Some(entry) = self.entries.get_mut(id) else { continue };
            if matches!(entry.order.status, Status::PendingCancel | Status::PendingReplace) {
                entry.requested_at = Some(at.now);
            }
        }
        self.ask_about_open(Asks::All, at, out);
        self.ask_about_ended(self.heard_at.before(ENDS_ASKED_AT_START), self.books_at().is_some(), at, out);
        self.settle_families(at, out);
    }

    /// After a connection was lost: what the venue said meanwhile was said to nobody, so it is asked about
    /// every order that is open, and about those whose end came with the last words of the old connection,
    /// for their last fills may have been lost with it. A cancel without an answer is said again.
    ///
    /// A venue that says what the account holds lists all open orders at once, and the fills: then only those are asked about
    /// whose answer is owed, those that it lists otherwise, and those of which its lists do not tell all. A thousand quiet orders,
    /// open or ended, cost one question.
    pub fn on_reconnected(&mut self, at: Moment, out: &mut Vec<Effect>) {
        let since = self.heard_at.before(self.settings.not_received_after);
        self.try_held(at);
        let lists = self.reconcile_on_connection(at, out);
        self.ask_about_open(if lists { Asks::Owed } else { Asks::All }, at, out);
        self.ask_about_ended(since, lists, at, out);
        self.ask_for_rules_anew(at, out);
    }

    /// Asks about every open order, and about the ended ones that were left to the list of fills: the account could not be
    /// learned.
    pub(super) fn ask_about_all(&mut self, at: Moment, out: &mut Vec<Effect>) {
        self.ask_about_open(Asks::All, at, out);
        let since = self.reconciling.take_left_to_list().unwrap_or(at.now);
        self.ask_about_ended(since, false, at, out);
    }

    fn ask_about_open(&mut self, asks: Asks, at: Moment, out: &mut Vec<Effect>) {
        for id in &self.open {
            let known = self.entries.get_mut(id);
            let Some(entry) = known.filter(|entry| entry.order.status != Status::Held) else { continue };
            let is_asked = self.asked.contains(id);
            let is_owed =
                waits(entry) || is_asked || entry.terms_unknown || entry.order.status == Status::PendingCancel;
            if asks == Asks::Owed && !is_owed {
                continue;
            }
            entry.asked_at = at.now;
            if entry.order.status == Status::PendingCancel {
                out.push(cancel_request(&entry.order, at.now));
            }
            out.push(query(&entry.order, at.now));
            self.asked.insert(*id);
        }
    }

    /// Asks about all that has ended and was heard of or asked about `since`, or still owes an answer. Where the venue `lists`
    /// fills, what they tell of is left to them.
    pub(super) fn ask_about_ended(&mut self, since: UtcNanos, lists: bool, at: Moment, out: &mut Vec<Effect>) {
        let mut ended = Vec::new();
        for id in &self.ended {
            let Some(entry) = self.entries.get(id).filter(|entry| may_miss_fills(&entry.order)) else { continue };
            if entry.asked_at >= since || self.asked.contains(id) {
                ended.push((*id, lists && self.is_told_by_list(entry)));
            }
        }
        let mut left_since = since;
        for (id, is_left) in ended {
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            if is_left {
                // A question may have been lost with the connection: the list is its answer, too.
                self.asked.remove(&id);
                left_since = left_since.min(entry.asked_at);
                continue;
            }
            entry.asked_at = at.now;
            out.push(query(&entry.order, at.now));
            self.asked.insert(id);
        }
        if lists {
            self.reconciling.leave_to_list(left_since);
        }
    }

    /// Ended orders that may miss fills and of which nothing certain is known yet: those that owe an answer, and those that were
    /// left to the list of fills because they were heard of `left_since`.
    pub(super) fn ended_in_doubt(&self, left_since: Option<UtcNanos>) -> impl Iterator<Item = &Order> {
        let is_left = move |entry: &Entry| {
            left_since.is_some_and(|since| entry.asked_at >= since)
                && self.is_told_by_list(entry)
                && !self.never_left(&entry.order)
        };
        let ended = self.ended.iter().filter_map(|id| self.entries.get(id)).filter(|e| may_miss_fills(&e.order));
        ended.filter(move |e| self.asked.contains(&e.order.order_id) || is_left(e)).map(|entry| &entry.order)
    }

    /// True for an ended order of which the venue's list of fills tells all that may be missed. No list tells that a fill was
    /// undone: an order that has any is asked about.
    fn is_told_by_list(&self, entry: &Entry) -> bool {
        let order = &entry.order;
        let has_none = entry.executions.is_empty() && order.filled.is_zero() && entry.reported.is_zero();
        // A fill is listed under the venue's id of its order.
        let is_found = order.attempts.iter().all(|attempt| attempt.venue_order_id.is_some());
        has_none && (self.never_left(order) || is_found && self.lists_fills_of(order.request.instrument))
    }

    /// True for an order that was cancelled while it was held here: its venue never had it. Any other may have left, for the word
    /// that it did is not always in the ledger.
    fn never_left(&self, order: &Order) -> bool {
        let is_unknown_there = !order.acknowledged && order.submitted_at.is_none();
        let has_id = order.attempts.iter().any(|attempt| attempt.venue_order_id.is_some());
        order.status == Status::Canceled && self.is_ours(&order.request) && is_unknown_there && !has_id
    }

    /// Asks about one order.
    pub(super) fn ask(&mut self, order: &Order, at: Moment, out: &mut Vec<Effect>) {
        self.asked.insert(order.order_id);
        out.push(query(order, at.now));
    }

    /// A report came: the answer to a question ends with where the order stands. What is on its way besides, a fill, a
    /// refused cancel, leaves it open.
    pub(super) fn note_told(&mut self, order: &Order, stands: bool) {
        if stands || order.status.is_terminal() && !may_miss_fills(order) {
            self.asked.remove(&order.order_id);
        }
    }

    /// True when a cancel or replacement can no longer arrive.
    pub(super) fn is_lost(&self, entry: &Entry, now: UtcNanos) -> bool {
        entry.requested_at.is_some_and(|at| now.since(at) >= nanos(self.settings.not_received_after))
    }

    /// The report about an order that was never sent: nobody but us can make it.
    #[must_use]
    pub fn never_sent(&self, client_order_id: ClientOrderId, at: UtcNanos) -> VenueReport {
        let text = "trading was HALTED before it could leave".to_owned();
        let kind = ReportKind::NotTaken { reason: Reason::code(NEVER_SENT), text };
        VenueReport { account: self.settings.account, client_order_id, venue_order_id: None, time: at, kind }
    }

    /// The venue did not know the order when it `said` so. While its request may still arrive, that says nothing.
    pub(super) fn not_known(&mut self, entry: &mut Entry, said: UtcNanos, at: Moment, out: &mut Vec<Effect>) {
        if entry.order.status.is_terminal() {
            // The answer was overtaken by the order's end; a venue may forget what has ended.
            self.counters.ignored += 1;
            return;
        }
        if entry.order.acknowledged {
            let order = &entry.order;
            if self.lost_there.insert(order.order_id) {
                self.alarm(
                    format!("order {} is {} here and unknown to its venue", order.client_order_id, order.status),
                    out,
                );
            }
            return;
        }
        // A question leaves behind the request that it asks about: by the first answer, that had left, too.
        let left = *entry.order.submitted_at.as_ref().unwrap_or(entry.left_by.get_or_insert(said));
        if said.since(left) >= nanos(self.settings.not_received_after) {
            self.happen(entry, Happening::because(EventKind::NotReceived, Reason::code(NOT_RECEIVED)), at, out);
        }
    }
}

/// Which open orders are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// Every one.
    All,
    /// Those whose answer is owed.
    Owed,
}

/// True while an answer is owed.
fn waits(entry: &Entry) -> bool {
    matches!(entry.order.status, Status::PendingSubmit | Status::Submitted) || entry.requested_at.is_some()
}

/// True for an end that leaves room for a fill that was not heard of.
fn may_miss_fills(order: &Order) -> bool {
    match order.status {
        Status::Canceled | Status::Expired => order.remaining().is_positive(),
        Status::Rejected => order.reason == Some(Reason::code(NOT_RECEIVED)),
        _ => false,
    }
}

/// What became of this order? The venue answers with what we may have missed, in the order in which it
/// happened: the replacement that is in force, every fill, and then where the order stands.
fn query(order: &Order, now: UtcNanos) -> Effect {
    let request = VenueRequest::Query {
        client_order_id: order.current_client_order_id(),
        instrument: order.request.instrument,
        at: now,
    };
    Effect::Send(order.request.instrument.exchange, request)
}
