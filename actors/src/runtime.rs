//! The runtime from outside: what it is made from, how it starts, and what may be asked of it.
//!
//! The tree itself, who is started with what and who is replaced, is in `tree.rs`.

mod ports;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use messages::account::ReconcileAsk;
use messages::alerts::{Alert, NoSuchAlert};
use messages::ledger::{LedgerRecord, Mode, Started};
use messages::market::GapCause;
use messages::orders::{Command, OrderRequest};
use messages::risk::{RiskChange, StateChange, TradingState};
use messages::snapshots::Snapshot;
use messages::telemetry::Metric;
use messages::{Instrument, MarketId, OrderId, StrategyId, Symbol, caps};
use ractor::{Actor, ActorRef, RpcReplyPort};
use storage::archive::Runner;
use storage::datadir::Paths;
use storage::journal::{Health, Log};
use storage::migrate::way::Way;
use storage::service::Storage;
use tokio::sync::watch;

pub(crate) use ports::Ports;

use crate::alerts::Board;
use crate::alerts::settings::AlertSettings;
use crate::assembly::Assembly;
use crate::audience::Audience;
use crate::bulk::{self, Inlet, Outlet};
use crate::clock::Clock;
use crate::deliveries::first_number;
use crate::feeds::live::LiveFeed;
use crate::feeds::player::MakeFrames;
use crate::market::tail;
use crate::migration;
use crate::orders::state::{ReconcileStatus, RiskStatus};
use crate::ports::{
    Act, By, FeedStatus, Found, MarketView, NotDone, OrdersStatus, Port, Preview, Steer, StrategyStatus, ToAlerts,
    ToFeed, ToMarket, ToMigration, ToOrders, ToPositions, ToStrategy, ToTelemetry, ToVenue, VenueStatus, Wake,
};
use crate::restore;
use crate::settings::Deciding;
use crate::strategies::registry::Registry;
use crate::telemetry::edge::EdgeSource;
use crate::traffic::{ActorStatus, Observed, Places};
use crate::tree::{Channels, Opening, Root, ToRoot, Tree};
use crate::venues::Route;
use crate::venues::paper::models::Models;

/// Batches that may wait for orders, positions and the paper venue before the market waits for them.
const CORE_QUEUE: usize = 16_384;
/// How long each step of a stop may take.
pub const STEP: Duration = Duration::from_secs(3);
/// How long a person's question waits for an actor: an order waits for the ledger, and one fsync of a disk that
/// others use as well may take seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it waits before it asks who has taken the place of an actor that was replaced.
const ASKED_ANEW: Duration = Duration::from_millis(20);

/// What a run is made from.
pub struct Plan {
    /// The settings that decide.
    pub deciding: Deciding,
    /// The name of this installation.
    pub instance: String,
    /// Live or replay.
    pub mode: Mode,
    /// Where things are.
    pub paths: Paths,
    /// The strategies' types.
    pub registry: Arc<Registry>,
    /// Frames that are played: a recording or the simulated market; made when the seed is known.
    pub frames: Option<MakeFrames>,
    /// Feeds of venues outside.
    pub live: Vec<LiveFeed>,
    /// Frames that may wait for the market.
    pub frames_queue: usize,
    /// The time of the run.
    pub clock: Clock,
    /// False while the ledger cannot write; storage sets it.
    pub ledger_writes: Arc<AtomicBool>,
    /// How often metrics are taken, on the wall clock.
    pub telemetry_every: Duration,
    /// What is told to people.
    pub alerts: AlertSettings,
    /// What the edge counts; `None` where there is none.
    pub edge: Option<EdgeSource>,
    /// The tiers of history.
    pub tiers: storage::settings::Tiers,
    /// The PostgreSQL server that is to be left.
    pub timescale: storage::settings::Timescale,
    /// Where orders go.
    pub route: Route,
    /// What the paper venue chooses its models from.
    pub models: Models,
    /// Who watches; `None` where nobody does.
    pub audience: Option<Audience>,
}

