//! `merganser backtest`: strategies on recorded data, deterministically, in virtual time.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use actors::assembly::Assembly;
use actors::backtest::driver::Driver;
use actors::backtest::machine::Machine;
use actors::backtest::recorder::Recorder;
use actors::backtest::session::Session;
use actors::feeds::input::{Format, Input, Merged};
use actors::settings::{Deciding, StrategyRun};
use actors::strategies::registry::Registry;
use anyhow::{Context, bail, ensure};
use clap::Args;
use config::Settings;
use indicatif::{ProgressBar, ProgressStyle};
use messages::ledger::{Decider, Delivery, LedgerRecord, MarketRecord, Mode, Started};
use messages::market::Source;
use messages::{Exchange, MarketId, StrategyId, UtcNanos};
use storage::DataDir;
use storage::datadir::Paths;

use super::{Common, report};
use crate::outcome::{self, Outcome};
use crate::report::ask::Still;
use crate::{Plugins, stopped};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  merganser backtest --format binance-frames --input a.gz --input b.gz --strategy ema_cross --data-dir bt\n  merganser backtest --session merganser-data --data-dir again --report again.html"
)]
pub struct Arguments {
    /// Recorded data; several files are merged by receive time.
    #[arg(long, value_name = "FILE", required_unless_present = "session")]
    input: Vec<PathBuf>,
    /// How it is written: binance-frames, alpaca-frames, csv or parquet; plain, gz or zst.
    #[arg(long, required_unless_present = "session")]
    format: Option<Format>,
    /// The strategy that trades, instead of those in the settings.
    #[arg(long, value_name = "NAME")]
    strategy: Option<StrategyId>,
    /// A parameter of it, as fast=10. May be given many times.
    #[arg(long, value_name = "k=v", requires = "strategy")]
    param: Vec<String>,
    /// What ids are made from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Re-run the session that this data directory holds, from its journals.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["input", "format", "strategy", "param", "seed"])]
    session: Option<PathBuf>,
    /// Write a report of the run to this file: one page that needs no network.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// The account of a backtest.
const ACCOUNT: &str = "backtest";

pub fn run(
    arguments: &Arguments,
    common: &Common,
    mut settings: Settings,
    plugins: &Plugins,
) -> anyhow::Result<ExitCode> {
    if let Some(out) = &arguments.report {
        report::check(out)?;
    }
    if let Some(name) = arguments.strategy {
        settings.strategies.run = [(name, only(name, &arguments.param)?)].into();
    }
    // journal.ledger_dir is where the ledger of what is re-run may lie; a backtest keeps its own with it.
    let paths = Paths::of(&common.data_dir, None);
    let _dir = DataDir::create(&paths)?;
    refuse_used(&paths, &common.data_dir)?;
    let outcome = match &arguments.session {
        Some(session) => again(session, &paths, &settings, plugins)?,
        None => on_input(arguments, &paths, settings.clone(), plugins)?,
    };
    let tables = stopped::recover(&paths, &settings)?;
    outcome::print(&outcome)?;
    if let Some(out) = &arguments.report {
        report::save_page(&Still { pool: tables.instance.pool(), stores: &tables.stores }, out)?;
    }
    Ok(if outcome.has_failed() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// One strategy with these parameters, on all that the input has.
pub fn only(name: StrategyId, parameters: &[String]) -> anyhow::Result<StrategyRun> {
    let mut run = StrategyRun { strategy: Some(name), ..StrategyRun::default() };
    for parameter in parameters {
        let (key, text) = parameter.split_once('=').with_context(|| format!("`--param {parameter}` is not k=v"))?;
        let value = toml_value(text);
        run.parameters.insert(key.to_owned(), value);
    }
    Ok(run)
}

/// A parameter's value as TOML if it is some, else as text.
fn toml_value(text: &str) -> serde_json::Value {
    let table: Result<serde_json::Map<String, serde_json::Value>, _> = toml::from_str(&format!("value = {text}"));
    table.ok().and_then(|mut t| t.remove("value")).unwrap_or_else(|| text.into())
}

/// A data directory holds one run: two would mix their rows.
pub fn refuse_used(paths: &Paths, dir: &Path) -> anyhow::Result<()> {
    let used = !storage::journal::segments(&paths.ledger)?.is_empty() || paths.database.exists();
    ensure!(!used, "{} already holds a run; give an empty --data-dir", dir.display());
    Ok(())
}

fn on_input(
    arguments: &Arguments,
    paths: &Paths,
    mut settings: Settings,
    plugins: &Plugins,
) -> anyhow::Result<Outcome> {
    let format = arguments.format.context("--format is missing")?;
    settings.account.name = ACCOUNT.parse().context("the account's name")?;
    let inputs: Result<Vec<Input>, _> =
        arguments.input.iter().map(|path| Input::open(path, format, Source::Replay)).collect();
    let mut input = Merged::new(inputs?);
    let Some(first) = input.next_batch()? else { bail!("the input holds no market data") };

    let deciding = settings.deciding(exchanges(format));
    let started = started(&settings, &deciding, arguments.seed, first.received)?;
    let assembly = Assembly::new(deciding, &started.instance, started.epoch, started.seed)?;
    let assembly = assembly.with_models(plugins.venues.models().clone());
    let mut machine = machine(&assembly, &plugins.strategies, paths, &settings)?;
    open_account(&mut machine, &started, &assembly);

    let mut driver = Driver::new(machine, assembly.market(), settings.snapshots.every);
    let progress = progress_bar(input.progress().1);
    let (mut next, mut broken) = (Some(first), None);
    while let Some(frame) = next {
        driver.frame(&frame);
        note_undecodable(&mut driver.machine, &mut input, format);
        progress.set_position(input.progress().0);
        if driver.machine.recorder.failed() {
            break;
        }
        next = match input.next_batch() {
            Ok(next) => next,
            Err(error) => {
                broken = Some(error);
                None
            }
        };
    }
    driver.stop();
    progress.finish_and_clear();
    driver.machine.recorder.finish().context("the journals could not be written")?;
    let mut outcome = Outcome::of_driver(&driver, input.undecodable());
    for instrument in driver.market.instruments().filter(|i| !assembly.rules().contains_key(i)) {
        outcome.note(format!(
            "nothing is known of {instrument}: it is stored and not traded; add [instruments.\"{instrument}\"]"
        ));
    }
    if let Some(error) = broken {
        let why = anyhow::Error::from(error);
        outcome.fail(format!("the input broke off, what came before it is kept: {why:#}"));
    }
    Ok(outcome)
}

fn again(session: &Path, paths: &Paths, settings: &Settings, plugins: &Plugins) -> anyhow::Result<Outcome> {
    ensure!(session.is_dir(), "there is no data directory {}", session.display());
    let theirs = stopped::paths(session, settings);
    let _held = DataDir::open(&theirs).context("the session must have stopped before it is run again")?;
    storage::journal::recover(&theirs.ledger, storage::journal::Log::Ledger)?;
    storage::journal::recover(&theirs.market, storage::journal::Log::Market)?;
    let recorder = Recorder::open(paths, settings.journal.market_segment_bytes)?;
    let mut session = Session::open(&theirs, &plugins.strategies, &plugins.venues, recorder)?;
    let rerun = session.run()?;
    session.machine.recorder.finish().context("the journals could not be written")?;
    Ok(Outcome::of_session(&session, rerun))
}

/// The exchange whose instruments an input can hold.
pub fn exchanges(format: Format) -> Vec<Exchange> {
    match format {
        Format::BinanceFrames => vec![Exchange::Binance],
        Format::AlpacaFrames => vec![Exchange::Alpaca],
        Format::Csv | Format::Parquet => vec![Exchange::Binance, Exchange::Alpaca, Exchange::Simulated],
    }
}

fn started(settings: &Settings, deciding: &Deciding, seed: u64, at: UtcNanos) -> anyhow::Result<Started> {
    let text = toml::to_string(deciding).context("the settings cannot be written down")?;
    Ok(Started {
        instance: settings.instance.name.clone(),
        epoch: 0,
        seed,
        config_hash: messages::ids::hash(text.as_bytes()),
        mode: Mode::Backtest,
        account: deciding.account.name,
        settings: text,
        at,
    })
}

fn machine(assembly: &Assembly, registry: &Registry, paths: &Paths, settings: &Settings) -> anyhow::Result<Machine> {
    let recorder = Recorder::open(paths, settings.journal.market_segment_bytes)?;
    let hosts = assembly.hosts(registry)?;
    Ok(Machine::new(assembly.paper()?, assembly.orders()?, assembly.positions(), hosts, assembly.epoch(), recorder))
}

/// Writes the start down and pays the first money in.
fn open_account(machine: &mut Machine, started: &Started, assembly: &Assembly) {
    machine.recorder.ledger(&LedgerRecord::Started(started.clone()));
    machine.recorder.ledger(&assembly.instruments());
    let account = &assembly.deciding().account;
    let deposit = Delivery::Deposit { asset: account.currency, amount: account.deposit };
    for actor in [Decider::Positions, Decider::Orders] {
        machine.deliver(actor, &deposit, started.at, &[], MarketId(0));
    }
}

fn note_undecodable(machine: &mut Machine, input: &mut Merged, format: Format) {
    for frame in input.take_undecodable() {
        machine.recorder.market(&MarketRecord::Undecodable {
            feed: format.to_string(),
            received: frame.received,
            error: frame.error,
            frame: frame.frame,
        });
    }
}

pub fn progress_bar(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {elapsed} left {eta}") {
        bar.set_style(style);
    }
    bar
}
