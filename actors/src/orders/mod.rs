//! The orders actor: the life of every order, and the risk that it must pass.
//!
//! Hears commands, venue reports, prices, faults of strategies and the ledger's acknowledgements.
//! Says requests to venues and updates to positions and strategies, each only once the ledger holds
//! what they follow from, and the same updates to the audience. While the ledger's disk is full, cancels alone go out at once.

pub mod contingency;
pub mod latency;
pub mod reconcile;
pub mod risk;
mod said;
pub mod state;
pub mod table;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use messages::ledger::{Action, Decider, Delivery, LedgerRecord};
use messages::orders::{Command, OrderUpdate, Sender};
use messages::risk::{StateChange, TradingState};
use messages::venues::VenueRequest;
use messages::{MarketId, StrategyId, UtcNanos, caps};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use storage::journal::{Ack, Journal};

use crate::audience::{Audience, Heard};
use crate::bulk::Inlet;
use crate::clock::Clock;
use crate::deliveries::Deliveries;
use crate::gate::Gate;
use crate::ports::{Found, OrdersStatus, Port, ToOrders, ToPositions, ToStrategy, ToVenue, Wake};
use crate::timer::Timer;
use crate::traffic::Seen;
use latency::Latency;
use state::{Effect, Moment, Orders};

/// What the actor is given.
pub struct Arguments {
    /// The state, restored from the ledger.
    pub state: Orders,
    /// True after a restart: what was on its way is asked about.
    pub restored: bool,
    /// Its deliveries.
    pub deliveries: Deliveries,
    /// The ledger.
    pub ledger: Journal<LedgerRecord>,
    /// False while the ledger cannot write.
    pub ledger_writes: Arc<AtomicBool>,
    /// Prices.
    pub prices: Inlet,
    /// The venue.
    pub venue: Port<ToVenue>,
    /// True when it is outside of the process: its reports are facts that nobody can make again.
    pub venue_is_outside: bool,
    /// Positions.
    pub positions: Port<ToPositions>,
    /// Strategies.
    pub strategies: BTreeMap<StrategyId, Port<ToStrategy>>,
    /// Who watches.
    pub audience: Option<Audience>,
    /// The time.
    pub clock: Clock,
}

/// Its mailbox.
pub enum Mailbox {
    /// Prices wait.
    Wake,
    /// From others.
    Said(ToOrders),
    /// The ledger holds everything up to this ticket.
    Durable(u64),
    /// Something may be due.
    Timer,
}

impl From<ToOrders> for Mailbox {
    fn from(message: ToOrders) -> Self {
        Self::Said(message)
    }
}

impl From<Wake> for Mailbox {
    fn from(_: Wake) -> Self {
        Self::Wake
    }
}

impl Seen for Mailbox {
    fn name(&self) -> &'static str {
        match self {
            Self::Wake => "wake",
            Self::Said(message) => message.name(),
            Self::Durable(_) => "durable",
            Self::Timer => "timer",
        }
    }
    fn came_by_port(&self) -> bool {
        matches!(self, Self::Wake | Self::Said(_))
    }
}

/// The actor.
pub struct OrdersActor;

/// The shell around the state.
pub struct Shell {
    a: Arguments,
    me: ActorRef<Mailbox>,
    gate: Gate<Held>,
    /// Records that wait for room in the ledger's queue, oldest first. Empty but while its disk is full.
    unwritten: VecDeque<(Vec<LedgerRecord>, Ack)>,
    timer: Timer,
    seen: MarketId,
    newest: UtcNanos,
    latency: Latency,
    /// The last change of the trading state that was heard.
    changed: Option<(StateChange, UtcNanos)>,
}

/// What waits for the ledger.
enum Held {
    Effect(Effect),
    /// What was known of an order when somebody asked.
    Found(Found, RpcReplyPort<Found>),
    /// What may be traded since somebody said so.
    Trading(TradingState, RpcReplyPort<TradingState>),
    /// What became of what a person asked for, of risk or of a reconciliation.
    Done(Result<String, String>, RpcReplyPort<Result<String, String>>),
    /// What the audience asked for.
    Tell(Heard),
}

impl Actor for OrdersActor {
    type Msg = Mailbox;
    type State = Shell;
    type Arguments = Arguments;

