//! Reconciliation: our books are held against the venue's at each start, after each reconnect, when it is time and when a person
//! asks; after the first two new orders wait for it.
//!
//! A run asks the venue for the account. Orders that it tells otherwise are asked about, and their answers go the way of every
//! report; then the account is asked for again. Holdings count once all orders agree: what differs in two answers in a row, with
//! a pause between them for reports that are on their way, is entered. Nothing is changed that does not stand in the ledger.
//!
//! What is left needs a person: [`Orders::on_reconcile`] takes it as it is.

use messages::account::{
    AccountSnapshot, Cause, Difference, DifferenceKind, Mark, OpeningEntry, Outcome as Ended, ReconcileAsk,
    Reconciliation, VenueFill, VenueOrder, Wanted,
};

use super::*;
use crate::orders::reconcile::holdings::{self, Gap, Held};
use crate::orders::reconcile::orders::{self as compared, Found};
use crate::orders::risk::reconciling::Waits;
use crate::timer::earliest;

mod accept;
mod adopt;
mod again;
mod gaps;
mod run;
mod settle;
mod waits;

pub use adopt::ForeignOrders;
use run::{Left, Run, Waiting};

/// All that is asked is answered within this, or people are told, what reduces passes again and it is asked again.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// Holdings that differ are looked at again after this: a report may be on its way.
const LOOKED_AT_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How often the account is asked for in one run before what moves is left to a person.
const ROUNDS: u32 = 8;
/// By how much the venue's clock may differ from ours, and more.
const CLOCKS_DIFFER_BY: Duration = Duration::from_secs(60);
/// How often an order is asked about in one run: an answer may be older than the question.
const QUESTIONS: u32 = 2;

/// How far it is.
#[derive(Debug, Default)]
pub(super) struct Reconciling {
    /// What new orders wait for.
    pub waits: Option<Waits>,
    /// When a person is asked because new orders still wait for the books.
    late_at: Option<UtcNanos>,
    run: Option<Run>,
    /// What the last run left to a person.
    left: Option<Left>,
    /// Of each instrument an execution up to which both sides have all: the newest one, or one before whatever was in doubt or
    /// under way then. Before any, our first order.
    marks: BTreeMap<Instrument, Mark>,
    last: Option<Reconciliation>,
    number: u64,
    /// When the next run begins by itself.
    next_at: Option<UtcNanos>,
    /// Ended orders that were heard of since then are left to the list of fills that was asked for.
    left_to_list: Option<UtcNanos>,
    /// Orders that a gap may have been of: what is heard of one is followed by a run, whatever the schedule says.
    awaited: BTreeSet<OrderId>,
}

/// How a reconciliation stands, for who looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconcileStatus {
    /// Whether the venue keeps books that ours can be held against.
    pub possible: bool,
    /// What new orders wait for.
    pub waits: Option<Waits>,
    /// Why a run is under way, and since when.
    pub running: Option<(Cause, UtcNanos)>,
    /// The last one that ended.
    pub last: Option<Reconciliation>,
}

/// The same, as a checkpoint keeps it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct SavedReconciling {
    marks: Vec<(Instrument, Mark)>,
    last: Option<Reconciliation>,
    number: u64,
}

impl Reconciling {
    /// At a start: where the venue keeps books, new orders wait for them.
    pub fn new(venues: &BTreeMap<Exchange, Capabilities>) -> Self {
        let waits = venues.values().any(|venue| venue.account).then_some(Waits::Books);
        Self { waits, ..Self::default() }
    }

    pub fn save(&self) -> SavedReconciling {
        let marks = self.marks.iter().map(|(instrument, mark)| (*instrument, *mark)).collect();
        SavedReconciling { marks, last: self.last.clone(), number: self.number }
    }

    pub fn load(&mut self, saved: SavedReconciling) {
        (self.marks, self.last, self.number) = (saved.marks.into_iter().collect(), saved.last, saved.number);
    }

