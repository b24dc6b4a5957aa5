//! Bars of the instruments that were traded, for fills to be drawn on.

use std::time::Duration;

use anyhow::Context;
use messages::market::Timeframe;
use messages::{Instrument, UtcNanos};
use storage::query::{Gaps, Page, Query, Range};

use super::whose::Whose;
use crate::report::ask::Ask;
use crate::report::cells::each;
use crate::report::figures::grid::shortest_step;

/// The most bars of one chart, where they are not longer than a day.
const BARS: i64 = 1_500;

/// A bar of a chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// When it opens.
    pub at: UtcNanos,
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
}

/// How long the bars of this report are.
pub fn length(whose: &Whose) -> Duration {
    shortest_step(whose.begin, whose.end, BARS)
}

/// The bars of an instrument, the newest if there are more than a chart holds.
///
/// # Errors
/// They cannot be read.
pub fn load(ask: &dyn Ask, whose: &Whose, instrument: Instrument, length: Duration) -> anyhow::Result<Vec<Bar>> {
    let timeframe = u32::try_from(length.as_secs()).ok().and_then(Timeframe::from_secs).context("a length of bars")?;
    let range = Range { from: whose.begin.floor_to(length), to: whose.end.floor_to(length).after(length) };
    let page = Page::Newest(BARS as u32 + 1);
    let mut bars = Vec::new();
    let answer = ask.history(Query::Bars { instrument, timeframe, range, gaps: Gaps::Left, page })?;
    each(&answer, &["timestamp", "open", "high", "low", "close"], |row| {
        let (open, high) = (row.need("open")?, row.need("high")?);
        bars.push(Bar { at: row.need("timestamp")?, open, high, low: row.need("low")?, close: row.need("close")? });
        Ok(())
    })?;
    Ok(bars)
}
