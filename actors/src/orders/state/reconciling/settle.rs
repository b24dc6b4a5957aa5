//! The end of a run: what the answers did not settle, what is held, and the report.

use super::*;

/// How many things that an account began with are named.
const NAMED: usize = 10;

impl Orders {
    /// What the answers did not settle: terms are taken as the venue lists them, an order that may still arrive there is left to
    /// its time, and the rest to a person.
    pub(super) fn settle_doubts(
        &mut self,
        run: &mut Run,
        doubts: BTreeMap<OrderId, Difference>,
        snapshot: &AccountSnapshot,
        at: Moment,
        out: &mut Vec<Effect>,
    ) -> BTreeMap<OrderId, Difference> {
        let mut left = BTreeMap::new();
        run.in_flight.clear();
        for (id, doubt) in doubts {
            let Some(order) = self.order(id) else { continue };
            let (name, acknowledged) = (order.current_client_order_id(), order.acknowledged);
            let listed = snapshot.open.iter().find(|theirs| theirs.client_order_id == name.as_str());
            match (doubt.kind, listed) {
                (DifferenceKind::NotOpenThere, _) if !acknowledged => {
                    run.in_flight.insert(id);
                }
                (DifferenceKind::Terms, Some(theirs)) => {
                    let report = VenueReport {
                        account: self.settings.account,
                        client_order_id: name,
                        venue_order_id: Some(theirs.venue_order_id),
                        time: snapshot.time,
                        kind: ReportKind::Replaced { replacement: terms(theirs) },
                    };
                    self.on_report(report, at, out);
                }
                _ => drop(left.insert(id, doubt)),
            }
        }
        left
    }

    /// Positions and balances, once all that can be known of orders is known.
    pub(super) fn holdings(
        &mut self,
        mut run: Run,
        doubts: BTreeMap<OrderId, Difference>,
        snapshot: &AccountSnapshot,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let positions = self.book.stakes().map(|(instrument, stake, _)| (instrument, stake.position)).collect();
        let held = Held { positions: &positions, balances: &self.balances, rules: &self.settings.rules };
        // What is not whole tells nothing of what is missing in it.
        let is_whole = snapshot.missing.is_empty();
        let (gaps, unknown) = if is_whole { holdings::compare(held, snapshot) } else { Default::default() };
        unknown.into_iter().for_each(|difference| run.tell(difference));
        gaps.iter().for_each(|gap| run.tell(gap.difference()));
        // What nobody here ever heard of, with nothing under way, is what the account begins with.
        let is_opening = self.open.is_empty() && gaps.iter().all(|gap| matches!(gap, Gap::Balance { here: None, .. }));
        let is_sure = is_opening || run.gaps.as_ref() == Some(&gaps);
        // Whatever differs in one look may be on its way. What is entered, or left to a person, is asked for first.
        let is_looked_at_enough = is_sure || run.rounds >= ROUNDS;
        let questions = if is_looked_at_enough { self.questions_of_gaps(&mut run, &gaps) } else { BTreeSet::new() };
        if !questions.is_empty() {
            run.gaps = Some(gaps);
            return self.question(run, questions, at, out);
        }
        // The first prices may be on their way. A schedule comes again by itself, and has looked often enough by then.
        let lacks_price = run.cause != Cause::Schedule && !self.entries_of(gaps.clone()).1.is_empty();
        if !gaps.is_empty() && (!is_sure || lacks_price) && run.rounds < ROUNDS {
            run.gaps = Some(gaps);
            return self.pause(run, at);
        }
        // A gap beside an order in doubt, on its way, or without an answer, may be that order's.
        let enters = is_sure && doubts.is_empty() && run.in_flight.is_empty();
        let (entries, gaps) = if enters { self.entries_of(gaps) } else { (Vec::new(), gaps) };
        if !gaps.is_empty() {
            self.look_again_after(std::mem::take(&mut run.in_flight));
        }
        let left = Left { doubts, gaps, is_whole, found_at: at.now };
        self.finish(run, left, entries, snapshot, at, out);
    }

    /// Entries that close gaps, and the gaps that none can close.
    pub(super) fn entries_of(&self, gaps: Vec<Gap>) -> (Vec<OpeningEntry>, Vec<Gap>) {
        let (mut entries, mut open) = (Vec::new(), Vec::new());
        for gap in gaps {
            let (own, mark) = match gap {
                Gap::Position { instrument, .. } => {
                    let mark = self.prices.get(instrument).and_then(risk::Prices::mark);
                    (self.book.own(StrategyId::manual(), instrument).position, mark)
                }
                Gap::Balance { .. } => (Quantity::ZERO, None),
            };
            match gap.entry(own, mark, |asset, change| self.marks().worth(asset, change)) {
                Some(entry) if !self.waits_for_a_price(&entry) => entries.push(entry),
                _ => open.push(gap),
            }
        }
        (entries, open)
    }

