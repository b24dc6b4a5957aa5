//! What the file holds already: the rows of the window, read in one snapshot together with the journal
//! offset that they are complete to, so that the journal goes on exactly behind them.

use std::sync::Arc;

use duckdb::{Connection, params};
use messages::UtcNanos;
use messages::ledger::Seq;

use super::{HotWriter, Options};
use crate::duck::stored::{BAR_CELLS, Bars, NAME_CELLS, Names, TICK_CELLS, Ticks};
use crate::duck::{Error, file};
use crate::journal::Log;
use crate::tiers::{Manifest, Origin, Period, Piece, Tier, tables};

/// Bytes of a row in memory, for choosing where to begin: 100 in full tables, more in others. That the
/// bound holds does not depend on it.
const ROW_BYTES: u64 = 128;

/// Fills the tier from the tables of the file, as far back as fits. False when asked to stop.
///
/// # Errors
/// DuckDB refuses, or a stored row is not what it must be.
pub fn rebuild(hot: &mut HotWriter, file: &Connection, go_on: &dyn Fn() -> bool) -> Result<bool, Error> {
    let begun = file.execute_batch("BEGIN TRANSACTION READ ONLY").map_err(Error::duck("begin a transaction"));
    let copied = begun.and_then(|()| copy(hot, file, go_on));
    // Nothing was written here: how the transaction ends makes no difference.
    let _ = file.execute_batch("ROLLBACK");
    copied
}

fn copy(hot: &mut HotWriter, file: &Connection, go_on: &dyn Fn() -> bool) -> Result<bool, Error> {
    let complete_to: Seq = file::offset(file, Log::Market)?;
    let manifest = Manifest::load(file)?;
    let newest = newest(file, &manifest)?;
    let from = beginning(file, &manifest, newest, hot.options())?;
    hot.begin(from, newest)?;
    if newest.is_some() {
        let whole = ticks(hot, file, &manifest, from, go_on)? && bars(hot, file, from, go_on)?;
        if !whole {
            return Ok(false);
        }
        hot.write_all()?;
    }
    hot.follow_behind(complete_to);
    Ok(true)
}

/// The ticks of each part, the oldest part first, each in the order of time: what is taken first is given up first.
fn ticks(
    hot: &mut HotWriter,
    file: &Connection,
    manifest: &Manifest,
    from: UtcNanos,
    go_on: &dyn Fn() -> bool,
) -> Result<bool, Error> {
    for piece in on_disk(manifest, from) {
        // Rows stand as they came, until the part is sealed.
        let order = if piece.sealed { "ORDER BY \"timestamp\", tick_id" } else { "" };
        let sql = format!(
            "SELECT {TICK_CELLS}, {NAME_CELLS} FROM {} WHERE \"timestamp\" >= make_timestamp(?) {order}",
            piece.location
        );
        let whole = each_batch(hot, file, (&sql, from), go_on, |hot, batch| {
            let (ticks, names) = (Ticks::new(batch)?, Names::new(batch));
            for row in 0..batch.num_rows() {
                let stored = ticks.get(row, names.get(row)?)?;
                hot.tick(stored.id, &stored.tick, stored.source, stored.received);
            }
            Ok(())
        })?;
        if !whole {
            return Ok(false);
        }
    }
    Ok(true)
}

fn bars(hot: &mut HotWriter, file: &Connection, from: UtcNanos, go_on: &dyn Fn() -> bool) -> Result<bool, Error> {
    let sql = format!("SELECT {BAR_CELLS}, {NAME_CELLS} FROM disk.ohlcv_bars WHERE \"timestamp\" >= make_timestamp(?)");
    each_batch(hot, file, (&sql, from), go_on, |hot, batch| {
        let (bars, names) = (Bars::new(batch)?, Names::new(batch));
        for row in 0..batch.num_rows() {
            hot.bar(&bars.get(row, names.get(row)?)?);
        }
        Ok(())
    })
}

fn each_batch(
    hot: &mut HotWriter,
    file: &Connection,
    (sql, from): (&str, UtcNanos),
    go_on: &dyn Fn() -> bool,
    take: impl Fn(&mut HotWriter, &arrow::array::RecordBatch) -> Result<(), Error>,
) -> Result<bool, Error> {
    let mut statement = file.prepare(sql).map_err(Error::duck("read the file for the hot tier"))?;
    let stream =
        statement.stream_arrow(params![from.micros()]).map_err(Error::duck("read the file for the hot tier"))?;
    for batch in stream {
        if !go_on() {
            return Ok(false);
        }
        take(hot, &batch.map_err(Error::duck("read the file for the hot tier"))?)?;
        if hot.is_full() {
            hot.write_all()?;
            // Nothing is published yet that a dropped table could be missed from.
            hot.keep_bounds(|_| {})?;
        }
    }
    Ok(true)
}

