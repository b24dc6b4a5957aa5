//! A comparison of the way: of everything, or of some of it, with or without a repair.

use messages::UtcNanos;
use messages::ledger::Seq;
use messages::migration::{Compared, Migration};

use super::{Done, Error, Progress, Way};
use crate::migrate::backfill::{Again, Wanted as Slices};
use crate::migrate::compare::{self, Compare, Folders, Report, Wanted};
use crate::migrate::phase::Ask;
use crate::migrate::plan::Plan;
use crate::migrate::sink::forget_skipped;
use crate::postgres::catalog::TableName;
use crate::postgres::{Server, Session};
use crate::query::Range;

impl Way {
    /// Holds both sides against each other.
    pub(super) fn compare(
        &self,
        state: &Migration,
        wanted: Wanted,
        on: &dyn Fn(Progress),
        go_on: &dyn Fn() -> bool,
    ) -> Result<Done, Error> {
        let report = self.compared(state, &wanted, on, go_on)?;
        let (is_good, at) = (report.is_clean(), (self.parts.wall)());
        let is_whole = wanted.tables.is_empty() && wanted.range == Range::ALL;
        if is_whole && is_good && state.writes() {
            self.ask(go_on, |server| self.forget_given_up(server, Seq(report.market)))?;
        }
        let done = Compared { at, rows: report.rows(), differing: report.latest().differing(), clean_since: None };
        let noted = (report.repaired > 0).then(|| format!("{} rows and slices were put right", report.repaired));
        let ask = is_whole.then_some(Ask::CompareDone(done));
        let (text, report) = (words(&report), serde_json::to_value(&report).ok());
        Ok(Done { ask, text, is_good, report, noted, then: None })
    }

    /// What a comparison finds.
    pub(super) fn compared(
        &self,
        state: &Migration,
        wanted: &Wanted,
        on: &dyn Fn(Progress),
        go_on: &dyn Fn() -> bool,
    ) -> Result<Report, Error> {
        let (parts, settings) = (&*self.parts, self.settings());
        let server = Server::new(settings)?;
        let watermark = state.watermark.ok_or(Error::NotBegun)?;
        // What was never brought over has nothing to be compared with.
        let plans = if state.backfilled.is_some() { self.ask(go_on, |server| self.plans(server))? } else { Vec::new() };
        let sink = parts.sink.handle();
        let again = |table: &TableName, range: Range, go_on: &dyn Fn() -> bool| {
            self.again((&server, &plans), watermark.at, (table, range), go_on)
        };
        let ctx = Compare {
            database: &parts.database,
            archive: &parts.archive,
            folders: Folders { ledger: parts.paths.ledger.clone(), market: parts.paths.market.clone() },
            server: &server,
            schema: &settings.schema,
            sink: sink.as_ref(),
            writes: state.writes(),
            plans: &plans,
            backfilled: state.backfilled,
            watermark,
            tiers: &parts.tiers,
            now: (parts.wall)(),
            again: &again,
        };
        let on = |now: compare::Progress| on(Progress { rows: now.rows, ..Progress::of(&now.what) });
        Ok(compare::run(&ctx, wanted, &on, go_on)?)
    }

    /// Market records that the server had lacked up to this one are there: it may answer questions about them again.
    fn forget_given_up(&self, server: &Server, upto: Seq) -> Result<(), Error> {
        let session = Session::open(server)?;
        Ok(forget_skipped(&session, &self.settings().schema, upto)?)
    }

    /// Brings a stretch over again.
    fn again(
        &self,
        (server, plans): (&Server, &[Plan]),
        before: UtcNanos,
        (table, range): (&TableName, Range),
        go_on: &dyn Fn() -> bool,
    ) -> Result<(), String> {
        let wanted = Slices { tables: vec![table.clone()], range, again: Again::Keeping };
        let brought = self.bring((server, plans), before, &wanted, &|_| {}, go_on);
        brought.map(drop).map_err(|error| crate::archive::chain(&error))
    }
}

pub(super) fn words(report: &Report) -> String {
    let (mut slices, mut duckdb, mut postgres) = (0, 0, 0);
    for total in &report.totals {
        slices += total.slices;
        duckdb += total.duckdb;
        postgres += total.postgres;
    }
    let seconds = report.seconds;
    let mut all = format!("{duckdb} rows of DuckDB and {postgres} of PostgreSQL in {slices} slices, {seconds:.1} s");
    if !report.left_out.is_empty() {
        let tables = report.left_out.join(", ");
        all += &format!(
            " (of what was brought over alone: nothing is written to PostgreSQL any more, and these were not compared: {tables})"
        );
    }
    for behind in &report.behind {
        let (rows, origin) = (behind.rows, &behind.origin);
        all += &format!("; {rows} rows of {origin} there have a time behind the watermark and did not come over");
    }
    for origin in &report.unmapped {
        all += &format!(
            "; rows of {origin} stand here and the mapping no longer has it: put it back there, or take them out with `merganser migrate timescale backfill --again --table {origin}`"
        );
    }
    if report.maps_none {
        all += "; the mapping names no table, so that nothing of what stood there before was compared";
    }
    if report.differing() == 0 {
        return format!("{all}: both sides are the same");
    }
    let mut text = format!("{all}: {} slices differ", report.differing());
    if report.repaired + report.unrepaired > 0 {
        let now = if report.is_clean() { "both sides are the same now" } else { "the sides still differ" };
        text += &format!("; {} rows and slices were put right, {} were not: {now}", report.repaired, report.unrepaired);
    } else {
        text += "; `merganser migrate timescale compare --repair` puts right what the journal knows";
    }
    if !report.latest().refused.is_empty() {
        text += "; rows that do not fit: mend them there, or backfill (it writes them to `rejects/`), look at them, and compare with `--accept-rejects N`, the number of them all";
    }
    text
}
