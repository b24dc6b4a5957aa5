//! The hub with readers that keep what they are told: whatever happens, a reader that has read all has what the hub has.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::stream::queue::{Gone, Waiting};
use bytestring::ByteString;

pub mod facts;
mod properties;
mod reader;
mod slow;

use facts::Facts;
use reader::Reader;

/// The queue of a reader, which reads when it wants to.
#[derive(Clone, Default)]
struct Pipe(Rc<RefCell<Inner>>);

#[derive(Default)]
struct Inner {
    waiting: Vec<ByteString>,
    closed: Option<Closing>,
    is_gone: bool,
}

impl Queue for Pipe {
    fn waiting(&self) -> Waiting {
        let inner = self.0.borrow();
        Waiting { messages: inner.waiting.len(), bytes: inner.waiting.iter().map(|m| m.len()).sum() }
    }

    fn deliver(&self, messages: Vec<ByteString>) -> Result<(), Gone> {
        let mut inner = self.0.borrow_mut();
        if inner.is_gone {
            return Err(Gone);
        }
        inner.waiting.extend(messages);
        Ok(())
    }

    fn close(&self, why: Closing) {
        self.0.borrow_mut().closed = Some(why);
    }
}

/// A hub that knows two instruments, with readers.
struct Bench {
    hub: Hub<Pipe>,
    facts: Facts,
    stats: Arc<Stats>,
    readers: Vec<Reader>,
}

impl Bench {
    fn new(readers: usize) -> Self {
        let stats = Arc::<Stats>::default();
        let known = Known {
            instruments: facts::INSTRUMENTS.map(facts::instrument).to_vec(),
            quotes: BTreeMap::new(),
            timeframes: vec![Timeframe::SECOND],
            strategies: [("s".parse().unwrap(), StrategyRun::default())].into(),
        };
        let mut bench =
            Self { hub: Hub::new(known, stats.clone()), facts: Facts::default(), stats, readers: Vec::new() };
        for _ in 0..readers {
            bench.join();
        }
        bench
    }

    /// One more reader; returns which.
    fn join(&mut self) -> usize {
        let id = ClientId(self.readers.len() as u64);
        let reader = Reader::new(id);
        self.hub.join(id, reader.pipe.clone());
        self.readers.push(reader);
        self.readers.len() - 1
    }

    fn subscribe(&mut self, reader: usize, topics: &[&str]) {
        let topics = topics.iter().map(|topic| topic.parse().unwrap()).collect();
        self.hub.subscribe(self.readers[reader].id, topics);
    }

    /// Subscribes, and waits for the snapshots.
    fn enter(&mut self, reader: usize, topics: &[&str]) {
        self.subscribe(reader, topics);
        self.flush();
    }

    fn unsubscribe(&mut self, reader: usize, topic: &str) {
        self.hub.unsubscribe(self.readers[reader].id, &[topic.parse().unwrap()]);
        // What was on its way before it is of no use to anybody.
        self.readers[reader].read_all();
        self.readers[reader].forget(topic);
    }

    fn flush(&mut self) {
        self.hub.flush(self.facts.now());
    }

    /// Everybody reads until nothing is owed to anybody.
    fn settle(&mut self) {
        for _ in 0..3 {
            self.readers.iter_mut().for_each(Reader::read_all);
            self.flush();
        }
        self.readers.iter_mut().for_each(Reader::read_all);
    }
}
