//! The machine: every deciding state, the messages on their way between them, and one delivery at a time.
//!
//! The driver and the session replay differ only in who chooses the next delivery.

use std::collections::{BTreeMap, VecDeque};

use messages::account::OpeningEntry;
use messages::ledger::{Action, Decider, Delivery, Handled, LedgerRecord};
use messages::market::Batch;
use messages::orders::{Command, OrderUpdate, Sender};
use messages::venues::{ReportKind, VenueReport, VenueRequest};
use messages::{MarketId, StrategyId, UtcNanos};

use super::recorder::Recorder;
use super::summary::Tally;
use crate::orders::state::{Effect, Moment, NEVER_SENT, Orders};
use crate::positions::state::Positions;
use crate::restore::Restored;
use crate::strategies::host::{Host, Said};
use crate::timer::earliest;
use crate::venues::paper::state::Paper;

/// A message to the orders state.
#[derive(Debug, Clone, PartialEq)]
pub enum ToOrders {
    /// From the paper venue.
    Report(VenueReport),
    /// From a strategy: its n-th command of this generation.
    Command(Sender, u64, Command),
}

/// All states, and what is on its way between them.
pub struct Machine {
    /// The paper venue.
    pub paper: Paper,
    /// Orders and risk.
    pub orders: Orders,
    /// Positions and balances.
    pub positions: Positions,
    /// Strategies, by name.
    pub hosts: BTreeMap<StrategyId, Host>,
    /// The journals.
    pub recorder: Recorder,
    /// What came out so far.
    pub tally: Tally,
    to_orders: VecDeque<(Decider, ToOrders)>,
    to_paper: VecDeque<VenueRequest>,
    to_positions: VecDeque<OrderUpdate>,
    to_strategies: BTreeMap<StrategyId, VecDeque<OrderUpdate>>,
    /// Updates said to each strategy so far.
    said: BTreeMap<StrategyId, u64>,
    /// Commands that each strategy gave in its generation.
    commands: BTreeMap<StrategyId, u64>,
    /// True when orders go to a venue outside: its reports are recorded, and nothing waits for it here.
    venue_is_outside: bool,
    progress: Progress,
    /// When the orders' next timer is due: it changes only when something is delivered to them.
    orders_due: Option<UtcNanos>,
    reports: Vec<VenueReport>,
    effects: Vec<Effect>,
}

/// An actor's last delivery: its number, and the newest market event that the actor took in.
#[derive(Debug, Clone, Copy)]
struct Step {
    number: u64,
    market: MarketId,
}

/// Each actor's last delivery.
struct Progress {
    first: Step,
    paper: Step,
    orders: Step,
    positions: Step,
    strategies: BTreeMap<StrategyId, Step>,
}

impl Progress {
    /// Everybody begins at `first`.
    fn from(first: Step) -> Self {
        Self { first, paper: first, orders: first, positions: first, strategies: BTreeMap::new() }
    }

    fn of(&mut self, actor: Decider) -> &mut Step {
        match actor {
            Decider::Paper => &mut self.paper,
            Decider::Orders => &mut self.orders,
            Decider::Positions => &mut self.positions,
            Decider::Strategy(name) => self.strategies.entry(name).or_insert(self.first),
        }
    }
}

impl Machine {
    /// Puts the states together; deliveries are numbered above `epoch << 32`.
    #[must_use]
    pub fn new(
        paper: Paper,
        orders: Orders,
        positions: Positions,
        hosts: Vec<Host>,
        epoch: u64,
        recorder: Recorder,
    ) -> Self {
        Self {
            orders_due: orders.next_due(),
            paper,
            orders,
            positions,
            hosts: hosts.into_iter().map(|h| (h.name(), h)).collect(),
            recorder,
            tally: Tally::default(),
            to_orders: VecDeque::new(),
            to_paper: VecDeque::new(),
            to_positions: VecDeque::new(),
            to_strategies: BTreeMap::new(),
            said: BTreeMap::new(),
            commands: BTreeMap::new(),
            venue_is_outside: false,
            progress: Progress::from(Step { number: crate::deliveries::first_number(epoch), market: MarketId(0) }),
            reports: Vec::new(),
            effects: Vec::new(),
        }
    }

    /// Lets orders and positions see a batch. No decision falls here, so nothing is recorded: the next
    /// delivery says how far they have seen.
    pub fn see(&mut self, batch: &Batch) {
        self.orders.on_market(batch);
        self.positions.on_market(batch);
    }

