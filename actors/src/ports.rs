//! Ports: how actors reach each other, and what they may say.
//!
//! A [`Port`] is a slot that the supervisor refills when an actor is replaced; peers hold the port and
//! never the actor. The protocols here carry reply ports; the data in them is in `messages`.

use std::sync::{Arc, PoisonError, RwLock};

use messages::account::{AccountSnapshot, OpeningEntry, ReconcileAsk};
use messages::alerts::{Alert, NoSuchAlert};
use messages::instrument::Asset;
use messages::market::Level;
use messages::orders::{Command, Order, OrderRequest, OrderUpdate, Sender};
use messages::risk::{Refusal, RiskChange, StateChange, TradingState};
use messages::snapshots::{Snapshot, SnapshotType};
use messages::strategies::Fault;
use messages::telemetry::Metric;
use messages::venues::{NoteKind, ToldRules, VenueReport, VenueRequest};
use messages::{Cash, Exchange, Instrument, OrderId, Price, Quantity, StrategyId, Symbol, UtcNanos};
use ractor::{ActorRef, RpcReplyPort};
use storage::migrate::phase::Ask;
use storage::migrate::way::Work;

use crate::traffic::Traffic;

mod names;

type Slot<T> = Option<Box<dyn Fn(T) -> bool + Send + Sync>>;

/// A way to an actor that may be replaced, and what went through it.
pub struct Port<T>(Arc<RwLock<Slot<T>>>, Traffic);

impl<T> Clone for Port<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), self.1.clone())
    }
}

impl<T> Default for Port<T> {
    fn default() -> Self {
        Self::to_place(&Traffic::default())
    }
}

impl<T> Port<T> {
    /// A port to the actor of a place, which may have others.
    #[must_use]
    pub fn to_place(traffic: &Traffic) -> Self {
        Self(Arc::new(RwLock::new(None)), traffic.clone())
    }

    /// The traffic of the actor behind it.
    #[must_use]
    pub fn traffic(&self) -> &Traffic {
        &self.1
    }
}

impl<T: 'static> Port<T> {
    /// Points the port at an actor.
    pub fn fill<M: ractor::Message + From<T>>(&self, actor: ActorRef<M>) {
        let send = move |message: T| actor.send_message(M::from(message)).is_ok();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(send));
    }

    /// Sends, without waiting. False when nobody is there; what the ledger holds is told again after the restart.
    pub fn cast(&self, message: T) -> bool {
        let sent = self.0.read().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|send| send(message));
        if sent {
            self.1.sent();
        }
        sent
    }
}

/// Your bulk queue is not empty.
#[derive(Debug, Clone, Copy)]
pub struct Wake;

/// To the market actor.
pub enum ToMarket {
    /// Frames wait.
    Wake,
    /// A feed of this exchange has failed and begins anew: what it had heard and not handed on is lost.
    FeedBeginsAnew(Exchange),
    /// Publish what is open as incomplete, and stop.
    Stop(RpcReplyPort<()>),
    /// How are you?
    Status(RpcReplyPort<MarketStatus>),
    /// The newest prices, and the best levels of the book, of one instrument.
    View {
        /// Which.
        instrument: Instrument,
        /// Levels of each side.
        levels: usize,
        /// `None` when nothing was ever heard of it.
        reply: RpcReplyPort<Option<Box<MarketView>>>,
    },
}

/// What the market shows of one instrument.
#[derive(Debug, Clone, PartialEq)]
pub struct MarketView {
    /// The newest quote.
    pub quote: Option<crate::market::state::LastQuote>,
    /// The newest trade.
    pub trade: Option<crate::market::state::LastTrade>,
    /// The best levels of the book; `None` without a book that is in step with its venue.
    pub book: Option<BookView>,
}

/// The best levels of a book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookView {
    /// The highest first.
    pub bids: Vec<Level>,
    /// The lowest first.
    pub asks: Vec<Level>,
    /// The venue's number of its newest change.
    pub last_id: u64,
    /// When that was received.
    pub received: UtcNanos,
}

/// How the market actor stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketStatus {
    /// Frames that wait.
    pub waiting: usize,
    /// Frames taken since its start.
    pub frames: u64,
    /// Frames among them that could not be decoded.
    pub undecodable: u64,
    /// What its state has counted.
    pub counters: crate::market::state::Counters,
    /// By how much each venue's clock is ahead of ours, as far as its messages tell.
    pub clocks: Vec<crate::market::state::ClockOffset>,
}

