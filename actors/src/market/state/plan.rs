//! Which bars are made and from what. Bars of whole minutes merge from one-minute bars, all others
//! from one-second bars; only what is configured is published, the rest is scaffolding.

use messages::market::Timeframe;

/// One length of bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The length.
    pub timeframe: Timeframe,
    /// The row whose bars it merges; `None` when it is built from trades.
    pub merges: Option<usize>,
    /// Configured, so it is published.
    pub published: bool,
}

/// All lengths, shortest first.
#[derive(Debug)]
pub struct Plan {
    rows: Vec<Row>,
    /// The rows that are built from trades.
    bases: Vec<usize>,
}

impl Plan {
    /// The plan for the configured lengths; repeated ones count once.
    pub fn new(configured: &[Timeframe]) -> Self {
        let mut lengths: Vec<Timeframe> = configured.to_vec();
        lengths.extend(configured.iter().map(|&timeframe| base_of(timeframe)));
        lengths.sort_unstable();
        lengths.dedup();
        let row = |&timeframe: &Timeframe| {
            let base = base_of(timeframe);
            let merges = lengths.iter().position(|&length| length == base && length != timeframe);
            Row { timeframe, merges, published: configured.contains(&timeframe) }
        };
        let rows: Vec<Row> = lengths.iter().map(row).collect();
        let bases = (0..rows.len()).filter(|&at| rows[at].merges.is_none()).collect();
        Self { rows, bases }
    }

    /// The rows, shortest first.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The row of a length.
    pub fn find(&self, timeframe: Timeframe) -> Option<usize> {
        self.rows.iter().position(|row| row.timeframe == timeframe)
    }

    /// The rows that are built from trades.
    pub fn bases(&self) -> &[usize] {
        &self.bases
    }

    /// The rows that are merged from the row `base`.
    pub fn merged_from(&self, base: usize) -> impl Iterator<Item = usize> {
        self.rows.iter().enumerate().filter(move |(_, row)| row.merges == Some(base)).map(|(at, _)| at)
    }
}

/// The bars that bars of this length are merged from. 90s divides a day but no minute divides it.
fn base_of(timeframe: Timeframe) -> Timeframe {
    if timeframe.secs().is_multiple_of(Timeframe::MINUTE.secs()) { Timeframe::MINUTE } else { Timeframe::SECOND }
}
