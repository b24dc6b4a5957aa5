//! The telemetry actor: takes a sample of everything that counts, on schedule and at stop, and sends it to storage and to
//! the alerts; takes one for who looks, too, as Prometheus does.
//!
//! Hears its own timer; asks the actors how they are, all at once and with a deadline, and reads queues and watermarks.
//! Nobody waits for it: what storage does not take is dropped and counted. An actor that does not answer has no metrics in
//! that sample, for nothing is known of it then; only the time without market data goes on.

pub mod edge;
mod flow;
mod process;
mod questions;
mod sample;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use messages::ledger::{LedgerRecord, MarketRecord};
use messages::telemetry::{Metric, Telemetry};
use messages::{StrategyId, UtcNanos};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use storage::archive::Runner;
use storage::journal::{Journal, Watermark};
use storage::migrate::sink::Sink;
use storage::pool::Pool;
use storage::service::Database;
use storage::tiers::Tier;

use crate::bulk::Inlet;
use crate::clock::Clock;
use crate::ports::{Port, ToAlerts, ToFeed, ToMarket, ToOrders, ToPositions, ToStrategy, ToTelemetry, ToVenue};
use crate::traffic::{Places, Seen};
use edge::EdgeSource;
use flow::Flow;
use process::Process;
use questions::Questions;
use sample::{JournalStatus, Sample};

/// Who looks more often than this is shown the last sample again.
const FRESH: Duration = Duration::from_secs(1);

/// The names of the journals in samples.
pub const JOURNALS: [&str; 2] = ["ledger", "market"];

/// What the actor is given.
pub struct Arguments {
    /// How often, on the wall clock.
    pub every: Duration,
    /// From when on a market counts as silent of which this actor never saw anything.
    pub silent_from: Duration,
    /// Whom to ask.
    pub asked: Asked,
    /// Every place in the tree.
    pub places: Places,
    /// Bulk queues, each with who drains it.
    pub queues: Vec<(String, Inlet)>,
    /// The ledger, and how far the tables hold it.
    pub ledger: (Journal<LedgerRecord>, Watermark),
    /// The market journal, and how far the tables hold it.
    pub journal: (Journal<MarketRecord>, Watermark),
    /// The archive.
    pub archive: Runner,
    /// The place of what writes to PostgreSQL as well.
    pub sink: Sink,
    /// The database, whose readers are counted once it is open.
    pub database: Database,
    /// Folders whose disks are looked at, by the names that people know them by.
    pub folders: Vec<(&'static str, PathBuf)>,
    /// The database's file.
    pub file: PathBuf,
    /// The edge; `None` where there is none.
    pub edge: Option<EdgeSource>,
    /// Where samples go.
    pub sender: storage::telemetry::Sender,
    /// The wall clock.
    pub wall: Clock,
}

/// Whom a sample asks.
#[derive(Clone)]
pub struct Asked {
    /// The market actor.
    pub market: Port<ToMarket>,
    /// Orders.
    pub orders: Port<ToOrders>,
    /// Positions.
    pub positions: Port<ToPositions>,
    /// The venue.
    pub venue: Port<ToVenue>,
    /// Alerts, which are told of the sample as well.
    pub alerts: Port<ToAlerts>,
    /// Strategies.
    pub strategies: BTreeMap<StrategyId, Port<ToStrategy>>,
    /// Live feeds.
    pub feeds: BTreeMap<String, Port<ToFeed>>,
}

/// Its mailbox.
pub enum Mailbox {
    /// The next sample is due.
    Due,
    /// From others.
    Said(ToTelemetry),
}

impl From<ToTelemetry> for Mailbox {
    fn from(message: ToTelemetry) -> Self {
        Self::Said(message)
    }
}

impl Seen for Mailbox {
    fn name(&self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Said(message) => message.name(),
        }
    }
    fn came_by_port(&self) -> bool {
        matches!(self, Self::Said(_))
    }
}

/// The actor.
pub struct TelemetryActor;

/// The shell.
pub struct Shell {
    a: Arguments,
    questions: Questions,
    flow: Flow,
    /// The last sample, and when it was taken.
    last: (UtcNanos, Arc<Vec<Metric>>),
}

impl Actor for TelemetryActor {
    type Msg = Mailbox;
    type State = Shell;
    type Arguments = Arguments;

    async fn pre_start(&self, me: ActorRef<Mailbox>, arguments: Arguments) -> Result<Shell, ActorProcessingErr> {
        me.send_message(Mailbox::Due)?;
        let questions = Questions::new(arguments.wall.clone());
        let flow = Flow::new(arguments.silent_from, arguments.wall.now());
        Ok(Shell { a: arguments, questions, flow, last: (UtcNanos::MIN, Arc::default()) })
    }

