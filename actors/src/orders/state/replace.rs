//! Replacements: new terms for an open order, judged like a new one.

use super::*;

impl Orders {
    pub(super) fn replace(
        &mut self,
        strategy: StrategyId,
        order_id: OrderId,
        terms: Replacement,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let Some(mut entry) = self.take_own(strategy, order_id) else { return };
        if entry.order.status == Status::Held {
            self.replace_held(&mut entry, terms, at, out);
            return self.index(entry);
        }
        if matches!(table::decide(entry.order.status, EventKind::ReplaceRequested), Outcome::Refuse) {
            self.counters.refused += 1;
            return self.index(entry);
        }
        let request = with_terms(&entry.order.request, terms);
        let remaining = request.quantity.checked_sub(entry.order.filled).unwrap_or(Quantity::ZERO);
        let verdict = self.judge_replacement(strategy, &entry, &request, remaining, at.now);
        let new_id = entry.order.client_order_id.replacement(entry.order.attempts.len() as u32);
        match (verdict, new_id) {
            (Ok(()), Some(new_client_order_id)) => {
                self.recent.asked(strategy, at.now);
                let current = entry.order.current().copied();
                entry.order.replacing = Some(terms);
                entry.order.attempts.push(Attempt {
                    client_order_id: new_client_order_id,
                    venue_order_id: None,
                    since: at.now,
                    confirmed: false,
                });
                self.happen(&mut entry, Happening::of(EventKind::ReplaceRequested), at, out);
                entry.requested_at = Some(at.now);
                entry.asked_at = at.now;
                let replace = VenueRequest::Replace {
                    client_order_id: current.map_or(entry.order.client_order_id, |a| a.client_order_id),
                    new_client_order_id,
                    venue_order_id: current.and_then(|a| a.venue_order_id),
                    instrument: request.instrument,
                    replacement: terms,
                    at: at.now,
                };
                out.push(Effect::Send(request.instrument.exchange, replace));
            }
            (Err(refusal), _) => self.replacement_denied(&mut entry, refusal, at, out),
            (Ok(()), None) => {
                let text = format!("{} has no room for another replacement", entry.order.client_order_id);
                let refusal = Refusal { reason: Reason::code("order.too_many_replacements"), text };
                self.replacement_denied(&mut entry, refusal, at, out);
            }
        }
        self.index(entry);
    }

    /// What is held here is changed here.
    fn replace_held(&mut self, entry: &mut Entry, terms: Replacement, at: Moment, out: &mut Vec<Effect>) {
        let request = with_terms(&entry.order.request, terms);
        let head = self.head_of(&request);
        match self.judge_tied(entry.order.strategy, &request, head.as_ref(), at.now) {
            Ok(()) => {
                entry.order.request = request;
                self.happen(entry, Happening::of(EventKind::Replaced), at, out);
            }
            Err(refusal) => self.replacement_denied(entry, refusal, at, out),
        }
    }

    fn judge_replacement(
        &mut self,
        strategy: StrategyId,
        entry: &Entry,
        request: &OrderRequest,
        remaining: Quantity,
        now: UtcNanos,
    ) -> Result<(), Refusal> {
        if !remaining.is_positive() {
            let text = format!("quantity {} is not above what is filled, {}", request.quantity, entry.order.filled);
            return Err(Refusal { reason: Reason::code("order.already_filled"), text });
        }
        self.check_outgrown(&entry.order, request.quantity)?;
        self.judge(strategy, true, request, remaining, now)
    }

    /// A replacement that we refuse leaves the order as it is; the refusal stands in its events.
    fn replacement_denied(&mut self, entry: &mut Entry, refusal: Refusal, at: Moment, out: &mut Vec<Effect>) {
        self.counters.denied += 1;
        self.record(entry, Happening::refused(EventKind::ReplaceRejected, refusal), at, out);
    }
}
