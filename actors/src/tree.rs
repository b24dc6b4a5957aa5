//! The supervision tree, in one file: who is started with what, and who is replaced. How all stop is in `tree/stop.rs`, what
//! the tree does with the journals in `tree/journals.rs`.
//!
//! ```text
//! root
//! ├─ market       numbers, last quotes, books, bars
//! ├─ trading      one group, restored together from the ledger: orders · positions · venue (paper, or a gateway)
//! ├─ strategies   one shell each; the user's code on its own thread
//! ├─ snapshots    portfolio snapshots: start, schedule, end of day
//! ├─ archive      the tier lifecycle on its schedule
//! ├─ telemetry    metrics into storage
//! ├─ alerts       what a person should look at
//! ├─ migration    the way out of PostgreSQL
//! └─ feeds        one child for each live feed; a thread that plays frames into the market's queue
//! ```
//! Storage stands below the tree: its threads outlive every actor. The edge (HTTP) is given by bin.

mod journals;
mod stop;
mod watch;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use messages::ledger::{Decider, LedgerRecord, MarketRecord, Seq};
use messages::market::{Batch, GapCause};
use messages::migration::Migration;
use messages::{MarketId, StrategyId, UtcNanos};
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use storage::archive::Runner;
use storage::datadir::Paths;
use storage::journal::{Health, Log, Room, Watermark};
use storage::migrate::sink::Sink;
use storage::migrate::way::Way;
use storage::service::Database;

use crate::alerts::Board;
use crate::alerts::settings::AlertSettings;
use crate::archive::{self, ArchiveActor};
use crate::assembly::Assembly;
use crate::audience::Audience;
use crate::bulk::{Inlet, Outlet, Signal};
use crate::clock::Clock;
use crate::deliveries::Deliveries;
use crate::feeds::live::recorder::Recorder;
use crate::feeds::live::{self, FeedActor, LiveFeed};
use crate::feeds::player::{self, Ended, Frames};
use crate::market::{self, FromFeed, Listener, MarketActor};
use crate::migration::{self, MigrationActor};
use crate::orders::{self, OrdersActor};
use crate::policy::{self, Child};
use crate::ports::{ToMarket, ToOrders, ToPositions, ToStrategy, ToVenue, Wake};
use crate::positions::{self, PositionsActor};
use crate::restore::{self, Restored, Saved};
use crate::runtime::{Ports, STEP, WantsStop};
use crate::snapshots::{self, SnapshotsActor};
use crate::strategies::registry::Registry;
use crate::strategies::{self, StrategyActor};
use crate::telemetry::edge::EdgeSource;
use crate::traffic::{Observed, Seen, Traffic};
use crate::venues::Route;
use crate::venues::gateway::{self, GatewayActor};
use crate::venues::paper::{self, PaperActor};

/// The window in which failures of a kind are counted.
const WINDOW: Duration = Duration::from_secs(600);

/// How often the length of the ledger's tail is looked at.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(30);

/// To the root.
pub(crate) enum ToRoot {
    /// The feed has ended.
    FeedEnded(Ended),
    /// A journal cannot write, or can again.
    JournalHealth(Log, Health),
    /// Write a checkpoint of the ledger, if its tail has grown long.
    Checkpoint,
    /// Restore the trading group from the ledger, and ask the venue; the answer says whether that went well.
    Reconcile(RpcReplyPort<Result<(), String>>),
    /// Stop everything, in order.
    Stop(RpcReplyPort<()>),
}

/// The root of the tree.
pub(crate) struct Root;

/// The bulk channels of the trading group; they outlive its restarts.
pub(crate) struct Channels {
    pub orders: (Outlet, Inlet),
    pub positions: (Outlet, Inlet),
    pub venue: (Outlet, Inlet),
}

