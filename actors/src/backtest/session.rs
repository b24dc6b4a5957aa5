//! A session, run again: the market events and the deliveries of an earlier run's market journal, given
//! to fresh states in the order in which that run handled them, over restarts, faults and crashes.
//!
//! Each state gets exactly what it got then, so that the same orders, fills and positions must come out. What
//! comes out is held against the session's own ledger, part by part: a part ends where the trading group was
//! restored. A crash may have lost the last deliveries of a part (the ledger is synced at once, the market journal
//! in groups) or the last decisions: the former are taken over from the ledger, the latter never were
//! durable; both are counted. A decision that comes out otherwise is an error and not another answer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use messages::ledger::{Decider, Delivery, Handled, LedgerRecord, MarketRecord, Seq, Started};
use messages::market::Batch;
use messages::strategies::Fault;
use messages::{MarketId, StrategyId};
use storage::datadir::Paths;
use storage::journal::{self, Reader};

use super::machine::Machine;
use super::parts::{Held, Part};
use super::recorder::Recorder;
use crate::assembly::{self, Assembly};
use crate::restore::{self, Restored};
use crate::settings::Deciding;
use crate::strategies::registry::Registry;
use crate::venues::{self, Route, Venues};

/// Batches kept for a strategy that is down: more than are published while it starts again.
const KEPT_FOR_THE_FAILED: usize = 65_536;

/// What can go wrong with a session.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A journal cannot be read.
    #[error("cannot read the session's journal")]
    Journal(#[from] journal::Error),
    /// Its market journal does not reach back to its beginning.
    #[error(
        "the session in {} cannot be re-run: its market journal begins with record {oldest}, older segments were dropped (journal.market_max_bytes)", dir.display()
    )]
    Gone {
        /// Its data directory.
        dir: std::path::PathBuf,
        /// The oldest record that is kept.
        oldest: u64,
    },
    /// Nothing was ever started there.
    #[error("there is no session in {}: its ledger holds no start", .0.display())]
    Empty(std::path::PathBuf),
    /// A start without the marker that says where it went on.
    #[error(
        "start {epoch} of the session was written by an older merganser, which did not record where it went on; it cannot be re-run"
    )]
    Unmarked {
        /// The start.
        epoch: u64,
    },
    /// The settings of a start cannot be read.
    #[error("the settings of start {epoch} cannot be read")]
    Settings {
        /// The start.
        epoch: u64,
        /// Why.
        source: toml::de::Error,
    },
    /// The settings do not make states.
    #[error(transparent)]
    Assembly(#[from] assembly::Error),
    /// Its orders went to a venue that this binary does not know.
    #[error(transparent)]
    Venue(#[from] venues::Error),
    /// Its ledger does not give its states.
    #[error(transparent)]
    Restore(#[from] restore::Error),
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
    /// A decision came out otherwise.
    #[error(
        "the session has parted from its ledger: event {number} of order {order} came out as {ours}, and was {theirs}"
    )]
    Otherwise {
        /// The order.
        order: messages::OrderId,
        /// Its event.
        number: u32,
        /// What came out.
        ours: String,
        /// What the ledger holds.
        theirs: String,
    },
}

/// What a re-run came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rerun {
    /// Deliveries that were made again.
    pub deliveries: u64,
    /// Ledger records whose deliveries were lost in a crash.
    pub taken_over: u64,
    /// Decisions that a crash kept from being durable.
    pub never_durable: u64,
}

/// Runs the deliveries of a session again.
pub struct Session<'a> {
    /// The states.
    pub machine: Machine,
    paths: &'a Paths,
    registry: &'a Registry,
    venues: &'a Venues,
    starts: BTreeMap<u64, Started>,
    /// The last delivery of every generation that hung: its callback never came back.
    hung: BTreeMap<(StrategyId, u64, u32), u64>,
    assembly: Assembly,
    /// The start that runs now; `None` before the first marker.
    process: Option<u64>,
    ledger: Reader<LedgerRecord>,
    /// Batches that somebody has not taken in yet, oldest first.
    batches: VecDeque<Rc<Batch>>,
    /// How far each actor has taken the market in.
    taken: BTreeMap<Decider, MarketId>,
    /// Strategies between two generations.
    down: BTreeSet<StrategyId>,
    rerun: Rerun,
}

