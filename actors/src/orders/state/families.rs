//! Orders that belong together: which are held here, and what is done with them by [`contingency`].
//!
//! Invariant: after every delivery no family that we hold has a step left to do, so that what the ledger says of its orders
//! is all that a restart needs.

use messages::Price;
use messages::orders::Contingency;
use messages::venues::NOT_CONNECTED;

use super::*;
use crate::orders::contingency::{self, Family, Member, Step};

mod admit;
mod doubt;
mod missing;

use super::commands::stale_generation;

/// How long an exit waits that found no connection, unless there is one before.
const UNCONNECTED: Duration = Duration::from_secs(60);

pub(super) use admit::Tie;

/// Who belongs together, and what is to be looked at.
#[derive(Debug, Default)]
pub(super) struct Families {
    /// Orders by the one that they belong to, as long as any of them is remembered.
    members: BTreeMap<OrderId, BTreeSet<OrderId>>,
    /// Held orders that wait for a price.
    waiting: ByInstrument<BTreeSet<OrderId>>,
    /// Whose price was reached since, and when the first such price was received.
    touched: BTreeMap<OrderId, UtcNanos>,
    /// Families in which something changed.
    changed: BTreeSet<OrderId>,
    /// Those in which an entry was filled, or an exit was refused or gave way for nothing: is all of it closed by an order?
    doubted: BTreeSet<OrderId>,
    /// Families that wait for fills which their venue counts, by their heads, and when it is asked for them again.
    missing_at: BTreeMap<OrderId, UtcNanos>,
    /// Whose venue has refused to cancel, or that risk has refused to let go, and when that is asked again.
    again_at: BTreeMap<OrderId, UtcNanos>,
    /// What risk has refused to let go, or could not leave, as people were told.
    refused: BTreeSet<OrderId>,
}

impl Families {
    /// An order is there, as it stands. One that was denied never came to belong to another.
    pub fn note(&mut self, order: &Order) {
        let id = order.order_id;
        match order.request.parent {
            Some(_) if order.status == Status::Denied => return,
            Some(head) => {
                self.members.entry(head).or_default().insert(id);
                self.changed.insert(head);
            }
            None if self.members.contains_key(&id) => drop(self.changed.insert(id)),
            None => return,
        }
        let waits = order.status == Status::Held && order.request.order_type.is_conditional() && !order.triggered;
        let waiting = self.waiting.get_or_default(order.request.instrument);
        if waits {
            waiting.insert(id);
        } else {
            waiting.remove(&id);
            self.touched.remove(&id);
        }
        if !order.status.is_open() {
            self.again_at.remove(&id);
        }
        if !order.status.is_open() || order.acknowledged {
            self.refused.remove(&id);
        }
    }

    /// The venue does not cancel an order now.
    pub fn not_canceled(&mut self, order: &Order, again_at: UtcNanos) {
        if order.request.parent.is_some() || self.members.contains_key(&order.order_id) {
            self.again_at.insert(order.order_id, again_at);
        }
    }

    /// An order is forgotten.
    pub fn forget(&mut self, order: &Order) {
        let id = order.order_id;
        self.again_at.remove(&id);
        let Some(head) = order.request.parent else { return drop(self.members.remove(&id)) };
        if let Some(members) = self.members.get_mut(&head) {
            members.remove(&id);
            if members.is_empty() {
                self.members.remove(&head);
            }
        }
    }

    /// True while something that was wanted of an order was refused just now.
    pub fn rests(&self, id: OrderId, now: UtcNanos) -> bool {
        self.again_at.get(&id).is_some_and(|again_at| *again_at > now)
    }

    /// When there is something to do by itself.
    pub fn due(&self) -> Option<UtcNanos> {
        [&self.touched, &self.missing_at, &self.again_at].into_iter().flat_map(BTreeMap::values).min().copied()
    }
}

impl Orders {
    /// True for an order that is tied to another by us.
    pub(super) fn is_ours(&self, request: &OrderRequest) -> bool {
        let venue = self.settings.venues.get(&request.instrument.exchange);
        request.contingency.is_some_and(|how| venue.is_some_and(|venue| !venue.contingencies.contains(&how)))
    }

