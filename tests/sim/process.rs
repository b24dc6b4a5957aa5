//! The process: the real states of orders and positions around a ledger with a durable watermark.
//!
//! As in the live actors, what is decided goes to the ledger, and nothing that follows from it leaves before the
//! ledger holds it. A crash leaves what was durable, and as much of the rest as chance has it.

use std::collections::BTreeMap;
use std::time::Duration;

use actors::gate::Gate;
use actors::orders::risk::{AccountKind, Limits};
use actors::orders::state::{self as orders, Effect, Moment, Orders};
use actors::positions::state::{self as positions, Positions};
use actors::venues::paper::state::CAPABILITIES;
use messages::account::OpeningEntry;
use messages::ids::ClientOrderIds;
use messages::instrument::{Calendar, Rules, Sessions};
use messages::ledger::{Action, LedgerRecord};
use messages::market::{Batch, Conditions, Event, EventBody, Level, Source, Tick, TickBody};
use messages::orders::OrderUpdate;
use messages::venues::{Capabilities, VenueRequest};
use messages::{Account, Cash, Exchange, Instrument, MarketId, Price, Quantity, Size, UtcNanos};

use crate::chance::Chance;

/// When an order that the venue does not know can no longer arrive there.
pub const NOT_RECEIVED_AFTER: Duration = Duration::from_secs(60);

/// How often a day holds our books against the venue's.
const RECONCILE_EVERY: Duration = Duration::from_secs(300);

/// What is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// Minutes of the worst, at a venue that keeps no books.
    Minutes,
    /// A trading day, at a venue that says what the account holds and holds no brackets.
    Day,
}

impl Course {
    fn venue(self) -> Capabilities {
        match self {
            Self::Minutes => CAPABILITIES,
            Self::Day => Capabilities { account: true, contingencies: &[], ..CAPABILITIES },
        }
    }

    fn reconcile_every(self) -> Duration {
        match self {
            Self::Minutes => Duration::ZERO,
            Self::Day => RECONCILE_EVERY,
        }
    }
}

pub fn account() -> Account {
    "paper".parse().expect("an account")
}

pub fn instrument() -> Instrument {
    Instrument { exchange: Exchange::Simulated, symbol: "A".parse().expect("a symbol") }
}

pub fn rules() -> Rules {
    Rules {
        instrument: instrument(),
        base: "A".parse().expect("an asset"),
        quote: "USD".parse().expect("an asset"),
        price_step: "0.01".parse().expect("a price"),
        quantity_step: Quantity::ONE,
        min_quantity: Quantity::ONE,
        max_quantity: Quantity::ZERO,
        min_notional: Cash::ZERO,
        sessions: Sessions::AroundTheClock,
    }
}

fn limits() -> Limits {
    Limits { max_position_notional: "50000".parse().expect("an amount"), max_open_orders: 10, ..Limits::default() }
}

fn orders(course: Course, epoch: u64) -> Orders {
    let settings = orders::Settings {
        account: account(),
        kind: AccountKind::Margin,
        currency: "USD".parse().expect("an asset"),
        account_day: Sessions::AroundTheClock,
        calendar: Calendar::default(),
        limits: limits(),
        rules: [(instrument(), rules())].into(),
        venues: [(Exchange::Simulated, course.venue())].into(),
        query_after: Duration::from_secs(5),
        venue_rules: BTreeMap::new(),
        read_rules: actors::venues::rules::read,
        rules_every: Duration::ZERO,
        not_received_after: NOT_RECEIVED_AFTER,
        reconcile_every: course.reconcile_every(),
        foreign_orders: orders::ForeignOrders::Ignore,
    };
    Orders::new(settings, ClientOrderIds::new("sim", epoch).expect("a short name"))
}

fn positions() -> Positions {
    let rules: BTreeMap<_, _> = [(instrument(), rules())].into();
    Positions::new(positions::Settings { account: account(), currency: "USD".parse().expect("an asset"), rules })
}

/// The ledger: what was appended, and how much of it a crash leaves.
#[derive(Default)]
pub struct Ledger {
    pub records: Vec<LedgerRecord>,
    pub durable: usize,
}

impl Ledger {
    /// Loses what was not durable; a part of it may have reached the disk all the same.
    pub fn crash(&mut self, chance: &mut Chance) {
        let luck = chance.between(0, (self.records.len() - self.durable) as u64) as usize;
        self.records.truncate(self.durable + luck);
        self.durable = self.records.len();
    }
}

/// One life of the process.
pub struct Process {
    pub orders: Orders,
    pub positions: Positions,
    gate: Gate<Effect>,
    /// The length of the ledger that a ticket of the gate waits for.
    tickets: BTreeMap<u64, usize>,
    deliveries: u64,
}

