//! What the venue has said of our orders, and the reports that come of it.
//!
//! An order is known by the venue's id; a replacement is a new order there and the same order here. Whether what was filled
//! under the old id is counted again under the new one is seen at the new id's first words, so that the cumulative quantity of
//! a report always counts the whole order. Where that cannot be known (the end of the older id was not heard of), nothing is
//! reported and the venue is asked: a fill with a wrong cumulative quantity would be refused, and lost.
//!
//! Invariants: a fill is reported with its own quantity and a cumulative quantity that holds it; an end that counts fills which were
//! not told is not reported, and the order is looked up: what waits for its end is for what it leaves.

use std::collections::{BTreeMap, VecDeque};

use messages::orders::{Fill, Replacement};
use messages::venues::{ReportKind, VenueReport};
use messages::{Account, ClientOrderId, ExecutionId, Quantity, Reason, UtcNanos, VenueOrderId, caps};

use super::note::{Amended, Note};
use super::order::{OrderObject, OrderStatus};
use super::stream::{Event, Update};

/// The most replacements of one order that are followed.
pub(super) const CHAIN: usize = 64;

/// What comes of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// A report.
    Report(VenueReport),
    /// This order is to be asked about.
    LookUp(VenueOrderId),
    /// Something to tell.
    Note(Note),
}

/// Whether what was filled under an older id is counted again under this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    /// The venue has said nothing of this id yet.
    Unheard,
    /// It counts from nothing.
    Anew,
    /// It goes on.
    On,
    /// What was said leaves room for both.
    Unsure,
}

/// An order as it was last told of.
#[derive(Debug, Clone)]
struct Known {
    client: ClientOrderId,
    status: OrderStatus,
    by_value: bool,
    /// Filled under this id.
    filled: Quantity,
    /// Its terms, quantity counted from nothing.
    terms: Replacement,
    replaces: Option<VenueOrderId>,
    count: Count,
    said_replaced: bool,
    /// Fills that were reported from the stream.
    executions: BTreeMap<ExecutionId, Quantity>,
    /// What all fills under this id come to.
    counted: Quantity,
    /// What of them was told.
    told: Quantity,
}

/// What is known.
#[derive(Debug, Clone)]
pub struct Books {
    account: Account,
    orders: BTreeMap<VenueOrderId, Known>,
    by_client_id: BTreeMap<ClientOrderId, VenueOrderId>,
    /// Replacements that were sent: the new name by the id of the order that is to be replaced.
    replacing: BTreeMap<VenueOrderId, ClientOrderId>,
    /// Final orders, oldest first.
    ended: VecDeque<VenueOrderId>,
}

impl Books {
    /// Nothing is known.
    #[must_use]
    pub fn new(account: Account) -> Self {
        let (orders, by_client_id) = (BTreeMap::new(), BTreeMap::new());
        Self { account, orders, by_client_id, replacing: BTreeMap::new(), ended: VecDeque::new() }
    }

    /// The venue's id of an order.
    #[must_use]
    pub fn id_of(&self, client: ClientOrderId) -> Option<VenueOrderId> {
        self.by_client_id.get(&client).copied()
    }

    /// Where an order stood last, and whether it was placed by value.
    #[must_use]
    pub fn status_of(&self, id: VenueOrderId) -> Option<(&OrderStatus, bool)> {
        self.orders.get(&id).map(|known| (&known.status, known.by_value))
    }