/// Why a run cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the ledger says.
    #[error(transparent)]
    Restore(#[from] restore::Error),
    /// The settings do not make states.
    #[error(transparent)]
    Assembly(#[from] crate::assembly::Error),
    /// The settings cannot be written down.
    #[error("the settings cannot be written down")]
    Settings(#[from] toml::ser::Error),
    /// The journal.
    #[error("the start cannot be written to the ledger")]
    Ledger(#[from] storage::journal::Error),
    /// The feed.
    #[error("the feed cannot start: {0}")]
    Feed(String),
    /// An actor.
    #[error("an actor cannot start")]
    Spawn(#[from] ractor::SpawnErr),
}

/// A running tree.
pub struct Runtime {
    root: ActorRef<ToRoot>,
    /// Holds a message when the runtime should stop by itself: the input has ended, or something failed.
    pub wants_stop: flume::Receiver<WantsStop>,
    /// The tiers of history, for people.
    pub archive: Runner,
    /// Ends before the storage does.
    way: Way,
    ports: Ports,
    assembly: Arc<Assembly>,
    places: Places,
    board: Board,
}

/// Why the runtime should stop by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WantsStop {
    /// The input has ended.
    InputEnded,
    /// Something failed that cannot be replaced.
    Failed(String),
}

/// Starts everything. The ledger alone decides how: DuckDB may still be opening.
///
/// # Errors
/// [`Error`] says what is in the way.
pub async fn start(plan: Plan, storage: &Storage) -> Result<Runtime, Error> {
    let archive = storage.archive(&plan.paths, &plan.tiers);
    let durable = storage.ledger.watermark().get();
    let past = restore::past(&plan.paths.ledger, durable)?;
    restore::check_account(&past, plan.deciding.account.name)?;
    let wall = Clock::wall();
    let clock = wall.clone();
    let way = storage.way(&plan.paths, &plan.timescale, &plan.tiers, &archive, move || clock.now());
    let last = past.started.as_ref().map_or(0, |s| s.epoch);
    let epoch = (last + 1).max(u64::try_from(wall.now().secs()).unwrap_or(0));
    let seed = seed_of(&plan.instance, epoch);
    let settings = toml::to_string(&plan.deciding)?;
    let assembly = Assembly::new(plan.deciding, &plan.instance, epoch, seed)?;
    let keeps_books = plan.route.capabilities().account;
    let assembly = assembly.with(plan.route.capabilities()).with_models(plan.models);
    let assembly = Arc::new(assembly);
    let restored = restore::restore(&plan.paths.ledger, durable, &assembly)?;
    let now = plan.clock.now();
    let frames = plan.frames.map(|make| make(seed, now)).transpose().map_err(Error::Feed)?;

    let tail = tail::read(&plan.paths.market, storage.market.watermark().get()).unwrap_or_else(|error| {
        tracing::error!(%error, "open bars begin anew: the market journal's tail cannot be read");
        Vec::new()
    });
    let first = past.next_block.max(tail::next_id(&tail));
    let first_block = (first, MarketId(first.0 + caps::MARKET_ID_BLOCK));
    let account = assembly.deciding().account.name;
    let instance = plan.instance.clone();
    let started = Started {
        instance: plan.instance,
        epoch,
        seed,
        config_hash: messages::ids::hash(settings.as_bytes()),
        mode: plan.mode,
        account,
        settings,
        at: now,
    };
    let ids = LedgerRecord::MarketIds { first: first_block.0, end: first_block.1 };
    let records = vec![LedgerRecord::Started(started), assembly.instruments(), ids];
    let ledger = storage.ledger.append_and_wait(records)?;

    let names: Vec<StrategyId> = assembly.deciding().strategies.run.keys().copied().collect();
    let ports = Ports::new(&names, &plan.live);
    let (board, _) = watch::channel(Arc::default());
    let queue = assembly.deciding().strategies.queue;
    let (wants_stop_tx, wants_stop) = flume::bounded(4);
    let tree = Tree {
        instance: instance.clone(),
        plan_paths: plan.paths,
        registry: plan.registry,
        route: plan.route,
        audience: plan.audience,
        clock: plan.clock,
        wall,
        ledger: storage.ledger.clone(),
        journal: storage.market.clone(),
        database: storage.database(),
        sink: storage.sink(),
        applied: (storage.applied_ledger().clone(), storage.applied_market().clone()),
        telemetry: storage.telemetry(),
        telemetry_every: plan.telemetry_every,
        alerts: plan.alerts,
        board: board.clone(),
        edge: plan.edge,
        archive: (archive.clone(), plan.tiers.schedule),
        way: way.clone(),
        ledger_writes: plan.ledger_writes,
        channels: Channels {
            orders: waking(CORE_QUEUE, &ports.orders_wake),
            positions: waking(CORE_QUEUE, &ports.positions_wake),
            venue: waking(CORE_QUEUE, &ports.venue_wake),
        },
        // A strategy's thread waits on its queue itself: nobody needs waking.
        listeners: names.iter().map(|n| (*n, bulk::channel(queue, || {}))).collect(),
        ports: ports.clone(),
        children: BTreeMap::new(),
        failures: VecDeque::new(),
        shells: BTreeMap::new(),
        deliveries: first_number(epoch),
        stop_feed: Arc::new(AtomicBool::new(false)),
        live: plan.live,
        to_market: None,
        room: storage.room().clone(),
        seed,
        wants_stop: wants_stop_tx,
        stopping: false,
        // The first look finds out whether there is much behind the last one.
        checkpointed: restored.checkpointed,
        assembly: assembly.clone(),
    };
    let ran_before = past.started.is_some() || !tail.is_empty();
    let gap = ran_before.then_some(if past.stopped { GapCause::Stopped } else { GapCause::Crash });
    // What is in the account, a venue that keeps books says itself.
    let deposit = !restored.has_money && !keeps_books;
    let frames_queue = plan.frames_queue;
    let opening = Opening { tree, restored, ledger, tail, first_block, frames, frames_queue, gap, deposit };
    let root = Observed { actor: Root, traffic: ports.root.clone() };
    let (root, _) = Actor::spawn(None, root, opening).await?;
    tracing::info!(event = "started", instance, epoch, mode = ?plan.mode, %account, "the runtime has started");
    let places = ports.places();
    Ok(Runtime { root, wants_stop, archive, way, ports, assembly, places, board })
}

/// What ids and the simulated market of a live start are made from.
fn seed_of(instance: &str, epoch: u64) -> u64 {
    let hash = messages::ids::hash(format!("{instance}/{epoch}").as_bytes());
    u64::from_le_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])
}

fn waking(capacity: usize, port: &Port<Wake>) -> (Outlet, Inlet) {
    let port = port.clone();
    bulk::channel(capacity, move || _ = port.cast(Wake))
}

/// Asks an actor that is always there in a person's name, at most for [`PATIENCE`]. One that is replaced while it is asked
/// leaves the question unanswered: then the next one is asked, so what is asked must be the same when it is said twice.
async fn ask_anew<T: Send + 'static>(send: impl Fn(RpcReplyPort<T>) -> bool) -> Option<T> {
    let asking = async {
        loop {
            let (tx, rx) = ractor::concurrency::oneshot();
            if send(RpcReplyPort::from(tx))
                && let Ok(answer) = rx.await
            {
                return answer;
            }
            tokio::time::sleep(ASKED_ANEW).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.ok()
}

/// Asks an actor in a person's name and waits for its answer, at most [`PATIENCE`].
async fn ask<T: Send + 'static>(send: impl FnOnce(RpcReplyPort<T>) -> bool) -> Option<T> {
    ask_within(PATIENCE, send).await
}

/// Asks an actor and waits for its answer, at most so long.
pub(crate) async fn ask_within<T: Send + 'static>(
    limit: Duration,
    send: impl FnOnce(RpcReplyPort<T>) -> bool,
) -> Option<T> {
    let (tx, rx) = ractor::concurrency::oneshot();
    if !send(RpcReplyPort::from(tx)) {
        return None;
    }
    tokio::time::timeout(limit, rx).await.ok()?.ok()
}

