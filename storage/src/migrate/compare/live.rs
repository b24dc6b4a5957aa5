//! What is written to both sides, held against each other while the market runs.
//!
//! Both databases are brought to the same record first: the sink waits, DuckDB gets at least as far, its snapshot says how far
//! exactly, the sink goes on to there, and its server's snapshot must say the same. From then on nothing waits for the
//! comparison.

use std::time::Duration;

use messages::UtcNanos;
use messages::ledger::Seq;
use messages::migration::Watermark;

use super::duck::Snapshot;
use super::found::Found;
use super::postgres::Sunk;
use super::rows::ByKey;
use super::shape::Shape;
use super::side::{Part, Sides};
use super::watch::Watch;
use super::{Compare, Error};
use crate::journal::Log;
use crate::migrate::backfill::{self, BACKFILL_IDS};
use crate::migrate::sink::{Held, Position, SINK_OFFSET, SinkHandle};
use crate::postgres::catalog::quoted;
use crate::postgres::{Session, instant};
use crate::query::Range;
use crate::settings::{Age, AtEnd, Limits};
use crate::tiers::tables::Moves;

/// How long the sink may take to wait, and to get to a record.
pub(super) const LIMIT: Duration = Duration::from_secs(60);
/// How often who waits looks again, and how often at most while the tables do not move.
const LOOK: Duration = Duration::from_millis(100);
const LOOKS: u32 = 600;

/// Both databases hold the same records, and the sink waits.
pub(super) struct Level<'a> {
    pub snapshot: Snapshot,
    pub session: &'a Session,
    held: Held,
}

/// Brings both databases to the same record, and does the work while the sink waits there.
///
/// # Errors
/// A side does not get there, or those of the work.
pub(super) fn level<T>(
    ctx: &Compare<'_>,
    sink: &SinkHandle,
    watch: &Watch,
    work: impl FnOnce(&Level<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let session = backfill::open(ctx.server)?;
    work(&get_level(ctx, sink, watch, &session)?)
}

fn get_level<'a>(
    ctx: &Compare<'_>,
    sink: &SinkHandle,
    watch: &Watch,
    session: &'a Session,
) -> Result<Level<'a>, Error> {
    let wanted = || watch.goes_on();
    let held = sink.hold(LIMIT, &wanted)?;
    wait_for_tables(ctx, watch, held.at())?;
    let snapshot = Snapshot::open(ctx.database, watch)?;
    held.go_to(snapshot.at, LIMIT, &wanted)?;
    Ok(Level { snapshot, session, held })
}

/// Both sides as they were at the same record.
pub(super) struct Agreed<'a> {
    pub snapshot: &'a Snapshot,
    session: &'a Session,
    /// The first tick that the sink wrote.
    first_tick: Option<i64>,
}

/// Brings both sides to the same record and does the work while they are looked at as they were then.
///
/// # Errors
/// A side does not get there, or those of the work.
pub(super) fn agreed<T>(
    ctx: &Compare<'_>,
    sink: &SinkHandle,
    watch: &Watch,
    work: impl FnOnce(&Agreed<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let session = backfill::open(ctx.server)?;
    let Level { snapshot, held, .. } = get_level(ctx, sink, watch, &session)?;
    session.in_one_snapshot("compare", |session| {
        let (there, first_tick) = offset(session, ctx.schema)?;
        if there != snapshot.at {
            return Err(Error::Apart { server: ctx.server.name(), there, here: snapshot.at });
        }
        // From here on the server's snapshot says what there was.
        drop(held);
        work(&Agreed { snapshot: &snapshot, session, first_tick })
    })
}

/// Waits until the tables of DuckDB hold these records.
pub(super) fn wait_for_tables(ctx: &Compare<'_>, watch: &Watch, at: Position) -> Result<(), Error> {
    let tables = &ctx.database.stores().ok_or(Error::NotOpen)?.manifest;
    for (log, wanted) in [(Log::Ledger, at.0), (Log::Market, at.1)] {
        let (applied, mut looks) = (tables.applied(log), 0);
        let moved = applied.listen();
        while applied.get() < wanted {
            watch.read(0)?;
            looks += u32::from(moved.recv_timeout(LOOK).is_err());
            if looks > LOOKS {
                return Err(Error::Behind { log, applied: applied.get(), wanted });
            }
        }
    }
    Ok(())
}

/// How far the rows there reach, and the first tick among them.
pub(super) fn offset(session: &Session, schema: &str) -> Result<(Position, Option<i64>), Error> {
    let sql = format!("SELECT log, seq, first_id FROM {}.{SINK_OFFSET}", quoted(schema));
    let (mut at, mut first) = (Position::default(), None);
    for row in session.ask("see how far its rows reach", &sql, &[])? {
        let seq = Seq(row.get::<_, i64>(1).unsigned_abs());
        match row.get(0) {
            "ledger" => at.0 = seq,
            _ => (at.1, first) = (seq, row.get(2)),
        }
    }
    Ok((at, first))
}

/// Which rows of a table are compared, as SQL for each side.
pub(super) struct Scope {
    duckdb: Vec<String>,
    postgres: Vec<String>,
    /// The same in time.
    pub range: Range,
}

impl Scope {
    fn of(ctx: &Compare<'_>, agreed: &Agreed<'_>, shape: &Shape, wanted: Range) -> Self {
        let table = shape.table;
        let mut scope = Self { duckdb: Vec::new(), postgres: Vec::new(), range: wanted };
        match table.name {
            "market_ticks" => scope.ticks(ctx.watermark, agreed.first_tick),
            "ohlcv_bars" => scope.after(ctx.watermark.at),
            _ => {}
        }
        if let Some(kept) = crate::tiers::table(table.name).and_then(|t| kept_since(ctx.tiers.limits(t.name), ctx.now))
        {
            match (table.moves, table.is_by_time()) {
                // What moves with its order goes with it.
                (Moves::ByOrder, false) => scope.with_order(ctx.schema, kept),
                _ => scope.after(kept),
            }
        }
        scope
    }

    /// Ticks that are the sink's to write. A directory that ran before there was a sink has others, and none of them bears a time
    /// from `until` on: answers rely on the same ([`Watermark::own_until`]). The first tick that was written is not the first that
    /// was to be: those before it may have been given up.
    fn ticks(&mut self, watermark: Watermark, first: Option<i64>) {
        let condition = |instant: fn(i64) -> String| {
            let ours = format!("tick_id < {BACKFILL_IDS}");
            let Some(until) = watermark.own_until() else { return ours };
            let or_written = first.map(|first| format!(" OR tick_id >= {first}")).unwrap_or_default();
            format!("{ours} AND (\"timestamp\" >= {}{or_written})", instant(up(until)))
        };
        self.duckdb.push(condition(|micros| format!("make_timestamp({micros})")));
        self.postgres.push(condition(instant));
    }

    fn after(&mut self, at: UtcNanos) {
        self.range.from = self.range.from.max(at);
    }

    /// Rows of orders that were created since.
    fn with_order(&mut self, schema: &str, since: UtcNanos) {
        let orders =
            |table: &str, at: String| format!("order_id IN (SELECT order_id FROM {table} WHERE created_at >= {at})");
        self.duckdb.push(orders("orders", format!("make_timestamp({})", since.micros())));
        self.postgres.push(orders(&format!("{}.orders", quoted(schema)), instant(since.micros())));
    }

    /// The same in time, in microseconds.
    pub fn part(&self) -> Part<'static> {
        let from = if self.range.from == Range::ALL.from { Part::ALL.from } else { up(self.range.from) };
        let to = if self.range.to == Range::ALL.to { Part::ALL.to } else { up(self.range.to) };
        Part { from, to, symbol: None }
    }
}

