//! The end of the way: before that of the storage that it works on. A comparison that still reads has the database open, and
//! the next instance would be a second one beside it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Whether anything may still be done. A clone is the same.
#[derive(Debug, Clone, Default)]
pub struct End(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    is_asked_for: AtomicBool,
    /// Read by whoever does something, for as long as that takes.
    is_over: RwLock<bool>,
}

impl End {
    /// Does something that has ended before [`Self::close`] returns; `None` if that has come first.
    pub fn before<T>(&self, does: impl FnOnce() -> T) -> Option<T> {
        let is_over = self.0.is_over.read().unwrap_or_else(PoisonError::into_inner);
        (!*is_over).then(does)
    }

    /// Whether all is to end.
    #[must_use]
    pub fn is_asked_for(&self) -> bool {
        self.0.is_asked_for.load(Ordering::Acquire)
    }

    /// Lets all end. Waits for nothing.
    pub fn ask_for(&self) {
        self.0.is_asked_for.store(true, Ordering::Release);
    }

    /// As [`Self::ask_for`]; lets nothing begin any more, and returns when nothing is done.
    pub fn close(&self) {
        self.ask_for();
        *self.0.is_over.write().unwrap_or_else(PoisonError::into_inner) = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_closes_waits_for_what_is_done_and_nothing_begins_after_it() {
        let end = End::default();
        let (begun, begins) = flume::bounded(1);
        let has_ended = AtomicBool::new(false);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                end.before(|| {
                    begun.send(()).unwrap();
                    while !end.is_asked_for() {
                        std::thread::yield_now();
                    }
                    has_ended.store(true, Ordering::Release);
                })
            });
            begins.recv().unwrap();
            end.close();
            assert!(has_ended.load(Ordering::Acquire));
        });
        assert_eq!(end.before(|| ()), None);
    }
}
