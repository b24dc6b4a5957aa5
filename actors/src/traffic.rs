//! What goes on in the actors, for who looks on: how much each has heard, what waits for it, and what it heard last.
//!
//! A [`Traffic`] belongs to a place in the tree and outlives the actor in it. Its port counts what is sent there, and
//! [`Observed`], around the actor, what is taken; nobody asks the actor, so that one that hangs is seen as well.

use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use messages::UtcNanos;
use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use serde::Serialize;

use crate::clock::Clock;

/// A message, as who looks on sees it.
pub trait Seen {
    /// Its stable name.
    fn name(&self) -> &'static str;
    /// Whether it came through a port, which has counted it; else it is the actor's own: a timer, an acknowledgement.
    fn came_by_port(&self) -> bool;
}

/// How an actor stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActorStatus {
    /// Its name; that of its strategy or feed, where there are several of a kind.
    pub name: String,
    /// What it is: `root`, `market`, `orders`, `positions`, `venue`, `strategy`, `feed` …
    pub kind: &'static str,
    /// `starting`, `running` or `ended`.
    pub state: &'static str,
    /// How often it was replaced.
    pub restarts: u32,
    /// When it began.
    pub started_at: Option<UtcNanos>,
    /// Messages that it handled since.
    pub handled: u64,
    /// Messages of others that wait for it.
    pub waiting: u64,
    /// The name of its last message.
    pub last_message: Option<&'static str>,
    /// When it took that.
    pub last_at: Option<UtcNanos>,
}

impl ActorStatus {
    /// What it is called among all actors: a strategy may have the name of a feed, or of an actor of ours.
    #[must_use]
    pub fn label(&self) -> String {
        label(self.kind, &self.name)
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state == "running"
    }
}

/// What an actor is called among all of them, as `orders`, `strategy:ema_cross`, `feed:binance`.
#[must_use]
pub fn label(kind: &str, name: &str) -> String {
    if kind == name { name.to_owned() } else { format!("{kind}:{name}") }
}

/// The traffic of one place in the tree. A clone counts the same.
#[derive(Clone)]
pub struct Traffic(Arc<Counts>);