pub(crate) struct Tree {
    /// The name of this installation.
    pub instance: String,
    pub plan_paths: Paths,
    pub assembly: Arc<Assembly>,
    pub registry: Arc<Registry>,
    pub route: Route,
    pub audience: Option<Audience>,
    pub clock: Clock,
    pub wall: Clock,
    pub ledger: storage::journal::Journal<LedgerRecord>,
    pub journal: storage::journal::Journal<MarketRecord>,
    pub database: Database,
    /// The place of what writes to PostgreSQL as well.
    pub sink: Sink,
    /// How far the tables hold the ledger and the market journal.
    pub applied: (Watermark, Watermark),
    pub telemetry: storage::telemetry::Sender,
    pub telemetry_every: Duration,
    pub alerts: AlertSettings,
    pub board: Board,
    pub edge: Option<EdgeSource>,
    pub archive: (Runner, String),
    pub way: Way,
    pub ledger_writes: Arc<AtomicBool>,
    pub ports: Ports,
    pub channels: Channels,
    pub listeners: BTreeMap<StrategyId, (Outlet, Inlet)>,
    pub children: BTreeMap<ActorId, (Child, Option<Named>)>,
    pub failures: VecDeque<(UtcNanos, Child)>,
    /// Shells that each strategy has had.
    pub shells: BTreeMap<StrategyId, u32>,
    pub deliveries: u64,
    pub stop_feed: Arc<AtomicBool>,
    pub live: Vec<LiveFeed>,
    /// The market's queue, once the market has started.
    pub to_market: Option<(flume::Sender<FromFeed>, Signal)>,
    /// Whether the market journal has room.
    pub room: Room,
    /// The seed of the run.
    pub seed: u64,
    pub wants_stop: flume::Sender<WantsStop>,
    pub stopping: bool,
    /// Up to where the ledger's last checkpoint reaches, as far as this process knows.
    pub checkpointed: Seq,
}

/// Which of several children of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    Strategy(StrategyId),
    /// Its place in [`Tree::live`].
    Feed(usize),
}

/// Everything that the root starts with.
pub(crate) struct Opening {
    pub tree: Tree,
    pub restored: Restored,
    /// Up to where the ledger has been read for it.
    pub ledger: Seq,
    pub tail: Vec<Batch>,
    pub first_block: (MarketId, MarketId),
    pub frames: Option<Box<dyn Frames>>,
    pub frames_queue: usize,
    pub gap: Option<GapCause>,
    pub deposit: bool,
}

impl Seen for ToRoot {
    fn name(&self) -> &'static str {
        match self {
            Self::FeedEnded(_) => "feed_ended",
            Self::JournalHealth(..) => "journal_health",
            Self::Checkpoint => "checkpoint",
            Self::Reconcile(_) => "reconcile",
            Self::Stop(_) => "stop",
        }
    }
    fn came_by_port(&self) -> bool {
        false
    }
}

/// Starts a child that is looked at.
async fn spawn<A: Actor>(
    actor: A,
    traffic: &Traffic,
    arguments: A::Arguments,
    me: &ActorRef<ToRoot>,
) -> Result<ActorRef<A::Msg>, ActorProcessingErr>
where
    A::Msg: Seen,
{
    let observed = Observed { actor, traffic: traffic.clone() };
    let (child, _) = Actor::spawn_linked(None, observed, arguments, me.get_cell()).await?;
    Ok(child)
}

impl Actor for Root {
    type Msg = ToRoot;
    type State = Tree;
    type Arguments = Opening;