/// To the orders actor.
pub enum ToOrders {
    /// From a strategy, with the number of the first: its n-th command of this generation, from 1; and when the market event
    /// was received that it decided on, where it was one.
    Commands(Sender, u64, Vec<Command>, Option<UtcNanos>),
    /// From a venue.
    Reports(Vec<VenueReport>),
    /// From a person; the reply comes when it was heard.
    Manual(Command, RpcReplyPort<()>),
    /// From a person or a part of the runtime; the reply comes when it is durable.
    Trading(StateChange, Option<RpcReplyPort<TradingState>>),
    /// From a person, a venue or a part of the runtime: a limit, a latch or the status of an instrument changes. The reply,
    /// what was done or why not, comes when it is durable.
    Risk(Box<RiskChange>, Option<RpcReplyPort<Result<String, String>>>),
    /// A strategy has failed.
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
    Deposit(Asset, Cash),
    /// The venue outside is reached, for the first time or again.
    Connected,
    /// The venue outside says what the account holds.
    Account(Box<AccountSnapshot>),
    /// The venue outside says by which rules of its own it trades.
    Rules(Vec<ToldRules>),
    /// From a person: hold our books against the venue's now, or take what differs as it is. The reply, what was done or why
    /// not, comes when it is durable.
    Reconcile(ReconcileAsk, RpcReplyPort<Result<String, String>>),
    /// How far our books are held against the venue's.
    ReconcileStatus(RpcReplyPort<Box<crate::orders::state::ReconcileStatus>>),
    /// The audience has missed something: tell it all open orders.
    TellOpen,
    /// What is known of one order; the reply comes when all that was decided before is durable.
    Find(OrderId, RpcReplyPort<Found>),
    /// What risk would say to a new order of a person now. Nothing is decided.
    Preview(Box<OrderRequest>, RpcReplyPort<Preview>),
    /// How are you?
    Status(RpcReplyPort<OrdersStatus>),
    /// Each limit, its use and what would trip it.
    RiskStatus(RpcReplyPort<Box<crate::orders::state::RiskStatus>>),
}

/// What is known of one order.
#[derive(Debug, Clone)]
pub struct Found {
    /// As it stands; `None` when it is not in memory.
    pub order: Option<Box<Order>>,
    /// True when orders that ended long ago may have left memory: then the tables know.
    pub forgets: bool,
}

/// What risk says to an order that is only thought of, and what it looked at.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The first refusal, if any.
    pub verdict: Result<(), Refusal>,
    /// The price at which it is valued.
    pub price: Option<Price>,
    /// Its value at that price, in quote asset.
    pub notional: Option<Cash>,
    /// What is held of the instrument under the name `manual`, signed.
    pub position: Quantity,
    /// The same, once it is filled.
    pub position_after: Option<Quantity>,
    /// What may still be spent, in quote asset.
    pub free_quote: Option<Cash>,
    /// When the newest price was received.
    pub priced_at: Option<UtcNanos>,
}

/// How orders stand.
#[derive(Debug, Clone)]
pub struct OrdersStatus {
    /// What may be traded.
    pub trading: TradingState,
    /// The change that led there, once there was one since the start.
    pub changed: Option<(StateChange, UtcNanos)>,
    /// Open orders.
    pub open: Vec<Order>,
    /// Effects that wait for the ledger.
    pub waiting: usize,
    /// Orders that the venue was asked about and has not answered.
    pub asked: usize,
    /// What its state has counted since its start.
    pub counters: crate::orders::state::Counters,
    /// How quick it was.
    pub latencies: crate::orders::latency::Latencies,
}

/// To the positions actor.
pub enum ToPositions {
    /// Orders changed; their fills are to be booked.
    Updates(Vec<OrderUpdate>),
    /// Take a snapshot; the reply comes when it is durable.
    Snapshot(SnapshotType, Option<RpcReplyPort<Box<Snapshot>>>),
    /// Money is paid in.
    Deposit(Asset, Cash),
    /// The entries of a reconciliation are to be booked.
    Opened {
        /// Its number.
        number: u64,
        /// Its entries.
        entries: Vec<OpeningEntry>,
    },
    /// What is held and what it is worth now. Nothing is decided and nothing written.
    Status(RpcReplyPort<Box<Snapshot>>),
    /// The highest that the account was ever worth; `None` while that is not known.
    Highest(RpcReplyPort<Option<Cash>>),
}

/// To a venue actor.
pub enum ToVenue {
    /// Orders listens: begin.
    Begin,
    /// Requests, in order.
    Requests(Vec<VenueRequest>),
    /// How are you? `None` from the venue inside of the process.
    Status(RpcReplyPort<Option<VenueStatus>>),
}

/// How a venue outside stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VenueStatus {
    /// Its name.
    pub name: String,
    /// Whether it is reached.
    pub connected: bool,
    /// What a person must know of it, by kind: how often it was said since the gateway began.
    pub notes: Vec<(NoteKind, u64)>,
}

/// To a live feed.
pub enum ToFeed {
    /// Add and remove symbols while running; the reply says what is wrong with them.
    Change {
        /// Wanted as well.
        add: Vec<Symbol>,
        /// Wanted no more.
        remove: Vec<Symbol>,
        /// Nothing was changed where it is an error.
        reply: RpcReplyPort<Result<(), String>>,
    },
    /// How are you?
    Status(RpcReplyPort<Box<FeedStatus>>),
    /// Stop; the reply comes when its last words are with the market.
    Stop(RpcReplyPort<()>),
}