impl<'a> Session<'a> {
    /// Opens the session in `paths`; what comes out goes to `recorder`.
    ///
    /// # Errors
    /// Its ledger cannot be read, holds no start, or settings that make no states here.
    pub fn open(
        paths: &'a Paths,
        registry: &'a Registry,
        venues: &'a Venues,
        recorder: Recorder,
    ) -> Result<Self, Error> {
        let (mut starts, mut first, mut has_hung) = (BTreeMap::new(), None, false);
        let mut reader = Reader::<LedgerRecord>::new(&paths.ledger, Seq(1));
        while let Some(group) = reader.next_group(Seq(u64::MAX))? {
            for (_, record) in group.records {
                match record {
                    LedgerRecord::Started(started) => {
                        first.get_or_insert(started.epoch);
                        starts.insert(started.epoch, started);
                    }
                    LedgerRecord::Action(action) => has_hung |= action.what == "strategy.hung",
                    _ => {}
                }
            }
        }
        let first = first.ok_or_else(|| Error::Empty(paths.ledger.clone()))?;
        let (assembly, route) = assemble(&starts[&first], venues)?;
        let hosts = assembly.hosts(registry)?;
        let recorder = recorder.holding();
        let mut machine =
            Machine::new(assembly.paper()?, assembly.orders()?, assembly.positions(), Vec::new(), first, recorder);
        machine.begin_process(hosts, matches!(route, Route::Remote(_)));
        Ok(Self {
            machine,
            paths,
            registry,
            venues,
            starts,
            hung: if has_hung { last_deliveries_of_the_hung(paths)? } else { BTreeMap::new() },
            assembly,
            process: None,
            ledger: Reader::new(&paths.ledger, Seq(1)),
            batches: VecDeque::new(),
            taken: BTreeMap::new(),
            down: BTreeSet::new(),
            rerun: Rerun::default(),
        })
    }

    /// Runs everything that the session's market journal holds.
    ///
    /// # Errors
    /// The journal cannot be read, or the runs have parted.
    pub fn run(&mut self) -> Result<Rerun, Error> {
        let mut reader = Reader::<MarketRecord>::new(&self.paths.market, Seq(1));
        loop {
            let group = match reader.next_group(Seq(u64::MAX)) {
                Ok(Some(group)) => group,
                Ok(None) => break,
                Err(journal::Error::Gone { oldest, .. }) => {
                    return Err(Error::Gone { dir: self.paths.root.clone(), oldest });
                }
                Err(error) => return Err(error.into()),
            };
            for (_, record) in group.records {
                match record {
                    MarketRecord::Batch(batch) => {
                        self.machine.recorder.batch(&batch);
                        self.machine.tally.on_batch(&batch);
                        self.batches.push_back(Rc::new(batch));
                    }
                    MarketRecord::Handled(handled) => self.deliver(&handled)?,
                    MarketRecord::Restored { epoch, ledger } => {
                        self.machine.recorder.market(&MarketRecord::Restored { epoch, ledger });
                        self.restore(epoch, ledger)?;
                    }
                    other @ MarketRecord::Undecodable { .. } => self.machine.recorder.market(&other),
                }
            }
        }
        self.settle(Seq(u64::MAX))?;
        Ok(self.rerun)
    }

    /// A part has ended: what came out is held against the ledger, and the ledger gives the states of the next.
    fn restore(&mut self, epoch: u64, ledger: Seq) -> Result<(), Error> {
        self.settle(ledger)?;
        if self.process != Some(epoch) {
            let started = self.starts.get(&epoch).ok_or(Error::Unmarked { epoch })?;
            let (assembly, route) = assemble(started, self.venues)?;
            self.machine.begin_process(assembly.hosts(self.registry)?, matches!(route, Route::Remote(_)));
            self.assembly = assembly;
            self.process = Some(epoch);
            self.batches.clear();
            self.taken.clear();
            self.down.clear();
        }
        let restored: Restored = restore::restore(&self.paths.ledger, ledger, &self.assembly)?;
        self.machine.restore(restored);
        Ok(())
    }

    /// Holds what came out since the last time against the ledger's records up to `ledger`.
    fn settle(&mut self, ledger: Seq) -> Result<(), Error> {
        let mut part = Part::of(self.machine.recorder.take_held());
        while let Some(group) = self.ledger.next_group(ledger)? {
            for (_, record) in group.records {
                if part.hold(&record)? == Held::TakenOver {
                    self.rerun.taken_over += 1;
                }
                self.machine.recorder.write(&record);
            }
        }
        self.rerun.never_durable += part.left();
        Ok(())
    }

    fn deliver(&mut self, handled: &Handled) -> Result<(), Error> {
        self.rerun.deliveries += 1;
        let epoch = handled.number >> 32;
        if epoch != self.assembly.epoch() {
            return Err(Error::Unmarked { epoch });
        }
        if let Decider::Strategy(name) = handled.actor {
            if let Delivery::Resumed(with) = &handled.delivery {
                self.begin_generation(name, handled.generation, with.heard)?;
            }
            if self.is_lost(name, epoch, handled) {
                self.machine.recorder.handled(|| handled.clone());
                return Ok(());
            }
        }
        self.check(handled)?;
        let batches = match (&handled.actor, &handled.delivery) {
            (Decider::Orders | Decider::Positions, _) => {
                self.catch_up(handled);
                Vec::new()
            }
            (_, Delivery::Market { conflated }) => self.range(handled, *conflated),
            _ => Vec::new(),
        };
        let refs: Vec<&Batch> = batches.iter().map(Rc::as_ref).collect();
        // Who panicked then panics now: a strategy is replaced, the trading group restored, as the journal goes on to say.
        let _ = catch_unwind(AssertUnwindSafe(|| self.machine.again(handled, &refs)));
        self.taken.insert(handled.actor, handled.market_to);
        self.forget();
        Ok(())
    }

