//! The paper venue's actor: fills our orders from the market that it sees.
//!
//! Hears market batches and requests; says reports to orders. It keeps nothing of its own: a start
//! tells it the open orders of the ledger.
//!
//! Invariant: nothing is handled before orders listens. A report that is said to nobody is a fill that nobody books
//! and an answer that nobody counts, and a re-run, where everybody listens always, would part from the record.

pub mod models;
pub mod state;

use messages::ledger::{Decider, Delivery};
use messages::market::Batch;
use messages::venues::{VenueReport, VenueRequest};
use messages::{MarketId, UtcNanos};
use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::bulk::Inlet;
use crate::clock::Clock;
use crate::deliveries::Deliveries;
use crate::ports::{Port, ToOrders, ToVenue, Wake};
use crate::timer::Timer;
use crate::traffic::Seen;
use state::Paper;

/// Batches taken at once: enough to be quick, few enough that a request does not wait long.
const TAKE: usize = 64;

/// What the actor is given.
pub struct Arguments {
    /// The state, with the open orders of the ledger.
    pub state: Paper,
    /// Its deliveries.
    pub deliveries: Deliveries,
    /// The market.
    pub market: Inlet,
    /// Orders.
    pub orders: Port<ToOrders>,
    /// The time.
    pub clock: Clock,
}

/// Its mailbox.
pub enum Mailbox {
    /// Market data waits.
    Wake,
    /// From others.
    Said(ToVenue),
    /// Something may be due.
    Timer,
}

impl From<ToVenue> for Mailbox {
    fn from(message: ToVenue) -> Self {
        Self::Said(message)
    }
}

impl From<Wake> for Mailbox {
    fn from(_: Wake) -> Self {
        Self::Wake
    }
}

impl Seen for Mailbox {
    fn name(&self) -> &'static str {
        match self {
            Self::Wake => "wake",
            Self::Said(message) => message.name(),
            Self::Timer => "timer",
        }
    }
    fn came_by_port(&self) -> bool {
        matches!(self, Self::Wake | Self::Said(_))
    }
}

/// The actor.
pub struct PaperActor;

/// The shell around the state.
pub struct Shell {
    a: Arguments,
    /// Requests that came before orders listens, oldest first; `None` from then on.
    early: Option<Vec<Vec<VenueRequest>>>,
    timer: Timer,
    seen: MarketId,
    newest: UtcNanos,
}

impl Actor for PaperActor {
    type Msg = Mailbox;
    type State = Shell;
    type Arguments = Arguments;

    async fn pre_start(&self, _: ActorRef<Mailbox>, arguments: Arguments) -> Result<Shell, ActorProcessingErr> {
        let (early, timer) = (Some(Vec::new()), Timer::default());
        Ok(Shell { a: arguments, early, timer, seen: MarketId(0), newest: UtcNanos::MIN })
    }

    async fn handle(
        &self,
        me: ActorRef<Mailbox>,
        message: Mailbox,
        shell: &mut Shell,
    ) -> Result<(), ActorProcessingErr> {
        let mut reports = Vec::new();
        match message {
            // The market's queue keeps what waits: it is looked at when orders listens.
            Mailbox::Wake if shell.early.is_some() => {}
            Mailbox::Wake => {
                shell.market(&mut reports).await;
                if !shell.a.market.is_empty() {
                    let _ = me.send_message(Mailbox::Wake);
                }
            }
            Mailbox::Said(ToVenue::Begin) => {
                for requests in shell.early.take().unwrap_or_default() {
                    shell.requests(requests, &mut reports).await;
                }
                let _ = me.send_message(Mailbox::Wake);
            }
            Mailbox::Said(ToVenue::Requests(requests)) => match &mut shell.early {
                Some(early) => early.push(requests),
                None => shell.requests(requests, &mut reports).await,
            },
            // It is no venue outside; who asked may have given up.
            Mailbox::Said(ToVenue::Status(reply)) => drop(reply.send(None)),
            Mailbox::Timer => {
                shell.timer.fired();
                if shell.a.state.next_due().is_some_and(|due| due <= shell.now()) {
                    let now = shell.begin(Delivery::Timer).await;
                    shell.a.state.on_timer(now, &mut reports);
                }
            }
        }
        if !reports.is_empty() {
            shell.a.orders.cast(ToOrders::Reports(reports));
        }
        if shell.early.is_none() {
            shell.timer.set(shell.a.state.next_due(), &shell.a.clock, &me, || Mailbox::Timer);
        }
        Ok(())
    }
}

impl Shell {
    fn now(&self) -> UtcNanos {
        self.a.clock.now().max(self.newest)
    }

    async fn begin(&mut self, delivery: Delivery) -> UtcNanos {
        let now = self.now();
        self.a.deliveries.record(now, self.seen, delivery).await;
        now
    }

    async fn requests(&mut self, requests: Vec<VenueRequest>, reports: &mut Vec<VenueReport>) {
        let now = self.begin(Delivery::Messages { from: Decider::Orders, count: requests.len() as u32 }).await;
        requests.into_iter().for_each(|r| self.a.state.on_request(r, now, reports));
    }

    async fn market(&mut self, reports: &mut Vec<VenueReport>) {
        let taken = self.a.market.take(TAKE);
        let Some(last) = taken.last().and_then(|d| last_event(&d.batch)) else { return };
        self.seen = last;
        if let Some(first) = taken[0].batch.events.first() {
            self.a.deliveries.begins_with(first.id);
        }
        self.begin(Delivery::Market { conflated: false }).await;
        for delivered in &taken {
            self.a.state.on_market(&delivered.batch, reports);
            self.newest = self.newest.max(delivered.batch.received);
        }
    }
}

fn last_event(batch: &Batch) -> Option<MarketId> {
    batch.events.last().map(|e| e.id)
}

#[cfg(test)]
mod tests;
