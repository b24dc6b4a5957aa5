//! How far a comparison has come, for who waits for it: rows are counted as they are read. Who is asked to stop does so with
//! the next batch, and whatever is waited for meanwhile ends.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use duckdb::{Connection, InterruptHandle};

use super::Error;
use crate::migrate::apart::watched;
use crate::postgres::Server;

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
    /// What DuckDB is asked by.
    asking: Mutex<Vec<Arc<InterruptHandle>>>,
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
        if self.goes_on() { Ok(()) } else { Err(Error::Stopped) }
    }

    /// Whether somebody waits for it still.
    pub fn goes_on(&self) -> bool {
        !self.is_asked_to_stop.load(Ordering::Acquire)
    }

    /// What a connection of DuckDB is asked ends when it is asked to stop.
    pub fn asks(&self, db: &Connection) {
        self.asking().push(db.interrupt_handle());
    }

    /// DuckDB may miss one while it plans: it is said again as long as the work has not ended.
    fn stop(&self) {
        self.is_asked_to_stop.store(true, Ordering::Release);
        self.asking().iter().for_each(|db| db.interrupt());
    }

    fn asking(&self) -> MutexGuard<'_, Vec<Arc<InterruptHandle>>> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn progress(&self) -> Progress {
        let what = self.what.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Progress { what, rows: self.rows.load(Ordering::Relaxed) }
    }

    /// Does the work, which asks `server` alone, on a thread that steps back for those that trade, and says meanwhile how far
    /// it has come.
    ///
    /// # Errors
    /// Those of the work; [`Error::Stopped`], whatever it then failed with.
    pub fn over<T: Send>(
        server: &Server,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send,
        on: &dyn Fn(Progress),
        go_on: &dyn Fn() -> bool,
    ) -> Result<T, Error> {
        let watch = Self::default();
        let look = || {
            on(watch.progress());
            let goes_on = go_on();
            if !goes_on {
                watch.stop();
            }
            goes_on
        };
        let done = watched(server, &look, || work(&watch));
        done.map_err(|error| if watch.goes_on() { error } else { Error::Stopped })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::postgres::tests::settings;
    use crate::settings::Tls;

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
        let server = Server::new(&settings("postgres://me@127.0.0.1/db", Tls::Off)).unwrap();
        assert!(matches!(Watch::over(&server, work, &on, &|| heard.get() == 0), Err(Error::Stopped)));
        assert!(heard.get() > 0);
    }
}
