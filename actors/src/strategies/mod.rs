//! Strategies: the users' code, hosted one by one, each a shell here and a thread of its own.
//!
//! The shell hears what happens to its strategy's orders and how its thread is; says faults to orders,
//! and replaces the thread after a back-off, from the last checkpoint. A strategy that keeps failing is
//! quarantined until somebody resumes it; everything else trades on.

pub mod api;
pub mod faults;
pub mod host;
pub mod registry;
pub mod shipped;
pub mod since;
pub mod thread;
pub mod told;

use std::collections::BTreeMap;
use std::sync::Arc;

use messages::ledger::{Decider, LedgerRecord, MarketRecord, Resumption};
use messages::orders::OrderUpdate;
use messages::strategies::{Checkpoint, Fault};
use messages::{Instrument, Quantity, StrategyId, UtcNanos};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use storage::journal::Journal;
use storage::query::Source;

use crate::assembly::Assembly;
use crate::audience::{Audience, Heard};
use crate::bulk::Inlet;
use crate::clock::Clock;
use crate::deliveries::{Deliveries, first_number};
use crate::ports::{Port, Steer, StrategyStatus, ToOrders, ToStrategy};
use crate::settings::{OpenOrders, StrategyRun};
use crate::traffic::Seen;
use faults::{Decision, Faults};
use registry::Registry;
use since::Since;
use thread::{Control, Ended, Pulse};
use told::Told;

/// Makes a source of history for a strategy's warm-up.
pub type History = Arc<dyn Fn() -> Option<Box<dyn Source + Send>> + Send + Sync>;

/// What the shell is given.
pub struct Arguments {
    /// Its name.
    pub name: StrategyId,
    /// Its settings.
    pub run: StrategyRun,
    /// Makes it.
    pub assembly: Arc<Assembly>,
    /// Knows its type.
    pub registry: Arc<Registry>,
    /// The generation that begins; above all earlier ones of the ledger.
    pub generation: u32,
    /// Its last checkpoint.
    pub checkpoint: Option<Box<Checkpoint>>,
    /// Own events that it may not have seen then.
    pub since: Since,
    /// The newest event of each of its open orders.
    pub open: Vec<OrderUpdate>,
    /// Its positions.
    pub positions: BTreeMap<Instrument, Quantity>,
    /// The market.
    pub market: Inlet,
    /// Orders.
    pub orders: Port<ToOrders>,
    /// The journals.
    pub ledger: Journal<LedgerRecord>,
    /// For its deliveries.
    pub market_journal: Journal<MarketRecord>,
    /// For its warm-up.
    pub history: History,
    /// Who watches.
    pub audience: Option<Audience>,
    /// The time of the run.
    pub clock: Clock,
    /// The wall clock.
    pub wall: Clock,
}

/// Its mailbox.
pub enum Mailbox {
    /// From others.
    Said(ToStrategy),
    /// The thread of this generation has ended.
    Ended(u32, Ended),
    /// Look at the pulse.
    Pulse,
    /// The thread of this generation has saved its state.
    Saved(u32, Box<Checkpoint>),
    /// The back-off is over.
    Restart,
}

impl From<ToStrategy> for Mailbox {
    fn from(message: ToStrategy) -> Self {
        Self::Said(message)
    }
}

impl Seen for Mailbox {
    fn name(&self) -> &'static str {
        match self {
            Self::Said(message) => message.name(),
            Self::Ended(..) => "ended",
            Self::Pulse => "pulse",
            Self::Saved(..) => "saved",
            Self::Restart => "restart",
        }
    }
    fn came_by_port(&self) -> bool {
        matches!(self, Self::Said(_))
    }
}

/// The actor. It hears of its orders from the start on; its thread begins when it is told to.
pub struct StrategyActor;

enum State {
    Running(Running),
    Restarting,
    Quarantined,
    Stopped,
}

struct Running {
    control: flume::Sender<Control>,
    pulse: Pulse,
}