struct Counts {
    wall: Clock,
    sent: AtomicU64,
    taken: AtomicU64,
    handled: AtomicU64,
    starts: AtomicU32,
    /// The last start that has ended.
    ended: AtomicU32,
    started_at: AtomicI64,
    /// Held for two stores.
    last: Mutex<Option<(&'static str, UtcNanos)>>,
}

impl Default for Traffic {
    fn default() -> Self {
        Self(Arc::new(Counts {
            wall: Clock::wall(),
            sent: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            handled: AtomicU64::new(0),
            starts: AtomicU32::new(0),
            ended: AtomicU32::new(0),
            started_at: AtomicI64::new(0),
            last: Mutex::default(),
        }))
    }
}

/// A start of an actor; dropped when the actor ends, however it does.
pub struct Life {
    traffic: Traffic,
    start: u32,
}

impl Drop for Life {
    fn drop(&mut self) {
        // Its successor may have begun already.
        self.traffic.0.ended.fetch_max(self.start, Ordering::AcqRel);
    }
}

impl Traffic {
    /// A message was sent there.
    pub fn sent(&self) {
        self.0.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// An actor begins there, with nothing in its mailbox.
    fn begin(&self) -> Life {
        let c = &self.0;
        c.taken.store(c.sent.load(Ordering::Relaxed), Ordering::Relaxed);
        c.handled.store(0, Ordering::Relaxed);
        c.started_at.store(c.wall.now().0, Ordering::Relaxed);
        Life { traffic: self.clone(), start: c.starts.fetch_add(1, Ordering::AcqRel) + 1 }
    }

    fn took(&self, message: &impl Seen) {
        let c = &self.0;
        c.taken.fetch_add(u64::from(message.came_by_port()), Ordering::Relaxed);
        *c.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((message.name(), c.wall.now()));
    }

    fn handled(&self) {
        self.0.handled.fetch_add(1, Ordering::Relaxed);
    }

    /// How the actor there stands.
    #[must_use]
    pub fn status(&self, kind: &'static str, name: &str) -> ActorStatus {
        let c = &self.0;
        let (starts, ended) = (c.starts.load(Ordering::Acquire), c.ended.load(Ordering::Acquire));
        let last = *c.last.lock().unwrap_or_else(PoisonError::into_inner);
        // What was taken first: it never seems to be more than was sent.
        let taken = c.taken.load(Ordering::Relaxed);
        ActorStatus {
            name: name.to_owned(),
            kind,
            state: match starts {
                0 => "starting",
                _ if starts > ended => "running",
                _ => "ended",
            },
            restarts: starts.saturating_sub(1),
            started_at: (starts > 0).then(|| UtcNanos(c.started_at.load(Ordering::Relaxed))),
            handled: c.handled.load(Ordering::Relaxed),
            waiting: c.sent.load(Ordering::Relaxed).saturating_sub(taken),
            last_message: last.map(|(name, _)| name),
            last_at: last.map(|(_, at)| at),
        }
    }
}

/// Every place in the tree, in the order in which people look at them.
#[derive(Clone, Default)]
pub struct Places(Vec<(&'static str, String, Traffic)>);

impl Places {
    /// Adds a place.
    pub fn add(&mut self, kind: &'static str, name: &str, traffic: &Traffic) {
        self.0.push((kind, name.to_owned(), traffic.clone()));
    }

    /// How all stand.
    pub fn status(&self) -> impl Iterator<Item = ActorStatus> {
        self.0.iter().map(|(kind, name, traffic)| traffic.status(kind, name))
    }
}

/// An actor that is looked at.
pub struct Observed<A> {
    /// The actor.
    pub actor: A,
    /// Where it is counted.
    pub traffic: Traffic,
}

/// The state of an actor that is looked at.
pub struct Lived<S> {
    state: S,
    _life: Life,
}

impl<A: Actor> Actor for Observed<A>
where
    A::Msg: Seen,
{
    type Msg = A::Msg;
    type State = Lived<A::State>;
    type Arguments = A::Arguments;

    async fn pre_start(&self, me: ActorRef<A::Msg>, a: A::Arguments) -> Result<Lived<A::State>, ActorProcessingErr> {
        let life = self.traffic.begin();
        Ok(Lived { state: self.actor.pre_start(me, a).await?, _life: life })
    }

    async fn handle(
        &self,
        me: ActorRef<A::Msg>,
        message: A::Msg,
        lived: &mut Lived<A::State>,
    ) -> Result<(), ActorProcessingErr> {
        self.traffic.took(&message);
        let done = self.actor.handle(me, message, &mut lived.state).await;
        self.traffic.handled();
        done
    }

    async fn handle_supervisor_evt(
        &self,
        me: ActorRef<A::Msg>,
        event: SupervisionEvent,
        lived: &mut Lived<A::State>,
    ) -> Result<(), ActorProcessingErr> {
        self.actor.handle_supervisor_evt(me, event, &mut lived.state).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Said {
        Word,
        Own,
    }

    impl Seen for Said {
        fn name(&self) -> &'static str {
            match self {
                Self::Word => "word",
                Self::Own => "own",
            }
        }
        fn came_by_port(&self) -> bool {
            matches!(self, Self::Word)
        }
    }

    fn shown(traffic: &Traffic) -> (&'static str, u32, u64, u64, Option<&'static str>) {
        let status = traffic.status("kind", "name");
        (status.state, status.restarts, status.handled, status.waiting, status.last_message)
    }

    #[test]
    fn what_waits_is_what_was_sent_and_not_taken_by_the_actor_that_runs() {
        let traffic = Traffic::default();
        assert_eq!(shown(&traffic), ("starting", 0, 0, 0, None));
        let first = traffic.begin();
        (0..3).for_each(|_| traffic.sent());
        traffic.took(&Said::Word);
        traffic.handled();
        assert_eq!(shown(&traffic), ("running", 0, 1, 2, Some("word")));
        traffic.took(&Said::Own);
        assert_eq!(shown(&traffic), ("running", 0, 1, 2, Some("own")), "it works on its own message");

        // Its mailbox goes with it.
        let second = traffic.begin();
        drop(first);
        assert_eq!(shown(&traffic), ("running", 1, 0, 0, Some("own")));
        drop(second);
        assert_eq!(shown(&traffic).0, "ended");
    }
}
