//! How the way out stands, and what work came to, for people.

use std::process::ExitCode;

use actors::migration::Status;
use actors::restore;
use config::Settings;
use messages::ledger::Seq;
use serde::Deserialize;
use storage::migrate::compare::Report;
use storage::migrate::compare::report::{Known, On, Refused};
use storage::migrate::way::Standing;

use super::steps;
use crate::commands::Common;
use crate::http::views::Migration;
use crate::http::views::migration::{Last, Side};
use crate::{client, output, stopped};

/// Shows how it stands: all of it while merganser runs, else what the ledger says.
pub fn status(json: bool, common: &Common, settings: &Settings) -> anyhow::Result<ExitCode> {
    match client::find(&common.data_dir)? {
        Some(running) => {
            let status = steps::read(&running)?;
            if json {
                output::line(format_args!("{}", serde_json::to_string_pretty(&status)?));
            } else {
                show(&status)?;
            }
        }
        None => stopped_status(json, common, settings)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn stopped_status(json: bool, common: &Common, settings: &Settings) -> anyhow::Result<()> {
    // Beyond the end of the ledger nothing is read.
    let state = restore::migration(&stopped::paths(&common.data_dir, settings).ledger, Seq(u64::MAX))?;
    let next = storage::migrate::phase::next_command(&state);
    if json {
        let standing = Standing::stopped(&settings.timescale);
        let status = Migration::of(&Status { state, next, standing, working: None, last: None });
        output::line(format_args!("{}", serde_json::to_string_pretty(&status)?));
        return Ok(());
    }
    output::line(format_args!("{} (merganser does not run: what the ledger says); {next}", state.phase));
    Ok(())
}

fn show(now: &Migration) -> anyhow::Result<()> {
    let since = now.since.as_ref().map_or(String::new(), |since| format!(" since {since}"));
    output::line(format_args!("{}{since}; {}", now.phase, now.next));
    output::line(format_args!("server      {}", now.server));
    if let Some(at) = &now.watermark {
        output::line(format_args!("watermark   {at}: what stands there with an earlier time comes over by backfill"));
    }
    let sink = &now.sink;
    let lag = sink.lag_seconds.map_or("behind by an unknown time".to_owned(), |s| format!("{s:.1} s behind"));
    let frozen = if now.is_frozen { ", frozen" } else { "" };
    output::line(format_args!(
        "sink        {}{frozen}, {} rows written, {lag} ({} ledger, {} market records)",
        sink.state, sink.rows, sink.ledger_lag, sink.market_lag
    ));
    if sink.journal_kept_bytes > 0 {
        let (kept, most) = (sink.journal_kept_bytes, sink.journal_max_bytes);
        let percent = 100.0 * kept as f64 / most.max(1) as f64;
        output::line(format_args!(
            "            {kept} bytes of the market journal are kept for it, {percent:.0} % of what may be ({most}); at 100 % the oldest are given up, orders and fills never"
        ));
    }
    if sink.given_up > 0 {
        output::line(format_args!(
            "            {} market records were given up; `compare --repair` brings their rows",
            sink.given_up
        ));
    }
    sink.last_error.iter().for_each(|error| output::line(format_args!("            {error}")));
    if let Some(done) = &now.backfill {
        output::line(format_args!(
            "backfill    {} rows in {} slices, {} refused of which {} are accepted, ended {}",
            done.rows, done.slices, done.refused, done.accepted, done.at
        ));
    }
    if let Some(done) = &now.compare {
        let clean = match &done.clean_since {
            Some(since) => format!("equal since {since}"),
            None if done.differing == 0 => "equal then, and NOT EQUAL in an answer since".to_owned(),
            None => "NOT EQUAL".to_owned(),
        };
        output::line(format_args!(
            "compare     {} rows of both sides together, {} slices differ, ended {}: {clean}",
            done.rows, done.differing, done.at
        ));
    }
    reads(now);
    if let Some(working) = &now.working {
        output::line(format_args!(
            "under way   {} since {}: {}/{}, {} rows, {}",
            working.what, working.since, working.done, working.all, working.rows, working.step
        ));
    }
    now.last.iter().for_each(|done| {
        let how = if done.is_good { "" } else { "NOT GOOD: " };
        output::line(format_args!("last        {} at {}: {how}{}", done.what, done.at, done.text));
    });
    Ok(())
}

/// The two sides beside each other.
fn reads(now: &Migration) {
    let Some(reads) = &now.reads else { return };
    output::line(format_args!(
        "reads       {}; {} answers were compared, {} were not the same",
        who_answers(now),
        reads.shadowed,
        reads.mismatches
    ));
    let ms = |time: Option<f64>| time.map_or("-".to_owned(), |time| format!("{time:.1}"));
    let row = |name: &str, side: &Side| {
        [name.to_owned(), side.count.to_string(), side.errors.to_string(), ms(side.p50_ms), ms(side.p99_ms)]
    };
    let rows = [row("DuckDB", &reads.duckdb), row("PostgreSQL", &reads.postgres)];
    output::columns(["answered by", "reads", "errors", "p50 ms", "p99 ms"], rows);
}

/// Whose reads they are, which the share says in one phase only.
fn who_answers(now: &Migration) -> String {
    match (now.use_duckdb, now.phase.as_str()) {
        (Some(all), _) => format!("USE_DUCKDB={all}"),
        (None, "gradual_reads") => format!("DuckDB answers {} of a hundred, PostgreSQL the others", now.percent),
        (None, "dual_write" | "backfill" | "compare") => "PostgreSQL answers all".to_owned(),
        (None, _) => "DuckDB answers all".to_owned(),
    }
}

/// What work came to.
pub fn last(last: &Last, json: bool) -> anyhow::Result<()> {
    if json {
        output::line(format_args!("{}", serde_json::to_string_pretty(last)?));
        return Ok(());
    }
    let report = last.report.as_ref().filter(|_| last.what == "compare");
    if let Some(report) = report.and_then(|report| Report::deserialize(report).ok()) {
        compared(&report);
    }
    output::line(format_args!("{}", last.text));
    Ok(())
}

/// What a comparison found: each table, each row that differs, and what was done about it.
fn compared(report: &Report) {
    for total in &report.totals {
        let of = total.origin.as_ref().map_or(String::new(), |origin| format!(" ({origin})"));
        let word = if total.differing == 0 { "equal" } else { "DIFFERS" };
        output::line(format_args!(
            "{word:<8} {}{of}: {} rows, {} there, {} slices; hash {} and {}",
            total.table, total.duckdb, total.postgres, total.slices, total.duckdb_hash, total.postgres_hash
        ));
    }
    for row in &report.mismatches {
        let known = |value: &Option<String>| value.clone().unwrap_or("NULL".to_owned());
        let cells = row.columns.iter().map(|cell| {
            let (column, duckdb, postgres) = (&cell.column, known(&cell.duckdb), known(&cell.postgres));
            match row.side {
                On::Differs => format!("{column} is {duckdb} in DuckDB and {postgres} in PostgreSQL"),
                On::OnlyDuckdb => format!("{column} {duckdb}"),
                On::OnlyPostgres => format!("{column} {postgres}"),
            }
        });
        let cells = cells.collect::<Vec<_>>().join(", ");
        let side = match row.side {
            On::Differs => String::new(),
            On::OnlyDuckdb => " only DuckDB has it:".to_owned(),
            On::OnlyPostgres => " only PostgreSQL has it:".to_owned(),
        };
        let symbol = if row.symbol.is_empty() { String::new() } else { format!(" {}", row.symbol) };
        output::line(format_args!("MISMATCH {} {}{symbol} {}:{side} {cells}", row.table, row.day, row.key));
    }
    if report.has_more {
        output::line(format_args!("MISMATCH and more rows, which are not shown"));
    }
    for refused in &report.refused {
        output::line(format_args!("DIFFERS  {}", refused_in_words(refused)));
    }
    for repair in &report.repairs {
        let word = if repair.is_done { "REPAIRED" } else { "LEFT" };
        output::line(format_args!("{word:<8} {} {}: {}", repair.table, repair.what, repair.how));
    }
    if let Some(after) = &report.after {
        output::line(format_args!("after that:"));
        compared(after);
    }
}

fn refused_in_words(Refused { origin, from, to, now, known }: &Refused) -> String {
    let known = match known {
        Known::BroughtOver(rows) => format!("{rows} did not when it was brought over"),
        Known::Accepted(rows) => format!("{rows} are accepted"),
    };
    format!("{origin} from {from} to {to}: {now} rows do not fit now, {known}")
}

#[cfg(test)]
mod tests {
    use messages::migration::Phase;

    use super::*;

    #[test]
    fn who_answers_is_said_as_it_is_in_each_phase() {
        let settings = config::load(&config::Layers::default()).unwrap().timescale;
        let check = |phase, percent, expected: &str| {
            let state = messages::migration::Migration { phase, percent, ..messages::migration::Migration::default() };
            let standing = Standing::stopped(&settings);
            let now = Migration::of(&Status { state, next: "", standing, working: None, last: None });
            assert_eq!(who_answers(&now), expected, "{phase}");
            assert_eq!((now.sink.state.as_str(), &now.reads, &now.working), ("off", &None, &None));
        };
        check(Phase::Off, 0, "DuckDB answers all");
        check(Phase::Compare, 0, "PostgreSQL answers all");
        check(Phase::GradualReads, 10, "DuckDB answers 10 of a hundred, PostgreSQL the others");
        check(Phase::DuckdbPrimary, 100, "DuckDB answers all");
    }

    #[test]
    fn rows_that_do_not_fit_are_held_against_what_is_known_of_them() {
        let check = |known, expected: &str| {
            let [origin, from, to] = ["public.t", "2026-01-02", "2026-01-03"].map(str::to_owned);
            let words = refused_in_words(&Refused { origin, from, to, now: 3, known });
            assert_eq!(words, format!("public.t from 2026-01-02 to 2026-01-03: 3 rows do not fit now, {expected}"));
        };
        check(Known::BroughtOver(1), "1 did not when it was brought over");
        check(Known::Accepted(2), "2 are accepted");
    }
}
