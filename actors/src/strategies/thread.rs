//! A strategy's own thread: the user's code runs here and nowhere else.
//!
//! Hears market batches and its own orders' events; says commands to orders, deliveries to the market
//! journal, checkpoints to the ledger, and to its shell how it ended. A panic ends this thread alone.
//! Its pulse tells the shell since when a callback runs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use messages::ledger::{Decider, Delivery, LedgerRecord, Resumption};
use messages::orders::{OrderUpdate, Sender};
use messages::strategies::Checkpoint;
use messages::{MarketId, UtcNanos};
use storage::journal::Journal;
use storage::query::{Answer, Gaps, Page, Query, Range, Rows, Source};

use super::host::{Host, Said};
use crate::bulk::{Delivered, Inlet};
use crate::clock::Clock;
use crate::deliveries::Deliveries;
use crate::ports::{Port, ToOrders};

/// Batches given to the strategy in one delivery.
const TAKE: usize = 256;
/// The longest sleep, so that a timer set in the meantime is never far off.
const LONGEST_SLEEP: Duration = Duration::from_millis(100);

/// What a thread and its shell see of each other.
#[derive(Clone, Default)]
pub struct Pulse(Arc<PulseInner>);

#[derive(Default)]
struct PulseInner {
    /// Since when a callback runs; 0 when none does. On the wall clock, for a hang is real time.
    since: AtomicI64,
    /// Nobody waits for this thread any more.
    abandoned: AtomicBool,
}

impl Pulse {
    /// How long the running callback has taken.
    #[must_use]
    pub fn busy_for(&self, wall: &Clock) -> Duration {
        let since = self.0.since.load(Ordering::Acquire);
        let busy = if since == 0 { 0 } else { wall.now().0 - since };
        Duration::from_nanos(u64::try_from(busy).unwrap_or(0))
    }

    /// A callback begins.
    fn begins(&self, wall: &Clock) {
        self.0.since.store(wall.now().0, Ordering::Release);
    }

    /// The next generation takes over: the thread ends without another word.
    pub fn abandon(&self) {
        self.0.abandoned.store(true, Ordering::Release);
    }

    fn is_abandoned(&self) -> bool {
        self.0.abandoned.load(Ordering::Acquire)
    }
}

/// To the thread.
pub enum Control {
    /// Its own orders changed.
    Updates(Vec<OrderUpdate>),
    /// The trading group was restored from the ledger.
    Restored,
    /// Stop in order.
    Stop,
}

/// How a thread ended, or what it wants known.
pub enum Ended {
    /// It stopped when asked.
    Stopped,
    /// The strategy panicked.
    Panicked(String),
}

/// What the thread is given.
pub struct Arguments {
    /// The strategy.
    pub host: Host,
    /// What it goes on from.
    pub resumption: Resumption,
    /// The market.
    pub market: Inlet,
    /// Its shell.
    pub control: flume::Receiver<Control>,
    /// Orders.
    pub orders: Port<ToOrders>,
    /// Its deliveries.
    pub deliveries: Deliveries,
    /// The ledger.
    pub ledger: Journal<LedgerRecord>,
    /// Who answers its warm-up; `None` where there is no history.
    pub history: Option<Box<dyn Source + Send>>,
    /// The time.
    pub clock: Clock,
    /// The wall clock, for the pulse.
    pub wall: Clock,
    /// How often its state is saved.
    pub checkpoint_every: Duration,
    /// Its pulse.
    pub pulse: Pulse,
    /// Hears of every checkpoint.
    pub saved: Box<dyn Fn(Box<Checkpoint>) + Send>,
}

/// Starts the thread; `ended` is called on it at its end.
///
/// # Errors
/// The system has no thread for it.
#[expect(clippy::disallowed_methods, reason = "a home of threads: users' code has its own, so that it can hang alone")]
pub fn start(arguments: Arguments, ended: impl FnOnce(Ended) + Send + 'static) -> std::io::Result<()> {
    let name = format!("strategy-{}", arguments.host.name());
    std::thread::Builder::new().name(name).spawn(move || {
        let mut thread = Thread {
            next_checkpoint: arguments.clock.now().after(arguments.checkpoint_every),
            a: arguments,
            seen: MarketId(0),
            received: None,
            said: 0,
        };
        let result = catch_unwind(AssertUnwindSafe(|| thread.run()));
        ended(match result {
            Ok(()) => Ended::Stopped,
            Err(panic) => Ended::Panicked(words(&*panic)),
        });
    })?;
    Ok(())
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".to_owned())
}

struct Thread {
    a: Arguments,
    seen: MarketId,
    /// When the first market event of the delivery under way was received; none of any other delivery.
    received: Option<UtcNanos>,
    /// Commands so far.
    said: u64,
    next_checkpoint: UtcNanos,
}

enum Heard {
    Control(Control),
    Market(Delivered),
    Nothing,
    Closed,
}

impl Thread {
    fn run(&mut self) {
        self.begin();
        loop {
            // Before it takes anything from the queue that its successor waits on.
            if self.a.pulse.is_abandoned() {
                return;
            }
            match self.hear() {
                Heard::Control(Control::Updates(updates)) => self.updates(updates),
                Heard::Control(Control::Restored) => {
                    self.deliver(Delivery::Restored, |host, _, said| host.on_restored(said));
                }
                Heard::Control(Control::Stop) => return self.stop(),
                Heard::Market(first) => self.market(first),
                Heard::Nothing => {}
                Heard::Closed => return,
            }
            self.timers();
            if self.a.clock.now() >= self.next_checkpoint {
                self.checkpoint();
            }
        }
    }

