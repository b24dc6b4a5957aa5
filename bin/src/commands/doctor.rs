//! `merganser doctor`: checks every invariant that it can, on a stopped directory.

use std::process::ExitCode;

use actors::venues::{PAPER, Route, Venues};
use clap::Args;
use config::Settings;
use storage::DataDir;
use storage::archive::Finding;
use storage::datadir::Paths;
use storage::duck::instance::Instance;
use storage::journal::{self, Log};
use storage::sql::{self, Limits};
use storage::sql_tiers::Scope;

use super::archive::Opened;
use super::{Common, archive, import};
use crate::stopped;

/// A question that must have no rows for an answer.
struct Check {
    what: &'static str,
    sql: &'static str,
    /// That it says nothing where fills were deleted.
    needs_all_fills: bool,
}

impl Check {
    const fn new(what: &'static str, sql: &'static str) -> Self {
        Self { what, sql, needs_all_fills: false }
    }
}

/// Of what this program recorded itself: rows that were brought over from elsewhere follow the rules of those who made them.
const CHECKS: &[Check] = &[
    Check::new(
        "tick ids are unique",
        "SELECT tick_id FROM market_ticks GROUP BY tick_id HAVING count(*) > 1",
    ),
    Check::new(
        "every filled order's fills add up to it",
        "SELECT o.order_id, o.filled_quantity, sum(t.quantity) AS fills FROM orders o LEFT JOIN trades t USING (order_id)
              GROUP BY ALL HAVING o.filled_quantity <> coalesce(sum(t.quantity), 0)",
    ),
    Check {
        needs_all_fills: true,
        ..Check::new(
        "positions are the sum of their fills",
        "WITH newest AS (
                  SELECT account, exchange, symbol, strategy_id,
                         arg_max(CASE side WHEN 'short' THEN -quantity ELSE quantity END, position_id) AS held
                  FROM positions GROUP BY ALL),
              filled AS (
                  SELECT account, exchange, symbol, strategy_id, sum(CASE side WHEN 'sell' THEN -quantity ELSE quantity END) AS held
                  FROM trades GROUP BY ALL)
              SELECT * FROM newest FULL JOIN filled USING (account, exchange, symbol, strategy_id)
              WHERE coalesce(newest.held, 0) <> coalesce(filled.held, 0)",
    )
    },
    Check::new(
        "an order's row is its last event",
        "SELECT o.order_id, o.status, e.state FROM orders o
              JOIN (SELECT order_id, arg_max(state, number) AS state FROM order_events GROUP BY 1) e USING (order_id)
              WHERE o.status <> e.state",
    ),
    Check::new(
        "an order's events are numbered without a hole",
        "SELECT order_id FROM order_events GROUP BY 1 HAVING max(number) <> count(*) OR min(number) <> 1",
    ),
    Check::new(
        "every trade's order is there",
        "SELECT trade_id FROM trades ANTI JOIN orders USING (order_id)",
    ),
    Check::new(
        "bars are whole",
        "SELECT bar_id FROM ohlcv_bars WHERE high < low OR high < \"open\" OR high < \"close\" OR low > \"open\" OR low > \"close\" OR trade_count < 1",
    ),
    Check::new(
        "quantities are not negative",
        "SELECT position_id FROM positions WHERE quantity < 0 UNION ALL SELECT bar_id FROM ohlcv_bars WHERE volume < 0",
    ),
];

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  merganser doctor --data-dir merganser-data")]
pub struct Arguments {
    /// Of files in the tiers only looks whether they are there with their sizes, and does not read them again.
    #[arg(long)]
    quick: bool,
    /// Takes over files in the tiers that this trading.duckdb does not know, because it was lost and built again or an older
    /// one was put back; then checks.
    #[arg(long)]
    rebuild_manifest: bool,
}

