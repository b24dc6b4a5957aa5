//! What changes an order that was taken: cancel, amend, replace, the day's end, a trade that is taken back.

use messages::orders::{Side, TimeInForce};
use messages::{Quantity, UtcNanos};

use super::order::{Amount, Expiry, State, Terms};
use super::rules::{self, Refusal};
use super::{Change, Exchange, Execution, What};

impl Exchange {
    /// Cancels an order at the wish of a request with an id of its own.
    ///
    /// # Errors
    /// When it does not live.
    pub fn cancel(&mut self, id: u64, request: Option<&str>, at: UtcNanos) -> Result<(), Refusal> {
        let order = self.orders.get_mut(&id).filter(|o| o.lives()).ok_or(Refusal::UnknownOrder)?;
        order.canceled_by = request.map(str::to_owned);
        self.end(id, State::Canceled, at);
        self.partner_ended(id, at);
        Ok(())
    }

    /// Lowers an order's quantity; it keeps its place.
    ///
    /// # Errors
    /// When it does not live, or the quantity is not lower, or not above what is filled.
    pub fn amend(&mut self, id: u64, client_id: Option<&str>, to: Quantity, at: UtcNanos) -> Result<(), Refusal> {
        let order = self.orders.get(&id).filter(|o| o.lives()).ok_or(Refusal::UnknownOrder)?;
        let Amount::Base(all) = order.terms.amount else {
            return Err(Refusal::Change("a quote amount cannot be amended"));
        };
        if to >= all || to <= order.filled {
            return Err(Refusal::Change("the new quantity must lie between what is filled and what was ordered"));
        }
        let terms = Terms { amount: Amount::Base(to), ..order.terms.clone() };
        rules::filters(&terms, &self.instruments[&terms.symbol])?;
        if let Some(client_id) = client_id {
            let account = order.account.clone();
            self.is_free(&account, client_id)?;
            self.client_ids.insert((account, client_id.to_owned()), id);
        }
        let order = self.orders.get_mut(&id).ok_or(Refusal::UnknownOrder)?;
        order.client_id = client_id.map_or_else(|| order.client_id.clone(), str::to_owned);
        order.terms = terms;
        self.tell(id, What::Amended, at);
        Ok(())
    }

    /// Puts a new order in the place of one.
    ///
    /// # Errors
    /// When it does not live, or the new terms are refused: the old order stays then.
    pub fn replace(&mut self, id: u64, client_id: &str, change: &Change, at: UtcNanos) -> Result<u64, Refusal> {
        let old = self.orders.get(&id).filter(|o| o.lives()).ok_or(Refusal::UnknownOrder)?.clone();
        let mut terms = old.terms.clone();
        terms.amount = match (terms.amount, change.quantity) {
            (Amount::Quote(_), _) => return Err(Refusal::Change("an order by notional cannot be replaced")),
            (_, Some(quantity)) if quantity <= old.filled => {
                return Err(Refusal::Change("the new quantity must be above what is filled"));
            }
            // What is filled stays with the old order.
            (Amount::Base(all), new) => Amount::Base(new.unwrap_or(all).checked_sub(old.filled).unwrap_or_default()),
        };
        terms.limit = change.limit.or(terms.limit);
        terms.trigger = change.trigger.or(terms.trigger);
        terms.time_in_force = change.time_in_force.unwrap_or(terms.time_in_force);
        rules::filters(&terms, &self.instruments[&terms.symbol])?;
        self.is_free(&old.account, client_id)?;
        let mut draft = self.draft(&old.account, client_id, &terms, at);
        (draft.replaces, draft.list, draft.state) = (Some(id), old.list, old.state);
        // While it is looked at, the old order holds nothing.
        self.living.remove(&id);
        if let Err(refusal) = self.affords(&draft) {
            self.living.insert(id);
            return Err(refusal);
        }
        let new = self.number(draft);
        if let Some(order) = self.orders.get_mut(&id) {
            order.replaced_by = Some(new);
        }
        self.end(id, State::Replaced, at);
        self.takes_place(id, new);
        if old.state == State::Held {
            self.tell(new, What::Held, at)
        } else {
            self.work(new, at)
        }
        Ok(new)
    }

    /// Ends the day: its orders expire.
    pub fn end_day(&mut self, at: UtcNanos) {
        for id in self.living.clone() {
            if self.orders[&id].terms.time_in_force == TimeInForce::Day && self.orders[&id].lives() {
                self.end(id, State::Expired(Expiry::DayOver), at);
                self.partner_ended(id, at);
            }
        }
    }

    /// Takes a trade back, as exchanges do with erroneous ones: money and the order's sums go back, the order stays ended.
    ///
    /// # Errors
    /// When there is no such trade.
    pub fn bust(&mut self, trade: u64, at: UtcNanos) -> Result<(), Refusal> {
        let found = self.executions.iter_mut().find(|e| e.trade == trade && !e.busted).ok_or(Refusal::UnknownOrder)?;
        found.busted = true;
        let fill = found.clone();
        let on = &self.instruments[&fill.symbol];
        let back = Execution {
            side: if fill.side == Side::Buy { Side::Sell } else { Side::Buy },
            fee: fill.fee.as_ref().map(|(asset, fee)| (asset.clone(), -*fee)),
            ..fill.clone()
        };
        self.accounts.entry(fill.account.clone()).or_default().settle(&back, &on.base, &on.quote);
        if let Some(order) = self.orders.get_mut(&fill.order) {
            order.filled = order.filled.checked_sub(fill.quantity).unwrap_or_default();
            order.quote_filled = order.quote_filled.checked_sub(fill.quote).unwrap_or_default();
        }
        self.tell(fill.order, What::Busted(fill.clone()), at);
        Ok(())
    }
}
