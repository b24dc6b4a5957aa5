//! One question, "what became of this order?", and its answer: the replacement that is in force, every fill, and where the
//! order stands.
//!
//! The order is asked for, then every order that it stands for and that stands for it, then the fills of all of them from
//! the account's history. While history may be behind the order the rest is asked for again. What it does not tell after
//! [`HISTORY_LATE`] is one more fill: the difference, at the average that makes the sums right, under a key made of the order
//! and the cumulative quantity, so that the same question makes the same fill.
//!
//! That an order still stands is said of the time of the question: an order that nothing happened to was last changed long ago, and
//! what waits for a replacement to come or be lost could not tell from that time that it has not come.

use std::time::Duration;

use messages::orders::Fill;
use messages::venues::ReportKind;
use messages::{ClientOrderId, ExecutionId, Notional, Price, Quantity, Reason, UtcNanos, VenueOrderId};

use super::activity::{Activity, Page};
use super::books::{Books, CHAIN, Count, Said, standing};
use super::call::{ACTIVITIES_PER_PAGE, Call};
use super::note::Note;
use super::order::{OrderObject, OrderStatus};
use super::outcome::{Answer, Outcome};

/// History is asked for from so long before the order: clocks of a venue's parts differ.
const EARLIER: Duration = Duration::from_secs(60);

/// The longest that history may be behind the orders.
const HISTORY_LATE: Duration = Duration::from_secs(60);

/// How much an answer could tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// All that there is to tell.
    All,
    /// History is behind: the fills that it has, and not where the order stands. To be asked again.
    NotYet,
}

/// What is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An order by our id.
    Ours(ClientOrderId),
    /// An order by the venue's id.
    Theirs(VenueOrderId),
}

/// What comes next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// This is to be asked.
    Ask(Call),
    /// All is known: [`Inquiry::tell`].
    Tell,
    /// The venue does not know the order.
    NotKnown,
    /// Nothing is known; it is asked again later.
    Failed(Box<Note>),
    /// Too many requests: the last call again, later.
    Limited(Call),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    First,
    Older,
    Newer,
    Fills,
}

/// A question under way.
#[derive(Debug, Clone)]
pub struct Inquiry {
    subject: Subject,
    /// When the question was asked: what the venue answers is true then, or was later.
    asked: UtcNanos,
    stage: Stage,
    last: Call,
    /// The order under all its ids, oldest first.
    chain: Vec<OrderObject>,
    /// An older id of it is not known to the venue any more.
    is_cut: bool,
    fills: Vec<Activity>,
}

impl Inquiry {
    /// Begins: what is asked first.
    #[must_use]
    pub fn new(subject: Subject, asked: UtcNanos) -> (Self, Call) {
        let call = match subject {
            Subject::Ours(id) => Call::order_by_client_id(id),
            Subject::Theirs(id) => Call::order(id),
        };
        let inquiry = Self {
            subject,
            asked,
            stage: Stage::First,
            last: call.clone(),
            chain: Vec::new(),
            is_cut: false,
            fills: Vec::new(),
        };
        (inquiry, call)
    }

    /// With an order and its fills that are known already, from a question of that time.
    #[must_use]
    pub fn answered(order: OrderObject, fills: Vec<Activity>, asked: UtcNanos) -> Self {
        let (mut inquiry, _) = Self::new(Subject::Theirs(order.id), asked);
        (inquiry.chain, inquiry.fills) = (vec![order], fills);
        inquiry
    }

    /// What it is about.
    #[must_use]
    pub fn subject(&self) -> Subject {
        self.subject
    }

