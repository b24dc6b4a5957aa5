//! `merganser sql`: one SELECT over everything that was recorded.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use config::Settings;
use messages::{UtcNanos, caps, durations};
use storage::query::Range;
use storage::sql::{self, Limits};
use storage::sql_tiers::Scope;

use super::Common;
use crate::client;
use crate::http::sql::Request;
use crate::output::{self, Format};
use crate::stopped;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  merganser sql \"select symbol, count(*) from market_ticks group by 1\"\n  merganser sql \"select * from current_positions\" --format csv\n  merganser sql \"select count(*) from market_ticks\" --from 2026-01-01 --to 2026-02-01"
)]
pub struct Arguments {
    /// The SELECT.
    query: String,
    /// With what is cold, from this time on: YYYY-MM-DD, or with HH:MM:SS, in UTC.
    #[arg(long, value_name = "TIME")]
    from: Option<UtcNanos>,
    /// With what is cold, before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<UtcNanos>,
    /// Only what is on this machine.
    #[arg(long, conflicts_with_all = ["from", "to"])]
    local_only: bool,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// The most rows of an answer.
    #[arg(long, default_value_t = 100_000, value_parser = super::at_most(caps::SQL_ROWS))]
    max_rows: usize,
    /// The longest time for it; default duckdb.query_timeout.
    #[arg(long, value_name = "TIME", value_parser = timeout)]
    timeout: Option<Duration>,
    /// Wait until the tables hold what is durable now: the default.
    #[arg(long, overrides_with = "stale")]
    fresh: bool,
    /// Do not wait for that.
    #[arg(long)]
    stale: bool,
}

fn timeout(text: &str) -> Result<Duration, String> {
    let time = actors::durations::parse(text)?;
    let most = caps::QUESTION_TIME;
    if time > most { Err(format!("expected at most {}", durations::format(most))) } else { Ok(time) }
}

impl Arguments {
    fn scope(&self) -> Scope {
        match (self.from, self.to) {
            (None, None) if self.local_only => Scope::Local,
            (None, None) => Scope::All,
            (from, to) => Scope::Range(Range { from: from.unwrap_or(UtcNanos::MIN), to: to.unwrap_or(UtcNanos::MAX) }),
        }
    }
}

pub fn run(arguments: &Arguments, common: &Common, settings: &Settings) -> anyhow::Result<ExitCode> {
    output::refuse_terminal(arguments.format)?;
    super::check_range(arguments.from, arguments.to);
    let time = arguments.timeout.unwrap_or(settings.duckdb.query_timeout);
    if let Some(running) = client::find(&common.data_dir)? {
        let request = Request {
            query: arguments.query.clone(),
            scope: arguments.scope(),
            format: arguments.format,
            max_rows: arguments.max_rows,
            timeout_ms: arguments.timeout.map(|time| u64::try_from(time.as_millis())).transpose()?,
            stale: arguments.stale && !arguments.fresh,
        };
        output::bytes(&running.ask("/api/v1/sql", &request, Some(client::within(settings, time)))?.body);
        return Ok(ExitCode::SUCCESS);
    }
    let stopped = stopped::open(&common.data_dir, settings)?;
    let limits = Limits { rows: arguments.max_rows, time };
    let answer = sql::run(stopped.instance.pool(), &stopped.stores, &arguments.query, arguments.scope(), limits)?;
    output::write(&answer, arguments.format, &mut std::io::stdout())?;
    Ok(ExitCode::SUCCESS)
}
