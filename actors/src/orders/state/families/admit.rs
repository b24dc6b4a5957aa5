//! Which ties are taken: how a new order may belong to another, and how it is judged before that one is filled.

use messages::orders::OrderType;

use super::*;

/// The code of an order of a list that was denied for another one's sake.
const LIST_DENIED: &str = "contingency.list_denied";

/// How a new order is tied to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::orders::state) enum Tie {
    /// To none.
    None,
    /// To one, and its venue holds it.
    Venue,
    /// To one, and it is held here.
    Here,
}

impl Orders {
    /// How a new order of a strategy is tied; `listed` are the orders that come before it in its list.
    ///
    /// # Errors
    /// It cannot be tied like that here, or to an order of another strategy anywhere: what becomes of one decides over the other.
    pub(in crate::orders::state) fn tie(
        &self,
        strategy: StrategyId,
        request: &OrderRequest,
        listed: &[Entry],
    ) -> Result<Tie, Refusal> {
        let (Some(parent), Some(how)) = (request.parent, request.contingency) else { return Ok(Tie::None) };
        let known = self.entries.get(&parent).or_else(|| listed.iter().find(|e| e.order.order_id == parent));
        let known = known.map(|entry| &entry.order);
        if let Some(head) = known.filter(|head| head.strategy != strategy) {
            let owner = head.strategy;
            let text = format!(
                "order {parent}, which it belongs to, is of {owner}; name one of {strategy}'s, or send it alone"
            );
            return refuse("contingency.owner", text);
        }
        if !self.is_ours(request) {
            return Ok(Tie::Venue);
        }
        let Some(head) = known else {
            return refuse("contingency.orphan", format!("order {parent}, which it belongs to, is not known here"));
        };
        check_head(request, how, head)?;
        let members = self.families.members.get(&parent).into_iter().flatten();
        let stored = members.filter_map(|id| self.entries.get(id)).map(|entry| &entry.order);
        let siblings = stored.chain(listed.iter().map(|entry| &entry.order));
        let mut siblings = siblings.filter(|o| o.request.parent == Some(parent));
        siblings.try_for_each(|sibling| check_sibling(request, how, sibling))?;
        check_terms(request, how, head.request.quantity).map(|()| Tie::Here)
    }

    /// Judges a new quantity of an order that others belong to.
    ///
    /// # Errors
    /// The others are for all of it, and would be for a part.
    pub(in crate::orders::state) fn check_outgrown(&self, head: &Order, quantity: Quantity) -> Result<(), Refusal> {
        let members = self.families.members.get(&head.order_id).into_iter().flatten();
        let others = members.filter_map(|id| self.entries.get(id)).map(|entry| &entry.order);
        let open = others.filter(|other| other.status.is_open() && self.is_ours(&other.request));
        match open.map(|other| other.request.quantity).max() {
            Some(most) if most >= head.request.quantity && most < quantity => {
                let text = format!(
                    "the orders that belong to it are for {most}; cancel them first, or send what is more as an order of its own"
                );
                refuse("contingency.quantity", text)
            }
            _ => Ok(()),
        }
    }

    /// The order that one belongs to.
    pub(in crate::orders::state) fn head_of(&self, request: &OrderRequest) -> Option<Order> {
        request.parent.and_then(|id| self.entries.get(&id)).map(|entry| entry.order.clone())
    }

    /// Judges an order as if the one that it belongs to were filled (OTO) or gone (OCO), and the others of its family gone.
    pub(in crate::orders::state) fn judge_tied(
        &mut self,
        strategy: StrategyId,
        request: &OrderRequest,
        head: Option<&Order>,
        now: UtcNanos,
    ) -> Result<(), Refusal> {
        let Some(head) = head else { return self.judge(strategy, false, request, request.quantity, now) };
        let (book, balances) = (self.book.clone(), self.balances.clone());
        let members = self.families.members.get(&head.order_id).into_iter().flatten();
        members.filter_map(|id| self.entries.get(id)).for_each(|entry| self.book.take(&entry.order));
        self.book.take(head);
        if request.contingency == Some(Contingency::Oto) && !head.status.is_terminal() {
            self.suppose_filled(head);
        }
        let verdict = self.judge(strategy, false, request, request.quantity, now);
        (self.book, self.balances) = (book, balances);
        verdict
    }

    fn suppose_filled(&mut self, order: &Order) {
        let (request, rest) = (&order.request, order.remaining());
        let (instrument, side) = (request.instrument, request.side);
        self.book.fill(order.strategy, instrument, side.signed(rest));
        let Some(rules) = self.settings.rules.get(&instrument) else { return };
        let price = request.price.or(request.stop_price);
        let price = price.or_else(|| self.prices.get(instrument).and_then(|prices| prices.reference(side)));
        let paid = price.and_then(|price| price.times(rest)).unwrap_or_default();
        let got = Cash::from_raw(rest.raw()).unwrap_or_default();
        let (base, quote) = if side == Side::Buy { (got, -paid) } else { (-got, paid) };
        for (asset, change) in [(rules.base, base), (rules.quote, quote)] {
            let total = self.balances.entry(asset).or_default();
            *total = total.checked_add(change).unwrap_or(*total);
        }
    }

