//! Rows of `feed_gaps`: one for each gap. What ends a gap becomes part of the row that opened it, whether both come in
//! one batch or the row stands on disk already.

use messages::MarketId;
use messages::market::Gap;

use super::super::sheet::Sheet;
use super::int;

/// Gaps of one batch.
#[derive(Default)]
pub struct Gaps {
    rows: Vec<Row>,
}

struct Row {
    id: MarketId,
    gap: Gap,
    /// It ends a gap that no row of this batch has opened; perhaps one on disk.
    ends_row: bool,
}

impl Row {
    fn is_of(&self, gap: &Gap) -> bool {
        // A row knows microseconds.
        let key = |gap: &Gap| (gap.instrument, gap.channel, gap.from.micros());
        key(&self.gap) == key(gap)
    }
}

impl Gaps {
    /// Adds a gap that was told under the number `id`.
    pub fn push(&mut self, id: MarketId, gap: &Gap) {
        let ends = gap.to.is_some();
        // The newest of that start: open, it is ended here; else it ended a row on disk, and is told once more.
        let same = self.rows.iter_mut().rev().find(|row| row.is_of(gap));
        match same.filter(|row| ends && (row.gap.to.is_none() || row.ends_row)) {
            Some(row) => row.gap = gap.clone(),
            None => self.rows.push(Row { id, gap: gap.clone(), ends_row: ends }),
        }
    }

    /// Moves all rows to their sheet.
    pub fn write(&mut self, sheet: &mut Sheet) {
        for Row { id, gap, ends_row } in self.rows.drain(..) {
            sheet.int(int(id.0)).text(gap.instrument.exchange.as_str()).text(gap.instrument.symbol.as_str());
            sheet.text(gap.channel.as_str()).text(gap.cause.as_str()).time(gap.from).time(gap.to);
            sheet.int(gap.first_missing).int(gap.resumed_at).flag(ends_row);
        }
    }
}