    /// True for a callback that hung, and for what a thread did that nobody waited for any more.
    fn is_lost(&self, name: StrategyId, epoch: u64, handled: &Handled) -> bool {
        let hung = self.hung.get(&(name, epoch, handled.generation)) == Some(&handled.number);
        let old = self.machine.hosts.get(&name).is_none_or(|host| host.generation() != handled.generation);
        hung || old
    }

    fn begin_generation(&mut self, name: StrategyId, generation: u32, heard: u64) -> Result<(), Error> {
        let Some(run) = self.assembly.deciding().strategies.run.get(&name) else { return Ok(()) };
        let host = self.assembly.host(self.registry, name, run, generation)?;
        self.machine.begin_generation(host, heard);
        self.down.remove(&name);
        Ok(())
    }

    /// The messages of a delivery must be there.
    fn check(&mut self, handled: &Handled) -> Result<(), Error> {
        let (from, count) = match &handled.delivery {
            Delivery::Messages { from, count } => (*from, *count),
            Delivery::Commands { strategy, generation, first, count } => {
                self.machine.forget_commands(*strategy, *generation, *first);
                (Decider::Strategy(*strategy), *count)
            }
            Delivery::Fault { strategy, .. } => {
                self.down.insert(*strategy);
                return Ok(());
            }
            // A person stopped it: until it begins again it takes nothing.
            Delivery::Stop => {
                if let Decider::Strategy(name) = handled.actor {
                    self.down.insert(name);
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        if self.machine.waiting(handled.actor, from) < count as usize {
            return Err(Error::Parted { actor: handled.actor, number: handled.number, from });
        }
        Ok(())
    }

    /// Lets orders or positions see the market up to where they had seen it.
    fn catch_up(&mut self, handled: &Handled) {
        let taken = self.taken.get(&handled.actor).copied().unwrap_or_default();
        let from = taken.max(handled.market_from);
        for batch in self.batches.iter().filter(|b| last_id(b) > from && last_id(b) <= handled.market_to) {
            match handled.actor {
                Decider::Orders => self.machine.orders.on_market(batch),
                _ => self.machine.positions.on_market(batch),
            }
        }
    }

    fn range(&self, handled: &Handled, conflated: bool) -> Vec<Rc<Batch>> {
        let inside = |b: &&Rc<Batch>| last_id(b) > handled.market_from && last_id(b) <= handled.market_to;
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
        let core = [Decider::Paper, Decider::Orders, Decider::Positions].into_iter();
        let core = core.filter(|a| *a != Decider::Paper || !self.machine.venue_is_outside());
        let strategies = self.machine.hosts.keys().filter(|name| !self.down.contains(name));
        let listeners = core.chain(strategies.map(|name| Decider::Strategy(*name)));
        let seen = |a: Decider| self.taken.get(&a).copied().unwrap_or_default();
        let all = listeners.map(seen).min().unwrap_or_default();
        let keep = if self.down.is_empty() { 0 } else { KEPT_FOR_THE_FAILED };
        while self.batches.len() > keep && self.batches.front().is_some_and(|b| last_id(b) <= all) {
            self.batches.pop_front();
        }
    }
}

/// What a start was made with.
fn assemble(started: &Started, venues: &Venues) -> Result<(Assembly, Route), Error> {
    let deciding: Deciding =
        toml::from_str(&started.settings).map_err(|source| Error::Settings { epoch: started.epoch, source })?;
    let route = venues.route(deciding.account.name, &deciding.venues)?;
    let assembly = Assembly::new(deciding, &started.instance, started.epoch, started.seed)?;
    Ok((assembly.with(route.capabilities()).with_models(venues.models().clone()), route))
}

/// Finds the deliveries that hung: the last one of each generation that ended so.
fn last_deliveries_of_the_hung(paths: &Paths) -> Result<BTreeMap<(StrategyId, u64, u32), u64>, Error> {
    let (mut last, mut hung) = (BTreeMap::new(), BTreeSet::new());
    let mut reader = Reader::<MarketRecord>::new(&paths.market, Seq(1));
    while let Some(group) = reader.next_group(Seq(u64::MAX))? {
        for (_, record) in group.records {
            let MarketRecord::Handled(handled) = record else { continue };
            let epoch = handled.number >> 32;
            match (handled.actor, handled.delivery) {
                (Decider::Strategy(name), _) => drop(last.insert((name, epoch, handled.generation), handled.number)),
                (_, Delivery::Fault { strategy, next_generation, fault: Fault::Hung, .. }) => {
                    hung.insert((strategy, epoch, next_generation.saturating_sub(1)));
                }
                _ => {}
            }
        }
    }
    last.retain(|generation, _| hung.contains(generation));
    Ok(last)
}

fn last_id(batch: &Batch) -> MarketId {
    batch.events.last().map_or(MarketId(0), |e| e.id)
}
