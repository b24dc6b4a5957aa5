//! The host of one strategy: the pure state around a user's code.
//!
//! It filters what the strategy asked for, keeps its orders, positions and timers, and gathers its
//! commands. The strategy's thread and the backtest both call it, with the same deliveries.

use std::collections::{BTreeMap, BTreeSet};

use messages::ids::IdMaker;
use messages::instrument::Rules;
use messages::ledger::Resumption;
use messages::market::{Bar, Batch, Event, EventBody, TickBody};
use messages::orders::{Command, OrderRequest, OrderUpdate};
use messages::strategies::{Checkpoint, Resumed};
use messages::{Instrument, MarketId, OrderId, StrategyId, UtcNanos, caps};

use super::api::{Context, Own, Quote, Strategy, Trade, Wants};
use crate::settings::OpenOrders;

/// What a strategy said during one delivery.
#[derive(Debug, Default, PartialEq)]
pub struct Said {
    /// Commands, in order.
    pub commands: Vec<Command>,
    /// Log lines.
    pub lines: Vec<String>,
}

/// A strategy with what it owns.
pub struct Host {
    name: StrategyId,
    generation: u32,
    strategy: Box<dyn Strategy>,
    wants: Wants,
    /// What it wants of, to be found quickly.
    instruments: BTreeSet<Instrument>,
    own: Own,
    cancel_on_stop: bool,
    /// Orders that ended since the last checkpoint, with the number of their last event.
    ended: Vec<(OrderId, u32)>,
    /// Orders that it sent and of which nothing was heard yet.
    unheard: BTreeMap<OrderId, Box<OrderRequest>>,
    /// When its next timer is due; its timers change only while it is called.
    due: Option<UtcNanos>,
    seen: MarketId,
    at: UtcNanos,
}

impl Said {
    /// True when nothing was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.lines.is_empty()
    }
}