    fn begin(&mut self) {
        let resumption = std::mem::take(&mut self.a.resumption);
        self.deliver(Delivery::Resumed(Box::new(resumption.clone())), |host, now, said| {
            if let Err(why) = host.resume(&resumption, now, said) {
                said.lines.push(format!("starts without its saved state: {why}"));
            }
        });
        self.warm_up();
        if !resumption.missed.is_empty() {
            self.checkpoint();
        }
    }

    /// Asks for the bars of its warm-up. What storage cannot answer is said, and the strategy starts cold.
    fn warm_up(&mut self) {
        let (Some(warm_up), Some(history)) = (self.a.host.wants().warm_up, self.a.history.take()) else { return };
        for instrument in self.a.host.wants().instruments.clone() {
            let to = self.a.clock.now();
            let (timeframe, page) = (warm_up.timeframe, Page::Newest(warm_up.bars));
            let query = Query::Bars { instrument, timeframe, range: Range::until(to), gaps: Gaps::Left, page };
            match history.ask(&query) {
                Ok(Answer { rows: Rows::Bars(bars), .. }) if !bars.is_empty() => {
                    self.deliver(Delivery::History { instrument, bars: bars.clone() }, |host, now, said| {
                        host.on_history(instrument, &bars, now, said);
                    });
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(strategy = %self.a.host.name(), %instrument, %error, "no warm-up"),
            }
        }
    }

    fn hear(&self) -> Heard {
        let sleep = self.a.host.next_due().map_or(LONGEST_SLEEP, |due| self.a.clock.until(due).min(LONGEST_SLEEP));
        // Its own orders first: what it does next should know of them.
        if let Ok(control) = self.a.control.try_recv() {
            return Heard::Control(control);
        }
        flume::Selector::new()
            .recv(&self.a.control, |c| c.map_or(Heard::Closed, Heard::Control))
            .recv(self.a.market.receiver(), |m| m.map_or(Heard::Closed, Heard::Market))
            .wait_timeout(sleep)
            .unwrap_or(Heard::Nothing)
    }

    fn market(&mut self, first: Delivered) {
        let most = if first.conflation == 0 { TAKE - 1 } else { usize::MAX };
        let mut taken = vec![first];
        taken.extend(self.a.market.take(most));
        for delivery in taken.chunk_by(|a, b| a.conflation == b.conflation) {
            self.market_delivery(delivery, delivery[0].conflation > 0);
        }
    }

    fn market_delivery(&mut self, taken: &[Delivered], conflated: bool) {
        self.seen = taken.last().and_then(|d| d.batch.events.last()).map_or(self.seen, |e| e.id);
        if let Some(first) = taken[0].batch.events.first() {
            self.a.deliveries.begins_with(first.id);
        }
        self.received = taken.first().map(|d| d.batch.received);
        let (pulse, wall) = (self.a.pulse.clone(), self.a.wall.clone());
        self.deliver(Delivery::Market { conflated }, |host, _, said| {
            for delivered in taken {
                // Who is slow with each of many batches does not hang: it will lag.
                pulse.begins(&wall);
                host.on_market(&delivered.batch, said);
            }
        });
        self.received = None;
    }

    fn updates(&mut self, updates: Vec<OrderUpdate>) {
        let delivery = Delivery::Messages { from: Decider::Orders, count: updates.len() as u32 };
        self.deliver(delivery, |host, _, said| updates.iter().for_each(|u| host.on_order(u, said)));
        self.checkpoint();
    }

    fn timers(&mut self) {
        let now = self.a.clock.now();
        if self.a.host.next_due().is_some_and(|due| due <= now) {
            self.deliver(Delivery::Timer, |host, now, said| drop(host.on_timers(now, said)));
        }
    }

    fn stop(&mut self) {
        self.deliver(Delivery::Stop, |host, now, said| host.on_stop(now, said));
        self.checkpoint();
    }

    /// Records a delivery, makes it, and sends what the strategy said.
    fn deliver(&mut self, delivery: Delivery, call: impl FnOnce(&mut Host, UtcNanos, &mut Said)) {
        if self.a.pulse.is_abandoned() {
            return;
        }
        let now = self.a.clock.now();
        self.a.deliveries.record_blocking(now, self.seen, delivery);
        let mut said = Said::default();
        self.a.pulse.begins(&self.a.wall);
        call(&mut self.a.host, now, &mut said);
        self.a.pulse.0.since.store(0, Ordering::Release);
        if self.a.pulse.is_abandoned() {
            return;
        }
        for line in said.lines {
            tracing::info!(strategy = %self.a.host.name(), "{line}");
        }
        self.say(said.commands);
    }

    fn say(&mut self, commands: Vec<messages::orders::Command>) {
        if !commands.is_empty() {
            let sender = Sender { strategy: self.a.host.name(), generation: self.a.host.generation() };
            let first = self.said + 1;
            self.said += commands.len() as u64;
            self.a.orders.cast(ToOrders::Commands(sender, first, commands, self.received));
        }
    }

    fn checkpoint(&mut self) {
        if self.a.pulse.is_abandoned() {
            return;
        }
        self.next_checkpoint = self.a.clock.now().after(self.a.checkpoint_every);
        match self.a.host.checkpoint() {
            Some(checkpoint) => {
                // The ledger first: who is restored from it must not hear again what the shell has let go.
                let record = LedgerRecord::Checkpoint(Box::new(checkpoint.clone()));
                let _ = self.a.ledger.append_blocking(vec![record], None);
                (self.a.saved)(Box::new(checkpoint));
            }
            None => tracing::warn!(strategy = %self.a.host.name(), "its state is larger than 64 KiB and is not saved"),
        }
    }
}
