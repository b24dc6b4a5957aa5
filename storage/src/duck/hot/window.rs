//! What the hot tier holds, as one value that readers take at once.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use messages::UtcNanos;
use messages::ledger::Seq;

use super::slices::{Key, Slice};

/// What the hot tier can answer wholly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HotWindow {
    /// Every tick, and every bar that opened, at or after this time is there …
    pub from: UtcNanos,
    /// … of all market records up to this one …
    pub complete_to: Seq,
    /// … which is all that was received up to this time.
    pub to: UtcNanos,
    /// True while all that is durable is in the tables or about to be, within a rotation: what was
    /// received after `to` is then known nowhere else for longer.
    pub follows: bool,
}

impl HotWindow {
    /// True when an answer for this range is whole.
    #[must_use]
    pub fn holds(&self, from: UtcNanos, to: UtcNanos) -> bool {
        self.from <= from && self.reaches(to)
    }

    /// True when nothing that ends at `to` is missing.
    #[must_use]
    pub fn reaches(&self, to: UtcNanos) -> bool {
        to <= self.to || self.follows
    }
}

/// The window and the tables that make it true.
#[derive(Debug, Clone)]
pub struct Published {
    /// What can be answered.
    pub window: HotWindow,
    /// The tables of each instrument.
    pub slices: BTreeMap<Key, Arc<Vec<Slice>>>,
}

impl Published {
    /// The tables that may hold rows of this range, the newest first.
    #[must_use]
    pub fn overlapping(&self, key: &Key, from: UtcNanos, to: UtcNanos) -> Vec<Slice> {
        let slices = self.slices.get(key).map(|s| s.as_slice()).unwrap_or_default();
        let mut found: Vec<Slice> = slices.iter().filter(|s| s.last >= from && s.first <= to).copied().collect();
        found.sort_by_key(|s| std::cmp::Reverse(s.last));
        found
    }
}

/// The hot tier as readers see it: empty until everything that was durable at the start is in it.
#[derive(Debug, Clone, Default)]
pub struct Hot(Arc<RwLock<Shown>>);

#[derive(Debug, Default)]
struct Shown {
    published: Option<Arc<Published>>,
    /// What other tiers hold rows before that never came through memory.
    not_before: Option<UtcNanos>,
}

impl Hot {
    /// What is published now.
    #[must_use]
    pub fn get(&self) -> Option<Arc<Published>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).published.clone()
    }

    /// The window that is published now.
    #[must_use]
    pub fn window(&self) -> Option<HotWindow> {
        self.get().map(|published| published.window)
    }

    /// Publishes a window with its tables.
    pub fn publish(&self, published: Published) {
        let mut shown = self.0.write().unwrap_or_else(PoisonError::into_inner);
        shown.show(published);
    }

    /// Lets no window reach back behind an instant, now and from now on: rows before it are about to be brought over,
    /// which memory does not have.
    pub fn begin_at(&self, instant: UtcNanos) {
        let mut shown = self.0.write().unwrap_or_else(PoisonError::into_inner);
        shown.not_before = shown.not_before.max(Some(instant));
        if let Some(published) = shown.published.take() {
            shown.show(Arc::unwrap_or_clone(published));
        }
    }

    /// Takes it back: from now on nothing is answered from here.
    pub fn withdraw(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).published = None;
    }
}

impl Shown {
    fn show(&mut self, mut published: Published) {
        let from = &mut published.window.from;
        *from = self.not_before.map_or(*from, |bound| bound.max(*from));
        self.published = Some(Arc::new(published));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_reaches_back_to_its_bound_and_no_further() {
        let window = |from| HotWindow { from: UtcNanos(from), complete_to: Seq(1), to: UtcNanos(100), follows: true };
        let publish = |hot: &Hot, from| hot.publish(Published { window: window(from), slices: BTreeMap::new() });
        let hot = Hot::default();
        publish(&hot, 10);
        hot.begin_at(UtcNanos(50));
        assert_eq!(hot.window(), Some(window(50)), "what is shown is bound at once");
        hot.begin_at(UtcNanos(30));
        publish(&hot, 20);
        assert_eq!(hot.window(), Some(window(50)), "and so is what comes later");
        publish(&hot, 70);
        assert_eq!(hot.window(), Some(window(70)));
    }
}
