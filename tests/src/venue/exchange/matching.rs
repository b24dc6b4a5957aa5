//! How orders meet the market: triggers, takers, makers, what a fill changes.

use messages::orders::{Side, TimeInForce};
use messages::{Cash, Price, Quantity, UtcNanos};

use super::account::{amount, bought};
use super::order::{Amount, Expiry, State};
use super::rules::{Fees, Refusal};
use super::{Exchange, Execution, What};

impl Exchange {
    /// Moves the market: best bid and ask, with as much to take as there was set; orders trigger and fill by it.
    ///
    /// # Errors
    /// When there is no such instrument, or the bid lies above the ask.
    pub fn quote(&mut self, symbol: &str, bid: Price, ask: Price, at: UtcNanos) -> Result<(), Refusal> {
        if bid > ask || !bid.is_positive() {
            return Err(Refusal::Change("a positive bid that lies not above the ask was expected"));
        }
        let on = self.instruments.get_mut(symbol).ok_or(Refusal::UnknownSymbol)?;
        (on.bid, on.ask) = (bid, ask);
        self.run(symbol, at);
        Ok(())
    }

    /// Lets open orders of an instrument trigger and fill by the market as it stands.
    pub fn run(&mut self, symbol: &str, at: UtcNanos) {
        let last = self.instruments[symbol].last();
        let waiting: Vec<u64> =
            self.living.iter().copied().filter(|id| self.orders[id].terms.symbol == symbol).collect();
        for id in &waiting {
            if let Some(order) = self.orders.get_mut(id).filter(|o| o.state == State::Open) {
                order.terms.follow(last);
            }
            let order = &self.orders[id];
            if order.state == State::Open && !order.triggered && order.terms.is_met_by(last) {
                self.trigger(*id, at);
            }
        }
        // Best price first, then the oldest.
        let mut resting: Vec<(i64, u64)> = Vec::new();
        for id in &waiting {
            let order = &self.orders[id];
            let eager = |limit: Price| if order.terms.side == Side::Buy { -limit.raw() } else { limit.raw() };
            if order.works() {
                resting.push((order.terms.limit.map_or(i64::MIN, eager), *id));
            }
        }
        resting.sort_unstable();
        for (_, id) in resting {
            self.meet(id, true, at);
        }
    }

    fn trigger(&mut self, id: u64, at: UtcNanos) {
        if let Some(order) = self.orders.get_mut(&id) {
            (order.triggered, order.working_at) = (true, Some(at));
        }
        self.tell(id, What::Triggered, at);
        if self.rules.first_fill_ends_partner {
            self.end_partners(id, Expiry::PartnerTraded, at);
        }
        self.take(id, at);
    }

    /// Lets a new order, or one that waited for another, begin.
    pub(super) fn work(&mut self, id: u64, at: UtcNanos) {
        let on = self.instruments[&self.orders[&id].terms.symbol].clone();
        let Some(order) = self.orders.get_mut(&id) else { return };
        order.state = State::Open;
        order.terms.follow(on.last());
        if order.terms.trigger.is_none() {
            order.working_at = Some(at);
        }
        let met = order.terms.is_met_by(on.last());
        self.tell(id, What::New, at);
        match self.orders[&id].terms.trigger {
            Some(_) if met => self.trigger(id, at),
            Some(_) => {}
            None => self.take(id, at),
        }
    }

    /// Lets an order take what it can, and ends it if it may not wait.
    fn take(&mut self, id: u64, at: UtcNanos) {
        let order = &self.orders[&id];
        let on = &self.instruments[&order.terms.symbol];
        let (limit, time_in_force) = (order.terms.limit, order.terms.time_in_force);
        let all = order.rest().is_none_or(|rest| on.available.is_none_or(|there| there >= rest));
        let crosses = on.crosses(order.terms.side, limit) && !on.halted;
        let kill = time_in_force == TimeInForce::Fok && !(crosses && all);
        if kill {
            self.end(id, State::Expired(Expiry::UnfilledFok), at);
            return self.partner_ended(id, at);
        }
        self.meet(id, false, at);
        if !self.orders[&id].lives() {
            return;
        }
        let why = match (limit, time_in_force) {
            (Some(_), TimeInForce::Ioc) => Expiry::UnfilledIoc,
            (None, _) if self.rules.market_rest_expires || time_in_force == TimeInForce::Ioc => Expiry::NoLiquidity,
            _ => return,
        };
        self.end(id, State::Expired(why), at);
        self.partner_ended(id, at);
    }