    async fn pre_start(&self, me: ActorRef<ToRoot>, opening: Opening) -> Result<Tree, ActorProcessingErr> {
        let Opening { mut tree, mut restored, ledger, tail, first_block, frames, frames_queue, gap, deposit } = opening;
        let mut strategies = std::mem::take(&mut restored.strategies);
        let alerts = std::mem::take(&mut restored.alerts);
        let migration = std::mem::take(&mut restored.migration);
        let mut market = tree.assembly.market();
        market.reserve(first_block.0, first_block.1);
        let missed = tree.rebuild_market(&mut market, &tail, gap);

        // The shells first: what happens to their orders from here on they hear.
        for (name, run) in tree.assembly.deciding().strategies.run.clone() {
            let saved = strategies.remove(&name).unwrap_or_default();
            tree.start_strategy(&me, name, run, saved).await?;
        }
        tree.start_trading(&me, restored, ledger, gap.is_some()).await?;
        if deposit {
            let account = &tree.assembly.deciding().account;
            tree.ports.positions.cast(ToPositions::Deposit(account.currency, account.deposit));
            tree.ports.orders.cast(ToOrders::Deposit(account.currency, account.deposit));
        }
        let (queue, signal) = tree.start_market(&me, market, first_block.1, frames_queue).await?;
        tree.to_market = Some((queue.clone(), signal.clone()));
        tree.ports.strategies.values().for_each(|port| _ = port.cast(ToStrategy::Begin));
        tree.start_snapshots(&me).await?;
        tree.start_alerts(&me, alerts).await?;
        tree.start_migration(&me, migration).await?;
        tree.start_telemetry(&me).await?;
        tree.start_archive(&me).await?;
        if let Some(missed) = missed {
            let _ = queue.send_async(FromFeed::Frame(missed)).await;
            signal.raise();
        }
        me.send_interval(CHECKPOINT_EVERY, || ToRoot::Checkpoint);
        for which in 0..tree.live.len() {
            let recorder = tree.recorder(which)?;
            tree.start_feed(&me, which, recorder).await?;
        }
        if let Some(frames) = frames {
            let root = me.clone();
            let ended = move |ended| drop(root.send_message(ToRoot::FeedEnded(ended)));
            let (room, stop) = (tree.room.clone(), tree.stop_feed.clone());
            player::play(frames, tree.clock.clone(), queue, signal, room, stop, ended)?;
        }
        Ok(tree)
    }