    /// Takes the answer to the last call; `Err` where none came.
    pub fn hear(&mut self, answer: Result<&Answer<'_>, &str>) -> Next {
        let failed =
            |error: String, what: &str| Next::Failed(Box::new(Note::Unreadable { error, what: what.to_owned() }));
        let answer = match answer {
            Ok(answer) => answer,
            Err(why) => return failed(why.to_owned(), "the answer to a question"),
        };
        match (answer.outcome(), self.stage) {
            (Outcome::Done, Stage::Fills) => match Page::read(answer.body) {
                Ok(page) => self.page(page),
                Err(error) => failed(error.to_string(), "a list of fills"),
            },
            (Outcome::Done, _) => match OrderObject::read_body(answer.body) {
                Ok(order) => self.order(order),
                Err(error) => failed(error.to_string(), "an order"),
            },
            (Outcome::NotKnown, Stage::First) => Next::NotKnown,
            // History has an end. What was filled before it cannot be told.
            (Outcome::NotKnown, Stage::Older) => {
                self.is_cut = true;
                self.newer()
            }
            (Outcome::NotKnown, Stage::Newer) => self.fills(None),
            (Outcome::Limited, _) => Next::Limited(self.last.clone()),
            (Outcome::Unauthorized { text }, _) => Next::Failed(Box::new(Note::Unauthorized(text))),
            (Outcome::NotKnown, Stage::Fills) => failed("404".to_owned(), "a list of fills"),
            (Outcome::Refused { text, .. } | Outcome::Ambiguous { text }, _) => {
                failed(text, "the answer to a question")
            }
        }
    }

    fn ask(&mut self, stage: Stage, call: Call) -> Next {
        (self.stage, self.last) = (stage, call.clone());
        Next::Ask(call)
    }

    fn order(&mut self, order: OrderObject) -> Next {
        match self.stage {
            Stage::Older => self.chain.insert(0, order),
            _ => self.chain.push(order),
        }
        if self.stage == Stage::Newer { self.newer() } else { self.older() }
    }

    fn is_new(&self, id: VenueOrderId) -> bool {
        self.chain.len() < CHAIN && self.chain.iter().all(|order| order.id != id)
    }

    fn older(&mut self) -> Next {
        match self.chain.first().and_then(|order| order.replaces) {
            Some(older) if self.is_new(older) => self.ask(Stage::Older, Call::order(older)),
            Some(_) => {
                self.is_cut = true;
                self.newer()
            }
            None => self.newer(),
        }
    }

    fn newer(&mut self) -> Next {
        match self.chain.last().and_then(|order| order.replaced_by) {
            Some(newer) if self.is_new(newer) => self.ask(Stage::Newer, Call::order(newer)),
            _ => self.fills(None),
        }
    }

    fn fills(&mut self, behind: Option<&str>) -> Next {
        let since = self.since().filter(|_| self.chain.iter().any(|order| order.filled.is_positive()));
        match since {
            Some(since) => self.ask(Stage::Fills, Call::fills(since, behind)),
            None => Next::Tell,
        }
    }

    fn since(&self) -> Option<UtcNanos> {
        let submitted = self.chain.iter().filter_map(|order| order.submitted_at).min();
        submitted.map(|at| at.before(EARLIER))
    }

    fn page(&mut self, page: Page) -> Next {
        let ours = |fill: &Activity| self.chain.iter().any(|order| order.id == fill.order_id);
        let found: Vec<Activity> = page.fills.into_iter().filter(ours).collect();
        let is_fresh = |fill: &Activity, all: &[Activity]| all.iter().all(|known| known.id != fill.id);
        for fill in found {
            if is_fresh(&fill, &self.fills) {
                self.fills.push(fill);
            }
        }
        let whole = self.chain.iter().all(|order| self.in_history(order.id) >= order.filled);
        match page.last {
            Some(last) if page.len >= ACTIVITIES_PER_PAGE && !whole => self.fills(Some(&last)),
            _ => Next::Tell,
        }
    }

    /// What history tells of the fills of one id.
    fn in_history(&self, id: VenueOrderId) -> Quantity {
        let of_id = self.fills.iter().filter(|fill| fill.order_id == id).map(|fill| fill.quantity);
        of_id.fold(Quantity::ZERO, |sum, quantity| sum.checked_add(quantity).unwrap_or(Quantity::MAX))
    }

