//! How far a comparison has come, for who waits for it: rows are counted as they are read, and who is asked to stop does so
//! with the next batch.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Error, io};

/// How often it is said how far it has come.
const SAY_EVERY: Duration = Duration::from_millis(200);

/// How far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What is being done, in words.
    pub what: String,
    /// Rows that were read of both sides together.
    pub rows: u64,
}

/// What the threads of a comparison share.
#[derive(Default)]
pub struct Watch {
    rows: AtomicU64,
    is_asked_to_stop: AtomicBool,
    what: Mutex<String>,
}

impl Watch {
    /// Says what comes now.
    pub fn begin(&self, what: String) {
        *self.what.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    /// Counts rows.
    ///
    /// # Errors
    /// [`Error::Stopped`]: nobody waits for it any more.
    pub fn read(&self, rows: usize) -> Result<(), Error> {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        if self.is_asked_to_stop.load(Ordering::Relaxed) { Err(Error::Stopped) } else { Ok(()) }
    }

    fn progress(&self) -> Progress {
        let what = self.what.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Progress { what, rows: self.rows.load(Ordering::Relaxed) }
    }

    /// Does the work on a thread that steps back for those that trade, and says meanwhile how far it has come.
    ///
    /// # Errors
    /// Those of the work.
    pub fn over<T: Send>(
        work: impl FnOnce(&Self) -> Result<T, Error> + Send,
        on: &dyn Fn(Progress),
        go_on: &dyn Fn() -> bool,
    ) -> Result<T, Error> {
        let watch = Self::default();
        std::thread::scope(|scope| {
            let (done, ended) = flume::bounded::<()>(1);
            let worker = std::thread::Builder::new().name("compare".to_owned()).spawn_scoped(scope, || {
                // Dropped when the work ends, however it does.
                let _done = done;
                crate::background::step_back();
                work(&watch)
            });
            let worker = worker.map_err(io("start a thread for"))?;
            while ended.recv_timeout(SAY_EVERY) == Err(flume::RecvTimeoutError::Timeout) {
                on(watch.progress());
                if !go_on() {
                    watch.is_asked_to_stop.store(true, Ordering::Relaxed);
                }
            }
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn who_is_asked_to_stop_does_so_with_the_next_batch_and_has_said_how_far_it_came() {
        let heard = Cell::new(0);
        let on = |progress: Progress| {
            assert_eq!(progress.what, "reading");
            heard.set(progress.rows);
        };
        let work = |watch: &Watch| -> Result<(), Error> {
            watch.begin("reading".to_owned());
            loop {
                watch.read(1)?;
                std::thread::yield_now();
            }
        };
        assert!(matches!(Watch::over(work, &on, &|| heard.get() == 0), Err(Error::Stopped)));
        assert!(heard.get() > 0);
    }
}
