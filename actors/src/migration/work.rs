//! Long work of the way out: one piece at a time, on a thread for blocking work, with its progress and a way to end it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use messages::UtcNanos;
use messages::migration::Migration;
use ractor::ActorRef;
use storage::archive::chain;
use storage::migrate::way::{Alone, Done, Progress, Way, Work};

use super::Mailbox;
use super::status::Underway;
use crate::ports::By;

/// Work that is under way. It ends at its next look once this is dropped, however the actor has ended.
pub struct Working {
    what: &'static str,
    since: UtcNanos,
    progress: Arc<Mutex<Progress>>,
    go_on: Arc<AtomicBool>,
}

/// Work that has ended.
pub struct Ended {
    /// What it was.
    pub what: &'static str,
    /// Who had asked for it.
    pub by: By,
    /// What it came to, or why not.
    pub outcome: Result<Done, String>,
}

impl Working {
    /// Begins; the actor hears of its end.
    pub fn begin(
        (work, alone, by): (Work, Alone, By),
        state: &Migration,
        way: &Way,
        now: UtcNanos,
        me: &ActorRef<Mailbox>,
    ) -> Self {
        let what = work.name();
        let (progress, go_on) = (Arc::<Mutex<Progress>>::default(), Arc::new(AtomicBool::new(true)));
        let working = Self { what, since: now, progress: progress.clone(), go_on: go_on.clone() };
        let (state, way, me) = (state.clone(), way.clone(), me.clone());
        let doing = tokio::task::spawn_blocking(move || {
            let on = |now: Progress| *progress.lock().unwrap_or_else(PoisonError::into_inner) = now;
            way.perform(&alone, &work, &state, &on, &|| go_on.load(Ordering::Acquire)).map_err(|error| chain(&error))
        });
        tokio::spawn(async move {
            // What panics has ended as well.
            let outcome = doing.await.unwrap_or_else(|panic| Err(panic.to_string()));
            // An actor that has ended hears no more of it; what was done stands in the manifest and on the server.
            let _ = me.send_message(Mailbox::Ended(Box::new(Ended { what, by, outcome })));
        });
        working
    }

    /// What it is.
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// Lets it end.
    pub fn stop(&self) {
        self.go_on.store(false, Ordering::Release);
    }

    /// How far it is.
    pub fn underway(&self) -> Underway {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Underway { what: self.what, since: self.since, progress }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_whose_actor_is_gone_ends() {
        let go_on = Arc::new(AtomicBool::new(true));
        let (progress, since) = (Arc::default(), UtcNanos::default());
        drop(Working { what: "compare", since, progress, go_on: go_on.clone() });
        assert!(!go_on.load(Ordering::Acquire));
    }
}
