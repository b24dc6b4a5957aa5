//! What the market actor has counted since its start: what came in, what it refused by which rule,
//! and what it made. Plain numbers for metrics and for the shell's snapshot; they decide nothing.

/// Counts since the start. What a rebuild reads from the journal is not counted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Trades numbered, corrections included.
    pub trades: u64,
    /// Quotes numbered, corrections included.
    pub quotes: u64,
    /// Depth messages numbered.
    pub depths: u64,
    /// Gaps numbered: those that feeds reported and those of [`Self::book_gaps`].
    pub gaps: u64,
    /// Bars published for the first time, the venue's included.
    pub bars: u64,
    /// Bars published again, after a late or corrected trade, or a gap that was reported late or recovered.
    pub revisions: u64,
    /// Trades dropped: the same instrument and sequence came before.
    pub duplicate_trades: u64,
    /// Aggregate trades dropped: the instrument's plain trades are seen, which say the same.
    pub superseded_trades: u64,
    /// Quotes dropped: their sequence is not above the newest.
    pub late_quotes: u64,
    /// Quotes whose bid is not below their ask: passed on, but never the last quote.
    pub crossed_quotes: u64,
    /// Messages dropped: a price, size, update id or time that cannot be.
    pub out_of_range: u64,
    /// Corrections and cancels of earlier ticks: passed on; bars and the last trade follow them.
    pub corrections: u64,
    /// Those among them that some bar could not follow exactly, for its trades were not all remembered: it is incomplete.
    pub inexact_corrections: u64,
    /// Trades of size 0: passed on, but no price and in no bar.
    pub empty_trades: u64,
    /// Trades older than the window in which bars are revised: ticks only.
    pub too_late: u64,
    /// Changes of a bar that its columns cannot hold (a sum or the revision): left out of the bar.
    pub bar_overflows: u64,
    /// Bars of the venue that were compared with ours: closed, and wholly watched by us.
    pub venue_bars: u64,
    /// Those among them whose prices, volume or number of trades differ.
    pub venue_bars_differ: u64,
    /// Depth streams in which update ids were missing.
    pub book_gaps: u64,
    /// Frames whose receive time lay behind an earlier frame's: moved up to it.
    pub clock_steps_back: u64,
}