    /// Takes a list: all of it, or nothing.
    pub(in crate::orders::state) fn submit_list(
        &mut self,
        sender: Sender,
        orders: Vec<(OrderId, OrderRequest)>,
        stale: bool,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        if orders.is_empty() || orders.iter().any(|(id, _)| self.entries.contains_key(id)) {
            self.counters.refused += 1;
            return;
        }
        let mut listed: Vec<Entry> = Vec::new();
        let mut ties = Vec::new();
        let mut denied = None;
        for (id, request) in orders {
            let tie = if stale {
                Err(stale_generation(sender))
            } else {
                self.judge_listed(sender, &request, &listed, at.now)
            };
            ties.push(*tie.as_ref().unwrap_or(&Tie::None));
            if let Err(refusal) = tie {
                denied.get_or_insert((id, refusal));
            }
            let mut entry = self.new_entry(sender.strategy, id, request, at);
            if let Some(head) = listed.first() {
                entry.order.correlation_id = head.order.correlation_id;
            }
            listed.push(entry);
        }
        for (entry, tie) in listed.into_iter().zip(ties) {
            match &denied {
                None => self.let_pass(entry, tie, at, out),
                Some((id, refusal)) if *id == entry.order.order_id => self.deny(entry, refusal.clone(), at, out),
                Some((id, refusal)) => {
                    let text = format!("order {id} of its list was denied: {}: {}", refusal.reason, refusal.text);
                    self.deny(entry, Refusal { reason: Reason::code(LIST_DENIED), text }, at, out);
                }
            }
        }
    }

    fn judge_listed(
        &mut self,
        sender: Sender,
        request: &OrderRequest,
        listed: &[Entry],
        now: UtcNanos,
    ) -> Result<Tie, Refusal> {
        let Some(head) = listed.first().map(|entry| &entry.order) else {
            return self.judge_new(sender.strategy, request, now);
        };
        if request.parent != Some(head.order_id) {
            return refuse(
                "contingency.list",
                "the orders behind the first of a list name it as their parent".to_owned(),
            );
        }
        let tie = self.tie(sender.strategy, request, listed)?;
        self.judge_tied(sender.strategy, request, Some(head), now).map(|()| tie)
    }

    /// Judges a new order that comes alone.
    ///
    /// # Errors
    /// It is not taken.
    pub(in crate::orders::state) fn judge_new(
        &mut self,
        strategy: StrategyId,
        request: &OrderRequest,
        now: UtcNanos,
    ) -> Result<Tie, Refusal> {
        let tie = self.tie(strategy, request, &[])?;
        let head = self.head_of(request).filter(|_| tie != Tie::None);
        self.judge_tied(strategy, request, head.as_ref(), now).map(|()| tie)
    }
}

fn refuse<T>(code: &'static str, text: String) -> Result<T, Refusal> {
    Err(Refusal { reason: Reason::code(code), text })
}

fn check_head(request: &OrderRequest, how: Contingency, head: &Order) -> Result<(), Refusal> {
    let parent = head.order_id;
    if head.status.is_terminal() && (how == Contingency::Oco || !head.filled.is_positive()) {
        let text = format!("order {parent}, which it belongs to, is {} already", head.status);
        return refuse("contingency.orphan", text);
    }
    if head.request.parent.is_some() {
        let text = format!("order {parent} belongs to another itself; name that one as the parent of both");
        return refuse("contingency.depth", text);
    }
    if head.request.instrument != request.instrument {
        let (theirs, ours) = (head.request.instrument, request.instrument);
        return refuse("contingency.instrument", format!("it is for {ours}, the one that it belongs to for {theirs}"));
    }
    Ok(())
}

fn check_sibling(request: &OrderRequest, how: Contingency, sibling: &Order) -> Result<(), Refusal> {
    let theirs = &sibling.request;
    if theirs.contingency != Some(how) {
        let text = format!(
            "order {} has the same parent and is not {how}; all of one parent are tied alike",
            sibling.order_id
        );
        return refuse("contingency.mixed", text);
    }
    if sibling.status.is_terminal() {
        return Ok(());
    }
    if !theirs.order_type.is_conditional() && !request.order_type.is_conditional() {
        let text = format!(
            "a {} and a {} order would both work at once; one of them must wait for a price",
            theirs.order_type, request.order_type
        );
        return refuse("contingency.rivals", text);
    }
    Ok(())
}

fn check_terms(request: &OrderRequest, how: Contingency, of_head: Quantity) -> Result<(), Refusal> {
    let (quantity, order_type) = (request.quantity, request.order_type);
    if order_type == OrderType::TrailingStop {
        let text = "a trailing_stop that belongs to another is not held here; give a stop, or send it alone".to_owned();
        return refuse("contingency.order_type", text);
    }
    if how == Contingency::Oto && quantity > of_head {
        let text = format!("{quantity} is more than the {of_head} of the order that it belongs to");
        return refuse("contingency.quantity", text);
    }
    if how == Contingency::Oco && quantity != of_head {
        let text = format!("orders that cancel one another have one quantity, not {of_head} and {quantity}");
        return refuse("contingency.quantity", text);
    }
    if how == Contingency::Oco && !order_type.is_conditional() {
        let text = format!("a {order_type} order cannot wait here for a price; name the two the other way round");
        return refuse("contingency.rivals", text);
    }
    Ok(())
}
