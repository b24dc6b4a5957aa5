//! A desk: one topic with those who are subscribed to it. A message is written once and its bytes are given to all; who has no
//! room is owed something, which depends on the topic.

use std::collections::BTreeMap;

use actors::audience::Stats;
use bytestring::ByteString;

use super::super::queue::{Queue, Waiting};
use super::super::topic::{Overflow, Topic};

/// A connected client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientId(pub u64);

/// A client and what it is about to be given.
pub struct Client<Q> {
    /// The way to it.
    pub queue: Q,
    /// Topics that it is subscribed to.
    pub topics: Vec<Topic>,
    outbox: Vec<ByteString>,
    waiting: Waiting,
}

impl<Q: Queue> Client<Q> {
    /// Subscribed to nothing.
    pub fn new(queue: Q) -> Self {
        Self { queue, topics: Vec::new(), outbox: Vec::new(), waiting: Waiting::default() }
    }

    /// Puts a message where it is delivered from; false when there is no room.
    pub fn put(&mut self, message: &ByteString, overflow: Overflow) -> bool {
        if self.outbox.is_empty() {
            self.waiting = self.queue.waiting();
        }
        let fits = self.waiting.has_room(overflow, message.len());
        if fits {
            self.waiting.add(message.len());
            self.outbox.push(message.clone());
        }
        fits
    }

    /// Whether anything of a topic would fit.
    fn has_room(&self, overflow: Overflow) -> bool {
        let waiting = if self.outbox.is_empty() { self.queue.waiting() } else { self.waiting };
        waiting.has_room(overflow, 0)
    }

    /// What is to be delivered now.
    pub fn take(&mut self) -> Vec<ByteString> {
        std::mem::take(&mut self.outbox)
    }
}

/// What a subscriber is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owed {
    Nothing,
    /// The newest message.
    Newest,
    /// A snapshot; updates mean nothing to it before that.
    Snapshot,
}

/// One topic and its subscribers.
pub struct Desk {
    overflow: Overflow,
    /// Messages so far.
    seq: u64,
    newest: Option<ByteString>,
    subscribers: BTreeMap<ClientId, Owed>,
    /// How many of them are owed something.
    debts: usize,
}

impl Desk {
    /// Of a topic that nobody is subscribed to.
    pub fn new(topic: Topic) -> Self {
        Self { overflow: topic.overflow(), seq: 0, newest: None, subscribers: BTreeMap::new(), debts: 0 }
    }

    /// The number of its last message.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// True when nobody is subscribed.
    pub fn is_empty(&self) -> bool {
        self.subscribers.is_empty()
    }

    /// True when somebody is owed something.
    pub fn owes(&self) -> bool {
        self.debts > 0
    }

    /// One more subscriber, or one that wants a new snapshot.
    pub fn enter(&mut self, client: ClientId) {
        self.subscribers.insert(client, Owed::Snapshot);
        self.count_debts();
    }

    /// One less; false when it was none.
    pub fn leave(&mut self, client: ClientId) -> bool {
        let left = self.subscribers.remove(&client).is_some();
        self.count_debts();
        left
    }

    /// Publishes the next message. Returns those who may miss nothing of it and have no room.
    pub fn publish<Q: Queue>(
        &mut self,
        message: ByteString,
        clients: &mut BTreeMap<ClientId, Client<Q>>,
        stats: &Stats,
    ) -> Vec<ClientId> {
        self.seq += 1;
        let mut too_slow = Vec::new();
        for (id, owed) in &mut self.subscribers {
            let Some(client) = clients.get_mut(id).filter(|_| *owed != Owed::Snapshot) else { continue };
            if *owed == Owed::Newest {
                stats.conflated.add(1);
            }
            *owed = match self.overflow {
                _ if client.put(&message, self.overflow) => Owed::Nothing,
                Overflow::Conflate => Owed::Newest,
                Overflow::Resync => {
                    stats.resynced.add(1);
                    Owed::Snapshot
                }
                Overflow::Close => {
                    too_slow.push(*id);
                    Owed::Nothing
                }
            };
        }
        self.newest = Some(message);
        self.count_debts();
        too_slow
    }

    /// Something was lost: the next that each subscriber gets is a snapshot.
    pub fn begin_anew(&mut self) {
        self.seq += 1;
        self.subscribers.values_mut().for_each(|owed| *owed = Owed::Snapshot);
        self.count_debts();
    }

    /// Gives what is owed to those who have room. The snapshot is written for the first who needs it and takes it, and as it
    /// is now: what nobody is subscribed to changes without a message. Returns those to whom something is owed still.
    pub fn settle<Q: Queue>(
        &mut self,
        clients: &mut BTreeMap<ClientId, Client<Q>>,
        snapshot: impl Fn(u64) -> ByteString,
    ) -> Vec<ClientId> {
        let (mut written, mut left) = (None, Vec::new());
        for (id, owed) in self.subscribers.iter_mut().filter(|(_, owed)| **owed != Owed::Nothing) {
            let Some(client) = clients.get_mut(id) else { continue };
            let message = match owed {
                _ if !client.has_room(self.overflow) => None,
                Owed::Newest => self.newest.as_ref(),
                _ => Some(&*written.get_or_insert_with(|| snapshot(self.seq))),
            };
            if message.is_some_and(|message| client.put(message, self.overflow)) {
                *owed = Owed::Nothing;
            } else {
                left.push(*id);
            }
        }
        self.count_debts();
        left
    }

    fn count_debts(&mut self) {
        self.debts = self.subscribers.values().filter(|owed| **owed != Owed::Nothing).count();
    }
}