/// How a live feed stands.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FeedStatus {
    /// Its name.
    pub name: String,
    /// Its session.
    pub session: crate::feeds::session::Status,
    /// Frames that wait to be decoded.
    pub waiting: usize,
    /// Decoded frames that wait for the market.
    pub backlog: usize,
    /// Quotes left out because the market did not keep up.
    pub conflated: u64,
    /// From the socket to the market; `None` before ten seconds are over.
    pub lag: Option<Lag>,
    /// Its frames are recorded.
    pub records: bool,
    /// Lines that the recording lacks.
    pub recordings_lost: u64,
}

/// How long frames took, over ten seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Lag {
    /// Frames in the window.
    pub frames: u64,
    /// Half of them were as fast, in microseconds.
    pub p50_micros: u64,
    /// 99 of a hundred were as fast.
    pub p99_micros: u64,
    /// The slowest.
    pub max_micros: u64,
}

/// To the telemetry actor.
pub enum ToTelemetry {
    /// Take a sample now; the reply comes when it is on its way.
    Sample(RpcReplyPort<()>),
    /// What is now, for who looks: not written anywhere.
    Look(RpcReplyPort<Arc<Vec<Metric>>>),
}

/// To the alerts actor.
pub enum ToAlerts {
    /// A sample was taken.
    Sampled(Arc<Vec<Metric>>),
    /// A person has seen an alert; the reply says what is wrong with that.
    Acknowledge {
        /// Which alert.
        alert_id: String,
        /// Who.
        by: String,
        /// Why it is no more to be told.
        why: String,
        /// The alert as it stands then.
        reply: RpcReplyPort<Result<Alert, NoSuchAlert>>,
    },
    /// Which are open, and which were of late.
    List(RpcReplyPort<Vec<Alert>>),
    /// What it has counted.
    Status(RpcReplyPort<AlertCounts>),
}

/// What the alerts actor has counted since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AlertCounts {
    /// Alerts that are open.
    pub open: usize,
    /// Those that nobody has acknowledged.
    pub unacknowledged: usize,
    /// Messages that the webhook took.
    pub sent: u64,
    /// Messages that were given up.
    pub failed: u64,
    /// Messages that the bound of an hour kept back.
    pub held_back: u64,
    /// Heartbeats that nobody answered.
    pub heartbeats_failed: u64,
}

/// To the migration actor.
pub enum ToMigration {
    /// How it stands.
    Status(RpcReplyPort<Box<crate::migration::Status>>),
    /// Do something; the reply says what was done or has begun, or why not.
    Act {
        /// What.
        act: Act,
        /// Who wants it.
        by: By,
        /// What was done or has begun, in words.
        reply: RpcReplyPort<Result<String, NotDone>>,
    },
}

/// What a person may ask of the migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// To take a step at once.
    Step(Step),
    /// To begin long work.
    Work(Work),
    /// To end the work that is under way.
    Stop,
}

/// A step that is taken at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// To let DuckDB answer so many of a hundred reads.
    Reads(u8),
    /// To let DuckDB alone answer.
    Promote {
        /// Whether nothing is written to PostgreSQL any more.
        freeze: bool,
    },
    /// To go a step back.
    Rollback,
}

impl Step {
    /// As the phases know it.
    #[must_use]
    pub const fn ask(self) -> Ask {
        match self {
            Self::Reads(percent) => Ask::Reads(percent),
            Self::Promote { freeze } => Ask::Promote { freeze },
            Self::Rollback => Ask::Rollback,
        }
    }
}

/// Who wants something, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// Who.
    pub who: String,
    /// Why.
    pub why: String,
}

/// Why something was not done, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotDone(pub String);

/// To a strategy's shell.
pub enum ToStrategy {
    /// Its own orders changed.
    Updates(Vec<OrderUpdate>),
    /// The trading group was restored from the ledger; these are its newest events of the strategy's orders.
    Restored(Vec<OrderUpdate>),
    /// All is there: begin.
    Begin,
    /// Trades did not fit its queue.
    Lagging,
    /// Stop; the reply comes when its last words are sent.
    Stop(RpcReplyPort<()>),
    /// A person stops it, starts it again, or both in turn; the reply says what came of it.
    Steer(Steer, RpcReplyPort<Result<(), String>>),
    /// How are you?
    Status(RpcReplyPort<StrategyStatus>),
}

/// What a person does with a strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steer {
    /// It begins its next generation, where it does not run.
    Start,
    /// It stops in order, with its open orders as `on_stop` says, until somebody starts it or the runtime starts again.
    Stop,
    /// It stops in order and begins its next generation.
    Restart,
}

/// How a strategy stands.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct StrategyStatus {
    /// Its name.
    pub name: String,
    /// `running`, `restarting`, `quarantined` or `stopped`.
    pub state: String,
    /// Its restart count.
    pub generation: u32,
    /// Faults so far.
    pub faults: u32,
    /// Threads that hung and were abandoned.
    pub abandoned: u32,
    /// Its last fault.
    pub last_fault: Option<String>,
    /// Since when it is in this state.
    pub since: UtcNanos,
    /// When its state was last saved, and how many bytes that took.
    pub saved: Option<(UtcNanos, usize)>,
}
