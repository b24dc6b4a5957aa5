//! Own order events since the last checkpoints: what a new generation is told again.
//!
//! An event may have been on its way to the strategy while a checkpoint was taken, so events since the
//! checkpoint before the last one are kept; the last one says which of them it had seen.

use messages::orders::OrderUpdate;
use messages::strategies::Checkpoint;

/// Events that the next generation may have to hear.
#[derive(Debug, Default, Clone)]
pub struct Since {
    before: Vec<OrderUpdate>,
    after: Vec<OrderUpdate>,
}

impl Since {
    /// Something happened to one of its orders.
    pub fn push(&mut self, update: OrderUpdate) {
        self.after.push(update);
    }

    /// Its state was saved.
    pub fn checkpoint(&mut self) {
        self.before = std::mem::take(&mut self.after);
    }

    /// All of them, oldest first.
    #[must_use]
    pub fn all(self) -> Vec<OrderUpdate> {
        self.before.into_iter().chain(self.after).collect()
    }

    /// True when the event, or a later one of its order, is among them.
    #[must_use]
    pub fn has(&self, update: &OrderUpdate) -> bool {
        let same = |u: &OrderUpdate| u.event.order_id == update.event.order_id && u.event.number >= update.event.number;
        self.before.iter().chain(&self.after).any(same)
    }

    /// What a generation that begins with `checkpoint` has not seen, oldest first.
    #[must_use]
    pub fn missed(&self, checkpoint: Option<&Checkpoint>) -> Vec<OrderUpdate> {
        let seen = |u: &&OrderUpdate| {
            let seen = checkpoint.into_iter().flat_map(|c| &c.seen);
            seen.into_iter().any(|(id, number)| *id == u.event.order_id && u.event.number <= *number)
        };
        self.before.iter().chain(&self.after).filter(|u| !seen(u)).cloned().collect()
    }
}
