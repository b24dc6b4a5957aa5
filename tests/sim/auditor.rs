//! The auditor: compares, after every event, what the ledger says with what the venue did.

use std::collections::{BTreeMap, BTreeSet};

use actors::accounting;
use messages::account::OpeningEntry;
use messages::ledger::LedgerRecord;
use messages::orders::{EventKind, Fill, Order, Status};
use messages::positions::{Booked, Trade};
use messages::venues::VenueRequest;
use messages::{Asset, Cash, ClientOrderId, ExecutionId, OrderId, Quantity, Reason, StrategyId};

use crate::process::{Ledger, Process, instrument, rules};
use crate::venue::{Standing, Taken, Venue};
use crate::world::TURNED_AWAY;

/// What the ledger says so far.
#[derive(Default)]
pub struct Auditor {
    /// Records that are taken in.
    read: usize,
    /// And those of them whose orders were held against the venue.
    looked_at: usize,
    trades: BTreeMap<ExecutionId, Trade>,
    positions: BTreeMap<StrategyId, Quantity>,
    balances: BTreeMap<Asset, Cash>,
    orders: BTreeMap<ClientOrderId, Order>,
    /// How many records held each order's intents: one that was turned away unseen may have another.
    intents: BTreeMap<ClientOrderId, Vec<usize>>,
    /// How often each order was sent.
    sent: BTreeMap<ClientOrderId, usize>,
    /// Orders that wait here, and are not at their venue.
    held: BTreeSet<ClientOrderId>,
    /// Entries of reconciliations that are not booked.
    unopened: BTreeMap<u64, Vec<OpeningEntry>>,
}

impl Auditor {
    /// A crash took back what was not durable: the ledger is read again.
    pub fn on_crash(&mut self) {
        let sent = std::mem::take(&mut self.sent);
        *self = Self { sent, ..Self::default() };
    }

    /// A request leaves.
    pub fn on_request(&mut self, request: &VenueRequest, ledger: &Ledger) {
        if let VenueRequest::Submit { client_order_id: id, .. } = request {
            self.read(ledger);
            let sent = self.sent.entry(*id).or_default();
            let intent = self.intents.get(id).and_then(|intents| intents.get(*sent));
            assert!(intent.is_some_and(|at| *at <= ledger.durable), "{id} leaves without an intent that is durable");
            *sent += 1;
        }
    }

    /// Any event is over.
    pub fn check(&mut self, ledger: &Ledger, process: Option<&Process>, venue: &Venue) {
        self.read(ledger);
        if self.looked_at < self.read {
            self.looked_at = self.read;
            self.check_orders(venue);
        }
        let Some(process) = process else { return };
        for (strategy, quantity) in &self.positions {
            assert_eq!(process.positions.quantity(instrument(), *strategy), *quantity, "the position of {strategy}");
        }
        for (asset, total) in process.positions.balances() {
            assert_eq!(total, self.balances.get(&asset).copied().unwrap_or_default(), "the balance of {asset}");
        }
    }

    /// Nothing is filled here that is not there, and of the exits of an entry one is there at a time.
    fn check_orders(&self, venue: &Venue) {
        let mut exits: BTreeMap<OrderId, ClientOrderId> = BTreeMap::new();
        for order in self.orders.values() {
            let (name, taken) = (order.client_order_id, venue.orders.get(&order.client_order_id));
            let there = taken.map_or(Quantity::ZERO, |taken| taken.traded);
            assert!(order.filled <= there, "{name} has {} here and {there} there", order.filled);
            let works = taken.is_some_and(|taken| taken.standing == Standing::Working);
            if let Some(entry) = order.request.parent.filter(|_| works) {
                let rival = exits.insert(entry, name);
                assert!(rival.is_none(), "{name} and {rival:?} close the same entry at once");
            }
        }
    }

    fn read(&mut self, ledger: &Ledger) {
        for record in &ledger.records[self.read..] {
            self.read += 1;
            match record {
                LedgerRecord::Order(update) => {
                    let name = update.order.client_order_id;
                    match update.event.kind {
                        EventKind::Intended => {
                            self.held.remove(&name);
                            self.intents.entry(name).or_default().push(self.read);
                        }
                        EventKind::Held => drop(self.held.insert(name)),
                        _ => {}
                    }
                    self.orders.insert(update.order.client_order_id, update.order.clone());
                }
                LedgerRecord::Booked(booked) => self.book(booked),
                LedgerRecord::Reconciled(done) => drop(self.unopened.insert(done.number, done.entries.clone())),
                LedgerRecord::Opened(opened) => self.open(opened.number),
                LedgerRecord::Deposit(balance) => add(self.balances.entry(balance.asset).or_default(), balance.total),
                _ => {}
            }
        }
    }

    /// What history does not explain is entered, once.
    fn open(&mut self, number: u64) {
        let entries = self.unopened.remove(&number);
        for entry in entries.unwrap_or_else(|| panic!("the entries of reconciliation {number} are booked twice")) {
            match entry {
                OpeningEntry::Position { strategy, change, .. } => {
                    let position = self.positions.entry(strategy).or_default();
                    *position = position.checked_add(change).expect("quantities are small");
                }
                OpeningEntry::Balance { asset, change, .. } => add(self.balances.entry(asset).or_default(), change),
            }
        }
    }