/// The shell.
pub struct Shell {
    a: Arguments,
    me: ActorRef<Mailbox>,
    state: State,
    since: UtcNanos,
    faults: Faults,
    last_fault: Option<String>,
    delivered: u64,
    told: Told,
    /// Updates of its orders that came here since the process began.
    heard: u64,
    stopping: Option<RpcReplyPort<()>>,
    /// Who waits for it to stop, and what is to come then.
    steering: Option<(Steer, Steered)>,
}

/// What came of steering it.
type Steered = RpcReplyPort<Result<(), String>>;

impl Actor for StrategyActor {
    type Msg = Mailbox;
    type State = Shell;
    type Arguments = Arguments;

    async fn pre_start(&self, me: ActorRef<Mailbox>, arguments: Arguments) -> Result<Shell, ActorProcessingErr> {
        let hang_after = arguments.assembly.deciding().strategies.hang_after;
        let delivered = first_number(arguments.assembly.epoch());
        let mut told = Told::by(arguments.checkpoint.as_deref());
        arguments.since.iter().chain(&arguments.open).for_each(|update| told.tell(update));
        let mut shell = Shell {
            a: arguments,
            me: me.clone(),
            state: State::Restarting,
            since: UtcNanos::MIN,
            faults: Faults::default(),
            last_fault: None,
            delivered,
            told,
            heard: 0,
            stopping: None,
            steering: None,
        };
        shell.since = shell.a.wall.now();
        shell.tell();
        me.send_interval(hang_after / 4, || Mailbox::Pulse);
        Ok(shell)
    }

    async fn handle(
        &self,
        _: ActorRef<Mailbox>,
        message: Mailbox,
        shell: &mut Shell,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Mailbox::Said(ToStrategy::Updates(updates)) => shell.updates(updates),
            Mailbox::Said(ToStrategy::Restored(updates)) => shell.restored(updates),
            Mailbox::Said(ToStrategy::Begin) if matches!(shell.state, State::Restarting) => shell.start_thread()?,
            Mailbox::Said(ToStrategy::Begin) => {}
            Mailbox::Said(ToStrategy::Lagging) if matches!(shell.state, State::Running(_)) => {
                shell.fault(Fault::Lagging, "its queue of trades is full".to_owned());
            }
            // Nobody takes the queue while it is down: it is emptied here, or the market would conflate it for ever.
            Mailbox::Said(ToStrategy::Lagging) => drop(shell.a.market.take(usize::MAX)),
            Mailbox::Said(ToStrategy::Stop(reply)) => shell.stop(reply),
            Mailbox::Said(ToStrategy::Steer(what, reply)) => shell.steer(what, reply),
            Mailbox::Said(ToStrategy::Status(reply)) => drop(reply.send(shell.status())),
            Mailbox::Ended(generation, ended) if generation == shell.a.generation => shell.ended(ended),
            // An abandoned thread came back to life and ended: nobody waits for it.
            Mailbox::Ended(..) => {}
            Mailbox::Pulse => shell.look_at_pulse(),
            Mailbox::Saved(generation, checkpoint) if generation == shell.a.generation => {
                shell.a.since.checkpoint(&checkpoint);
                shell.a.checkpoint = Some(checkpoint);
            }
            Mailbox::Saved(..) => {}
            Mailbox::Restart if matches!(shell.state, State::Restarting) => shell.start_thread()?,
            Mailbox::Restart => {}
        }
        Ok(())
    }
}

