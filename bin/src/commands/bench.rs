//! `merganser bench`: measures this machine against the targets.

mod backtest;
mod machine;

use std::process::ExitCode;

use actors::strategies::registry::Registry;
use clap::{Args, Subcommand};
use config::Settings;
use serde::Serialize;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  merganser bench backtest --json")]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
    /// As JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Decoded trades through ema_cross and the paper venue.
    Backtest,
}

/// One figure beside its target.
#[derive(Debug, Serialize)]
struct Figure {
    name: &'static str,
    unit: &'static str,
    value: f64,
    /// `None` where the design names none.
    target: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Bench {
    bench: &'static str,
    machine: machine::Machine,
    results: Vec<Figure>,
}

pub fn run(arguments: &Arguments, settings: Settings, registry: &Registry) -> anyhow::Result<ExitCode> {
    let (bench, results) = match arguments.what {
        What::Backtest => ("backtest", backtest::measure(settings, registry)?),
    };
    let bench = Bench { bench, machine: machine::Machine::this(), results };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&bench)?);
    } else {
        for figure in &bench.results {
            let target = figure.target.map_or(String::new(), |t| format!("   target {t}"));
            println!("{:<24} {:>16.1} {}{target}", figure.name, figure.value, figure.unit);
        }
    }
    Ok(ExitCode::SUCCESS)
}
