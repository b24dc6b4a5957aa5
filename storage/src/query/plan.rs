//! The plan of an answer: which pieces of a table can hold rows of it, from the manifest alone. Pure: nothing is read.
//!
//! A piece is left out where its times lie outside of the range, or where its folders name another instrument or
//! time frame. In a period with corrections all parts are kept or none: a row may replace one of another time.

use std::sync::Arc;

use messages::{Instrument, UtcNanos};

use super::{Explain, Page, Range};
use crate::tiers::places::folder;
use crate::tiers::tables::Moves;
use crate::tiers::{Manifest, Period, Piece, Table, Tier};

/// What is wanted of a table.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The table.
    pub table: &'static Table,
    /// The range of its time.
    pub range: Range,
    /// The folders that a file must lie in, where it lies in any: `symbol=BTCUSDT`.
    pub folders: Vec<String>,
}

impl Wanted {
    /// Rows of a range, wherever they lie.
    #[must_use]
    pub fn all(table: &'static Table, range: Range) -> Self {
        Self { table, range, folders: Vec::new() }
    }

    /// Rows of one instrument of a table that has folders for it.
    #[must_use]
    pub fn of_instrument(table: &'static Table, range: Range, instrument: Instrument) -> Self {
        let Instrument { exchange, symbol } = instrument;
        let folders = vec![folder("exchange", exchange.as_str()), folder("symbol", symbol.as_str())];
        Self { table, range, folders }
    }

    fn may_hold(&self, piece: &Piece) -> bool {
        piece.slice.is_empty() || self.folders.iter().all(|wanted| piece.slice.split('/').any(|own| own == wanted))
    }

    fn overlaps(&self, piece: &Piece) -> bool {
        piece.overlaps(self.range.from, self.range.to)
    }

    fn reaches(&self, period: &str) -> bool {
        let Ok(period) = period.parse::<Period>() else { return true };
        !self.table.is_by_time() || period.start() < self.range.to && period.end() > self.range.from
    }
}

/// The pieces to look at.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// In the order of the manifest.
    pub pieces: Vec<Arc<Piece>>,
    /// Files of the table, whoever owns them.
    pub files_total: u64,
    /// Those among the pieces.
    pub files_read: u64,
}

impl Selection {
    /// What is known of the answer before anything is read.
    #[must_use]
    pub fn explain(&self) -> Explain {
        let (files_total, files_read) = (self.files_total, self.files_read);
        let rows_by_tier = self.pieces.iter().map(|piece| (piece.tier, 0)).collect();
        Explain { files_total, files_read, files_pruned: files_total - files_read, rows_by_tier, ..Explain::default() }
    }
}

/// The pieces that can hold what is wanted.
#[must_use]
pub fn select(manifest: &Manifest, wanted: &Wanted) -> Selection {
    let all: Vec<&Arc<Piece>> = manifest.of_table(wanted.table.name).collect();
    let mut selection = Selection { files_total: files(all.iter().copied()), ..Selection::default() };
    for of_period in all.chunk_by(|a, b| a.period == b.period) {
        if !wanted.reaches(&of_period[0].period) {
            continue;
        }
        let is_revised = of_period.iter().any(|piece| piece.has_revisions);
        let candidates = || of_period.iter().copied().filter(|piece| wanted.may_hold(piece));
        let whole = is_revised && candidates().any(|piece| wanted.overlaps(piece));
        selection.pieces.extend(candidates().filter(|piece| whole || wanted.overlaps(piece)).cloned());
    }
    selection.files_read = files(selection.pieces.iter());
    selection
}

fn files<'a>(pieces: impl Iterator<Item = &'a Arc<Piece>>) -> u64 {
    pieces.filter(|piece| piece.tier != Tier::Disk).count() as u64
}

/// The ranges in which to look for a page, one after the other until it is full: what has one place on disk first, then
/// one file or day more, two, four …, and at last all of the range. Each holds the one before it.
#[must_use]
pub fn widening(selection: &Selection, wanted: &Wanted, page: Page) -> Vec<Range> {
    let range = wanted.range;
    let times = || selection.pieces.iter().filter_map(|piece| times(wanted.table, piece));
    let mut edges: Vec<UtcNanos> = match page {
        Page::Oldest(_) => times().map(|(_, after)| after).collect(),
        Page::Newest(_) => times().map(|(first, _)| first).collect(),
    };
    edges.sort_unstable();
    edges.dedup();
    let mut ranges = Vec::new();
    if matches!(page, Page::Newest(_)) {
        edges.reverse();
        let behind = times().map(|(_, after)| after).max().filter(|_| wanted.table.moves != Moves::Whole);
        ranges.extend(behind.map(|from| Range { from, ..range }));
    }
    let doubled = std::iter::successors(Some(1usize), |n| n.checked_mul(2)).take_while(|n| *n < edges.len());
    ranges.extend(doubled.map(|n| match page {
        Page::Oldest(_) => Range { to: edges[n - 1], ..range },
        Page::Newest(_) => Range { from: edges[n - 1], ..range },
    }));
    ranges.retain(|narrow| narrow.from > range.from && narrow.from < range.to || narrow.to < range.to);
    ranges.push(range);
    ranges
}

/// The first instant of a piece and the first behind it; `None` for what stands with other periods.
fn times(table: &Table, piece: &Piece) -> Option<(UtcNanos, UtcNanos)> {
    let at = |micros: i64| UtcNanos(micros.saturating_mul(1_000));
    match &piece.content {
        Some(content) => Some((at(content.times.0), at(content.times.1.saturating_add(1)))),
        None if table.moves == Moves::Whole => {
            let period = piece.period.parse::<Period>().ok()?;
            Some((period.start(), period.end()))
        }
        None => None,
    }
}
