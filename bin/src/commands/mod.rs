//! The command line.

pub mod archive;
mod backtest;
mod backup;
mod bench;
mod config_command;
mod doctor;
mod feeds;
mod history;
mod import;
mod journal_command;
mod migrate;
mod orders;
mod reconcile;
mod replay;
mod report;
mod risk;
mod run;
mod sql;
mod status;
mod steer;
mod strategies;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, CommandFactory, Parser, Subcommand};
use config::{Layers, Settings};
use messages::UtcNanos;

use crate::{Plugins, output};

/// A trading runtime in one binary: feeds, strategies, orders, positions and history, durable and in SQL.
#[derive(Debug, Parser)]
#[command(
    name = "merganser",
    version,
    after_help = "Examples:\n  merganser backtest --format binance-frames --input day.gz --strategy ema_cross --data-dir bt\n  merganser sql \"select count(*) from trades\" --data-dir bt"
)]
pub struct Line {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    common: Common,
    /// More in the log: -v for info, -vv for debug.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// What every command takes.
#[derive(Debug, Args)]
pub struct Common {
    /// Where everything is kept.
    #[arg(long, global = true, default_value = "merganser-data", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// A file of settings over the defaults.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A named set of settings over the defaults.
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// One setting, over all else. May be given many times.
    #[arg(long, global = true, value_name = "section.key=value")]
    pub set: Vec<String>,
}

impl Common {
    /// The settings.
    ///
    /// # Errors
    /// Everything that is wrong with them, at once.
    pub fn settings(&self) -> Result<Settings, config::Error> {
        let layers = Layers { profile: self.profile.clone(), file: self.config.clone(), set: self.set.clone() };
        config::load(&layers)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The runtime; what `merganser` alone does.
    Run(run::Arguments),
    /// Runs strategies on recorded data, deterministically, in virtual time.
    Backtest(backtest::Arguments),
    /// Recorded data through the live actors, on the paper account.
    Replay(replay::Arguments),
    /// Answers one SELECT over everything that was recorded.
    Sql(sql::Arguments),
    /// Ticks, bars, orders, fills, positions and equity, whatever tier they are in.
    History(history::Arguments),
    /// What an account came to: equity, results, execution and the figures that a quant expects, on one page.
    Report(report::Arguments),
    /// Brings recorded history into the tables.
    Import(import::Arguments),
    /// The tiers of history: what moves, what stands where, whether it is what it was.
    Archive(archive::Arguments),
    /// The data directory, running or stopped, into a folder or a bucket, and back.
    Backup(backup::Arguments),
    /// How a running instance stands, and where its dashboard is.
    #[command(after_help = "Example:\n  merganser status --data-dir merganser-data")]
    Status,
    /// Prints the link to the dashboard of a running instance, which logs a browser in.
    #[command(after_help = "Example:\n  xdg-open \"$(merganser dashboard)\"")]
    Dashboard,
    /// The orders of a running instance: see, place, cancel.
    Orders(orders::Arguments),
    /// What a running instance holds, and what it is worth.
    Positions(orders::Positions),
    /// What a running instance may trade: each limit, its use and what would trip it; changed, and latches set free.
    Risk(risk::Arguments),
    /// The strategies of a running instance: see, start, stop.
    Strategies(strategies::Arguments),
    /// The log of a running instance.
    Logs(status::Logs),
    /// Cancels all orders of a running instance and closes every position at the market.
    Flatten(steer::Flatten),
    /// The live feeds of a running instance.
    Feeds(feeds::Arguments),
    /// Stops all new orders of a running instance; cancels go through.
    Halt(steer::Halt),
    /// Lets a running instance trade again.
    Resume(steer::Resume),
    /// Holds the books of a running instance against its venue's: orders, fills, positions, balances.
    Reconcile(reconcile::Reconcile),
    /// The journals of a stopped directory.
    Journal(journal_command::Arguments),
    /// Out of TimescaleDB, or plain PostgreSQL.
    Migrate(migrate::Arguments),
    /// Checks every invariant that it can, on a stopped directory.
    Doctor(doctor::Arguments),
    /// Checks or shows the settings.
    Config(config_command::Arguments),
    /// Measures this machine against the targets.
    Bench(bench::Arguments),
}

/// Ends the program as clap does where the command line contradicts itself: with the usage, and 2.
pub(crate) fn misused(why: impl std::fmt::Display) -> ! {
    Line::command().error(clap::error::ErrorKind::ArgumentConflict, why).exit()
}

/// Refuses a range that ends before it begins.
pub(crate) fn check_range(from: Option<UtcNanos>, to: Option<UtcNanos>) {
    if let Some((from, to)) = from.zip(to).filter(|(from, to)| from > to) {
        misused(format_args!("--from {from} is after --to {to}; give the earlier time as --from"));
    }
}

/// Parses a number of rows, at most `most`.
pub(crate) fn at_most<T>(most: T) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync
where
    T: std::str::FromStr<Err = std::num::ParseIntError> + PartialOrd + std::fmt::Display + Copy + Send + Sync + 'static,
{
    move |text| match text.parse::<T>() {
        Ok(number) if number <= most => Ok(number),
        Ok(_) => Err(format!("expected at most {most}")),
        Err(error) => Err(error.to_string()),
    }
}

/// Does what the command line says.
///
/// # Errors
/// What a person should read, with the next step.
pub(crate) fn execute(line: Line, plugins: Plugins) -> anyhow::Result<ExitCode> {
    let settings = line.common.settings().context("nothing was started")?;
    output::start_logs(line.verbose, settings.telemetry.level);
    match line.command.unwrap_or_else(|| Command::Run(run::Arguments::default())) {
        Command::Run(arguments) => run::run(&arguments, &line.common, settings, plugins),
        Command::Replay(arguments) => replay::run(&arguments, &line.common, settings, plugins),
        Command::Backtest(arguments) => backtest::run(&arguments, &line.common, settings, &plugins),
        Command::Sql(arguments) => sql::run(&arguments, &line.common, &settings),
        Command::History(arguments) => history::run(&arguments, &line.common, &settings),
        Command::Report(arguments) => report::run(&arguments, &line.common, &settings),
        Command::Import(arguments) => import::run(&arguments, &line.common, &settings),
        Command::Archive(arguments) => archive::run(&arguments, &line.common, &settings),
        Command::Backup(arguments) => backup::run(&arguments, &line.common, &settings),
        Command::Status => status::status(&line.common),
        Command::Dashboard => status::dashboard(&line.common),
        Command::Orders(arguments) => orders::run(&arguments, &line.common),
        Command::Positions(arguments) => orders::positions(&arguments, &line.common),
        Command::Risk(arguments) => risk::run(&arguments, &line.common),
        Command::Strategies(arguments) => strategies::run(&arguments, &line.common),
        Command::Logs(arguments) => status::logs(&arguments, &line.common),
        Command::Flatten(arguments) => steer::flatten(&arguments, &line.common),
        Command::Feeds(arguments) => feeds::run(&arguments, &line.common),
        Command::Halt(arguments) => steer::halt(&arguments, &line.common),
        Command::Resume(arguments) => steer::resume(&arguments, &line.common),
        Command::Reconcile(arguments) => reconcile::run(&arguments, &line.common),
        Command::Journal(arguments) => journal_command::run(&arguments, &line.common, &settings),
        Command::Migrate(arguments) => migrate::run(&arguments, &line.common, &settings),
        Command::Doctor(arguments) => doctor::run(&arguments, &line.common, &settings, &plugins.venues),
        Command::Config(arguments) => config_command::run(&arguments, &settings, &plugins.venues),
        Command::Bench(arguments) => bench::run(&arguments, settings, &plugins.strategies),
    }
}