impl Runtime {
    /// How orders stand.
    pub async fn orders(&self) -> Option<OrdersStatus> {
        ask_anew(|reply| self.ports.orders.cast(ToOrders::Status(reply))).await
    }

    /// How the strategies stand.
    pub async fn strategies(&self) -> Vec<StrategyStatus> {
        // All at once: one that hangs costs the others nothing.
        let all = self.ports.strategies.values().map(|port| ask(|reply| port.cast(ToStrategy::Status(reply))));
        futures::future::join_all(all).await.into_iter().flatten().collect()
    }

    /// How the live feeds stand; one that does not answer is not among them.
    pub async fn feeds(&self) -> Vec<FeedStatus> {
        let ask_one = |port: &Port<ToFeed>| {
            let port = port.clone();
            async move { ask(|reply| port.cast(ToFeed::Status(reply))).await }
        };
        let all = futures::future::join_all(self.ports.feeds.values().map(ask_one)).await;
        all.into_iter().flatten().map(|status| *status).collect()
    }

    /// The live feeds that run here.
    pub fn feed_names(&self) -> impl Iterator<Item = &str> {
        self.ports.feeds.keys().map(String::as_str)
    }

    /// Adds symbols to a live feed and removes others, until the runtime stops.
    ///
    /// # Errors
    /// There is no such feed, or it refuses, in words, and nothing was changed; or it does not answer in time, and may do it
    /// later.
    pub async fn change_feed(&self, name: &str, add: Vec<Symbol>, remove: Vec<Symbol>) -> Result<(), String> {
        let Some(port) = self.ports.feeds.get(name) else {
            let known: Vec<&str> = self.ports.feeds.keys().map(String::as_str).collect();
            return Err(match known.as_slice() {
                [] => "no live feed runs here; see feeds.run in the settings".to_owned(),
                known => format!("there is no live feed `{name}`; known are {}", known.join(", ")),
            });
        };
        let answer = ask(|reply| port.cast(ToFeed::Change { add, remove, reply })).await;
        answer.unwrap_or_else(|| {
            Err(format!("the feed `{name}` did not answer in time and may do it later; see `merganser feeds symbols`"))
        })
    }