/// An instant in microseconds, rounded up.
fn up(at: UtcNanos) -> i64 {
    UtcNanos(at.0.saturating_add(999)).micros()
}

/// Since when no row of a table has been deleted at the end of its life: from the first day on that is whole. `None` where
/// none ever is.
#[must_use]
pub fn kept_since(limits: &Limits, now: UtcNanos) -> Option<UtcNanos> {
    let age = limits.disk.max(limits.warm).max(limits.cold);
    match (limits.at_end, age) {
        (AtEnd::Delete, Age::For(age)) => Some(UtcNanos::start_of_day(now.before(age).day() + 1)),
        _ => None,
    }
}

/// Holds one table against each other.
///
/// # Errors
/// A side cannot be read.
pub(super) fn table<'s>(
    ctx: &Compare<'_>,
    agreed: &Agreed<'_>,
    shape: &'s Shape,
    (wanted, most): (Range, usize),
    watch: &Watch,
) -> Result<Found<'s>, Error> {
    watch.begin(shape.table.name.to_owned());
    let scope = Scope::of(ctx, agreed, shape, wanted);
    let mut duckdb = agreed.snapshot.table(shape, scope.range, &scope.duckdb)?;
    let mut postgres = Sunk::new(agreed.session, ctx.schema, shape, &scope.postgres);
    let mut sides = Sides { shape, duckdb: &mut duckdb, postgres: &mut postgres, watch };
    find(&mut sides, &scope.part(), None, most)
}

/// Holds both sides of a part against each other, and finds the rows of it that differ, up to so many keys.
///
/// # Errors
/// A side cannot be read.
pub(super) fn find<'s>(
    sides: &mut Sides<'s, '_>,
    part: &Part<'_>,
    origin: Option<String>,
    most: usize,
) -> Result<Found<'s>, Error> {
    let slices = sides.slices(part)?;
    let mut found = Found { shape: sides.shape, origin, slices, differing: ByKey::new(), has_more: false };
    let empty = Default::default();
    for key in found.unequal() {
        let digests = [0, 1].map(|side| found.slices[side].get(&key).unwrap_or(&empty));
        let of_slice = part.of_slice(&key, sides.shape);
        if !sides.search(&of_slice, digests, &mut found.differing, most)? {
            found.has_more = true;
            break;
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cold::StorageClass;

    #[test]
    fn what_may_have_been_deleted_is_not_compared() {
        let days = |n: u64| Age::For(Duration::from_secs(n * 86_400));
        let limits = |cold, at_end| Limits {
            disk: days(7),
            warm: days(90),
            cold,
            at_end,
            storage_class: StorageClass::GlacierIr,
        };
        let now: UtcNanos = "2024-08-08 12:00:00".parse().unwrap();
        let check = |limits: &Limits, expected: Option<&str>| {
            assert_eq!(kept_since(limits, now), expected.map(|day| day.parse().unwrap()));
        };
        check(&limits(Age::Forever, AtEnd::Delete), None);
        check(&limits(days(365), AtEnd::Keep), None);
        // At noon of the day that is 365 days old, its rows go at midnight, and those of the day before have gone.
        check(&limits(days(365), AtEnd::Delete), Some("2023-08-10"));
        check(&limits(days(0), AtEnd::Delete), Some("2024-05-11"));
    }
}