    /// Whether any order of its family is open: what became of the others decides what is done with it.
    pub(super) fn is_kin_to_open(&self, id: OrderId) -> bool {
        let head = self.entries.get(&id).and_then(|entry| entry.order.request.parent).unwrap_or(id);
        let mut members = self.families.members.get(&head).into_iter().flatten();
        members.any(|member| self.open.contains(member)) || head != id && self.open.contains(&head)
    }

    /// Hears of every family in which something changed, until nothing is left to do.
    pub(super) fn settle_families(&mut self, at: Moment, out: &mut Vec<Effect>) {
        let again = self.families.again_at.iter().filter(|(_, again_at)| **again_at <= at.now).map(|(id, _)| *id);
        for id in again.chain(self.families.touched.keys().copied()).collect::<Vec<_>>() {
            self.families.again_at.remove(&id);
            let parent = self.entries.get(&id).and_then(|entry| entry.order.request.parent);
            self.families.changed.insert(parent.unwrap_or(id));
        }
        let missing = self.families.missing_at.iter().filter(|(_, due)| **due <= at.now);
        self.families.changed.extend(missing.map(|(head, _)| *head));
        while let Some(head) = self.families.changed.pop_first() {
            self.settle(head, at, out);
        }
        // One whose family has changed before it was looked at waits on.
        self.families.touched.clear();
    }

    fn settle(&mut self, head: OrderId, at: Moment, out: &mut Vec<Effect>) {
        let missing_at = self.families.missing_at.remove(&head);
        while let Some(family) = self.family(head, at.now) {
            let reached = family.watched().find(|id| self.has_reached(*id));
            match (reached, family.next()) {
                (Some(id), _) => self.trigger(id, at, out),
                (None, Some(step)) => self.step(step, at, out),
                (None, None) => {
                    self.check_covered(&family, out);
                    self.ask_for_missing(&family, missing_at, at, out);
                    break;
                }
            }
        }
        self.families.changed.remove(&head);
    }

    /// A family that is held here.
    fn family(&self, head: OrderId, now: UtcNanos) -> Option<Family> {
        let first = self.entries.get(&head)?;
        let members = self.families.members.get(&head)?.iter().filter_map(|id| self.entries.get(id));
        let others: Vec<&Entry> = members.filter(|entry| self.is_ours(&entry.order.request)).collect();
        let how = others.first()?.order.request.contingency?;
        let member = |entry: &Entry| Member {
            misses: entry.misses_fills(),
            ..Member::of(&entry.order, self.families.rests(entry.order.order_id, now))
        };
        let mut of_head = member(first);
        if how == Contingency::Oto {
            of_head.filled = self.closable_of(first);
        }
        Some(Family { head: of_head, how, others: others.into_iter().map(member).collect() })
    }

    /// What an entry brought that can be closed: less the fees in what was bought, in whole steps.
    fn closable_of(&self, entry: &Entry) -> Quantity {
        let order = &entry.order;
        let Some(rules) = self.settings.rules.get(&order.request.instrument) else { return order.filled };
        // The order's own sum is of one asset, and its fills may each have paid in another.
        let fees = entry.executions.values().filter_map(|fill| fill.fee).filter(|fee| fee.asset == rules.base);
        let paid = fees.fold(Cash::ZERO, |sum, fee| sum.checked_add(fee.amount).unwrap_or(sum));
        let fee = Quantity::from_raw(paid.raw()).filter(|fee| fee.is_positive() && order.request.side == Side::Buy);
        let net = order.filled.checked_sub(fee.unwrap_or_default()).unwrap_or_default();
        net.floor_to(rules.quantity_step)
    }

    /// A trade happened: whose price is reached is looked at with the next timer, which is due at once.
    pub(super) fn touch(&mut self, instrument: Instrument, price: Price, received: UtcNanos) {
        let Some(waiting) = self.families.waiting.get(instrument).filter(|waiting| !waiting.is_empty()) else { return };
        for id in waiting.clone() {
            let Some(entry) = self.entries.get(&id) else { continue };
            let Some(head) = entry.order.request.parent else { continue };
            let is_watched = || self.family(head, received).is_some_and(|family| family.watched().any(|w| w == id));
            if contingency::is_reached(&entry.order.request, price) && is_watched() {
                self.families.touched.entry(id).or_insert(received);
            }
        }
    }

    fn has_reached(&self, id: OrderId) -> bool {
        let Some(entry) = self.entries.get(&id) else { return false };
        let last = self.prices.get(entry.order.request.instrument).and_then(|prices| prices.last);
        let is_reached = last.is_some_and(|price| contingency::is_reached(&entry.order.request, price));
        is_reached || self.families.touched.contains_key(&id)
    }

