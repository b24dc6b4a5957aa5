//! What a person says: begin one now, or take what still differs as it is.

use super::*;

/// Why an order ended that the venue does not have any more.
const NOT_OPEN_THERE: &str = "reconcile.not_open_there";

impl Orders {
    /// Begins a run, or takes what the last one left. What was done, in words.
    ///
    /// # Errors
    /// There is nothing to begin or to accept, in words; nothing is changed then.
    pub fn on_reconcile(&mut self, ask: ReconcileAsk, at: Moment, out: &mut Vec<Effect>) -> Result<String, String> {
        if self.books_at().is_none() {
            return Err(
                "orders go to a venue that keeps no books beside ours: there is nothing to reconcile".to_owned()
            );
        }
        match ask {
            ReconcileAsk::Begin { .. } if self.reconciling.run.is_some() => {
                Ok("a reconciliation is under way".to_owned())
            }
            ReconcileAsk::Begin { .. } if self.reconciling.waits == Some(Waits::Books) => {
                Err("the venue is not reached; the reconciliation begins when it is".to_owned())
            }
            ReconcileAsk::Begin { .. } => {
                self.begin_run(Cause::Asked, at, out);
                Ok("the venue is asked what the account holds".to_owned())
            }
            ReconcileAsk::Accept { why, .. } if why.trim().is_empty() => {
                Err("what differs is accepted with a reason; say it with --why".to_owned())
            }
            ReconcileAsk::Accept { by, why } => {
                let done = self.accept(by, why, at, out);
                self.settle_families(at, out);
                done
            }
        }
    }

    fn accept(&mut self, by: String, why: String, at: Moment, out: &mut Vec<Effect>) -> Result<String, String> {
        if self.reconciling.waits == Some(Waits::Books) {
            return Err(
                "the venue has not said yet what the account holds; accept what differs then, or once it is late"
                    .to_owned(),
            );
        }
        if let Some(moved) = self.reconciling.left.as_ref().and_then(|left| self.moved_since(left)) {
            let Difference { subject, text, .. } = moved;
            return Err(format!(
                "our books have changed since the last reconciliation, which found {subject}: {text}; `merganser reconcile` looks again"
            ));
        }
        let Some(left) = self.reconciling.left.take() else {
            return Err("nothing is left to accept; `merganser reconcile --show` has the last report".to_owned());
        };
        left.doubts.iter().for_each(|(id, doubt)| self.accept_doubt(*id, doubt.kind, at, out));
        self.look_again_after(left.doubts.keys().copied());
        let (entries, unpriced) = self.entries_of(left.gaps);
        let mut differences: Vec<Difference> = left.doubts.into_values().collect();
        differences.extend(unpriced.iter().map(Gap::difference));
        differences.extend((!left.is_whole).then(|| run::not_learned("the whole account")));
        let done = Reconciliation {
            number: 0,
            cause: Cause::Asked,
            outcome: Ended::Accepted,
            began: at.now,
            at: at.now,
            rounds: 0,
            differences,
            left_out: 0,
            entries,
            marks: self.reconciling.marks.iter().map(|(instrument, mark)| (*instrument, *mark)).collect(),
            by,
            why,
        };
        self.reconciling.waits = None;
        let said = format!("{}; new orders are taken again", done.summary());
        self.keep(done, true, at, out);
        Ok(said)
    }

    /// What is not as it was found any more. What came since may be what a gap was: entered beside it, it would count twice. An
    /// order that was heard of since, in the same instant too, may live.
    fn moved_since(&self, left: &Left) -> Option<Difference> {
        let is_heard_of = |id: &OrderId| self.order(*id).is_some_and(|order| order.updated_at >= left.found_at);
        let gap = left.gaps.iter().find(|gap| self.has_moved(gap)).map(Gap::difference);
        gap.or_else(|| left.doubts.iter().find(|(id, _)| is_heard_of(id)).map(|(_, doubt)| doubt.clone()))
    }

    /// True where we hold something else by now than when the gap was found.
    fn has_moved(&self, gap: &Gap) -> bool {
        match *gap {
            Gap::Position { instrument, here, .. } => self.book.all(instrument).position != here,
            Gap::Balance { asset, here, .. } => self.balances.get(&asset).copied() != here,
        }
    }

    /// An order in doubt stands as our books say, and where it has ended by them the venue hears it: what it does not list may live
    /// there all the same.
    fn accept_doubt(&mut self, id: OrderId, kind: DifferenceKind, at: Moment, out: &mut Vec<Effect>) {
        if kind == DifferenceKind::NotOpenThere {
            self.end_here(id, at, out);
        }
        if matches!(kind, DifferenceKind::NotOpenThere | DifferenceKind::OpenThere) {
            out.extend(self.order(id).map(|order| cancel_request(order, at.now)));
        }
    }

    /// An order that is open here and unknown there ends.
    fn end_here(&mut self, id: OrderId, at: Moment, out: &mut Vec<Effect>) {
        let Some(mut entry) = self.take(id) else { return };
        self.happen(&mut entry, Happening::because(EventKind::Canceled, Reason::code(NOT_OPEN_THERE)), at, out);
        self.index(entry);
    }
}
