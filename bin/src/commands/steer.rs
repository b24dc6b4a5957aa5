//! `merganser strategies|halt|resume|reconcile`: what a person says to a running instance.

use std::process::ExitCode;

use actors::ports::StrategyStatus;
use anyhow::Context;
use clap::{Args, Subcommand};
use messages::risk::TradingState;

use super::Common;
use crate::client::{self, Running};
use crate::http::TradingRequest;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  merganser strategies list\n  merganser strategies resume ema_cross")]
pub struct Strategies {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Every strategy with its state, faults and restarts.
    #[command(after_help = "Example:\n  merganser strategies list")]
    List,
    /// Starts a quarantined strategy again.
    #[command(after_help = "Example:\n  merganser strategies resume ema_cross")]
    Resume {
        /// Its name.
        name: String,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  merganser halt --cancel-all --why \"odd fills\"")]
pub struct Halt {
    /// Why; it is written to the ledger.
    #[arg(long, default_value = "")]
    why: String,
    /// Cancels all open orders, too.
    #[arg(long)]
    cancel_all: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  merganser resume --why \"all reconciled\"")]
pub struct Resume {
    /// Why; it is written to the ledger.
    #[arg(long, default_value = "")]
    why: String,
}

/// The instance that runs on the data directory.
pub fn running(common: &Common) -> anyhow::Result<Running> {
    client::find(&common.data_dir)?.with_context(|| {
        format!(
            "nothing runs on {}; start it with `merganser run`, or give another --data-dir",
            common.data_dir.display()
        )
    })
}

pub fn strategies(arguments: &Strategies, common: &Common) -> anyhow::Result<ExitCode> {
    let running = running(common)?;
    match &arguments.what {
        What::List => {
            let found: Vec<StrategyStatus> = serde_json::from_str(&running.get("/api/v1/strategies")?)?;
            let mut table = comfy_table::Table::new();
            table.load_style(comfy_table::presets::UTF8_BORDERS_ONLY);
            table.set_header(["strategy", "state", "generation", "faults", "abandoned threads", "last fault"]);
            for s in found {
                let last = s.last_fault.unwrap_or_default();
                table.add_row([
                    s.name,
                    s.state,
                    s.generation.to_string(),
                    s.faults.to_string(),
                    s.abandoned.to_string(),
                    last,
                ]);
            }
            crate::output::line(format_args!("{table}"));
        }
        What::Resume { name } => crate::output::text(&running.post(&format!("/api/v1/strategies/{name}/resume"), &())?),
    }
    Ok(ExitCode::SUCCESS)
}

pub fn halt(arguments: &Halt, common: &Common) -> anyhow::Result<ExitCode> {
    let Halt { why, cancel_all } = arguments;
    trading(&TradingRequest { state: TradingState::Halted, why: why.clone(), cancel_all: *cancel_all }, common)
}

pub fn resume(arguments: &Resume, common: &Common) -> anyhow::Result<ExitCode> {
    trading(&TradingRequest { state: TradingState::Active, why: arguments.why.clone(), cancel_all: false }, common)
}

pub fn reconcile(common: &Common) -> anyhow::Result<ExitCode> {
    crate::output::text(&running(common)?.post("/api/v1/reconcile", &())?);
    Ok(ExitCode::SUCCESS)
}

fn trading(request: &TradingRequest, common: &Common) -> anyhow::Result<ExitCode> {
    crate::output::text(&running(common)?.post("/api/v1/trading", request)?);
    Ok(ExitCode::SUCCESS)
}
