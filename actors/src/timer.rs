//! Timers: the next instant at which a state has something to do, and an actor's task that waits for it.

use messages::UtcNanos;
use ractor::{ActorRef, Message};

use crate::clock::Clock;

/// The earlier of two instants at which something is due, if anything is.
#[must_use]
pub fn earliest(one: Option<UtcNanos>, other: Option<UtcNanos>) -> Option<UtcNanos> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// A timer that sends the actor a message.
#[derive(Default)]
pub struct Timer {
    set: Option<(UtcNanos, tokio::task::JoinHandle<()>)>,
}

impl Timer {
    /// A message of it was heard: the next [`Self::set`] sets it anew. The message may be an old one, and the timer already
    /// set to another instant: that task ends here, or there would be one more for each such message.
    pub fn fired(&mut self) {
        if let Some((_, task)) = self.set.take() {
            task.abort();
        }
    }

    /// Sets it to `due`, unless it is set to that already.
    pub fn set<M: Message>(
        &mut self,
        due: Option<UtcNanos>,
        clock: &Clock,
        actor: &ActorRef<M>,
        message: impl FnOnce() -> M + Send + 'static,
    ) {
        let Some(due) = due else { return };
        if self.set.as_ref().is_some_and(|(at, _)| *at == due) {
            return;
        }
        if let Some((_, task)) = self.set.take() {
            task.abort();
        }
        let (clock, actor) = (clock.clone(), actor.clone());
        let task = tokio::spawn(async move {
            // Asked again after each sleep: a replay's time waits for its input.
            while clock.now() < due {
                tokio::time::sleep(clock.until(due)).await;
            }
            let _ = actor.send_message(message());
        });
        self.set = Some((due, task));
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some((_, task)) = self.set.take() {
            task.abort();
        }
    }
}
