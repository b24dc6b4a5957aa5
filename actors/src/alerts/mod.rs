//! The alerts actor: watches the samples that telemetry takes, and says what a person should look at.
//!
//! Hears samples, its own timers, people who have seen an alert, and its courier about what did not arrive. Says actions to
//! the ledger, so that an alert outlives a restart and stands in the table `actions`; shows the open alerts to the edge;
//! hands messages to the courier, which brings them to a webhook. It waits for none of them. While samples come it says to a
//! watcher outside that we live: when that ends, the watcher says what we no longer can.

mod courier;
mod notices;
mod restored;
mod rules;
pub mod secret_url;
pub mod settings;
mod state;
mod subjects;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use messages::alerts::{Acknowledgement, Alert};
use messages::ledger::{Action, LedgerRecord};
use messages::{UtcNanos, caps};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use storage::journal::{Journal, Refused};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::ports::{AlertCounts, ToAlerts};
use crate::traffic::Seen;
use courier::Outcomes;
use notices::Message;
use settings::AlertSettings;
use state::{Alerts, Effect};

pub use restored::OpenAlerts;
pub use subjects::Subjects;

/// How often it looks whether samples still come, and writes what did not fit the ledger's queue.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What is open now, for the edge.
pub type Board = watch::Sender<Arc<Vec<Alert>>>;

/// What the actor is given.
pub struct Arguments {
    /// Its settings.
    pub settings: AlertSettings,
    /// The name of this installation, in messages.
    pub instance: String,
    /// Alerts that the ledger says are open.
    pub open: Vec<Alert>,
    /// What alerts can be about here.
    pub subjects: Subjects,
    /// How often a sample is taken.
    pub sampled_every: Duration,
    /// The ledger.
    pub ledger: Journal<LedgerRecord>,
    /// Where open alerts are shown.
    pub board: Board,
    /// The wall clock.
    pub wall: Clock,
}

/// Its mailbox.
pub enum Mailbox {
    /// From others.
    Said(ToAlerts),
    /// Look at the time.
    Look,
    /// Say that we live.
    Heartbeat,
    /// A message did not arrive.
    Undelivered(Box<Message>),
}

impl From<ToAlerts> for Mailbox {
    fn from(message: ToAlerts) -> Self {
        Self::Said(message)
    }
}

impl Seen for Mailbox {
    fn name(&self) -> &'static str {
        match self {
            Self::Said(message) => message.name(),
            Self::Look => "look",
            Self::Heartbeat => "heartbeat",
            Self::Undelivered(_) => "undelivered",
        }
    }
    fn came_by_port(&self) -> bool {
        matches!(self, Self::Said(_))
    }
}

/// The actor.
pub struct AlertsActor;

/// The shell around the state.
pub struct Shell {
    a: Arguments,
    state: Alerts,
    client: reqwest::Client,
    /// To the courier; none without a webhook.
    messages: Option<flume::Sender<Message>>,
    outcomes: Arc<Outcomes>,
    /// Actions that wait for room in the ledger's queue, oldest first. Empty but while its disk is full.
    unwritten: VecDeque<Action>,
}

impl Actor for AlertsActor {
    type Msg = Mailbox;
    type State = Shell;
    type Arguments = Arguments;

    async fn pre_start(&self, me: ActorRef<Mailbox>, mut arguments: Arguments) -> Result<Shell, ActorProcessingErr> {
        let settings = arguments.settings.clone();
        let client = courier::client(settings.request_timeout)?;
        let outcomes = Arc::new(Outcomes::default());
        let messages = settings.webhook_url.reveal().map(|url| {
            let (sender, receiver) = flume::bounded(caps::ALERT_MESSAGES);
            let (instance, writer) = (arguments.instance.clone(), me.clone());
            let give_back = move |message| drop(writer.send_message(Mailbox::Undelivered(Box::new(message))));
            tokio::spawn(courier::carry(client.clone(), url.clone(), instance, receiver, outcomes.clone(), give_back));
            sender
        });
        let (open, now) = (std::mem::take(&mut arguments.open), arguments.wall.now());
        let state = Alerts::new(settings.clone(), arguments.sampled_every, open, now);
        me.send_interval(LOOK_EVERY, || Mailbox::Look);
        if !settings.heartbeat_url.is_none() {
            me.send_message(Mailbox::Heartbeat)?;
            me.send_interval(settings.heartbeat_every, || Mailbox::Heartbeat);
        }
        let mut shell = Shell { a: arguments, state, client, messages, outcomes, unwritten: VecDeque::new() };
        let mut effects = Vec::new();
        shell.state.retire(&shell.a.subjects, now, &mut effects);
        shell.act(effects, now);
        Ok(shell)
    }