/// The parts of ticks on disk that may hold a time from `from` on, the oldest first.
fn on_disk(manifest: &Manifest, from: UtcNanos) -> impl Iterator<Item = &Arc<Piece>> {
    let parts = manifest.of_table(tables::ticks().name).filter(|p| p.tier == Tier::Disk);
    parts.filter(move |p| p.period.parse::<Period>().is_ok_and(|day| day.end() > from))
}

/// Their rows, for a question.
fn rows_on_disk(manifest: &Manifest, from: UtcNanos) -> String {
    let none = "SELECT * FROM ticks_template".to_owned();
    let parts = on_disk(manifest, from).map(|part| format!("SELECT * FROM {}", part.location));
    std::iter::once(none).chain(parts).collect::<Vec<_>>().join(" UNION ALL ")
}

/// The newest market time in the file; a tick whose own time lies ahead counts when it was received.
fn newest(file: &Connection, manifest: &Manifest) -> Result<Option<UtcNanos>, Error> {
    let sql = format!(
        "SELECT epoch_us(max(newest)) FROM (
             SELECT max(least(\"timestamp\", ingestion_time)) AS newest FROM ({})
             UNION ALL SELECT max(\"timestamp\") FROM disk.ohlcv_bars)",
        rows_on_disk(manifest, UtcNanos::MIN)
    );
    let micros: Option<i64> =
        file.query_row(&sql, [], |row| row.get(0)).map_err(Error::duck("find the newest tick"))?;
    Ok(micros.map(|us| UtcNanos(us.saturating_mul(1_000))))
}

/// From when on the file's rows are taken: within what is kept, behind what has left the disk, and so
/// many that they fit.
fn beginning(
    file: &Connection,
    manifest: &Manifest,
    newest: Option<UtcNanos>,
    options: Options,
) -> Result<UtcNanos, Error> {
    let archived = |table| manifest.of_table(table).filter(|p| p.tier != Tier::Disk);
    // What was brought over ends within its day, where our own rows begin.
    let brought_to = |piece: &Piece| piece.origin.as_ref().map(Origin::end);
    let ticks_behind = archived(tables::ticks().name)
        .filter_map(|p| brought_to(p).or_else(|| Some(p.period.parse::<Period>().ok()?.end())));
    let bars_behind = archived("ohlcv_bars").filter_map(|p| {
        let last = p.content.as_ref().map(|content| content.times.1);
        brought_to(p).or_else(|| Some(UtcNanos(last?.saturating_add(1).saturating_mul(1_000))))
    });
    let behind = ticks_behind.chain(bars_behind).max().unwrap_or(UtcNanos::MIN);
    let from = newest.map_or(UtcNanos::MIN, |at| at.before(options.keep)).max(behind);
    if newest.is_none() {
        return Ok(from);
    }
    let fits = fitting(&by_minute(file, manifest, from)?, options.max_bytes / ROW_BYTES);
    Ok(fits.map_or(from, |minute| minute.max(from)))
}

/// Rows of each minute, newest first.
fn by_minute(file: &Connection, manifest: &Manifest, from: UtcNanos) -> Result<Vec<(UtcNanos, u64)>, Error> {
    let read = Error::duck("count the newest rows");
    let sql = format!(
        "SELECT epoch_us(date_trunc('minute', \"timestamp\")), count(*) FROM (
             SELECT \"timestamp\" FROM ({}) UNION ALL SELECT \"timestamp\" FROM disk.ohlcv_bars)
         WHERE \"timestamp\" >= make_timestamp(?) GROUP BY 1 ORDER BY 1 DESC",
        rows_on_disk(manifest, from)
    );
    let count = || -> Result<Vec<(UtcNanos, u64)>, duckdb::Error> {
        let mut statement = file.prepare(&sql)?;
        let rows = statement.query_map(params![from.micros()], |row| {
            Ok((UtcNanos(row.get::<_, i64>(0)?.saturating_mul(1_000)), row.get::<_, u64>(1)?))
        })?;
        rows.collect()
    };
    count().map_err(read)
}

/// The first minute of the newest `rows` rows; `None` when all of them are.
fn fitting(by_minute: &[(UtcNanos, u64)], rows: u64) -> Option<UtcNanos> {
    let mut total = 0;
    let over = by_minute.iter().position(|(_, count)| {
        total += count;
        total > rows
    })?;
    // Even the newest minute alone may be too much: then the bound decides while it is read.
    by_minute.get(over.saturating_sub(1)).map(|(minute, _)| *minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_rows_that_fit_are_read() {
        let minute = |n: i64| UtcNanos(n * 60_000_000_000);
        let counted = [(minute(9), 10), (minute(8), 10), (minute(7), 10)];
        assert_eq!(fitting(&counted, 30), None);
        assert_eq!(fitting(&counted, 29), Some(minute(8)));
        assert_eq!(fitting(&counted, 10), Some(minute(9)));
        assert_eq!(fitting(&counted, 3), Some(minute(9)));
        assert_eq!(fitting(&[], 3), None);
    }
}
