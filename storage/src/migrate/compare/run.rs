//! A comparison from its beginning to its end: what is written to both sides, what was brought over, and a repair if that is
//! asked for, with a second look behind it.

use std::time::Instant;

use messages::ledger::Seq;
use messages::{UtcNanos, caps};

use super::found::Found;
use super::live;
use super::old::{Old, Stretch};
use super::record::Compared;
use super::repair::{self, Wrong};
use super::report::{Behind, Known, Refused, Repair, Report, Total};
use super::rows::ByKey;
use super::shape::{Shape, TWICE};
use super::watch::{Progress, Watch};
use super::{Compare, Error, Wanted, cells};
use crate::duck::changes::Change;
use crate::migrate::backfill;
use crate::migrate::plan::Plan;
use crate::migrate::sink::SinkHandle;
use crate::postgres;
use crate::query::{self, Range};

/// Files may move to another tier while they are read: so often it is begun anew.
const TRIES: usize = 3;

/// What differs, for who puts it right.
#[derive(Default)]
struct Differing<'a> {
    /// Rows that are written to both sides.
    rows: Vec<Wrong>,
    /// Stretches of tables that were brought over.
    stretches: Vec<(&'a Plan, Stretch)>,
    /// True when there may be more.
    has_more: bool,
}

impl Differing<'_> {
    fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.stretches.is_empty()
    }

    /// The tables of ours in which something differs.
    fn tables(&self) -> Vec<String> {
        let written = self.rows.iter().map(|wrong| wrong.shape.table.name);
        let brought = self.stretches.iter().map(|(plan, _)| plan.into.table);
        let mut tables: Vec<String> = written.chain(brought).map(str::to_owned).collect();
        tables.sort();
        tables.dedup();
        tables
    }
}

/// Compares, and repairs if that is asked for. It blocks, for as long as an hour where there is much; the work is done on
/// threads of its own, which step back for those that trade.
///
/// # Errors
/// A side cannot be read, or does not get to where the other is.
pub fn run(ctx: &Compare<'_>, what: &Wanted, on: &dyn Fn(Progress), go_on: &dyn Fn() -> bool) -> Result<Report, Error> {
    if let Some(table) = what.tables.iter().find(|table| !TWICE.contains(&table.as_str())) {
        return Err(Error::NoTable { table: table.clone() });
    }
    let began = now();
    // Its own: whoever else asks the server goes on when this is left.
    let server = &ctx.server.apart(ctx.server.answer_timeout());
    let ctx = &Compare { server, folders: ctx.folders.clone(), ..*ctx };
    let (mut report, mut differing) = Watch::over(server, |watch| compare(ctx, what, watch), on, go_on)?;
    while what.repair && !differing.is_empty() {
        let (before, has_more) = (report.repaired, differing.has_more);
        let again = second_look(what, &report, differing.tables());
        let Differing { rows, stretches, .. } = differing;
        let latest = report.latest();
        let position = (Seq(latest.ledger), Seq(latest.market));
        let done = Watch::over(server, |watch| repair::rows(ctx, position, rows, watch), on, go_on)?;
        done.into_iter().for_each(|repair| report.add_repair(repair));
        for (plan, stretch) in &stretches {
            if !go_on() {
                return Err(Error::Stopped);
            }
            report.add_repair(bring_again(ctx, plan, stretch, go_on));
        }
        let (after, left) = Watch::over(server, |watch| compare(ctx, &again, watch), on, go_on)?;
        // What was not put right now is not put right by trying again.
        differing = if has_more && report.repaired > before { left } else { Differing::default() };
        // Nobody has looked at what came to the other tables meanwhile.
        if again.tables == what.tables {
            (report.ledger, report.market) = (after.ledger, after.market);
        }
        report.after = Some(Box::new(after));
    }
    let seconds = now().duration_since(began).as_secs_f64();
    let rows = report.rows() + report.after.as_ref().map_or(0, |after| after.rows());
    (report.seconds, report.rows_per_second) = (seconds, rows as f64 / seconds.max(1e-9));
    let compared = Compared { at: ctx.now, report: report.clone() };
    ctx.archive.with(|archive| archive.writer.change(Change::Compared(Box::new(compared))))?;
    Ok(report)
}

