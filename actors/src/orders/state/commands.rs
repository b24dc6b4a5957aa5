//! Commands: what strategies and people ask for, judged before anything leaves.

use super::families::Tie;
use super::*;
use crate::venue_rules::Seen;

impl Orders {
    /// Handles a command.
    pub fn on_command(&mut self, sender: Sender, command: Command, at: Moment, out: &mut Vec<Effect>) {
        let known = self.generations.entry(sender.strategy).or_insert(sender.generation);
        let stale = sender.generation < *known;
        *known = (*known).max(sender.generation);
        self.value_from(at.now);
        match command {
            Command::Submit { order_id, request } => self.submit(sender, order_id, *request, stale, at, out),
            // A cancel of an older generation only makes things safer.
            Command::Cancel { order_id } => self.cancel(sender.strategy, order_id, at, out),
            Command::CancelAll => self.cancel_all(sender.strategy, at, out),
            Command::Replace { .. } if stale => self.counters.refused += 1,
            Command::Replace { order_id, replacement } => self.replace(sender.strategy, order_id, replacement, at, out),
            Command::Recall { order_id, request } => self.recall(sender.strategy, order_id, *request, at, out),
            Command::Flatten { id } => self.flatten(id, at, out),
            Command::SubmitList { orders } => self.submit_list(sender, orders, stale, at, out),
            Command::FlattenStrategy { strategy, id } => self.flatten_strategy(strategy, id, at, out),
        }
        self.settle_families(at, out);
    }

    /// An order that was on its way here when the group failed: known, or lost and never sent.
    fn recall(
        &mut self,
        strategy: StrategyId,
        order_id: OrderId,
        request: OrderRequest,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        if self.entries.contains_key(&order_id) {
            return;
        }
        let mut entry = self.new_entry(strategy, order_id, request, at);
        let text = "the trading group was restored before it was heard; send it again".to_owned();
        self.counters.denied += 1;
        let refusal = Refusal { reason: Reason::code("restarted"), text };
        self.happen(&mut entry, Happening::refused(EventKind::Denied, refusal), at, out);
        self.index(entry);
    }

    pub(super) fn submit(
        &mut self,
        sender: Sender,
        order_id: OrderId,
        request: OrderRequest,
        stale: bool,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        if self.entries.contains_key(&order_id) {
            self.counters.refused += 1;
            return;
        }
        let verdict =
            if stale { Err(stale_generation(sender)) } else { self.judge_new(sender.strategy, &request, at.now) };
        let entry = self.new_entry(sender.strategy, order_id, request, at);
        match verdict {
            Ok(tie) => self.let_pass(entry, tie, at, out),
            Err(refusal) => self.deny(entry, refusal, at, out),
        }
    }

    /// Takes an order that risk let pass: it goes to its venue, or is held here.
    pub(super) fn let_pass(&mut self, mut entry: Entry, tie: Tie, at: Moment, out: &mut Vec<Effect>) {
        if tie == Tie::Here {
            self.happen(&mut entry, Happening::of(EventKind::Held), at, out);
        } else {
            let request = entry.order.request.clone();
            self.intend(&mut entry, request, at, out);
        }
        self.index(entry);
    }

    /// Writes down that an order goes to its venue, as `request`, and sends it.
    pub(super) fn intend(&mut self, entry: &mut Entry, request: OrderRequest, at: Moment, out: &mut Vec<Effect>) {
        self.recent.ordered(entry.order.strategy, &entry.order.request, at.now);
        self.happen(entry, Happening::of(EventKind::Intended), at, out);
        let Order { client_order_id, order_id, .. } = entry.order;
        let exchange = request.instrument.exchange;
        let submit = VenueRequest::Submit { client_order_id, order_id, request: Box::new(request), at: at.now };
        out.push(Effect::Send(exchange, submit));
    }