    async fn handle(
        &self,
        me: ActorRef<Mailbox>,
        message: Mailbox,
        shell: &mut Shell,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Mailbox::Due => {
                shell.keep().await;
                // Set anew after each sample: a slow one is not followed by a queue of others.
                me.send_after(shell.a.every, || Mailbox::Due);
            }
            Mailbox::Said(ToTelemetry::Sample(reply)) => {
                shell.keep().await;
                let _ = reply.send(());
            }
            Mailbox::Said(ToTelemetry::Look(reply)) => {
                if shell.a.wall.now() >= shell.last.0.after(FRESH) {
                    shell.sample().await;
                }
                let _ = reply.send(shell.last.1.clone());
            }
        }
        Ok(())
    }
}

impl Shell {
    /// Takes a sample for the tables and the alerts.
    async fn keep(&mut self) {
        self.sample().await;
        let sample = self.last.1.clone();
        sample.iter().for_each(|metric| self.a.sender.send(Telemetry::Metric(Box::new(metric.clone()))));
        self.a.asked.alerts.cast(ToAlerts::Sampled(sample));
    }

    async fn sample(&mut self) {
        let answers = self.questions.ask(&self.a.asked).await;
        let now = self.a.wall.now();
        let mut sample = Sample::new(now);
        if let Some(status) = &answers.market {
            sample.market(status);
        }
        let seen = answers.market.as_ref().map(|status| status.counters.trades + status.counters.quotes);
        if let Some(silence) = self.flow.silent_for(seen, now) {
            sample.market_data_age(silence.as_secs_f64());
        }
        answers.orders.iter().for_each(|status| sample.orders(status));
        answers.portfolio.iter().for_each(|(snapshot, highest)| sample.portfolio(snapshot, *highest));
        answers.venue.iter().for_each(|status| sample.venue(status));
        answers.feeds.iter().for_each(|status| sample.feed(status));
        answers.strategies.iter().for_each(|status| sample.strategy(status));
        answers.alerts.iter().for_each(|counts| sample.alerts(counts));
        for (actor, missed, spread) in self.questions.answers() {
            sample.answers(actor, missed, spread);
        }
        self.a.places.status().for_each(|status| sample.actor(&status));
        self.storage(&mut sample, now);
        self.machine(&mut sample);
        self.last = (now, Arc::new(sample.take()));
    }

    /// Journals, queues, readers, tiers, disks: what can be looked at without asking anybody.
    fn storage(&self, sample: &mut Sample, now: UtcNanos) {
        let [ledger, market] = JOURNALS;
        sample.journal(ledger, &status(&self.a.ledger));
        sample.journal(market, &status(&self.a.journal));
        if let Some(postgres) = self.a.sink.handle() {
            sample.postgres(JOURNALS, &postgres.status());
        }
        self.a.queues.iter().for_each(|(actor, queue)| sample.queue(actor, queue.len(), queue.capacity()));
        if let Some(readers) = self.a.database.pool().map(Pool::stats) {
            sample.readers(&readers);
        }
        let runs = self.a.archive.runs();
        sample.archive(&runs, runs.last_good.map(|at| now.since(at).max(0) as f64 / 1e9));
        let mut bytes = self.a.database.tier_bytes();
        // The rows of what is archived leave the file, and the file keeps its size: what stands on the disk counts.
        bytes.remove(&Tier::Disk);
        if let Some(file) = file_bytes(&self.a.file) {
            bytes.insert(Tier::Disk, file);
        }
        bytes.into_iter().for_each(|(tier, bytes)| sample.tier(tier, bytes));
        for (name, folder) in &self.a.folders {
            storage::disk::space(folder).into_iter().for_each(|space| sample.disk(name, space));
        }
    }

    fn machine(&self, sample: &mut Sample) {
        self.a.edge.iter().for_each(|edge| sample.edge(&edge()));
        sample.process(&Process::read());
        let sender = &self.a.sender;
        sample.telemetry(sender.waiting(), sender.logs_dropped(), sender.metrics_dropped());
    }
}

/// The database's file and what waits beside it for the next checkpoint.
fn file_bytes(file: &std::path::Path) -> Option<u64> {
    let bytes = |path: &std::path::Path| std::fs::metadata(path).ok().map(|found| found.len());
    Some(bytes(file)? + bytes(&file.with_extension("duckdb.wal")).unwrap_or(0))
}

fn status<R: storage::journal::Record>((journal, applied): &(Journal<R>, Watermark)) -> JournalStatus {
    // The tables first: they never seem to be ahead of what is durable. They say 0 until the database is open.
    let applied = Some(applied.get().0).filter(|applied| *applied > 0);
    let (waiting, capacity) = (journal.waiting(), journal.capacity());
    let (syncs, sync_seconds) = journal.syncs();
    JournalStatus { waiting, capacity, durable: journal.watermark().get().0, applied, syncs, sync_seconds }
}