    /// Delivers to one actor. `batches` holds the market events of a market delivery; `market_to` is the
    /// newest event that the actor has taken in.
    pub fn deliver(
        &mut self,
        actor: Decider,
        delivery: &Delivery,
        now: UtcNanos,
        batches: &[&Batch],
        market_to: MarketId,
    ) {
        let step = self.progress.of(actor);
        step.number += 1;
        let (number, market_from) = (step.number, step.market);
        // Orders and positions have seen all that was published; the others only what was delivered to them.
        let sees_all = matches!(actor, Decider::Orders | Decider::Positions);
        let market_to = if sees_all || matches!(delivery, Delivery::Market { .. }) { market_to } else { market_from };
        step.market = market_to;
        self.recorder.handled(|| {
            let generation = match actor {
                Decider::Strategy(name) => self.hosts.get(&name).map_or(0, Host::generation),
                _ => 0,
            };
            Handled { actor, number, generation, now, market_from, market_to, delivery: delivery.clone() }
        });
        self.hand_over(actor, delivery, Moment { now, as_of: number }, batches);
    }

    /// Makes a delivery again as it was recorded: its number and market range are the record's.
    pub fn again(&mut self, handled: &Handled, batches: &[&Batch]) {
        self.recorder.handled(|| handled.clone());
        let at = Moment { now: handled.now, as_of: handled.number };
        self.hand_over(handled.actor, &handled.delivery, at, batches);
    }

    fn hand_over(&mut self, actor: Decider, delivery: &Delivery, at: Moment, batches: &[&Batch]) {
        let now = at.now;
        match actor {
            Decider::Paper => self.deliver_paper(delivery, now, batches),
            Decider::Orders => self.deliver_orders(delivery, at),
            Decider::Positions => self.deliver_positions(delivery, now),
            Decider::Strategy(name) => self.deliver_strategy(name, delivery, now, batches),
        }
    }

    fn deliver_paper(&mut self, delivery: &Delivery, now: UtcNanos, batches: &[&Batch]) {
        let mut reports = std::mem::take(&mut self.reports);
        match delivery {
            Delivery::Market { .. } => batches.iter().for_each(|b| self.paper.on_market(b, &mut reports)),
            Delivery::Messages { count, .. } => {
                for request in take(&mut self.to_paper, *count) {
                    self.paper.on_request(request, now, &mut reports);
                }
            }
            Delivery::Timer => self.paper.on_timer(now, &mut reports),
            _ => {}
        }
        for report in reports.drain(..) {
            self.to_orders.push_back((Decider::Paper, ToOrders::Report(report)));
        }
        self.reports = reports;
    }

    fn deliver_orders(&mut self, delivery: &Delivery, at: Moment) {
        let mut effects = std::mem::take(&mut self.effects);
        match delivery {
            Delivery::Messages { from, count } => {
                for _ in 0..*count {
                    let Some(message) = self.next_to_orders(*from) else { break };
                    self.orders_hear(message, at, &mut effects);
                }
            }
            Delivery::Commands { strategy, count, .. } => {
                for _ in 0..*count {
                    let Some(message) = self.next_to_orders(Decider::Strategy(*strategy)) else { break };
                    self.orders_hear(message, at, &mut effects);
                }
            }
            Delivery::Reports(reports) => {
                self.forget_what_was_held_back(reports);
                reports.iter().for_each(|r| self.orders.on_report(r.clone(), at, &mut effects));
            }
            Delivery::Connected => self.orders.on_reconnected(at, &mut effects),
            Delivery::Account(snapshot) => self.orders.on_account((**snapshot).clone(), at, &mut effects),
            Delivery::Rules(told) => self.orders.on_rules(told, &mut effects),
            // What was refused then is refused again.
            Delivery::Reconcile(ask) => drop(self.orders.on_reconcile(ask.clone(), at, &mut effects)),
            Delivery::Timer => self.orders.on_timer(at, &mut effects),
            Delivery::Manual(command) => {
                let sender = Sender { strategy: StrategyId::manual(), generation: 0 };
                self.orders.on_command(sender, command.clone(), at, &mut effects);
            }
            Delivery::Trading(change) => self.orders.on_trading(change.clone(), at, &mut effects),
            Delivery::Risk(change) => drop(self.orders.on_risk((**change).clone(), at, &mut effects)),
            Delivery::Fault { strategy, next_generation, fault, cancel } => {
                self.orders.on_fault(*strategy, *next_generation, *fault, *cancel, at, &mut effects);
            }
            Delivery::Deposit { asset, amount } => self.orders.on_deposit(*asset, *amount),
            Delivery::Start(_) => self.orders.on_restarted(at, &mut effects),
            Delivery::Market { .. }
            | Delivery::Snapshot(_)
            | Delivery::History { .. }
            | Delivery::Stop
            | Delivery::Resumed(_)
            | Delivery::Restored
            | Delivery::Opened { .. } => {}
        }
        effects.drain(..).for_each(|effect| self.perform(effect, at.now));
        self.effects = effects;
        self.orders_due = self.orders.next_due();
    }

