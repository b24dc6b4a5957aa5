//! The sweep: after each connection all open orders are listed, and the fills of those that have any. What orders then ask is
//! answered from it, where the stream has said nothing newer: a thousand open orders cost a few calls and not a thousand.

use std::collections::{BTreeMap, BTreeSet};

use messages::{ClientOrderId, Quantity, UtcNanos, VenueOrderId};

use super::super::activity::{Activity, Page};
use super::super::call::{ACTIVITIES_PER_PAGE, Call, ORDERS_PER_PAGE};
use super::super::order::OrderObject;
use super::super::outcome::Outcome;
use super::*;

/// Two orders may be submitted at one instant, the first of them on the next page.
const OVERLAP: Duration = Duration::from_millis(1);
/// History is asked for from so long before the first order.
const EARLIER: Duration = Duration::from_secs(60);

/// The most pages of fills: an order of last month must not hold up the start. What is left is asked for order by order.
const FILL_PAGES: u32 = 20;

/// What was listed.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    orders: BTreeMap<String, OrderObject>,
    seen: BTreeSet<VenueOrderId>,
    fills: BTreeMap<VenueOrderId, Vec<Activity>>,
    /// What was asked last.
    last: Option<Call>,
    since: UtcNanos,
    /// When it began.
    began: UtcNanos,
    fill_pages: u32,
    /// Answers to an older sweep say what was true before the connection was lost.
    generation: u32,
}

impl Sweep {
    pub fn end(&mut self) {
        *self = Self { generation: self.generation + 1, ..Self::default() };
    }

    /// The stream said something newer of this order.
    pub fn changed(&mut self, client_order_id: &str) {
        self.orders.remove(client_order_id);
    }

    /// The answer to a question about an order, once, where it is whole.
    pub fn answer(&mut self, id: ClientOrderId) -> Option<Inquiry> {
        let order = self.orders.remove(id.as_str())?;
        let fills = self.fills.remove(&order.id).unwrap_or_default();
        let told = fills.iter().try_fold(Quantity::ZERO, |sum, fill| sum.checked_add(fill.quantity))?;
        let is_alone = order.replaces.is_none() && order.replaced_by.is_none();
        (is_alone && told == order.filled).then(|| Inquiry::answered(order, fills, self.began))
    }

    /// Takes a page; the instant behind which the next one begins.
    fn page(&mut self, orders: Vec<OrderObject>) -> Option<UtcNanos> {
        let is_full = orders.len() >= ORDERS_PER_PAGE;
        let oldest = orders.iter().filter_map(|order| order.submitted_at).min();
        let mut is_new = false;
        for order in orders {
            is_new |= self.seen.insert(order.id);
            self.orders.insert(order.client_order_id.clone(), order);
        }
        oldest.filter(|_| is_full && is_new).map(|at| at.after(OVERLAP))
    }

    /// From when on fills are asked for; `None` where no order has any.
    fn fills_since(&self) -> Option<UtcNanos> {
        let filled = self.orders.values().filter(|order| order.filled.is_positive());
        filled.filter_map(|order| order.submitted_at).min().map(|at| at.before(EARLIER))
    }
}

impl Session {
    pub(super) fn begin_sweep(&mut self, now: UtcNanos) {
        self.sweep.end();
        self.sweep.began = now;
        self.ask_for_orders(None, now);
    }

    fn ask_for_orders(&mut self, before: Option<UtcNanos>, now: UtcNanos) {
        self.ask_for(Purpose::OpenOrders(self.sweep.generation), Call::open_orders(before), now);
    }

    fn ask_for_fills(&mut self, behind: Option<&str>, now: UtcNanos) {
        self.sweep.fill_pages += 1;
        let call = Call::fills(self.sweep.since, behind);
        self.ask_for(Purpose::Fills(self.sweep.generation), call, now);
    }

    /// In front of all questions: nothing else is asked well before.
    fn ask_for(&mut self, purpose: Purpose, call: Call, now: UtcNanos) {
        self.sweep.last = Some(call.clone());
        self.queue_again(Urgency::Question, purpose, call, now);
    }