    pub(super) fn deny(&mut self, mut entry: Entry, refusal: Refusal, at: Moment, out: &mut Vec<Effect>) {
        self.counters.denied += 1;
        self.happen(&mut entry, Happening::refused(EventKind::Denied, refusal), at, out);
        self.index(entry);
    }

    pub(super) fn new_entry(
        &mut self,
        strategy: StrategyId,
        order_id: OrderId,
        request: OrderRequest,
        at: Moment,
    ) -> Entry {
        let client_order_id = self.client_ids.next_id();
        let parent = request.parent.and_then(|p| self.entries.get(&p)).map(|p| p.order.correlation_id);
        let order = Order {
            order_id,
            account: self.settings.account,
            strategy,
            client_order_id,
            request,
            status: Status::Initialized,
            filled: Quantity::ZERO,
            filled_notional: Notional::ZERO,
            acknowledged: false,
            triggered: false,
            attempts: vec![Attempt { client_order_id, venue_order_id: None, since: at.now, confirmed: true }],
            replacing: None,
            reason: None,
            reason_text: String::new(),
            created_at: at.now,
            submitted_at: None,
            updated_at: at.now,
            filled_at: None,
            commission: None,
            correlation_id: parent.unwrap_or(CorrelationId(order_id.0)),
            as_of: at.as_of,
        };
        Entry {
            asked: order.request.quantity,
            order,
            events: 0,
            executions: BTreeMap::new(),
            refused: BTreeSet::new(),
            reported: Quantity::ZERO,
            asked_at: at.now,
            requested_at: None,
            left_by: None,
            terms_unknown: false,
            whole: None,
        }
    }

    pub(super) fn judge(
        &mut self,
        strategy: StrategyId,
        is_replacement: bool,
        request: &OrderRequest,
        remaining: Quantity,
        now: UtcNanos,
    ) -> Result<(), Refusal> {
        let (instrument, side) = (request.instrument, request.side);
        let prices = self.prices.get(instrument).copied().unwrap_or_default();
        let by_value = request.quote_quantity.map(|_| risk::asked(request, &prices).unwrap_or_default());
        let remaining = by_value.unwrap_or(remaining);
        let stakes = [self.book.own(strategy, instrument), self.book.all(instrument)].map(|stake| stake.at(&prices));
        let [Some(own), Some(all_of)] = stakes else {
            let text = format!("what is open by value in {instrument} is unknown: a price is missing");
            return Err(Refusal { reason: Reason::code("risk.unknown_value"), text });
        };
        let free = (self.settings.kind == AccountKind::Cash).then(|| self.free(instrument));
        let venue_rules = self.settings.venue_rules.get(&instrument).map(|rules| {
            let rules = rules.as_ref();
            (rules, self.seen(rules, instrument, now))
        });
        let limits = self.rulebook.of(strategy, instrument);
        let marks = Marks { settings: &self.settings, prices: &self.prices, rates: &self.rates };
        let book = &self.book;
        let own_totals = (limits.max_gross_exposure.is_positive() || limits.max_net_exposure.is_positive())
            .then(|| marks.totals(book.stakes_of(strategy), instrument, side, remaining));
        let all = || book.stakes().map(|(instrument, stake, _)| (instrument, stake));
        let totals = limits.account.looks_at_totals().then(|| marks.totals(all(), instrument, side, remaining));
        let looks_at_equity = limits.account.max_leverage_percent > 0 || limits.account.limits_losses();
        risk::decide(&risk::Context {
            strategy,
            request,
            remaining,
            is_replacement,
            now,
            limits,
            trading: self.trading,
            rules: self.settings.rules.get(&instrument),
            venue: self.settings.venues.get(&instrument.exchange).copied(),
            venue_rules,
            prices,
            own,
            all: all_of,
            open_orders: book.open(strategy),
            open_orders_of_all: book.open_of_all(),
            recent: self.recent.rates(strategy, now),
            same_at: self.recent.same(strategy, request, limits.duplicate_window, now).filter(|_| !is_replacement),
            usual: self.recent.usual(strategy, instrument),
            own_totals,
            totals,
            equity: looks_at_equity.then(|| marks.equity(&self.balances)).flatten(),
            waits: self.reconciling.waits,
            latches: &self.watch.latches,
            status: self.watch.status(instrument),
            calendar: &self.settings.calendar,
            kind: self.settings.kind,
            free_quote: free.as_ref().and_then(|free| free.quote),
            free_base: free.as_ref().and_then(|free| free.base),
        })
    }