    async fn handle(
        &self,
        _: ActorRef<Mailbox>,
        message: Mailbox,
        shell: &mut Shell,
    ) -> Result<(), ActorProcessingErr> {
        let now = shell.a.wall.now();
        let mut effects = Vec::new();
        match message {
            Mailbox::Said(ToAlerts::Sampled(sample)) => shell.state.on_sample(&sample, now, &mut effects),
            Mailbox::Said(ToAlerts::Acknowledge { alert_id, by, why, reply }) => {
                let done = shell.state.acknowledge(&alert_id, Acknowledgement { by, why, at: now }, &mut effects);
                let _ = reply.send(done);
            }
            Mailbox::Said(ToAlerts::List(reply)) => drop(reply.send(shell.state.list())),
            Mailbox::Said(ToAlerts::Status(reply)) => drop(reply.send(shell.counts())),
            Mailbox::Look => shell.state.on_time(now, &mut effects),
            Mailbox::Heartbeat => shell.heartbeat(now),
            Mailbox::Undelivered(message) => shell.state.undelivered(&message, now),
        }
        shell.act(effects, now);
        Ok(())
    }
}

impl Shell {
    fn act(&mut self, effects: Vec<Effect>, now: UtcNanos) {
        effects.into_iter().for_each(|effect| self.perform(effect, now));
        self.write();
        self.show();
    }

    fn perform(&mut self, effect: Effect, now: UtcNanos) {
        match effect {
            Effect::Record(action) => {
                tracing::warn!(event = action.what, alert_id = action.subject, "{}", action.why);
                self.unwritten.push_back(action);
                if self.unwritten.len() > caps::ALERTS_KEPT {
                    self.unwritten.pop_front();
                }
            }
            Effect::Tell(message) => {
                let Some(messages) = &self.messages else { return };
                if let Err(refused) = messages.try_send(*message) {
                    self.outcomes.failed.fetch_add(1, Ordering::Relaxed);
                    self.state.undelivered(&refused.into_inner(), now);
                }
            }
        }
    }

    /// Writes what fits the ledger's queue.
    fn write(&mut self) {
        while let Some(action) = self.unwritten.pop_front() {
            let record = vec![LedgerRecord::Action(action.clone())];
            if let Err(Refused::Full(_)) = self.a.ledger.try_append(record, None) {
                return self.unwritten.push_front(action);
            }
        }
    }

    fn show(&self) {
        let open: Vec<Alert> = self.state.open().cloned().collect();
        self.a.board.send_if_modified(|shown| {
            let is_new = **shown != open;
            if is_new {
                *shown = Arc::new(open);
            }
            is_new
        });
    }

    /// Who cannot see does not say that all is well.
    fn heartbeat(&self, now: UtcNanos) {
        if let Some(url) = self.a.settings.heartbeat_url.reveal().filter(|_| !self.state.is_blind(now)) {
            tokio::spawn(courier::heartbeat(self.client.clone(), url.clone(), self.outcomes.clone()));
        }
    }

    fn counts(&self) -> AlertCounts {
        let unacknowledged = self.state.open().filter(|alert| alert.acknowledged.is_none()).count();
        AlertCounts {
            open: self.state.open().count(),
            unacknowledged,
            sent: self.outcomes.sent.load(Ordering::Relaxed),
            failed: self.outcomes.failed.load(Ordering::Relaxed),
            held_back: self.state.held_back(),
            heartbeats_failed: self.outcomes.heartbeats_failed.load(Ordering::Relaxed),
        }
    }
}
