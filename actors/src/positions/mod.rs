//! The positions actor: what is held, what it is worth, what it brought.
//!
//! Hears order updates and prices; says bookings and snapshots to the ledger. A booking follows from a
//! fill that the ledger holds already, so nothing waits for it but the audience; a start books what a crash left unbooked.

mod booked;
pub mod state;

use messages::account::OpeningEntry;
use messages::ledger::{Action, Decider, Delivery, LedgerRecord};
use messages::positions::Booked;
use messages::{MarketId, UtcNanos};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use storage::journal::{Ack, Journal};

use crate::audience::{Audience, Heard};
use crate::bulk::Inlet;
use crate::clock::Clock;
use crate::deliveries::Deliveries;
use crate::ports::{ToPositions, Wake};
use crate::traffic::Seen;
use state::Positions;

/// What the actor is given.
pub struct Arguments {
    /// The state, restored from the ledger.
    pub state: Positions,
    /// Its deliveries.
    pub deliveries: Deliveries,
    /// The ledger.
    pub ledger: Journal<LedgerRecord>,
    /// Prices.
    pub prices: Inlet,
    /// Who watches.
    pub audience: Option<Audience>,
    /// The time.
    pub clock: Clock,
}

/// Its mailbox.
pub enum Mailbox {
    /// Prices wait.
    Wake,
    /// From others.
    Said(ToPositions),
}

impl From<ToPositions> for Mailbox {
    fn from(message: ToPositions) -> Self {
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
        }
    }
    fn came_by_port(&self) -> bool {
        true
    }
}

/// The actor.
pub struct PositionsActor;

/// The shell around the state.
pub struct Shell {
    a: Arguments,
    seen: MarketId,
    newest: UtcNanos,
}

impl Actor for PositionsActor {
    type Msg = Mailbox;
    type State = Shell;
    type Arguments = Arguments;

    async fn pre_start(&self, _: ActorRef<Mailbox>, arguments: Arguments) -> Result<Shell, ActorProcessingErr> {
        let mut shell = Shell { a: arguments, seen: MarketId(0), newest: UtcNanos::MIN };
        let (unbooked, unopened) = (shell.a.state.take_unbooked(), shell.a.state.unopened());
        if !unbooked.is_empty() || !unopened.is_empty() {
            let now = shell.begin(Delivery::Start(None)).await;
            shell.book(&unbooked, now).await;
            for (number, entries) in unopened {
                shell.open(number, &entries, now).await;
            }
        }
        Ok(shell)
    }

    async fn handle(
        &self,
        _: ActorRef<Mailbox>,
        message: Mailbox,
        shell: &mut Shell,
    ) -> Result<(), ActorProcessingErr> {
        shell.see();
        match message {
            Mailbox::Wake => {}
            Mailbox::Said(ToPositions::Updates(updates)) => {
                let from = Decider::Orders;
                let now = shell.begin(Delivery::Messages { from, count: updates.len() as u32 }).await;
                shell.book(&updates, now).await;
            }
            Mailbox::Said(ToPositions::Deposit(asset, amount)) => {
                let now = shell.begin(Delivery::Deposit { asset, amount }).await;
                let record = shell.a.state.deposit(asset, amount, now);
                let _ = shell.a.ledger.append(record.into_iter().collect(), None).await;
            }
            Mailbox::Said(ToPositions::Opened { number, entries }) => {
                let now = shell.begin(Delivery::Opened { number, entries: entries.clone() }).await;
                shell.open(number, &entries, now).await;
            }
            Mailbox::Said(ToPositions::Highest(reply)) => drop(reply.send(shell.a.state.highest())),
            Mailbox::Said(ToPositions::Snapshot(kind, reply)) => {
                let now = shell.begin(Delivery::Snapshot(kind)).await;
                let snapshot = shell.a.state.snapshot(kind, now);
                let ack = reply.map(|reply| {
                    let snapshot = snapshot.clone();
                    let ack: Ack = Box::new(move |_| drop(reply.send(snapshot)));
                    ack
                });
                let _ = shell.a.ledger.append(vec![LedgerRecord::Snapshot(snapshot)], ack).await;
            }
            Mailbox::Said(ToPositions::Status(reply)) => {
                let now = shell.a.clock.now().max(shell.newest);
                let _ = reply.send(shell.a.state.now(now));
            }
        }
        Ok(())
    }
}

impl Shell {
    fn see(&mut self) {
        for delivered in self.a.prices.take(usize::MAX) {
            if self.seen == MarketId(0)
                && let Some(first) = delivered.batch.events.first()
            {
                self.a.deliveries.begins_with(first.id);
            }
            self.a.state.on_market(&delivered.batch);
            self.newest = self.newest.max(delivered.batch.received);
            self.seen = delivered.batch.events.last().map_or(self.seen, |e| e.id);
        }
    }

    async fn begin(&mut self, delivery: Delivery) -> UtcNanos {
        let now = self.a.clock.now().max(self.newest);
        self.a.deliveries.record(now, self.seen, delivery).await;
        now
    }

    async fn open(&mut self, number: u64, entries: &[OpeningEntry], now: UtcNanos) {
        let Some(opened) = self.a.state.open_entries(number, entries, now) else { return };
        let ack = self.a.audience.clone().map(|audience| {
            let opened = opened.clone();
            let ack: Ack = Box::new(move |durable| {
                if durable.is_ok() {
                    audience.tell(Heard::Opened(opened));
                }
            });
            ack
        });
        let _ = self.a.ledger.append(vec![LedgerRecord::Opened(opened)], ack).await;
    }

    async fn book(&mut self, updates: &[messages::orders::OrderUpdate], now: UtcNanos) {
        let mut records = Vec::with_capacity(updates.len());
        for update in updates {
            match self.a.state.on_update(update, now) {
                Ok(Some(booked)) => {
                    say(&booked);
                    records.push(LedgerRecord::Booked(booked));
                }
                Ok(None) => {}
                Err(why) => {
                    tracing::error!("{why}");
                    records.push(LedgerRecord::Action(Action::alert(why, now)));
                }
            }
        }
        let ack = self.a.audience.clone().map(|audience| tell_booked(audience, &records));
        let _ = self.a.ledger.append(records, ack).await;
    }
}

/// Tells the audience what was booked, once that is durable.
fn tell_booked(audience: Audience, records: &[LedgerRecord]) -> Ack {
    let of = |record: &LedgerRecord| match record {
        LedgerRecord::Booked(booked) => Some(booked.clone()),
        _ => None,
    };
    let booked: Vec<_> = records.iter().filter_map(of).collect();
    Box::new(move |durable| {
        if durable.is_ok() {
            booked.into_iter().for_each(|booked| audience.tell(Heard::Booked(booked)));
        }
    })
}

/// What the log says of a fill that is booked.
fn say(booked: &Booked) {
    let (trade, position) = (&booked.trade, &booked.position);
    tracing::info!(
        event = "position_changed",
        order_id = %trade.order_id,
        correlation_id = %trade.correlation_id,
        strategy = %trade.strategy,
        symbol = %trade.instrument.symbol,
        venue = %trade.instrument.exchange,
        trade_id = %trade.trade_id,
        as_of = trade.as_of,
        "{} {}, realized {}",
        position.side(),
        position.quantity.abs(),
        position.realized_pnl
    );
}
