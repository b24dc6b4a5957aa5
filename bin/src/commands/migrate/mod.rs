//! `merganser migrate timescale`: the way out of a PostgreSQL server, with TimescaleDB or without.
//!
//! - `look`: what would come over, and what is in the way.
//! - `steps`: the way itself, asked of the running instance.
//! - `shown`: how far it was gone.

mod look;
mod shown;
mod steps;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use config::Settings;

use super::Common;

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    /// From the server that timescale.url names.
    #[command(subcommand)]
    Timescale(What),
}

#[derive(Debug, Subcommand)]
enum What {
    #[command(flatten)]
    Look(look::Look),
    /// Makes the server ready, and writes what comes to both sides from then on.
    #[command(after_help = "Example:\n  merganser migrate timescale init --why 'leaving on the first of the month'")]
    Init(steps::Lasting),
    /// How far the way was gone: the phase, how far PostgreSQL is behind, the last backfill and comparison, who answers reads.
    #[command(after_help = "Example:\n  merganser migrate timescale status --json")]
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Brings over what stood there before dual write, the newest first. Broken off, it goes on where it was.
    #[command(
        after_help = "Examples:\n  merganser migrate timescale backfill\n  merganser migrate timescale backfill --table public.trades --from 2026-01-01 --to 2026-02-01 --again"
    )]
    Backfill(steps::Backfill),
    /// Holds both sides against each other: rows, times, exact sums and hashes by table, day and symbol, down to the row.
    #[command(
        after_help = "Examples:\n  merganser migrate timescale compare\n  merganser migrate timescale compare --table trades --repair"
    )]
    Compare(steps::Compare),
    /// Lets DuckDB answer a share of the reads.
    #[command(after_help = "Example:\n  merganser migrate timescale reads --percent 10")]
    Reads(steps::Reads),
    /// Lets DuckDB alone answer; PostgreSQL stays a standby, or is frozen.
    #[command(after_help = "Example:\n  merganser migrate timescale promote --why 'a week at 100 percent'")]
    Promote(steps::Promote),
    /// Goes a step back.
    #[command(after_help = "Example:\n  merganser migrate timescale rollback --why 'slow answers'")]
    Rollback(steps::Why),
    /// Compares once more, exports every table to the cold store, and leaves PostgreSQL. Drops nothing unless it is told to.
    #[command(
        after_help = "Examples:\n  merganser migrate timescale decommission\n  merganser migrate timescale decommission --yes-drop market"
    )]
    Decommission(steps::Decommission),
    /// Ends the work that is under way.
    Stop,
}

pub fn run(arguments: &Arguments, common: &Common, settings: &Settings) -> anyhow::Result<ExitCode> {
    let From::Timescale(what) = &arguments.from;
    match what {
        What::Look(what) => look::run(what, common, settings),
        What::Init(why) => steps::init(why, common),
        What::Status { json } => shown::status(*json, common, settings),
        What::Backfill(backfill) => backfill.run(common),
        What::Compare(compare) => compare.run(common),
        What::Reads(reads) => reads.run(common),
        What::Promote(promote) => promote.run(common),
        What::Rollback(why) => steps::rollback(why, common),
        What::Decommission(decommission) => decommission.run(common),
        What::Stop => steps::stop(common),
    }
}