pub fn run(arguments: &Arguments, common: &Common, settings: &Settings, venues: &Venues) -> anyhow::Result<ExitCode> {
    let mut findings = 0;
    let mut say = |what: &str, finding: Option<String>| match finding {
        None => crate::output::line(format_args!("ok       {what}")),
        Some(text) => {
            findings += 1;
            crate::output::line(format_args!("FINDING  {what}: {text}"));
        }
    };
    if settings.venues.orders_to != PAPER {
        let route = crate::venues::checked_route(venues, settings);
        let place = route.as_ref().ok().and_then(Route::place);
        let what = crate::venues::announcement(&settings.venues.orders_to, place, settings.account.name);
        say(&what, route.err().map(|error| format!("{error:#}")));
    }
    let paths = stopped::paths(&common.data_dir, settings);
    let held = DataDir::open(&paths)?;
    for (log, dir) in [(Log::Ledger, &paths.ledger), (Log::Market, &paths.market)] {
        let verified = journal::verify(dir, log)?;
        let records: u64 = verified.iter().map(|v| v.records).sum();
        if let Some(oldest) = verified.first().map(|v| v.segment.first_seq).filter(|f| log == Log::Market && *f > 1) {
            // By the settings, and in the tables: nothing is wrong. But somebody may look for a session.
            crate::output::line(format_args!(
                "note     {log} records 1 to {} were dropped: sessions that began in them cannot be re-run",
                oldest - 1
            ));
        }
        let problem = verified.into_iter().find_map(|v| v.problem).map(|p| p.to_string());
        say(&format!("the {log} journal is intact ({records} records)"), problem);
    }
    drop(held);
    let unfinished = import::unfinished(&paths.ledger)?;
    say("every import has ended", (!unfinished.is_empty()).then(|| unfinished.join("; ")));
    if arguments.rebuild_manifest {
        skip_dropped(&paths, settings)?;
    }
    let Opened { archive, stores, instance, .. } = archive::open(common, settings, &|_| {})?;
    if arguments.rebuild_manifest {
        let rebuilt = archive.rebuild()?;
        crate::output::line(format_args!("note     {} files were taken over", rebuilt.taken));
        say("every recorded file could be taken over", first(&rebuilt.left));
    }
    let (files, mut found) = archive.verify(arguments.quick, &|_| {})?;
    let what = if arguments.quick { "is there" } else { "holds what it held" };
    say(&format!("every file of the tiers {what} ({files} files)"), first(&found));
    found = archive.look_through()?;
    say("every file has one owner, and no part is missing", first(&found));
    let due = archive.due(actors::clock::Clock::wall().now(), &[])?;
    if !due.is_empty() {
        // They wait for the schedule: nothing is wrong.
        crate::output::line(format_args!(
            "note     {} steps of the archive are due; see: merganser archive run --dry-run",
            due.len()
        ));
    }
    let deleted = archive.deleted()?;
    let limits = Limits { rows: 1_000_000, time: std::time::Duration::from_secs(600) };
    for check in CHECKS {
        if check.needs_all_fills
            && deleted.iter().any(|what| what.starts_with("trades ") || what.starts_with("positions "))
        {
            let what = check.what;
            crate::output::line(format_args!(
                "note     not looked at: {what}: fills were deleted at the end of their life"
            ));
            continue;
        }
        let answer = match sql::run(instance.pool(), &stores, check.sql, Scope::Own, limits) {
            Ok(answer) => answer,
            // It needs rows that cannot be had now: that is no finding, and not nothing.
            Err(sql::Error::Tiers(why)) => {
                crate::output::line(format_args!("note     not looked at: {}: {why}", check.what));
                continue;
            }
            // One file that cannot be read is no reason not to look at the rest.
            Err(error) => {
                say(check.what, Some(format!("cannot be looked at: {:#}", anyhow::Error::from(error))));
                continue;
            }
        };
        let rows: usize = answer.batches.iter().map(arrow::array::RecordBatch::num_rows).sum();
        say(
            check.what,
            (rows > 0).then(|| format!("{rows} exceptions; see: merganser sql \"{}\"", one_line(check.sql))),
        );
    }
    Ok(if findings == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Market records that the journal has no more are not waited for: the files that are taken over hold them, or nothing does.
fn skip_dropped(paths: &Paths, settings: &Settings) -> anyhow::Result<()> {
    let Some(oldest) = journal::verify(&paths.market, Log::Market)?.first().map(|v| v.segment.first_seq) else {
        return Ok(());
    };
    let instance = Instance::open(&paths.database, &settings.duckdb.options(), &paths.places)?;
    if let Some((first, last)) = storage::archive::skip_dropped(&instance.connect()?, oldest)? {
        crate::output::line(format_args!(
            "note     market records {first} to {last} are in no journal any more: what no file of the tiers holds of them is lost"
        ));
    }
    Ok(())
}

/// The first of the findings, and how many there are.
fn first(findings: &[Finding]) -> Option<String> {
    let one = findings.first()?;
    Some(format!("{} in all; {}: {}", findings.len(), one.what, one.finding))
}

fn one_line(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ").replace('"', "\\\"")
}