    /// Fills an order as far as the market reaches it.
    fn meet(&mut self, id: u64, maker: bool, at: UtcNanos) {
        let order = &self.orders[&id];
        let on = &self.instruments[&order.terms.symbol];
        if !order.works() || on.halted || !on.crosses(order.terms.side, order.terms.limit) {
            return;
        }
        let market = on.taken_at(order.terms.side);
        // Who stood on the book when the market came gets their own price.
        let price = order.terms.limit.filter(|_| maker).unwrap_or(market);
        let wanted = match order.terms.amount {
            Amount::Base(_) => order.rest().unwrap_or_default(),
            Amount::Quote(quote) => bought(quote.checked_sub(order.quote_filled).unwrap_or_default(), price, on.step),
        };
        let quantity = on.available.map_or(wanted, |there| there.min(wanted));
        if quantity.is_positive() {
            self.execute(id, price, quantity, maker && order.terms.limit.is_some(), at);
        }
    }

    /// Fills part of an order by hand.
    ///
    /// # Errors
    /// When it does not work, or has not so much left.
    pub fn fill(&mut self, id: u64, price: Price, quantity: Quantity, at: UtcNanos) -> Result<(), Refusal> {
        let order = self.orders.get(&id).filter(|o| o.works()).ok_or(Refusal::UnknownOrder)?;
        if !quantity.is_positive() || order.rest().is_none_or(|rest| quantity > rest) {
            return Err(Refusal::Change("the order has not so much left"));
        }
        self.execute(id, price, quantity, order.terms.limit.is_some(), at);
        Ok(())
    }

    fn execute(&mut self, id: u64, price: Price, quantity: Quantity, maker: bool, at: UtcNanos) {
        self.next_trade += 1;
        let order = self.orders[&id].clone();
        let quote = price.times(quantity).unwrap_or_default();
        let on = self.instruments.get_mut(&order.terms.symbol).expect("an order's instrument");
        on.available = on.available.map(|there| there.checked_sub(quantity).unwrap_or_default().max(Quantity::ZERO));
        let (base, paid_in) = (on.base.clone(), on.quote.clone());
        let mut fill = Execution {
            trade: self.next_trade,
            order: id,
            account: order.account.clone(),
            symbol: order.terms.symbol.clone(),
            side: order.terms.side,
            price,
            quantity,
            quote,
            fee: self.fee(order.terms.side, (&base, quantity), (&paid_in, quote)),
            maker,
            at,
            position: Cash::ZERO,
            busted: false,
        };
        let account = self.accounts.entry(order.account).or_default();
        account.settle(&fill, &base, &paid_in);
        fill.position = account.owns(&base);
        self.executions.push(fill.clone());
        let step = on_step(self, &order.terms.symbol);
        let order = self.orders.get_mut(&id).expect("an order that trades");
        order.filled = order.filled.checked_add(quantity).expect("within DECIMAL(38,9)");
        order.quote_filled = order.quote_filled.checked_add(quote).expect("within DECIMAL(38,9)");
        let whole = match order.terms.amount {
            Amount::Base(all) => order.filled >= all,
            Amount::Quote(all) => {
                !bought(all.checked_sub(order.quote_filled).unwrap_or_default(), price, step).is_positive()
            }
        };
        if whole {
            order.state = State::Filled;
            self.living.remove(&id);
        }
        self.tell(id, What::Fill(fill), at);
        self.partner_traded(id, quantity, at);
    }

    fn fee(&self, side: Side, base: (&str, Quantity), quote: (&str, Cash)) -> Option<(String, Cash)> {
        let Fees::OfReceived(parts) = self.rules.fees else { return None };
        let (asset, received) = if side == Side::Buy { (base.0, amount(base.1)) } else { quote };
        // Venues of eight decimals charge whole units of the eighth.
        let fee = received.per_million(parts)?;
        Some((asset.to_owned(), Cash::from_raw(fee.raw() / 10 * 10)?))
    }
}

fn on_step(exchange: &Exchange, symbol: &str) -> Quantity {
    exchange.instruments[symbol].step
}