impl Host {
    /// Hosts a strategy whose order ids are made from `seed` and its name. `on_stop` says what becomes of
    /// its open orders when the runtime stops.
    #[must_use]
    pub fn new(
        name: StrategyId,
        generation: u32,
        strategy: Box<dyn Strategy>,
        seed: u64,
        rules: BTreeMap<Instrument, Rules>,
        on_stop: OpenOrders,
    ) -> Self {
        let wants = strategy.wants();
        let own = Own {
            // A new generation makes other ids: what the last one sent and nobody wrote down stays apart.
            ids: IdMaker::new(seed, format!("{name}/{generation}")),
            made: 0,
            rules,
            orders: BTreeMap::new(),
            positions: BTreeMap::new(),
            quotes: BTreeMap::new(),
            timers: BTreeMap::new(),
        };
        let cancel_on_stop = on_stop == OpenOrders::Cancel;
        Self {
            name,
            generation,
            strategy,
            instruments: wants.instruments.iter().copied().collect(),
            wants,
            own,
            cancel_on_stop,
            ended: Vec::new(),
            unheard: BTreeMap::new(),
            due: None,
            seen: MarketId(0),
            at: UtcNanos::MIN,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> StrategyId {
        self.name
    }
    /// Its restart count.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation
    }
    /// What it asked to hear.
    #[must_use]
    pub fn wants(&self) -> &Wants {
        &self.wants
    }
    /// The newest market event that it has seen.
    #[must_use]
    pub fn seen(&self) -> MarketId {
        self.seen
    }

    /// Begins a generation: positions, open orders and saved state come back, then events that it has not seen.
    ///
    /// # Errors
    /// The strategy does not take its saved state, in its words; it has started without it.
    pub fn resume(&mut self, with: &Resumption, now: UtcNanos, said: &mut Said) -> Result<(), String> {
        self.own.positions.extend(with.positions.iter().copied());
        for update in with.open.iter().filter(|u| u.order.status.is_open()) {
            self.own.orders.insert(update.order.order_id, (update.order.clone(), update.event.number));
        }
        let restored = self.start(with.checkpoint.as_deref(), now, said);
        with.missed.iter().for_each(|update| self.on_missed(update, now, said));
        restored
    }

    /// The trading group was restored: what it never heard is said again, for it to be known or denied.
    pub fn on_restored(&self, said: &mut Said) {
        for (order_id, request) in &self.unheard {
            said.commands.push(Command::Recall { order_id: *order_id, request: request.clone() });
        }
    }

    /// Takes its saved state back and calls [`Strategy::on_start`].
    ///
    /// # Errors
    /// The strategy does not take the state, in its words; it has started without it.
    pub fn start(&mut self, checkpoint: Option<&Checkpoint>, now: UtcNanos, said: &mut Said) -> Result<(), String> {
        let restored = checkpoint.map_or(Ok(()), |c| self.strategy.restore(&c.state));
        self.call(now, said, |strategy, context| strategy.on_start(context));
        if let (Some(checkpoint), Ok(())) = (checkpoint, &restored) {
            let resumed = Resumed { from: checkpoint.at, to: now };
            self.call(now, said, |strategy, context| strategy.on_resumed(resumed, context));
        }
        restored
    }

    /// Gives it its warm-up.
    pub fn on_history(&mut self, instrument: Instrument, bars: &[Bar], now: UtcNanos, said: &mut Said) {
        self.call(now, said, |strategy, context| strategy.on_history(instrument, bars, context));
    }

    /// Gives it a batch: only its symbols, only what it asked for.
    pub fn on_market(&mut self, batch: &Batch, said: &mut Said) {
        for event in &batch.events {
            if event.id > self.seen {
                self.seen = event.id;
            }
            if self.looks_at(batch, &event.body) && self.instruments.contains(&event.instrument()) {
                self.on_event(event, batch.received, said);
            }
        }
        self.at = self.at.max(batch.received);
    }

    /// True for a kind of event that it asked for or is kept for it.
    fn looks_at(&self, batch: &Batch, body: &EventBody) -> bool {
        match body {
            // Its bars hear of corrections and of what was fetched after a gap; a callback would take it for news.
            EventBody::Tick(tick) if !batch.is_price(tick) => false,
            EventBody::Tick(tick) => self.wants.trades || matches!(tick.body, TickBody::Quote { .. }),
            EventBody::Bar(bar) => self.wants.bars.contains(&bar.timeframe),
            EventBody::Depth(_) => self.wants.depth,
            EventBody::Gap(_) => false,
        }
    }

    fn on_event(&mut self, event: &Event, now: UtcNanos, said: &mut Said) {
        match &event.body {
            EventBody::Tick(tick) => match tick.body {
                TickBody::Trade { price, size, aggressor, .. } => {
                    let trade = Trade { instrument: tick.instrument, time: tick.time, price, size, aggressor };
                    self.call(now, said, |strategy, context| strategy.on_trade(&trade, context));
                }
                TickBody::Quote { bid, ask } => {
                    let quote = Quote { instrument: tick.instrument, time: tick.time, bid, ask };
                    self.own.quotes.insert(tick.instrument, quote);
                    if self.wants.quotes {
                        self.call(now, said, |strategy, context| strategy.on_quote(&quote, context));
                    }
                }
            },
            EventBody::Bar(bar) => {
                self.call(now, said, |strategy, context| strategy.on_bar(bar, context));
            }
            EventBody::Depth(depth) => {
                self.call(now, said, |strategy, context| strategy.on_depth(depth, context));
            }
            EventBody::Gap(_) => {}
        }
    }

    /// Gives it an event of one of its orders.
    pub fn on_order(&mut self, update: &OrderUpdate, said: &mut Said) {
        let order = &update.order;
        self.unheard.remove(&order.order_id);
        if order.status.is_open() {
            self.own.orders.insert(order.order_id, (order.clone(), update.event.number));
        } else {
            self.own.orders.remove(&order.order_id);
            self.ended.push((order.order_id, update.event.number));
        }
        if let Some(fill) = &update.event.fill {
            let position = self.own.positions.entry(order.request.instrument).or_default();
            *position = position.checked_add(order.request.side.signed(fill.quantity)).unwrap_or(*position);
        }
        self.at = self.at.max(update.event.at);
        self.call(update.event.at, said, |strategy, context| strategy.on_order(update, context));
    }

    /// Gives it an event that an earlier generation may have missed. Orders and positions were restored with it.
    fn on_missed(&mut self, update: &OrderUpdate, now: UtcNanos, said: &mut Said) {
        if update.order.status.is_terminal() {
            self.ended.push((update.order.order_id, update.event.number));
        }
        self.call(now, said, |strategy, context| strategy.on_order(update, context));
    }

    /// Calls its timers that are due, by time and id. Returns those that fired.
    pub fn on_timers(&mut self, now: UtcNanos, said: &mut Said) -> Vec<u32> {
        let mut due: Vec<(UtcNanos, u32)> =
            self.own.timers.iter().filter(|(_, at)| **at <= now).map(|(id, at)| (*at, *id)).collect();
        due.sort_unstable();
        for (_, id) in &due {
            self.own.timers.remove(id);
            self.call(now, said, |strategy, context| strategy.on_timer(*id, context));
        }
        due.into_iter().map(|(_, id)| id).collect()
    }

    /// When its next timer is due.
    #[must_use]
    pub fn next_due(&self) -> Option<UtcNanos> {
        self.due
    }

    /// The runtime stops.
    pub fn on_stop(&mut self, now: UtcNanos, said: &mut Said) {
        self.call(now, said, |strategy, context| strategy.on_stop(context));
        if self.cancel_on_stop {
            said.commands.push(Command::CancelAll);
        }
    }

    /// Its state as the ledger keeps it; `None` when it is larger than allowed.
    pub fn checkpoint(&mut self) -> Option<Checkpoint> {
        let state = self.strategy.save();
        if state.len() > caps::STRATEGY_STATE_BYTES {
            return None;
        }
        let open = self.own.orders.iter().map(|(id, (_, number))| (*id, *number));
        let seen = open.chain(std::mem::take(&mut self.ended)).collect();
        Some(Checkpoint {
            strategy: self.name,
            generation: self.generation,
            at: self.at,
            market: self.seen,
            seen,
            orders_made: self.own.made,
            state,
        })
    }

    fn call(&mut self, now: UtcNanos, said: &mut Said, method: impl FnOnce(&mut dyn Strategy, &mut Context<'_>)) {
        let before = said.commands.len();
        let mut context = Context { now, book: &mut self.own, commands: &mut said.commands, lines: &mut said.lines };
        method(&mut *self.strategy, &mut context);
        for command in &said.commands[before..] {
            match command {
                Command::Submit { order_id, request } => drop(self.unheard.insert(*order_id, request.clone())),
                Command::SubmitList { orders } => {
                    self.unheard.extend(orders.iter().map(|(id, request)| (*id, Box::new(request.clone()))));
                }
                _ => {}
            }
        }
        self.due = self.own.timers.values().min().copied();
    }
}

#[cfg(test)]
mod tests;
