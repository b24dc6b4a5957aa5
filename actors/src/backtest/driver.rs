//! The driver: an input of frames, stage by stage, in virtual time.
//!
//! For every frame: timers that were due before it; then the market numbers it; then venues, orders,
//! positions, timers, strategies by name; then every message that follows, until nothing is left.

use messages::ledger::{Decider, Delivery, LedgerRecord};
use messages::market::{Batch, FeedBatch, Source};
use messages::snapshots::SnapshotType;
use messages::{MarketId, StrategyId, UtcNanos, caps};

use super::machine::Machine;
use crate::market::state::Market;
use crate::strategies::host::Host;
use crate::timer::earliest;

/// Runs a machine on an input.
pub struct Driver {
    /// The states.
    pub machine: Machine,
    /// The market.
    pub market: Market,
    /// The strategies, by name.
    strategies: Vec<StrategyId>,
    next_id: MarketId,
    now: UtcNanos,
    seen: MarketId,
    batch: Batch,
    started: bool,
    next_snapshot: Option<UtcNanos>,
    snapshot_every: std::time::Duration,
}

impl Driver {
    /// Runs `machine` behind `market`; market ids begin at 1.
    #[must_use]
    pub fn new(machine: Machine, market: Market, snapshot_every: std::time::Duration) -> Self {
        Self {
            strategies: machine.hosts.keys().copied().collect(),
            machine,
            market,
            next_id: MarketId(1),
            now: UtcNanos::MIN,
            seen: MarketId(0),
            batch: empty(),
            started: false,
            next_snapshot: None,
            snapshot_every,
        }
    }

    /// Takes one frame, with everything that follows from it.
    pub fn frame(&mut self, frame: &FeedBatch) {
        if !self.started {
            self.start(frame.received);
        }
        self.pass_time(frame.received);
        self.reserve_ids();
        let mut batch = std::mem::replace(&mut self.batch, empty());
        self.market.on_feed(frame, &mut batch);
        self.now = self.now.max(batch.received);
        self.publish(&batch);
        self.batch = batch;
    }

    fn start(&mut self, now: UtcNanos) {
        self.started = true;
        self.now = now;
        self.step(Decider::Positions, &Delivery::Snapshot(SnapshotType::Startup));
        self.next_snapshot = Some(now.floor_to(self.snapshot_every).after(self.snapshot_every));
        self.step_strategies(&Delivery::Start(None));
        self.settle();
    }

    /// Reserves the next block of market ids before the last one runs out.
    fn reserve_ids(&mut self) {
        if self.market.ids_left() < caps::MARKET_ID_BLOCK / 2 {
            let (first, end) = (self.next_id, MarketId(self.next_id.0 + caps::MARKET_ID_BLOCK));
            self.machine.recorder.reserve(first, end);
            self.market.reserve(first, end);
            self.next_id = end;
        }
    }

    /// Lets everything happen that is due up to `until`, in order of time.
    fn pass_time(&mut self, until: UtcNanos) {
        loop {
            let states = earliest(self.machine.next_due(), self.market.next_due());
            let next = earliest(states, self.next_snapshot);
            let Some(due) = next.filter(|due| *due <= until) else { return };
            self.now = self.now.max(due);
            self.fire(due);
        }
    }

    fn fire(&mut self, due: UtcNanos) {
        if self.market.next_due().is_some_and(|at| at <= due) {
            self.reserve_ids();
            let mut batch = std::mem::replace(&mut self.batch, empty());
            self.market.on_timer(due, &mut batch);
            self.publish(&batch);
            self.batch = batch;
        }
        if self.machine.paper.next_due().is_some_and(|at| at <= due) {
            self.step(Decider::Paper, &Delivery::Timer);
        }
        if self.machine.orders.next_due().is_some_and(|at| at <= due) {
            self.step(Decider::Orders, &Delivery::Timer);
        }
        if self.next_snapshot.is_some_and(|at| at <= due) {
            let new_day = due.day() != due.before(self.snapshot_every).day();
            let kind = if new_day { SnapshotType::Eod } else { SnapshotType::Intraday };
            self.step(Decider::Positions, &Delivery::Snapshot(kind));
            self.next_snapshot = Some(due.after(self.snapshot_every));
        }
        for at in 0..self.strategies.len() {
            let name = self.strategies[at];
            let next = self.machine.hosts.get(&name).and_then(Host::next_due);
            if next.is_some_and(|at| at <= due) {
                self.step(Decider::Strategy(name), &Delivery::Timer);
            }
        }
        self.settle();
    }

    /// Journals a batch and gives it to all, then settles what follows.
    fn publish(&mut self, batch: &Batch) {
        let Some(last) = batch.events.last() else { return };
        self.seen = last.id;
        self.machine.recorder.batch(batch);
        self.machine.tally.on_batch(batch);
        let market = Delivery::Market { conflated: false };
        self.machine.deliver(Decider::Paper, &market, batch.received, &[batch], self.seen);
        self.machine.see(batch);
        self.settle();
        for name in &self.strategies {
            self.machine.deliver(Decider::Strategy(*name), &market, batch.received, &[batch], self.seen);
        }
        self.settle();
    }

    fn settle(&mut self) {
        while let Some((actor, delivery)) = self.machine.next_message() {
            self.step(actor, &delivery);
        }
    }

    fn step(&mut self, actor: Decider, delivery: &Delivery) {
        self.machine.deliver(actor, delivery, self.now, &[], self.seen);
    }

    fn step_strategies(&mut self, delivery: &Delivery) {
        for name in &self.strategies {
            self.machine.deliver(Decider::Strategy(*name), delivery, self.now, &[], self.seen);
        }
    }

    /// Ends the run: strategies stop, a last snapshot is taken, open bars are stored as incomplete.
    pub fn stop(&mut self) {
        self.step_strategies(&Delivery::Stop);
        self.settle();
        self.pass_time(self.now.after(std::time::Duration::from_secs(1)));
        self.step(Decider::Positions, &Delivery::Snapshot(SnapshotType::Shutdown));
        self.reserve_ids();
        let mut batch = std::mem::replace(&mut self.batch, empty());
        self.market.stop(self.now, &mut batch);
        self.machine.recorder.batch(&batch);
        self.machine.tally.on_batch(&batch);
        self.machine.recorder.ledger(&LedgerRecord::Stopped { at: self.now });
    }

    /// The virtual now.
    #[must_use]
    pub fn now(&self) -> UtcNanos {
        self.now
    }
}

fn empty() -> Batch {
    Batch { source: Source::Replay, received: UtcNanos::MIN, events: Vec::new() }
}