impl Shell {
    fn start_thread(&mut self) -> Result<(), ActorProcessingErr> {
        let generation = self.a.generation;
        if generation > 0 {
            // What came while it was down is not delivered again: `Resumed` says so.
            self.a.market.take(usize::MAX);
        }
        let host = self.a.assembly.host(&self.a.registry, self.a.name, &self.a.run, generation)?;
        let resumption = Resumption {
            checkpoint: self.a.checkpoint.clone(),
            missed: self.a.since.missed(self.a.checkpoint.as_deref()),
            open: self.a.open.clone(),
            positions: self.a.positions.iter().map(|(instrument, quantity)| (*instrument, *quantity)).collect(),
            heard: self.heard,
        };
        let (tx, rx) = flume::unbounded();
        let pulse = Pulse::default();
        let deliveries =
            Deliveries::new(Decider::Strategy(self.a.name), generation, self.delivered, self.a.market_journal.clone());
        // Each generation numbers its deliveries above the last one, whose own count ended with it.
        self.delivered += 1 << 24;
        let settings = &self.a.assembly.deciding().strategies;
        let shell = self.me.clone();
        let arguments = thread::Arguments {
            host,
            resumption,
            market: self.a.market.clone(),
            control: rx,
            orders: self.a.orders.clone(),
            deliveries,
            ledger: self.a.ledger.clone(),
            history: (self.a.history)(),
            clock: self.a.clock.clone(),
            wall: self.a.wall.clone(),
            checkpoint_every: settings.checkpoint_every,
            pulse: pulse.clone(),
            saved: Box::new(move |checkpoint| drop(shell.send_message(Mailbox::Saved(generation, checkpoint)))),
        };
        let me = self.me.clone();
        thread::start(arguments, move |ended| drop(me.send_message(Mailbox::Ended(generation, ended))))?;
        tracing::info!(event = "started", strategy = %self.a.name, generation, "a strategy has started");
        self.now_is(State::Running(Running { control: tx, pulse }));
        Ok(())
    }

    fn updates(&mut self, updates: Vec<OrderUpdate>) {
        for update in &updates {
            self.remember(update);
        }
        if let State::Running(running) = &self.state {
            let _ = running.control.send(Control::Updates(updates));
        }
    }

    /// The trading group was restored: what of its events was never heard here is news.
    fn restored(&mut self, updates: Vec<OrderUpdate>) {
        let news: Vec<OrderUpdate> = updates.into_iter().filter(|u| !self.told.has(u)).collect();
        if !news.is_empty() {
            self.updates(news);
        }
        if let State::Running(running) = &self.state {
            let _ = running.control.send(Control::Restored);
        }
    }

    /// Keeps what the next generation must know: open orders, positions, and events that may be missed.
    fn remember(&mut self, update: &OrderUpdate) {
        self.heard += 1;
        self.told.tell(update);
        self.a.open.retain(|u| u.order.order_id != update.order.order_id);
        if update.order.status.is_open() {
            self.a.open.push(update.clone());
        }
        if let Some(fill) = &update.event.fill {
            let held = self.a.positions.entry(update.order.request.instrument).or_default();
            *held = held.checked_add(update.order.request.side.signed(fill.quantity)).unwrap_or(*held);
        }
        self.a.since.push(update.clone());
    }

    fn ended(&mut self, ended: Ended) {
        match ended {
            Ended::Stopped => {
                tracing::info!(event = "stopped", strategy = %self.a.name, "a strategy has stopped");
                self.now_is(State::Stopped);
                if let Some(reply) = self.stopping.take() {
                    let _ = reply.send(());
                }
                self.steered();
            }
            Ended::Panicked(why) => self.fault(Fault::Panicked, why),
        }
    }

    fn look_at_pulse(&mut self) {
        let State::Running(running) = &self.state else { return };
        let busy = running.pulse.busy_for(&self.a.wall);
        if busy > self.a.assembly.deciding().strategies.hang_after {
            self.fault(Fault::Hung, format!("a callback has run for {}", crate::durations::format(busy)));
        }
    }

