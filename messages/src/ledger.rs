//! What the two journals keep: the ledger (what was decided) and the market journal (what was seen).

use serde::{Deserialize, Serialize};

use crate::account::{AccountSnapshot, OpeningEntry, ReconcileAsk, Reconciliation};
use crate::ids::{Account, MarketId, StrategyId};
use crate::instrument::{Asset, Instrument, Rules};
use crate::market::{Bar, Batch};
use crate::migration::MigrationChange;
use crate::number::{Cash, Quantity};
use crate::orders::{Command, OrderUpdate};
use crate::positions::{Balance, Booked, Opened};
use crate::risk::{RiskChange, RiskRecord, StateChange};
use crate::snapshots::{Snapshot, SnapshotType};
use crate::strategies::{Checkpoint, Fault};
use crate::time::UtcNanos;
use crate::venues::{ToldRules, VenueReport};

/// The number of a record in its journal, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The next number.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl std::fmt::Display for Seq {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

/// How a run gets its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The live actors on live or simulated feeds.
    Run,
    /// The live actors on a recording.
    Replay,
    /// The deterministic driver.
    Backtest,
}

/// A start of the runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The name of this installation, in client order ids.
    pub instance: String,
    /// Rises with every start; 0 in a backtest.
    pub epoch: u64,
    /// What ids and the simulated market are made from.
    pub seed: u64,
    /// Hash of the settings that decide.
    pub config_hash: [u8; 32],
    /// How input comes in.
    pub mode: Mode,
    /// Whose money.
    pub account: Account,
    /// The settings that decide, as TOML, so that a session can be re-run.
    pub settings: String,
    /// When.
    pub at: UtcNanos,
}

/// Something a person or the runtime did that is neither an order nor a state change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Who.
    pub by: String,
    /// What: a stable name, as `strategy.quarantined`.
    pub what: String,
    /// About whom or what.
    pub subject: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: UtcNanos,
}

impl Action {
    /// True for what deciding actors write: alarms, the faults of strategies, what a venue did by itself. People, alerts and imports write the others,
    /// and a re-run does not make them again.
    #[must_use]
    pub fn is_decision(&self) -> bool {
        let fault = self.what.strip_prefix("strategy.");
        let is_fault = fault.is_some_and(|what| Fault::ALL.iter().any(|fault| fault.as_str() == what));
        self.by == "venue" || self.by == "merganser" && (self.what == "alert" || is_fault)
    }

    /// Something that people should look at.
    #[must_use]
    pub fn alert(why: String, at: UtcNanos) -> Self {
        Self { by: "merganser".to_owned(), what: "alert".to_owned(), subject: String::new(), why, at }
    }
}

/// A file that is imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The hash of its bytes.
    pub content: String,
    /// Where it was.
    pub path: String,
}

/// An import begins: what it writes is made from this again, should it be broken off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportBegun {
    /// Its files, in their order.
    pub files: Vec<Imported>,
    /// The first market id that it gives.
    pub first: MarketId,
    /// The first market record that it writes.
    pub market: Seq,
    /// When.
    pub at: UtcNanos,
}

/// One record of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum LedgerRecord {
    /// The runtime started.
    Started(Started),
    /// Market ids below `end` are taken.
    MarketIds {
        /// The first id of the block.
        first: MarketId,
        /// The first id after it.
        end: MarketId,
    },
    /// An order changed: the intent of a new one, too.
    Order(Box<OrderUpdate>),
    /// A fill was booked.
    Booked(Box<Booked>),
    /// Money was paid in or corrected.
    Deposit(Balance),
    /// A snapshot was taken.
    Snapshot(Box<Snapshot>),
    /// The trading state changed.
    Trading {
        /// The change.
        change: StateChange,
        /// When.
        at: UtcNanos,
    },
    /// A strategy saved its state.
    Checkpoint(Box<Checkpoint>),
    /// An action worth remembering.
    Action(Action),
    /// The runtime stopped in order.
    Stopped {
        /// When.
        at: UtcNanos,
    },
    /// The rules of every instrument that a start knows.
    Instruments(Vec<Rules>),
    /// An import begins. It has ended when there is an action for each of its files.
    ImportBegun(Box<ImportBegun>),
    /// The way out of PostgreSQL goes on, or back.
    Migration(Box<MigrationChange>),
    /// A limit, a latch or an instrument's status changed.
    Risk(Box<RiskRecord>),
    /// Our books were held against the venue's.
    Reconciled(Box<Reconciliation>),
    /// The entries of a reconciliation were booked.
    Opened(Box<Opened>),
}

/// A deciding actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Decider {
    /// The paper venue.
    Paper,
    /// Orders and risk.
    Orders,
    /// Positions and balances.
    Positions,
    /// One strategy.
    Strategy(StrategyId),
}

