//! The gateway: the venue actor for every venue outside of the process.
//!
//! Hears requests whose intent is durable, and what the connector says; says reports to orders, and what a person must know to
//! the ledger, within bounds. It keeps nothing else: what a venue knows is asked of the venue. The connector runs as a task of its own; when that
//! ends it is made again after a back-off, and orders asks about everything open once it is connected.
//!
//! Invariant: a request that finds no connection ends here and is never sent later. Of a new order that is told at once, for nobody
//! else would know; what else there was to say is asked about, or said again, once the venue is reached.

use std::time::Duration;

use messages::caps;
use messages::ledger::{Action, LedgerRecord};
use messages::venues::{NOT_CONNECTED, ReportKind, VenueNote, VenueReport, VenueRequest};
use messages::{Account, ClientOrderId, Reason};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use storage::journal::Journal;

use super::notes::Notes;
use super::{FromVenue, Remote, Say};
use crate::clock::Clock;
use crate::ports::{Port, ToOrders, ToVenue, VenueStatus};
use crate::traffic::Seen;

/// The first back-off, doubled with every failure in a row.
const FIRST_BACK_OFF: Duration = Duration::from_millis(100);
/// The longest back-off.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(10);

/// What the actor is given.
pub struct Arguments {
    /// The venue.
    pub remote: Remote,
    /// Whose orders they are.
    pub account: Account,
    /// Orders.
    pub orders: Port<ToOrders>,
    /// The ledger, for what a person must know.
    pub ledger: Journal<LedgerRecord>,
    /// The time.
    pub clock: Clock,
}

/// Its mailbox.
pub enum Mailbox {
    /// From orders.
    Said(ToVenue),
    /// From the connector of this attempt.
    Heard(u32, FromVenue),
    /// The connector of this attempt has ended, and how.
    Ended(u32, String),
    /// The back-off is over.
    Again,
}

impl From<ToVenue> for Mailbox {
    fn from(message: ToVenue) -> Self {
        Self::Said(message)
    }
}

impl Seen for Mailbox {
    fn name(&self) -> &'static str {
        match self {
            Self::Said(message) => message.name(),
            Self::Heard(..) => "heard",
            Self::Ended(..) => "ended",
            Self::Again => "again",
        }
    }
    fn came_by_port(&self) -> bool {
        matches!(self, Self::Said(_))
    }
}

/// The actor.
pub struct GatewayActor;

/// The shell.
pub struct Shell {
    a: Arguments,
    me: ActorRef<Mailbox>,
    /// Closing it ends the connector.
    requests: flume::Sender<VenueRequest>,
    attempt: u32,
    failures: u32,
    connected: bool,
    notes: Notes,
}

impl Actor for GatewayActor {
    type Msg = Mailbox;
    type State = Shell;
    type Arguments = Arguments;

    async fn pre_start(&self, me: ActorRef<Mailbox>, arguments: Arguments) -> Result<Shell, ActorProcessingErr> {
        let (requests, _) = flume::bounded(1);
        Ok(Shell { a: arguments, me, requests, attempt: 0, failures: 0, connected: false, notes: Notes::default() })
    }

    async fn handle(
        &self,
        _: ActorRef<Mailbox>,
        message: Mailbox,
        shell: &mut Shell,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Mailbox::Said(ToVenue::Begin) | Mailbox::Again => shell.connect(),
            Mailbox::Said(ToVenue::Requests(requests)) => shell.send(requests),
            // Who asked may have given up.
            Mailbox::Said(ToVenue::Status(reply)) => drop(reply.send(Some(shell.status()))),
            Mailbox::Heard(attempt, said) if attempt == shell.attempt => shell.hear(said),
            Mailbox::Ended(attempt, why) if attempt == shell.attempt => shell.ended(&why),
            // Of a connector that has been replaced.
            Mailbox::Heard(..) | Mailbox::Ended(..) => {}
        }
        Ok(())
    }
}

