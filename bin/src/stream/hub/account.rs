//! What the stream shows of us: orders, fills, positions, the account's value, the trading state, strategies, log lines,
//! health.
//!
//! Each of them is kept as it was last told, with a mark of what nobody was shown yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use actors::ports::StrategyStatus;
use messages::orders::{Order, OrderUpdate};
use messages::positions::{Booked, Opened, Position, Trade};
use messages::risk::{StateChange, TradingState};
use messages::snapshots::Snapshot;
use messages::telemetry::LogLine;
use messages::{Cash, Instrument, OrderId, Quantity, StrategyId, UtcNanos, caps};
use serde_json::Value;

use super::tape::Tape;

/// Whose position in what.
pub type PositionKey = (Instrument, StrategyId);

/// Something that is shown whole.
#[derive(Debug)]
pub struct Shown<T> {
    /// As it was last told; `None` before.
    pub value: Option<T>,
    is_new: bool,
}

impl<T> Default for Shown<T> {
    fn default() -> Self {
        Self { value: None, is_new: false }
    }
}

impl<T> Shown<T> {
    /// It is this now.
    pub fn set(&mut self, value: T) {
        self.value = Some(value);
        self.is_new = true;
    }

    /// Whether nobody was shown it yet; from now on somebody was.
    pub fn take(&mut self) -> bool {
        std::mem::take(&mut self.is_new)
    }
}

/// What may be traded, and who said so.
#[derive(Debug, Clone)]
pub struct TradingNow {
    /// The state.
    pub state: TradingState,
    /// The change that led there and when it was made; `None` where it lies before the start.
    pub changed: Option<(StateChange, UtcNanos)>,
}

/// All of it.
pub struct Account {
    /// Open orders.
    pub orders: BTreeMap<OrderId, Order>,
    /// What happened to orders.
    pub events: Tape<OrderUpdate>,
    /// Fills.
    pub fills: Tape<Trade>,
    /// Positions. Flat ones stay, so that an older word about them is known to be older.
    positions: BTreeMap<PositionKey, Position>,
    new_positions: BTreeSet<PositionKey>,
    /// What is held and what it is worth.
    pub valued: Shown<Box<Snapshot>>,
    /// What may be traded.
    pub trading_now: Shown<TradingNow>,
    /// Strategies by their names.
    pub strategies: BTreeMap<String, StrategyStatus>,
    new_strategies: BTreeSet<String>,
    /// Log lines.
    pub logs: Tape<Arc<LogLine>>,
    /// Open alerts, as the API shows them.
    pub alerts: Shown<Vec<Value>>,
    /// As `/health` says it.
    pub health: Shown<Value>,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            orders: BTreeMap::new(),
            events: Tape::new(0, caps::AUDIENCE_EVENTS),
            fills: Tape::new(caps::TAPE_SHOWN, caps::AUDIENCE_EVENTS),
            positions: BTreeMap::new(),
            new_positions: BTreeSet::new(),
            valued: Shown::default(),
            trading_now: Shown::default(),
            strategies: BTreeMap::new(),
            new_strategies: BTreeSet::new(),
            logs: Tape::new(caps::TAPE_SHOWN, caps::TAPE_FRESH),
            alerts: Shown::default(),
            health: Shown::default(),
        }
    }
}

impl Account {
    /// These are the open orders: what is not among them is not open any more.
    pub fn open(&mut self, orders: Vec<Order>, state: TradingState) {
        self.orders = orders.into_iter().map(|order| (order.order_id, order)).collect();
        if self.trading_now.value.as_ref().is_none_or(|known| known.state != state) {
            self.trading_now.set(TradingNow { state, changed: None });
        }
    }

    /// Something happened to an order.
    pub fn order(&mut self, update: OrderUpdate) {
        if update.order.status.is_open() {
            self.orders.insert(update.order.order_id, update.order.clone());
        } else {
            self.orders.remove(&update.order.order_id);
        }
        self.events.push(update);
    }

    /// A fill was booked.
    pub fn booked(&mut self, booked: Booked) {
        self.fills.push(booked.trade);
        self.position(booked.position);
    }

    /// The entries of a reconciliation were booked.
    pub fn opened(&mut self, opened: Opened) {
        opened.positions.into_iter().for_each(|position| self.position(position));
    }

    /// A position as it stood at some time: what is known already may be newer.
    fn position(&mut self, position: Position) {
        let key = (position.instrument, position.strategy);
        if self.positions.get(&key).is_none_or(|known| known.at <= position.at) {
            self.positions.insert(key, position);
            self.new_positions.insert(key);
        }
    }

    /// Positions that are not flat.
    pub fn held(&self) -> impl Iterator<Item = &Position> {
        self.positions.values().filter(|position| !position.quantity.is_zero())
    }

    /// What everything was worth at some time. A position that is not in it was flat then.
    pub fn value(&mut self, snapshot: Box<Snapshot>) {
        let at = snapshot.portfolio.at;
        let valued: BTreeSet<PositionKey> = snapshot.positions.iter().map(|p| (p.instrument, p.strategy)).collect();
        let is_gone = |known: &&Position| !valued.contains(&(known.instrument, known.strategy)) && known.at <= at;
        let flat =
            |known: &Position| Position { quantity: Quantity::ZERO, cost_basis: Cash::ZERO, at, ..known.clone() };
        let gone: Vec<Position> = self.held().filter(is_gone).map(flat).collect();
        gone.into_iter().chain(snapshot.positions.iter().cloned()).for_each(|position| self.position(position));
        self.valued.set(snapshot);
    }

    /// Positions that nobody was shown yet.
    pub fn new_positions(&mut self) -> Vec<&Position> {
        let keys = std::mem::take(&mut self.new_positions);
        keys.iter().filter_map(|key| self.positions.get(key)).collect()
    }

    /// A strategy started, stopped or failed.
    pub fn strategy(&mut self, status: StrategyStatus) {
        self.new_strategies.insert(status.name.clone());
        self.strategies.insert(status.name.clone(), status);
    }

    /// Strategies that nobody was shown yet.
    pub fn new_strategies(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.new_strategies)
    }

    /// The trading state changed.
    pub fn trading(&mut self, change: StateChange, at: UtcNanos) {
        self.trading_now.set(TradingNow { state: change.state, changed: Some((change, at)) });
    }
}