    async fn pre_start(&self, me: ActorRef<Mailbox>, arguments: Arguments) -> Result<Shell, ActorProcessingErr> {
        let restored = arguments.restored;
        let mut shell = Shell {
            a: arguments,
            me,
            gate: Gate::default(),
            unwritten: VecDeque::new(),
            timer: Timer::default(),
            seen: MarketId(0),
            newest: UtcNanos::MIN,
            latency: Latency::default(),
            changed: None,
        };
        // What was restored is durable.
        shell.tell_open();
        if restored {
            let at = shell.begin(Delivery::Start(None)).await;
            let mut effects = Vec::new();
            shell.a.state.on_restarted(at, &mut effects);
            shell.commit(effects, at.now).await;
        }
        Ok(shell)
    }

    async fn handle(
        &self,
        me: ActorRef<Mailbox>,
        message: Mailbox,
        shell: &mut Shell,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Mailbox::Wake => shell.see(),
            Mailbox::Durable(ticket) => {
                shell.write_what_fits();
                let held = shell.gate.open(ticket);
                shell.let_out(held).await;
                shell.latency.let_out(ticket, shell.a.clock.now());
            }
            Mailbox::Timer => {
                shell.timer.fired();
                if shell.a.state.next_due().is_some_and(|due| due <= shell.a.clock.now()) {
                    let at = shell.begin(Delivery::Timer).await;
                    let mut effects = Vec::new();
                    shell.a.state.on_timer(at, &mut effects);
                    shell.commit(effects, at.now).await;
                }
            }
            Mailbox::Said(message) => shell.hear(message).await,
        }
        shell.timer.set(shell.a.state.next_due(), &shell.a.clock, &me, || Mailbox::Timer);
        Ok(())
    }
}

impl Shell {
    async fn hear(&mut self, message: ToOrders) {
        let mut effects = Vec::new();
        let at = match message {
            ToOrders::Commands(sender, first, mut commands, received) => {
                if self.unwritten.len() >= caps::UNWRITTEN {
                    // What would be denied in any case cannot be written down any more. A cancel is always heard.
                    let before = commands.len();
                    commands.retain(|c| matches!(c, Command::Cancel { .. } | Command::CancelAll));
                    let dropped = before - commands.len();
                    tracing::warn!(strategy = %sender.strategy, dropped, "the ledger has been full for long; orders are not heard");
                }
                let Sender { strategy, generation } = sender;
                let count = commands.len() as u32;
                let at = self.begin(Delivery::Commands { strategy, generation, first, count }).await;
                commands.into_iter().for_each(|c| self.a.state.on_command(sender, c, at, &mut effects));
                if let Some(received) = received.filter(|_| effects.iter().any(is_new_order)) {
                    self.latency.decided(self.gate.next(), received, self.a.clock.now());
                }
                at
            }
            ToOrders::Reports(reports) => {
                let delivery = if self.a.venue_is_outside {
                    Delivery::Reports(reports.clone())
                } else {
                    Delivery::Messages { from: Decider::Paper, count: reports.len() as u32 }
                };
                let at = self.begin(delivery).await;
                reports.into_iter().for_each(|r| self.a.state.on_report(r, at, &mut effects));
                at
            }
            ToOrders::Manual(command, reply) => {
                let at = self.begin(Delivery::Manual(command.clone())).await;
                let sender = Sender { strategy: StrategyId::manual(), generation: 0 };
                self.a.state.on_command(sender, command, at, &mut effects);
                self.commit(effects, at.now).await;
                let _ = reply.send(());
                return;
            }
            ToOrders::Trading(change, reply) => {
                let at = self.begin(Delivery::Trading(change.clone())).await;
                self.a.state.on_trading(change.clone(), at, &mut effects);
                if self.a.state.trading() == change.state {
                    self.changed = Some((change, at.now));
                }
                self.commit(effects, at.now).await;
                if let Some(reply) = reply {
                    let state = self.a.state.trading();
                    self.answer(Held::Trading(state, reply));
                }
                return;
            }
            ToOrders::Risk(change, reply) => {
                let at = self.begin(Delivery::Risk(change.clone())).await;
                let done = self.a.state.on_risk(*change, at, &mut effects);
                self.commit(effects, at.now).await;
                if let Some(reply) = reply {
                    self.answer(Held::Done(done, reply));
                }
                return;
            }
            ToOrders::Fault { strategy, next_generation, fault, cancel } => {
                let at = self.begin(Delivery::Fault { strategy, next_generation, fault, cancel }).await;
                self.a.state.on_fault(strategy, next_generation, fault, cancel, at, &mut effects);
                at
            }
            ToOrders::Deposit(asset, amount) => {
                let at = self.begin(Delivery::Deposit { asset, amount }).await;
                self.a.state.on_deposit(asset, amount);
                at
            }
            ToOrders::Connected => {
                let at = self.begin(Delivery::Connected).await;
                self.a.state.on_reconnected(at, &mut effects);
                at
            }
            ToOrders::Account(snapshot) => {
                let at = self.begin(Delivery::Account(snapshot.clone())).await;
                self.a.state.on_account(*snapshot, at, &mut effects);
                at
            }
            ToOrders::Rules(told) => {
                // That all is as it was is the common answer, and no delivery.
                let news = self.a.state.news_of_rules(told);
                if news.is_empty() {
                    return;
                }
                let at = self.begin(Delivery::Rules(news.clone())).await;
                self.a.state.on_rules(&news, &mut effects);
                at
            }
            ToOrders::Reconcile(ask, reply) => {
                let at = self.begin(Delivery::Reconcile(ask.clone())).await;
                let done = self.a.state.on_reconcile(ask, at, &mut effects);
                self.commit(effects, at.now).await;
                return self.answer(Held::Done(done, reply));
            }
            ToOrders::ReconcileStatus(reply) => {
                let _ = reply.send(Box::new(self.a.state.reconcile_status()));
                return;
            }
            ToOrders::TellOpen => return self.tell_open(),
            ToOrders::Status(reply) => {
                let open = self.a.state.open_orders().cloned().collect();
                // Who asked may have given up; that is no failure of ours.
                let (trading, counters) = (self.a.state.trading(), self.a.state.counters());
                let changed = self.changed.clone();
                let (waiting, asked, latencies) = (self.gate.len(), self.a.state.questions(), self.latency.summary());
                let _ = reply.send(OrdersStatus { trading, changed, open, waiting, asked, counters, latencies });
                return;
            }
            ToOrders::RiskStatus(reply) => {
                self.see();
                let now = self.a.clock.now().max(self.newest);
                let _ = reply.send(Box::new(self.a.state.risk_status(now)));
                return;
            }
            ToOrders::Find(order_id, reply) => {
                let order = self.a.state.order(order_id).cloned().map(Box::new);
                self.answer(Held::Found(Found { order, forgets: self.a.state.forgets() }, reply));
                return;
            }
            ToOrders::Preview(request, reply) => {
                self.see();
                let now = self.a.clock.now().max(self.newest);
                let _ = reply.send(self.a.state.preview(&request, now));
                return;
            }
        };
        self.commit(effects, at.now).await;
    }

