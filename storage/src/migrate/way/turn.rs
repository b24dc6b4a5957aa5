//! Work of the way is done one piece at a time, whoever began it: an actor that failed leaves work that ends only at its next
//! look, and the one that follows it must not begin a second beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether it is somebody's turn.
#[derive(Debug, Clone, Default)]
pub struct Turn(Arc<AtomicBool>);

/// The turn, until it is dropped.
#[derive(Debug)]
pub struct Alone(Turn);

impl Turn {
    /// Takes it, if nobody has it.
    #[must_use]
    pub fn take(&self) -> Option<Alone> {
        (!self.0.swap(true, Ordering::AcqRel)).then(|| Alone(self.clone()))
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_it_until_he_is_done_or_has_failed() {
        let turn = Turn::default();
        let first = turn.take().unwrap();
        assert!(turn.clone().take().is_none());
        let panics = std::panic::catch_unwind(move || {
            let _alone = first;
            panic!("work fails");
        });
        assert!(panics.is_err());
        assert!(turn.take().is_some());
    }
}
