//! A spot exchange as a pure state: accounts, orders, and a market that the test moves. Two protocols stand before it:
//! [`super::binance`] and [`super::alpaca`].
//!
//! It hears requests with their time and keeps every event in order for the protocol in front of it to tell. Invariant:
//! for each order, its executions add up to what is filled of it; assets change by executions only.

pub mod account;
mod changes;
mod lists;
mod matching;
pub mod order;
pub mod rules;

use std::collections::{BTreeMap, BTreeSet};

use messages::orders::{Side, TimeInForce};
use messages::{Cash, Price, Quantity, UtcNanos};

use account::{Account, Balance};
use order::{Expiry, Order, State, Terms, Trigger};
use rules::{ClientIds, Instrument, Refusal, Rules};

pub use lists::{Leg, List, Shape};

/// A fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// The trade's number in its instrument.
    pub trade: u64,
    /// Of which order.
    pub order: u64,
    /// Whose.
    pub account: String,
    /// In what.
    pub symbol: String,
    /// The order's side.
    pub side: Side,
    /// At what price.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
    /// Price × quantity.
    pub quote: Cash,
    /// Asset and amount of the fee.
    pub fee: Option<(String, Cash)>,
    /// The order stood on the book.
    pub maker: bool,
    /// When.
    pub at: UtcNanos,
    /// What the account owns of the base asset afterwards.
    pub position: Cash,
    /// The trade was taken back.
    pub busted: bool,
}

/// What happened to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It was taken.
    New,
    /// It was taken, and waits for another order.
    Held,
    /// Its trigger was met.
    Triggered,
    /// It traded.
    Fill(Execution),
    /// It ended on request.
    Canceled,
    /// Its time was over.
    Expired(Expiry),
    /// Its quantity was lowered in place.
    Amended,
    /// Another order stands in its place.
    Replaced,
    /// A trade was taken back.
    Busted(Execution),
}

/// Something that happened, with the order as it stood then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Rises by one.
    pub number: u64,
    /// When.
    pub at: UtcNanos,
    /// The order.
    pub order: Order,
    /// What.
    pub what: What,
    /// What the account has of the instrument's two assets afterwards.
    pub balances: [Balance; 2],
}

/// New terms for an order; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Total quantity, the filled part included.
    pub quantity: Option<Quantity>,
    /// Limit.
    pub limit: Option<Price>,
    /// Trigger.
    pub trigger: Option<Trigger>,
    /// For how long.
    pub time_in_force: Option<TimeInForce>,
}

/// The exchange.
#[derive(Debug)]
pub struct Exchange {
    /// How the house does things.
    pub rules: Rules,
    /// What is traded.
    pub instruments: BTreeMap<String, Instrument>,
    /// Whose money.
    pub accounts: BTreeMap<String, Account>,
    /// Every order that was taken.
    pub orders: BTreeMap<u64, Order>,
    /// Every list of orders.
    pub lists: BTreeMap<u64, List>,
    /// Every fill.
    pub executions: Vec<Execution>,
    living: BTreeSet<u64>,
    client_ids: BTreeMap<(String, String), u64>,
    next_order: u64,
    next_trade: u64,
    events: Vec<Event>,
    told: u64,
}

impl Exchange {
    /// An exchange whose numbers begin after `first`.
    #[must_use]
    pub fn new(rules: Rules, instruments: Vec<Instrument>, first: u64) -> Self {
        Self {
            rules,
            instruments: instruments.into_iter().map(|i| (i.symbol.clone(), i)).collect(),
            accounts: BTreeMap::new(),
            orders: BTreeMap::new(),
            lists: BTreeMap::new(),
            executions: Vec::new(),
            living: BTreeSet::new(),
            client_ids: BTreeMap::new(),
            next_order: first,
            next_trade: first,
            events: Vec::new(),
            told: 0,
        }
    }

    /// What happened since it was asked last, in order.
    pub fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The number of the next event.
    #[must_use]
    pub const fn next_event(&self) -> u64 {
        self.told + 1
    }

    /// An order of an account by the client's id: the newest that bore it.
    #[must_use]
    pub fn by_client_id(&self, account: &str, id: &str) -> Option<&Order> {
        self.orders.get(self.client_ids.get(&(account.to_owned(), id.to_owned()))?)
    }

    /// The living orders of an account, oldest first.
    pub fn open(&self, account: &str) -> impl Iterator<Item = &Order> {
        self.living.iter().filter_map(|id| self.orders.get(id)).filter(move |o| o.account == account)
    }

