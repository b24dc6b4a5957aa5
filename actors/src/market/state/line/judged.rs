//! What is learnt of bars afterwards: that something was missing in them, that it has come, or that a trade in them was
//! not what the venue had said. Hears it of spans of time or of one instant; a bar that was published and is judged
//! otherwise now counts as changed.

use messages::UtcNanos;

use super::super::summary::Summary;
use super::Line;

/// What a correction changed.
#[derive(Debug, Clone, Copy)]
pub struct Corrected {
    /// The earliest end of a bar that it changed.
    pub end: Option<UtcNanos>,
    /// All that it changed is as if the trade had been right at once.
    pub is_exact: bool,
}

impl Default for Corrected {
    fn default() -> Self {
        Self { end: None, is_exact: true }
    }
}

impl Corrected {
    /// And what it changed elsewhere.
    pub fn and(&mut self, other: Self) {
        self.end = self.end.into_iter().chain(other.end).min();
        self.is_exact &= other.is_exact;
    }
}

impl Line {
    /// Bars that were published as complete and are not, by what is known now, count as changed.
    pub fn doubt(&mut self, misses: impl Fn(UtcNanos, UtcNanos) -> bool) {
        for slot in &mut self.slots {
            let complete = slot.published.is_some_and(|published| published.is_complete);
            if complete && !slot.changed && misses(slot.open, slot.end) {
                slot.changed = true;
                self.changed += 1;
            }
        }
    }

    /// Bars that were published as incomplete and are complete, by what is known now, count as changed.
    pub fn trust(&mut self, misses: impl Fn(UtcNanos, UtcNanos) -> bool) {
        for slot in &mut self.slots {
            let incomplete = slot.published.is_some_and(|published| !published.is_complete);
            if incomplete && !slot.changed && !slot.is_doubtful && !misses(slot.open, slot.end) {
                slot.changed = true;
                self.changed += 1;
            }
        }
    }

    /// The bar that holds `time` is incomplete for good. Returns its end when it is to be published again.
    pub fn spoil(&mut self, time: UtcNanos) -> Option<UtcNanos> {
        let slot = self.slot_of(time)?;
        let complete = slot.published.is_some_and(|published| published.is_complete);
        slot.is_doubtful = true;
        let becomes_changed = complete && !slot.changed;
        slot.changed |= becomes_changed;
        let end = slot.end;
        self.changed += usize::from(becomes_changed);
        becomes_changed.then_some(end)
    }

    /// True when longer bars have taken in the bar that holds `time`, or would have if it were still here.
    pub fn has_merged(&self, time: UtcNanos) -> bool {
        let slot = self.slots.get(self.place(time)).filter(|slot| slot.open <= time);
        slot.map_or(time < self.forgotten, |slot| slot.merged)
    }

    /// Changes what the bar holds that holds `time`: `change` is given it with its start and end, and says whether it is
    /// exact now.
    pub fn correct(
        &mut self,
        time: UtcNanos,
        change: impl FnOnce(&mut Summary, (UtcNanos, UtcNanos)) -> bool,
    ) -> Corrected {
        // Too old to be revised, or never made.
        let Some(slot) = self.slot_of(time) else { return Corrected { end: None, is_exact: false } };
        let is_exact = change(&mut slot.summary, (slot.open, slot.end));
        slot.is_doubtful |= !is_exact;
        let is_nothing = slot.summary.count == 0 && slot.published.is_none();
        let was_changed = std::mem::replace(&mut slot.changed, !is_nothing);
        let end = (!is_nothing).then_some(slot.end);
        match (was_changed, is_nothing) {
            (false, false) => self.changed += 1,
            (true, true) => self.changed -= 1,
            _ => {}
        }
        if is_nothing {
            // Nobody has seen it, and there never was a trade.
            let place = self.place(time);
            self.slots.remove(place);
        }
        Corrected { end, is_exact }
    }
}