impl Shell {
    /// Makes a connector and lets it run.
    fn connect(&mut self) {
        self.attempt += 1;
        let attempt = self.attempt;
        let (requests, queue) = flume::bounded(caps::VENUE_REQUESTS);
        self.requests = requests;
        let connector = match (self.a.remote.make)() {
            Ok(connector) => connector,
            Err(why) => return self.ended(&why),
        };
        let heard = self.me.clone();
        let say: Say = std::sync::Arc::new(move |said| drop(heard.send_message(Mailbox::Heard(attempt, said))));
        let running = tokio::spawn(connector.run(queue, say));
        let me = self.me.clone();
        tokio::spawn(async move {
            let why = match running.await {
                Ok(()) => "its connector has ended".to_owned(),
                Err(error) => format!("its connector failed: {error}"),
            };
            let _ = me.send_message(Mailbox::Ended(attempt, why));
        });
    }

    fn send(&mut self, requests: Vec<VenueRequest>) {
        let mut unsent = Vec::new();
        for request in requests {
            let whole = if matches!(request, VenueRequest::Rules { .. }) { "its rules" } else { "the account" };
            let about = request.client_order_id().map_or_else(|| whole.to_owned(), |id| format!("order {id}"));
            let new_order =
                if let VenueRequest::Submit { client_order_id, .. } = &request { Some(*client_order_id) } else { None };
            if !self.connected || self.requests.try_send(request).is_err() {
                tracing::warn!(venue = %self.a.remote.name, about, "the venue is not reached; the request is not sent");
                unsent.extend(new_order.map(|id| self.not_sent(id)));
            }
        }
        if !unsent.is_empty() {
            self.a.orders.cast(ToOrders::Reports(unsent));
        }
    }

    fn not_sent(&self, client_order_id: ClientOrderId) -> VenueReport {
        let text = format!("{} is not reached; the order was not sent", self.a.remote.name);
        let kind = ReportKind::NotTaken { reason: Reason::code(NOT_CONNECTED), text };
        VenueReport { account: self.a.account, client_order_id, venue_order_id: None, time: self.a.clock.now(), kind }
    }

    fn hear(&mut self, said: FromVenue) {
        match said {
            FromVenue::Connected => {
                tracing::info!(venue = %self.a.remote.name, "connected");
                (self.connected, self.failures) = (true, 0);
                self.a.orders.cast(ToOrders::Connected);
            }
            FromVenue::Disconnected(why) => {
                tracing::warn!(venue = %self.a.remote.name, "disconnected: {why}");
                self.connected = false;
            }
            FromVenue::Account(snapshot) => drop(self.a.orders.cast(ToOrders::Account(snapshot))),
            FromVenue::Rules(told) => drop(self.a.orders.cast(ToOrders::Rules(told))),
            FromVenue::Reports(reports) => drop(self.a.orders.cast(ToOrders::Reports(reports))),
            FromVenue::Note(note) => self.note(note),
        }
    }

    /// Tells what a person must know. While the ledger's disk is full the log alone has it: trading needs the room more.
    fn note(&mut self, note: VenueNote) {
        let at = self.a.clock.now();
        let VenueNote { kind, subject, .. } = &note;
        let Some(why) = self.notes.take(&note, at) else {
            return tracing::debug!(venue = %self.a.remote.name, event = "venue_note", %kind, subject, "{}", note.text);
        };
        tracing::warn!(venue = %self.a.remote.name, event = "venue_note", %kind, subject, "{why}");
        let (by, what) = (self.a.remote.name.clone(), format!("venue.{kind}"));
        let action = Action { by, what, subject: note.subject, why, at };
        let _ = self.a.ledger.try_append(vec![LedgerRecord::Action(action)], None);
    }

    fn status(&self) -> VenueStatus {
        VenueStatus { name: self.a.remote.name.clone(), connected: self.connected, notes: self.notes.counts() }
    }

    fn ended(&mut self, why: &str) {
        self.connected = false;
        let back_off = FIRST_BACK_OFF.saturating_mul(1 << self.failures.min(10)).min(LONGEST_BACK_OFF);
        self.failures += 1;
        tracing::warn!(venue = %self.a.remote.name, "{why}; again in {}", crate::durations::format(back_off));
        self.me.send_after(back_off, || Mailbox::Again);
    }
}