/// What is looked at behind a repair of these tables: they; or all that was asked for, where something differs that no repair
/// touches and that would be forgotten otherwise.
fn second_look(what: &Wanted, report: &Report, tables: Vec<String>) -> Wanted {
    let latest = report.latest();
    let is_touched = |total: &Total| total.differing == 0 || tables.contains(&total.table);
    let is_of_all = |refused: &Refused| matches!(refused.known, Known::Accepted(_));
    if latest.totals.iter().all(is_touched) && !latest.refused.iter().any(is_of_all) {
        Wanted { tables, ..what.clone() }
    } else {
        what.clone()
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a comparison takes is real time, and decides nothing")]
fn now() -> Instant {
    Instant::now()
}

/// Compares once.
fn compare<'a>(ctx: &Compare<'a>, what: &Wanted, watch: &Watch) -> Result<(Report, Differing<'a>), Error> {
    for _ in 1..TRIES {
        match compare_once(ctx, what, watch) {
            Err(Error::Query(query::Error::Moved { .. }) | Error::Postgres(postgres::Error::Rewritten { .. })) => {}
            other => return other,
        }
    }
    compare_once(ctx, what, watch)
}

fn compare_once<'a>(ctx: &Compare<'a>, what: &Wanted, watch: &Watch) -> Result<(Report, Differing<'a>), Error> {
    let most = if what.repair { caps::COMPARE_REPAIRS } else { caps::COMPARE_MISMATCHES };
    let mut both = (Report::default(), Differing::default());
    match ctx.sink {
        Some(sink) => written(ctx, sink, (what, most), watch, &mut both)?,
        None if ctx.writes => return Err(Error::NotWritten { server: ctx.server.name() }),
        None => both.0.left_out = TWICE.into_iter().filter(|name| what.has(name)).map(str::to_owned).collect(),
    }
    // A mapping that was emptied since has left its rows here.
    if !ctx.plans.is_empty() || ctx.backfilled.is_some() {
        brought(ctx, (what, most), watch, &mut both)?;
    }
    Ok(both)
}