    /// Takes in the newest prices.
    fn see(&mut self) {
        for delivered in self.a.prices.take(usize::MAX) {
            if self.seen == MarketId(0)
                && let Some(first) = delivered.batch.events.first()
            {
                self.a.deliveries.begins_with(first.id);
            }
            self.a.state.on_market(&delivered.batch);
            self.newest = self.newest.max(delivered.batch.received);
            self.seen = delivered.batch.events.last().map_or(self.seen, |e| e.id);
        }
    }

    /// Begins a delivery: prices first, then its record.
    async fn begin(&mut self, delivery: Delivery) -> Moment {
        self.see();
        let now = self.a.clock.now().max(self.newest);
        let as_of = self.a.deliveries.record(now, self.seen, delivery).await;
        Moment { now, as_of }
    }

    /// Writes down what was decided, and holds what follows from it until that is durable.
    async fn commit(&mut self, effects: Vec<Effect>, now: UtcNanos) {
        let writes = self.a.ledger_writes.load(Ordering::Acquire);
        if !writes {
            self.send_cancels_at_once(&effects);
        }
        let records: Vec<LedgerRecord> = effects.iter().filter_map(|e| record(e, now)).collect();
        if records.is_empty() {
            if self.gate.is_empty() {
                effects.into_iter().for_each(|effect| self.perform(effect));
            } else if !effects.is_empty() {
                self.gate.join(effects.into_iter().map(Held::Effect).collect());
            }
            return;
        }
        let ticket = self.gate.hold(effects.into_iter().map(Held::Effect).collect());
        let me = self.me.clone();
        let ack: Ack = Box::new(move |durable| {
            if durable.is_ok() {
                let _ = me.send_message(Mailbox::Durable(ticket));
            }
        });
        // Records that do not fit the queue of a full disk wait here, in their order: orders goes on hearing, for a
        // cancel must be heard.
        self.unwritten.push_back((records, ack));
        if writes {
            while let Some((records, ack)) = self.unwritten.pop_front() {
                let _ = self.a.ledger.append(records, Some(ack)).await;
            }
        } else {
            self.write_what_fits();
        }
    }