    /// The answer, in the order in which things happened.
    pub fn tell(mut self, books: &mut Books, now: UtcNanos, out: &mut Vec<Said>) -> Told {
        let replacement_waits = self.drop_what_is_not_in_force(books, now, out);
        let Some(current) = self.chain.last().cloned() else { return Told::All };
        let Some(client) = current.ours() else {
            out.push(Said::Note(Note::Foreign {
                order: current.id,
                client_order_id: current.client_order_id,
                symbol: current.symbol,
                event: current.status.to_string(),
            }));
            return Told::All;
        };
        let Some(bases) = self.bases() else {
            if !self.may_be_behind(&current, now) {
                let error = "history does not say whether it counts what was filled before its replacement".to_owned();
                out.push(Said::Note(Note::Unreadable { error, what: format!("what was filled of order {client}") }));
            }
            return Told::NotYet;
        };
        for (order, (_, count)) in self.chain.iter().zip(&bases) {
            if let Some(name) = order.ours() {
                books.learn(name, order, *count);
            }
        }
        let base = bases.last().map_or(Quantity::ZERO, |(base, _)| *base);
        let time = current.updated_at.unwrap_or(now);
        let report_of = |time, kind| Said::Report(books.report(client, Some(current.id), time, kind));
        let report = |kind| report_of(time, kind);
        if self.is_cut {
            let error = "an order that it stands for is not known any more".to_owned();
            out.push(Said::Note(Note::Unreadable { error, what: format!("what was filled of order {client}") }));
        } else {
            if current.replaces.is_some() {
                out.push(report(ReportKind::Replaced { replacement: current.terms(base) }));
            }
            let fills = self.known_fills(&bases);
            let told = fills.iter().try_fold(Quantity::ZERO, |sum, fill| sum.checked_add(fill.quantity));
            out.extend(fills.into_iter().map(|fill| report(ReportKind::Filled(fill))));
            let (told, total) =
                (told.unwrap_or(Quantity::MAX), base.checked_add(current.filled).unwrap_or(Quantity::MAX));
            if told < total && self.may_be_behind(&current, now) {
                return Told::NotYet;
            }
            let streamed = books.streamed(self.chain.iter().map(|order| &order.id));
            let missing = total.checked_sub(told.max(streamed)).filter(|missing| missing.is_positive());
            match missing.map(|missing| (missing, self.difference(&current, missing, total, &bases))) {
                Some((_, Some(fill))) => out.push(report(ReportKind::Filled(fill))),
                Some((quantity, None)) => out.push(Said::Note(Note::NoPrice { client_order_id: client, quantity })),
                None => {}
            }
        }
        if let OrderStatus::Other(status) = &current.status {
            out.push(Said::Note(Note::UnknownStatus { order: current.id, status: status.clone() }));
        }
        if current.status == OrderStatus::Filled && current.notional.is_some() {
            let filled = base.checked_add(current.filled).unwrap_or(Quantity::MAX);
            out.push(report(ReportKind::Completed { filled }));
        }
        let stands_at = if current.status.is_final() || replacement_waits { time } else { self.asked };
        out.extend(standing(&current.status).map(|kind| report_of(stands_at, kind)));
        self.chain.iter().for_each(|order| books.told(order));
        Told::All
    }

    /// A replacement that was only taken, or refused, leaves the older order as it is. True where one was taken: it has arrived, and
    /// is in force later or refused.
    fn drop_what_is_not_in_force(&mut self, books: &Books, now: UtcNanos, out: &mut Vec<Said>) -> bool {
        let mut waits = false;
        while let Some(last) = self.chain.last().filter(|order| order.replaces.is_some()) {
            let is_replaced = self.chain.iter().rev().nth(1).is_some_and(|older| older.status == OrderStatus::Replaced);
            let is_refused = last.status == OrderStatus::Rejected;
            let is_waiting = matches!(last.status, OrderStatus::Accepted | OrderStatus::PendingNew) && !is_replaced;
            if !is_refused && !is_waiting {
                break;
            }
            waits |= is_waiting;
            if let Some(name) = last.ours().filter(|_| is_refused) {
                let kind = ReportKind::ReplaceRejected { reason: Reason::code("alpaca.replace_rejected") };
                out.push(Said::Report(books.report(name, Some(last.id), last.updated_at.unwrap_or(now), kind)));
            }
            self.chain.pop();
        }
        waits
    }

