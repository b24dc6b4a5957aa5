//! A backfill of the way: the mapping held against the server, and the archive left alone meanwhile.

use messages::UtcNanos;
use messages::migration::{Backfilled, Migration};

use super::{Done, Error, Progress, Way};
use crate::migrate::backfill::{self, Again, Backfill, Limits, Summary, Total, Wanted};
use crate::migrate::mapping;
use crate::migrate::phase::Ask;
use crate::migrate::plan::Plan;
use crate::postgres::catalog::TableName;
use crate::postgres::{Server, Session, catalog};
use crate::query::Range;

/// The folder of the files of rejects, in the data directory.
const REJECTS: &str = "rejects";

impl Way {
    /// Brings over what is due.
    pub(super) fn backfill(
        &self,
        state: &Migration,
        (tables, range, again): (&[String], Range, bool),
        on: &dyn Fn(Progress),
        go_on: &dyn Fn() -> bool,
    ) -> Result<Done, Error> {
        on(Progress::of("looks at the tables"));
        let server = Server::new(self.settings())?;
        let plans = self.ask(go_on, |server| self.plans(server))?;
        let left = self.left(&plans);
        let tables = tables.iter().map(|name| named(name, &plans, &left)).collect::<Result<Vec<_>, _>>()?;
        // Of a part it is not known how many rows of all did not fit.
        let is_whole = tables.is_empty() && range == Range::ALL;
        let wanted = Wanted { tables, range, again: if again { Again::Whatever } else { Again::No } };
        let summary =
            self.bring((&server, &plans), state.watermark.map_or(UtcNanos::MIN, |w| w.at), &wanted, on, go_on)?;
        let Total { slices, rows, refused } = summary.total;
        let all = Backfilled { at: (self.parts.wall)(), slices, rows, refused, accepted: 0 };
        let mut text = words(&summary, is_whole);
        if plans.is_empty() {
            text += "; the mapping names no table, so that nothing of theirs was looked for";
        }
        if !is_whole {
            text += "; only what was asked for: `merganser migrate timescale backfill` without a table and a range brings over the rest, and counts what did not fit";
        }
        let is_good = summary.refused == 0;
        let report = serde_json::to_value(&summary).ok();
        let ask = is_whole.then_some(Ask::BackfillDone(all));
        Ok(Done { ask, text, is_good, report, noted: None, then: None })
    }

    /// Tables of theirs that left the mapping and whose rows stand here.
    fn left(&self, plans: &[Plan]) -> Vec<TableName> {
        let Some(stores) = self.parts.database.stores() else { return Vec::new() };
        let left = backfill::unmapped(&stores.manifest.newest(), plans);
        left.into_keys().filter_map(|(from, _)| TableName::try_from(from).ok()).collect()
    }

    /// What the mapping file comes to on this server.
    pub(super) fn plans(&self, server: &Server) -> Result<Vec<Plan>, Error> {
        let session = Session::open(server)?;
        Ok(mapping::plans(&self.mapping_file(), &catalog::read(&session)?, &self.settings().schema)?)
    }

    /// Brings slices over.
    pub(super) fn bring(
        &self,
        (server, plans): (&Server, &[Plan]),
        before: UtcNanos,
        wanted: &Wanted,
        on: &dyn Fn(Progress),
        go_on: &dyn Fn() -> bool,
    ) -> Result<Summary, Error> {
        let (parts, settings) = (&*self.parts, self.settings());
        let limits = Limits {
            connections: settings.connections,
            rows_per_second: settings.backfill_rows_per_second,
            max_rejects: settings.max_rejects,
            part_rows: messages::caps::BACKFILL_PART_ROWS,
            reserve_bytes: parts.room.0.bytes(),
        };
        let rejects = parts.paths.root.join(REJECTS);
        parts.archive.alone(|archive| {
            let ctx = Backfill {
                archive,
                hot: parts.database.hot(),
                server,
                plans,
                before,
                now: (parts.wall)(),
                rejects: &rejects,
                limits,
                must_wait: &|| parts.room.0.is_short() || parts.room.1.is_full(),
                go_on,
                on: &|now| on(progress(now)),
                did: &|did| tracing::debug!(?did, "backfill"),
            };
            Ok(backfill::run(&ctx, wanted)?)
        })
    }
}

/// One of their tables, as a person names it.
fn named(name: &str, plans: &[Plan], left: &[TableName]) -> Result<TableName, Error> {
    let mapped = plans.iter().map(|plan| &plan.from).find(|from| from.to_string() == name || from.table == name);
    // What is taken out is named as a whole.
    mapped.or_else(|| left.iter().find(|from| from.to_string() == name)).cloned().ok_or_else(|| {
        let mapped: Vec<String> = plans.iter().map(|plan| plan.from.to_string()).collect();
        Error::NotMapped { table: name.to_owned(), mapped: mapped.join(", ") }
    })
}

fn progress(now: &backfill::Progress) -> Progress {
    Progress {
        step: format!("{:.0} rows/s, {} rows refused", now.rows_per_second, now.refused),
        done: now.slices_done as u64,
        all: now.slices_all as u64,
        rows: now.rows,
    }
}

/// Rows of all runs that did not fit are known where all was asked for.
pub(super) fn words(summary: &Summary, is_whole: bool) -> String {
    let Summary { rows, refused, slices_done, slices_before, slices_empty, seconds, rows_per_second, .. } = summary;
    let mut text = format!(
        "{rows} rows came over in {slices_done} slices ({slices_before} were done before, {slices_empty} have none) in {seconds:.1} s, {rows_per_second:.0} rows/s; {refused} rows did not fit"
    );
    if is_whole && summary.total.refused > *refused {
        text += &format!(" ({} in all, with those of runs before)", summary.total.refused);
    }
    if summary.taken_out > 0 {
        text += &format!("; {} rows of tables that the mapping no longer has were taken out", summary.taken_out);
    }
    if *refused > 0 {
        text += &format!(": they stand, each with the reason, in {}", summary.rejects.join(", "));
    }
    text
}