    /// What the fills come to that the stream told under these ids.
    pub(super) fn streamed<'a>(&self, ids: impl Iterator<Item = &'a VenueOrderId>) -> Quantity {
        let fills = ids.filter_map(|id| self.orders.get(id)).flat_map(|known| known.executions.values());
        fills.fold(Quantity::ZERO, |sum, quantity| sum.checked_add(*quantity).unwrap_or(Quantity::MAX))
    }

    /// A replacement of an order was sent.
    pub fn replacing(&mut self, id: VenueOrderId, new_name: ClientOrderId) {
        self.replacing.insert(id, new_name);
    }

    /// What the stream says. `now` stands for a time that the message lacks.
    pub fn update(&mut self, update: &Update, now: UtcNanos, out: &mut Vec<Said>) {
        let order = &update.order;
        let Some(client) = order.ours() else {
            return out.push(Said::Note(Note::Foreign {
                order: order.id,
                client_order_id: order.client_order_id.clone(),
                symbol: order.symbol.clone(),
                event: update.event.as_str().to_owned(),
            }));
        };
        let is_fill = matches!(update.event, Event::Fill | Event::PartialFill);
        let this = update.quantity.filter(|_| is_fill).unwrap_or(Quantity::ZERO);
        self.follow(client, order, this);
        self.judge_count(order, this, update.event == Event::New);
        if let OrderStatus::Other(status) = &order.status {
            out.push(Said::Note(Note::UnknownStatus { order: order.id, status: status.clone() }));
        }
        self.happened(client, update, update.time.unwrap_or(now), out);
    }

    fn happened(&mut self, client: ClientOrderId, update: &Update, time: UtcNanos, out: &mut Vec<Said>) {
        let order = &update.order;
        let report = |kind| Said::Report(self.report(client, Some(order.id), time, kind));
        let unconfirmed = self.orders.get(&order.id).is_some_and(|k| k.replaces.is_some() && !k.said_replaced);
        let misses = self.orders.get(&order.id).is_some_and(|known| known.told < order.filled);
        match &update.event {
            // Of a replacement this says only that it was taken.
            Event::Accepted | Event::PendingNew if unconfirmed => {}
            Event::New if unconfirmed => self.say_replaced(order.id, time, out),
            Event::New | Event::Accepted | Event::PendingNew | Event::Held => out.push(report(ReportKind::Accepted)),
            Event::Fill | Event::PartialFill => {
                if unconfirmed {
                    self.say_replaced(order.id, time, out);
                }
                self.fill(client, update, time, out);
            }
            Event::Canceled => {
                out.push(if misses { Said::LookUp(order.id) } else { report(ReportKind::Canceled) });
                self.unusual(client, update, !update.reason.is_empty(), out);
            }
            Event::Expired => out.push(if misses { Said::LookUp(order.id) } else { report(expired()) }),
            Event::Rejected if unconfirmed => out.push(report(replace_rejected())),
            Event::Rejected => out.push(report(rejected(&update.reason))),
            Event::Replaced => match order.replaced_by {
                Some(by) if self.orders.contains_key(&by) => self.say_replaced(by, time, out),
                // Its new name and its terms are told by the order that stands for it.
                by => out.push(Said::LookUp(by.unwrap_or(order.id))),
            },
            Event::ReplaceRejected => self.replacement_refused(client, unconfirmed, update, time, out),
            Event::CancelRejected => {
                let too_late = update.reason.contains("TOO_LATE");
                let code = if too_late { "alpaca.too_late" } else { "alpaca.cancel_rejected" };
                out.push(report(ReportKind::CancelRejected { reason: Reason::code(code) }));
            }
            Event::TradeBust => self.bust(client, update, time, out),
            Event::TradeCorrect => self.correct(client, update, time, out),
            Event::Restated => {
                if let Some(base) = self.base(order.id, CHAIN) {
                    out.push(report(ReportKind::Replaced { replacement: order.terms(base) }));
                } else {
                    out.push(Said::LookUp(order.id));
                }
                self.unusual(client, update, true, out);
            }
            // Answers to our own requests; what comes of them is said later.
            Event::PendingCancel | Event::PendingReplace => {}
            Event::Stopped | Event::Suspended | Event::Calculated | Event::DoneForDay => {
                self.unusual(client, update, true, out);
            }
            Event::Other(event) => {
                out.push(Said::Note(Note::UnknownEvent { order: order.id, event: event.clone() }));
                out.push(Said::LookUp(order.id));
            }
        }
    }

    /// Takes an order as it was told, `this` being what the fill that comes with it adds.
    fn follow(&mut self, client: ClientOrderId, order: &OrderObject, this: Quantity) {
        let before = order.filled.checked_sub(this).filter(|q| !q.is_negative()).unwrap_or(Quantity::ZERO);
        let known = self.orders.entry(order.id).or_insert_with(|| Known {
            client,
            status: order.status.clone(),
            by_value: order.notional.is_some(),
            filled: Quantity::ZERO,
            terms: order.terms(Quantity::ZERO),
            replaces: order.replaces,
            count: Count::Unheard,
            said_replaced: false,
            executions: BTreeMap::new(),
            counted: before,
            told: Quantity::ZERO,
        });
        let was_final = known.status.is_final();
        // A message that is late does not bring an order back.
        if !was_final || order.status.is_final() {
            known.status = order.status.clone();
        }
        known.filled = known.filled.max(order.filled);
        known.terms = order.terms(Quantity::ZERO);
        known.replaces = known.replaces.or(order.replaces);
        self.by_client_id.insert(client, order.id);
        if order.status.is_final() && !was_final {
            self.end(order.id);
        }
    }

    /// At the first words of a replacement it may be seen what it counts: from nothing, where nothing was there before its first
    /// fill; on, where something is there before any.
    fn judge_count(&mut self, order: &OrderObject, this: Quantity, is_first: bool) {
        let is_quiet = matches!(order.status, OrderStatus::Accepted | OrderStatus::PendingNew | OrderStatus::Rejected);
        let unheard = |known: &&Known| known.count == Count::Unheard && known.replaces.is_some() && !is_quiet;
        let Some(known) = self.orders.get(&order.id).filter(unheard) else { return };
        let total = known.replaces.and_then(|older| self.total(older, CHAIN));
        let before = order.filled.checked_sub(this).unwrap_or(order.filled);
        let count = match total {
            Some(total) if total.is_zero() || before.is_zero() => Count::Anew,
            Some(total) if is_first && before >= total => Count::On,
            _ => Count::Unsure,
        };
        if let Some(known) = self.orders.get_mut(&order.id) {
            known.count = count;
            // What goes on was told under the older id.
            known.told = total.filter(|_| count == Count::On).unwrap_or(known.told);
        }
    }

    /// Takes an order whose older ids were looked at: what it counts is known.
    pub(super) fn learn(&mut self, client: ClientOrderId, order: &OrderObject, count: Count) {
        self.follow(client, order, Quantity::ZERO);
        if let Some(known) = self.orders.get_mut(&order.id) {
            known.count = count;
            known.said_replaced = true;
            known.counted = known.counted.max(order.filled);
        }
    }

    /// Every fill of an order was told, as far as it can be.
    pub(super) fn told(&mut self, order: &OrderObject) {
        if let Some(known) = self.orders.get_mut(&order.id) {
            known.told = known.told.max(order.filled);
        }
    }

    /// The answer to a new order: it is there. Fills are left to the stream and to questions.
    pub fn placed(&mut self, client: ClientOrderId, order: &OrderObject, now: UtcNanos, out: &mut Vec<Said>) {
        let fresh = OrderObject { filled: Quantity::ZERO, status: before_fills(&order.status), ..order.clone() };
        self.follow(client, &fresh, Quantity::ZERO);
        let kind = match order.status {
            OrderStatus::Rejected => rejected(""),
            _ => ReportKind::Accepted,
        };
        out.push(Said::Report(self.report(client, Some(order.id), order.updated_at.unwrap_or(now), kind)));
    }

    /// The answer to a replacement: it was taken, which does not say that it is in force.
    pub fn taken(&mut self, older: VenueOrderId, client: ClientOrderId, order: &OrderObject) {
        let replaces = order.replaces.or(Some(older));
        // Its first words come on the stream; until then nobody knows what it counts.
        let status = OrderStatus::PendingNew;
        let fresh = OrderObject { replaces, filled: Quantity::ZERO, status, ..order.clone() };
        // What the stream said of it meanwhile is newer.
        if !self.orders.contains_key(&order.id) {
            self.follow(client, &fresh, Quantity::ZERO);
        }
    }

    fn fill(&mut self, client: ClientOrderId, update: &Update, time: UtcNanos, out: &mut Vec<Said>) {
        let order = &update.order;
        let positive = update.quantity.filter(|quantity| quantity.is_positive());
        let (Some(execution_id), Some(price), Some(quantity)) = (update.execution_id, update.price, positive) else {
            let event = update.event.as_str().to_owned();
            out.push(Said::Note(Note::Incomplete { order: order.id, event }));
            return out.push(Said::LookUp(order.id));
        };
        let cumulative = self.base(order.id, CHAIN).and_then(|base| base.checked_add(order.filled));
        let Some(cumulative) = cumulative else { return out.push(Said::LookUp(order.id)) };
        if let Some(known) = self.orders.get_mut(&order.id)
            && known.executions.insert(execution_id, quantity).is_none()
        {
            let counted = known.counted.checked_add(quantity).unwrap_or(Quantity::MAX);
            known.counted = counted.max(order.filled);
            // Some of it may have been told by an answer already.
            let told = known.told.checked_add(quantity).unwrap_or(Quantity::MAX).min(order.filled);
            known.told = known.told.max(told);
            if counted != order.filled {
                let said = order.filled;
                out.push(Said::Note(Note::Disagrees {
                    client_order_id: client,
                    execution: execution_id,
                    counted,
                    said,
                }));
            }
        }
        if update.event == Event::Fill && order.notional.is_some() {
            let completed = ReportKind::Completed { filled: cumulative };
            out.push(Said::Report(self.report(client, Some(order.id), time, completed)));
        }
        let fill = Fill { execution_id, price, quantity, cumulative, liquidity: None, fee: None, executed_at: time };
        out.push(Said::Report(self.report(client, Some(order.id), time, ReportKind::Filled(fill))));
    }

    /// The order of this id stands for an older one now.
    fn say_replaced(&mut self, id: VenueOrderId, time: UtcNanos, out: &mut Vec<Said>) {
        let Some(base) = self.base(id, CHAIN) else { return out.push(Said::LookUp(id)) };
        let Some(known) = self.orders.get_mut(&id) else { return };
        if std::mem::replace(&mut known.said_replaced, true) {
            return;
        }
        let quantity = known.terms.quantity.and_then(|quantity| quantity.checked_add(base));
        let (client, replacement) = (known.client, Replacement { quantity, ..known.terms });
        if let Some(older) = known.replaces {
            self.replacing.remove(&older);
        }
        out.push(Said::Report(self.report(client, Some(id), time, ReportKind::Replaced { replacement })));
    }

    fn replacement_refused(
        &mut self,
        client: ClientOrderId,
        is_new: bool,
        update: &Update,
        time: UtcNanos,
        out: &mut Vec<Said>,
    ) {
        // The order beside it is the one that was to come, or the one that stays.
        let new_name = if is_new { Some(client) } else { self.replacing.remove(&update.order.id) };
        match new_name {
            Some(name) => out.push(Said::Report(self.report(name, None, time, replace_rejected()))),
            None => self.unusual(client, update, true, out),
        }
    }

    fn unusual(&self, client: ClientOrderId, update: &Update, is_unusual: bool, out: &mut Vec<Said>) {
        if is_unusual {
            out.push(Said::Note(Note::Unusual {
                client_order_id: client,
                event: update.event.as_str().to_owned(),
                status: update.order.status.as_str().to_owned(),
                reason: update.reason.clone(),
            }));
        }
    }

    /// A trade was undone. A part of one, or one that is not named, is for a person: which fill does not stand nobody can tell.
    fn bust(&mut self, client: ClientOrderId, update: &Update, time: UtcNanos, out: &mut Vec<Said>) {
        let known = self.orders.get(&update.order.id);
        let told = update.previous_execution_id.and_then(|id| known?.executions.get(&id).copied());
        let is_part = told.zip(update.quantity).is_some_and(|(told, busted)| told != busted.abs());
        let amended = self.amend(client, update);
        match amended.execution.filter(|_| !is_part) {
            Some(execution_id) => {
                let kind = ReportKind::Busted { execution_id };
                out.push(Said::Report(self.report(client, Some(update.order.id), time, kind)));
            }
            None => out.push(Said::Note(Note::Bust(amended))),
        }
    }

    /// A trade was changed: another execution stands for it.
    fn correct(&mut self, client: ClientOrderId, update: &Update, time: UtcNanos, out: &mut Vec<Said>) {
        let amended = self.amend(client, update);
        let id = update.order.id;
        let cumulative = self.base(id, CHAIN).and_then(|base| base.checked_add(update.order.filled));
        let Amended { execution: Some(undone), by: Some(execution_id), quantity, price: Some(price), .. } = amended
        else {
            return out.push(Said::Note(Note::Correction(amended)));
        };
        let (Some(quantity), Some(cumulative)) = (quantity.filter(|q| q.is_positive()), cumulative) else {
            out.push(Said::LookUp(id));
            return out.push(Said::Note(Note::Correction(amended)));
        };
        if let Some(known) = self.orders.get_mut(&id) {
            known.executions.insert(execution_id, quantity);
        }
        let fill = Fill { execution_id, price, quantity, cumulative, liquidity: None, fee: None, executed_at: time };
        let kind = ReportKind::Corrected { execution_id: undone, fill: Box::new(fill) };
        out.push(Said::Report(self.report(client, Some(id), time, kind)));
    }

    /// A trade does not stand as it was told: what is filled may be less now.
    fn amend(&mut self, client: ClientOrderId, update: &Update) -> Amended {
        if let Some(known) = self.orders.get_mut(&update.order.id) {
            (known.filled, known.counted, known.told) = (update.order.filled, update.order.filled, update.order.filled);
            if let Some(undone) = &update.previous_execution_id {
                known.executions.remove(undone);
            }
        }
        Amended {
            client_order_id: client,
            execution: update.previous_execution_id,
            by: update.execution_id,
            quantity: update.quantity,
            price: update.price,
            filled: update.order.filled,
        }
    }

    /// What was filled before this id and is not counted under it; `None` where that is not known (yet).
    fn base(&self, id: VenueOrderId, depth: usize) -> Option<Quantity> {
        let known = self.orders.get(&id)?;
        let Some(older) = known.replaces.filter(|_| known.count != Count::On) else { return Some(Quantity::ZERO) };
        let total = self.total(older, depth.checked_sub(1)?)?;
        (known.count == Count::Anew || total.is_zero()).then_some(total)
    }

    /// All that was filled up to the end of this id; `None` before its end.
    fn total(&self, id: VenueOrderId, depth: usize) -> Option<Quantity> {
        let known = self.orders.get(&id).filter(|known| known.status.is_final())?;
        self.base(id, depth)?.checked_add(known.filled)
    }

    fn end(&mut self, id: VenueOrderId) {
        self.ended.push_back(id);
        while self.ended.len() > caps::ENDED_ORDERS {
            let Some(gone) = self.ended.pop_front().and_then(|oldest| self.orders.remove_entry(&oldest)) else {
                continue;
            };
            if self.by_client_id.get(&gone.1.client) == Some(&gone.0) {
                self.by_client_id.remove(&gone.1.client);
            }
            self.replacing.remove(&gone.0);
        }
    }

    pub(super) fn report(
        &self,
        client_order_id: ClientOrderId,
        venue_order_id: Option<VenueOrderId>,
        time: UtcNanos,
        kind: ReportKind,
    ) -> VenueReport {
        VenueReport { account: self.account, client_order_id, venue_order_id, time, kind }
    }
}