    fn trigger(&mut self, id: OrderId, at: Moment, out: &mut Vec<Effect>) {
        let Some(mut entry) = self.take(id) else { return };
        self.happen(&mut entry, Happening::of(EventKind::Triggered), at, out);
        self.index(entry);
    }

    fn step(&mut self, step: Step, at: Moment, out: &mut Vec<Effect>) {
        match step {
            Step::Send { id, quantity } => self.let_go(id, quantity, at, out),
            Step::End { id, why } => {
                let Some(mut entry) = self.take(id) else { return };
                self.happen(&mut entry, Happening::because(EventKind::Canceled, Reason::code(why)), at, out);
                self.index(entry);
            }
            Step::Cancel { id } => self.cancel_for_family(id, at, out),
            Step::MakeRoom { id, successor, quantity } => {
                if self.may_succeed(successor, quantity, at, out) {
                    self.cancel_for_family(id, at, out);
                }
            }
        }
    }

    fn cancel_for_family(&mut self, id: OrderId, at: Moment, out: &mut Vec<Effect>) {
        let Some(mut entry) = self.take(id) else { return };
        self.families.again_at.remove(&id);
        self.request_cancel(&mut entry, at, out);
        self.index(entry);
    }

    /// True when risk lets a held order pass as if the others of its family had left the venue: no exit is given up for one that
    /// would be refused.
    fn may_succeed(&mut self, id: OrderId, quantity: Quantity, at: Moment, out: &mut Vec<Effect>) -> bool {
        let Some(order) = self.entries.get(&id).map(|entry| entry.order.clone()) else { return false };
        let asked = OrderRequest { quantity, ..order.request.clone() };
        let request = contingency::as_sent(&asked, order.triggered);
        let head = self.head_of(&order.request);
        let verdict = self.judge_tied(order.strategy, &request, head.as_ref(), at.now);
        match &verdict {
            Ok(()) => drop(self.families.refused.remove(&id)),
            Err(refusal) => self.hold_on(&order, &request, refusal, at, out),
        }
        verdict.is_ok()
    }

    /// Hands a held order to its venue, if risk lets it pass as it is now. One that is refused is held on and tried again:
    /// what it is to close is still there.
    fn let_go(&mut self, id: OrderId, quantity: Quantity, at: Moment, out: &mut Vec<Effect>) {
        let Some(mut entry) = self.take(id) else { return };
        let asked = OrderRequest { quantity, ..entry.order.request.clone() };
        let request = contingency::as_sent(&asked, entry.order.triggered);
        match self.judge(entry.order.strategy, false, &request, quantity, at.now) {
            Ok(()) => {
                entry.asked = entry.order.request.quantity;
                entry.order.request = asked;
                entry.asked_at = at.now;
                self.intend(&mut entry, request, at, out);
            }
            Err(refusal) => self.hold_on(&entry.order, &request, &refusal, at, out),
        }
        self.index(entry);
    }

    /// What was held on for want of a connection is tried with the next step, and not only when its wait is over.
    pub(super) fn try_held(&mut self, at: Moment) {
        let entries = &self.entries;
        let held = |id: &OrderId| entries.get(id).is_some_and(|entry| entry.order.status == Status::Held);
        self.families.again_at.iter_mut().filter(|(id, _)| held(id)).for_each(|(_, again_at)| *again_at = at.now);
    }

    pub(super) fn hold_on(
        &mut self,
        order: &Order,
        request: &OrderRequest,
        refusal: &Refusal,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let wait = if refusal.reason == Reason::code(NOT_CONNECTED) { UNCONNECTED } else { self.settings.query_after };
        self.families.again_at.insert(order.order_id, at.now.after(wait));
        if self.families.refused.insert(order.order_id) {
            self.counters.refused += 1;
            out.push(Effect::Alert(held_on(order, request, refusal)));
        }
    }
}

fn held_on(order: &Order, request: &OrderRequest, refusal: &Refusal) -> String {
    format!(
        "order {}, {} {} {} {}, cannot leave and is held on: {}: {}; it is tried again until it may, or is cancelled",
        order.order_id,
        request.order_type,
        request.side,
        request.quantity,
        request.instrument,
        refusal.reason,
        refusal.text
    )
}
