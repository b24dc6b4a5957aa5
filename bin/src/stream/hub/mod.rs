//! The hub: all that the stream shows, who is subscribed to what, and the numbers of the messages. Pure.
//!
//! Hears market data, what the audience is told, and what clients ask for; says messages into the clients' queues, each
//! written once for all who get it, and none that nobody gets. Invariant: whoever applies a snapshot and the updates behind
//! it has what the hub has, for a snapshot and its number are taken in one step, after what was new has been shown. Whoever
//! subscribes is owed a snapshot, and all who are get the same one with the next look: to ask again and again costs nobody
//! more than to ask once.

mod account;
mod bars;
mod desk;
mod market;
mod tape;
mod views;

use std::collections::BTreeMap;
use std::sync::Arc;

use actors::audience::{Heard, Stats};
use actors::settings::StrategyRun;
use messages::instrument::Asset;
use messages::market::{Batch, Timeframe};
use messages::snapshots::Snapshot;
use messages::telemetry::LogLine;
use messages::{Instrument, StrategyId, UtcNanos, caps};
use serde_json::Value;

use super::protocol::{Closing, Head, Kind, Refusal};
use super::queue::Queue;
use super::topic::{Overflow, Topic};
use desk::{Client, Desk};
use views::{News, Views};

pub use desk::ClientId;

/// What comes in beside market data.
pub enum Input {
    /// From the tree.
    Heard(Heard),
    /// What is held and what it is worth.
    Valued(Box<Snapshot>),
    /// A log line.
    Log(Arc<LogLine>),
    /// Log lines were lost on their way here.
    LogLost,
    /// All alerts that are open, as the API shows them.
    Alerts(Vec<Value>),
    /// As `/health` says it.
    Health(Value),
}

/// What is known before anything is heard.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Instruments.
    pub instruments: Vec<Instrument>,
    /// What they are paid in, as far as it is known.
    pub quotes: BTreeMap<Instrument, Asset>,
    /// The lengths of bars that are published.
    pub timeframes: Vec<Timeframe>,
    /// What strategies are made with, by their names.
    pub strategies: BTreeMap<StrategyId, StrategyRun>,
}

/// The hub.
pub struct Hub<Q> {
    views: Views,
    desks: BTreeMap<Topic, Desk>,
    clients: BTreeMap<ClientId, Client<Q>>,
    stats: Arc<Stats>,
}

impl<Q: Queue> Hub<Q> {
    /// Nobody is connected.
    pub fn new(known: Known, stats: Arc<Stats>) -> Self {
        let views = Views::new(known);
        Self { views, desks: BTreeMap::new(), clients: BTreeMap::new(), stats }
    }

    /// Takes in market data.
    pub fn market(&mut self, batch: &Batch) {
        self.views.market.hear(batch);
    }

    /// Takes in everything else.
    pub fn hear(&mut self, input: Input, at: UtcNanos) {
        let account = &mut self.views.account;
        match input {
            Input::Heard(Heard::Open { orders, trading }) => {
                // What happened before is shown before.
                self.show(Topic::Orders, at);
                self.views.account.open(orders, trading);
                self.begin_anew(Topic::Orders, at);
            }
            Input::Heard(Heard::Order(update)) => account.order(*update),
            Input::Heard(Heard::Booked(booked)) => account.booked(*booked),
            Input::Heard(Heard::Opened(opened)) => account.opened(*opened),
            Input::Heard(Heard::Trading { change, at }) => account.trading(change, at),
            Input::Heard(Heard::Strategy(status)) => account.strategy(status),
            Input::Valued(snapshot) => account.value(snapshot),
            Input::Log(line) => account.logs.push(line),
            Input::LogLost => account.logs.lost(),
            Input::Alerts(open) => account.alerts.set(open),
            Input::Health(health) => account.health.set(health),
        }
    }

    /// Market data was lost on its way here.
    pub fn market_lost(&mut self) {
        self.views.market.lost();
    }

    /// Events were lost on their way here. Open orders and positions are asked for anew by who knows whom to ask.
    pub fn events_lost(&mut self) {
        self.views.account.fills.lost();
    }

    /// A client connects.
    pub fn join(&mut self, client: ClientId, queue: Q) {
        self.clients.insert(client, Client::new(queue));
    }

    /// A client is gone.
    pub fn leave(&mut self, client: ClientId) {
        let Some(gone) = self.clients.remove(&client) else { return };
        gone.topics.iter().for_each(|topic| self.let_go(client, *topic));
    }

    /// A client wants topics, each from a new snapshot on.
    pub fn subscribe(&mut self, client: ClientId, topics: Vec<Topic>) {
        for topic in topics {
            if let Err(refusal) = self.enter(client, topic) {
                self.refuse(client, &refusal);
            }
        }
        self.deliver();
    }

