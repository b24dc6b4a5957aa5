//! A session, run again: the market events and the deliveries of an earlier run's market journal, given
//! to fresh states in the order in which that run handled them.
//!
//! It ends at the last synced record. Each state gets exactly what it got then, so that the same orders,
//! fills and positions must come out; where a message that was delivered then does not exist now, the
//! two runs have parted, and that is an error and not a shorter answer.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use messages::ledger::{Decider, Delivery, Handled, LedgerRecord, MarketRecord, Seq, Started};
use messages::market::Batch;
use messages::{MarketId, StrategyId};
use storage::datadir::Paths;
use storage::journal::{self, Reader};

use super::machine::Machine;

/// What can go wrong with a session.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A journal cannot be read.
    #[error("cannot read the session's journal")]
    Journal(#[from] journal::Error),
    /// Nothing was ever started there.
    #[error("there is no session in {}: its ledger holds no start", .0.display())]
    Empty(std::path::PathBuf),
    /// More than one start.
    #[error("the session holds {starts} starts; only a run without a restart can be re-run so far")]
    Restarted {
        /// How many.
        starts: usize,
    },
    /// A strategy failed in it.
    #[error(
        "strategy {strategy} failed in the session and was restarted (generation {generation}); such a session cannot be re-run yet"
    )]
    Faulted {
        /// Which.
        strategy: StrategyId,
        /// Its restart count.
        generation: u32,
    },
    /// A delivery needs a message that this run did not produce.
    #[error(
        "the session has parted from its recording at delivery {number} of {actor:?}: fewer messages from {from:?} than were handled then"
    )]
    Parted {
        /// Whose delivery.
        actor: Decider,
        /// Its number.
        number: u64,
        /// Who should have sent them.
        from: Decider,
    },
}

/// What the ledger of a session says about its start.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The start.
    pub started: Started,
    /// The reserved blocks of market ids, which the re-run writes again.
    pub blocks: Vec<(MarketId, MarketId)>,
}

/// Reads how a session was started.
///
/// # Errors
/// Its ledger cannot be read, or holds no start or more than one.
pub fn opening(paths: &Paths) -> Result<Opening, Error> {
    let mut reader = Reader::<LedgerRecord>::new(&paths.ledger, Seq(1));
    let (mut starts, mut blocks) = (Vec::new(), Vec::new());
    while let Some(group) = reader.next_group(Seq(u64::MAX))? {
        for (_, record) in group.records {
            match record {
                LedgerRecord::Started(started) => starts.push(started),
                LedgerRecord::MarketIds { first, end } => blocks.push((first, end)),
                _ => {}
            }
        }
    }
    match starts.len() {
        0 => Err(Error::Empty(paths.ledger.clone())),
        1 => Ok(Opening { started: starts.remove(0), blocks }),
        starts => Err(Error::Restarted { starts }),
    }
}

/// Runs the deliveries of a session again.
pub struct Session {
    /// The states.
    pub machine: Machine,
    /// Batches that somebody has not taken in yet, oldest first.
    batches: VecDeque<Rc<Batch>>,
    /// How far each actor has taken the market in.
    taken: BTreeMap<Decider, MarketId>,
    /// How far orders and positions have seen it.
    seen: BTreeMap<Decider, MarketId>,
    deliveries: u64,
}

impl Session {
    /// Runs `machine`, which must be made as the session's was.
    #[must_use]
    pub fn new(machine: Machine) -> Self {
        Self { machine, batches: VecDeque::new(), taken: BTreeMap::new(), seen: BTreeMap::new(), deliveries: 0 }
    }

    /// Runs everything that the session's market journal holds. Returns the deliveries.
    ///
    /// # Errors
    /// The journal cannot be read, or the runs have parted.
    pub fn run(&mut self, paths: &Paths) -> Result<u64, Error> {
        let mut reader = Reader::<MarketRecord>::new(&paths.market, Seq(1));
        while let Some(group) = reader.next_group(Seq(u64::MAX))? {
            for (_, record) in group.records {
                match record {
                    MarketRecord::Batch(batch) => {
                        self.machine.recorder.batch(&batch);
                        self.machine.tally.on_batch(&batch);
                        self.batches.push_back(Rc::new(batch));
                    }
                    MarketRecord::Handled(handled) => self.deliver(&handled)?,
                    other @ MarketRecord::Undecodable { .. } => self.machine.recorder.market(&other),
                }
            }
        }
        Ok(self.deliveries)
    }

    fn deliver(&mut self, handled: &Handled) -> Result<(), Error> {
        self.deliveries += 1;
        if let (Decider::Strategy(strategy), generation @ 1..) = (handled.actor, handled.generation) {
            return Err(Error::Faulted { strategy, generation });
        }
        if let (Decider::Orders, Delivery::Start(_)) = (handled.actor, &handled.delivery) {
            return Err(Error::Restarted { starts: 2 });
        }
        if let Delivery::Messages { from, count } = handled.delivery
            && self.machine.waiting(handled.actor, from) < count as usize
        {
            return Err(Error::Parted { actor: handled.actor, number: handled.number, from });
        }
        let batches = match (&handled.actor, &handled.delivery) {
            (Decider::Orders | Decider::Positions, _) => {
                self.catch_up(handled.actor, handled.market_to);
                Vec::new()
            }
            (_, Delivery::Market { conflated }) => self.range(handled, *conflated),
            _ => Vec::new(),
        };
        let refs: Vec<&Batch> = batches.iter().map(Rc::as_ref).collect();
        self.machine.deliver(handled.actor, &handled.delivery, handled.now, &refs, handled.market_to);
        self.taken.insert(handled.actor, handled.market_to);
        self.forget();
        Ok(())
    }

    /// Lets orders or positions see the market up to `to`.
    fn catch_up(&mut self, actor: Decider, to: MarketId) {
        let from = self.seen.get(&actor).copied().unwrap_or_default();
        for batch in self.batches.iter().filter(|b| first_id(b) > from && last_id(b) <= to) {
            match actor {
                Decider::Orders => self.machine.orders.on_market(batch),
                _ => self.machine.positions.on_market(batch),
            }
        }
        self.seen.insert(actor, from.max(to));
    }

    fn range(&self, handled: &Handled, conflated: bool) -> Vec<Rc<Batch>> {
        let inside = |b: &&Rc<Batch>| first_id(b) > handled.market_from && last_id(b) <= handled.market_to;
        let batches: Vec<Rc<Batch>> = self.batches.iter().filter(inside).cloned().collect();
        if !conflated {
            return batches;
        }
        let mut owned: Vec<Batch> = batches.iter().map(|b| (**b).clone()).collect();
        crate::conflate::newest_quotes(&mut owned);
        owned.into_iter().map(Rc::new).collect()
    }

    /// Drops batches that everyone who listens has taken in.
    fn forget(&mut self) {
        let listeners: Vec<Decider> = [Decider::Paper, Decider::Orders, Decider::Positions]
            .into_iter()
            .chain(self.machine.hosts.keys().map(|name: &StrategyId| Decider::Strategy(*name)))
            .collect();
        let seen = |a: &Decider| self.taken.get(a).copied().unwrap_or_default();
        let all = listeners.iter().map(seen).min().unwrap_or_default();
        while self.batches.front().is_some_and(|b| last_id(b) <= all) {
            self.batches.pop_front();
        }
    }
}

fn first_id(batch: &Batch) -> MarketId {
    batch.events.first().map_or(MarketId(0), |e| e.id)
}

fn last_id(batch: &Batch) -> MarketId {
    batch.events.last().map_or(MarketId(0), |e| e.id)
}