    fn write_what_fits(&mut self) {
        while let Some((records, ack)) = self.unwritten.pop_front() {
            if let Err(refused) = self.a.ledger.try_append_acked(records, ack) {
                return self.unwritten.push_front(refused);
            }
        }
    }

    /// A cancel makes things safer: it does not wait for a disk. It is sent again when the ledger holds it.
    fn send_cancels_at_once(&self, effects: &[Effect]) {
        for effect in effects {
            if let Effect::Send(_, request @ VenueRequest::Cancel { client_order_id, .. }) = effect {
                tracing::warn!(order = %client_order_id, journaled = false, "the ledger cannot write; the cancel goes out");
                self.a.venue.cast(ToVenue::Requests(vec![request.clone()]));
            }
        }
    }

    /// Performs what was held back. A new order that waited while trading was HALTED stays here: one that leaves when a
    /// full disk has room again is none that anybody wants.
    async fn let_out(&mut self, waited: Vec<Held>) {
        let mut held = Vec::new();
        for what in waited {
            match what {
                Held::Effect(Effect::Send(_, VenueRequest::Submit { client_order_id, at, .. }))
                    if self.a.state.trading() == TradingState::Halted =>
                {
                    held.push(self.a.state.never_sent(client_order_id, at));
                }
                Held::Effect(effect) => self.perform(effect),
                Held::Tell(heard) => self.tell(|| heard),
                answer => say(answer),
            }
        }
        if !held.is_empty() {
            let mut effects = Vec::new();
            let at = self.begin(Delivery::Reports(held.clone())).await;
            held.into_iter().for_each(|r| self.a.state.on_report(r, at, &mut effects));
            self.commit(effects, at.now).await;
        }
    }

    /// Answers once all that was decided before is durable.
    fn answer(&mut self, answer: Held) {
        if self.gate.is_empty() { say(answer) } else { self.gate.join(vec![answer]) }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Update(update) => self.publish(*update),
            Effect::Send(_, request) => drop(self.a.venue.cast(ToVenue::Requests(vec![request]))),
            Effect::Alert(text) => tracing::warn!("{text}"),
            Effect::Record(LedgerRecord::Trading { change, at }) => {
                self.changed = Some((change.clone(), at));
                self.tell(|| Heard::Trading { change, at });
            }
            Effect::Record(LedgerRecord::Reconciled(done)) if !done.entries.is_empty() => {
                self.a.positions.cast(ToPositions::Opened { number: done.number, entries: done.entries });
            }
            Effect::Record(_) => {}
        }
    }

    fn tell(&self, heard: impl FnOnce() -> Heard) {
        if let Some(audience) = &self.a.audience {
            audience.tell(heard());
        }
    }

    /// Tells the audience all open orders, behind all that was decided before.
    fn tell_open(&mut self) {
        let (orders, trading) = (self.a.state.open_orders().cloned().collect(), self.a.state.trading());
        let heard = Heard::Open { orders, trading };
        if self.gate.is_empty() {
            self.tell(|| heard);
        } else {
            self.gate.join(vec![Held::Tell(heard)]);
        }
    }

    fn publish(&self, update: OrderUpdate) {
        said::say(&update);
        if update.event.fill.is_some() {
            self.a.positions.cast(ToPositions::Updates(vec![update.clone()]));
        }
        self.tell(|| Heard::Order(Box::new(update.clone())));
        if let Some(strategy) = self.a.strategies.get(&update.order.strategy) {
            strategy.cast(ToStrategy::Updates(vec![update]));
        }
    }
}

/// True for an order on its way to a venue for the first time.
fn is_new_order(effect: &Effect) -> bool {
    matches!(effect, Effect::Send(_, VenueRequest::Submit { .. }))
}

/// Gives an answer; who asked may have given up.
fn say(answer: Held) {
    match answer {
        Held::Found(found, reply) => drop(reply.send(found)),
        Held::Trading(state, reply) => drop(reply.send(state)),
        Held::Done(done, reply) => drop(reply.send(done)),
        Held::Effect(_) | Held::Tell(_) => {}
    }
}

/// What of an effect goes to the ledger.
fn record(effect: &Effect, at: UtcNanos) -> Option<LedgerRecord> {
    match effect {
        Effect::Update(update) => Some(LedgerRecord::Order(update.clone())),
        Effect::Record(record) => Some(record.clone()),
        Effect::Alert(text) => Some(LedgerRecord::Action(Action::alert(text.clone(), at))),
        Effect::Send(..) => None,
    }
}