    fn book(&mut self, booked: &Booked) {
        let trade = &booked.trade;
        let repeated = self.trades.insert(trade.execution_id, trade.clone());
        assert!(repeated.is_none(), "fill {} is booked twice", trade.execution_id);
        let position = self.positions.entry(trade.strategy).or_default();
        *position = position.checked_add(trade.side.signed(trade.quantity)).expect("quantities are small");
        let fill = Fill {
            execution_id: trade.execution_id,
            price: trade.price,
            quantity: trade.quantity,
            cumulative: trade.quantity,
            liquidity: trade.liquidity,
            fee: trade.fee,
            executed_at: trade.executed_at,
        };
        for (asset, change) in accounting::balance_changes(&rules(), trade.side, &fill).expect("amounts are small") {
            add(self.balances.entry(asset).or_default(), change);
        }
    }

    /// Everything is delivered and every question answered: here and there are the same.
    pub fn check_end(&mut self, ledger: &Ledger, process: &Process, venue: &Venue) {
        self.check(ledger, Some(process), venue);
        for order in self.orders.values() {
            let (name, live) = (order.client_order_id, process.orders.order(order.order_id));
            assert_eq!(live.map(plain), Some(plain(order)), "{name} is in memory what it is in the ledger");
            match venue.orders.get(&name) {
                Some(taken) => agree(order, taken),
                // Denied, or held here to its end.
                None if !self.intents.contains_key(&name) || self.held.contains(&name) => {}
                None => {
                    let reasons = ["not_received", TURNED_AWAY].map(|code| Some(Reason::code(code)));
                    assert!(
                        order.status == Status::Rejected && reasons.contains(&order.reason),
                        "{name} never arrived"
                    );
                }
            }
        }
        let mut there: BTreeSet<ExecutionId> = BTreeSet::new();
        for (name, taken) in &venue.orders {
            assert!(self.orders.contains_key(name), "the venue has {name}, which the ledger does not know");
            for (_, fill) in &taken.fills {
                let key = fill.execution_id;
                there.extend([key, key.undone()]);
                // Where nobody told us that it was taken back, an entry has made up for it.
                if !taken.busted.contains(&key) {
                    let found = self.trades.get(&key).map(|t| (t.price, t.quantity, t.fee));
                    assert_eq!(found, Some((fill.price, fill.quantity, fill.fee)), "fill {key}");
                    assert!(!self.trades.contains_key(&key.undone()), "fill {key} stands there and is undone here");
                }
            }
        }
        let strange = self.trades.keys().find(|key| !there.contains(*key));
        assert_eq!(strange, None, "a trade that the venue does not know");
        self.check_books(venue);
    }

    /// Position and money are what they are at the venue.
    fn check_books(&self, venue: &Venue) {
        let sum = |sum: Quantity, quantity: &Quantity| sum.checked_add(*quantity).expect("quantities are small");
        let position = self.positions.values().fold(Quantity::ZERO, sum);
        assert_eq!(position, venue.holdings.position, "the position here and there");
        for (asset, total) in &venue.holdings.balances {
            let here = self.balances.get(asset).copied().unwrap_or_default();
            assert_eq!(here, *total, "{asset} here and there");
        }
    }

    /// Orders that the ledger has, denied ones among them.
    pub fn orders(&self) -> usize {
        self.orders.len()
    }
}

fn add(sum: &mut Cash, amount: Cash) {
    *sum = sum.checked_add(amount).expect("amounts are small");
}

/// An order without the venue's own ids: one that was first told in a report that changed nothing is in no record.
fn plain(order: &Order) -> Order {
    let mut order = order.clone();
    order.attempts.iter_mut().for_each(|attempt| attempt.venue_order_id = None);
    order
}

/// An order here is what it is there.
fn agree(order: &Order, taken: &Taken) {
    let name = order.client_order_id;
    if !taken.busted.is_empty() {
        // An end that was heard of before a trade was taken back stays.
        assert!(order.status.is_terminal(), "{name} is {} here and {:?} there", order.status, taken.standing);
        return;
    }
    assert_eq!(order.filled, taken.filled, "what is filled of {name}");
    let expected: &[Status] = match taken.standing {
        Standing::Working => &[Status::Accepted, Status::Triggered, Status::PartiallyFilled],
        Standing::Filled => &[Status::Filled],
        Standing::Canceled => &[Status::Canceled],
        Standing::Expired => &[Status::Expired],
        Standing::Rejected => &[Status::Rejected],
    };
    assert!(expected.contains(&order.status), "{name} is {} here and {:?} there", order.status, taken.standing);
    if taken.standing == Standing::Working {
        let (here, there) = (&order.request, &taken.request);
        assert_eq!((here.quantity, here.price), (there.quantity, there.price), "the terms of {name}");
        assert_eq!(order.current_client_order_id(), *taken.names.last().expect("a name"), "the name of {name}");
    }
}
