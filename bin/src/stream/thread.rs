//! The hub's thread: it takes what comes in and has it shown, orders and fills soon and all else at a steady interval.
//!
//! A thread of its own, with less claim to a busy processor than those that trade: to write messages for hundreds of clients
//! takes milliseconds, which no actor is to wait for.

use std::sync::Arc;
use std::time::Duration;

use actors::audience::{Counts, Seat};
use actors::clock::Clock;
use messages::UtcNanos;
use messages::telemetry::LogLine;
use serde_json::Value;
use tokio::sync::broadcast;

use super::hub::{ClientId, Hub, Input};
use super::protocol::Closing;
use super::queue::Mailbox;
use super::topic::Topic;

/// How often market data is shown: more often than people see, and ten messages a second for each topic and client.
const INTERVAL: Duration = Duration::from_millis(100);
/// How long orders and fills wait at most behind earlier ones: what comes together goes together.
const PAUSE: Duration = Duration::from_millis(20);
/// Requests of clients that are taken at a time: what happens to orders does not wait for those who ask.
const REQUESTS: usize = 64;

/// What a client asks.
pub enum FromClient {
    /// It is there.
    Join {
        /// Which.
        client: ClientId,
        /// The way to it.
        queue: Mailbox,
    },
    /// It wants topics.
    Subscribe {
        /// Which.
        client: ClientId,
        /// These.
        topics: Vec<Topic>,
    },
    /// It wants them no longer.
    Unsubscribe {
        /// Which.
        client: ClientId,
        /// These.
        topics: Vec<Topic>,
    },
    /// It is gone.
    Leave {
        /// Which.
        client: ClientId,
    },
}

/// To the hub.
pub enum ToHub {
    /// From a client.
    Client(FromClient),
    /// From who asks the tree.
    Input(Input),
}

/// Where what is shown comes from.
pub struct Sources {
    /// The tree.
    pub seat: Seat,
    /// Log lines, where somebody says them.
    pub logs: Option<broadcast::Receiver<Arc<LogLine>>>,
    /// All alerts that are open, as the API shows them, when that has changed since it was called.
    pub alerts: Box<dyn FnMut() -> Option<Vec<Value>> + Send>,
    /// Asks the tree to tell all open orders and strategies, for some events were lost.
    pub make_whole: Box<dyn Fn() + Send>,
}

/// What the thread is given.
pub struct Arguments {
    /// The state.
    pub hub: Hub<Mailbox>,
    /// What it hears.
    pub sources: Sources,
    /// From clients, and from who asks for it.
    pub requests: flume::Receiver<ToHub>,
    /// Ends when nobody holds its other end.
    pub stop: flume::Receiver<()>,
    /// The wall clock.
    pub wall: Clock,
}

struct Shell {
    a: Arguments,
    shown_at: UtcNanos,
    /// What was known to be lost.
    lost: Counts,
}

/// Runs until it is stopped; then all clients are told so.
pub fn run(arguments: Arguments) {
    storage::background::step_back();
    let shown_at = arguments.wall.now();
    let mut shell = Shell { a: arguments, shown_at, lost: Counts::default() };
    while shell.a.stop.try_recv() != Err(flume::TryRecvError::Disconnected) {
        shell.wait();
        shell.take();
        let now = shell.a.wall.now();
        if now >= shell.shown_at.after(INTERVAL) {
            shell.show_all(now);
        } else {
            shell.a.hub.flush_urgent(now);
        }
        // Not on the queue: who fills it need not wake us for each event.
        let _ = shell.a.stop.recv_timeout(PAUSE);
    }
    // What the tree said until its end is shown before.
    shell.take();
    let now = shell.a.wall.now();
    shell.show_all(now);
    shell.a.hub.close_all(Closing::Stopping);
}

impl Shell {
    fn show_all(&mut self, now: UtcNanos) {
        self.take_market();
        self.take_words(now);
        self.a.hub.flush(now);
        self.shown_at = now;
    }

    /// Waits for something that is not to wait, or for the end of the interval.
    fn wait(&mut self) {
        let until = self.shown_at.after(INTERVAL);
        let left = u64::try_from(until.since(self.a.wall.now())).map_or(Duration::ZERO, Duration::from_nanos);
        let Arguments { sources: Sources { seat, .. }, requests, stop, .. } = &self.a;
        let first = flume::Selector::new()
            .recv(&seat.events, |heard| heard.ok().map(|heard| ToHub::Input(Input::Heard(heard))))
            .recv(requests, Result::ok)
            .recv(stop, |_| None)
            .wait_timeout(left);
        if let Ok(Some(first)) = first {
            self.hear(first);
        }
    }

    fn take(&mut self) {
        while let Ok(heard) = self.a.sources.seat.events.try_recv() {
            self.hear(ToHub::Input(Input::Heard(heard)));
        }
        for _ in 0..REQUESTS {
            let Ok(request) = self.a.requests.try_recv() else { break };
            self.hear(request);
        }
        let counts = self.a.sources.seat.stats.counts();
        if counts.lost_events != self.lost.lost_events {
            self.a.hub.events_lost();
            (self.a.sources.make_whole)();
            self.lost.lost_events = counts.lost_events;
        }
    }

    fn take_market(&mut self) {
        let counts = self.a.sources.seat.stats.counts();
        if counts.lost_batches != self.lost.lost_batches {
            self.a.hub.market_lost();
            self.lost.lost_batches = counts.lost_batches;
        }
        for delivered in self.a.sources.seat.market.take(usize::MAX) {
            self.a.hub.market(&delivered.batch);
        }
    }

    fn take_words(&mut self, now: UtcNanos) {
        use broadcast::error::TryRecvError;
        while let Some(logs) = &mut self.a.sources.logs {
            let input = match logs.try_recv() {
                Ok(line) => Input::Log(line),
                Err(TryRecvError::Lagged(lines)) => {
                    self.a.sources.seat.stats.lost_lines.add(lines);
                    Input::LogLost
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            };
            self.a.hub.hear(input, now);
        }
        if let Some(open) = (self.a.sources.alerts)() {
            self.a.hub.hear(Input::Alerts(open), now);
        }
    }

    fn hear(&mut self, message: ToHub) {
        let now = self.a.wall.now();
        match message {
            ToHub::Input(input) => self.a.hub.hear(input, now),
            ToHub::Client(FromClient::Join { client, queue }) => self.a.hub.join(client, queue),
            ToHub::Client(FromClient::Subscribe { client, topics }) => self.a.hub.subscribe(client, topics),
            ToHub::Client(FromClient::Unsubscribe { client, topics }) => self.a.hub.unsubscribe(client, &topics),
            ToHub::Client(FromClient::Leave { client }) => self.a.hub.leave(client),
        }
    }
}