    /// An order that was held back never was on its way to the venue.
    fn forget_what_was_held_back(&mut self, reports: &[VenueReport]) {
        let held = |id| {
            let never = |r: &VenueReport| matches!(&r.kind, ReportKind::NotTaken { reason, .. } if reason.as_str() == NEVER_SENT);
            reports.iter().any(|r| r.client_order_id == id && never(r))
        };
        self.to_paper.retain(|r| !matches!(r, VenueRequest::Submit { client_order_id, .. } if held(*client_order_id)));
    }

    fn orders_hear(&mut self, message: ToOrders, at: Moment, effects: &mut Vec<Effect>) {
        match message {
            ToOrders::Report(report) => self.orders.on_report(report, at, effects),
            ToOrders::Command(sender, _, command) => self.orders.on_command(sender, command, at, effects),
        }
    }

    fn next_to_orders(&mut self, from: Decider) -> Option<ToOrders> {
        let at = self.to_orders.iter().position(|(sender, _)| *sender == from)?;
        self.to_orders.remove(at).map(|(_, message)| message)
    }

    fn perform(&mut self, effect: Effect, now: UtcNanos) {
        match effect {
            Effect::Update(update) => {
                self.tally.on_update(&update);
                self.recorder.ledger(&LedgerRecord::Order(update.clone()));
                if update.event.fill.is_some() {
                    self.to_positions.push_back((*update).clone());
                }
                let strategy = update.order.strategy;
                if self.hosts.contains_key(&strategy) {
                    *self.said.entry(strategy).or_default() += 1;
                    self.to_strategies.entry(strategy).or_default().push_back(*update);
                }
            }
            Effect::Record(record) => self.recorder.ledger(&record),
            Effect::Send(..) if self.venue_is_outside => {}
            Effect::Send(_, request) => self.to_paper.push_back(request),
            Effect::Alert(text) => self.alert(text, now),
        }
    }

    fn alert(&mut self, text: String, now: UtcNanos) {
        tracing::warn!("{text}");
        self.tally.alerts += 1;
        self.recorder.ledger(&LedgerRecord::Action(Action::alert(text, now)));
    }

    fn deliver_positions(&mut self, delivery: &Delivery, now: UtcNanos) {
        match delivery {
            Delivery::Messages { count, .. } => {
                for update in take(&mut self.to_positions, *count) {
                    self.book(&update, now);
                }
            }
            Delivery::Deposit { asset, amount } => {
                if let Some(record) = self.positions.deposit(*asset, *amount, now) {
                    self.recorder.ledger(&record);
                }
            }
            Delivery::Start(_) => {
                for update in self.positions.take_unbooked() {
                    self.book(&update, now);
                }
                for (number, entries) in self.positions.unopened() {
                    self.open(number, &entries, now);
                }
            }
            Delivery::Opened { number, entries } => self.open(*number, entries, now),
            Delivery::Snapshot(kind) => {
                let snapshot = self.positions.snapshot(*kind, now);
                self.tally.on_snapshot(&snapshot);
                self.recorder.ledger(&LedgerRecord::Snapshot(snapshot));
            }
            _ => {}
        }
    }

    fn open(&mut self, number: u64, entries: &[OpeningEntry], now: UtcNanos) {
        if let Some(opened) = self.positions.open_entries(number, entries, now) {
            self.recorder.ledger(&LedgerRecord::Opened(opened));
        }
    }

    fn book(&mut self, update: &OrderUpdate, now: UtcNanos) {
        match self.positions.on_update(update, now) {
            Ok(Some(booked)) => {
                let quote = self.positions.quote(booked.trade.instrument);
                self.tally.on_booked(&booked, quote.expect("nothing is booked of an instrument without rules"));
                self.recorder.ledger(&LedgerRecord::Booked(booked));
            }
            Ok(None) => {}
            Err(why) => self.alert(why, now),
        }
    }

