//! The market actor: numbers every event before anyone sees it, keeps last quotes, books and bars.
//!
//! Hears frames of the feeds through a bounded queue; says batches to the journal first and then to all
//! who listen. Orders, positions and venues get everything and may make it wait; strategies that are
//! slow get their quotes conflated, and are told on when trades alone do not fit.

pub mod state;
pub mod tail;

use std::sync::Arc;

use messages::ledger::{LedgerRecord, MarketRecord};
use messages::market::{Batch, FeedBatch, Source};
use messages::{MarketId, UtcNanos, caps};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use storage::journal::{Ack, Journal};

use crate::audience::Audience;
use crate::bulk::{Outlet, Signal};
use crate::clock::Clock;
use crate::ports::{MarketStatus, Port, ToMarket, ToStrategy};
use crate::timer::Timer;
use crate::traffic::Seen;
use state::Market;

/// Frames taken at once.
const TAKE: usize = 64;
/// Market ids that must be left before the next frame is numbered.
const RESERVE_BELOW: u64 = 1 << 16;

/// What a feed hands over.
#[derive(Debug)]
pub enum FromFeed {
    /// A frame.
    Frame(FeedBatch),
    /// A frame that could not be decoded.
    Undecodable {
        /// Which feed.
        feed: String,
        /// When it was received.
        received: UtcNanos,
        /// Why.
        error: String,
        /// The beginning of it.
        frame: Vec<u8>,
    },
}

/// A strategy that listens.
pub struct Listener {
    /// Its queue.
    pub outlet: Outlet,
    /// Itself, to be told that it lags.
    pub port: Port<ToStrategy>,
}

/// What the actor is given.
pub struct Arguments {
    /// The state, with its first block of ids.
    pub state: Market,
    /// The next id that no block holds.
    pub next_block: MarketId,
    /// Frames.
    pub frames: flume::Receiver<FromFeed>,
    /// Raised by who sends frames.
    pub signal: Signal,
    /// The market journal.
    pub journal: Journal<MarketRecord>,
    /// The ledger, for blocks of ids.
    pub ledger: Journal<LedgerRecord>,
    /// Who must have everything.
    pub core: Vec<Outlet>,
    /// Who may miss quotes.
    pub strategies: Vec<Listener>,
    /// Who watches.
    pub audience: Option<Audience>,
    /// The time.
    pub clock: Clock,
}

/// Its mailbox.
pub enum Mailbox {
    /// From others.
    Said(ToMarket),
    /// A bar may be due.
    Timer,
}

impl From<ToMarket> for Mailbox {
    fn from(message: ToMarket) -> Self {
        Self::Said(message)
    }
}

impl Seen for Mailbox {
    fn name(&self) -> &'static str {
        match self {
            Self::Said(message) => message.name(),
            Self::Timer => "timer",
        }
    }
    fn came_by_port(&self) -> bool {
        matches!(self, Self::Said(_))
    }
}

/// The actor.
pub struct MarketActor;

/// The shell around the state.
pub struct Shell {
    a: Arguments,
    timer: Timer,
    frames: u64,
    undecodable: u64,
}

impl Actor for MarketActor {
    type Msg = Mailbox;
    type State = Shell;
    type Arguments = Arguments;

    async fn pre_start(&self, _: ActorRef<Mailbox>, arguments: Arguments) -> Result<Shell, ActorProcessingErr> {
        Ok(Shell { a: arguments, timer: Timer::default(), frames: 0, undecodable: 0 })
    }