    /// For each id what was filled before it and is not counted under it, and what it counts; `None` where that cannot be told yet.
    fn bases(&self) -> Option<Vec<(Quantity, Count)>> {
        let mut bases = Vec::with_capacity(self.chain.len());
        let mut total = Quantity::ZERO;
        for order in &self.chain {
            let count = self.count(order, total)?;
            let base = if count == Count::On { Quantity::ZERO } else { total };
            bases.push((base, count));
            total = base.checked_add(order.filled)?;
        }
        Some(bases)
    }

    /// What an id counts, of which `total` was filled before.
    fn count(&self, order: &OrderObject, total: Quantity) -> Option<Count> {
        if total.is_zero() || order.filled < total {
            return Some(Count::Anew);
        }
        let own = self.fills.iter().filter(|fill| fill.order_id == order.id);
        let first = own.filter_map(|fill| fill.cumulative.checked_sub(fill.quantity)).min();
        match first {
            // Its first fill tells what was there before it.
            Some(before) if before.is_zero() => Some(Count::Anew),
            Some(before) if before == total => Some(Count::On),
            // Nothing of its own yet.
            None if order.filled == total && order.status == OrderStatus::New => Some(Count::On),
            // To take a guess for what was filled is worse than to ask again.
            _ => None,
        }
    }

    /// History may be late, but not for long.
    fn may_be_behind(&self, order: &OrderObject, now: UtcNanos) -> bool {
        order.updated_at.is_some_and(|at| at.after(HISTORY_LATE) > now)
    }

    /// The fills that history tells, in the order of what they bring the whole order to.
    fn known_fills(&self, bases: &[(Quantity, Count)]) -> Vec<Fill> {
        let mut fills: Vec<Fill> = Vec::with_capacity(self.fills.len());
        for (order, (base, _)) in self.chain.iter().zip(bases) {
            for told in self.fills.iter().filter(|told| told.order_id == order.id) {
                let cumulative = base.checked_add(told.cumulative).unwrap_or(Quantity::MAX);
                fills.push(fill(told.execution_id, told.price, told.quantity, cumulative, told.time));
            }
        }
        fills.sort_by_key(|fill| (fill.cumulative, fill.executed_at));
        fills
    }

    /// The fill that history does not tell; `None` where nobody tells its price.
    fn difference(
        &self,
        current: &OrderObject,
        missing: Quantity,
        total: Quantity,
        bases: &[(Quantity, Count)],
    ) -> Option<Fill> {
        let key: ExecutionId = format!("{}:{total}", current.id).parse().ok()?;
        let price = self.price_of(missing, bases)?;
        let time = current.updated_at.or(current.submitted_at).unwrap_or_default();
        Some(fill(key, price, missing, total, time))
    }

    /// The price at which the missing quantity makes the venue's averages true; the newest average where none does.
    fn price_of(&self, missing: Quantity, bases: &[(Quantity, Count)]) -> Option<Price> {
        // An id that counts what was filled before it has it in its average, too.
        let first = bases.iter().rposition(|(_, count)| *count == Count::On).unwrap_or(0);
        let mut whole = Notional::ZERO;
        let mut last = None;
        for order in self.chain.iter().skip(first).filter(|order| order.filled.is_positive()) {
            last = order.average.filter(|average| *average > Price::ZERO);
            whole = last?.notional(order.filled)?.checked_add(whole)?;
        }
        let told = self
            .fills
            .iter()
            .try_fold(Notional::ZERO, |sum, fill| sum.checked_add(fill.price.notional(fill.quantity)?))?;
        let rest = whole.raw().checked_sub(told.raw()).map(Notional::from_raw);
        rest.and_then(|rest| rest.average(missing)).filter(|price| *price > Price::ZERO).or(last)
    }
}

fn fill(execution_id: ExecutionId, price: Price, quantity: Quantity, cumulative: Quantity, at: UtcNanos) -> Fill {
    Fill { execution_id, price, quantity, cumulative, liquidity: None, fee: None, executed_at: at }
}

#[cfg(test)]
mod tests;