/// What is written to both sides.
fn written(
    ctx: &Compare<'_>,
    sink: &SinkHandle,
    (what, most): (&Wanted, usize),
    watch: &Watch,
    (report, differing): &mut (Report, Differing<'_>),
) -> Result<(), Error> {
    live::agreed(ctx, sink, watch, |agreed| {
        (report.ledger, report.market) = (agreed.snapshot.at.0.0, agreed.snapshot.at.1.0);
        for shape in TWICE.into_iter().filter(|name| what.has(name)).filter_map(Shape::of) {
            let found = live::table(ctx, agreed, &shape, (what.range, most), watch)?;
            report.add(&found);
            differing.has_more |= found.has_more;
            if !found.differing.is_empty() {
                let rows = found.differing;
                differing.rows.push(Wrong { shape: shape.clone(), rows });
            }
        }
        Ok(())
    })
}

/// What was brought over.
fn brought<'a>(
    ctx: &Compare<'a>,
    (what, most): (&Wanted, usize),
    watch: &Watch,
    (report, differing): &mut (Report, Differing<'a>),
) -> Result<(), Error> {
    let session = backfill::open(ctx.server)?;
    let stores = ctx.database.stores().ok_or(Error::NotOpen)?;
    // Rows that do not fit: those known of what came over, and all others.
    let mut refused = backfill::Total::of(&stores.manifest.newest()).refused;
    report.maps_none = ctx.plans.is_empty();
    // Rows of a table that the mapping no longer names have nothing there to be held against.
    for ((from, table), total) in backfill::unmapped(&stores.manifest.newest(), ctx.plans) {
        if what.has(&table) {
            if report.unmapped.last() != Some(&from) {
                report.unmapped.push(from.clone());
            }
            let (slices, duckdb) = (total.slices, total.rows);
            report.totals.push(Total {
                table,
                origin: Some(from),
                slices,
                differing: slices,
                duckdb,
                ..Total::default()
            });
        }
    }
    for plan in ctx.plans.iter().filter(|plan| what.has(plan.into.table)) {
        let Some(shape) = Shape::mapped(plan) else { continue };
        let manifest = stores.manifest.newest();
        let old = Old { plan, shape: &shape, session: &session, stores, manifest: &manifest };
        let origin = Some(plan.from.to_string());
        let mut whole =
            Found { shape: &shape, origin, slices: Default::default(), differing: ByKey::new(), has_more: false };
        for stretch in old.stretches(ctx, what.range) {
            let left = most.saturating_sub(whole.differing.len());
            let (found, misfits) = old.compare(&stretch, (left, watch))?;
            if misfits.refused.is_some() || !found.unequal().is_empty() {
                differing.stretches.push((plan, stretch));
            }
            report.refused.extend(misfits.refused);
            refused += misfits.between;
            whole.merge(found);
        }
        report.add(&whole);
        refused += old.outside()?;
        let (origin, rows) = (plan.from.to_string(), old.behind(ctx, what.range)?);
        report.behind.extend((rows > 0).then_some(Behind { origin, rows }));
    }
    // Those that nobody has looked at may be anywhere.
    let (origin, from, to) = ("all that is mapped".to_owned(), "the beginning".to_owned(), "the watermark".to_owned());
    let accepted = ctx.backfilled.map(|backfilled| backfilled.accepted);
    if let Some(accepted) = accepted.filter(|accepted| what.is_whole() && refused > *accepted) {
        report.refused.push(Refused { origin, from, to, now: refused, known: Known::Accepted(accepted) });
    }
    Ok(())
}

/// Lets a stretch of a table of theirs be brought over again.
fn bring_again(ctx: &Compare<'_>, plan: &Plan, stretch: &Stretch, go_on: &dyn Fn() -> bool) -> Repair {
    let at = |micros: i64, beyond: UtcNanos| micros.checked_mul(1_000).map_or(beyond, UtcNanos);
    let range = Range { from: at(stretch.from, Range::ALL.from), to: at(stretch.to, Range::ALL.to) };
    let done = (ctx.again)(&plan.from, range, go_on);
    Repair {
        table: plan.into.table.to_owned(),
        what: format!("{} from {} to {}", plan.from, cells::time(stretch.from), cells::time(stretch.to)),
        is_done: done.is_ok(),
        how: match done {
            Ok(()) => "brought over again".to_owned(),
            Err(why) => why,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_a_repair_all_is_looked_at_where_something_differs_that_no_repair_touches() {
        let total = |table: &str, differing| Total { table: table.to_owned(), differing, ..Total::default() };
        let refused = |known| Refused {
            origin: "public.raw_trades".to_owned(),
            from: String::new(),
            to: String::new(),
            now: 2,
            known,
        };
        let tables = || vec!["trades".to_owned()];
        let some = |totals, refused| {
            let report = Report { totals, refused, ..Report::default() };
            // What counts is the latest look.
            let before = Report { after: Some(Box::new(report.clone())), ..Report::default() };
            let found = second_look(&Wanted::all(), &report, tables());
            assert_eq!(second_look(&Wanted::all(), &before, tables()), found);
            found.tables == tables()
        };
        assert!(some(vec![total("trades", 1), total("orders", 0)], vec![refused(Known::BroughtOver(1))]));
        assert!(!some(vec![total("trades", 1), total("market_ticks", 2)], Vec::new()));
        assert!(!some(vec![total("trades", 1)], vec![refused(Known::Accepted(1))]));
    }
}