    /// How every actor stands. Nobody is asked: one that hangs is seen as well.
    #[must_use]
    pub fn actors(&self) -> Vec<ActorStatus> {
        self.places.status().collect()
    }

    /// All metrics as they are now; `None` when telemetry does not answer in time. What does not answer telemetry is not
    /// among them.
    pub async fn metrics(&self) -> Option<Arc<Vec<Metric>>> {
        ask(|reply| self.ports.telemetry.cast(ToTelemetry::Look(reply))).await
    }

    /// The alerts that are open and those that were of late; `None` when they are not known in time.
    pub async fn alerts(&self) -> Option<Vec<Alert>> {
        ask(|reply| self.ports.alerts.cast(ToAlerts::List(reply))).await
    }

    /// How the way out of PostgreSQL stands; `None` when that is not answered in time.
    pub async fn migration(&self) -> Option<Box<migration::Status>> {
        ask_anew(|reply| self.ports.migration.cast(ToMigration::Status(reply))).await
    }

    /// Does something about the migration in a person's name, or begins it, and says what in words; `None` when that is not
    /// answered in time: it may be done later.
    pub async fn migrate(&self, act: Act, by: By) -> Option<Result<String, NotDone>> {
        // Said twice, some of it is done twice.
        ask(|reply| self.ports.migration.cast(ToMigration::Act { act, by, reply })).await
    }

    /// The alerts that are open, and each change of them.
    #[must_use]
    pub fn open_alerts(&self) -> watch::Receiver<Arc<Vec<Alert>>> {
        self.board.subscribe()
    }

    /// A person has seen an alert; `None` when that is not answered in time.
    pub async fn acknowledge(&self, alert_id: String, by: String, why: String) -> Option<Result<Alert, NoSuchAlert>> {
        ask(|reply| self.ports.alerts.cast(ToAlerts::Acknowledge { alert_id, by, why, reply })).await
    }

    /// What is known of one order, once all that was decided before is durable; `None` when orders do not answer in time.
    pub async fn find_order(&self, id: OrderId) -> Option<Found> {
        ask_anew(|reply| self.ports.orders.cast(ToOrders::Find(id, reply))).await
    }

    /// How the venue outside stands that orders go to; `None` on paper, and when it does not answer in time.
    pub async fn venue(&self) -> Option<VenueStatus> {
        ask(|reply| self.ports.venue.cast(ToVenue::Status(reply))).await.flatten()
    }

    /// What risk would say to a new order of a person; `None` when orders do not answer in time.
    pub async fn preview(&self, request: OrderRequest) -> Option<Preview> {
        let request = Box::new(request);
        ask_anew(|reply| self.ports.orders.cast(ToOrders::Preview(request.clone(), reply))).await
    }

    /// What is held and what it is worth now; `None` when positions do not answer in time.
    pub async fn portfolio(&self) -> Option<Box<Snapshot>> {
        ask_anew(|reply| self.ports.positions.cast(ToPositions::Status(reply))).await
    }

    /// What the market shows of an instrument. The outer `None` says that it does not answer in time.
    pub async fn market_view(&self, instrument: Instrument, levels: usize) -> Option<Option<Box<MarketView>>> {
        ask_anew(|reply| self.ports.market.cast(ToMarket::View { instrument, levels, reply })).await
    }