    /// An order has left: from the first of an instrument on its fills are asked for.
    pub fn ordered(&mut self, order: &Order) {
        if order.status != Status::Denied {
            let mark = Mark { at: order.created_at.before(CLOCKS_DIFFER_BY), execution_id: None };
            self.marks.entry(order.request.instrument).or_insert(mark);
        }
    }

    /// A list of fills is asked for: it tells of ended orders that were heard of since then.
    pub fn leave_to_list(&mut self, since: UtcNanos) {
        self.left_to_list = Some(self.left_to_list.map_or(since, |before| before.min(since)));
    }

    /// The list told all, or does not: since when ended orders were left to it.
    pub fn take_left_to_list(&mut self) -> Option<UtcNanos> {
        self.left_to_list.take()
    }

    /// When something is due.
    pub fn next_due(&self) -> Option<UtcNanos> {
        self.run.as_ref().map_or(self.next_at, |run| earliest(Some(run.due()), self.late_at))
    }
}

impl Orders {
    /// The exchange whose venue keeps books.
    pub(super) fn books_at(&self) -> Option<Exchange> {
        self.settings.venues.iter().find(|(_, venue)| venue.account).map(|(exchange, _)| *exchange)
    }

    /// How a reconciliation stands.
    #[must_use]
    pub fn reconcile_status(&self) -> ReconcileStatus {
        let Reconciling { waits, run, last, .. } = &self.reconciling;
        let running = run.as_ref().map(|run| (run.cause, run.began));
        ReconcileStatus { possible: self.books_at().is_some(), waits: *waits, running, last: last.clone() }
    }

    fn begin_run(&mut self, cause: Cause, at: Moment, out: &mut Vec<Effect>) {
        self.reconciling.run = Some(Run::new(cause, at.now));
        self.ask_for_account(at, out);
        if matches!(cause, Cause::Schedule | Cause::Asked) {
            // An answer that got lost on a connection that lives would be owed for ever. A new connection asks by itself.
            self.ask_about_ended(UtcNanos::MAX, false, at, out);
        }
    }

    fn ask_for_account(&mut self, at: Moment, out: &mut Vec<Effect>) {
        let Some(exchange) = self.books_at() else { return };
        let marks = &self.reconciling.marks;
        let wanted =
            |instrument: &Instrument| Wanted { instrument: *instrument, since: marks.get(instrument).copied() };
        let wanted = self.settings.rules.keys().map(wanted).collect();
        if let Some(run) = &mut self.reconciling.run {
            run.ask(at.now);
            out.push(Effect::Send(exchange, VenueRequest::Account { wanted, at: at.now }));
        }
    }

    /// Whether the list of fills that is asked for has those of an instrument, as far as they are not known here.
    pub(super) fn lists_fills_of(&self, instrument: Instrument) -> bool {
        let keeps_books = self.settings.venues.get(&instrument.exchange).is_some_and(|venue| venue.account);
        keeps_books && self.settings.rules.contains_key(&instrument) && self.reconciling.marks.contains_key(&instrument)
    }

    /// From when on a fill that seems to be nobody's may be ours: nothing was heard yet of an order, or of its replacement, and so
    /// the venue's id of it is not known.
    fn unheard_since(&self) -> UtcNanos {
        let names = self.open_orders().filter_map(|order| match order {
            Order { status: Status::Held, .. } => None,
            Order { acknowledged: false, attempts, .. } => attempts.first(),
            Order { replacing: Some(_), attempts, .. } => attempts.last(),
            _ => None,
        });
        let since = names.filter(|name| name.venue_order_id.is_none()).map(|name| name.since).min();
        since.map_or(UtcNanos::MAX, |since| since.before(CLOCKS_DIFFER_BY))
    }

    /// An order owes no answer any more: where a run waits for it, it goes on; after the last the account is asked for again.
    pub(super) fn reconcile_answered(&mut self, id: OrderId, at: Moment, out: &mut Vec<Effect>) {
        let Some(Run { waits: Waiting::Answers(orders), since, .. }) = &mut self.reconciling.run else { return };
        if orders.remove(&id) {
            *since = at.now;
            if orders.is_empty() {
                self.ask_for_account(at, out);
            }
        }
    }