    fn is_of_this_sweep(&self, generation: u32) -> bool {
        self.stage == Stage::Sweeping && generation == self.sweep.generation
    }

    /// A page of open orders. What the sweep does not bring is asked for one by one.
    pub(super) fn open_orders(
        &mut self,
        generation: u32,
        answer: Result<Answer<'_>, &str>,
        now: UtcNanos,
        out: &mut Vec<Do>,
    ) {
        if !self.is_of_this_sweep(generation) {
            return;
        }
        let orders = match self.body(&answer, Purpose::OpenOrders(generation), now).map(OrderObject::read_list) {
            Some(Ok(orders)) => orders,
            Some(Err(error)) => {
                out.push(Do::Tell(Note::Unreadable {
                    error: error.to_string(),
                    what: "the list of open orders".to_owned(),
                }));
                return self.live(now, out);
            }
            None if self.is_asked_again(&answer) => return,
            None => return self.live(now, out),
        };
        let mut read = Vec::with_capacity(orders.len());
        for order in orders {
            match order {
                Ok(order) => {
                    if order.ours().is_none() && !self.sweep.seen.contains(&order.id) {
                        out.push(Do::Tell(foreign(&order)));
                    }
                    read.push(order);
                }
                Err(error) => {
                    let what = "an open order".to_owned();
                    out.push(Do::Tell(Note::Unreadable { error: error.to_string(), what }));
                }
            }
        }
        if let Some(before) = self.sweep.page(read) {
            return self.ask_for_orders(Some(before), now);
        }
        match self.sweep.fills_since() {
            Some(since) => {
                self.sweep.since = since;
                self.ask_for_fills(None, now);
            }
            None => self.live(now, out),
        }
    }

    pub(super) fn sweep_fills(
        &mut self,
        generation: u32,
        answer: Result<Answer<'_>, &str>,
        now: UtcNanos,
        out: &mut Vec<Do>,
    ) {
        if !self.is_of_this_sweep(generation) {
            return;
        }
        let page = match self.body(&answer, Purpose::Fills(generation), now).map(Page::read) {
            Some(Ok(page)) => page,
            Some(Err(error)) => {
                out.push(Do::Tell(Note::Unreadable { error: error.to_string(), what: "a list of fills".to_owned() }));
                return self.live(now, out);
            }
            None if self.is_asked_again(&answer) => return,
            None => return self.live(now, out),
        };
        for fill in page.fills.into_iter().filter(|fill| self.sweep.seen.contains(&fill.order_id)) {
            self.sweep.fills.entry(fill.order_id).or_default().push(fill);
        }
        match page.last {
            Some(last) if page.len >= ACTIVITIES_PER_PAGE && self.sweep.fill_pages < FILL_PAGES => {
                self.ask_for_fills(Some(&last), now);
            }
            _ => self.live(now, out),
        }
    }

    /// The body of a success. Too many requests: the same again, later.
    fn body<'a>(&mut self, answer: &Result<Answer<'a>, &str>, purpose: Purpose, now: UtcNanos) -> Option<&'a [u8]> {
        let answer = answer.as_ref().ok()?;
        match answer.outcome() {
            Outcome::Done => Some(answer.body),
            Outcome::Limited => {
                if let Some(call) = self.sweep.last.clone() {
                    self.queue_again(Urgency::Question, purpose, call, now);
                }
                None
            }
            _ => None,
        }
    }

    fn is_asked_again(&self, answer: &Result<Answer<'_>, &str>) -> bool {
        answer.as_ref().is_ok_and(|answer| answer.outcome() == Outcome::Limited)
    }
}

fn foreign(order: &OrderObject) -> Note {
    Note::Foreign {
        order: order.id,
        client_order_id: order.client_order_id.clone(),
        symbol: order.symbol.clone(),
        event: order.status.to_string(),
    }
}