    async fn handle(
        &self,
        me: ActorRef<Mailbox>,
        message: Mailbox,
        shell: &mut Shell,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Mailbox::Said(ToMarket::Wake) => {
                shell.take().await?;
                if !shell.a.frames.is_empty() {
                    // By the signal, so that there is never more than one on its way.
                    shell.a.signal.raise();
                }
            }
            Mailbox::Timer => {
                shell.timer.fired();
                // What was received before this instant is in the bars before they close.
                shell.take().await?;
                if shell.a.frames.is_empty() {
                    shell.reserve().await?;
                    let mut batch = empty();
                    shell.a.state.on_timer(shell.a.clock.now(), &mut batch);
                    shell.publish(batch).await;
                } else {
                    shell.a.signal.raise();
                }
            }
            Mailbox::Said(ToMarket::Stop(reply)) => {
                while !shell.a.frames.is_empty() {
                    shell.take().await?;
                }
                let mut batch = empty();
                shell.a.state.stop(shell.a.clock.now(), &mut batch);
                shell.journal(batch).await;
                let _ = reply.send(());
            }
            Mailbox::Said(ToMarket::FeedBeginsAnew(exchange)) => {
                while !shell.a.frames.is_empty() {
                    shell.take().await?;
                }
                shell.reserve().await?;
                let mut batch = empty();
                shell.a.state.feed_begins_anew(exchange, shell.a.clock.now(), &mut batch);
                shell.publish(batch).await;
            }
            Mailbox::Said(ToMarket::Status(reply)) => drop(reply.send(shell.status())),
            Mailbox::Said(ToMarket::View { instrument, levels, reply }) => {
                drop(reply.send(shell.a.state.view(instrument, levels)));
            }
        }
        shell.timer.set(shell.a.state.next_due(), &shell.a.clock, &me, || Mailbox::Timer);
        Ok(())
    }
}

impl Shell {
    async fn take(&mut self) -> Result<(), ActorProcessingErr> {
        self.a.signal.lower();
        for _ in 0..TAKE {
            let Ok(message) = self.a.frames.try_recv() else { break };
            self.frames += 1;
            match message {
                FromFeed::Frame(frame) => {
                    self.reserve().await?;
                    let mut batch = empty();
                    self.a.state.on_feed(&frame, &mut batch);
                    self.publish(batch).await;
                }
                FromFeed::Undecodable { feed, received, error, frame } => {
                    self.undecodable += 1;
                    let record = MarketRecord::Undecodable { feed, received, error, frame };
                    let _ = self.a.journal.append(vec![record], None).await;
                }
            }
        }
        Ok(())
    }

    /// Reserves the next block of ids while there are some left; durable before one of them is given.
    async fn reserve(&mut self) -> Result<(), ActorProcessingErr> {
        if self.a.state.ids_left() >= RESERVE_BELOW {
            return Ok(());
        }
        let first = self.a.next_block;
        let end = MarketId(first.0 + caps::MARKET_ID_BLOCK);
        let (tx, rx) = flume::bounded(1);
        let ack: Ack = Box::new(move |durable| drop(tx.send(durable)));
        let _ = self.a.ledger.append(vec![LedgerRecord::MarketIds { first, end }], Some(ack)).await;
        rx.recv_async().await??;
        self.a.state.reserve(first, end);
        self.a.next_block = end;
        Ok(())
    }

    fn status(&self) -> MarketStatus {
        MarketStatus {
            waiting: self.a.frames.len(),
            frames: self.frames,
            undecodable: self.undecodable,
            counters: *self.a.state.counters(),
            clocks: self.a.state.clock_offsets().collect(),
        }
    }

    async fn journal(&self, batch: Batch) {
        if !batch.events.is_empty() {
            let _ = self.a.journal.append(vec![MarketRecord::Batch(batch)], None).await;
        }
    }

    async fn publish(&self, batch: Batch) {
        if batch.events.is_empty() {
            return;
        }
        self.journal(batch.clone()).await;
        let batch = Arc::new(batch);
        for outlet in &self.a.core {
            outlet.queue(batch.clone()).await;
        }
        for listener in &self.a.strategies {
            if listener.outlet.send_conflating(batch.clone()).is_err() {
                listener.port.cast(ToStrategy::Lagging);
            }
        }
        // Woken last: they look before they decide, and the strategies' threads need the cores first.
        self.a.core.iter().for_each(Outlet::wake);
        if let Some(audience) = &self.a.audience {
            audience.show(&batch);
        }
    }
}

fn empty() -> Batch {
    Batch { source: Source::Stream, received: UtcNanos::MIN, events: Vec::new() }
}
