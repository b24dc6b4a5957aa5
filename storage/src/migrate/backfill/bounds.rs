//! In which stretches of time a table of theirs has rows: the chunks of a hypertable, or the periods that have any.

use messages::UtcNanos;

use super::super::plan::{self, Plan};
use super::slices::{FIRST, YEARS};
use crate::postgres::Session;
use crate::query::Range;
use crate::tiers::Period;

const WHAT: &str = "look for the first and the last row of a table";

/// The chunks of a hypertable that is cut by this column, in microseconds where it is cut by time.
const CHUNKS: &str = "
    SELECT coalesce(c.range_start_integer, (extract(epoch FROM c.range_start) * 1000000)::bigint),
        coalesce(c.range_end_integer, (extract(epoch FROM c.range_end) * 1000000)::bigint),
        c.range_start_integer IS NOT NULL
    FROM timescaledb_information.chunks c
    WHERE c.hypertable_schema = $1 AND c.hypertable_name = $2 AND c.primary_dimension = $3";

const HAS_CHUNKS: &str = "SELECT to_regclass('timescaledb_information.chunks') IS NOT NULL";

/// The stretches before the watermark.
///
/// # Errors
/// The server refuses, or is gone.
pub fn stretches(session: &Session, plan: &Plan, before: UtcNanos) -> Result<Vec<Range>, plan::Error> {
    let chunks = chunks(session, plan)?;
    if !chunks.is_empty() {
        return Ok(chunks);
    }
    // Period by period, from each to the next that has a row: an index on the time leads there, and what lies between is
    // never asked for.
    let (mut found, mut from) = (Vec::new(), FIRST);
    while from < before {
        let rows = session.ask(WHAT, &plan.select_bounds(Range { from, to: before }), &[])?;
        let bounds = rows.first().and_then(|row| row.try_get::<_, Option<i64>>(0).ok()?.zip(row.try_get(1).ok()?));
        let Some((first, last)): Option<(i64, i64)> = bounds else { break };
        let (first, last) = (plan.instant(first), plan.instant(last));
        let end = Period::of(plan.table().unit, first).end();
        found.push(Range { from: first, to: end });
        if last < end {
            break;
        }
        from = end;
    }
    Ok(found)
}

fn chunks(session: &Session, plan: &Plan) -> Result<Vec<Range>, plan::Error> {
    let is_there = session.ask(WHAT, HAS_CHUNKS, &[])?;
    if !is_there.first().is_some_and(|row| row.try_get(0).unwrap_or(false)) {
        return Ok(Vec::new());
    }
    let (schema, table, column) = (&plan.from.schema, &plan.from.table, &plan.time_from());
    let rows = session.ask(WHAT, CHUNKS, &[schema, table, column])?;
    let range = |row: &tokio_postgres::Row| {
        let (from, to): (i64, i64) = (row.try_get(0).ok()?, row.try_get(1).ok()?);
        let at = |count| if row.try_get(2).unwrap_or(false) { plan.instant(count) } else { micros(count) };
        Some(Range { from: at(from), to: at(to) })
    };
    Ok(rows.iter().filter_map(range).collect())
}

fn micros(count: i64) -> UtcNanos {
    UtcNanos(count.saturating_mul(1_000))
}

/// Whether the table has rows without a time, or with one that no slice has.
///
/// # Errors
/// The server refuses, or is gone.
pub fn has_outside(session: &Session, plan: &Plan) -> Result<bool, plan::Error> {
    let sql = format!("SELECT EXISTS ({})", plan.select_outside(YEARS));
    let found = session.ask("look for rows without a time", &sql, &[])?;
    Ok(found.first().is_some_and(|row| row.try_get(0).unwrap_or(false)))
}