impl Process {
    /// Starts from what the ledger holds; returns the requests that may leave now.
    pub fn start(
        ledger: &mut Ledger,
        course: Course,
        epoch: u64,
        life: u64,
        now: UtcNanos,
    ) -> (Self, Vec<VenueRequest>) {
        let mut process = Self {
            orders: orders(course, epoch),
            positions: positions(),
            gate: Gate::default(),
            tickets: BTreeMap::new(),
            deliveries: life << 32,
        };
        for record in &ledger.records {
            process.orders.restore(record);
            process.positions.restore(record);
        }
        process.orders.on_market(&quote(now));
        if ledger.records.is_empty() {
            process.deposit(ledger, now);
        }
        for update in process.positions.take_unbooked() {
            process.book(&update, ledger, now);
        }
        for (number, entries) in process.positions.unopened() {
            process.open(number, &entries, ledger, now);
        }
        let requests = process.deliver(ledger, now, |orders, at, out| orders.on_restarted(at, out));
        (process, requests)
    }

    fn deposit(&mut self, ledger: &mut Ledger, now: UtcNanos) {
        let (asset, amount) = ("USD".parse().expect("an asset"), "100000".parse().expect("an amount"));
        ledger.records.extend(self.positions.deposit(asset, amount, now));
        self.orders.on_deposit(asset, amount);
    }

    /// One delivery to orders; returns the requests that may leave now.
    pub fn deliver(
        &mut self,
        ledger: &mut Ledger,
        now: UtcNanos,
        change: impl FnOnce(&mut Orders, Moment, &mut Vec<Effect>),
    ) -> Vec<VenueRequest> {
        self.deliveries += 1;
        let mut effects = Vec::new();
        change(&mut self.orders, Moment { now, as_of: self.deliveries }, &mut effects);
        let before = ledger.records.len();
        ledger.records.extend(effects.iter().filter_map(|effect| record(effect, now)));
        if ledger.records.len() > before {
            let ticket = self.gate.hold(effects);
            self.tickets.insert(ticket, ledger.records.len());
        } else if !self.gate.is_empty() {
            self.gate.join(effects);
        } else {
            return self.perform(effects, ledger, now);
        }
        Vec::new()
    }

    /// The ledger holds everything up to its watermark; returns the requests that may leave now.
    pub fn on_durable(&mut self, ledger: &mut Ledger, now: UtcNanos) -> Vec<VenueRequest> {
        let mut open = None;
        while let Some(first) = self.tickets.first_entry().filter(|first| *first.get() <= ledger.durable) {
            open = Some(*first.key());
            first.remove();
        }
        let effects = open.map(|ticket| self.gate.open(ticket)).unwrap_or_default();
        self.perform(effects, ledger, now)
    }

    fn perform(&mut self, effects: Vec<Effect>, ledger: &mut Ledger, now: UtcNanos) -> Vec<VenueRequest> {
        let mut requests = Vec::new();
        for effect in effects {
            match effect {
                Effect::Update(update) => self.book(&update, ledger, now),
                Effect::Send(_, request) => requests.push(request),
                Effect::Record(LedgerRecord::Reconciled(done)) if !done.entries.is_empty() => {
                    self.open(done.number, &done.entries, ledger, now);
                }
                Effect::Alert(_) | Effect::Record(_) => {}
            }
        }
        requests
    }

    fn open(&mut self, number: u64, entries: &[OpeningEntry], ledger: &mut Ledger, now: UtcNanos) {
        let opened = self.positions.open_entries(number, entries, now);
        ledger.records.extend(opened.map(LedgerRecord::Opened));
    }

    fn book(&mut self, update: &OrderUpdate, ledger: &mut Ledger, now: UtcNanos) {
        let booked = self.positions.on_update(update, now).expect("a fill fits");
        ledger.records.extend(booked.map(LedgerRecord::Booked));
    }
}

fn record(effect: &Effect, at: UtcNanos) -> Option<LedgerRecord> {
    match effect {
        Effect::Update(update) => Some(LedgerRecord::Order(update.clone())),
        Effect::Record(record) => Some(record.clone()),
        Effect::Alert(why) => {
            let (by, what, subject) = ("merganser".to_owned(), "alert".to_owned(), String::new());
            Some(LedgerRecord::Action(Action { by, what, subject, why: why.clone(), at }))
        }
        Effect::Send(..) => None,
    }
}

fn quote(now: UtcNanos) -> Batch {
    let level = |price: &str| Some(Level { price: price.parse().expect("a price"), size: Size::ONE });
    market(TickBody::Quote { bid: level("99.99"), ask: level("100.01") }, now)
}

/// Somebody trades at a price.
pub fn trade(price: Price, now: UtcNanos) -> Batch {
    market(TickBody::Trade { price, size: Size::ONE, aggressor: None, conditions: Conditions::default() }, now)
}

fn market(body: TickBody, now: UtcNanos) -> Batch {
    let tick = Tick { instrument: instrument(), time: now, sequence: None, revision: 0, body };
    Batch {
        source: Source::Simulated,
        received: now,
        events: vec![Event { id: MarketId(1), body: EventBody::Tick(tick) }],
    }
}