    fn deliver_strategy(&mut self, name: StrategyId, delivery: &Delivery, now: UtcNanos, batches: &[&Batch]) {
        let Some(host) = self.hosts.get_mut(&name) else { return };
        let mut said = Said::default();
        match delivery {
            Delivery::Market { .. } => batches.iter().for_each(|b| host.on_market(b, &mut said)),
            Delivery::Messages { count, .. } => {
                let Some(waiting) = self.to_strategies.get_mut(&name) else { return };
                for update in take(waiting, *count) {
                    host.on_order(&update, &mut said);
                }
                if waiting.is_empty() {
                    self.to_strategies.remove(&name);
                }
            }
            Delivery::Timer => drop(host.on_timers(now, &mut said)),
            Delivery::History { instrument, bars } => host.on_history(*instrument, bars, now, &mut said),
            Delivery::Start(checkpoint) => {
                if let Err(why) = host.start(checkpoint.as_deref(), now, &mut said) {
                    said.lines.push(why);
                }
            }
            Delivery::Stop => host.on_stop(now, &mut said),
            Delivery::Resumed(with) => {
                if let Err(why) = host.resume(with, now, &mut said) {
                    said.lines.push(format!("starts without its saved state: {why}"));
                }
            }
            Delivery::Restored => host.on_restored(&mut said),
            _ => {}
        }
        if said.is_empty() {
            return;
        }
        let sender = Sender { strategy: name, generation: host.generation() };
        for line in said.lines {
            tracing::info!(strategy = %name, "{line}");
        }
        let number = self.commands.entry(name).or_default();
        for command in said.commands {
            *number += 1;
            self.to_orders.push_back((Decider::Strategy(name), ToOrders::Command(sender, *number, command)));
        }
    }

    /// The next message that waits anywhere, in the order of the stages: venues, orders, positions,
    /// strategies by name; within a stage by emission.
    #[must_use]
    pub fn next_message(&self) -> Option<(Decider, Delivery)> {
        let messages = |from, count: usize| Delivery::Messages { from, count: count as u32 };
        if !self.to_paper.is_empty() {
            return Some((Decider::Paper, messages(Decider::Orders, 1)));
        }
        if let Some((from, _)) = self.to_orders.front() {
            return Some((Decider::Orders, messages(*from, 1)));
        }
        if !self.to_positions.is_empty() {
            return Some((Decider::Positions, messages(Decider::Orders, 1)));
        }
        let waiting =
            self.to_strategies.iter().find(|(name, queue)| !queue.is_empty() && self.hosts.contains_key(name));
        waiting.map(|(name, _)| (Decider::Strategy(*name), messages(Decider::Orders, 1)))
    }

    /// How many messages of `from` wait for `actor`.
    #[must_use]
    pub fn waiting(&self, actor: Decider, from: Decider) -> usize {
        match actor {
            Decider::Paper => self.to_paper.len(),
            Decider::Orders => self.to_orders.iter().filter(|(sender, _)| *sender == from).count(),
            Decider::Positions => self.to_positions.len(),
            Decider::Strategy(name) => self.to_strategies.get(&name).map_or(0, VecDeque::len),
        }
    }

    /// Commands that died with a trading group: those of `strategy` before the one with this number.
    pub fn forget_commands(&mut self, strategy: StrategyId, generation: u32, before: u64) {
        self.to_orders.retain(|(from, message)| match message {
            ToOrders::Command(sender, number, _) if *from == Decider::Strategy(strategy) => {
                (sender.generation, *number) >= (generation, before)
            }
            _ => true,
        });
    }

    /// A strategy begins a generation that knows of so many of its updates already.
    pub fn begin_generation(&mut self, host: Host, heard: u64) {
        let name = host.name();
        let waiting = self.to_strategies.entry(name).or_default();
        let first = self.said.get(&name).copied().unwrap_or(0) - waiting.len() as u64;
        let known = usize::try_from(heard.saturating_sub(first)).unwrap_or(usize::MAX).min(waiting.len());
        waiting.drain(..known);
        self.commands.insert(name, 0);
        self.hosts.insert(name, host);
    }

    /// The trading group begins anew; what was on its way inside of it died with it. Commands and updates of
    /// strategies, which live on, are still on their way.
    pub fn restore(&mut self, restored: Restored) {
        let Restored { orders, positions, paper, .. } = restored;
        (self.orders, self.positions, self.paper) = (orders, positions, paper);
        self.to_orders.retain(|(from, _)| matches!(from, Decider::Strategy(_)));
        self.to_paper.clear();
        self.to_positions.clear();
    }

    /// True when orders go to a venue outside.
    #[must_use]
    pub fn venue_is_outside(&self) -> bool {
        self.venue_is_outside
    }

    /// A process begins: nothing is on its way, and the strategies are these.
    pub fn begin_process(&mut self, hosts: Vec<Host>, venue_is_outside: bool) {
        self.hosts = hosts.into_iter().map(|h| (h.name(), h)).collect();
        self.to_orders.clear();
        self.to_strategies.clear();
        self.said.clear();
        self.commands.clear();
        self.venue_is_outside = venue_is_outside;
    }

    /// The earliest instant at which any timer is due.
    #[must_use]
    pub fn next_due(&self) -> Option<UtcNanos> {
        let ours = earliest(self.paper.next_due(), self.orders_due);
        self.hosts.values().map(Host::next_due).fold(ours, earliest)
    }
}

fn take<T>(queue: &mut VecDeque<T>, count: u32) -> Vec<T> {
    let count = queue.len().min(count as usize);
    queue.drain(..count).collect()
}