    /// A client wants topics no longer.
    pub fn unsubscribe(&mut self, client: ClientId, topics: &[Topic]) {
        // What was put out for it before goes before.
        self.deliver();
        for topic in topics {
            if let Some(client) = self.clients.get_mut(&client) {
                client.topics.retain(|t| t != topic);
            }
            self.let_go(client, *topic);
        }
    }

    fn enter(&mut self, id: ClientId, topic: Topic) -> Result<(), Refusal> {
        self.views.check(topic)?;
        let Some(client) = self.clients.get_mut(&id) else { return Ok(()) };
        if !client.topics.contains(&topic) {
            if client.topics.len() >= caps::CLIENT_TOPICS {
                let detail = format!("it is one too many; expected at most {} topics", caps::CLIENT_TOPICS);
                return Err(Refusal::of(topic.to_string(), "too_many_topics", detail));
            }
            client.topics.push(topic);
            self.stats.subscriptions.add(1);
        }
        let desk = self.desks.entry(topic).or_insert_with(|| Desk::new(topic));
        if desk.is_empty() {
            self.views.watch(topic, true);
        }
        desk.enter(id);
        Ok(())
    }

    fn let_go(&mut self, client: ClientId, topic: Topic) {
        let Some(desk) = self.desks.get_mut(&topic) else { return };
        if desk.leave(client) {
            self.stats.subscriptions.leave();
        }
        if desk.is_empty() {
            self.views.watch(topic, false);
        }
    }

    fn refuse(&mut self, client: ClientId, refusal: &Refusal) {
        let Some(known) = self.clients.get_mut(&client) else { return };
        if !known.put(&refusal.write(), Overflow::Close) {
            self.close(client, Closing::Slow);
        }
    }

    /// Shows what is new in the topics in which nobody waits.
    pub fn flush_urgent(&mut self, at: UtcNanos) {
        for topic in Topic::URGENT {
            self.show(topic, at);
            self.settle(topic, at);
        }
        self.deliver();
    }

    /// Shows all that is new, and gives what is owed to who has room again.
    pub fn flush(&mut self, at: UtcNanos) {
        let watched = self.desks.iter().filter(|(_, desk)| !desk.is_empty()).map(|(topic, _)| *topic);
        for topic in watched.collect::<Vec<_>>() {
            self.show(topic, at);
            self.settle(topic, at);
        }
        self.deliver();
    }

    /// Publishes what is new in one topic.
    fn show(&mut self, topic: Topic, at: UtcNanos) {
        let Some(desk) = self.desks.get_mut(&topic).filter(|desk| !desk.is_empty()) else { return };
        let head = Head { kind: Kind::Update, topic, seq: desk.seq() + 1, at };
        match self.views.news(head) {
            News::Nothing => {}
            News::TooMuch => self.begin_anew(topic, at),
            News::Message(message) => {
                self.stats.encoded.add(1);
                let too_slow = desk.publish(message, &mut self.clients, &self.stats);
                too_slow.into_iter().for_each(|client| self.close(client, Closing::Slow));
            }
        }
    }

    fn begin_anew(&mut self, topic: Topic, at: UtcNanos) {
        let Some(desk) = self.desks.get_mut(&topic).filter(|desk| !desk.is_empty()) else { return };
        desk.begin_anew();
        let left = self.settle(topic, at);
        if topic.overflow() == Overflow::Close {
            // By the time that there is room, what happened meanwhile would have been left out.
            left.into_iter().for_each(|client| self.close(client, Closing::Slow));
        }
    }

    fn settle(&mut self, topic: Topic, at: UtcNanos) -> Vec<ClientId> {
        let Some(desk) = self.desks.get_mut(&topic).filter(|desk| desk.owes()) else { return Vec::new() };
        let (views, stats) = (&self.views, &self.stats);
        desk.settle(&mut self.clients, |seq| {
            stats.encoded.add(1);
            views.snapshot(Head { kind: Kind::Snapshot, topic, seq, at })
        })
    }

    /// Hands every client what was put out for it.
    fn deliver(&mut self) {
        let mut gone = Vec::new();
        for (id, client) in &mut self.clients {
            let messages = client.take();
            if messages.is_empty() {
                continue;
            }
            self.stats.messages.add(messages.len() as u64);
            self.stats.bytes.add(messages.iter().map(|m| m.len() as u64).sum());
            if client.queue.deliver(messages).is_err() {
                gone.push(*id);
            }
        }
        gone.into_iter().for_each(|client| self.leave(client));
    }

    fn close(&mut self, client: ClientId, why: Closing) {
        if let Some(known) = self.clients.get(&client) {
            known.queue.close(why);
            if why == Closing::Slow {
                self.stats.closed_slow.add(1);
            }
        }
        self.leave(client);
    }

    /// Ends all clients.
    pub fn close_all(&mut self, why: Closing) {
        let all: Vec<ClientId> = self.clients.keys().copied().collect();
        all.into_iter().for_each(|client| self.close(client, why));
    }
}

#[cfg(test)]
pub(super) mod tests;