/// What one deciding actor was given in one delivery, beside the market events of the range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Delivery {
    /// The market events of the range. `conflated`: all trades and bars, but only the newest quote per symbol.
    Market {
        /// Whether quotes were left out.
        conflated: bool,
    },
    /// The next messages of a peer, in the order in which it sent them.
    Messages {
        /// Who sent them.
        from: Decider,
        /// How many.
        count: u32,
    },
    /// Time passed: timers that were due fired.
    Timer,
    /// A command of a person, whole: nobody can make it again.
    Manual(Command),
    /// The trading state was changed from outside.
    Trading(StateChange),
    /// A strategy failed.
    Fault {
        /// Which.
        strategy: StrategyId,
        /// The generation that follows.
        next_generation: u32,
        /// How.
        fault: Fault,
        /// Whether its open orders are cancelled.
        cancel: bool,
    },
    /// Money was paid in.
    Deposit {
        /// Of what.
        asset: Asset,
        /// How much.
        amount: Cash,
    },
    /// A snapshot was asked for.
    Snapshot(SnapshotType),
    /// The actor started; a strategy with its saved state, where it has one.
    Start(Option<Box<Checkpoint>>),
    /// Bars of the warm-up, as storage answered.
    History {
        /// Of which instrument.
        instrument: Instrument,
        /// Oldest first.
        bars: Vec<Bar>,
    },
    /// The actor was asked to stop.
    Stop,
    /// Reports of a venue outside of the process, whole: nobody can make them again.
    Reports(Vec<VenueReport>),
    /// The venue is reached, for the first time or again: what it did meanwhile is asked for.
    Connected,
    /// A strategy begins a generation with what the runtime knows of it.
    Resumed(Box<Resumption>),
    /// The trading group was restored from the ledger: what it never heard is to be said again.
    Restored,
    /// The next commands of a strategy. Numbered, for some may have died with a trading group that failed.
    Commands {
        /// Which strategy.
        strategy: StrategyId,
        /// Its restart count.
        generation: u32,
        /// The number of the first: the strategy's n-th command of this generation, from 1.
        first: u64,
        /// How many.
        count: u32,
    },
    /// A limit, a latch or an instrument's status was changed from outside.
    Risk(Box<RiskChange>),
    /// What a venue outside of the process says of the account, whole: nobody can say it again.
    Account(Box<AccountSnapshot>),
    /// A person asked for a reconciliation, or accepted what it left.
    Reconcile(ReconcileAsk),
    /// The entries of the reconciliation with this number are to be booked.
    Opened {
        /// Its number.
        number: u64,
        /// Its entries.
        entries: Vec<OpeningEntry>,
    },
    /// Rules of a venue outside of the process that are other than before, whole: nobody can say them again.
    Rules(Vec<ToldRules>),
}

/// What a strategy begins a generation with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Resumption {
    /// Its last saved state.
    pub checkpoint: Option<Box<Checkpoint>>,
    /// Events of its orders that the saved state has not seen, oldest first.
    pub missed: Vec<OrderUpdate>,
    /// The newest event of each of its open orders.
    pub open: Vec<OrderUpdate>,
    /// What it holds.
    pub positions: Vec<(Instrument, Quantity)>,
    /// Updates of its orders, of this start, that are in all this already.
    pub heard: u64,
}

/// One delivery to a deciding actor. The records of a session, taken in the order of the journal, give
/// every pure state the same inputs again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Handled {
    /// Who.
    pub actor: Decider,
    /// The number of this actor's delivery; rising over all starts.
    pub number: u64,
    /// A strategy's restart count; 0 for the others.
    pub generation: u32,
    /// The virtual now of the delivery.
    pub now: UtcNanos,
    /// Market events above this id …
    pub market_from: MarketId,
    /// … up to and including this one were taken in before the delivery.
    pub market_to: MarketId,
    /// What was delivered.
    pub delivery: Delivery,
}

/// One record of the market journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum MarketRecord {
    /// Numbered events of one frame.
    Batch(Batch),
    /// A delivery to a deciding actor.
    Handled(Handled),
    /// A frame that could not be decoded, for inspection.
    Undecodable {
        /// Which feed.
        feed: String,
        /// When it was received.
        received: UtcNanos,
        /// Why.
        error: String,
        /// The frame, at most 4 KiB of it.
        frame: Vec<u8>,
    },
    /// Orders, positions and the venue were restored from the ledger: at each start, and when the group failed.
    Restored {
        /// The start.
        epoch: u64,
        /// Up to this record of the ledger.
        ledger: Seq,
    },
}