    /// The fills of an order, oldest first.
    pub fn fills(&self, order: u64) -> impl Iterator<Item = &Execution> {
        self.executions.iter().filter(move |e| e.order == order && !e.busted)
    }

    /// Looks whether an order would be taken.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, account: &str, client_id: &str, terms: &Terms, at: UtcNanos) -> Result<(), Refusal> {
        self.drafted(account, client_id, terms, at).map(drop)
    }

    /// Takes an order: it may fill at once.
    ///
    /// # Errors
    /// Why it is not taken; nothing has changed then.
    pub fn place(&mut self, account: &str, client_id: &str, terms: &Terms, at: UtcNanos) -> Result<u64, Refusal> {
        let draft = self.drafted(account, client_id, terms, at)?;
        Ok(self.enter(draft, at))
    }

    /// An order that passes every rule.
    fn drafted(&self, account: &str, client_id: &str, terms: &Terms, at: UtcNanos) -> Result<Order, Refusal> {
        let on = self.instruments.get(&terms.symbol).ok_or(Refusal::UnknownSymbol)?;
        rules::filters(terms, on)?;
        self.counts(account, terms, on)?;
        self.is_free(account, client_id)?;
        if on.halted && !self.rules.takes_while_halted {
            return Err(Refusal::Halted);
        }
        if terms.post_only && on.crosses(terms.side, terms.limit) {
            return Err(Refusal::WouldTake);
        }
        if self.rules.met_trigger_refused && terms.is_met_by(on.last()) {
            return Err(Refusal::WouldTrigger);
        }
        let draft = self.draft(account, client_id, terms, at);
        self.affords(&draft)?;
        Ok(draft)
    }

    fn counts(&self, account: &str, terms: &Terms, on: &Instrument) -> Result<(), Refusal> {
        let same = || self.open(account).filter(|o| o.terms.symbol == terms.symbol);
        if same().count() >= on.max_orders {
            return Err(Refusal::Filter("MAX_NUM_ORDERS"));
        }
        if terms.trigger.is_some() && same().filter(|o| o.terms.trigger.is_some()).count() >= on.max_conditional {
            return Err(Refusal::Filter("MAX_NUM_ALGO_ORDERS"));
        }
        Ok(())
    }

    fn is_free(&self, account: &str, client_id: &str) -> Result<(), Refusal> {
        let taken = self.by_client_id(account, client_id);
        let taken = taken.filter(|order| self.rules.client_ids == ClientIds::Forever || order.lives());
        if taken.is_some() { Err(Refusal::DuplicateId) } else { Ok(()) }
    }

    fn draft(&self, account: &str, client_id: &str, terms: &Terms, at: UtcNanos) -> Order {
        Order {
            id: 0,
            account: account.to_owned(),
            client_id: client_id.to_owned(),
            terms: terms.clone(),
            first_amount: terms.amount,
            state: State::Open,
            triggered: false,
            filled: Quantity::ZERO,
            quote_filled: Cash::ZERO,
            list: None,
            replaces: None,
            replaced_by: None,
            canceled_by: None,
            created_at: at,
            working_at: None,
            updated_at: at,
        }
    }

    /// Gives an order its number and lets it work.
    fn enter(&mut self, draft: Order, at: UtcNanos) -> u64 {
        let id = self.number(draft);
        self.work(id, at);
        id
    }

    fn number(&mut self, mut order: Order) -> u64 {
        self.next_order += 1;
        order.id = self.next_order;
        self.client_ids.insert((order.account.clone(), order.client_id.clone()), order.id);
        self.living.insert(order.id);
        self.orders.insert(order.id, order);
        self.next_order
    }

    /// Ends an order, and says so.
    fn end(&mut self, id: u64, state: State, at: UtcNanos) {
        let what = match state {
            State::Canceled => What::Canceled,
            State::Expired(why) => What::Expired(why),
            State::Replaced => What::Replaced,
            State::Held | State::Open | State::Filled | State::Rejected => return,
        };
        self.living.remove(&id);
        if let Some(order) = self.orders.get_mut(&id) {
            order.state = state;
        }
        self.tell(id, what, at);
    }

    fn tell(&mut self, id: u64, what: What, at: UtcNanos) {
        let Some(order) = self.orders.get_mut(&id) else { return };
        order.updated_at = at;
        let order = order.clone();
        let on = &self.instruments[&order.terms.symbol];
        let balances = [&on.base, &on.quote].map(|asset| self.balance(&order.account, asset));
        self.told += 1;
        self.events.push(Event { number: self.told, at, order, what, balances });
    }
}

#[cfg(test)]
mod tests;