/// Fills of an answer come again on the stream, with their keys.
fn before_fills(status: &OrderStatus) -> OrderStatus {
    match status {
        OrderStatus::PartiallyFilled | OrderStatus::Filled => OrderStatus::New,
        other => other.clone(),
    }
}

/// Where an order stands, as the last word of an answer about it; `None` where its fills say it, or where nobody can yet.
#[must_use]
pub(super) fn standing(status: &OrderStatus) -> Option<ReportKind> {
    match status {
        OrderStatus::Canceled => Some(ReportKind::Canceled),
        OrderStatus::Expired => Some(expired()),
        OrderStatus::Rejected => Some(rejected("")),
        OrderStatus::Filled | OrderStatus::Replaced | OrderStatus::PendingReplace | OrderStatus::Other(_) => None,
        _ => Some(ReportKind::Accepted),
    }
}

fn expired() -> ReportKind {
    ReportKind::Expired { reason: Reason::code("alpaca.expired") }
}

fn rejected(text: &str) -> ReportKind {
    ReportKind::Rejected { reason: Reason::code("alpaca.rejected"), text: text.to_owned() }
}

fn replace_rejected() -> ReportKind {
    ReportKind::ReplaceRejected { reason: Reason::code("alpaca.replace_rejected") }
}

#[cfg(test)]
pub(super) mod tests;
