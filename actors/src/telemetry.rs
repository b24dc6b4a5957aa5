//! The telemetry actor: takes a sample of everything that counts, on schedule and at stop, and sends it to
//! storage.
//!
//! Hears its own timer; asks the actors how they are, each with a deadline, and reads queues and watermarks.
//! Nobody waits for it: what storage does not take is dropped and counted. An actor that does not answer has
//! no metrics in that sample, for nothing is known of it then.

mod process;
mod sample;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use messages::StrategyId;
use messages::ledger::{LedgerRecord, MarketRecord};
use messages::telemetry::Telemetry;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use storage::archive::Runner;
use storage::journal::{Journal, Watermark};
use storage::pool::Pool;
use storage::service::Database;

use crate::bulk::Inlet;
use crate::clock::Clock;
use crate::ports::{Port, ToFeed, ToMarket, ToOrders, ToStrategy, ToTelemetry};
use crate::runtime::ask_within;
use process::Process;
use sample::{JournalStatus, Sample};

/// How long an actor may take to answer: far beyond what is healthy, well below how often it is asked.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// Answer times of one actor that its quantiles are of: almost three hours at one in ten seconds.
const ANSWERS_KEPT: usize = 1_000;

/// What the actor is given.
pub struct Arguments {
    /// How often, on the wall clock.
    pub every: Duration,
    /// The market actor.
    pub market: Port<ToMarket>,
    /// Orders.
    pub orders: Port<ToOrders>,
    /// Strategies.
    pub strategies: BTreeMap<StrategyId, Port<ToStrategy>>,
    /// Live feeds.
    pub feeds: BTreeMap<String, Port<ToFeed>>,
    /// Bulk queues, each with who drains it.
    pub queues: Vec<(String, Inlet)>,
    /// The ledger, and how far the tables hold it.
    pub ledger: (Journal<LedgerRecord>, Watermark),
    /// The market journal, and how far the tables hold it.
    pub journal: (Journal<MarketRecord>, Watermark),
    /// The archive.
    pub archive: Runner,
    /// The database, whose readers are counted once it is open.
    pub database: Database,
    /// Where samples go.
    pub sender: storage::telemetry::Sender,
    /// The wall clock.
    pub wall: Clock,
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

/// The actor.
pub struct TelemetryActor;

/// The shell.
pub struct Shell {
    a: Arguments,
    answers: BTreeMap<String, Answers>,
}

/// How one actor has answered.
#[derive(Default)]
struct Answers {
    /// Seconds that it took, the newest last.
    seconds: VecDeque<f64>,
    missed: u64,
}

impl Actor for TelemetryActor {
    type Msg = Mailbox;
    type State = Shell;
    type Arguments = Arguments;

    async fn pre_start(&self, me: ActorRef<Mailbox>, arguments: Arguments) -> Result<Shell, ActorProcessingErr> {
        me.send_message(Mailbox::Due)?;
        Ok(Shell { a: arguments, answers: BTreeMap::new() })
    }

    async fn handle(
        &self,
        me: ActorRef<Mailbox>,
        message: Mailbox,
        shell: &mut Shell,
    ) -> Result<(), ActorProcessingErr> {
        shell.sample().await;
        match message {
            // Set anew after each sample: a slow one is not followed by a queue of others.
            Mailbox::Due => drop(me.send_after(shell.a.every, || Mailbox::Due)),
            Mailbox::Said(ToTelemetry::Sample(reply)) => drop(reply.send(())),
        }
        Ok(())
    }
}

impl Shell {
    async fn sample(&mut self) {
        let mut sample = Sample::new(self.a.wall.now());
        let (market, orders) = (self.a.market.clone(), self.a.orders.clone());
        if let Some(status) = self.ask("market", |reply| market.cast(ToMarket::Status(reply))).await {
            sample.market(&status);
        }
        if let Some(status) = self.ask("orders", |reply| orders.cast(ToOrders::Status(reply))).await {
            sample.orders(&status);
        }
        for (name, port) in self.a.feeds.clone() {
            let status = self.ask(&name, |reply| port.cast(ToFeed::Status(reply))).await;
            if let Some(status) = status {
                sample.feed(&status);
            }
        }
        for (name, port) in self.a.strategies.clone() {
            let status = self.ask(name.as_str(), |reply| port.cast(ToStrategy::Status(reply))).await;
            if let Some(status) = status {
                sample.strategy(&status);
            }
        }
        for (actor, answers) in &self.answers {
            sample.answers(actor, answers.missed, &answers.seconds);
        }
        sample.journal("ledger", &status(&self.a.ledger));
        sample.journal("market", &status(&self.a.journal));
        self.a.queues.iter().for_each(|(actor, queue)| sample.queue(actor, queue.len()));
        if let Some(readers) = self.a.database.pool().map(Pool::stats) {
            sample.readers(&readers);
        }
        sample.archive(self.a.archive.counts());
        sample.process(&Process::read());
        let sender = &self.a.sender;
        sample.telemetry(sender.waiting(), sender.logs_dropped(), sender.metrics_dropped());
        sample.take().into_iter().for_each(|metric| sender.send(Telemetry::Metric(Box::new(metric))));
    }

    async fn ask<T: Send + 'static>(&mut self, actor: &str, send: impl FnOnce(RpcReplyPort<T>) -> bool) -> Option<T> {
        let began = self.a.wall.now();
        let answer = ask_within(ANSWER_WITHIN, send).await;
        let took = self.a.wall.now().since(began);
        let answers = self.answers.entry(actor.to_owned()).or_default();
        if answer.is_none() {
            answers.missed += 1;
        } else {
            answers.seconds.push_back(took as f64 / 1e9);
            if answers.seconds.len() > ANSWERS_KEPT {
                answers.seconds.pop_front();
            }
        }
        answer
    }
}

fn status<R: storage::journal::Record>((journal, applied): &(Journal<R>, Watermark)) -> JournalStatus {
    // The tables first: they never seem to be ahead of what is durable. They say 0 until the database is open.
    let applied = Some(applied.get().0).filter(|applied| *applied > 0);
    JournalStatus { waiting: journal.waiting(), durable: journal.watermark().get().0, applied }
}