    /// The venue says what the account holds.
    pub fn on_account(&mut self, snapshot: AccountSnapshot, at: Moment, out: &mut Vec<Effect>) {
        self.look_through(snapshot, at, out);
        self.settle_families(at, out);
    }

    fn look_through(&mut self, snapshot: AccountSnapshot, at: Moment, out: &mut Vec<Effect>) {
        let answered = |run: &mut Run| run.waits == Waiting::Account && run.asked == snapshot.asked;
        let Some(mut run) = self.reconciling.run.take_if(answered) else {
            // Of a run that was begun anew since.
            self.counters.ignored += 1;
            return;
        };
        self.heard_at = self.heard_at.max(at.now);
        run.not_whole(&snapshot.missing);
        if !snapshot.missing.is_empty() && run.rounds < ROUNDS {
            if run.rounds == 1 || self.reconciling.left_to_list.is_some() {
                self.ask_about_all(at, out);
            }
            return self.pause(run, at);
        }
        let ours: Vec<&Order> = self.entries.values().map(|entry| &entry.order).collect();
        let knows = |order: &Order, fill: &VenueFill| {
            let Some(entry) = self.entries.get(&order.order_id) else { return false };
            // Where a list has no counts, a fill's time tells whether an adopted order came with it. One that came since is in
            // the order's own count.
            let is_early = || fill.executed_at < order.created_at.after(CLOCKS_DIFFER_BY);
            entry.knows(fill.execution_id) || entry.adopted_with().is_some() && is_early()
        };
        let Found { doubts, foreign_orders, foreign_fills } = compared::compare(&ours, knows, &snapshot);
        for theirs in foreign_orders {
            let difference = self.foreign(theirs, at, out);
            run.tell(difference);
        }
        let (questions, doubts) = run.weigh(doubts);
        if !questions.is_empty() {
            return self.question(run, questions, at, out);
        }
        let doubts = self.settle_doubts(&mut run, doubts, &snapshot, at, out);
        foreign_fills.into_iter().for_each(|fill| run.tell(run::foreign_fill(fill)));
        self.holdings(run, doubts, &snapshot, at, out);
    }

    fn pause(&mut self, mut run: Run, at: Moment) {
        (run.waits, run.since) = (Waiting::Pause, at.now);
        self.reconciling.run = Some(run);
    }

    /// Asks what became of orders that the venue tells otherwise, or that a gap may be of.
    fn question(&mut self, mut run: Run, orders: BTreeSet<OrderId>, at: Moment, out: &mut Vec<Effect>) {
        for id in &orders {
            let Some(entry) = self.entries.get_mut(id) else { continue };
            entry.asked_at = at.now;
            let order = entry.order.clone();
            self.ask(&order, at, out);
        }
        (run.waits, run.since) = (Waiting::Answers(orders), at.now);
        self.reconciling.run = Some(run);
    }

    /// Takes what the ledger says of one.
    pub(super) fn restore_reconciled(&mut self, done: &Reconciliation) {
        self.enter(&done.entries);
        self.reconciling.marks.extend(done.marks.iter().copied());
        self.reconciling.number = done.number;
        self.reconciling.last = Some(done.clone());
    }

    fn enter(&mut self, entries: &[OpeningEntry]) {
        for entry in entries {
            match *entry {
                OpeningEntry::Position { instrument, strategy, change, price } => {
                    let own = self.book.own(strategy, instrument).position;
                    self.book.fill(strategy, instrument, change);
                    match price.and_then(|price| price.times(change)) {
                        Some(cost) => self.watch.results.opened(strategy, instrument, cost),
                        None => self.watch.results.closed(strategy, instrument, change, own),
                    }
                }
                OpeningEntry::Balance { asset, change, worth } => {
                    let total = self.balances.entry(asset).or_default();
                    *total = total.checked_add(change).unwrap_or(*total);
                    self.paid(worth);
                }
            }
        }
    }
}
