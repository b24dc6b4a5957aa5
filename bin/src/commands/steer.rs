//! `merganser strategies|halt|resume`: what a person says to a running instance.

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
    List,
    /// Starts a quarantined strategy again.
    Resume {
        /// Its name.
        name: String,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  merganser halt --why \"odd fills\"")]
pub struct Trading {
    /// Why; it is written to the ledger.
    #[arg(long, default_value = "")]
    why: String,
}

fn running(common: &Common) -> anyhow::Result<Running> {
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
            println!("{table}");
        }
        What::Resume { name } => print!("{}", running.post(&format!("/api/v1/strategies/{name}/resume"), &())?),
    }
    Ok(ExitCode::SUCCESS)
}

pub fn trading(arguments: &Trading, common: &Common, state: TradingState) -> anyhow::Result<ExitCode> {
    let request = TradingRequest { state, why: arguments.why.clone() };
    print!("{}", running(common)?.post("/api/v1/trading", &request)?);
    Ok(ExitCode::SUCCESS)
}
