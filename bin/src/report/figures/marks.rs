//! Fills to be drawn on prices: one mark for each bar and side, at the average price of the fills in it. So there are at
//! most two for each bar that is drawn, however many fills there are.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use messages::orders::Side;
use messages::{Instrument, Notional, Price, Quantity, UtcNanos};

use super::fills::Fill;
use super::sum::TOO_LARGE;

/// Fills of one side in one bar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark {
    /// How many.
    pub fills: u64,
    /// How much.
    pub quantity: Quantity,
    notional: Notional,
}

impl Mark {
    /// The average price, weighted by quantity.
    pub fn price(&self) -> Option<Price> {
        self.notional.average(self.quantity)
    }
}

/// The marks of some instruments, by the time that their bar opens.
#[derive(Debug, Clone)]
pub struct Marks {
    bar: Duration,
    /// By instrument.
    pub of: BTreeMap<Instrument, BTreeMap<(UtcNanos, Side), Mark>>,
}

impl Marks {
    /// On bars of this length, of these instruments alone.
    pub fn new(bar: Duration, instruments: impl IntoIterator<Item = Instrument>) -> Self {
        Self { bar, of: instruments.into_iter().map(|instrument| (instrument, BTreeMap::new())).collect() }
    }

    /// Hears a fill.
    ///
    /// # Errors
    /// The sums do not fit.
    pub fn fill(&mut self, fill: &Fill) -> anyhow::Result<()> {
        let Some(marks) = self.of.get_mut(&fill.instrument) else { return Ok(()) };
        let mark = marks.entry((fill.at.floor_to(self.bar), fill.side)).or_default();
        let notional = fill.price.notional(fill.quantity).context(TOO_LARGE)?;
        mark.fills += 1;
        mark.quantity = mark.quantity.checked_add(fill.quantity).context(TOO_LARGE)?;
        mark.notional = mark.notional.checked_add(notional).context(TOO_LARGE)?;
        Ok(())
    }
}
