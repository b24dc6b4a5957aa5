//! `merganser sql`: one SELECT over everything that was recorded.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use config::Settings;
use storage::sql::{self, Limits};

use super::Common;
use crate::client;
use crate::http::SqlRequest;
use crate::output::{self, Format};
use crate::stopped;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  merganser sql \"select symbol, count(*) from market_ticks group by 1\"\n  merganser sql \"select * from current_positions\" --format csv"
)]
pub struct Arguments {
    /// The SELECT.
    query: String,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// The most rows of an answer.
    #[arg(long, default_value_t = 100_000)]
    max_rows: usize,
    /// The longest time for it.
    #[arg(long, default_value = "30s", value_parser = actors::durations::parse)]
    timeout: Duration,
}

pub fn run(arguments: &Arguments, common: &Common, settings: &Settings) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    if let Some(running) = client::find(&common.data_dir)? {
        let request = SqlRequest {
            query: arguments.query.clone(),
            format: arguments.format,
            max_rows: arguments.max_rows,
            timeout_ms: u64::try_from(arguments.timeout.as_millis())?,
        };
        out.write_all(running.post("/api/v1/sql", &request)?.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let stopped = stopped::open(&common.data_dir, settings)?;
    let limits = Limits { rows: arguments.max_rows, time: arguments.timeout };
    let answer = sql::run(stopped.instance.pool(), &arguments.query, limits)?;
    output::write(&answer, arguments.format, &mut out)?;
    Ok(ExitCode::SUCCESS)
}