    /// The strategy has failed: its generation ends, and the next one begins after a back-off or not at all.
    fn fault(&mut self, fault: Fault, why: String) {
        tracing::error!(event = "fault", strategy = %self.a.name, generation = self.a.generation, fault = fault.as_str(), "{why}");
        self.last_fault = Some(format!("{}: {why}", fault.as_str()));
        if let State::Running(running) = &self.state {
            running.pulse.abandon();
        }
        self.a.generation += 1;
        self.a.orders.cast(ToOrders::Fault {
            strategy: self.a.name,
            next_generation: self.a.generation,
            fault,
            cancel: self.a.run.on_fault == OpenOrders::Cancel,
        });
        let steering = self.steering.take();
        let is_to_stop = matches!(steering, Some((Steer::Stop, _)));
        match self.faults.decide(fault, self.a.wall.now()) {
            // Who fails while it stops has stopped.
            _ if is_to_stop => self.now_is(State::Stopped),
            Decision::RestartAfter(back_off) => {
                self.now_is(State::Restarting);
                self.me.send_after(back_off, || Mailbox::Restart);
            }
            Decision::Quarantine => {
                tracing::error!(event = "quarantined", strategy = %self.a.name, "quarantined; `merganser strategies resume {}` starts it again", self.a.name);
                self.now_is(State::Quarantined);
            }
        }
        if let Some((_, reply)) = steering {
            let done = if is_to_stop { Ok(()) } else { Err(format!("{} failed: {}", self.a.name, fault.as_str())) };
            let _ = reply.send(done);
        }
        if let Some(reply) = self.stopping.take() {
            // Who fails while stopping has stopped.
            self.now_is(State::Stopped);
            let _ = reply.send(());
        }
    }

    fn stop(&mut self, reply: RpcReplyPort<()>) {
        if let Some((_, asked)) = self.steering.take() {
            let _ = asked.send(Err("merganser is stopping".to_owned()));
        }
        match &self.state {
            State::Running(running) if running.control.send(Control::Stop).is_ok() => self.stopping = Some(reply),
            _ => {
                self.now_is(State::Stopped);
                let _ = reply.send(());
            }
        }
    }

    fn now_is(&mut self, state: State) {
        self.state = state;
        self.since = self.a.wall.now();
        self.tell();
    }

    /// Shows who watches how it stands now.
    fn tell(&self) {
        if let Some(audience) = &self.a.audience {
            audience.tell(Heard::Strategy(self.status()));
        }
    }

    /// A person starts it, stops it, or both.
    fn steer(&mut self, what: Steer, reply: Steered) {
        if self.steering.is_some() || self.stopping.is_some() {
            let _ = reply.send(Err(format!("{} is stopping already; ask again in a moment", self.a.name)));
            return;
        }
        match (what, &self.state) {
            (Steer::Start, State::Running(_) | State::Restarting) => {
                let _ = reply.send(Err(format!("{} runs already", self.a.name)));
            }
            (Steer::Stop | Steer::Restart, State::Running(running)) if running.control.send(Control::Stop).is_ok() => {
                self.steering = Some((what, reply));
            }
            (Steer::Stop, _) => {
                self.now_is(State::Stopped);
                let _ = reply.send(Ok(()));
            }
            (Steer::Start | Steer::Restart, _) => drop(reply.send(self.begin_next())),
        }
    }

    /// Its thread has stopped in order: who asked for that hears of it, and it begins again if that was asked for.
    fn steered(&mut self) {
        if let Some((what, reply)) = self.steering.take() {
            let done = if what == Steer::Restart { self.begin_next() } else { Ok(()) };
            let _ = reply.send(done);
        }
    }

    /// Begins its next generation; what it did before is forgiven.
    fn begin_next(&mut self) -> Result<(), String> {
        self.faults.forgive();
        self.a.generation += 1;
        self.start_thread().map_err(|error| format!("{} cannot start: {error}", self.a.name))
    }

    fn status(&self) -> StrategyStatus {
        let state = match self.state {
            State::Running(_) => "running",
            State::Restarting => "restarting",
            State::Quarantined => "quarantined",
            State::Stopped => "stopped",
        };
        StrategyStatus {
            name: self.a.name.to_string(),
            state: state.to_owned(),
            generation: self.a.generation,
            faults: self.faults.total(),
            abandoned: self.faults.abandoned(),
            last_fault: self.last_fault.clone(),
            since: self.since,
            saved: self.a.checkpoint.as_ref().map(|saved| (saved.at, saved.state.len())),
        }
    }
}
