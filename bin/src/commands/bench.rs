//! `merganser bench`: measures this machine against the targets.

mod backtest;
mod frame_parse;
mod ingest;
mod latency;
mod machine;
mod probe;
mod query;
mod readers;
mod restart;
mod stream;

use std::path::PathBuf;
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
    /// Ticks into the market journal and the tables.
    #[command(after_help = "Example:\n  merganser bench ingest --json")]
    Ingest,
    /// From a frame to a tick, to an order, to the venue.
    #[command(after_help = "Example:\n  merganser bench latency")]
    Latency,
    /// Many who ask at once, while 100,000 rows/s arrive.
    #[command(after_help = "Example:\n  merganser bench readers --seconds 10")]
    Readers {
        /// How long.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Connections of the pool.
        #[arg(long, default_value_t = 50)]
        readers: usize,
        /// Tasks that ask.
        #[arg(long, default_value_t = 200)]
        tasks: usize,
        /// Questions of all tasks together, per second; 0 for as many as they can.
        #[arg(long, default_value_t = 0)]
        questions: u64,
    },
    /// Questions to every tier, alone and while 100,000 rows/s arrive; what is pruned, and how small files are.
    #[command(after_help = "Example:\n  merganser bench query --rows 1000000 --days 10 --json")]
    Query {
        /// Ticks of history.
        #[arg(long, default_value_t = 10_000_000)]
        rows: u64,
        /// Instruments that they are of.
        #[arg(long, default_value_t = 100)]
        symbols: usize,
        /// Days that they are spread over, the last of them today.
        #[arg(long, default_value_t = 100)]
        days: u32,
        /// How long rows arrive while others ask.
        #[arg(long, default_value_t = 30)]
        seconds: u64,
        /// Recorded Binance frames whose ticks are compressed, in place of the made ones. May be given many times.
        #[arg(long = "recorded", value_name = "FILE")]
        recorded: Vec<PathBuf>,
    },
    /// What it costs those who trade that many watch, while 20,000 ticks/s arrive.
    #[command(after_help = "Example:\n  merganser bench stream --seconds 60 --json")]
    Stream {
        /// How long: half of it while nobody watches, half while the clients do.
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(12..))]
        seconds: u64,
        /// Clients by WebSocket; one of them never reads.
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(2..=500))]
        clients: u64,
    },
    /// Decoded trades through ema_cross and the paper venue.
    #[command(after_help = "Example:\n  merganser bench backtest --json")]
    Backtest {
        /// How many trades.
        #[arg(long, default_value_t = 2_000_000)]
        ticks: usize,
    },
}

/// One figure beside its target.
#[derive(Debug, Serialize)]
struct Figure {
    name: &'static str,
    unit: &'static str,
    /// `None` where there is nothing to measure yet.
    value: Option<f64>,
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
    let (mut code, mut findings) = (ExitCode::SUCCESS, Vec::new());
    let (bench, results) = match &arguments.what {
        What::Ingest => ("ingest", ingest::measure(&settings)?),
        What::Latency => {
            let mut results = latency::measure(&settings)?;
            results.push(restart::measure(&settings)?);
            ("latency", results)
        }
        &What::Readers { seconds, readers, tasks, questions } => {
            let load = readers::Load { seconds, readers, tasks, questions };
            let outcome = readers::measure(settings, load)?;
            (code, findings) = (outcome.code(), outcome.findings);
            ("readers", outcome.figures)
        }
        &What::Query { rows, symbols, days, seconds, ref recorded } => {
            let outcome = query::measure(&settings, query::Size { rows, symbols, days, seconds }, recorded)?;
            (code, findings) = (outcome.code(), outcome.findings);
            ("query", outcome.figures)
        }
        &What::Stream { seconds, clients } => {
            let outcome = stream::measure(&settings, stream::Size { seconds, clients })?;
            (code, findings) = (outcome.code(), outcome.findings);
            ("stream", outcome.figures)
        }
        &What::Backtest { ticks } => ("backtest", backtest::measure(settings, registry, ticks)?),
    };
    let bench = Bench { bench, machine: machine::Machine::this(), results };
    if arguments.json {
        crate::output::line(format_args!("{}", serde_json::to_string_pretty(&bench)?));
    } else {
        for figure in &bench.results {
            let target = figure.target.map_or(String::new(), |t| format!("   target {t}"));
            let value = figure.value.map_or("not there".to_owned(), |v| format!("{v:.2}"));
            crate::output::line(format_args!("{:<24} {value:>14} {}{target}", figure.name, figure.unit));
        }
    }
    for finding in findings {
        eprintln!("FINDING  {finding}");
    }
    Ok(code)
}

/// A folder for a benchmark's files, beside the current one so that it measures the disk in use.
fn scratch() -> anyhow::Result<tempfile::TempDir> {
    Ok(tempfile::Builder::new().prefix("merganser-bench-").tempdir_in(".")?)
}