    async fn handle(&self, me: ActorRef<ToRoot>, message: ToRoot, tree: &mut Tree) -> Result<(), ActorProcessingErr> {
        match message {
            ToRoot::FeedEnded(Ended::Finished) => drop(tree.wants_stop.try_send(WantsStop::InputEnded)),
            ToRoot::FeedEnded(Ended::Failed(error)) => {
                drop(tree.wants_stop.try_send(WantsStop::Failed(format!("the feed: {error}"))));
            }
            ToRoot::JournalHealth(log, health) => tree.journal_health(log, health),
            ToRoot::Checkpoint => tree.checkpoint(),
            ToRoot::Reconcile(reply) if !tree.ledger_writes.load(Ordering::Acquire) => {
                let _ = reply.send(Err("the ledger cannot write; make room on its disk first".to_owned()));
            }
            ToRoot::Reconcile(reply) => {
                let done = tree.restore_trading(&me).await.map_err(|e| e.to_string());
                if let Err(why) = &done {
                    let _ = tree.wants_stop.try_send(WantsStop::Failed(format!("trading cannot be restored: {why}")));
                }
                let _ = reply.send(done);
            }
            ToRoot::Stop(reply) => {
                tree.stop().await;
                let _ = reply.send(());
                me.stop(None);
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        me: ActorRef<ToRoot>,
        event: SupervisionEvent,
        tree: &mut Tree,
    ) -> Result<(), ActorProcessingErr> {
        let (id, why) = match event {
            SupervisionEvent::ActorFailed(who, error) => (who.get_id(), error.to_string()),
            SupervisionEvent::ActorTerminated(who, _, _) => (who.get_id(), "ended".to_owned()),
            _ => return Ok(()),
        };
        let Some((child, name)) = tree.children.remove(&id).filter(|_| !tree.stopping) else { return Ok(()) };
        if let Err(error) = tree.replace(&me, child, name, &why).await {
            // The tree cannot be mended: it stops in order rather than fall apart.
            let _ = tree.wants_stop.try_send(WantsStop::Failed(format!("{child:?} cannot be replaced: {error}")));
        }
        Ok(())
    }
}

impl Tree {
    /// Counts a failure, asks the policy, does what it says.
    async fn replace(
        &mut self,
        me: &ActorRef<ToRoot>,
        child: Child,
        name: Option<Named>,
        why: &str,
    ) -> Result<(), ActorProcessingErr> {
        let now = self.wall.now();
        self.failures.push_back((now, child));
        self.failures.retain(|(at, _)| *at > now.before(WINDOW));
        let failures = self.failures.iter().filter(|(_, c)| *c == child).count() as u32;
        tracing::error!(?child, name = self.name_of(name), failures, "an actor failed: {why}");
        match policy::decide(child, failures) {
            policy::Action::Replace => match (child, name) {
                (Child::Snapshots, _) => self.start_snapshots(me).await?,
                (Child::Telemetry, _) => self.start_telemetry(me).await?,
                (Child::Archive, _) => self.start_archive(me).await?,
                (Child::Alerts, _) => {
                    let restored = self.read_ledger(self.ledger.watermark().get()).await?;
                    self.start_alerts(me, restored.alerts).await?;
                }
                (Child::Migration, _) => {
                    let restored = self.read_ledger(self.ledger.watermark().get()).await?;
                    self.start_migration(me, restored.migration).await?;
                }
                (Child::Feed, Some(Named::Feed(which))) => {
                    self.ports.market.cast(ToMarket::FeedBeginsAnew(self.live[which].exchange));
                    // A folder that cannot be written to ends no trading.
                    let recorder = self.recorder(which).unwrap_or_else(|error| {
                        tracing::warn!("the feed goes on without recording: {error}");
                        None
                    });
                    self.start_feed(me, which, recorder).await?;
                }
                (Child::Strategy, Some(Named::Strategy(name))) => {
                    let durable = self.ledger.watermark().get();
                    let restored = self.read_ledger(durable).await?;
                    let saved = restored.strategies.get(&name).cloned().unwrap_or_default();
                    if let Some(run) = self.assembly.deciding().strategies.run.get(&name).cloned() {
                        self.start_strategy(me, name, run, saved).await?;
                        self.ports.strategies[&name].cast(ToStrategy::Begin);
                    }
                }
                _ => {}
            },
            policy::Action::RestoreTrading => self.restore_trading(me).await?,
            policy::Action::GoOnWithout => {}
            policy::Action::Stop => drop(self.wants_stop.try_send(WantsStop::Failed(format!("{child:?}: {why}")))),
        }
        Ok(())
    }

    fn name_of(&self, named: Option<Named>) -> Option<String> {
        match named? {
            Named::Strategy(name) => Some(name.to_string()),
            Named::Feed(which) => self.live.get(which).map(|feed| feed.name.clone()),
        }
    }

    /// What the ledger says up to `durable`, read on a thread for blocking work.
    async fn read_ledger(&self, durable: Seq) -> Result<Restored, ActorProcessingErr> {
        let (ledger, assembly) = (self.plan_paths.ledger.clone(), self.assembly.clone());
        Ok(tokio::task::spawn_blocking(move || restore::restore(&ledger, durable, &assembly)).await??)
    }

    /// Stops what is left of the group and starts it again from the ledger.
    async fn restore_trading(&mut self, me: &ActorRef<ToRoot>) -> Result<(), ActorProcessingErr> {
        let group: Vec<ActorId> =
            self.children.iter().filter(|(_, (c, _))| *c == Child::Trading).map(|(id, _)| *id).collect();
        for cell in me.get_children().into_iter().filter(|c| group.contains(&c.get_id())) {
            self.children.remove(&cell.get_id());
            let _ = cell.stop_and_wait(None, Some(STEP)).await;
        }
        // All that the group had queued for the ledger is written before it is read.
        let (tx, rx) = flume::bounded(1);
        let _ = self.ledger.append(Vec::new(), Some(Box::new(move |durable| drop(tx.send(durable))))).await;
        let durable = rx.recv_async().await??;
        let mut restored = self.read_ledger(durable).await?;
        let strategies = std::mem::take(&mut restored.strategies);
        self.deliveries += 1 << 24;
        self.start_trading(me, restored, durable, true).await?;
        // What the ledger holds and the group had no time to say.
        for (name, saved) in strategies {
            if let Some(port) = self.ports.strategies.get(&name) {
                port.cast(ToStrategy::Restored(saved.since.all()));
            }
        }
        Ok(())
    }

    async fn start_trading(
        &mut self,
        me: &ActorRef<ToRoot>,
        restored: Restored,
        ledger: Seq,
        ran_before: bool,
    ) -> Result<(), ActorProcessingErr> {
        let Restored { orders, positions, paper, .. } = restored;
        let marker = MarketRecord::Restored { epoch: self.assembly.epoch(), ledger };
        let _ = self.journal.append(vec![marker], None).await;
        let deliveries = |actor| Deliveries::new(actor, 0, self.deliveries, self.journal.clone());
        let venue = match &self.route {
            Route::Paper => {
                let arguments = paper::Arguments {
                    state: paper,
                    deliveries: deliveries(Decider::Paper),
                    market: self.channels.venue.1.clone(),
                    orders: self.ports.orders.clone(),
                    clock: self.clock.clone(),
                };
                let actor = spawn(PaperActor, self.ports.venue.traffic(), arguments, me).await?;
                self.ports.venue.fill(actor.clone());
                self.ports.venue_wake.fill(actor.clone());
                actor.get_cell()
            }
            Route::Remote(remote) => {
                let arguments = gateway::Arguments {
                    remote: remote.clone(),
                    account: self.assembly.deciding().account.name,
                    orders: self.ports.orders.clone(),
                    ledger: self.ledger.clone(),
                    clock: self.clock.clone(),
                };
                let actor = spawn(GatewayActor, self.ports.venue.traffic(), arguments, me).await?;
                self.ports.venue.fill(actor.clone());
                actor.get_cell()
            }
        };
        self.children.insert(venue.get_id(), (Child::Trading, None));

        let arguments = positions::Arguments {
            state: positions,
            deliveries: deliveries(Decider::Positions),
            ledger: self.ledger.clone(),
            prices: self.channels.positions.1.clone(),
            audience: self.audience.clone(),
            clock: self.clock.clone(),
        };
        let actor = spawn(PositionsActor, self.ports.positions.traffic(), arguments, me).await?;
        self.children.insert(actor.get_id(), (Child::Trading, None));
        self.ports.positions.fill(actor.clone());
        self.ports.positions_wake.fill(actor);

        let arguments = orders::Arguments {
            state: orders,
            restored: ran_before,
            deliveries: deliveries(Decider::Orders),
            ledger: self.ledger.clone(),
            ledger_writes: self.ledger_writes.clone(),
            prices: self.channels.orders.1.clone(),
            venue: self.ports.venue.clone(),
            venue_is_outside: matches!(self.route, Route::Remote(_)),
            positions: self.ports.positions.clone(),
            strategies: self.ports.strategies.clone(),
            audience: self.audience.clone(),
            clock: self.clock.clone(),
        };
        let actor = spawn(OrdersActor, self.ports.orders.traffic(), arguments, me).await?;
        self.children.insert(actor.get_id(), (Child::Trading, None));
        self.ports.orders.fill(actor.clone());
        self.ports.orders_wake.fill(actor);
        self.ports.venue.cast(ToVenue::Begin);
        // A wake-up that was out when the group ended died with it.
        for wake in [&self.ports.venue_wake, &self.ports.positions_wake, &self.ports.orders_wake] {
            wake.cast(Wake);
        }
        Ok(())
    }

    async fn start_market(
        &mut self,
        me: &ActorRef<ToRoot>,
        state: market::state::Market,
        next_block: MarketId,
        frames_queue: usize,
    ) -> Result<(flume::Sender<FromFeed>, Signal), ActorProcessingErr> {
        let (queue, frames) = flume::bounded(frames_queue);
        let port = self.ports.market.clone();
        let signal = Signal::new(move || _ = port.cast(ToMarket::Wake));
        let listener = |(name, (outlet, _)): (&StrategyId, &(Outlet, Inlet))| Listener {
            outlet: outlet.clone(),
            port: self.ports.strategies[name].clone(),
        };
        let arguments = market::Arguments {
            state,
            next_block,
            frames,
            signal: signal.clone(),
            journal: self.journal.clone(),
            ledger: self.ledger.clone(),
            core: self.core(),
            strategies: self.listeners.iter().map(listener).collect(),
            audience: self.audience.clone(),
            clock: self.clock.clone(),
        };
        let actor = spawn(MarketActor, self.ports.market.traffic(), arguments, me).await?;
        self.children.insert(actor.get_id(), (Child::Market, None));
        self.ports.market.fill(actor);
        Ok((queue, signal))
    }

    /// Who must have all of the market. A venue outside has a market of its own.
    fn core(&self) -> Vec<Outlet> {
        let Channels { orders, positions, venue } = &self.channels;
        let paper = matches!(self.route, Route::Paper).then(|| venue.0.clone());
        paper.into_iter().chain([orders.0.clone(), positions.0.clone()]).collect()
    }

    async fn start_strategy(
        &mut self,
        me: &ActorRef<ToRoot>,
        name: StrategyId,
        run: crate::settings::StrategyRun,
        saved: Saved,
    ) -> Result<(), ActorProcessingErr> {
        let database = self.database.clone();
        let shells = self.shells.entry(name).or_default();
        // Above all generations of the shell before.
        let generation = *shells << 16;
        *shells += 1;
        let arguments = strategies::Arguments {
            name,
            run,
            assembly: self.assembly.clone(),
            registry: self.registry.clone(),
            generation,
            checkpoint: saved.checkpoint,
            since: saved.since,
            open: saved.open,
            positions: saved.positions,
            market: self.listeners[&name].1.clone(),
            orders: self.ports.orders.clone(),
            ledger: self.ledger.clone(),
            market_journal: self.journal.clone(),
            history: Arc::new(move || database.source()),
            audience: self.audience.clone(),
            clock: self.clock.clone(),
            wall: self.wall.clone(),
        };
        let actor = spawn(StrategyActor, self.ports.strategies[&name].traffic(), arguments, me).await?;
        self.children.insert(actor.get_id(), (Child::Strategy, Some(Named::Strategy(name))));
        self.ports.strategies[&name].fill(actor);
        Ok(())
    }

    /// The recorder of a feed, if it is to be recorded.
    fn recorder(&self, which: usize) -> std::io::Result<Option<Recorder>> {
        let Some(feed) = self.live.get(which) else { return Ok(None) };
        feed.recording.clone().map(|settings| Recorder::start(&feed.name, settings)).transpose()
    }

    async fn start_feed(
        &mut self,
        me: &ActorRef<ToRoot>,
        which: usize,
        recorder: Option<Recorder>,
    ) -> Result<(), ActorProcessingErr> {
        let (Some(feed), Some((market, signal))) = (self.live.get(which).cloned(), self.to_market.clone()) else {
            return Ok(());
        };
        let port = self.ports.feeds[&feed.name].clone();
        let arguments = live::Arguments {
            session: (feed.make)(self.seed).map_err(ActorProcessingErr::from)?,
            feed,
            market,
            signal,
            room: self.room.clone(),
            recorder,
            clock: self.clock.clone(),
        };
        let actor = spawn(FeedActor, port.traffic(), arguments, me).await?;
        self.children.insert(actor.get_id(), (Child::Feed, Some(Named::Feed(which))));
        port.fill(actor);
        Ok(())
    }

    async fn start_snapshots(&mut self, me: &ActorRef<ToRoot>) -> Result<(), ActorProcessingErr> {
        let deciding = self.assembly.deciding();
        let (every, day) = (deciding.snapshots.every, (deciding.calendar.account_day, deciding.calendar.calendar()));
        let (positions, clock) = (self.ports.positions.clone(), self.clock.clone());
        let arguments = snapshots::Arguments { every, day, positions, clock };
        let actor = spawn(SnapshotsActor, &self.ports.snapshots, arguments, me).await?;
        self.children.insert(actor.get_id(), (Child::Snapshots, None));
        Ok(())
    }

    async fn start_migration(&mut self, me: &ActorRef<ToRoot>, state: Migration) -> Result<(), ActorProcessingErr> {
        let way = self.way.clone();
        let arguments = migration::Arguments { state, way, ledger: self.ledger.clone(), wall: self.wall.clone() };
        let actor = spawn(MigrationActor, self.ports.migration.traffic(), arguments, me).await?;
        self.children.insert(actor.get_id(), (Child::Migration, None));
        self.ports.migration.fill(actor);
        Ok(())
    }

    async fn start_archive(&mut self, me: &ActorRef<ToRoot>) -> Result<(), ActorProcessingErr> {
        let (runner, schedule) = self.archive.clone();
        let arguments = archive::Arguments { runner, schedule, wall: self.wall.clone() };
        let actor = spawn(ArchiveActor, &self.ports.archive, arguments, me).await?;
        self.children.insert(actor.get_id(), (Child::Archive, None));
        Ok(())
    }
}
