//! `merganser strategies`: how the strategies of a running instance stand; started and stopped.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Common;
use super::steer::running;
use crate::http::strategies::Because;
use crate::http::trading::Done;
use crate::http::views::{Strategy, text};
use crate::output;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  merganser strategies\n  merganser strategies restart ema_cross --why \"new parameters\""
)]
pub struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Every strategy with its state, faults, restarts and results: the default.
    #[command(after_help = "Example:\n  merganser strategies list")]
    List,
    /// Starts one that was stopped.
    #[command(after_help = "Example:\n  merganser strategies start ema_cross")]
    Start(Which),
    /// Stops one, until it is started or the runtime starts again.
    #[command(after_help = "Example:\n  merganser strategies stop ema_cross --why \"losing\"")]
    Stop(Which),
    /// Stops one and starts it again.
    #[command(after_help = "Example:\n  merganser strategies restart ema_cross")]
    Restart(Which),
    /// Starts one that is quarantined again.
    #[command(after_help = "Example:\n  merganser strategies resume ema_cross")]
    Resume(Which),
}

#[derive(Debug, Args)]
struct Which {
    /// Its name.
    name: String,
    /// Why; it is written to the ledger.
    #[arg(long, default_value = "")]
    why: String,
}

pub fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<ExitCode> {
    let (verb, Which { name, why }) = match &arguments.what {
        None | Some(What::List) => return list(common),
        Some(What::Start(which)) => ("start", which),
        Some(What::Stop(which)) => ("stop", which),
        Some(What::Restart(which)) => ("restart", which),
        Some(What::Resume(which)) => ("resume", which),
    };
    let path = format!("/api/v1/strategies/{name}/{verb}");
    let Done { done } = running(common)?.say(&path, &Because { why: why.clone() })?;
    output::line(format_args!("{done}"));
    Ok(ExitCode::SUCCESS)
}

fn list(common: &Common) -> anyhow::Result<ExitCode> {
    let found: Vec<Strategy> = running(common)?.read("/api/v1/strategies")?;
    let unknown = || "unknown".to_owned();
    let rows = found.into_iter().map(|s| {
        let currency = s.results.currency.map_or_else(String::new, |currency| format!(" {currency}"));
        let sum = |sum: Option<String>| sum.map_or_else(unknown, |sum| format!("{sum}{currency}"));
        [
            s.name,
            s.state,
            s.generation.to_string(),
            s.faults.to_string(),
            s.abandoned.to_string(),
            sum(s.results.realized_pnl),
            sum(s.results.unrealized_pnl),
            s.results.open_orders.map_or_else(unknown, text),
            s.last_fault.unwrap_or_default(),
        ]
    });
    output::columns(
        [
            "strategy",
            "state",
            "generation",
            "faults",
            "abandoned threads",
            "realized",
            "unrealized",
            "open orders",
            "last fault",
        ],
        rows,
    );
    Ok(ExitCode::SUCCESS)
}
