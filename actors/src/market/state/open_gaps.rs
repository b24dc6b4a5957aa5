//! The gaps of one instrument that are open: told with a start and no end. Hears every gap; says those that an earlier
//! run left open, so that this one can end them.
//!
//! Invariant: bounded; where there are more than anybody opens, the oldest is forgotten and its row stays open.

use std::collections::VecDeque;

use messages::market::Gap;

/// A gap each in trades, quotes and depth for each of a few feeds of one instrument.
const KEPT: usize = 16;

/// Gaps without an end, oldest first.
#[derive(Debug, Default)]
pub struct OpenGaps {
    open: VecDeque<Gap>,
}

impl OpenGaps {
    /// A gap was opened, or told whole, or ended.
    pub fn follow(&mut self, gap: &Gap) {
        self.open.retain(|open| (open.channel, open.from) != (gap.channel, gap.from));
        if gap.to.is_none() {
            if self.open.len() == KEPT {
                self.open.pop_front();
            }
            self.open.push_back(gap.clone());
        }
    }

    /// All of them; none is open any more.
    pub fn take(&mut self) -> VecDeque<Gap> {
        std::mem::take(&mut self.open)
    }
}