    fn finish(
        &mut self,
        run: Run,
        left: Left,
        entries: Vec<OpeningEntry>,
        snapshot: &AccountSnapshot,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        // From a fill on that is in doubt, or may be of an order not heard of yet, all are listed again: what ended orders miss is
        // never older than the marks. Where not all could be listed, a run that began with a connection has asked about those that
        // were left to the list. Whatever list came, the answers of ended orders come first: a fill is listed under a venue's id that
        // may not be known here. No mark stays where it is for ever, for each connection and each later run asks again for what is
        // owed, or leaves it to the list, and an order that owes its answer all the same is forgotten one day.
        let are_left = self.reconciling.take_left_to_list().is_some();
        let were_asked = matches!(run.cause, Cause::Start | Cause::Reconnect) && !are_left;
        let owes_none = self.asked.is_subset(&self.open);
        let is_told = left.doubts.is_empty() && (left.is_whole || were_asked) && owes_none;
        let mut done = run.report(&left, entries, at.now);
        let unheard_since = self.unheard_since();
        for fill in snapshot.fills.iter().filter(|fill| is_told && fill.executed_at < unheard_since) {
            let mark = Mark { at: fill.executed_at, execution_id: Some(fill.execution_id) };
            let known = self.reconciling.marks.entry(fill.instrument).or_insert(mark);
            *known = (*known).max(mark);
        }
        done.marks = self.reconciling.marks.iter().map(|(instrument, mark)| (*instrument, *mark)).collect();
        let waited = self.reconciling.waits.is_some();
        // A person may have gone on without a venue that did not answer, and not knowing what it says now.
        let holds_up = waited || matches!(done.cause, Cause::Start | Cause::Reconnect);
        self.reconciling.waits = (holds_up && !left.is_empty()).then_some(Waits::Accept);
        self.reconciling.late_at = None;
        self.reconciling.left = (!left.is_empty()).then_some(left);
        let before = self.reconciling.last.as_ref().map(|last| last.differences.as_slice()).unwrap_or_default();
        let is_new = !done.differences.is_empty() && done.differences != before;
        let is_news = is_new || !done.entries.is_empty();
        if is_news && self.is_opening(&done) {
            out.push(Effect::Alert(opening(&done)));
        } else if is_news {
            self.alarm(words(&done, self.reconciling.waits), out);
        }
        let goes_on = waited && self.reconciling.waits.is_none();
        let is_kept = is_news || goes_on || done.cause != Cause::Schedule;
        self.keep(done, is_kept, at, out);
    }

    /// True where the first look of all found what the account began with, and nothing else: that was to be expected. Where an order
    /// of ours has ever left, as before books were held against the venue's, what differs may be of its fills.
    fn is_opening(&self, done: &Reconciliation) -> bool {
        let is_held = |difference: &Difference| match difference.kind {
            DifferenceKind::Position | DifferenceKind::Balance | DifferenceKind::Unknown => difference.settled,
            _ => false,
        };
        let traded = &self.reconciling.marks;
        let rules_of_traded = traded.keys().filter_map(|instrument| self.settings.rules.get(instrument));
        let moved: BTreeSet<_> = rules_of_traded.flat_map(|rules| [rules.base, rules.quote]).collect();
        let is_first = |entry: &OpeningEntry| match entry {
            OpeningEntry::Position { instrument, .. } => {
                !traded.contains_key(instrument) && self.book.all(*instrument).position.is_zero()
            }
            OpeningEntry::Balance { asset, .. } => {
                !moved.contains(asset) && self.balances.get(asset).is_none_or(|total| total.is_zero())
            }
        };
        let is_first_look = self.reconciling.last.is_none() && self.reconciling.waits.is_none();
        is_first_look && done.differences.iter().all(is_held) && done.entries.iter().all(is_first)
    }

    /// Enters what is to be entered and remembers the report; the ledger keeps it where it says something new.
    pub(super) fn keep(&mut self, mut done: Reconciliation, is_kept: bool, at: Moment, out: &mut Vec<Effect>) {
        let every = self.settings.reconcile_every;
        self.reconciling.next_at = (!every.is_zero()).then(|| at.now.after(every));
        if is_kept {
            self.reconciling.number += 1;
            done.number = self.reconciling.number;
            self.enter(&done.entries);
            out.push(Effect::Record(LedgerRecord::Reconciled(Box::new(done.clone()))));
        }
        self.reconciling.last = Some(done);
    }
}

/// The terms of a listed order, as the replacement that is in force.
fn terms(theirs: &VenueOrder) -> Replacement {
    Replacement { quantity: theirs.quantity, price: theirs.price, stop_price: theirs.stop_price }
}

fn words(done: &Reconciliation, waits: Option<Waits>) -> String {
    let first = done.differences.iter().find(|d| !d.settled).or(done.differences.first());
    let example = first.map(|d| format!("; {} {}: {}", d.kind, d.subject, d.text)).unwrap_or_default();
    let next = match waits {
        Some(_) => "; only what reduces is traded until `merganser reconcile --accept --why …`",
        None => "; `merganser reconcile --show` has all of it",
    };
    format!("our books and the venue's: {}{example}{next}", done.summary())
}

/// What an account began with, and what is to be known of it.
fn opening(done: &Reconciliation) -> String {
    let mut said = Vec::new();
    if !done.entries.is_empty() {
        let entries = named(done.entries.iter());
        said.push(format!(
            "the account held this before us, which is entered as its opening and counts as paid in: {entries}"
        ));
    }
    let unknown = done.differences.iter().filter(|difference| difference.kind == DifferenceKind::Unknown);
    let unknown: Vec<&str> = unknown.map(|difference| difference.subject.as_str()).collect();
    if !unknown.is_empty() {
        let unknown = named(unknown.into_iter());
        said.push(format!("it holds what `instruments` does not name, which is left out of all books: {unknown}"));
    }
    if done.entries.iter().any(|entry| matches!(entry, OpeningEntry::Position { .. })) {
        said.push("what is under manual is kept until `merganser flatten --strategy manual` closes it".to_owned());
    }
    said.push("`merganser reconcile --show` has all of it".to_owned());
    said.join("; ")
}

/// The first of them, and how many more there are.
fn named(all: impl ExactSizeIterator<Item = impl ToString>) -> String {
    let more = all.len().saturating_sub(NAMED);
    let mut named = all.take(NAMED).map(|one| one.to_string()).collect::<Vec<_>>().join(", ");
    if more > 0 {
        named.push_str(&format!(" and {more} more"));
    }
    named
}
