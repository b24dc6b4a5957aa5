//! Orders that depend on each other: one cancels the other, one triggers another, one triggers a pair.

use messages::{Quantity, UtcNanos};

use super::order::{Amount, Expiry, Order, State, Terms};
use super::rules::{self, Refusal};
use super::{Exchange, What};

/// An order of a list: the client's id, and what it says.
pub type Leg = (String, Terms);

/// What the orders of a list mean to each other, with their client ids.
#[derive(Debug, Clone)]
pub enum Shape {
    /// Two orders, of which one ends the other.
    Oco([Leg; 2]),
    /// An order, and others that begin when it is filled; two of them are a pair.
    Oto(Leg, Vec<Leg>),
}

/// A list of orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// The exchange's number.
    pub id: u64,
    /// Whose.
    pub account: String,
    /// The client's id of the list.
    pub client_id: String,
    /// The order that the others wait for.
    pub working: Option<u64>,
    /// The others; two of them are a pair.
    pub others: Vec<u64>,
    /// When it was taken.
    pub at: UtcNanos,
}

impl List {
    /// Its orders, the working one first.
    pub fn orders(&self) -> impl Iterator<Item = u64> {
        self.working.into_iter().chain(self.others.iter().copied())
    }
}

impl Exchange {
    /// Takes a list of orders whole, or not at all.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn place_list(&mut self, account: &str, client_id: &str, shape: &Shape, at: UtcNanos) -> Result<u64, Refusal> {
        let (first, others) = match shape {
            Shape::Oco(pair) => (None, &pair[..]),
            Shape::Oto(first, others) => (Some(first), &others[..]),
        };
        let mut drafts: Vec<Order> = Vec::new();
        for (at_place, (id, terms)) in first.into_iter().chain(others).enumerate() {
            let begins = first.is_none() || at_place == 0;
            let draft = if begins {
                self.drafted(account, id, terms, at)?
            } else {
                let on = self.instruments.get(&terms.symbol).ok_or(Refusal::UnknownSymbol)?;
                rules::filters(terms, on)?;
                self.is_free(account, id)?;
                Order { state: State::Held, ..self.draft(account, id, terms, at) }
            };
            if drafts.iter().any(|d| d.client_id == draft.client_id) {
                return Err(Refusal::DuplicateId);
            }
            drafts.push(draft);
        }
        self.next_order += 1;
        let list = self.next_order;
        let ids: Vec<u64> = drafts.into_iter().map(|d| self.number(Order { list: Some(list), ..d })).collect();
        let working = first.map(|_| ids[0]);
        let others = ids[usize::from(working.is_some())..].to_vec();
        let account = account.to_owned();
        self.lists.insert(list, List { id: list, account, client_id: client_id.to_owned(), working, others, at });
        // Those that wait are told of first: the working order may fill at once, and lets them begin then.
        for id in ids.iter().filter(|id| Some(**id) != working && working.is_some()) {
            self.tell(*id, What::Held, at);
        }
        for id in working.map_or(ids, |id| vec![id]) {
            if self.orders[&id].state == State::Open {
                self.work(id, at);
            }
        }
        Ok(list)
    }

    fn partners(&self, id: u64) -> Vec<u64> {
        let list = self.orders.get(&id).and_then(|o| o.list).and_then(|list| self.lists.get(&list));
        let pair = list.filter(|l| l.others.contains(&id)).map(|l| l.others.clone()).unwrap_or_default();
        pair.into_iter().filter(|other| *other != id && self.orders[other].lives()).collect()
    }

    pub(super) fn end_partners(&mut self, id: u64, why: Expiry, at: UtcNanos) {
        for other in self.partners(id) {
            let state = if self.rules.partner_expires { State::Expired(why) } else { State::Canceled };
            self.end(other, state, at);
        }
    }

    /// An order has traded: its partner ends or shrinks; who waited for it begins.
    pub(super) fn partner_traded(&mut self, id: u64, quantity: Quantity, at: UtcNanos) {
        let whole = self.orders[&id].state == State::Filled;
        if whole || self.rules.first_fill_ends_partner {
            self.end_partners(id, Expiry::PartnerTraded, at);
        } else {
            for other in self.partners(id) {
                let Some(order) = self.orders.get_mut(&other) else { continue };
                if let Amount::Base(all) = order.terms.amount {
                    order.terms.amount = Amount::Base(all.checked_sub(quantity).unwrap_or_default());
                }
            }
        }
        if whole {
            self.release(id, at);
        }
    }

    fn release(&mut self, working: u64, at: UtcNanos) {
        for id in self.waiting_for(working) {
            if self.orders[&id].state == State::Held {
                self.work(id, at);
            }
        }
    }

    fn waiting_for(&self, working: u64) -> Vec<u64> {
        let list = self.orders.get(&working).and_then(|o| o.list).and_then(|list| self.lists.get(&list));
        list.filter(|l| l.working == Some(working)).map(|l| l.others.clone()).unwrap_or_default()
    }

    /// An order has ended otherwise than by fills: its partner ends with it, and so do those that waited for it.
    pub(super) fn partner_ended(&mut self, id: u64, at: UtcNanos) {
        let partners = self.partners(id);
        let waiting = self.waiting_for(id).into_iter().filter(|other| self.orders[other].lives());
        for other in waiting.chain(partners).collect::<Vec<_>>() {
            let expires = self.rules.partner_expires && self.orders[&id].state != State::Canceled;
            let state = if expires { State::Expired(Expiry::WorkingEnded) } else { State::Canceled };
            self.end(other, state, at);
        }
    }

    /// A new order takes the place of one in its list.
    pub(super) fn takes_place(&mut self, old: u64, new: u64) {
        let Some(list) = self.orders.get(&new).and_then(|o| o.list).and_then(|list| self.lists.get_mut(&list)) else {
            return;
        };
        for place in list.others.iter_mut().chain(&mut list.working).filter(|place| **place == old) {
            *place = new;
        }
    }
}