    /// What the venue's rules of an instrument look at.
    fn seen(&self, rules: &dyn VenueRules, instrument: Instrument, now: UtcNanos) -> Seen {
        let last = || self.prices.get(instrument).and_then(|prices| prices.last);
        let average = match rules.averages_over() {
            Some(Duration::ZERO) => last(),
            Some(_) => self.averages.get(&instrument).and_then(|average| average.at(now)),
            None => None,
        };
        let (here, all) = (self.book.open_here(instrument), self.book.all(instrument));
        Seen {
            average,
            open_orders: here.orders,
            open_algo_orders: here.conditional,
            open_everywhere: u32::try_from(self.book.open_of_all()).unwrap_or(u32::MAX),
            position: Some(all.position),
            open_buys: all.buys,
        }
    }

    fn cancel(&mut self, strategy: StrategyId, order_id: OrderId, at: Moment, out: &mut Vec<Effect>) {
        let Some(entry) = self.take_own(strategy, order_id) else { return };
        self.cancel_taken(entry, at, out);
    }

    /// Cancels an order of a strategy that did not ask for it. One on its way out is left to itself.
    pub(super) fn cancel_unasked(&mut self, order_id: OrderId, at: Moment, out: &mut Vec<Effect>) {
        let Some(entry) = self.take(order_id) else { return };
        if entry.order.status == Status::PendingCancel { self.index(entry) } else { self.cancel_taken(entry, at, out) }
    }

    fn cancel_taken(&mut self, mut entry: Entry, at: Moment, out: &mut Vec<Effect>) {
        if entry.order.status == Status::Held {
            // Nobody else knows of it.
            self.happen(&mut entry, Happening::of(EventKind::Canceled), at, out);
        } else {
            self.request_cancel(&mut entry, at, out);
        }
        self.index(entry);
    }

    pub(super) fn request_cancel(&mut self, entry: &mut Entry, at: Moment, out: &mut Vec<Effect>) {
        if self.happen(entry, Happening::of(EventKind::CancelRequested), at, out) {
            entry.requested_at = Some(at.now);
            entry.asked_at = at.now;
            out.push(cancel_request(&entry.order, at.now));
        }
    }

    pub(super) fn cancel_all(&mut self, strategy: StrategyId, at: Moment, out: &mut Vec<Effect>) {
        let everyone = strategy == StrategyId::manual();
        let mine = |id: &&OrderId| {
            let order = &self.entries[*id].order;
            (everyone || order.strategy == strategy) && order.status != Status::PendingCancel
        };
        let ids: Vec<OrderId> = self.open.iter().filter(mine).copied().collect();
        for id in ids {
            self.cancel(strategy, id, at, out);
        }
    }

    /// Takes an order out for a change, if it is there and belongs to who asks; people may touch all.
    pub(super) fn take_own(&mut self, strategy: StrategyId, order_id: OrderId) -> Option<Entry> {
        let allowed = |e: &Entry| strategy == StrategyId::manual() || e.order.strategy == strategy;
        if !self.entries.get(&order_id).is_some_and(allowed) {
            self.counters.refused += 1;
            return None;
        }
        self.take(order_id)
    }
}

pub(super) fn stale_generation(sender: Sender) -> Refusal {
    let text = format!("generation {} of {} has been replaced", sender.generation, sender.strategy);
    Refusal { reason: Reason::code("stale_generation"), text }
}