    /// What the runtime is made from: the settings that decide, and the rules of every instrument.
    #[must_use]
    pub fn assembly(&self) -> &Assembly {
        &self.assembly
    }

    /// Starts or stops a strategy, or both in turn.
    ///
    /// # Errors
    /// There is none of that name, or it does not do it, in words; or it does not answer in time, and may do it later.
    pub async fn steer_strategy(&self, name: &str, what: Steer) -> Result<(), String> {
        let port = name.parse().ok().and_then(|name: StrategyId| self.ports.strategies.get(&name));
        let Some(port) = port else {
            let known: Vec<&str> = self.ports.strategies.keys().map(StrategyId::as_str).collect();
            return Err(format!("there is no strategy `{name}`; known are {}", known.join(", ")));
        };
        let answer = ask(|reply| port.cast(ToStrategy::Steer(what, reply))).await;
        answer.unwrap_or_else(|| Err(format!("{name} did not answer in time and may do it later; see its state")))
    }

    /// Gives a command in a person's name, however often orders are replaced meanwhile: an order has its id, and is not
    /// placed twice. False when nobody hears it in time.
    pub async fn command(&self, command: Command) -> bool {
        ask_anew(|reply| self.ports.orders.cast(ToOrders::Manual(command.clone(), reply))).await.is_some()
    }

    /// Has the audience told all open orders anew, for it has missed something.
    pub fn tell_open(&self) -> bool {
        self.ports.orders.cast(ToOrders::TellOpen)
    }

    /// Changes the trading state. Returns it once it is durable; `None` when that takes too long: it holds then, too, unless
    /// orders did not hear.
    pub async fn set_trading(&self, change: StateChange) -> Option<TradingState> {
        ask_anew(|reply| self.ports.orders.cast(ToOrders::Trading(change.clone(), Some(reply)))).await
    }

    /// Changes a limit, sets a latch free, or notes the status of an instrument. What was done or why not, once that is
    /// durable; `None` when it takes too long: it holds then, too, unless orders did not hear.
    pub async fn change_risk(&self, change: RiskChange) -> Option<Result<String, String>> {
        let change = Box::new(change);
        ask(|reply| self.ports.orders.cast(ToOrders::Risk(change, Some(reply)))).await
    }

    /// Each limit, its use and what would trip it; `None` when orders do not answer in time.
    pub async fn risk_status(&self) -> Option<Box<RiskStatus>> {
        ask_anew(|reply| self.ports.orders.cast(ToOrders::RiskStatus(reply))).await
    }

    /// Begins a reconciliation, or takes what the last one left. What was done or why not, once that is durable; `None` when it
    /// takes too long: it holds then, too, unless orders did not hear.
    pub async fn ask_reconcile(&self, asked: ReconcileAsk) -> Option<Result<String, String>> {
        ask(|reply| self.ports.orders.cast(ToOrders::Reconcile(asked, reply))).await
    }

    /// How our books stand to the venue's; `None` when orders do not answer in time.
    pub async fn reconcile_status(&self) -> Option<Box<ReconcileStatus>> {
        ask_anew(|reply| self.ports.orders.cast(ToOrders::ReconcileStatus(reply))).await
    }

    /// Restores the trading group from the ledger, and asks the venue about every open order.
    ///
    /// # Errors
    /// Why not, in words.
    pub async fn reconcile(&self) -> Result<(), String> {
        let done = ask_within(STEP * 2, |reply| self.root.send_message(ToRoot::Reconcile(reply)).is_ok()).await;
        done.unwrap_or_else(|| Err("the trading group did not answer in time".to_owned()))
    }

    /// A way to tell the tree how the journals are; storage calls it from their threads.
    pub fn on_journal_health(&self) -> impl Fn(Log, Health) + Send + 'static {
        let root = self.root.clone();
        move |log, health| drop(root.send_message(ToRoot::JournalHealth(log, health)))
    }

    /// Stops everything in order, and waits for it: work of the migration, too, for it works on the storage that ends next.
    pub async fn stop(&self) {
        self.way.stop();
        // Every step of a stop has its own limit; this is their sum.
        ask_within(STEP * 6, |reply| self.root.send_message(ToRoot::Stop(reply)).is_ok()).await;
        let _ = self.root.wait(Some(STEP)).await;
        let way = self.way.clone();
        let _ = tokio::task::spawn_blocking(move || way.close()).await;
        tracing::info!(event = "stopped", "the runtime has stopped");
    }
}
