//! What a table in memory costs: DuckDB's rule of growth, written down.
//!
//! DuckDB's own figure (`duckdb_memory()`) cannot be used: it counts the file's rows that are not
//! checkpointed yet under the same name. The rule: a column, and its bits for NULL apart, takes segments
//! of 2 KiB, 4 KiB … up to a block of 256 KiB, anew in every row group; those between are cut from
//! blocks that the row group's columns share. A test compares it with DuckDB's figure.

use super::slices::{Content, SLICE_ROWS};

/// DuckDB's block.
const BLOCK: u64 = 256 << 10;

/// A column's first segment.
const FIRST: u64 = 2 << 10;

/// Bytes of a segment's header.
const HEADER: u64 = 8;

/// Bytes of a row in each column of a table of ticks: ten of eight bytes, the conditions with a few
/// characters, the revision, and three enumerations.
const TICK: &[u64] = &[8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 2, 1, 1, 1];

/// The same of a table of bars: the time frame as text, two sums of sixteen bytes.
const BAR: &[u64] = &[8, 8, 8, 8, 8, 8, 8, 8, 16, 16, 6, 2, 1];

/// Bytes that a table with so many rows holds.
pub fn bytes(content: Content, rows: u64) -> u64 {
    let columns = match content {
        Content::Ticks => TICK,
        Content::Bars => BAR,
    };
    let (full, rest) = (rows / SLICE_ROWS, rows % SLICE_ROWS);
    full * row_group(columns, SLICE_ROWS) + row_group(columns, rest)
}

fn row_group(columns: &[u64], rows: u64) -> u64 {
    if rows == 0 {
        return 0;
    }
    let (mut own, mut shared) = (0, 0);
    let needs = columns.iter().flat_map(|width| [width * rows, rows.div_ceil(8)]);
    for mut left in needs {
        let mut segment = FIRST;
        loop {
            if segment == FIRST || segment == BLOCK {
                own += segment;
            } else {
                shared += segment;
            }
            left = left.saturating_sub(segment - HEADER);
            if left == 0 {
                break;
            }
            segment = (segment * 2).min(BLOCK);
        }
    }
    // The last of the shared blocks is begun, and the one before it may not be full.
    own + if shared == 0 { 0 } else { (shared.div_ceil(BLOCK) + 1) * BLOCK }
}
